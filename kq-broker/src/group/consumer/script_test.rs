//! Scripts of beats on the left, what comes of them indented below.

mod members;
mod topics;

use std::fmt::Write as _;

use expect_test::Expect;
use uuid::Uuid;

use super::*;
use crate::group::partitions::PartitionSet;
use crate::group::{
    Assignor, Beat, Caller, ConsumerConfig, ConsumerHeartbeat, GroupError, Now, Phase, ReplyTo,
};
use crate::ids::{BrokerId, PartitionId, PartitionIndex, TopicId};
use crate::metadata::{
    BrokerRegistration, Change as MetadataChange, MetadataImage, MetadataRecord, PartitionChange,
    PartitionImage, TimestampMs,
};

/// A group, and the log that its changes would be.
struct World {
    group: ConsumerGroup,
    log: Vec<Change>,
    image: MetadataImage,
    image_version: u64,
    config: ConsumerConfig,
    now: Now,
}

/// Runs a script on topics `a` with four partitions and `b` with two, with an interval between
/// targets of 200 ms.
#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    let mut world = World::new();
    world.run("topic a 4");
    world.run("topic b 2");
    let mut got = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(got, "{line}").unwrap();
        let answer = world.run(line);
        if !answer.is_empty() {
            writeln!(got, "    {answer}").unwrap();
        }
        world.verify_replay();
    }
    want.assert_eq(&got);
}

fn topic_id(name: &str) -> TopicId {
    let bytes = name.bytes().fold(0u128, |sum, byte| sum << 8 | u128::from(byte));
    TopicId(Uuid::from_u128(bytes))
}

/// `a0,a1,b0`: partitions of topics with names of one letter.
fn partitions(words: &str) -> PartitionSet {
    let one = |word: &str| {
        let (topic, index) = word.split_at(1);
        PartitionId { topic: topic_id(topic), index: PartitionIndex(index.parse().unwrap()) }
    };
    words.split(',').filter(|it| !it.is_empty()).map(one).collect()
}

fn show(set: &PartitionSet) -> String {
    let name = |it: PartitionId| char::from(u8::try_from(it.topic.0.as_u128()).unwrap());
    let words: Vec<String> = set.iter().map(|it| format!("{}{}", name(it), it.index)).collect();
    format!("[{}]", words.join(","))
}

impl World {
    fn new() -> Self {
        Self {
            group: ConsumerGroup::default(),
            log: Vec::new(),
            image: MetadataImage::default(),
            image_version: 0,
            config: ConsumerConfig { members_max: 4, ..ConsumerConfig::default() },
            now: Now::default(),
        }
    }

    fn env(&self) -> Env<'_> {
        let (image, image_version) = (&self.image, self.image_version);
        Env { now: self.now, config: &self.config, image, image_version }
    }

    fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["at", ms] => {
                self.now.uptime = Duration::from_millis(ms.trim_end_matches("ms").parse().unwrap());
                String::new()
            }
            ["topic", name, count] => self.topic(name, count.parse().unwrap()),
            ["broker", id, rack] => self.broker(id.parse().unwrap(), rack),
            ["beat", who, at, ref says @ ..] => self.beat(who, at, says),
            ["tick"] => match self.group.on_tick(self.env()) {
                Some(decided) => self.take(decided, None),
                None => "nothing is due".to_owned(),
            },
            ["reload"] => {
                self.group = self.replayed();
                String::new()
            }
            ["commit", who, epoch] => {
                let epoch = epoch.parse().unwrap();
                let caller = Caller {
                    group: "g".into(),
                    member: if who == "-" { "".into() } else { who.into() },
                    instance: None,
                    generation: epoch,
                };
                show_result(self.group.check_commit(&caller))
            }
            ["state"] => self.state(),
            _ => panic!("unknown line: {line}"),
        }
    }

    /// Makes a topic or gives it more partitions; with none it is gone.
    fn topic(&mut self, name: &str, count: u32) -> String {
        let topic = topic_id(name);
        let known = self.image.topic_by_id(topic).map_or(0, |it| it.partition_count());
        let mut records = Vec::new();
        if known == 0 {
            records.push(MetadataRecord::TopicCreated { topic, name: name.to_owned() });
        }
        if count == 0 {
            records = vec![MetadataRecord::TopicPurged { topic }];
        }
        for index in known..count {
            let replicas = vec![BrokerId(index % 2)];
            let now = PartitionImage {
                replicas: replicas.clone(),
                isr: replicas,
                leader: Some(BrokerId(index % 2)),
                ..PartitionImage::default()
            };
            let index = PartitionIndex(index);
            records.push(MetadataRecord::PartitionChanged(PartitionChange { topic, index, now }));
        }
        self.change(records)
    }

    fn broker(&mut self, id: u32, rack: &str) -> String {
        let mut registration = BrokerRegistration::at(BrokerId(id), "127.0.0.1", 9_092);
        registration.rack = Some(rack.to_owned());
        self.change(vec![MetadataRecord::BrokerRegistered(registration)])
    }

    fn change(&mut self, records: Vec<MetadataRecord>) -> String {
        let change = MetadataChange { time: TimestampMs(1), reason: "a test".to_owned(), records };
        self.image = self.image.apply(self.image.applied() + 1, &change).unwrap();
        self.image_version += 1;
        String::new()
    }

    fn beat(&mut self, who: &str, at: &str, says: &[&str]) -> String {
        let said = |key: &str| says.iter().find_map(|it| it.strip_prefix(key));
        let phase = match at {
            "join" => Phase::Join,
            "leave" => Phase::Leave,
            "pause" => Phase::LeaveForAWhile,
            epoch => Phase::At(Epoch(epoch.parse().unwrap())),
        };
        let joins = phase == Phase::Join;
        let beat = ConsumerHeartbeat {
            group: "g".into(),
            member: who.into(),
            phase,
            instance: said("static=").map(Into::into),
            rack: said("rack=").map(Into::into),
            rebalance_timeout: joins.then_some(Duration::from_mins(1)),
            topics: said("topics=").map(|it| it.split(',').map(Into::into).collect()),
            pattern: said("pattern=").map(Into::into),
            assignor: said("assignor=").and_then(Assignor::named),
            owned: if joins {
                Some(PartitionSet::default())
            } else {
                said("owned=").map(partitions)
            },
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            reply: ReplyTo(0),
        };
        match self.group.on_beat(&beat, self.env()) {
            Ok((decided, beat)) => self.take(decided, Some(beat)),
            Err(error) => show_result(Err(error)),
        }
    }

    fn take(&mut self, decided: Decided, beat: Option<Beat>) -> String {
        self.group = decided.group;
        let records = decided.changes.len();
        self.log.extend(decided.changes);
        let mut got = beat.map_or(String::new(), |it| {
            let share = it.assignment.as_ref().map_or("as before".to_owned(), show);
            format!("{} at {}: {share}, ", it.member, it.epoch.0)
        });
        write!(got, "{records} records").unwrap();
        got
    }

    fn state(&self) -> String {
        let seen = self.group.describe(&self.config);
        let mut got = format!(
            "{} at {}, target {}, {}",
            seen.state.name(),
            seen.epoch.0,
            seen.target_epoch.0,
            seen.assignor.name()
        );
        for it in seen.members {
            let (current, target) = (&it.current, show(&it.target));
            let (has, gives) = (show(&current.assigned), show(&current.revoking));
            let state = current.state;
            write!(got, "\n    {}: {state:?} at {}, has {has}", it.member, current.epoch.0)
                .unwrap();
            write!(got, " gives {gives} wants {target}").unwrap();
        }
        got
    }

    fn replayed(&self) -> ConsumerGroup {
        let mut group = ConsumerGroup::default();
        for change in &self.log {
            let record = change.to_record(&"g".into());
            let Ok(Some(crate::group::record::Key::Consumer(_, key))) =
                crate::group::record::decode_key(&record.key)
            else {
                panic!("no record of a consumer group: {change:?}");
            };
            group.load(&Change::from_record(key, record.value.as_ref()).unwrap());
        }
        group.finish_loading(self.now, &self.config);
        group
    }

    /// What a load of the log makes is what lives here.
    fn verify_replay(&self) {
        assert_eq!(self.replayed().ledger, self.group.ledger);
    }
}

fn show_result(result: Result<(), GroupError>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}
