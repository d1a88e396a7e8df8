//! Everything else of the cluster in memory: offsets, configuration, brokers, records, events.

#![expect(
    clippy::unnecessary_wraps,
    clippy::single_match_else,
    reason = "every operation has the shape of a call that can fail"
)]

use kq_proto::admin::v1;
use kq_proto::admin::v1::offset_spec::{Named, Spec};

use super::{
    BEGINNING_MS, BROKER_KEYS, CLUSTER_ID, State, TOPIC_KEYS, Topic, error, no_key, no_topic,
};
use crate::exit::Failure;

type Answer<T> = Result<T, Failure>;

pub(crate) fn entries(topic: &Topic) -> Vec<v1::ConfigEntry> {
    let own = |key: &str| topic.configs.get(key).cloned();
    TOPIC_KEYS
        .iter()
        .map(|(key, default)| entry(key, own(key), default, v1::ConfigSource::DynamicTopic))
        .collect()
}

fn entry(
    key: &str,
    own: Option<String>,
    default: &str,
    source: v1::ConfigSource,
) -> v1::ConfigEntry {
    v1::ConfigEntry {
        key: key.to_owned(),
        source: own.as_ref().map_or(v1::ConfigSource::Default, |_| source).into(),
        value: Some(own.unwrap_or_else(|| default.to_owned())),
        default_value: Some(default.to_owned()),
        r#type: v1::ConfigType::String.into(),
        bounds: "any".to_owned(),
        doc: format!("What {key} does."),
        ..v1::ConfigEntry::default()
    }
}

fn at(records: &[v1::Record], spec: Option<&v1::OffsetSpec>) -> Option<u64> {
    let end = records.len() as u64;
    match spec.and_then(|spec| spec.spec) {
        Some(Spec::Named(named)) if named == i32::from(Named::Earliest) => Some(0),
        Some(Spec::Named(named)) if named == i32::from(Named::MaxTimestamp) => end.checked_sub(1),
        Some(Spec::Offset(offset)) => Some(offset),
        Some(Spec::AtTimestampMs(at)) => {
            records.iter().find(|record| record.timestamp_ms >= at).map(|record| record.offset)
        }
        _ => Some(end),
    }
}

impl State {
    pub(crate) fn list_offsets(
        &mut self,
        request: v1::ListOffsetsRequest,
    ) -> Answer<v1::ListOffsetsResponse> {
        let mut answer = v1::ListOffsetsResponse::default();
        for query in request.queries {
            let Some(topic) = self.topics.get(&query.topic) else {
                answer.errors.push(no_topic(&query.topic));
                continue;
            };
            for (partition, records) in (0..).zip(&topic.partitions) {
                if query.partitions.is_empty() || query.partitions.contains(&partition) {
                    answer.offsets.push(v1::PartitionOffset {
                        topic: query.topic.clone(),
                        partition,
                        offset: at(records, query.at.as_ref()),
                        timestamp_ms: None,
                        leader_epoch: Some(0),
                    });
                }
            }
        }
        Ok(answer)
    }

    pub(crate) fn describe_configs(
        &mut self,
        request: v1::DescribeConfigsRequest,
    ) -> Answer<v1::DescribeConfigsResponse> {
        let mut answer = v1::DescribeConfigsResponse::default();
        for resource in request.resources {
            let entries = match (resource.r#type(), self.topics.get(&resource.name)) {
                (v1::ResourceType::Topic, Some(topic)) => entries(topic),
                (v1::ResourceType::Topic, None) => {
                    answer.errors.push(no_topic(&resource.name));
                    continue;
                }
                _ => BROKER_KEYS
                    .iter()
                    .map(|(key, default)| {
                        let own = self.broker_configs.get(*key).cloned();
                        entry(key, own, default, v1::ConfigSource::DynamicCluster)
                    })
                    .collect(),
            };
            let unknown =
                request.keys.iter().filter(|key| !entries.iter().any(|it| it.key == **key));
            answer.errors.extend(unknown.map(|key| no_key(key, key)));
            let wanted = entries
                .into_iter()
                .filter(|it| request.keys.is_empty() || request.keys.contains(&it.key));
            let entries = wanted.collect();
            answer.resources.push(v1::ResourceConfigs { resource: Some(resource), entries });
        }
        Ok(answer)
    }

    pub(crate) fn alter_configs(
        &mut self,
        request: v1::AlterConfigsRequest,
    ) -> Answer<v1::AlterConfigsResponse> {
        let mut answer = v1::AlterConfigsResponse::default();
        let dry_run = request.intent.is_some_and(|intent| intent.dry_run);
        for altered in request.resources {
            let resource = altered.resource.unwrap_or_default();
            let is_topic = resource.r#type() == v1::ResourceType::Topic;
            let (known, configs) = if is_topic {
                match self.topics.get_mut(&resource.name) {
                    Some(topic) => (TOPIC_KEYS, &mut topic.configs),
                    None => {
                        answer.errors.push(no_topic(&resource.name));
                        continue;
                    }
                }
            } else {
                (BROKER_KEYS, &mut self.broker_configs)
            };
            let mut changes = Vec::new();
            for alteration in altered.alterations {
                let Some((_, default)) = known.iter().find(|it| it.0 == alteration.key) else {
                    let kind = if is_topic { "topic" } else { "cluster" };
                    let item = format!("{kind}:{}", resource.name);
                    answer.errors.push(no_key(&item, &alteration.key));
                    continue;
                };
                let old = configs.get(&alteration.key).cloned();
                if old != alteration.value {
                    changes.push(v1::ConfigChange {
                        key: alteration.key.clone(),
                        old_value: old.or_else(|| Some((*default).to_owned())),
                        new_value: alteration.value.clone().or_else(|| Some((*default).to_owned())),
                        ..v1::ConfigChange::default()
                    });
                }
                if !dry_run {
                    match alteration.value {
                        Some(value) => configs.insert(alteration.key, value),
                        None => configs.remove(&alteration.key),
                    };
                }
            }
            answer.resources.push(v1::AlteredResource { resource: Some(resource), changes });
        }
        Ok(answer)
    }

    pub(crate) fn list_brokers(
        &mut self,
        request: v1::ListBrokersRequest,
    ) -> Answer<v1::ListBrokersResponse> {
        let wanted = |id: &u32| request.ids.is_empty() || request.ids.contains(id);
        let brokers = (1..=3_u32).filter(wanted).map(|id| v1::Broker {
            id,
            host: "127.0.0.1".to_owned(),
            port: 9091 + id,
            rack: (id == 1).then(|| "a".to_owned()),
            state: if self.fenced.contains(&id) {
                v1::BrokerState::Fenced.into()
            } else if self.cordoned.contains_key(&id) {
                v1::BrokerState::Draining.into()
            } else {
                v1::BrokerState::Running.into()
            },
            version: Some("0.1.0".to_owned()),
            leader_count: 4,
            replica_count: 12,
            size_bytes: Some(3 << 30),
            disk_total_bytes: Some(100 << 30),
            disk_free_bytes: Some(61 << 30),
            started_at_ms: Some(BEGINNING_MS - 3_600_000),
            epoch: 7,
            controller: id == 1,
            endpoints: Vec::new(),
            cordon: self.cordoned.get(&id).cloned(),
            state_since_at_ms: Some(BEGINNING_MS - 3_600_000),
            state_reason: if self.fenced.contains(&id) {
                "session expired".to_owned()
            } else {
                String::new()
            },
        });
        let unknown = request.ids.iter().filter(|id| !(1..=3).contains(*id)).map(|id| {
            let message = format!("no broker {id}");
            error(&id.to_string(), "kq.UNKNOWN_BROKER", message, "kq-ctl broker list")
        });
        Ok(v1::ListBrokersResponse { brokers: brokers.collect(), errors: unknown.collect() })
    }

    pub(crate) fn log_dirs(&mut self, request: v1::LogDirsRequest) -> Answer<v1::LogDirsResponse> {
        let brokers = if request.brokers.is_empty() { vec![1, 2, 3] } else { request.brokers };
        let replicas = |id: u32| {
            let held = self.topics.iter().filter(move |(_, it)| id <= it.replication_factor);
            let sizes = held.flat_map(|(name, topic)| {
                (0..).zip(&topic.partitions).map(move |(partition, log)| v1::ReplicaSize {
                    topic: name.clone(),
                    partition,
                    size_bytes: 1024 * log.len() as u64,
                    segment_count: 1,
                })
            });
            sizes.filter(|_| request.with_replicas).collect()
        };
        let dirs = brokers.iter().map(|id| v1::LogDir {
            broker: *id,
            path: format!("/data/{id}"),
            online: *id != 3,
            error: if *id == 3 { "input/output error".to_owned() } else { String::new() },
            total_bytes: Some(100 << 30),
            free_bytes: Some(61 << 30),
            used_bytes: 3 << 30,
            replica_count: 12,
            replicas: replicas(*id),
        });
        Ok(v1::LogDirsResponse { dirs: dirs.collect(), errors: Vec::new() })
    }

    pub(crate) fn describe_cluster(
        &mut self,
        _: v1::DescribeClusterRequest,
    ) -> Answer<v1::DescribeClusterResponse> {
        let partitions: usize = self.topics.values().map(|topic| topic.partitions.len()).sum();
        Ok(v1::DescribeClusterResponse {
            cluster_id: CLUSTER_ID.to_owned(),
            controller: Some(1),
            metadata_index: 42,
            metadata_committed_index: 42,
            answered_by: 1,
            version: "0.1.0".to_owned(),
            broker_count: 3,
            broker_running_count: 3 - u32::try_from(self.fenced.len()).unwrap(),
            topic_count: u32::try_from(self.topics.len()).unwrap(),
            partition_count: u32::try_from(partitions).unwrap(),
            deleted_topic_count: u32::try_from(self.deleted.len()).unwrap(),
            size_bytes: Some(9 << 30),
            voters: vec![1, 2, 3],
            ..v1::DescribeClusterResponse::default()
        })
    }

    pub(crate) fn cluster_health(
        &mut self,
        _: v1::ClusterHealthRequest,
    ) -> Answer<v1::ClusterHealthResponse> {
        let reasons = self.fenced.iter().map(|id| v1::HealthReason {
            check: "D031".to_owned(),
            severity: v1::Severity::Error.into(),
            subject: format!("broker {id}"),
            what: "fenced: no heartbeat for 9s".to_owned(),
            fix: format!("kq-ctl broker describe {id}"),
            since_at_ms: Some(BEGINNING_MS),
        });
        let reasons: Vec<v1::HealthReason> = reasons.collect();
        Ok(v1::ClusterHealthResponse { healthy: reasons.is_empty(), reasons, omitted_count: 0 })
    }

    pub(crate) fn produce(&mut self, request: v1::ProduceRequest) -> Answer<v1::ProduceResponse> {
        let Some(topic) = self.topics.get_mut(&request.topic) else {
            let errors = vec![no_topic(&request.topic)];
            return Ok(v1::ProduceResponse { records: Vec::new(), errors });
        };
        let mut records = Vec::new();
        for new in request.records {
            let partition = new.partition.unwrap_or(0);
            let log = &mut topic.partitions[partition as usize];
            let offset = log.len() as u64;
            log.push(v1::Record {
                topic: request.topic.clone(),
                partition,
                offset,
                timestamp_ms: new.timestamp_ms.unwrap_or(BEGINNING_MS),
                size_bytes: u32::try_from(new.value.as_ref().map_or(0, bytes::Bytes::len)).unwrap(),
                key: new.key,
                value: new.value,
                headers: new.headers,
                compression: request.compression,
                ..v1::Record::default()
            });
            records.push(v1::ProducedRecord {
                partition,
                offset: Some(offset),
                timestamp_ms: Some(BEGINNING_MS),
            });
        }
        Ok(v1::ProduceResponse { records, errors: Vec::new() })
    }

    pub(crate) fn get_records(
        &mut self,
        request: v1::GetRecordsRequest,
    ) -> Answer<v1::GetRecordsResponse> {
        let mut answer = v1::GetRecordsResponse::default();
        for wanted in request.records {
            let topic = self.topics.get(&wanted.topic);
            let log = topic.and_then(|topic| topic.partitions.get(wanted.partition as usize));
            let offset = usize::try_from(wanted.offset).unwrap();
            match log.and_then(|log| log.get(offset)) {
                Some(record) => answer.records.push(record.clone()),
                None => {
                    let item = format!("{}/{}@{}", wanted.topic, wanted.partition, wanted.offset);
                    let message = format!("no record at {item}");
                    answer.errors.push(error(&item, "kafka.OFFSET_OUT_OF_RANGE", message, ""));
                }
            }
        }
        Ok(answer)
    }

    pub(crate) fn fetch(&self, request: &v1::FetchRequest) -> Vec<Answer<v1::FetchResponse>> {
        let mut answers = Vec::new();
        for wanted in &request.partitions {
            let topic = self.topics.get(&wanted.topic);
            let Some(log) = topic.and_then(|topic| topic.partitions.get(wanted.partition as usize))
            else {
                continue;
            };
            let from = at(log, wanted.from.as_ref()).unwrap_or(0);
            let until = wanted.until.as_ref().and_then(|until| at(log, Some(until)));
            let inside =
                |it: &&v1::Record| from <= it.offset && until.is_none_or(|end| it.offset < end);
            let records = log.iter().filter(inside).cloned().collect();
            answers.push(Ok(v1::FetchResponse { records, ..v1::FetchResponse::default() }));
        }
        answers
    }

    pub(crate) fn list_events(
        &mut self,
        request: v1::ListEventsRequest,
    ) -> Answer<v1::ListEventsResponse> {
        let filter = request.filter.unwrap_or_default();
        let wanted = |event: &&v1::Event| {
            (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
                && (filter.topics.is_empty() || filter.topics.contains(&event.subject))
        };
        let mut events: Vec<v1::Event> = self.events.iter().filter(wanted).cloned().collect();
        if request.newest_first {
            events.reverse();
        }
        let size = request.page.map_or(0, |page| page.size) as usize;
        let more = size > 0 && events.len() > size;
        if more {
            events.truncate(size);
        }
        let next = events.last().filter(|_| more).map(|it| it.sequence.to_string());
        let next = next.unwrap_or_default();
        Ok(v1::ListEventsResponse { events, next, oldest_sequence: Some(1) })
    }
}
