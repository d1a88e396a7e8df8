//! The groups of all coordinators, page by page.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::groups_client::GroupsClient;
use tonic::Code;
use tonic::transport::Channel;

use super::{LOAD_WAIT, lag_words, words};
use crate::group::{GroupId, GroupSurvey};
use crate::grpc::Admin;
use crate::grpc::passing::{Asker, passed_on_for};
use crate::ids::BrokerId;
use crate::runtime::{OFFSETS_TOPIC, ShardHost};

/// Groups in one answer.
const GROUPS_MAX: usize = 1_000;
/// How long another broker may take: it may have to load groups first.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

impl Admin {
    pub(in crate::grpc) async fn list_groups(
        &self,
        request: v1::ListGroupsRequest,
        asker: Asker,
    ) -> v1::ListGroupsResponse {
        let mut answer = self.own_groups(&request).await;
        if asker == Asker::Broker {
            return answer;
        }
        self.add_others(&request, &mut answer).await;
        answer.groups.sort_by(|a, b| a.group.cmp(&b.group));
        // While an old lead is being given up, two brokers may tell of one group.
        answer.groups.dedup_by(|a, b| a.group == b.group);
        let size = page_size(&request);
        let more = answer.groups.len() > size || !answer.next.is_empty();
        answer.groups.truncate(size);
        let last = answer.groups.last().filter(|_| more);
        answer.next = last.map(|it| it.group.clone()).unwrap_or_default();
        answer.errors.extend(self.leaderless());
        if answer.errors.is_empty() {
            answer.errors.extend(missing(&request, &answer));
        }
        answer
    }

    /// Those that this broker coordinates.
    async fn own_groups(&self, request: &v1::ListGroupsRequest) -> v1::ListGroupsResponse {
        let mut answer = v1::ListGroupsResponse::default();
        let mut hosts = Vec::new();
        for (index, host) in self.groups.led_within(LOAD_WAIT).await {
            match host {
                Ok(host) => hosts.push(host),
                Err(code) => {
                    let item = format!("{OFFSETS_TOPIC}/{}", index.0);
                    answer.errors.push(words::no_coordinator(code).into_item(item));
                }
            }
        }
        let size = page_size(request);
        for (group, host) in candidates(request, &hosts) {
            // One group at a time: members' heartbeats come in between.
            let Some(survey) = host.look(|shard| shard.survey(&group)) else { continue };
            let mut row = words::summary(&survey, self.node.broker_id);
            if !is_wanted(request, &survey, &row) {
                continue;
            }
            if answer.groups.len() == size {
                answer.next = answer.groups.last().map(|it| it.group.clone()).unwrap_or_default();
                break;
            }
            if request.with_lag {
                self.add_lag(&mut row, &group, &host);
            }
            answer.groups.push(row);
        }
        answer
    }

    /// As of the last round: a list asks no leaders.
    fn add_lag(&self, row: &mut v1::GroupSummary, group: &GroupId, host: &ShardHost) {
        let Some(rows) = self.groups.lag_of(host, group) else { return };
        row.lag = Some(self.lag_summary(&rows));
        row.windowless_count = lag_words::unwatched(&rows);
    }

    /// What the other brokers tell of theirs.
    async fn add_others(
        &self,
        request: &v1::ListGroupsRequest,
        answer: &mut v1::ListGroupsResponse,
    ) {
        let asked = self.other_coordinators().into_iter().map(|id| {
            let channel = self.node.controller.peers().channel(id);
            let request = request.clone();
            async move { (id, ask(channel, request).await) }
        });
        for (id, told) in join_all(asked).await {
            let Some(mut told) = told else {
                answer.errors.push(words::silent(id));
                continue;
            };
            answer.groups.append(&mut told.groups);
            answer.errors.append(&mut told.errors);
            if !told.next.is_empty() {
                answer.next = told.next;
            }
        }
    }

    /// Those who lead partitions of the groups' topic.
    pub(in crate::grpc) fn other_coordinators(&self) -> std::collections::BTreeSet<BrokerId> {
        let image = self.node.image();
        let topic = image.topic_by_name(OFFSETS_TOPIC);
        let partitions = topic.into_iter().flat_map(|it| &it.partitions);
        partitions.filter_map(|it| it.leader).filter(|it| *it != self.node.broker_id).collect()
    }

    /// Groups whose coordinator is to be elected yet cannot be told of.
    fn leaderless(&self) -> Vec<v1::ItemError> {
        let image = self.node.image();
        let Some(topic) = image.topic_by_name(OFFSETS_TOPIC) else { return Vec::new() };
        let leaderless = topic.partitions().filter(|(_, it)| it.leader.is_none());
        let told = leaderless.map(|(index, _)| {
            let message = "nobody leads it: its groups are not shown";
            let item = format!("{OFFSETS_TOPIC}/{}", index.0);
            AdminError::new(Code::Unavailable, "kafka.LEADER_NOT_AVAILABLE", message)
                .hint(format!("kq-ctl partition describe {item}"))
                .retriable()
                .into_item(item)
        });
        told.collect()
    }
}

fn page_size(request: &v1::ListGroupsRequest) -> usize {
    let size = request.page.as_ref().map_or(0, |it| it.size as usize);
    if size == 0 { GROUPS_MAX } else { size.min(GROUPS_MAX) }
}

fn after(request: &v1::ListGroupsRequest) -> &str {
    request.page.as_ref().map_or("", |it| &it.after)
}

/// All groups that the page may be about, in their order, with their shards.
fn candidates(
    request: &v1::ListGroupsRequest,
    hosts: &[Arc<ShardHost>],
) -> Vec<(GroupId, Arc<ShardHost>)> {
    let is_named = |it: &GroupId| {
        request.groups.is_empty() || request.groups.iter().any(|name| name == it.as_str())
    };
    let mut found = Vec::new();
    for host in hosts {
        let ids: Vec<GroupId> = host.look(|shard| {
            shard.ids_after(after(request)).filter(|it| is_named(it)).cloned().collect()
        });
        found.extend(ids.into_iter().map(|id| (id, Arc::clone(host))));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

fn is_wanted(
    request: &v1::ListGroupsRequest,
    survey: &GroupSurvey,
    row: &v1::GroupSummary,
) -> bool {
    let lets = |filter: &[i32], value| filter.is_empty() || filter.contains(&value);
    let topics = &request.topics;
    lets(&request.states, row.state)
        && lets(&request.types, row.r#type)
        && (topics.is_empty() || topics.iter().any(|it| survey.topics.contains(it.as_str())))
}

/// Groups that were named and should be on this page, and are nowhere.
fn missing(request: &v1::ListGroupsRequest, answer: &v1::ListGroupsResponse) -> Vec<v1::ItemError> {
    let is_filtered =
        !(request.states.is_empty() && request.types.is_empty() && request.topics.is_empty());
    if is_filtered {
        return Vec::new();
    }
    let on_page = |name: &str| {
        name > after(request) && (answer.next.is_empty() || name <= answer.next.as_str())
    };
    let named = request.groups.iter().filter(|it| on_page(it));
    let unknown = named.filter(|name| !answer.groups.iter().any(|it| it.group == **name));
    unknown.map(|name| words::unknown_group(name).into_item(name)).collect()
}

async fn ask(
    channel: Option<Channel>,
    request: v1::ListGroupsRequest,
) -> Option<v1::ListGroupsResponse> {
    let mut broker = GroupsClient::new(channel?);
    let answer = broker.list(passed_on_for(request, ANSWER_WAIT));
    let answer = tokio::time::timeout(ANSWER_WAIT, answer).await.ok()?;
    answer.ok().map(tonic::Response::into_inner)
}
