//! What assignors promise, over many drawn groups.

use super::*;
use uuid::Uuid;

/// A small generator, so that a seed is a case.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

#[derive(Debug, Clone, Default)]
struct World {
    topics: BTreeMap<TopicId, Shape>,
    members: BTreeMap<MemberId, Member>,
}

#[derive(Debug, Clone, Default)]
struct Member {
    rack: Option<String>,
    topics: BTreeSet<TopicId>,
    now: PartitionSet,
}

fn topic(number: u32) -> TopicId {
    TopicId(Uuid::from_u128(u128::from(number)))
}

/// Members that subscribe alike or not, with or without racks, to topics of 0 to 12 partitions.
fn draw(seed: u64, alike: bool, racks: bool) -> World {
    let mut draw = Draw(seed);
    let mut world = World::default();
    for number in 0..=draw.below(4) {
        let partitions = draw.below(13);
        let of = |draw: &mut Draw| (0..2).map(|_| format!("r{}", draw.below(3)).into()).collect();
        let racks = (0..partitions).filter(|_| racks).map(|_| of(&mut draw)).collect();
        world.topics.insert(topic(number), Shape { partitions, racks });
    }
    for number in 0..=draw.below(6) {
        let wants = |draw: &mut Draw| alike || draw.below(3) > 0;
        let topics = world.topics.keys().copied().filter(|_| wants(&mut draw)).collect();
        let rack = (racks && draw.below(4) > 0).then(|| format!("r{}", draw.below(3)));
        let member = Member { rack, topics, now: PartitionSet::default() };
        world.members.insert(format!("m{number}").as_str().into(), member);
    }
    world
}

impl Member {
    fn wish(&self) -> Wish<'_> {
        let rack = self.rack.as_deref();
        Wish { instance: None, rack, topics: self.topics.clone(), now: &self.now }
    }
}

impl World {
    fn assign(&self, assignor: Assignor) -> BTreeMap<MemberId, PartitionSet> {
        let shares = assignor.assign(&self.spec());
        shares.into_iter().map(|(id, share)| (id.clone(), share)).collect()
    }

    fn spec(&self) -> Spec<'_> {
        let members = self.members.iter().map(|(id, it)| (id, it.wish())).collect();
        Spec { members, topics: &self.topics }
    }

    /// The group once everybody has its share.
    fn settled(&self, assignor: Assignor) -> Self {
        let mut next = self.clone();
        for (id, share) in self.assign(assignor) {
            next.members.get_mut(&id).unwrap().now = share;
        }
        next
    }
}

/// A group that has lived: some came and went, a topic grew.
fn lived(seed: u64, assignor: Assignor, alike: bool, racks: bool) -> World {
    let mut world = draw(seed, alike, racks).settled(assignor);
    if seed % 3 == 1 && world.members.len() > 1 {
        world.members.pop_first();
    }
    if seed % 3 == 2 {
        let topics = world.topics.keys().copied().collect();
        let newcomer = Member { topics, ..Member::default() };
        world.members.insert("m00".into(), newcomer);
    }
    world
}

fn cases() -> impl Iterator<Item = (Assignor, bool, bool, u64)> {
    (0..600u64).flat_map(|seed| {
        Assignor::ALL.into_iter().map(move |it| (it, seed % 2 == 0, seed % 4 < 2, seed))
    })
}

#[test]
fn each_partition_goes_to_exactly_one_subscriber() {
    for (assignor, alike, racks, seed) in cases() {
        let world = lived(seed, assignor, alike, racks);
        let shares = world.assign(assignor);
        let mut dealt = PartitionSet::default();
        for (id, share) in &shares {
            for it in share.iter() {
                assert!(dealt.insert(it), "{assignor:?} seed {seed}: {it} twice");
                assert!(world.members[id].topics.contains(&it.topic), "{assignor:?} seed {seed}");
            }
        }
        let subscribed = |id: &TopicId| world.members.values().any(|it| it.topics.contains(id));
        let topics = world.topics.iter().filter(|(id, _)| subscribed(id));
        let wanted: u32 = topics.map(|(_, shape)| shape.partitions).sum();
        assert_eq!(dealt.len(), usize::try_from(wanted).unwrap(), "{assignor:?} seed {seed}");
    }
}

#[test]
fn dealing_again_moves_nothing() {
    for (assignor, alike, racks, seed) in cases() {
        let once = lived(seed, assignor, alike, racks).settled(assignor);
        let twice = once.assign(assignor);
        let now = once.members.iter().map(|(id, it)| (id.clone(), it.now.clone()));
        assert_eq!(twice, now.collect(), "{assignor:?} seed {seed}");
    }
}

#[test]
fn members_that_subscribe_alike_differ_by_one_at_most() {
    for (_, _, racks, seed) in cases() {
        let mut world = lived(seed, Assignor::Uniform, true, racks);
        let topics: BTreeSet<TopicId> = world.topics.keys().copied().collect();
        world.members.values_mut().for_each(|it| it.topics.clone_from(&topics));
        let loads: Vec<usize> =
            world.assign(Assignor::Uniform).values().map(PartitionSet::len).collect();
        let (min, max) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        assert!(max - min <= 1, "seed {seed}: {loads:?}");
    }
}

#[test]
fn no_single_move_brings_loads_nearer() {
    for (_, _, racks, seed) in cases() {
        let world = lived(seed, Assignor::Uniform, false, racks);
        let shares = world.assign(Assignor::Uniform);
        for (owner, share) in &shares {
            for (other, member) in &world.members {
                let could = share.iter().any(|it| member.topics.contains(&it.topic));
                let (mine, its) = (share.len(), shares[other].len());
                assert!(!could || mine < its + 2, "seed {seed}: {owner} {mine}, {other} {its}");
            }
        }
    }
}

#[test]
fn who_leaves_moves_only_its_own() {
    for (_, _, racks, seed) in cases() {
        let before = draw(seed, true, racks).settled(Assignor::Uniform);
        if before.members.len() < 2 {
            continue;
        }
        let mut after = before.clone();
        after.members.pop_first();
        for (id, share) in after.assign(Assignor::Uniform) {
            assert!(before.members[&id].now.is_subset(&share), "seed {seed}: {id} lost some");
        }
    }
}

#[test]
fn who_comes_takes_no_more_than_its_quota() {
    for (_, _, racks, seed) in cases() {
        let mut world = draw(seed, true, racks).settled(Assignor::Uniform);
        let topics = world.topics.keys().copied().collect();
        let newcomer = Member { topics, ..Member::default() };
        world.members.insert("m9".into(), newcomer);
        let shares = world.assign(Assignor::Uniform);
        let moved = |(id, it): (&MemberId, &Member)| it.now.difference(&shares[id]).len();
        let moved: usize = world.members.iter().map(moved).sum();
        assert_eq!(moved, shares[&MemberId::from("m9")].len(), "seed {seed}");
    }
}

#[test]
fn racks_never_make_it_worse() {
    let mut better = 0;
    for (_, _, _, seed) in cases() {
        let world = draw(seed, true, true);
        let mut blind = world.clone();
        blind.topics.values_mut().for_each(|it| it.racks.clear());
        let spec = world.spec();
        let Some(racks) = rack::Racks::of(&spec) else { continue };
        let matches = |shares: &BTreeMap<MemberId, PartitionSet>| {
            racks.matches(&shares.iter().map(|(id, it)| (id, it.clone())).collect())
        };
        let with = matches(&world.assign(Assignor::Uniform));
        let without = matches(&blind.assign(Assignor::Uniform));
        assert!(without <= with, "seed {seed}: {without} near without racks, {with} with them");
        better += u32::from(without < with);
    }
    assert!(better > 100, "racks made a difference {better} times only");
}

#[test]
fn range_cuts_topics_of_one_size_alike() {
    for seed in 0..200 {
        let mut world = draw(seed, true, false);
        world.topics.values_mut().for_each(|it| it.partitions = 7);
        for share in world.assign(Assignor::Range).values() {
            let runs: BTreeSet<_> = share.topics().map(|(_, indexes)| indexes.clone()).collect();
            assert!(runs.len() <= 1, "seed {seed}: {runs:?}");
        }
    }
}
