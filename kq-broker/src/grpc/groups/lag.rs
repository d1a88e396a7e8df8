//! How far groups are behind, partition by partition: heads and first unread records are asked of
//! their leaders for the answer, so it is exact at the time of the call.

use std::sync::Arc;

use futures::future::{join, join_all};
use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tonic::Code;

use super::{lag_words, words};
use crate::group::lag::{Summary, Unreads};
use crate::group::{
    GroupId, LagLook, LagQuestions, MemberSurvey, Now, PartitionLag, TopicPartition,
};
use crate::grpc::Admin;
use crate::grpc::passing::{Asker, Elsewhere, passed_on};
use crate::ids::BrokerId;
use crate::runtime::ShardHost;

/// Partitions in one answer.
const PARTITIONS_MAX: usize = 1_000;

/// A group that this broker coordinates, and its shard.
pub(super) type Own = (GroupId, Arc<ShardHost>);

/// The lag of one group, and who is in it.
pub(super) struct GroupRows {
    pub(super) group: GroupId,
    pub(super) rows: Vec<PartitionLag>,
    pub(super) members: Vec<MemberSurvey>,
}

/// One row's place in the order of all.
type Key<'a> = (&'a str, &'a str, u32);

impl Admin {
    pub(super) async fn group_lag(
        &self,
        mut request: v1::GroupLagRequest,
        asker: Asker,
    ) -> Result<v1::GroupLagResponse, AdminError> {
        let mut answer = v1::GroupLagResponse::default();
        if key_of_page(after(&request)).is_none() && !after(&request).is_empty() {
            let message = format!("'{}' names no page of an answer to this call", after(&request));
            return Err(AdminError::new(Code::InvalidArgument, "kafka.INVALID_REQUEST", message));
        }
        if request.groups.is_empty() {
            request.groups = self.groups_on(&request.topics, asker, &mut answer.errors).await;
        }
        let coordinated = self.by_coordinator(request.groups.clone(), asker);
        let others = coordinated.there.into_iter().map(|(there, groups)| {
            let theirs = v1::GroupLagRequest { groups, ..request.clone() };
            async move { there.group_lag(theirs).await }
        });
        let own = self.add_own(&request, coordinated.own, &mut answer);
        let ((), others) = join(own, join_all(others)).await;
        for mut told in others {
            answer.groups.append(&mut told.groups);
            answer.partitions.append(&mut told.partitions);
            answer.errors.append(&mut told.errors);
            if !told.next.is_empty() {
                answer.next = told.next;
            }
        }
        close_page(&request, &mut answer);
        Ok(answer)
    }

    /// Every group on some topics.
    async fn groups_on(
        &self,
        topics: &[String],
        asker: Asker,
        errors: &mut Vec<v1::ItemError>,
    ) -> Vec<String> {
        let (mut groups, mut after) = (Vec::new(), String::new());
        loop {
            let page = Some(v1::PageRequest { size: 0, after });
            let topics = topics.to_vec();
            let list = v1::ListGroupsRequest { topics, page, ..v1::ListGroupsRequest::default() };
            let told = self.list_groups(list, asker).await;
            groups.extend(told.groups.into_iter().map(|it| it.group));
            if told.next.is_empty() {
                errors.extend(told.errors);
                return groups;
            }
            after = told.next;
        }
    }

    /// The page of those that this broker coordinates.
    async fn add_own(
        &self,
        request: &v1::GroupLagRequest,
        names: Vec<String>,
        answer: &mut v1::GroupLagResponse,
    ) {
        let mut own: Vec<Own> = Vec::new();
        for name in names {
            let group = GroupId::from(name.as_str());
            match self.shard_of(&group).await {
                Ok(host) => own.push((group, host)),
                Err(err) => answer.errors.push(err.into_item(name)),
            }
        }
        let is_on = |it: &TopicPartition| {
            request.topics.is_empty() || request.topics.iter().any(|topic| **topic == *it.topic)
        };
        let page = self.page_of(request, &own, is_on);
        let wanted = |group: &GroupId, it: &TopicPartition| {
            page.binary_search_by(|of| (&of.0, &of.1).cmp(&(group, it))).is_ok()
        };
        let (looked, silent) = self.look_at(&own, wanted).await;
        answer.errors.extend(silent.into_iter().map(lag_words::silent_leader));
        for GroupRows { group, mut rows, members } in looked {
            rows.retain(|it| is_on(&it.partition));
            let lag = Some(self.lag_summary(&rows));
            answer.groups.push(v1::LagSummaryOf { group: group.to_string(), lag });
            rows.retain(|it| wanted(&group, &it.partition));
            answer.partitions.extend(self.lag_rows(&group, &rows, &members));
        }
        let known = |name: &str| answer.groups.iter().any(|it| it.group == name);
        let gone = own.iter().map(|it| it.0.as_str()).filter(|it| !known(it));
        let gone: Vec<_> = gone.map(|it| words::unknown_group(it).into_item(it)).collect();
        answer.errors.extend(gone);
    }

    /// Which partitions are on the page, in order; one more than it holds if there are more.
    fn page_of(
        &self,
        request: &v1::GroupLagRequest,
        own: &[Own],
        is_on: impl Fn(&TopicPartition) -> bool,
    ) -> Vec<(GroupId, TopicPartition)> {
        let mut keys = Vec::new();
        let after = key_of_page(after(request));
        for (group, host) in own {
            let rows = self.groups.lag_of(host, group).unwrap_or_default();
            let rows = rows.into_iter().map(|it| it.partition).filter(|it| is_on(it));
            let key = |it: &TopicPartition| u32::try_from(it.partition).unwrap_or(0);
            let rows = rows.filter(|it| {
                after.is_none_or(|after| (group.as_str(), &*it.topic, key(it)) > after)
            });
            keys.extend(rows.map(|it| (group.clone(), it)));
        }
        keys.sort();
        keys.truncate(page_size(request) + 1);
        keys
    }

    /// Asks leaders about groups: heads of all their topics, and the first unread record of the
    /// partitions that are `wanted` exactly. Also tells which brokers were silent.
    pub(super) async fn look_at(
        &self,
        own: &[Own],
        wanted: impl Fn(&GroupId, &TopicPartition) -> bool,
    ) -> (Vec<GroupRows>, Vec<BrokerId>) {
        let before = self.groups.heads();
        let mut questions = LagQuestions::default();
        for (group, host) in own {
            let is_wanted = |it: &TopicPartition| wanted(group, it);
            host.look(|it| it.ask_all(group, &before, is_wanted, &mut questions));
        }
        let told = self.node.ask_leaders(&questions, true).await;
        let heads = self.node.refreshed_heads(&questions, &told, &before);
        let unread: Unreads = self.node.unreads(&questions, &told);
        let clock = self.node.clock;
        let now = Now { uptime: clock.elapsed(), wall_ms: clock.now().0 };
        let look = LagLook { now, heads: &heads, unread: &unread };
        let rows = own.iter().filter_map(|(group, host)| {
            host.look(|it| {
                let rows = it.group_lag(group, &look)?;
                let members = it.survey_members(group, now);
                Some(GroupRows { group: group.clone(), rows, members })
            })
        });
        (rows.collect(), told.silent)
    }

    /// Rows in sum. Topics that wait for their purge are left out.
    pub(super) fn lag_summary(&self, rows: &[PartitionLag]) -> v1::LagSummary {
        let image = self.node.image();
        let mut summary = Summary::default();
        for row in rows.iter().filter(|it| image.topic_by_name(&it.partition.topic).is_some()) {
            summary.add(|| row.partition.clone(), &row.figures, &row.verdict);
        }
        lag_words::summary(&summary.concluded())
    }

    /// Rows with those who own the partitions.
    pub(super) fn lag_rows(
        &self,
        group: &GroupId,
        rows: &[PartitionLag],
        members: &[MemberSurvey],
    ) -> Vec<v1::PartitionLag> {
        let image = self.node.image();
        let uptime = self.node.clock.elapsed();
        let row = |it: &PartitionLag| {
            let mut row = lag_words::row(group, it, uptime);
            let topic = image.topic_by_name(&it.partition.topic);
            row.topic_id = topic.map(|it| crate::grpc::answer::id_bytes(it.id)).unwrap_or_default();
            if topic.is_none() {
                lag_words::mark_deleted(&mut row);
            }
            lag_words::add_owner(&mut row, members);
            row
        };
        rows.iter().map(row).collect()
    }
}

impl Elsewhere {
    /// What another coordinator tells of its groups, or that it tells nothing.
    async fn group_lag(&self, request: v1::GroupLagRequest) -> v1::GroupLagResponse {
        let groups = request.groups.clone();
        match self.groups().lag(passed_on(request)).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                let err = self.silent_coordinator(&status);
                let errors = groups.into_iter().map(|it| err.clone().into_item(it)).collect();
                v1::GroupLagResponse { errors, ..v1::GroupLagResponse::default() }
            }
        }
    }
}

fn after(request: &v1::GroupLagRequest) -> &str {
    request.page.as_ref().map_or("", |it| it.after.as_str())
}

fn page_size(request: &v1::GroupLagRequest) -> usize {
    let size = request.page.as_ref().map_or(0, |it| it.size as usize);
    if size == 0 { PARTITIONS_MAX } else { size.min(PARTITIONS_MAX) }
}

/// Where a page begins: `partition/topic/group`, for of the three only a group's name may hold
/// anything.
fn key_of_page(after: &str) -> Option<Key<'_>> {
    let (partition, rest) = after.split_once('/')?;
    let (topic, group) = rest.split_once('/')?;
    Some((group, topic, partition.parse().ok()?))
}

fn key_of(it: &v1::PartitionLag) -> Key<'_> {
    (&it.group, &it.topic, it.partition)
}

/// Puts rows in order, and leaves out what belongs on the next page.
fn close_page(request: &v1::GroupLagRequest, answer: &mut v1::GroupLagResponse) {
    answer.groups.sort_by(|a, b| a.group.cmp(&b.group));
    answer.partitions.sort_by(|a, b| key_of(a).cmp(&key_of(b)));
    let size = page_size(request);
    let more = answer.partitions.len() > size || !answer.next.is_empty();
    answer.partitions.truncate(size);
    let last = answer.partitions.last().filter(|_| more);
    answer.next =
        last.map(|it| format!("{}/{}/{}", it.partition, it.topic, it.group)).unwrap_or_default();
}
