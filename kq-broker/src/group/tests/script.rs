//! The language of the scripts: one line an event, and below it what the coordinator does.
//!
//! ```text
//! at 3s                          both clocks show this
//! wall 9s                        and the wall clock this, until the next `at`
//! join r1 new range static=a     request r1; a newcomer is named after it: m1
//! beat r2 m1/a 1                 member m1 with the instance a, in generation 1
//! reset r3 p t/0=5:9 live        plan p: t/0 from 5 to 9, `-` = nothing; members are put out
//! reset r3 q t/0=9:5 live after:p    another, by someone who knows that plan p was carried out
//! settle r4                      someone is about to look at offsets
//! drop, rebalance, remove        an operator's hand: `operate_words`
//! refused w0 / thin / unknown    how a write ends; `written` when it ends well
//! image t:3 u:1                  the topics that there are, with their partitions
//! held                           what the shard holds
//! members                        the members as operators see them
//! load                           what another shard would, if it read the log now
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use expect_test::Expect;
use uuid::Uuid;

use super::operate_words;
use crate::group::embedded;
use crate::group::{
    Beat, Caller, CommitOffsets, ConsumerHeartbeat, DeleteOffsets, Epoch, GroupConfig, GroupError,
    Heartbeat, Input, InstanceId, JoinGroup, LeaveGroup, LeavingMember, MemberId, Now,
    OffsetToCommit, Outcome, Output, PartitionSet, Phase, Protocol, Reply, ReplyTo, ResetOffset,
    ResetOffsets, Shard, SyncGroup, TopicPartition, UndoRow, WriteId, WrittenRecord,
};
use crate::ids::{BrokerId, PartitionIndex, TopicId};
use crate::metadata::{
    Change, MetadataImage, MetadataRecord, PartitionChange, PartitionImage, TimestampMs,
};

/// Two members in generation 1, stable.
pub(super) const TWO_STABLE: &str = "
    join r1 new range
    join r2 new range
    at 3s
    tick
    at 6s
    tick
    sync r3 m1 1 m1=A m2=B
    sync r4 m2 1
    written w0
";

/// Runs a script on a shard with one group `g` and an initial rebalance delay of 3 s.
#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    want.assert_eq(&Script::default().run(script));
}

/// Runs `script` after `TWO_STABLE`, and shows only what comes of it.
#[track_caller]
pub(super) fn check_two(script: &str, want: Expect) {
    check_after(TWO_STABLE, script, want);
}

/// Runs `script` after `before`, and shows only what comes of it.
#[track_caller]
pub(super) fn check_after(before: &str, script: &str, want: Expect) {
    let mut world = Script::default();
    world.run(before);
    want.assert_eq(&world.run(script));
}

/// A shard, its log and its clock.
pub(super) struct Script {
    shard: Shard,
    now: Now,
    log: BTreeMap<WriteId, Vec<WrittenRecord>>,
    image: MetadataImage,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            shard: Shard::new(GroupConfig::default()),
            now: Now::default(),
            log: BTreeMap::new(),
            image: MetadataImage::default(),
        }
    }
}

impl Script {
    /// Each line of the script, and below it what came of it.
    pub(super) fn run(&mut self, script: &str) -> String {
        let mut got = String::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            writeln!(got, "{line}").unwrap();
            for shown in self.line(line) {
                writeln!(got, "    {shown}").unwrap();
            }
        }
        got
    }

    fn line(&mut self, line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let input = match words[..] {
            ["at", time] => {
                self.now.uptime = Duration::from_secs(number(time.trim_end_matches('s')));
                self.now.wall_ms = i64::try_from(self.now.uptime.as_millis()).unwrap();
                return Vec::new();
            }
            ["wall", time] => {
                let ahead = number(time.trim_end_matches('s')) * 1_000;
                self.now.wall_ms = i64::try_from(ahead).unwrap();
                return Vec::new();
            }
            ["held"] => return hold(&self.shard),
            ["load"] => return hold(&self.load(GroupConfig::default())),
            ["undos"] => return undos(&self.shard),
            ["members"] => return operate_words::members(&self.shard, self.now),
            ["image", ref topics @ ..] => {
                self.image = image_with(&self.image, topics);
                Input::Image(Arc::new(self.image.clone()))
            }
            _ => parse(&words),
        };
        let mut outputs = Vec::new();
        if let Input::Written { write, outcome: Outcome::Refused(_) } = &input {
            self.log.remove(write);
        }
        self.shard.step(self.now, input, &mut outputs);
        for output in &outputs {
            if let Output::Write { write, records } = output {
                self.log.insert(*write, records.clone());
            }
        }
        outputs.iter().map(show).collect()
    }

    /// What is in the log.
    pub(super) fn records(&self) -> impl Iterator<Item = &WrittenRecord> {
        self.log.values().flatten()
    }

    /// The same at the next coordinator, which has other settings.
    pub(super) fn taken_over(mut self, config: GroupConfig) -> Self {
        self.shard = self.load(config);
        self
    }

    fn load(&self, config: GroupConfig) -> Shard {
        let mut shard = Shard::new(config);
        for record in self.records() {
            shard.load(&record.key, record.value.as_ref(), self.now).unwrap();
        }
        shard.finish_loading(self.now);
        shard
    }
}

/// The groups of a shard with their members and offsets.
fn hold(shard: &Shard) -> Vec<String> {
    let mut shown = Vec::new();
    for listing in shard.list() {
        let group = &listing.group;
        let members = match (shard.describe(group), shard.describe_consumer(group)) {
            (Some(it), _) => it.members.into_iter().map(|it| it.member).collect(),
            (None, Some(it)) => it.members.into_iter().map(|it| it.member).collect(),
            (None, None) => Vec::new(),
        };
        let members: Vec<_> = members.iter().map(MemberId::as_str).collect();
        let offsets = shard.offsets(group);
        let offsets: Vec<_> = offsets
            .map(|(it, offset)| format!("{}/{}={}", it.topic, it.partition, offset.offset))
            .collect();
        let state = listing.state.name();
        shown.push(format!("{group} {state} {members:?} {}", offsets.join(" ")).trim_end().into());
    }
    shown
}

/// What can be taken back: each change with what was committed before and after it.
fn undos(shard: &Shard) -> Vec<String> {
    let shown = shard.undos().map(|it| {
        let row = |row: &UndoRow| {
            let before = row.before.as_ref().map(|it| it.offset);
            let after = row.after;
            format!("{}/{} {before:?} -> {after:?}", row.partition.topic, row.partition.partition)
        };
        let rows: Vec<_> = it.rows.iter().map(row).collect();
        format!("{} {} live={}: {}", it.group, it.plan, it.live, rows.join(", "))
    });
    shown.collect()
}

/// The topics as the words tell them. One that is named as before stays the same topic, also with
/// more partitions; `t!3` is made anew under its old name.
fn image_with(before: &MetadataImage, words: &[&str]) -> MetadataImage {
    let mut records = Vec::new();
    let named = |word: &str| {
        let (name, count) = word.split_once([':', '!']).unwrap();
        (name.to_owned(), u32::try_from(number(count)).unwrap(), word.contains('!'))
    };
    let wanted: Vec<_> = words.iter().map(|it| named(it)).collect();
    for topic in before.all_topics() {
        let stays = wanted.iter().any(|(name, _, is_new)| *name == *topic.name && !is_new);
        if !stays {
            records.push(MetadataRecord::TopicPurged { topic: topic.id });
        }
    }
    for (number, (name, count, is_new)) in wanted.iter().enumerate() {
        let known = before.name_holder(name).filter(|_| !is_new);
        let fresh = u128::from(before.applied() + 1) * 1_000 + number as u128;
        let topic = known.map_or(TopicId(Uuid::from_u128(fresh)), |it| it.id);
        if known.is_none() {
            records.push(MetadataRecord::TopicCreated { topic, name: name.clone() });
        }
        let from = known.map_or(0, |it| it.partition_count());
        records.extend((from..*count).map(|index| {
            let index = PartitionIndex(index);
            let only = vec![BrokerId(1)];
            let now =
                PartitionImage { replicas: only.clone(), isr: only, ..PartitionImage::default() };
            MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
        }));
    }
    let change = Change { time: TimestampMs::default(), reason: "a script".into(), records };
    before.apply(before.applied() + 1, &change).unwrap()
}

fn number(word: &str) -> u64 {
    word.parse().unwrap()
}

fn reply(word: &str) -> ReplyTo {
    ReplyTo(number(word.trim_start_matches('r')))
}

/// `m1`, `m1/instance`, or `-` for nobody.
fn member(word: &str) -> (MemberId, Option<InstanceId>) {
    let (member, instance) = word.split_once('/').map_or((word, None), |(a, b)| (a, Some(b)));
    (MemberId::from(if member == "-" { "" } else { member }), instance.map(Into::into))
}

fn caller(who: &str, generation: &str) -> Caller {
    let (member, instance) = member(who);
    Caller { group: "g".into(), member, instance, generation: generation.parse().unwrap() }
}

fn partition(word: &str) -> TopicPartition {
    let (topic, index) = word.split_once('/').unwrap();
    TopicPartition { topic: topic.into(), partition: index.parse().unwrap() }
}

fn parse(words: &[&str]) -> Input {
    match *words {
        ["join", to, who, protocols, ref options @ ..] => {
            Input::Join(join(to, who, protocols, options))
        }
        ["sync", to, who, generation, ref shares @ ..] => {
            let share = |it: &&str| {
                let (who, share) = it.split_once('=').unwrap();
                (member(who).0, share_bytes(share))
            };
            Input::Sync(SyncGroup {
                caller: caller(who, generation),
                protocol_type: None,
                protocol: None,
                assignments: shares.iter().map(share).collect(),
                reply: reply(to),
            })
        }
        ["beat", to, who, generation] => {
            Input::Heartbeat(Heartbeat { caller: caller(who, generation), reply: reply(to) })
        }
        ["cbeat", to, who, at, ref says @ ..] => {
            Input::ConsumerHeartbeat(consumer_beat(to, who, at, says))
        }
        ["leave", to, who] => {
            let (member, instance) = member(who);
            let members = vec![LeavingMember { member, instance }];
            Input::Leave(LeaveGroup { group: "g".into(), members, reply: reply(to) })
        }
        ["commit", to, who, generation, ref offsets @ ..] => {
            let kept = offsets.first().and_then(|it| it.strip_prefix("keep="));
            let offsets = if kept.is_some() { &offsets[1..] } else { offsets };
            Input::Commit(CommitOffsets {
                caller: caller(who, generation),
                retention: kept.map(|it| Duration::from_secs(number(it.trim_end_matches('s')))),
                offsets: offsets.chunks(2).map(offset).collect(),
                reply: reply(to),
            })
        }
        ["forget", to, what] => Input::DeleteOffsets(DeleteOffsets {
            group: "g".into(),
            partitions: vec![partition(what)],
            reply: reply(to),
        }),
        ["reset", to, plan, ref rows @ ..] => Input::Reset(reset(to, plan, rows)),
        [verb @ ("drop" | "rebalance" | "remove"), to, ref rest @ ..] => {
            Input::Operate(operate_words::read(verb, reply(to), rest))
        }
        ["settle", to] => Input::Settle { group: "g".into(), reply: reply(to) },
        ["delete", to] => Input::DeleteGroup { group: "g".into(), reply: reply(to) },
        ["appended", write] => written(write, Outcome::Appended),
        ["written", write] => written(write, Outcome::Committed),
        ["refused", write] => written(write, Outcome::Refused(GroupError::NotAvailable)),
        ["thin", write] => written(write, Outcome::Thin),
        ["unknown", write] => written(write, Outcome::Unknown),
        ["tick"] => Input::Tick,
        ["expire"] => Input::ExpireOffsets,
        _ => panic!("unknown line: {words:?}"),
    }
}

fn offset(words: &[&str]) -> OffsetToCommit {
    OffsetToCommit {
        partition: partition(words[0]),
        offset: words[1].parse().unwrap(),
        leader_epoch: None,
        metadata: "".into(),
    }
}

fn reset(to: &str, plan: &str, words: &[&str]) -> ResetOffsets {
    let offset = |word: &str| (word != "-").then(|| word.parse::<i64>().unwrap());
    let row = |word: &&str| {
        let (place, change) = word.split_once('=').unwrap();
        let (expected, to) = change.split_once(':').unwrap();
        let partition = partition(place);
        let to = offset(to).map(|offset| OffsetToCommit {
            partition: partition.clone(),
            offset,
            leader_epoch: None,
            metadata: "".into(),
        });
        ResetOffset { partition, topic: TopicId::default(), expected: offset(expected), to }
    };
    ResetOffsets {
        group: "g".into(),
        plan: plan.into(),
        verb: "reset".into(),
        reason: "".into(),
        live: words.contains(&"live"),
        after: words.iter().find_map(|it| it.strip_prefix("after:")).map(Into::into),
        validate_only: words.contains(&"dry"),
        rows: words.iter().filter(|it| it.contains('=')).map(row).collect(),
        reply: reply(to),
    }
}

fn written(write: &str, outcome: Outcome) -> Input {
    Input::Written { write: WriteId(number(write.trim_start_matches('w'))), outcome }
}

/// `topic=u` subscribes to another topic than `t`; that changes the metadata.
/// `t:0,1` is a share in the embedded protocol; anything else is what it is.
fn share_bytes(word: &str) -> Bytes {
    let Some((topic, indexes)) = word.split_once(':') else {
        return Bytes::copy_from_slice(word.as_bytes());
    };
    let indexes = indexes.split(',').map(|it| it.parse().unwrap()).collect();
    embedded::write_assignment(0, &BTreeMap::from([(topic.into(), indexes)]))
}

/// `join`, `leave`, `away` or an epoch; `topics=t,u`, `pattern=t.*`, `rack=a` and, where it owns
/// nothing, `owned=`.
fn consumer_beat(to: &str, who: &str, at: &str, says: &[&str]) -> ConsumerHeartbeat {
    let (member, instance) = member(who);
    let said = |what: &str| says.iter().find_map(|it| it.strip_prefix(what));
    let phase = match at {
        "join" => Phase::Join,
        "leave" => Phase::Leave,
        "away" => Phase::LeaveForAWhile,
        epoch => Phase::At(Epoch(epoch.parse().unwrap())),
    };
    let owns_nothing = phase == Phase::Join || says.contains(&"owned=");
    ConsumerHeartbeat {
        group: "g".into(),
        member,
        phase,
        instance,
        rack: said("rack=").map(Into::into),
        rebalance_timeout: Some(Duration::from_mins(1)),
        topics: said("topics=").map(|it| it.split(',').map(Into::into).collect()),
        pattern: said("pattern=").map(Into::into),
        assignor: None,
        owned: owns_nothing.then(PartitionSet::default),
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        reply: reply(to),
    }
}

fn show_beat(beat: &Beat) -> String {
    let share = beat.assignment.as_ref().map_or("as before".into(), |share| {
        let indexes: Vec<_> = share.iter().map(|it| it.index.0).collect();
        format!("{indexes:?}")
    });
    format!("{} at {}: {share}", beat.member, beat.epoch.0)
}

fn join(to: &str, who: &str, protocols: &str, options: &[&str]) -> JoinGroup {
    let option = |name| options.iter().find_map(|it| it.strip_prefix(name));
    let topic = option("topic=").unwrap_or("t");
    let metadata = [b"\0\0\0\0\0\x01\0\x01", topic.as_bytes(), b"\xff\xff\xff\xff"].concat();
    let protocol = |name: &str| Protocol { name: name.into(), metadata: metadata.clone().into() };
    JoinGroup {
        group: "g".into(),
        member: (who != "new").then(|| member(who).0),
        instance: option("static=").map(Into::into),
        fresh_member: MemberId::from(to.replace('r', "m").as_str()),
        needs_known_member: options.contains(&"needs-id"),
        can_skip_assignment: !options.contains(&"v8"),
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout: Duration::from_secs(10),
        rebalance_timeout: Duration::from_mins(1),
        protocol_type: option("type=").unwrap_or("consumer").into(),
        protocols: protocols.split(',').map(protocol).collect(),
        reply: reply(to),
    }
}

fn show(output: &Output) -> String {
    match output {
        Output::Write { write, records } => {
            format!("write w{}: {} records", write.0, records.len())
        }
        Output::Reload => "reload".to_owned(),
        Output::Reply(to, reply) => format!("r{} {}", to.0, show_reply(reply)),
    }
}

fn show_reply(reply: &Reply) -> String {
    let result = |it: &Result<(), GroupError>| {
        it.as_ref().map_or_else(ToString::to_string, |()| "ok".into())
    };
    match reply {
        Reply::Joined(it) => {
            let members: Vec<_> = it.members.iter().map(|it| it.member.as_str()).collect();
            let skip = if it.skip_assignment { " skip" } else { "" };
            format!(
                "joined generation {} as {} by {} led by {} {members:?}{skip}",
                it.generation, it.member, it.protocol, it.leader
            )
        }
        Reply::JoinRefused { error, member } => {
            let member = member.as_ref().map_or("-", MemberId::as_str);
            format!("join of {member} refused: {error}")
        }
        Reply::Synced(Ok(it)) => match embedded::read_assignment(&it.assignment) {
            Some(share) => format!("synced {share:?}"),
            None => format!("synced {}", String::from_utf8_lossy(&it.assignment)),
        },
        Reply::Synced(Err(error)) => format!("sync refused: {error}"),
        Reply::Heartbeat(it) => format!("heartbeat {}", result(it)),
        Reply::ConsumerBeat(Ok(it)) => show_beat(it),
        Reply::ConsumerBeat(Err(error)) => format!("beat refused: {error}"),
        Reply::Left(members) => {
            let members: Vec<_> = members.iter().map(|(_, it)| result(it)).collect();
            format!("left {members:?}")
        }
        Reply::Offsets(offsets) => {
            let offsets: Vec<_> = offsets.iter().map(|(_, it)| result(it)).collect();
            format!("offsets {offsets:?}")
        }
        Reply::OffsetsRefused(error) => format!("offsets refused: {error}"),
        Reply::GroupDeleted(it) => format!("deleted {}", result(it)),
        Reply::Settled => "settled".to_owned(),
        Reply::Operated(it) => operate_words::show(it),
        Reply::Reset(Ok(it)) => {
            let before = it.before.iter().map(|(_, it)| it.as_ref().map(|it| it.offset));
            let before: Vec<_> = before.collect();
            let thin = if it.is_thin { ", thin" } else { "" };
            format!(
                "reset from {before:?} in generation {}, {} put out{thin}",
                it.generation, it.expelled
            )
        }
        Reply::Reset(Err(refused)) => format!("reset refused: {refused:?}"),
    }
}
