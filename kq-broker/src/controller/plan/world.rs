//! Clusters for the planner's tests, written as text, and plans printed as text.
//!
//! ```text
//!   broker 1 rack=a disk=1000/400 in=120/20 out=120/24 down=240
//!   topic payments min.insync.replicas=2
//!   partition payments on=1,2,3 isr=1,3 size=188 ingest=5 lag=2:41:188 adding=4 lead=0
//! ```
//! Sizes are MiB, rates MiB a second (at most, now), times seconds. Disks write as fast as the broker
//! receives, unless `write=80` says otherwise.

use std::fmt::Write as _;
use std::str::FromStr;

use expect_test::Expect;
use uuid::Uuid;

use super::*;
use crate::ids::{BrokerId, ClusterId, PartitionEpoch, PartitionIndex, TopicId};
use crate::metadata::{
    BrokerRegistration, Change, ConfigResource, MetadataRecord, PartitionChange, PartitionImage,
    TimestampMs,
};

const MIB: u64 = 1 << 20;
const NOW_MS: i64 = 10_000_000;

/// A cluster and what was measured of it.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) image: MetadataImage,
    pub(super) measured: Measured,
}

/// One line's `key=value` words.
struct Words<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Words<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|it| it.0 == key).map(|it| it.1)
    }

    fn number<T: FromStr>(&self, key: &str) -> Option<T> {
        self.get(key).map(|it| it.parse().ok().unwrap())
    }

    /// `total/other` in MiB.
    fn pair(&self, key: &str) -> (Option<u64>, Option<u64>) {
        let Some((a, b)) = self.get(key).map(|it| it.split_once('/').unwrap()) else {
            return (None, None);
        };
        (a.parse::<u64>().ok().map(|it| it * MIB), b.parse::<u64>().ok().map(|it| it * MIB))
    }
}

pub(super) fn ids(text: &str) -> Vec<BrokerId> {
    text.split(',').filter(|it| !it.is_empty()).map(|it| BrokerId(it.parse().unwrap())).collect()
}

impl World {
    pub(super) fn new(script: &str) -> Self {
        let mut world = Self::default();
        world.measured.at = TimestampMs(NOW_MS);
        let cluster = MetadataRecord::ClusterCreated { cluster_id: ClusterId("kq-7f".into()) };
        world.apply(0, vec![cluster]);
        for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
            let (words, names): (Vec<&str>, Vec<&str>) =
                line.split_whitespace().partition(|it| it.contains('='));
            let words = Words(words.iter().map(|it| it.split_once('=').unwrap()).collect());
            match names[0] {
                "broker" => world.broker(BrokerId(names[1].parse().unwrap()), &words),
                "topic" => world.topic(names[1], &words),
                "partition" => world.partition(names[1], &words),
                other => panic!("unknown line: {other}"),
            }
        }
        world
    }

    pub(super) fn apply(&mut self, ago_s: i64, records: Vec<MetadataRecord>) {
        let time = TimestampMs(NOW_MS - ago_s * 1_000);
        let change = Change { time, reason: String::new(), records };
        self.image = self.image.apply(self.image.applied() + 1, &change).unwrap();
    }

    fn broker(&mut self, id: BrokerId, words: &Words<'_>) {
        let mut it = BrokerRegistration::at(id, "localhost", 9_092);
        it.rack = words.get("rack").map(str::to_owned);
        self.apply(9_000, vec![MetadataRecord::BrokerRegistered(it)]);
        if let Some(down) = words.number("down") {
            self.apply(down, vec![MetadataRecord::BrokerFenced { broker: id }]);
        }
        let ((disk_total, disk_free), (in_max, in_now)) = (words.pair("disk"), words.pair("in"));
        let (out_max, out_now) = words.pair("out");
        let write_max = words.number::<u64>("write").map(|it| it * MIB).or(in_max);
        let facts =
            BrokerFacts { disk_total, disk_free, in_now, in_max, out_now, out_max, write_max };
        self.measured.brokers.insert(id, facts);
    }

    fn topic(&mut self, name: &str, words: &Words<'_>) {
        let topic = TopicId(Uuid::from_u128(self.image.topics_total() as u128 + 2));
        self.apply(0, vec![MetadataRecord::TopicCreated { topic, name: name.to_owned() }]);
        for (key, value) in &words.0 {
            let (key, value) = ((*key).to_owned(), Some((*value).to_owned()));
            let resource = ConfigResource::Topic(topic);
            self.apply(0, vec![MetadataRecord::ConfigChanged { resource, key, value }]);
        }
    }

    fn partition(&mut self, name: &str, words: &Words<'_>) {
        if self.image.topic_by_name(name).is_none() {
            self.topic(name, &Words(Vec::new()));
        }
        let topic = self.image.topic_by_name(name).unwrap().clone();
        let id = PartitionId { topic: topic.id, index: PartitionIndex(topic.partition_count()) };
        let replicas = ids(words.get("on").unwrap());
        let isr = words.get("isr").map_or_else(|| replicas.clone(), ids);
        let alive = |id: &BrokerId| self.image.is_live(*id);
        let now = PartitionImage {
            leader: isr.iter().copied().find(alive),
            elr: words.get("elr").map(ids).unwrap_or_default(),
            adding: words.get("adding").map(ids).unwrap_or_default(),
            removing: words.get("removing").map(ids).unwrap_or_default(),
            replicas,
            isr,
            ..PartitionImage::default()
        };
        let (topic, index) = (id.topic, id.index);
        let change = PartitionChange { topic, index, now };
        self.apply(0, vec![MetadataRecord::PartitionChanged(change)]);
        let mib = |key| words.number::<u64>(key).map(|it| it * MIB);
        let facts = PartitionFacts { bytes: mib("size"), ingest: mib("ingest") };
        self.measured.partitions.insert(id, facts);
        for lag in words.get("lag").into_iter().flat_map(|it| it.split(',')) {
            let parts: Vec<u64> = lag.split(':').map(|it| it.parse().unwrap()).collect();
            let broker = BrokerId(u32::try_from(parts[0]).unwrap());
            let (lag_ms, lag_bytes) = (Some(parts[1] * 1_000), Some(parts[2] * MIB));
            self.measured.replicas.insert((id, broker), ReplicaFacts { lag_bytes, lag_ms });
        }
    }

    pub(super) fn id(&self, name: &str) -> PartitionId {
        let (topic, index) = name.split_once('/').unwrap();
        let topic = self.image.topic_by_name(topic).unwrap().id;
        PartitionId { topic, index: PartitionIndex(index.parse().unwrap()) }
    }

    pub(super) fn propose(&self, request: &Request) -> Result<Plan, ControlError> {
        propose(request, &self.image, &StaticConfig::default(), &self.measured)
    }

    /// The partition has changed since.
    pub(super) fn touch(&mut self, name: &str) {
        let id = self.id(name);
        let mut now = PartitionImage::clone(self.image.partition(id).unwrap());
        now.partition_epoch = PartitionEpoch(now.partition_epoch.0 + 1);
        let change = PartitionChange { topic: id.topic, index: id.index, now };
        self.apply(0, vec![MetadataRecord::PartitionChanged(change)]);
    }
}

/// Prints a plan.
pub(super) fn show(plan: &Plan) -> String {
    let mut text = format!("{}\n", plan.verb);
    for it in &plan.moves {
        let size = it.bytes.map_or("size unknown".to_owned(), |it| words::Bytes(it).to_string());
        let (from, to) = (words::Ids(&it.from), words::Ids(&it.to));
        let _ = write!(text, "  {} {from} -> {to} {size}", it.name);
        for rule in &it.rules {
            let _ = write!(text, " {rule}");
        }
        text.push('\n');
    }
    for it in &plan.left_out {
        let _ = writeln!(text, "  without {}: {}", it.name, it.why);
    }
    let it = &plan.summary;
    let _ = write!(text, "{} moves, {}", plan.moves.len(), words::Bytes(it.bytes));
    let eta = it.eta_ms.map_or("unknown".to_owned(), |it| words::Millis(it).to_string());
    let _ = write!(text, ", eta {eta}");
    if let Some(at) = it.bottleneck {
        let _ = write!(text, " by broker {} {}", at.broker, at.direction);
        let _ = write!(text, " at {}/s", words::Bytes(at.rate));
        let measured = at.measured.map(|it| format!(" of {}", words::Bytes(it)));
        text.push_str(&measured.unwrap_or_default());
    }
    for peak in &it.peaks {
        let percent = peak.percent().map_or("?".to_owned(), |it| it.to_string());
        let _ = write!(text, ", peak {percent}% on {}", peak.broker);
    }
    let percent = |it: Option<u64>| it.map_or("?".to_owned(), |it| format!("{it}%"));
    for (what, of) in [
        ("bytes", (|it: &Spread| it.bytes_percent) as fn(&Spread) -> Option<u64>),
        ("replicas", |it| it.replicas_percent),
        ("leaders", |it| it.leaders_percent),
    ] {
        let _ = write!(text, "\n{what} {} -> {}", percent(of(&it.before)), percent(of(&it.after)));
    }
    let _ = writeln!(text, "\nracks {} -> {}", it.before.rack_breaches, it.after.rack_breaches);
    for verdict in plan.verdicts.iter().filter(|it| it.outcome() == Outcome::Warn) {
        for it in &verdict.findings {
            let _ = writeln!(text, "{} told of {}: {}", verdict.rule, it.subject, it.cause);
        }
    }
    text + &plan.refusal
}

/// Makes a plan and compares what it prints.
#[track_caller]
pub(super) fn check(world: &World, request: &Request, want: Expect) {
    let text = match world.propose(request) {
        Ok(plan) => show(&plan),
        Err(err) => format!("no plan: {err}\n"),
    };
    want.assert_eq(&text);
}

/// Makes a plan and compares only why it is refused.
#[track_caller]
pub(super) fn check_refusal(world: &World, request: &Request, want: Expect) {
    want.assert_eq(&world.propose(request).unwrap().refusal);
}
