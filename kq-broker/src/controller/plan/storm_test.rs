//! What must hold of every step of every plan, whatever happens in whatever order.

use proptest::prelude::*;

use super::super::script::{Cluster, parse};
use super::super::{Command, Decision, FenceReason, Handover};
use super::step_test::{in_sync, start_of};
use super::*;
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{BrokerRegistration, MetadataRecord, MoveState, PartitionImage, PlanState};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Act {
    Move { partition: usize, to: Vec<u32>, batch: u32 },
    Kafka { partition: usize, to: Option<Vec<u32>> },
    Change { plan: usize, change: PlanChange },
    Fence(u32),
    Register(u32),
    Sync { partition: usize, isr: u8 },
    Settle { partition: usize, complete: bool },
    Tick { later_ms: i64 },
    NewController,
}

const BROKERS: u32 = 5;
const PARTITIONS: usize = 4;

fn act() -> impl Strategy<Value = Act> {
    let list = || {
        let all: Vec<u32> = (1..=BROKERS).collect();
        (Just(all).prop_shuffle(), 1..4_usize).prop_map(|(mut all, count)| {
            all.truncate(count);
            all
        })
    };
    let changes = [PlanChange::Pause, PlanChange::Resume, PlanChange::Cancel];
    prop_oneof![
        1 => (0..PARTITIONS, list(), 1..3_u32)
            .prop_map(|(partition, to, batch)| Act::Move { partition, to, batch }),
        1 => (0..PARTITIONS, proptest::option::of(list()))
            .prop_map(|(partition, to)| Act::Kafka { partition, to }),
        1 => (0..3_usize, proptest::sample::select(changes.to_vec()))
            .prop_map(|(plan, change)| Act::Change { plan, change }),
        1 => (1..=BROKERS).prop_map(Act::Fence),
        1 => (1..=BROKERS).prop_map(Act::Register),
        4 => (0..PARTITIONS, any::<u8>())
            .prop_map(|(partition, isr)| Act::Sync { partition, isr }),
        2 => (0..PARTITIONS, any::<bool>())
            .prop_map(|(partition, complete)| Act::Settle { partition, complete }),
        1 => (0..40_000_i64).prop_map(|later_ms| Act::Tick { later_ms }),
        1 => Just(Act::NewController),
    ]
}

fn nth(cluster: &Cluster, at: usize) -> PartitionId {
    let topic = cluster.image.topic_by_name("orders").unwrap().id;
    PartitionId { topic, index: PartitionIndex(u32::try_from(at).unwrap()) }
}

fn brokers(list: &[u32]) -> Vec<BrokerId> {
    list.iter().copied().map(BrokerId).collect()
}

/// The command of an act; none when it cannot happen now.
fn command_of(cluster: &mut Cluster, act: &Act, life: u128) -> Option<Command> {
    let image = &cluster.image;
    match act {
        Act::Move { partition, to, batch } => {
            let also = (partition + 1) % PARTITIONS;
            let lists = [*partition, also].map(|at| (nth(cluster, at), brokers(to)));
            let mut request = Request::new(Goal::Assign(lists.into()));
            request.options.overrides = RuleId::ALL.iter().copied().collect();
            request.options.overrides.remove(&RuleId::S007);
            request.options.batch = *batch;
            Some(start_of(cluster, &request))
        }
        Act::Kafka { partition, to } => {
            let wire = |id: &u32| i32::try_from(*id).unwrap();
            let asked = Reassignment {
                topic: "orders".to_owned(),
                index: i32::try_from(*partition).unwrap(),
                replicas: to.as_ref().map(|to| to.iter().map(wire).collect()),
            };
            Some(Command::AlterReassignments { partitions: vec![asked], allow_factor_change: true })
        }
        Act::Change { plan, change } => {
            let plan = image.active_plans().get(*plan)?.id;
            Some(Command::ChangePlan { plan, change: *change, validate_only: false })
        }
        Act::Fence(id) => {
            let (broker, why) = (BrokerId(*id), FenceReason::SessionExpired);
            Some(Command::FenceBroker { broker, epoch: None, why })
        }
        Act::Register(id) => {
            let mut new = BrokerRegistration::at(BrokerId(*id), "localhost", 9_092);
            new.incarnation.0 = uuid::Uuid::from_u128(life);
            Some(Command::RegisterBroker(new))
        }
        Act::Sync { partition, isr } => {
            let id = nth(cluster, *partition);
            let now = image.partition(id)?;
            let leader = now.leader?;
            let wanted = |it: &BrokerId| isr & (1 << it.0) != 0 && image.may_lead(*it);
            let mut isr: Vec<BrokerId> = now.replicas.iter().copied().filter(wanted).collect();
            if !isr.contains(&leader) {
                isr.push(leader);
            }
            Some(in_sync(cluster, &format!("orders/{partition}"), &isr))
        }
        Act::Settle { partition, complete } => settled_handover(cluster, *partition, *complete),
        Act::Tick { later_ms } => {
            cluster.ahead_ms += later_ms;
            Some(Command::Tick)
        }
        Act::NewController => {
            cluster.image = MetadataImage::from_snapshot(&cluster.image.to_snapshot()).unwrap();
            None
        }
    }
}

fn settled_handover(cluster: &Cluster, at: usize, complete: bool) -> Option<Command> {
    let partition = nth(cluster, at);
    let now = cluster.image.partition(partition)?;
    let (broker, to) = (now.leader?, now.handover?);
    let (leader_epoch, partition_epoch) = (now.leader_epoch, now.partition_epoch);
    let handovers = vec![Handover { partition, leader_epoch, partition_epoch, to }];
    let epoch = cluster.image.broker(broker)?.epoch;
    Some(if complete {
        Command::CompleteHandover { broker, epoch, handovers }
    } else {
        Command::CancelHandover { broker, epoch, handovers }
    })
}

/// Never fewer in-sync copies than the lesser of the target and what there was (C5), and never a
/// replica gone that still leads.
fn assert_copies(before: &MetadataImage, decision: &Decision) {
    let mut known = std::collections::BTreeMap::<PartitionId, PartitionImage>::new();
    for record in &decision.records {
        let MetadataRecord::PartitionChanged(it) = record else { continue };
        let id = PartitionId { topic: it.topic, index: it.index };
        let first = || before.partition(id).map(|it| (**it).clone());
        if let Some(old) = known.insert(id, it.now.clone()).or_else(first) {
            let goes: Vec<_> =
                old.replicas.iter().filter(|id| !it.now.replicas.contains(id)).collect();
            if goes.is_empty() {
                continue;
            }
            assert!(old.leader.is_none_or(|leader| it.now.replicas.contains(&leader)));
            let was_added = goes.iter().all(|id| old.adding.contains(id));
            let stays = old.isr.iter().filter(|id| it.now.replicas.contains(id)).count();
            assert_eq!(it.now.isr.len(), stays, "nobody joins by a step");
            // Going back, the old replicas count, and one of them holds everything.
            let least = if was_added { 1 } else { it.now.replicas.len().min(old.isr.len()) };
            assert!(stays >= least, "{old:?} to {:?}", it.now);
        }
    }
}

fn run(acts: &[Act]) -> Cluster {
    let mut cluster = Cluster::new();
    for id in 1..=BROKERS {
        cluster.submit(&parse(&cluster, &format!("register {id}"))).unwrap();
    }
    let create = "create orders at=1,2,3/2,3,4/3,4,5/4,5,1";
    cluster.submit(&parse(&cluster, create)).unwrap();
    for (life, act) in (1..).zip(acts) {
        let Some(command) = command_of(&mut cluster, act, life) else { continue };
        let before = cluster.image.clone();
        if let Ok(decision) = cluster.submit(&command) {
            assert_copies(&before, &decision);
        }
    }
    cluster
}

/// Everybody lives, everything is in sync, leaders hand over: then every plan ends.
fn come_to_rest(cluster: &mut Cluster) {
    let mut acts: Vec<Act> = (1..=BROKERS).map(Act::Register).collect();
    for _ in 0..8 {
        for partition in 0..PARTITIONS {
            acts.push(Act::Sync { partition, isr: u8::MAX });
            acts.push(Act::Settle { partition, complete: true });
        }
        acts.push(Act::Tick { later_ms: 40_000 });
    }
    for id in cluster.image.active_plans().iter().map(|it| it.id).collect::<Vec<_>>() {
        let resume =
            Command::ChangePlan { plan: id, change: PlanChange::Resume, validate_only: false };
        // One that was resumed before may have ended this one.
        let _ = cluster.submit(&resume);
    }
    for (life, act) in (1_000_000..).zip(&acts) {
        let Some(command) = command_of(cluster, act, life) else { continue };
        let before = cluster.image.clone();
        let decision = cluster.submit(&command).unwrap();
        assert_copies(&before, &decision);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn plans_keep_copies_and_end_whatever_happens(acts in proptest::collection::vec(act(), 1..60)) {
        let mut cluster = run(&acts);
        prop_assert_eq!(&cluster.image, &run(&acts).image, "the same acts, the same image");
        come_to_rest(&mut cluster);
        let image = &cluster.image;
        prop_assert_eq!(image.active_plans().len(), 0, "{:?}", image.active_plans());
        prop_assert_eq!(image.moves_bytes_per_second(), None);
        for at in 0..PARTITIONS {
            let now = image.partition(nth(&cluster, at)).unwrap();
            prop_assert!(now.adding.is_empty() && now.removing.is_empty(), "{:?}", now);
        }
        for plan in image.plans() {
            prop_assert!(matches!(plan.state, PlanState::Done | PlanState::Cancelled));
            prop_assert!(plan.moves().all(|it| it.state != MoveState::Failed));
        }
        let read = MetadataImage::from_snapshot(&image.to_snapshot()).unwrap();
        prop_assert_eq!(&read, image);
    }

    #[test]
    fn a_cancelled_plan_leaves_the_old_replicas(acts in proptest::collection::vec(act(), 1..30)) {
        // Only failures and progress, so that the first plan is the only one.
        let keep = |it: &Act| {
            matches!(it, Act::Fence(_) | Act::Register(_) | Act::Tick { .. } | Act::NewController)
        };
        let mut script = vec![Act::Move { partition: 0, to: vec![4, 5, 2], batch: 2 }];
        script.extend(acts.into_iter().filter(keep));
        script.push(Act::Change { plan: 0, change: PlanChange::Cancel });
        let mut cluster = run(&script);
        come_to_rest(&mut cluster);
        let lists = [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 1]];
        for (at, list) in lists.iter().enumerate() {
            let now = cluster.image.partition(nth(&cluster, at)).unwrap();
            prop_assert_eq!(&now.replicas, &brokers(list));
        }
    }
}
