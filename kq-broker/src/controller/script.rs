//! Scripts of commands for tests: each line with the records it commits or the refusal it meets.

use std::fmt::Write as _;

use expect_test::Expect;
use uuid::Uuid;

use super::*;
use crate::ids::{BrokerEpoch, BrokerId, PartitionEpoch, PartitionId, PartitionIndex};
use crate::metadata::{BrokerRegistration, Change, MetadataImage, TimestampMs};

/// A controller whose clock moves one millisecond with each command, and whose ids count up.
pub(super) struct Cluster {
    pub(super) image: MetadataImage,
    pub(super) settings: Settings,
    ids: u128,
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self { image: MetadataImage::default(), settings: Settings::default(), ids: 0xa0 }
    }

    pub(super) fn submit(&mut self, command: &Command) -> Result<Decision, ControlError> {
        let index = self.image.applied() + 1;
        let now = TimestampMs(i64::try_from(index).unwrap() * 10);
        let Self { image, settings, ids } = self;
        let mut draw = || {
            *ids += 1;
            Uuid::from_u128(*ids << 64)
        };
        let decision = decide(image, command, settings, &mut Turn { now, ids: &mut draw })?;
        let change = Change { time: now, reason: String::new(), records: decision.records.clone() };
        self.image = self.image.apply(index, &change).unwrap();
        Ok(Decision { reply: decision.reply.committed_at(index), ..decision })
    }
}

/// Runs a script and compares what it printed.
#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    let mut cluster = Cluster::new();
    let mut got = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(got, "{line}").unwrap();
        match cluster.submit(&parse(&cluster, line)) {
            Ok(decision) => {
                for record in &decision.records {
                    writeln!(got, "    {record}").unwrap();
                }
                write_refusals(&decision.reply, &mut got);
            }
            Err(err) => writeln!(got, "    refused: {err}").unwrap(),
        }
    }
    want.assert_eq(&got);
}

fn write_refusals(reply: &Reply, got: &mut String) {
    fn refused<T>(results: &[Result<T, ControlError>]) -> Vec<String> {
        results.iter().filter_map(|it| it.as_ref().err()).map(ToString::to_string).collect()
    }
    let lines = match reply {
        Reply::TopicsCreated(it) => refused(it),
        Reply::TopicsDeleted(it) | Reply::TopicsRestored(it) => refused(it),
        Reply::TopicsProtected(it) => refused(it),
        Reply::PartitionsCreated(it) => refused(it),
        Reply::ConfigsAltered(it) => refused(it),
        Reply::PartitionsAltered(it) => refused(it),
        Reply::ProducerIds(it) => vec![format!("ids {} + {}", it.first, it.count)],
        Reply::Ticked { purged } => vec![format!("purged {purged}")],
        Reply::BrokerRegistered { epoch } => vec![format!("epoch {epoch}")],
        Reply::Done => Vec::new(),
    };
    for line in lines {
        writeln!(got, "    -> {line}").unwrap();
    }
}

/// `verb name.. key=value..`; `?` after the verb only validates.
pub(super) fn parse(cluster: &Cluster, line: &str) -> Command {
    let mut words = line.split_whitespace();
    let verb = words.next().unwrap();
    let (verb, validate_only) = (verb.trim_end_matches('?'), verb.ends_with('?'));
    let (settings, names): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
    let settings: Vec<(&str, &str)> =
        settings.into_iter().map(|word| word.split_once('=').unwrap()).collect();
    let get = |key: &str| settings.iter().find(|it| it.0 == key).map(|it| it.1);
    let number = |key: &str| get(key).map(|it| it.parse::<i64>().unwrap());
    let topics = || names.iter().map(|name| TopicRef::Name((*name).to_owned())).collect();
    let broker = || BrokerId(names[0].parse().unwrap());
    match verb {
        "register" => {
            let mut it = BrokerRegistration::at(broker(), "localhost", 9_092);
            it.rack = get("rack").map(str::to_owned);
            it.resumed_cleanly = get("clean").is_some();
            Command::RegisterBroker(it)
        }
        "fence" => Command::FenceBroker { broker: broker(), fenced: true },
        "unfence" => Command::FenceBroker { broker: broker(), fenced: false },
        "create" => {
            let topics = names.iter().map(|name| new_topic(name, &settings)).collect();
            Command::CreateTopics { topics, validate_only }
        }
        "delete" => {
            let keep_for_ms = number("keep").map(i64::unsigned_abs);
            Command::DeleteTopics { topics: topics(), keep_for_ms, validate_only }
        }
        "restore" => Command::RestoreTopics { topics: topics(), validate_only },
        "purge" => Command::PurgeTopics { topics: topics(), validate_only },
        "protect" => Command::ProtectTopics { topics: topics(), protected: true, validate_only },
        "unprotect" => Command::ProtectTopics { topics: topics(), protected: false, validate_only },
        "grow" => {
            let assignments = get("at").map(|text| text.split('/').map(list).collect());
            let total = i32::try_from(number("to").unwrap()).unwrap();
            let topic = names[0].to_owned();
            let topics = vec![NewPartitions { topic, total, assignments }];
            Command::CreatePartitions { topics, validate_only }
        }
        "replace" | "set" | "unset" | "append" | "subtract" => {
            configs(verb, &names, &settings, validate_only)
        }
        "ids" => {
            let epoch = number("epoch").map_or(BrokerEpoch(1), |it| BrokerEpoch(it.unsigned_abs()));
            Command::AllocateProducerIds { broker: broker(), epoch }
        }
        "isr" => propose_isr(cluster, names[0], get("to").unwrap(), number("epoch").unwrap()),
        "tick" => Command::Tick,
        _ => panic!("unknown line: {line}"),
    }
}

fn list(text: &str) -> Vec<i32> {
    text.split(',').filter(|it| !it.is_empty()).map(|it| it.parse().unwrap()).collect()
}

fn new_topic(name: &str, settings: &[(&str, &str)]) -> NewTopic {
    let mut topic = NewTopic { name: name.to_owned(), ..NewTopic::default() };
    for (key, value) in settings {
        match *key {
            "p" => topic.partitions = Some(value.parse().unwrap()),
            "r" => topic.replication_factor = Some(value.parse().unwrap()),
            "at" => {
                topic.assignments = (0..)
                    .zip(value.split('/'))
                    .map(|(partition, brokers)| ManualAssignment {
                        partition,
                        brokers: list(brokers),
                    })
                    .collect();
            }
            _ => topic.configs.push(((*key).to_owned(), Some((*value).to_owned()))),
        }
    }
    topic
}

fn configs(verb: &str, names: &[&str], settings: &[(&str, &str)], validate_only: bool) -> Command {
    let name = names.first().copied().unwrap_or_default();
    let target = match name.strip_prefix("broker:") {
        Some(id) => ConfigTarget::Broker(id.to_owned()),
        None => ConfigTarget::Topic(name.to_owned()),
    };
    if verb == "replace" {
        let values =
            settings.iter().map(|(key, it)| ((*key).to_owned(), Some((*it).to_owned()))).collect();
        let resources = vec![AlterConfigs { target, values }];
        return Command::AlterConfigs { resources, validate_only };
    }
    let op = match verb {
        "set" => AlterOp::Set,
        "unset" => AlterOp::Delete,
        "append" => AlterOp::Append,
        _ => AlterOp::Subtract,
    };
    let alteration = |(key, value): &(&str, &str)| ConfigAlteration {
        key: (*key).to_owned(),
        op,
        value: (!value.is_empty()).then(|| (*value).to_owned()),
    };
    let alterations = settings.iter().map(alteration).collect();
    let resources = vec![IncrementalAlter { target, alterations }];
    Command::IncrementalAlterConfigs { resources, validate_only }
}

fn propose_isr(cluster: &Cluster, topic: &str, isr: &str, epoch: i64) -> Command {
    let topic = cluster.image.topic_by_name(topic).unwrap();
    let partition = PartitionId { topic: topic.id, index: PartitionIndex(0) };
    let now = cluster.image.partition(partition).unwrap();
    let epoch_of = |id: BrokerId| cluster.image.broker(id).map(|it| it.epoch).unwrap_or_default();
    let isr = list(isr).into_iter().filter_map(BrokerId::from_wire);
    let proposal = AlterPartition {
        partition,
        leader_epoch: now.leader_epoch,
        partition_epoch: PartitionEpoch(u32::try_from(epoch).unwrap()),
        isr: isr.map(|id| (id, epoch_of(id))).collect(),
    };
    let broker = now.leader.unwrap();
    Command::AlterPartitions { broker, epoch: epoch_of(broker), partitions: vec![proposal] }
}
