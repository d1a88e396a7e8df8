//! Whole plans as scripts over `decide`, with failures in between.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::super::script::{Cluster, parse, write_refusals};
use super::super::{AlterPartition, Command};
use super::world::ids;
use super::*;
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::Lease;

/// Lines beside those of [`parse`]: `move orders/0=1,2,4 ..`, `plan pause`, `sync orders 1,2,4`,
/// `later 30000`.
fn command(cluster: &Cluster, line: &str) -> Option<Command> {
    let mut words = line.split_whitespace();
    let (verb, rest) = (words.next().unwrap(), words.collect::<Vec<_>>());
    Some(match verb {
        "move" => {
            let mut batches = rest.iter().filter_map(|it| it.strip_prefix("batch="));
            let lists = rest.iter().filter(|it| it.contains('/')).map(|it| {
                let (name, list) = it.split_once('=').unwrap();
                (partition(cluster, name), ids(list))
            });
            let mut request = Request::new(Goal::Assign(lists.collect()));
            request.options.overrides = RuleId::ALL.iter().copied().collect();
            if let Some(batch) = batches.next() {
                request.options.batch = batch.parse().unwrap();
            }
            start_of(cluster, &request)
        }
        "drain" => {
            let broker = BrokerId(rest[0].parse().unwrap());
            start_of(cluster, &Request::new(Goal::Drain { broker, leaders_only: false }))
        }
        "rollback" => {
            let id = cluster.image.plans().next().unwrap().id;
            start_of(cluster, &Request::new(Goal::Undo(id)))
        }
        "plan" => {
            let plan = cluster.image.active_plans().first().map_or(PlanId(1), |it| it.id);
            let change = match rest[0] {
                "pause" => PlanChange::Pause,
                "resume" => PlanChange::Resume,
                "cancel" => PlanChange::Cancel,
                rate => PlanChange::Throttle(Lease {
                    throttle: Throttle::Rate(rate.parse().unwrap()),
                    bytes_per_second: Some(rate.parse().unwrap()),
                }),
            };
            Command::ChangePlan { plan, change, validate_only: false }
        }
        "kafka" => {
            let partitions = rest.iter().map(|it| reassignment(it)).collect();
            Command::AlterReassignments { partitions, allow_factor_change: true }
        }
        "sync" => in_sync(cluster, rest[0], &ids(rest[1])),
        "later" => return None,
        _ => parse(cluster, line),
    })
}

pub(super) fn start_of(cluster: &Cluster, request: &Request) -> Command {
    let fixed = &cluster.settings.fixed;
    let plan = propose(request, &cluster.image, fixed, &Measured::default()).unwrap();
    Command::StartPlan { order: plan.order(), validate_only: false }
}

fn partition(cluster: &Cluster, name: &str) -> PartitionId {
    let (topic, index) = name.split_once('/').unwrap_or((name, "0"));
    let topic = cluster.image.topic_by_name(topic).unwrap().id;
    PartitionId { topic, index: PartitionIndex(index.parse().unwrap()) }
}

fn reassignment(text: &str) -> Reassignment {
    let (name, list) = text.split_once('=').unwrap();
    let (topic, index) = name.split_once('/').unwrap();
    let replicas = (!list.is_empty())
        .then(|| list.split(',').map(|id| id.parse().unwrap()).collect::<Vec<i32>>());
    Reassignment { topic: topic.to_owned(), index: index.parse().unwrap(), replicas }
}

/// The leader proposes an ISR.
pub(super) fn in_sync(cluster: &Cluster, name: &str, isr: &[BrokerId]) -> Command {
    let partition = partition(cluster, name);
    let now = cluster.image.partition(partition).unwrap();
    let broker = now.leader.unwrap_or_default();
    let epoch_of = |id: BrokerId| cluster.image.broker(id).map(|it| it.epoch).unwrap_or_default();
    let proposal = AlterPartition {
        partition,
        leader_epoch: now.leader_epoch,
        partition_epoch: now.partition_epoch,
        isr: isr.iter().map(|id| (*id, Some(epoch_of(*id)))).collect(),
    };
    Command::AlterPartitions { broker, epoch: epoch_of(broker), partitions: vec![proposal] }
}

#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    let mut cluster = Cluster::new();
    let mut got = String::new();
    let setup = "register 1 / register 2 / register 3 / register 4 / create orders at=1,2,3";
    for line in setup.split(" / ") {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(got, "{line}").unwrap();
        let Some(command) = command(&cluster, line) else {
            cluster.ahead_ms += line.trim_start_matches("later ").parse::<i64>().unwrap();
            continue;
        };
        // Whoever leads now has only what is committed.
        cluster.image = MetadataImage::from_snapshot(&cluster.image.to_snapshot()).unwrap();
        match cluster.submit(&command) {
            Ok(decision) => {
                for record in &decision.records {
                    let line = record.to_string().replace("AAAAAAAAAKEAAAAAAAAAAA", "orders");
                    writeln!(got, "    {line}").unwrap();
                }
                write_refusals(&decision.reply, &mut got);
            }
            Err(err) => writeln!(got, "    refused: {err}").unwrap(),
        }
    }
    want.assert_eq(&got);
}

#[test]
fn a_replica_is_added_before_another_goes() {
    check(
        "
        move orders/0=1,2,4
        sync orders 1,2,3,4
        ",
        expect![[r#"
            move orders/0=1,2,4
                plan 9e57 started: partition reassign, 1 moves, no throttle
                plan 9e57: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            sync orders 1,2,3,4
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [3] leader 1 epochs 0/2
                plan 9e57: orders-0 done
                partition orders-0: replicas [1,2,4] isr [1,2,4] leader 1 epochs 1/3
                plan 9e57 done, no throttle
        "#]],
    );
}

#[test]
fn a_leader_hands_over_before_its_replica_goes() {
    check(
        "
        move orders/0=4,2,3
        sync orders 1,2,3,4
        cancel orders
        tick
        later 30000
        tick
        done orders
        ",
        expect![[r#"
            move orders/0=4,2,3
                plan b401 started: partition reassign, 1 moves, no throttle
                plan b401: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [1] leader 1 epochs 0/1
            sync orders 1,2,3,4
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [1] leader 1 epochs 0/2
                plan b401: orders-0 moving, leader asked to hand over
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [1] leader 1 handing over to 4 epochs 0/3
            cancel orders
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [1] leader 1 epochs 0/4
            tick
                -> purged 0
            later 30000
            tick
                plan b401: orders-0 moving, leader asked to hand over
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [1] leader 1 handing over to 4 epochs 0/5
                -> purged 0
            done orders
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [1] leader 4 epochs 1/6
                plan b401: orders-0 done
                partition orders-0: replicas [4,2,3] isr [2,3,4] leader 4 epochs 2/7
                plan b401 done, no throttle
        "#]],
    );
}

#[test]
fn a_move_waits_for_a_target_that_was_fenced() {
    check(
        "
        move orders/0=1,2,4
        fence 4
        sync orders 1,2,3
        register 4 life=2
        sync orders 1,2,3,4
        ",
        expect![[r#"
            move orders/0=1,2,4
                plan 9e57 started: partition reassign, 1 moves, no throttle
                plan 9e57: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            fence 4
                broker 4 fenced
            sync orders 1,2,3
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/2
            register 4 life=2
                broker 4 registered
                -> epoch 9
            sync orders 1,2,3,4
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [3] leader 1 epochs 0/3
                plan 9e57: orders-0 done
                partition orders-0: replicas [1,2,4] isr [1,2,4] leader 1 epochs 1/4
                plan 9e57 done, no throttle
        "#]],
    );
}

#[test]
fn a_cancelled_move_goes_back_and_nothing_more_begins() {
    check(
        "
        create audit at=1,2,3
        move orders/0=1,2,4 audit/0=1,2,4 batch=1
        plan cancel
        plan cancel
        ",
        expect![[r#"
            create audit at=1,2,3
                topic audit created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            move orders/0=1,2,4 audit/0=1,2,4 batch=1
                plan 3250 started: partition reassign, 2 moves, no throttle
                plan 3250: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            plan cancel
                plan 3250 cancelling, no throttle
                plan 3250: orders-0 returning
                plan 3250: AAAAAAAAAKIAAAAAAAAAAA-0 skipped (the plan was cancelled)
                plan 3250: orders-0 returned
                partition orders-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 1/2
                plan 3250 cancelled, no throttle
            plan cancel
                refused: there is no plan 0001 (kq.UNKNOWN_PLAN)
        "#]],
    );
}

#[test]
fn a_leader_that_was_added_hands_back_when_cancelled() {
    check(
        "
        create audit at=1,2
        move audit/0=3,4
        sync audit 1,3
        fence 1
        plan cancel
        register 1 life=2
        sync audit 3,1
        done audit
        ",
        expect![[r#"
            create audit at=1,2
                topic audit created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            move audit/0=3,4
                plan 4f5a started: partition reassign, 1 moves, no throttle
                plan 4f5a: AAAAAAAAAKIAAAAAAAAAAA-0 moving
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [1,2] adding [3,4] removing [1,2] leader 1 epochs 0/1
            sync audit 1,3
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [1,3] last known [2] adding [3,4] removing [1,2] leader 1 epochs 0/2
            fence 1
                broker 1 fenced
                partition orders-0: replicas [1,2,3] isr [2,3] last known [1] leader 2 epochs 1/1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [3] last known [1,2] adding [3,4] removing [1,2] leader 3 epochs 1/3
            plan cancel
                plan 4f5a cancelling, no throttle
                plan 4f5a: AAAAAAAAAKIAAAAAAAAAAA-0 returning
            register 1 life=2
                broker 1 registered
                -> epoch 11
            sync audit 3,1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [3,1] last known [2] adding [3,4] removing [1,2] leader 3 epochs 1/4
                plan 4f5a: AAAAAAAAAKIAAAAAAAAAAA-0 returning, leader asked to hand over
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [3,1] last known [2] adding [3,4] removing [1,2] leader 3 handing over to 1 epochs 1/5
            done audit
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [3,1] last known [2] adding [3,4] removing [1,2] leader 1 epochs 2/6
                plan 4f5a: AAAAAAAAAKIAAAAAAAAAAA-0 returned
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 3/7
                plan 4f5a cancelled, no throttle
        "#]],
    );
}

#[test]
fn a_paused_plan_ends_what_moves_and_begins_nothing() {
    check(
        "
        create audit at=1,2,3
        move orders/0=1,2,4 audit/0=1,2,4 batch=1
        plan pause
        plan 1000000
        sync orders 1,2,3,4
        plan resume
        sync audit 1,2,3,4
        ",
        expect![[r#"
            create audit at=1,2,3
                topic audit created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            move orders/0=1,2,4 audit/0=1,2,4 batch=1
                plan 3250 started: partition reassign, 2 moves, no throttle
                plan 3250: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            plan pause
                plan 3250 paused, no throttle
            plan 1000000
                plan 3250 paused, 1000000 B/s
            sync orders 1,2,3,4
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [3] leader 1 epochs 0/2
                plan 3250: orders-0 done
                partition orders-0: replicas [1,2,4] isr [1,2,4] leader 1 epochs 1/3
            plan resume
                plan 3250 running, 1000000 B/s
                plan 3250: AAAAAAAAAKIAAAAAAAAAAA-0 moving
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            sync audit 1,2,3,4
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [3] leader 1 epochs 0/2
                plan 3250: AAAAAAAAAKIAAAAAAAAAAA-0 done
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,4] isr [1,2,4] leader 1 epochs 1/3
                plan 3250 done, 1000000 B/s
        "#]],
    );
}

#[test]
fn a_drain_cordons_first_and_is_undone_by_a_plan() {
    check(
        "
        drain 3
        sync orders 1,2,3,4
        uncordon 3
        rollback
        sync orders 1,2,4,3
        ",
        expect![[r#"
            drain 3
                broker 3 cordoned
                plan 9e57 started: broker drain, 1 moves, no throttle
                plan 9e57: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            sync orders 1,2,3,4
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [3] leader 1 epochs 0/2
                plan 9e57: orders-0 done
                partition orders-0: replicas [1,2,4] isr [1,2,4] leader 1 epochs 1/3
                plan 9e57 done, no throttle
            uncordon 3
                broker 3 uncordoned
            rollback
                plan 3134 started: plan rollback, 1 moves, no throttle
                plan 3134: orders-0 moving
                partition orders-0: replicas [1,2,4,3] isr [1,2,4] adding [3] removing [4] leader 1 epochs 1/4
            sync orders 1,2,4,3
                partition orders-0: replicas [1,2,4,3] isr [1,2,4,3] adding [3] removing [4] leader 1 epochs 1/5
                plan 3134: orders-0 done
                partition orders-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 2/6
                plan 3134 done, no throttle
        "#]],
    );
}

#[test]
fn leaders_alone_move_without_new_replicas() {
    check(
        "
        move orders/0=2,1,3
        done orders
        ",
        expect![[r#"
            move orders/0=2,1,3
                plan 4afd started: partition reassign, 1 moves, no throttle
                plan 4afd: orders-0 moving
                plan 4afd: orders-0 moving, leader asked to hand over
                partition orders-0: replicas [1,2,3] isr [1,2,3] leader 1 handing over to 2 epochs 0/1
            done orders
                partition orders-0: replicas [1,2,3] isr [1,2,3] leader 2 epochs 1/2
                plan 4afd: orders-0 done
                partition orders-0: replicas [2,1,3] isr [1,2,3] leader 2 epochs 1/3
                plan 4afd done, no throttle
        "#]],
    );
}

#[test]
fn frozen_leaders_stay_and_replicas_move_around_them() {
    check(
        "
        freeze all
        move orders/0=4,2,3
        sync orders 1,2,3,4
        unfreeze all
        ",
        expect![[r#"
            freeze all
                leaders of all topics frozen
            move orders/0=4,2,3
                plan b401 started: partition reassign, 1 moves, no throttle
                plan b401: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [1] leader 1 epochs 0/1
            sync orders 1,2,3,4
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [1] leader 1 epochs 0/2
            unfreeze all
                leaders of all topics unfrozen
                plan b401: orders-0 moving, leader asked to hand over
                partition orders-0: replicas [1,2,3,4] isr [1,2,3,4] adding [4] removing [1] leader 1 handing over to 4 epochs 0/3
        "#]],
    );
}

#[test]
fn kafka_reassigns_cancels_and_reassigns_anew() {
    check(
        "
        kafka orders/0=1,2,4 none/0=1 orders/7=1
        kafka orders/0=1,2,4
        kafka orders/0=1,3,4
        kafka orders/0=
        kafka orders/0=
        kafka orders/0=1,9
        kafka orders/0=1,1
        kafka orders/0=1,2,3
        ",
        expect![[r#"
            kafka orders/0=1,2,4 none/0=1 orders/7=1
                plan 1715 started: partition reassign (kafka), 1 moves, no throttle
                plan 1715: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
                -> There is no partition none-0. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
                -> There is no partition orders-7. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
            kafka orders/0=1,2,4
            kafka orders/0=1,3,4
                plan 1715: orders-0 returned (reassigned anew)
                plan f1bb started: partition reassign (kafka), 1 moves, no throttle
                plan f1bb: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [2] leader 1 epochs 0/2
                plan 1715 cancelled, no throttle
            kafka orders/0=
                plan f1bb: orders-0 returning (cancelled by a client)
                plan f1bb: orders-0 returned
                partition orders-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 1/3
                plan f1bb cancelled, no throttle
            kafka orders/0=
                -> Partition orders-0 is not being reassigned. (kafka.NO_REASSIGNMENT_IN_PROGRESS)
            kafka orders/0=1,9
                -> The replica assignment names broker 9, which is unknown. (kafka.INVALID_REPLICA_ASSIGNMENT)
            kafka orders/0=1,1
                -> The replica assignment names broker 1 twice. (kafka.INVALID_REPLICA_ASSIGNMENT)
            kafka orders/0=1,2,3
        "#]],
    );
}

#[test]
fn a_plan_that_breaks_a_rule_or_is_stale_is_not_started() {
    let mut cluster = Cluster::new();
    for line in ["register 1", "register 2", "register 3", "create orders at=1,2"] {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    let lists = [(partition(&cluster, "orders"), ids("1,3"))];
    let start = start_of(&cluster, &Request::new(Goal::Assign(lists.into())));
    cluster.submit(&parse(&cluster, "fence 3")).unwrap();
    let refused = cluster.submit(&start).unwrap_err();
    assert_eq!(refused.stable_code(), "kq.INTERLOCK", "{refused}");
    cluster.submit(&parse(&cluster, "fence 2")).unwrap();
    let refused = cluster.submit(&start).unwrap_err();
    assert_eq!(refused.stable_code(), "kq.STALE_PLAN", "{refused}");
}

#[test]
fn commands_of_plans_travel_as_json() {
    let cluster = Cluster::new();
    for line in ["plan cancel", "plan 7", "kafka orders/0=1,2", "kafka orders/0="] {
        let command = command(&cluster, line).unwrap();
        let text = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command, "{text}");
    }
}
