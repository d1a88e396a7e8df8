//! Whatever an operator does to offsets can be taken back to the letter, also after another broker
//! has read the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::group::{
    Caller, CommitOffsets, CommittedOffset, GroupConfig, GroupId, Input, MemberId, Now,
    OffsetToCommit, Outcome, Output, Reply, ReplyTo, ResetOffset, ResetOffsets, Shard,
    TopicPartition, Undo, WrittenRecord,
};
use crate::ids::TopicId;

/// The generator `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % bound
    }
}

/// A shard and its log.
struct World {
    shard: Shard,
    log: Vec<WrittenRecord>,
    now: Now,
    plans: u64,
}

/// What is committed, apart from when.
type Committed = BTreeMap<TopicPartition, (i64, Option<i32>, Arc<str>)>;

impl World {
    fn tell(&mut self, input: Input) -> Vec<Reply> {
        self.now.wall_ms += 1;
        let mut inputs = vec![input];
        let mut replies = Vec::new();
        while let Some(input) = inputs.pop() {
            let mut outputs = Vec::new();
            self.shard.step(self.now, input, &mut outputs);
            for output in outputs {
                match output {
                    Output::Reply(_, reply) => replies.push(reply),
                    Output::Reload => panic!("no write ended unknown"),
                    Output::Write { write, records } => {
                        self.log.extend(records);
                        inputs.push(Input::Written { write, outcome: Outcome::Committed });
                    }
                }
            }
        }
        replies
    }

    fn reload(&mut self) {
        let mut shard = Shard::new(GroupConfig::default());
        for record in &self.log {
            shard.load(&record.key, record.value.as_ref(), self.now).unwrap();
        }
        shard.finish_loading(self.now);
        self.shard = shard;
    }

    fn committed(&self, group: &GroupId) -> Committed {
        let of = |it: &CommittedOffset| (it.offset, it.leader_epoch, Arc::clone(&it.metadata));
        self.shard.offsets(group).map(|(key, it)| (key.clone(), of(it))).collect()
    }

    fn reset(
        &mut self,
        group: &GroupId,
        to: Vec<(TopicPartition, Option<OffsetToCommit>)>,
    ) -> Undo {
        self.plans += 1;
        let plan: Arc<str> = self.plans.to_string().into();
        let committed = self.committed(group);
        let row = |(partition, to): (TopicPartition, _)| ResetOffset {
            expected: committed.get(&partition).map(|it| it.0),
            partition,
            topic: TopicId::default(),
            to,
        };
        let reset = ResetOffsets {
            group: group.clone(),
            plan: Arc::clone(&plan),
            verb: "reset".into(),
            reason: "a test".into(),
            live: false,
            after: None,
            rows: to.into_iter().map(row).collect(),
            validate_only: false,
            reply: ReplyTo(0),
        };
        let replies = self.tell(Input::Reset(reset));
        assert!(matches!(replies[..], [Reply::Reset(Ok(_))]), "{replies:?}");
        self.shard.undos().find(|it| it.group == *group && it.plan == plan).unwrap().clone()
    }

    /// As the control door does it: the rows as they were before.
    fn take_back(&mut self, undo: &Undo) -> Undo {
        let rows = undo.rows.iter().map(|row| {
            let to = row.before.as_ref().map(|it| OffsetToCommit {
                partition: row.partition.clone(),
                offset: it.offset,
                leader_epoch: it.leader_epoch,
                metadata: Arc::clone(&it.metadata),
            });
            (row.partition.clone(), to)
        });
        self.reset(&undo.group, rows.collect())
    }
}

fn offset(chance: &mut Chance, partition: &TopicPartition) -> OffsetToCommit {
    OffsetToCommit {
        partition: partition.clone(),
        offset: i64::try_from(chance.below(1_000)).unwrap(),
        leader_epoch: (chance.below(2) == 0).then_some(3),
        metadata: if chance.below(3) == 0 { "note ☂".into() } else { "".into() },
    }
}

#[test]
fn every_change_is_taken_back_to_the_letter() {
    for seed in 0..10_000 {
        let mut chance = Chance(seed);
        let mut world = World {
            shard: Shard::new(GroupConfig::default()),
            log: Vec::new(),
            now: Now::default(),
            plans: 0,
        };
        let group = GroupId::from(["a", "b"][usize::try_from(chance.below(2)).unwrap()]);
        let partitions = |chance: &mut Chance| -> Vec<TopicPartition> {
            let some = (0..4).filter(|_| chance.below(2) == 0);
            some.map(|partition| TopicPartition { topic: "t".into(), partition }).collect()
        };
        let caller = Caller {
            group: group.clone(),
            member: MemberId::from(""),
            instance: None,
            generation: -1,
        };
        let of = partitions(&mut chance);
        let offsets = of.iter().map(|it| offset(&mut chance, it)).collect();
        let retention = None;
        let commit = CommitOffsets { caller, retention, offsets, reply: ReplyTo(0) };
        world.tell(Input::Commit(commit));
        let mut before = Vec::new();
        for _ in 0..=chance.below(3) {
            let rows = partitions(&mut chance).into_iter().map(|it| {
                let to = (chance.below(4) > 0).then(|| offset(&mut chance, &it));
                (it, to)
            });
            let rows: Vec<_> = rows.collect();
            if rows.is_empty() {
                continue;
            }
            let committed = world.committed(&group);
            let undo = world.reset(&group, rows);
            before.push((committed, undo));
        }
        if chance.below(2) == 0 {
            world.reload();
        }
        for (committed, undo) in before.into_iter().rev() {
            let changed = world.committed(&group);
            let redo = world.take_back(&undo);
            assert_eq!(world.committed(&group), committed, "seed {seed}");
            world.take_back(&redo);
            assert_eq!(world.committed(&group), changed, "seed {seed}: an undo is taken back too");
            world.take_back(&undo);
        }
        let held = world.committed(&group);
        world.reload();
        assert_eq!(world.committed(&group), held, "seed {seed}: the log tells the same");
    }
}

#[test]
fn changes_are_kept_for_a_while_and_the_newest_of_a_group() {
    let mut world = World {
        shard: Shard::new(GroupConfig::default()),
        log: Vec::new(),
        now: Now::default(),
        plans: 0,
    };
    let partition = TopicPartition { topic: "t".into(), partition: 0 };
    let mut chance = Chance(1);
    for _ in 0..25 {
        let to = offset(&mut chance, &partition);
        world.reset(&"g".into(), vec![(partition.clone(), Some(to))]);
    }
    world.tell(Input::ExpireOffsets);
    assert_eq!(world.shard.undos().count(), 20);
    assert!(world.shard.undos().all(|it| &*it.plan != "5"), "the oldest go");
    world.reload();
    assert_eq!(world.shard.undos().count(), 20);
    world.now.wall_ms += 7 * 24 * 3_600_000;
    world.tell(Input::ExpireOffsets);
    world.reload();
    assert_eq!(world.shard.undos().count(), 0);
}

#[test]
fn a_large_change_takes_several_records_of_one_batch() {
    let mut world = World {
        shard: Shard::new(GroupConfig::default()),
        log: Vec::new(),
        now: Now::default(),
        plans: 0,
    };
    let mut chance = Chance(1);
    let partition = |partition| TopicPartition { topic: "t".into(), partition };
    let rows: Vec<_> =
        (0..1_200).map(|it| (partition(it), Some(offset(&mut chance, &partition(it))))).collect();
    let undo = world.reset(&"g".into(), rows);
    assert_eq!(world.log.len(), 1_200 + 3);
    world.reload();
    assert_eq!(world.shard.undos().collect::<Vec<_>>(), [&undo]);
    world.take_back(&undo);
    assert!(world.committed(&"g".into()).is_empty());
}
