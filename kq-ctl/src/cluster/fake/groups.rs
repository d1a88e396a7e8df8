//! Consumer groups of the cluster in memory: five, each ill or well in its own way, as `@ groups` brings
//! them.

#![expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "every operation has the shape of a call that can fail"
)]

use kq_proto::admin::v1;
use kq_proto::admin::v1::catch_up::When;

use super::{BEGINNING_MS, State, error};
use crate::exit::Failure;

type Answer<T> = Result<T, Failure>;

/// A group with all that is told of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) summary: v1::GroupSummary,
    pub(crate) members: Vec<v1::GroupMember>,
    pub(crate) partitions: Vec<v1::PartitionLag>,
}

impl Group {
    /// Its members are asked for what they have.
    fn take_all_back(&mut self) {
        self.summary.state = v1::GroupState::Reconciling.into();
        for it in &mut self.members {
            (it.revoking, it.joining) = (std::mem::take(&mut it.assigned), true);
        }
    }
}

pub(crate) fn no_group(name: &str) -> v1::ItemError {
    let message = format!("group '{name}' does not exist");
    error(name, "kafka.GROUP_ID_NOT_FOUND", message, "kq-ctl group list")
}

fn non_empty(name: &str) -> v1::ItemError {
    error(name, "kafka.NON_EMPTY_GROUP", format!("group '{name}' has members"), "")
}

fn summary(
    (name, kind): (&str, v1::GroupType),
    (state, class): (v1::GroupState, v1::LagClass),
) -> v1::GroupSummary {
    v1::GroupSummary {
        group: name.to_owned(),
        r#type: kind.into(),
        state: state.into(),
        protocol_type: "consumer".to_owned(),
        protocol: "range".to_owned(),
        topic_count: 1,
        coordinator: 2,
        last_commit_at_ms: Some(BEGINNING_MS - 5_000),
        state_since_at_ms: BEGINNING_MS - 3_600_000,
        generation: Some(812),
        lag: Some(v1::LagSummary {
            class: class.into(),
            class_since_at_ms: Some(BEGINNING_MS - 710_000),
            ..v1::LagSummary::default()
        }),
        ..v1::GroupSummary::default()
    }
}

fn member(id: &str, host: &str, topic: &str, partitions: &[u32]) -> v1::GroupMember {
    let assigned =
        vec![v1::TopicPartitions { topic: topic.to_owned(), partitions: partitions.to_vec() }];
    v1::GroupMember {
        member: id.to_owned(),
        client_id: "java".to_owned(),
        host: format!("/{host}"),
        assigned,
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        last_heard_at_ms: BEGINNING_MS - 1_200,
        subscribed: vec![topic.to_owned()],
        ..v1::GroupMember::default()
    }
}

/// Offsets as `(committed, start, end)`.
fn partition(
    group: &str,
    (topic, index): (&str, u32),
    (committed, start, end): (Option<u64>, u64, Option<u64>),
    class: v1::LagClass,
) -> v1::PartitionLag {
    v1::PartitionLag {
        group: group.to_owned(),
        topic: topic.to_owned(),
        topic_id: vec![7; 16].into(),
        partition: index,
        committed,
        committed_at_ms: committed.map(|_| BEGINNING_MS - 5_000),
        start: end.map(|_| start),
        end,
        last_stable: end,
        lag: end.map(|end| end - committed.unwrap_or(start).max(start)),
        expired: committed.map_or(0, |it| start.saturating_sub(it)),
        class: class.into(),
        ..v1::PartitionLag::default()
    }
}

impl State {
    /// The warning of a change that too few replicas hold: while broker 3 is gone.
    pub(crate) fn thin(&self, is_unchanged: bool) -> Vec<String> {
        let is_thin = !is_unchanged && self.fenced.contains(&3);
        is_thin.then(|| "it counts, but too few replicas hold it".to_owned()).into_iter().collect()
    }

    /// The five.
    pub(crate) fn bring_groups(&mut self) {
        for group in [billing(), audit_sink(), dash_eu(), etl_raw(), search_index()] {
            self.groups.insert(group.summary.group.clone(), group);
        }
    }

    pub(crate) fn list_groups(
        &mut self,
        request: v1::ListGroupsRequest,
    ) -> Answer<v1::ListGroupsResponse> {
        let named =
            |it: &Group| request.groups.is_empty() || request.groups.contains(&it.summary.group);
        let lets = |filter: &[i32], value| filter.is_empty() || filter.contains(&value);
        let on = |it: &Group| {
            request.topics.is_empty()
                || it.partitions.iter().any(|it| request.topics.contains(&it.topic))
        };
        let wanted = self.groups.values().filter(|it| {
            let summary = &it.summary;
            named(it)
                && on(it)
                && lets(&request.states, summary.state)
                && lets(&request.types, summary.r#type)
        });
        let groups = wanted.map(|it| it.summary.clone()).collect();
        let unknown = request.groups.iter().filter(|it| !self.groups.contains_key(*it));
        let mut errors: Vec<v1::ItemError> = unknown.map(|it| no_group(it)).collect();
        if self.fenced.contains(&2) {
            let message = "it did not answer: the groups that it coordinates are not shown";
            errors.push(error(
                "broker 2",
                "kafka.COORDINATOR_NOT_AVAILABLE",
                message.to_owned(),
                "kq-ctl broker describe 2",
            ));
        }
        Ok(v1::ListGroupsResponse { groups, errors, next: String::new() })
    }

    pub(crate) fn describe_groups(
        &mut self,
        request: v1::DescribeGroupsRequest,
    ) -> Answer<v1::DescribeGroupsResponse> {
        let mut answer = v1::DescribeGroupsResponse::default();
        for name in &request.groups {
            let Some(group) = self.groups.get(name) else {
                answer.errors.push(no_group(name));
                continue;
            };
            let mut summary = group.summary.clone();
            summary.lag = summary.lag.filter(|_| request.with_lag);
            let partitions = if request.with_lag { group.partitions.clone() } else { Vec::new() };
            answer.groups.push(v1::GroupDescription {
                summary: Some(summary),
                members: group.members.clone(),
                partitions,
                undos: Vec::new(),
            });
        }
        Ok(answer)
    }

    pub(crate) fn group_lag(
        &mut self,
        request: v1::GroupLagRequest,
    ) -> Answer<v1::GroupLagResponse> {
        let mut answer = v1::GroupLagResponse::default();
        let named =
            |it: &&Group| request.groups.is_empty() || request.groups.contains(&it.summary.group);
        for group in self.groups.values().filter(named) {
            let on = |it: &&v1::PartitionLag| {
                request.topics.is_empty() || request.topics.contains(&it.topic)
            };
            let partitions: Vec<_> = group.partitions.iter().filter(on).cloned().collect();
            if partitions.is_empty() {
                continue;
            }
            let (group, lag) = (group.summary.group.clone(), group.summary.lag.clone());
            answer.groups.push(v1::LagSummaryOf { group, lag });
            answer.partitions.extend(partitions);
        }
        let unknown = request.groups.iter().filter(|it| !self.groups.contains_key(*it));
        answer.errors = unknown.map(|it| no_group(it)).collect();
        Ok(answer)
    }

    pub(crate) fn delete_groups(
        &mut self,
        request: v1::DeleteGroupsRequest,
    ) -> Answer<v1::DeleteGroupsResponse> {
        let mut answer = v1::DeleteGroupsResponse::default();
        let dry_run = request.intent.is_some_and(|it| it.dry_run);
        for name in &request.groups {
            match self.groups.get(name) {
                None => answer.errors.push(no_group(name)),
                Some(group) if !group.members.is_empty() => answer.errors.push(non_empty(name)),
                Some(group) => {
                    let committed = group.partitions.iter().filter(|it| it.committed.is_some());
                    answer.groups.push(v1::DeletedGroup {
                        group: name.clone(),
                        r#type: group.summary.r#type,
                        offset_count: u32::try_from(committed.count()).unwrap(),
                        undo: if dry_run { String::new() } else { "d1e7".to_owned() },
                    });
                    let thin = self.thin(dry_run);
                    answer.notes.extend(thin.iter().map(|it| format!("{name}: {it}")));
                    if !dry_run {
                        self.groups.remove(name);
                    }
                }
            }
        }
        Ok(answer)
    }

    pub(crate) fn rebalance_group(
        &mut self,
        request: v1::RebalanceGroupRequest,
    ) -> Answer<v1::RebalanceGroupResponse> {
        let dry_run = request.intent.is_some_and(|it| it.dry_run);
        let group = self.groups.get_mut(&request.group);
        let group = group.ok_or_else(|| Failure::from(no_group(&request.group)))?;
        let before = Some(group.summary.clone());
        let under_way = !group.members.is_empty();
        if under_way && !dry_run {
            group.summary.generation = group.summary.generation.map(|it| it + 1);
            if group.summary.r#type() == v1::GroupType::Consumer {
                group.take_all_back();
            }
        }
        let notes = self.thin(dry_run || !under_way);
        Ok(v1::RebalanceGroupResponse { before, under_way, notes })
    }

    pub(crate) fn remove_members(
        &mut self,
        request: v1::RemoveMembersRequest,
    ) -> Answer<v1::RemoveMembersResponse> {
        let dry_run = request.intent.is_some_and(|it| it.dry_run);
        let group = self.groups.get_mut(&request.group);
        let group = group.ok_or_else(|| Failure::from(no_group(&request.group)))?;
        let silent = |it: &v1::GroupMember| {
            let age = u64::try_from(BEGINNING_MS - it.last_heard_at_ms).unwrap();
            request
                .silent_for_ms
                .is_some_and(|ms| age > if ms == 0 { it.session_timeout_ms / 2 } else { ms })
        };
        let chosen = |it: &v1::GroupMember| {
            let instance = it.instance.as_ref();
            request.members.contains(&it.member)
                || instance.is_some_and(|it| request.instances.contains(it))
                || silent(it)
        };
        let removed: Vec<_> = group.members.iter().filter(|it| chosen(it)).cloned().collect();
        let known = |name: &String| {
            removed.iter().any(|it| it.member == *name || it.instance.as_ref() == Some(name))
        };
        let named = request.members.iter().chain(&request.instances);
        let errors = named.filter(|it| !known(it)).map(|it| {
            let message = format!("group '{}' has no such member", request.group);
            error(it, "kafka.UNKNOWN_MEMBER_ID", message, "")
        });
        let errors = errors.collect();
        if !dry_run {
            group.members.retain(|it| !chosen(it));
            group.summary.member_count = u32::try_from(group.members.len()).unwrap();
        }
        let notes = self.thin(dry_run || removed.is_empty());
        Ok(v1::RemoveMembersResponse { removed, errors, notes })
    }
}

fn billing() -> Group {
    use v1::LagClass::{Lagging, NoCommits, Ok};
    let name = "billing";
    let mut summary = summary((name, v1::GroupType::Classic), (v1::GroupState::Stable, Lagging));
    summary.member_count = 3;
    if let Some(lag) = &mut summary.lag {
        lag.lag = 9_050;
        lag.time_lag_ms = Some(960_000);
        (lag.produced_per_second, lag.consumed_per_second) = (Some(9_800.0), Some(8_600.04));
        lag.catch_up = Some(v1::CatchUp { when: Some(When::Never(true)) });
        lag.slowest = Some(v1::PartitionRef { topic: "orders".to_owned(), partition: 2 });
        "rising".clone_into(&mut lag.why);
    }
    let mut members = vec![
        member("c-1", "10.0.4.5", "orders", &[0]),
        member("c-2", "10.0.4.7", "orders", &[1]),
        member("c-3", "10.0.4.9", "orders", &[2]),
    ];
    members[0].leads = true;
    members[1].instance = Some("till-2".to_owned());
    members[2].last_heard_at_ms = BEGINNING_MS - 31_000;
    let mut partitions = vec![
        partition(name, ("orders", 0), (Some(9_000), 50, Some(9_100)), Lagging),
        partition(name, ("orders", 1), (Some(8_700), 50, Some(8_700)), Ok),
        partition(name, ("orders", 2), (None, 50, Some(9_000)), NoCommits),
    ];
    partitions[0].time_lag_ms = Some(960_000);
    partitions[0].consumed_per_second = Some(8_600.04);
    partitions[0].produced_per_second = Some(9_800.0);
    partitions[0].catch_up = Some(v1::CatchUp { when: Some(When::Never(true)) });
    partitions[1].time_lag_ms = Some(0);
    partitions[2].lag_is_bound = true;
    for (row, owner) in partitions.iter_mut().zip(&members) {
        row.member = Some(owner.member.clone());
        row.host = Some(owner.host.clone());
    }
    Group { summary, members, partitions }
}

fn audit_sink() -> Group {
    use v1::LagClass::Stalled;
    let name = "audit-sink";
    let mut summary = summary((name, v1::GroupType::Classic), (v1::GroupState::Stable, Stalled));
    summary.member_count = 2;
    if let Some(lag) = &mut summary.lag {
        lag.lag = 88_200;
        lag.time_lag_ms = Some(3_660_000);
        lag.catch_up = Some(v1::CatchUp { when: Some(When::Never(true)) });
    }
    let members =
        vec![member("a-1", "10.0.4.5", "audit", &[0]), member("a-2", "10.0.4.7", "audit", &[])];
    let partitions = vec![partition(name, ("audit", 0), (Some(100), 0, Some(88_300)), Stalled)];
    Group { summary, members, partitions }
}

fn dash_eu() -> Group {
    use v1::LagClass::Ok;
    let name = "dash-eu";
    let mut summary = summary((name, v1::GroupType::Consumer), (v1::GroupState::Stable, Ok));
    (summary.member_count, summary.topic_count) = (1, 2);
    "uniform".clone_into(&mut summary.protocol);
    if let Some(lag) = &mut summary.lag {
        (lag.lag, lag.time_lag_ms) = (212, Some(100));
        (lag.produced_per_second, lag.consumed_per_second) = (Some(0.25), Some(0.25));
        lag.catch_up = Some(v1::CatchUp { when: Some(When::InMs(150_000)) });
    }
    let mut members = vec![member("d-1", "10.0.4.5", "clicks", &[0])];
    members[0].epoch = Some(7);
    members[0].regex = Some("cl.*".to_owned());
    members[0].rack = Some("eu-1".to_owned());
    let partitions = vec![partition(name, ("clicks", 0), (Some(10), 0, Some(222)), Ok)];
    Group { summary, members, partitions }
}

fn etl_raw() -> Group {
    use v1::LagClass::{Leaderless, Ok, Partial};
    let name = "etl-raw";
    let mut summary = summary((name, v1::GroupType::Classic), (v1::GroupState::Stable, Partial));
    summary.member_count = 1;
    if let Some(lag) = &mut summary.lag {
        (lag.lag, lag.partial_count) = (3, 1);
    }
    let members = vec![member("e-1", "10.0.4.5", "raw", &[0, 1])];
    let mut partitions = vec![
        partition(name, ("raw", 0), (Some(7), 0, Some(10)), Ok),
        partition(name, ("raw", 1), (Some(7), 0, None), Leaderless),
    ];
    "no_leader".clone_into(&mut partitions[1].why);
    Group { summary, members, partitions }
}

fn search_index() -> Group {
    use v1::LagClass::{Stopped, Unknown};
    let name = "search-index";
    let mut summary = summary((name, v1::GroupType::Classic), (v1::GroupState::Empty, Stopped));
    summary.topic_count = 2;
    summary.last_commit_at_ms = Some(BEGINNING_MS - 9 * 86_400_000);
    if let Some(lag) = &mut summary.lag {
        (lag.lag, lag.time_lag_ms) = (4_100, Some(2_580_000));
        "no_member".clone_into(&mut lag.why);
    }
    let mut partitions = vec![
        partition(name, ("gone", 0), (Some(5), 0, None), Unknown),
        partition(name, ("orders", 0), (Some(5_000), 50, Some(9_100)), Stopped),
    ];
    partitions[0].topic_deleted = true;
    partitions[0].lag = Some(0);
    Group { summary, members: Vec::new(), partitions }
}
