//! Partitions, leaders, quorum and checks of the cluster in memory.

#![expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "every operation has the shape of a call that can fail"
)]

use kq_proto::admin::v1;

use super::{BEGINNING_MS, State, Topic, error, no_topic};
use crate::exit::Failure;

type Answer<T> = Result<T, Failure>;

impl State {
    fn partition_row(&self, name: &str, topic: &Topic, at: usize) -> v1::PartitionRow {
        let health = self.health(topic);
        let mut partition = self.partition(topic, at);
        partition.leader = self.leader(name, topic, partition.index);
        if health != v1::Health::Ok {
            partition.why = "broker 3 is not in sync".to_owned();
        }
        v1::PartitionRow {
            topic: name.to_owned(),
            partition: Some(partition),
            min_insync_replicas: topic
                .configs
                .get("min.insync.replicas")
                .map_or(1, |it| it.parse().unwrap()),
        }
    }

    pub(crate) fn list_partitions(
        &mut self,
        request: v1::ListPartitionsRequest,
    ) -> Answer<v1::ListPartitionsResponse> {
        let mut answer = v1::ListPartitionsResponse::default();
        let unknown = request.topics.iter().filter(|name| !self.topics.contains_key(*name));
        answer.errors.extend(unknown.map(|name| no_topic(name)));
        for (name, topic) in &self.topics {
            if !request.topics.is_empty() && !request.topics.contains(name) {
                continue;
            }
            for at in 0..topic.partitions.len() {
                let row = self.partition_row(name, topic, at);
                let it = row.partition.as_ref().unwrap();
                let on = |ids: &[u32]| {
                    request.replica_on.is_empty()
                        || request.replica_on.iter().any(|id| ids.contains(id))
                };
                let wanted = on(&it.replicas)
                    && (request.leader_on.is_empty()
                        || it.leader.is_some_and(|id| request.leader_on.contains(&id)))
                    && (!request.only_unhealthy || it.health() != v1::Health::Ok)
                    && !request.only_moving
                    && (!request.only_not_preferred || it.leader != it.preferred_leader);
                if wanted {
                    answer.partitions.push(row);
                }
            }
        }
        Ok(answer)
    }

    pub(crate) fn describe_partitions(
        &mut self,
        request: v1::DescribePartitionsRequest,
    ) -> Answer<v1::DescribePartitionsResponse> {
        let mut answer = v1::DescribePartitionsResponse::default();
        for wanted in &request.partitions {
            let found = self.topics.get(&wanted.topic);
            let Some(topic) = found.filter(|it| (wanted.partition as usize) < it.partitions.len())
            else {
                let name = format!("{}/{}", wanted.topic, wanted.partition);
                let message = format!("partition {name} does not exist");
                let code = "kafka.UNKNOWN_TOPIC_OR_PARTITION";
                answer.errors.push(error(&name, code, message, "kq-ctl partition list"));
                continue;
            };
            let row = self.partition_row(&wanted.topic, topic, wanted.partition as usize);
            let replicas: Vec<v1::Replica> =
                (1..=topic.replication_factor).map(|id| self.replica(id, topic)).collect();
            let why = if replicas.iter().all(|it| it.lag_records == Some(0)) {
                format!("all {} replicas are in sync", replicas.len())
            } else {
                "2 of 3 in sync; broker 3 is fenced since 2026-08-22T10:00:00.000Z (no heartbeat)"
                    .to_owned()
            };
            let event = v1::Event {
                sequence: 7,
                at_ms: BEGINNING_MS,
                kind: v1::EventKind::IsrShrunk.into(),
                subject: format!("{}/{}", wanted.topic, wanted.partition),
                message: "isr [1 2 3] -> [1 2]".to_owned(),
                reason: "broker 3 is fenced: no heartbeat".to_owned(),
                ..v1::Event::default()
            };
            let history = if self.fenced.is_empty() { Vec::new() } else { vec![event] };
            answer.partitions.push(v1::PartitionDetail { row: Some(row), replicas, why, history });
        }
        Ok(answer)
    }

    fn replica(&self, id: u32, topic: &Topic) -> v1::Replica {
        let fenced = self.fenced.contains(&id);
        let role = match id {
            _ if fenced => v1::ReplicaRole::OutOfSync,
            id if self.isr(topic).first() == Some(&id) => v1::ReplicaRole::Leader,
            _ => v1::ReplicaRole::InSync,
        };
        v1::Replica {
            broker: id,
            rack: (id == 1).then(|| "a".to_owned()),
            role: role.into(),
            broker_state: if fenced {
                v1::BrokerState::Fenced.into()
            } else {
                v1::BrokerState::Running.into()
            },
            lag_records: Some(if fenced { 41 } else { 0 }),
            lag_ms: Some(if fenced { 9_000 } else { 0 }),
            last_caught_up_at_ms: Some(BEGINNING_MS - if fenced { 9_000 } else { 0 }),
            log_end_offset: (!fenced).then(|| 42 - self.behind.get(&id).copied().unwrap_or(0)),
            synced_end_offset: (!fenced).then_some(42),
            size_bytes: (!fenced).then_some(4096),
            log_dir: (!fenced).then(|| format!("/data/{id}")),
            removing: false,
        }
    }

    pub(crate) fn list_leaders(
        &mut self,
        request: v1::ListLeadersRequest,
    ) -> Answer<v1::ListLeadersResponse> {
        let mut answer = v1::ListLeadersResponse::default();
        for id in 1..=3 {
            if !request.brokers.is_empty() && !request.brokers.contains(&id) {
                continue;
            }
            let mut row = v1::BrokerLeaders {
                broker: id,
                rack: (id == 1).then(|| "a".to_owned()),
                live: !self.fenced.contains(&id),
                ..v1::BrokerLeaders::default()
            };
            for topic in self.topics.values() {
                let count = u32::try_from(topic.partitions.len()).unwrap();
                let leads = self.isr(topic).first() == Some(&id);
                row.leader_count += if leads { count } else { 0 };
                row.preferred_count += if id == 1 { count } else { 0 };
                row.preferred_led_count += if leads && id == 1 { count } else { 0 };
                row.replica_count += if id <= topic.replication_factor { count } else { 0 };
            }
            answer.brokers.push(row);
        }
        let unknown = request.brokers.iter().filter(|id| !(1..=3).contains(*id));
        answer.errors = unknown.map(|id| no_broker(*id)).collect();
        Ok(answer)
    }

    pub(crate) fn quorum_status(
        &mut self,
        _: v1::QuorumStatusRequest,
    ) -> Answer<v1::QuorumStatusResponse> {
        let member = |id: u32| {
            let fenced = self.fenced.contains(&id);
            v1::QuorumMember {
                broker: id,
                role: match id {
                    1 => v1::QuorumRole::Leader.into(),
                    _ => v1::QuorumRole::Voter.into(),
                },
                directory: Some(format!("d-{id}")),
                live: !fenced,
                end_index: (!fenced).then_some(812),
                lag: (!fenced).then_some(0),
                last_contact_at_ms: Some(BEGINNING_MS - if fenced { 9_000 } else { 0 }),
            }
        };
        Ok(v1::QuorumStatusResponse {
            leader: Some(1),
            term: 4,
            members: (1..=3).map(member).collect(),
            last_index: Some(812),
            applied_index: Some(812),
            snapshot_index: Some(500),
            answered_by: 1,
        })
    }

    pub(crate) fn change_quorum(
        &mut self,
        request: v1::ChangeQuorumRequest,
    ) -> Answer<v1::ChangeQuorumResponse> {
        if !(1..=3).contains(&request.broker) {
            let message = format!("broker {} is not a member of the quorum", request.broker);
            return Err(error("", "kq.NOT_FOUND", message, "kq-ctl quorum status").into());
        }
        let removes = request.deed() == v1::QuorumDeed::RemoveVoter;
        if removes && !self.fenced.is_empty() && !self.fenced.contains(&request.broker) {
            let message = format!(
                "refused by KQ-S009: without broker {} only 1 of 2 voters answer, which is no majority; silent: 3",
                request.broker
            );
            let hint = "start the silent voters, then kq-ctl broker wait 3 --for alive";
            return Err(error("", "KQ-S009", message, hint).into());
        }
        let changed = match request.deed() {
            v1::QuorumDeed::Transfer => request.broker != 1,
            v1::QuorumDeed::RemoveVoter => true,
            v1::QuorumDeed::AddVoter | v1::QuorumDeed::Unspecified => false,
        };
        Ok(v1::ChangeQuorumResponse { changed })
    }

    pub(crate) fn restart_check(
        &mut self,
        request: v1::RestartCheckRequest,
    ) -> Answer<v1::RestartCheckResponse> {
        if !(1..=3).contains(&request.broker) {
            return Err(no_broker(request.broker).into());
        }
        let mut risks = Vec::new();
        if self.fenced.iter().any(|id| *id != request.broker) {
            risks.push(v1::RestartRisk {
                kind: v1::RiskKind::NoQuorum.into(),
                why: "voters 3 are away already; 1 would be left of 2".to_owned(),
                until: "voters 3 are back".to_owned(),
                ..v1::RestartRisk::default()
            });
        }
        for (name, topic) in &self.topics {
            let left = self.isr(topic).into_iter().filter(|id| *id != request.broker).count();
            if left == 0 && topic.replication_factor == 1 && request.broker == 1 {
                risks.push(v1::RestartRisk {
                    topic: Some(name.clone()),
                    partition: Some(0),
                    kind: v1::RiskKind::OneReplica.into(),
                    why: "it holds the only replica".to_owned(),
                    until: "a second replica is in sync".to_owned(),
                });
            }
        }
        Ok(v1::RestartCheckResponse {
            safe: risks.is_empty(),
            risks,
            replica_count: 12,
            leader_count: 4,
        })
    }

    pub(crate) fn doctor(&mut self, request: v1::DoctorRequest) -> Answer<v1::DoctorResponse> {
        let checks = ["D004", "D007", "D031"];
        let named = request.checks.iter().chain(&request.skip);
        if let Some(unknown) = named.into_iter().find(|id| !checks.contains(&id.as_str())) {
            let message = format!("there is no check '{unknown}'");
            return Err(error("", "kq.USAGE", message, "kq-ctl doctor").into());
        }
        let wanted = |id: &str| {
            (request.checks.is_empty() || request.checks.iter().any(|it| it == id))
                && !request.skip.iter().any(|it| it == id)
        };
        let mut answer = v1::DoctorResponse::default();
        for id in checks.into_iter().filter(|id| wanted(id)) {
            answer.checks.push(v1::DoctorCheck {
                id: id.to_owned(),
                title: "a check".to_owned(),
                incomplete: String::new(),
            });
        }
        for id in self.fenced.iter().filter(|_| wanted("D031")) {
            answer.findings.push(v1::Finding {
                check: "D031".to_owned(),
                severity: v1::Severity::Error.into(),
                subject: format!("broker {id}"),
                what: "it is fenced".to_owned(),
                evidence: "no heartbeat for 9s".to_owned(),
                fix: "start the broker again".to_owned(),
                safe: false,
            });
        }
        for (name, topic) in self.topics.iter().filter(|_| wanted("D004")) {
            if topic.replication_factor == 1 {
                answer.findings.push(v1::Finding {
                    check: "D004".to_owned(),
                    severity: v1::Severity::Warn.into(),
                    subject: name.clone(),
                    what: "one broker less stops acks=all".to_owned(),
                    evidence: "rf 1, min.insync.replicas 1".to_owned(),
                    fix: format!("kq-ctl topic alter {name} -r 3"),
                    safe: false,
                });
            }
        }
        for (name, topic) in self.topics.iter().filter(|_| wanted("D007")) {
            let preferred = self.isr(topic).first().copied();
            let indexes = 0..u32::try_from(topic.partitions.len()).unwrap();
            let off = indexes.filter(|it| self.leader(name, topic, *it) != preferred);
            let off: Vec<String> = off.map(|it| it.to_string()).collect();
            if !off.is_empty() {
                answer.findings.push(v1::Finding {
                    check: "D007".to_owned(),
                    severity: v1::Severity::Info.into(),
                    subject: name.clone(),
                    what: "another replica leads than the preferred one".to_owned(),
                    evidence: format!("partitions {}", off.join(",")),
                    fix: format!("kq-ctl leader elect {name} --type preferred"),
                    safe: !self.policies.contains_key(name),
                });
            }
        }
        Ok(answer)
    }
}

pub(super) fn no_broker(id: u32) -> v1::ItemError {
    let code = "kafka.BROKER_ID_NOT_REGISTERED";
    error(&format!("broker {id}"), code, format!("no broker {id}"), "kq-ctl broker list")
}
