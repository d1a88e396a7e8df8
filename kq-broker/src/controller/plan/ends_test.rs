//! How plans end that others take a hand in: Kafka's tools, growing topics, freezes.

use expect_test::expect;

use super::super::script::{Cluster, parse};
use super::step_test::check;
use super::*;
use crate::ids::PartitionIndex;

#[test]
fn plans_that_kafka_overrides_or_cancels_are_cancelled() {
    check(
        "
        move orders/0=1,2,4
        kafka orders/0=1,3,4
        kafka orders/0=
        ",
        expect![[r#"
            move orders/0=1,2,4
                plan 9e57 started: partition reassign, 1 moves, no throttle
                plan 9e57: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            kafka orders/0=1,3,4
                plan 9e57: orders-0 returned (reassigned anew)
                plan 5384 started: partition reassign (kafka), 1 moves, no throttle
                plan 5384: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [2] leader 1 epochs 0/2
                plan 9e57 cancelled, no throttle
            kafka orders/0=
                plan 5384: orders-0 returning (cancelled by a client)
                plan 5384: orders-0 returned
                partition orders-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 1/3
                plan 5384 cancelled, no throttle
        "#]],
    );
}

#[test]
fn partitions_added_during_a_move_take_the_count_it_leads_to() {
    check(
        "
        create small at=1,2
        move small/0=3,2
        grow small to=2
        plan cancel
        move orders/0=1,2
        grow orders to=2
        ",
        expect![[r#"
            create small at=1,2
                topic small created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            move small/0=3,2
                plan 54b0 started: partition reassign, 1 moves, no throttle
                plan 54b0: AAAAAAAAAKIAAAAAAAAAAA-0 moving
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2] adding [3] removing [1] leader 1 epochs 0/1
            grow small to=2
                partition AAAAAAAAAKIAAAAAAAAAAA-1: replicas [4,1] isr [4,1] leader 4 epochs 0/0
            plan cancel
                plan 54b0 cancelling, no throttle
                plan 54b0: AAAAAAAAAKIAAAAAAAAAAA-0 returning
                plan 54b0: AAAAAAAAAKIAAAAAAAAAAA-0 returned
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 1/2
                plan 54b0 cancelled, no throttle
            move orders/0=1,2
                plan c04d started: partition reassign, 1 moves, no throttle
                plan c04d: orders-0 moving
                partition orders-0: replicas [1,2,3] isr [1,2,3] removing [3] leader 1 epochs 0/1
                plan c04d: orders-0 done
                partition orders-0: replicas [1,2] isr [1,2] leader 1 epochs 1/2
                plan c04d done, no throttle
            grow orders to=2
                partition orders-1: replicas [3,4] isr [3,4] leader 3 epochs 0/0
        "#]],
    );
}

#[test]
fn a_freeze_that_keeps_a_move_from_ending_is_told_with_it() {
    let mut cluster = Cluster::new();
    let setup = "register 1 / register 2 / register 3 / create orders at=1,2 / freeze orders";
    for line in setup.split(" / ") {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    let topic = cluster.image.topic_by_name("orders").unwrap().id;
    let partition = PartitionId { topic, index: PartitionIndex(0) };
    let told = |to: &str| {
        let request = Request::new(Goal::Assign([(partition, super::world::ids(to))].into()));
        let (fixed, measured) = (&cluster.settings.fixed, Measured::default());
        let plan = propose(&request, &cluster.image, fixed, &measured).unwrap();
        let verdict = plan.verdicts.iter().find(|it| it.rule == RuleId::S011).unwrap();
        (plan.is_refused(), verdict.findings.iter().map(|it| it.cause.clone()).collect::<String>())
    };
    assert_eq!(told("1,3"), (false, String::new()));
    let cause = "it ends after the freeze: broker 1 leads and is to go, and the leaders of orders \
                 are frozen (): kq-ctl leader policy unfreeze orders";
    assert_eq!(told("2,3"), (false, cause.to_owned()));
}
