//! Scripts of commands for tests: each line with the records it commits or the refusal it meets.

use std::fmt::Write as _;

use expect_test::Expect;
use uuid::Uuid;

use super::*;
use crate::ids::{
    BrokerEpoch, BrokerId, Incarnation, LeaderEpoch, PartitionEpoch, PartitionId, PartitionIndex,
};
use crate::metadata::{
    BrokerRegistration, Change, LeaderPlace, Loss, MetadataImage, MetadataRecord, PartitionChange,
    PartitionImage, TimestampMs,
};

/// A controller whose clock moves one millisecond with each command, and whose ids count up.
pub(super) struct Cluster {
    pub(super) image: MetadataImage,
    pub(super) settings: Settings,
    /// How far the clock was put forward.
    pub(super) ahead_ms: i64,
    /// The time of the next command, if it is not to be ten milliseconds a command.
    pub(super) now: Option<i64>,
    ids: u128,
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self {
            image: MetadataImage::default(),
            settings: Settings::default(),
            ahead_ms: 0,
            now: None,
            ids: 0xa0,
        }
    }

    pub(super) fn submit(&mut self, command: &Command) -> Result<Decision, ControlError> {
        let index = self.image.applied() + 1;
        let usual = i64::try_from(index).unwrap() * 10 + self.ahead_ms;
        let now = TimestampMs(self.now.unwrap_or(usual));
        let Self { image, settings, ids, .. } = self;
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

impl Cluster {
    /// Every live replica of every partition is in sync again.
    pub(super) fn rejoin_all(&mut self) {
        let mut change = Change::new(self.image.changed_at(), "");
        for topic in self.image.all_topics() {
            for (index, partition) in topic.partitions() {
                let mut now = PartitionImage::clone(partition);
                now.isr =
                    now.replicas.iter().copied().filter(|id| self.image.is_live(*id)).collect();
                now.elr.clear();
                now.last_known.clear();
                now.partition_epoch = now.partition_epoch.next();
                let changed = PartitionChange { topic: topic.id, index, now };
                change.records.push(MetadataRecord::PartitionChanged(changed));
            }
        }
        self.image = self.image.apply(self.image.applied() + 1, &change).unwrap();
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

pub(super) fn write_refusals(reply: &Reply, got: &mut String) {
    fn refused<T>(results: &[Result<T, ControlError>]) -> Vec<String> {
        results.iter().filter_map(|it| it.as_ref().err()).map(ToString::to_string).collect()
    }
    let lines = match reply {
        Reply::TopicsCreated(it) => refused(it),
        Reply::TopicsDeleted(it) | Reply::TopicsRestored(it) => refused(it),
        Reply::TopicsProtected(it) => refused(it),
        Reply::PartitionsCreated(it) => refused(it),
        Reply::ConfigsAltered(it) | Reply::ReassignmentsAltered(it) => refused(it),
        Reply::PartitionsAltered(it) | Reply::HandoversSettled(it) => refused(it),
        Reply::ProducerIds(it) => vec![format!("ids {} + {}", it.first, it.count)],
        Reply::LeadersElected(it) => it.iter().map(outcome).collect(),
        Reply::PoliciesSet(it) => refused(it),
        Reply::Ticked { purged, moved: 0 } => vec![format!("purged {purged}")],
        Reply::Ticked { purged, moved } => vec![format!("purged {purged}, moved {moved}")],
        Reply::BrokerRegistered { epoch } => vec![format!("epoch {epoch}")],
        Reply::Done | Reply::PlanStarted(_) | Reply::PlanChanged(_) => Vec::new(),
    };
    for line in lines {
        writeln!(got, "    -> {line}").unwrap();
    }
}

fn outcome(it: &ElectedPartition) -> String {
    let ElectedPartition { topic, index, result } = it;
    match result {
        Ok(it) if it.hands_over => format!("{topic}/{index} hands over to {}", it.new),
        Ok(it) => format!("{topic}/{index} is led by {}", it.new),
        Err(err) => format!("{topic}/{index}: {err}"),
    }
}

/// A line of a script: `verb name.. key=value..`; `?` after the verb only validates.
struct Line<'a> {
    verb: &'a str,
    validate_only: bool,
    names: Vec<&'a str>,
    settings: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let (settings, names): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
        Self {
            verb: verb.trim_end_matches('?'),
            validate_only: verb.ends_with('?'),
            names,
            settings: settings.into_iter().map(|word| word.split_once('=').unwrap()).collect(),
        }
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.settings.iter().find(|it| it.0 == key).map(|it| it.1)
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.get(key).map(|it| it.parse().unwrap())
    }

    fn broker(&self) -> BrokerId {
        BrokerId(self.names[0].parse().unwrap())
    }

    fn topics(&self) -> Vec<TopicRef> {
        self.names.iter().map(|name| TopicRef::Name((*name).to_owned())).collect()
    }

    fn partitions(&self) -> Option<Vec<PartitionRef>> {
        let named: Vec<_> = self.names.iter().map(|name| partition_ref(name)).collect();
        (!named.is_empty()).then_some(named)
    }
}

/// The command that a line stands for.
pub(super) fn parse(cluster: &Cluster, line: &str) -> Command {
    let it = Line::read(line);
    let validate_only = it.validate_only;
    match it.verb {
        "create" => {
            let topics = it.names.iter().map(|name| new_topic(name, &it.settings)).collect();
            Command::CreateTopics { topics, validate_only }
        }
        "delete" => {
            let keep_for_ms = it.number("keep").map(i64::unsigned_abs);
            Command::DeleteTopics { topics: it.topics(), keep_for_ms, validate_only }
        }
        "restore" => Command::RestoreTopics { topics: it.topics(), validate_only },
        "purge" => Command::PurgeTopics { topics: it.topics(), validate_only },
        "protect" | "unprotect" => {
            let protected = it.verb == "protect";
            Command::ProtectTopics { topics: it.topics(), protected, validate_only }
        }
        "grow" => {
            let assignments = it.get("at").map(|text| text.split('/').map(list).collect());
            let total = i32::try_from(it.number("to").unwrap()).unwrap();
            let topic = it.names[0].to_owned();
            let topics = vec![NewPartitions { topic, total, assignments }];
            Command::CreatePartitions { topics, validate_only }
        }
        "replace" | "set" | "unset" | "append" | "subtract" => {
            configs(it.verb, &it.names, &it.settings, validate_only)
        }
        "tick" => Command::Tick,
        _ => parse_of_brokers(cluster, &it),
    }
}

fn parse_of_brokers(cluster: &Cluster, it: &Line<'_>) -> Command {
    let validate_only = it.validate_only;
    let epoch = it.number("epoch").map(|it| BrokerEpoch(it.unsigned_abs()));
    match it.verb {
        "register" => {
            let mut new = BrokerRegistration::at(it.broker(), "localhost", 9_092);
            let uuid =
                |key| Uuid::from_u128(it.number(key).unwrap_or_default().unsigned_abs().into());
            new.rack = it.get("rack").map(str::to_owned);
            new.resumed_cleanly = it.get("clean").is_some();
            new.directory = uuid("disk");
            new.incarnation = Incarnation(uuid("life"));
            Command::RegisterBroker(new)
        }
        "fence" => {
            let why = FenceReason::SessionExpired;
            Command::FenceBroker { broker: it.broker(), epoch, why }
        }
        "lead" => {
            let term = it.number("term").unwrap_or_default().unsigned_abs();
            let moment = |key| it.number(key).map(TimestampMs);
            let unled = moment("unled").map(UnledSince::Moment);
            let started = moment("started").map(|it| UnledSince::Start(it, moment("known")));
            let unled = unled.or(started);
            Command::TakeLead { broker: it.broker(), term, unled }
        }
        "lose" => {
            let at = |key| kq_storage::Offset(it.number(key).unwrap_or_default().unsigned_abs());
            let topic = cluster.image.topic_by_name(it.names[1]).unwrap().id;
            let partition = PartitionId { topic, index: PartitionIndex(0) };
            let broker = it.broker();
            let (from, until) = (at("from"), at("until"));
            let losses = vec![Loss { partition, broker, from, until, at_most: false }];
            Command::ReportLosses { broker, epoch: epoch_of(cluster, broker), losses }
        }
        "stop" => {
            let broker = it.broker();
            Command::BeginShutdown { broker, epoch: epoch.unwrap_or(epoch_of(cluster, broker)) }
        }
        "cordon" => {
            let decommission = it.get("for") == Some("good");
            Command::CordonBroker { broker: it.broker(), decommission, validate_only }
        }
        "uncordon" => Command::UncordonBroker { broker: it.broker(), validate_only },
        "unregister" => Command::UnregisterBroker { broker: it.broker(), validate_only },
        "ids" => {
            let epoch = epoch.unwrap_or(BrokerEpoch(1));
            Command::AllocateProducerIds { broker: it.broker(), epoch }
        }
        _ => parse_of_leaders(cluster, it),
    }
}

fn parse_of_leaders(cluster: &Cluster, it: &Line<'_>) -> Command {
    let validate_only = it.validate_only;
    let targets = || policy_targets(&it.names);
    match it.verb {
        "isr" => {
            propose_isr(cluster, it.names[0], it.get("to").unwrap(), it.number("epoch").unwrap())
        }
        "full" => give_up_lead(cluster, it),
        "done" | "cancel" => settle(cluster, it.verb, it.names[0], it.get("to")),
        "elect" => {
            let kind = match it.get("unclean") {
                Some(_) => ElectionKind::Unclean,
                None => ElectionKind::Preferred,
            };
            let designate = it.number("to").map(|id| BrokerId(u32::try_from(id).unwrap()));
            let partitions = it.partitions();
            Command::ElectLeaders { kind, partitions, designate, validate_only }
        }
        "policy" => {
            let change = policy_change(&it.settings);
            Command::SetLeaderPolicy { targets: targets(), change, validate_only }
        }
        "freeze" => {
            let for_ms = it.number("for").map(i64::unsigned_abs);
            Command::FreezeLeaders { targets: targets(), for_ms, validate_only }
        }
        "unfreeze" => Command::UnfreezeLeaders { targets: targets(), validate_only },
        verb => panic!("unknown verb: {verb}"),
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
    let isr = list(isr).into_iter().filter_map(BrokerId::from_wire);
    let proposal = AlterPartition {
        partition,
        leader_epoch: now.leader_epoch,
        partition_epoch: PartitionEpoch(u32::try_from(epoch).unwrap()),
        isr: isr.map(|id| (id, Some(epoch_of(cluster, id)))).collect(),
    };
    let broker = now.leader.unwrap();
    let epoch = epoch_of(cluster, broker);
    Command::AlterPartitions { broker, epoch, partitions: vec![proposal] }
}

fn epoch_of(cluster: &Cluster, id: BrokerId) -> BrokerEpoch {
    cluster.image.broker(id).map(|it| it.epoch).unwrap_or_default()
}

/// `topic` for its first partition, or `topic/3`.
fn partition_ref(name: &str) -> PartitionRef {
    let (topic, index) = name.split_once('/').unwrap_or((name, "0"));
    PartitionRef { topic: TopicRef::Name(topic.to_owned()), index: index.parse().unwrap() }
}

/// A broker that leads a topic's first partition, or thinks so, has a full disk.
fn give_up_lead(cluster: &Cluster, it: &Line<'_>) -> Command {
    let topic = cluster.image.topic_by_name(it.names[1]).unwrap();
    let now = topic.partition(PartitionIndex(0)).unwrap();
    let told = it.number("epoch").map(|it| LeaderEpoch(u32::try_from(it).unwrap()));
    let broker = it.broker();
    let led = LedPartition {
        partition: PartitionId { topic: topic.id, index: PartitionIndex(0) },
        leader_epoch: told.unwrap_or(now.leader_epoch),
    };
    Command::GiveUpLead { broker, epoch: epoch_of(cluster, broker), partitions: vec![led] }
}

/// What the leader of a topic's first partition says of its handover.
fn settle(cluster: &Cluster, verb: &str, topic: &str, to: Option<&str>) -> Command {
    let topic = cluster.image.topic_by_name(topic).unwrap();
    let now = topic.partition(PartitionIndex(0)).unwrap();
    let broker = now.leader.unwrap_or_default();
    let to = to.map(|it| BrokerId(it.parse().unwrap())).or(now.handover).unwrap_or_default();
    let handovers = vec![Handover {
        partition: PartitionId { topic: topic.id, index: PartitionIndex(0) },
        leader_epoch: now.leader_epoch,
        partition_epoch: now.partition_epoch,
        to,
    }];
    let epoch = epoch_of(cluster, broker);
    match verb {
        "done" => Command::CompleteHandover { broker, epoch, handovers },
        _ => Command::CancelHandover { broker, epoch, handovers },
    }
}

/// The topics named, or all of them.
fn policy_targets(names: &[&str]) -> Vec<PolicyTarget> {
    let topic = |name: &&str| match *name {
        "all" => PolicyTarget::Cluster,
        name => PolicyTarget::Topic(TopicRef::Name(name.to_owned())),
    };
    names.iter().map(topic).collect()
}

/// `-` takes back what was said.
fn patch<T>(text: &str, set: impl Fn(&str) -> T) -> Patch<T> {
    if text == "-" { Patch::Unset } else { Patch::Set(set(text)) }
}

fn policy_change(settings: &[(&str, &str)]) -> PolicyChange {
    let place = |text: &str| match text.parse() {
        Ok(id) => LeaderPlace::Broker(BrokerId(id)),
        Err(_) => LeaderPlace::Rack(text.to_owned()),
    };
    let places = |text: &str| text.split(',').filter(|it| !it.is_empty()).map(place).collect();
    let mut change = PolicyChange::default();
    for (key, text) in settings {
        match *key {
            "prefer" => change.prefer = patch(text, places),
            "avoid" => change.avoid = patch(text, places),
            "unclean" => change.unclean = patch(text, |it| it.parse().unwrap()),
            "balance" => change.auto_balance = patch(text, |it| it == "on"),
            "rate" => change.moves_per_minute = patch(text, |it| it.parse().unwrap()),
            "pin" => {
                let (index, broker) = text.split_once(':').unwrap();
                let broker = broker.parse().ok().map(BrokerId);
                change.pins.push((PartitionIndex(index.parse().unwrap()), broker));
            }
            _ => panic!("unknown part of a policy: {key}"),
        }
    }
    change
}
