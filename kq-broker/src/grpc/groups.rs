//! `kq.admin.v1.Groups`.
//!
//! ```text
//!   named groups -- by coordinator --> own shards, or the other broker (once)
//!   all groups   -- every broker -----> its shards; who is silent becomes an error of the answer
//! ```

mod change;
mod describe;
pub(super) mod history;
mod lag;
mod lag_words;
mod list;
pub(super) mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::groups_server::Groups;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
use super::passing::{Asker, Elsewhere};
use crate::group::GroupId;
use crate::ids::BrokerId;
use crate::runtime::ShardHost;

/// How long a shard may take to be loaded; another broker that asks waits a little longer.
pub(super) const LOAD_WAIT: Duration = Duration::from_secs(3);

#[tonic::async_trait]
impl Groups for Admin {
    async fn list(
        &self,
        request: Request<v1::ListGroupsRequest>,
    ) -> Answer<v1::ListGroupsResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.list_groups(request.into_inner(), asker).await))
    }

    async fn describe(
        &self,
        request: Request<v1::DescribeGroupsRequest>,
    ) -> Answer<v1::DescribeGroupsResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.describe_groups(request.into_inner(), asker).await))
    }

    async fn lag(&self, request: Request<v1::GroupLagRequest>) -> Answer<v1::GroupLagResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.group_lag(request.into_inner(), asker).await?))
    }

    async fn delete(
        &self,
        request: Request<v1::DeleteGroupsRequest>,
    ) -> Answer<v1::DeleteGroupsResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.delete_groups(request.into_inner(), asker).await))
    }

    async fn rebalance(
        &self,
        request: Request<v1::RebalanceGroupRequest>,
    ) -> Answer<v1::RebalanceGroupResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.rebalance_group(request.into_inner(), asker).await?))
    }

    async fn remove_members(
        &self,
        request: Request<v1::RemoveMembersRequest>,
    ) -> Answer<v1::RemoveMembersResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.remove_group_members(request.into_inner(), asker).await?))
    }
}

/// Names of groups by who coordinates them.
pub(super) struct Coordinated {
    /// Those that this broker answers for.
    pub(super) own: Vec<String>,
    pub(super) there: Vec<(Elsewhere, Vec<String>)>,
}

impl Admin {
    /// Whom to ask about groups.
    pub(super) fn by_coordinator(&self, groups: Vec<String>, asker: Asker) -> Coordinated {
        let mut own = Vec::new();
        let mut there: BTreeMap<BrokerId, (Elsewhere, Vec<String>)> = BTreeMap::new();
        for group in groups {
            let Some(elsewhere) = self.coordinator_elsewhere(&group, asker) else {
                own.push(group);
                continue;
            };
            let entry = there.entry(elsewhere.broker);
            entry.or_insert_with(|| (elsewhere, Vec::new())).1.push(group);
        }
        Coordinated { own, there: there.into_values().collect() }
    }

    /// The shard of a group that this broker coordinates. Where groups were never kept there is none.
    pub(super) async fn shard_of(&self, group: &GroupId) -> Result<Arc<ShardHost>, AdminError> {
        if self.groups.partition_of(group).is_none() {
            return Err(words::unknown_group(group.as_str()));
        }
        self.groups.host_within(group, LOAD_WAIT).await.map_err(words::no_coordinator)
    }
}
