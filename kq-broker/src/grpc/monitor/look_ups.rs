//! What is asked of the control door's own services for watchers: groups, plans, the quorum.

use std::time::Duration;

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use crate::grpc::Admin;
use crate::grpc::passing::Asker;
use crate::monitor::{GroupRows, order_partitions};

/// Pages of groups that are gathered: of a thousand each.
const PAGES_MAX: usize = 50;
/// How long the coordinator of the group that is open may take.
const GROUP_WAIT: Duration = Duration::from_secs(5);

impl Admin {
    /// All groups of all coordinators, with their lag as of the last round.
    pub(super) async fn group_rows(&self, before: Option<&GroupRows>) -> GroupRows {
        let (mut groups, mut errors, mut after) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let page = Some(admin::PageRequest { size: 0, after });
            let request = admin::ListGroupsRequest {
                with_lag: true,
                page,
                ..admin::ListGroupsRequest::default()
            };
            let told = Box::pin(self.list_groups(request, Asker::Client)).await;
            groups.extend(told.groups);
            errors = told.errors;
            after = told.next;
            if after.is_empty() {
                break;
            }
        }
        let mut missing: Vec<String> =
            errors.into_iter().map(|it| format!("{}: {}", it.item, it.message)).collect();
        if !after.is_empty() {
            missing.push(format!("there are more groups, after {after}"));
        }
        GroupRows::found(before, groups, missing)
    }

    /// All of one group, or why it cannot be told.
    pub(super) async fn open_group(&self, group: String) -> v1::GroupState {
        let request = admin::DescribeGroupsRequest { groups: vec![group.clone()], with_lag: true };
        let asked = Box::pin(self.describe_groups(request, Asker::Client));
        let told = tokio::time::timeout(GROUP_WAIT, asked).await;
        let failed = |error: String| v1::GroupState {
            group: group.clone(),
            error,
            ..v1::GroupState::default()
        };
        let Ok(told) = told else { return failed("its coordinator does not answer".to_owned()) };
        let Some(found) = told.groups.into_iter().next() else {
            let error = told.errors.into_iter().next().map(|it| it.message);
            return failed(error.unwrap_or_else(|| "nobody tells of it".to_owned()));
        };
        let mut partitions = found.partitions;
        let omitted_count = order_partitions(&mut partitions);
        v1::GroupState {
            group,
            error: String::new(),
            summary: found.summary,
            members: found.members,
            partitions,
            omitted_count,
        }
    }
}
