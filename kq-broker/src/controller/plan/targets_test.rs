//! What each goal makes of a cluster, and what it costs.

use expect_test::expect;

use super::world::{World, check, ids};
use super::*;
use crate::ids::BrokerId;

fn three_racks() -> World {
    World::new(
        "
        broker 1 rack=a disk=10240/6144 in=120/0 out=120/20
        broker 2 rack=b disk=10240/6144 in=120/0 out=120/20
        broker 3 rack=c disk=10240/6144 in=120/0 out=120/20
        broker 4 rack=a disk=10240/8192 in=120/0 out=120/20
        partition orders on=1,2,3 size=1000
        partition orders on=2,3,1 size=2000
        partition orders on=3,1,2 size=500
        partition audit on=1,2 size=100
        ",
    )
}

fn of(goal: Goal) -> Request {
    Request::new(goal)
}

fn within(goal: Goal, options: Options) -> Request {
    Request { options, ..Request::new(goal) }
}

#[test]
fn one_broker_takes_the_place_of_another() {
    let goal = Goal::Replace { old: BrokerId(1), new: BrokerId(4) };
    check(
        &three_racks(),
        &of(goal),
        expect![[r#"
        partition reassign
          audit/0 [1 2] -> [4 2] 100 MiB
          orders/0 [1 2 3] -> [4 2 3] 1000 MiB
          orders/1 [2 3 1] -> [2 3 4] 1.9 GiB
          orders/2 [3 1 2] -> [3 4 2] 500 MiB
        4 moves, 3.5 GiB, eta 30 s by broker 4 receive at 120 MiB/s of 120 MiB, peak 56% on 4
        bytes 134% -> 134%
        replicas 145% -> 145%
        leaders 200% -> 200%
        racks 0 -> 0
    "#]],
    );
}

#[test]
fn a_drained_broker_is_replaced_in_its_own_rack() {
    let goal = Goal::Drain { broker: BrokerId(1), leaders_only: false };
    check(
        &three_racks(),
        &of(goal),
        expect![[r#"
        broker drain
          audit/0 [1 2] -> [4 2] 100 MiB
          orders/0 [1 2 3] -> [4 2 3] 1000 MiB
          orders/1 [2 3 1] -> [2 3 4] 1.9 GiB
          orders/2 [3 1 2] -> [3 4 2] 500 MiB
        4 moves, 3.5 GiB, eta 30 s by broker 4 receive at 120 MiB/s of 120 MiB, peak 56% on 4
        bytes 134% -> 134%
        replicas 145% -> 145%
        leaders 200% -> 200%
        racks 0 -> 0
    "#]],
    );
}

#[test]
fn only_leaders_leave_a_broker_when_asked_so() {
    let goal = Goal::Drain { broker: BrokerId(1), leaders_only: true };
    check(
        &three_racks(),
        &of(goal),
        expect![[r#"
        broker drain
          audit/0 [1 2] -> [2 1] 0 B
          orders/0 [1 2 3] -> [2 3 1] 0 B
        2 moves, 0 B, eta 0 s
        bytes 134% -> 134%
        replicas 145% -> 145%
        leaders 200% -> 300%
        racks 0 -> 0
    "#]],
    );
}

#[test]
fn nobody_to_take_a_replica_is_no_plan() {
    let goal = Goal::Drain { broker: BrokerId(3), leaders_only: false };
    let options = Options { exclude: ids("4"), ..Options::default() };
    check(
        &three_racks(),
        &within(goal, options),
        expect![[r#"
        no plan: 3 partitions find no broker for a replica, orders/0 first; brokers that could take one: 1, 2 (kafka.INVALID_REPLICATION_FACTOR)
    "#]],
    );
    check(
        &three_racks(),
        &of(Goal::Decommission(BrokerId(9))),
        expect![[r#"
        no plan: no broker with id 9 is registered (kafka.BROKER_ID_NOT_REGISTERED)
    "#]],
    );
    check(
        &three_racks(),
        &of(Goal::ReplicationFactor(0)),
        expect![[r#"
        no plan: a replication factor is at least 1 (kafka.INVALID_REPLICATION_FACTOR)
    "#]],
    );
    let scope = vec![Scope { topic: "audit".to_owned(), partitions: Vec::new() }];
    let options = Options { scope, ..Options::default() };
    let removed = within(Goal::Remove(BrokerId(1)), options);
    check(
        &three_racks(),
        &removed,
        expect![[r#"
            partition reassign
              audit/0 [1 2] -> [2] 0 B KQ-S002
            1 moves, 0 B, eta 0 s
            bytes 134% -> 135%
            replicas 145% -> 160%
            leaders 200% -> 200%
            racks 0 -> 0
            KQ-S002 told of audit/0: 1 replica, min 1: no broker could fail or restart.
        "#]],
    );
}

#[test]
fn a_factor_grows_into_empty_racks_and_shrinks_out_of_full_ones() {
    let scope = vec![Scope { topic: "audit".to_owned(), partitions: Vec::new() }];
    let options = Options { scope, ..Options::default() };
    check(
        &three_racks(),
        &within(Goal::ReplicationFactor(3), options),
        expect![[r#"
        partition reassign
          audit/0 [1 2] -> [1 2 3] 100 MiB
        1 moves, 100 MiB, eta 1 s by broker 1 send at 100 MiB/s of 100 MiB, peak 41% on 3
        bytes 134% -> 133%
        replicas 145% -> 133%
        leaders 200% -> 200%
        racks 0 -> 0
    "#]],
    );
    let world = World::new(
        "
        broker 1 rack=a
        broker 2 rack=b
        broker 3 rack=a
        partition orders on=1,3,2 size=10
        partition orders on=2,1,3 isr=2,3 size=10
        ",
    );
    check(
        &world,
        &of(Goal::ReplicationFactor(2)),
        expect![[r#"
        partition reassign
          orders/0 [1 3 2] -> [1 2] 0 B
          orders/1 [2 1 3] -> [2 3] 0 B
        2 moves, 0 B, eta 0 s
        bytes 0% -> 75%
        replicas 0% -> 75%
        leaders 150% -> 150%
        racks 0 -> 0
    "#]],
    );
}

#[test]
fn racks_without_a_replica_get_one() {
    let world = World::new(
        "
        broker 1 rack=a
        broker 2 rack=a
        broker 3 rack=b
        broker 4 rack=c
        partition orders on=1,2,3 size=10
        partition orders on=1,3,4 size=10
        partition orders on=1,2 size=10
        ",
    );
    check(
        &world,
        &of(Goal::Racks),
        expect![[r#"
        partition reassign
          orders/0 [1 2 3] -> [4 2 3] 10 MiB
          orders/2 [1 2] -> [3 2] 10 MiB
        2 moves, 20 MiB, eta unknown, peak ?% on 3, peak ?% on 4
        bytes 100% -> 100%
        replicas 100% -> 100%
        leaders 400% -> 133%
        racks 2 -> 0
        KQ-S005 told of broker 3: 10 MiB land on it, and its disk is unknown.
        KQ-S005 told of broker 4: 10 MiB land on it, and its disk is unknown.
    "#]],
    );
}

#[test]
fn a_list_for_whole_topics_takes_turns() {
    let scope = vec![Scope { topic: "orders".to_owned(), partitions: Vec::new() }];
    let mut options = Options { scope, ..Options::default() };
    let goal = Goal::To(ids("2,4"));
    check(
        &three_racks(),
        &within(goal.clone(), options.clone()),
        expect![[r#"
        partition reassign
          orders/0 [1 2 3] -> [2 4] 1000 MiB
          orders/1 [2 3 1] -> [4 2] 1.9 GiB
          orders/2 [3 1 2] -> [2 4] 500 MiB
        3 moves, 3.4 GiB, eta 30 s by broker 4 receive at 120 MiB/s of 120 MiB, peak 55% on 4
        bytes 134% -> 200%
        replicas 145% -> 200%
        leaders 200% -> 200%
        racks 0 -> 0
    "#]],
    );
    options.scope[0].partitions = vec![1];
    check(
        &three_racks(),
        &within(goal, options),
        expect![[r#"
        partition reassign
          orders/1 [2 3 1] -> [2 4] 1.9 GiB
        1 moves, 1.9 GiB, eta 20 s by broker 2 send at 100 MiB/s of 100 MiB, peak 40% on 4
        bytes 134% -> 96%
        replicas 145% -> 120%
        leaders 200% -> 200%
        racks 0 -> 0
    "#]],
    );
}

#[test]
fn bytes_are_balanced_with_few_moves_and_within_racks() {
    let world = World::new(
        "
        broker 1 rack=a
        broker 2 rack=b
        broker 3 rack=a
        broker 4 rack=b
        partition orders on=1,2 size=100
        partition orders on=1,2 size=200
        partition orders on=2,1 size=300
        partition orders on=1,2 size=400
        ",
    );
    check(
        &world,
        &of(Goal::Balance(Objective::Bytes)),
        expect![[r#"
            cluster rebalance
              orders/0 [1 2] -> [2 3] 100 MiB
              orders/1 [1 2] -> [1 4] 200 MiB
              orders/2 [2 1] -> [4 1] 300 MiB
              orders/3 [1 2] -> [3 2] 400 MiB
            4 moves, 1000 MiB, eta unknown, peak ?% on 3, peak ?% on 4
            bytes 200% -> 0%
            replicas 200% -> 0%
            leaders 300% -> 0%
            racks 0 -> 0
            KQ-S005 told of broker 3: 500 MiB land on it, and its disk is unknown.
            KQ-S005 told of broker 4: 500 MiB land on it, and its disk is unknown.
        "#]],
    );
    let options = Options { bytes_max: Some(350 << 20), ..Options::default() };
    check(
        &world,
        &within(Goal::Balance(Objective::Bytes), options),
        expect![[r#"
            cluster rebalance
              orders/2 [2 1] -> [2 3] 300 MiB
            1 moves, 300 MiB, eta unknown, peak ?% on 3
            bytes 200% -> 200%
            replicas 200% -> 200%
            leaders 300% -> 300%
            racks 0 -> 0
            KQ-S005 told of broker 3: 300 MiB land on it, and its disk is unknown.
        "#]],
    );
}

#[test]
fn leaders_are_balanced_along_chains() {
    // 1 leads four, 3 leads two: what 1 hands to 2 lets 2 hand one on to 3.
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3
        partition a on=1,2
        partition a on=1,2
        partition a on=1,2
        partition a on=1,2
        partition b on=2,3
        partition b on=2,3
        partition b on=2,3
        partition c on=3,2
        partition c on=3,2
        ",
    );
    check(
        &world,
        &of(Goal::Balance(Objective::Leaders)),
        expect![[r#"
        leader balance
          a/0 [1 2] -> [2 1] 0 B
          b/0 [2 3] -> [3 2] 0 B
        2 moves, 0 B, eta 0 s
        bytes ? -> ?
        replicas 83% -> 83%
        leaders 66% -> 0%
        racks 0 -> 0
    "#]],
    );
}

#[test]
fn the_throttle_bounds_the_time_and_auto_leaves_a_fifth() {
    let goal = Goal::Drain { broker: BrokerId(1), leaders_only: false };
    for (throttle, want) in [
        (Throttle::Rate(10 << 20), expect!["6m by 4 receive at 10 MiB/s, lease Some(10485760)"]),
        (Throttle::Auto, expect!["38 s by 4 receive at 96 MiB/s, lease Some(100663296)"]),
        (Throttle::Off, expect!["30 s by 4 receive at 120 MiB/s, lease None"]),
    ] {
        let options = Options { throttle, ..Options::default() };
        let plan = three_racks().propose(&within(goal.clone(), options)).unwrap();
        let it = plan.summary.bottleneck.unwrap();
        let eta = words::Millis(plan.summary.eta_ms.unwrap());
        let rate = words::Bytes(it.rate);
        let lease = plan.rate();
        let (broker, direction) = (it.broker, it.direction);
        want.assert_eq(&format!("{eta} by {broker} {direction} at {rate}/s, lease {lease:?}"));
    }
}

#[test]
fn the_same_question_has_the_same_plan() {
    let request = of(Goal::Drain { broker: BrokerId(1), leaders_only: false });
    let (one, two) = (three_racks().propose(&request), three_racks().propose(&request));
    assert_eq!(one, two);
    let mut later = three_racks();
    later.touch("orders/0");
    assert_ne!(one.unwrap().id, later.propose(&request).unwrap().id);
}

#[test]
fn partitions_without_a_place_are_left_out_when_asked_so() {
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3
        partition full on=1,2,3 size=10
        partition roomy on=1,3 size=10
        ",
    );
    let goal = Goal::Drain { broker: BrokerId(3), leaders_only: false };
    let refused = world.propose(&of(goal.clone())).unwrap_err();
    assert!(refused.hint.is_some_and(|it| it.ends_with("--skip-unsafe")), "{}", refused.message);
    let options = Options { skip_unsafe: true, ..Options::default() };
    let plan = world.propose(&within(goal, options.clone())).unwrap();
    let moved: Vec<&str> = plan.moves.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(moved, ["roomy/0"]);
    let why = "no broker is left that could take a replica of it, of those that could: 1, 2";
    assert_eq!(plan.left_out.len(), 1);
    assert_eq!((plan.left_out[0].name.as_str(), plan.left_out[0].why.as_str()), ("full/0", why));
    let world = World::new("broker 1\nbroker 2\npartition one on=1\npartition two on=1,2");
    let plan = world.propose(&within(Goal::Remove(BrokerId(1)), options)).unwrap();
    assert_eq!(plan.left_out[0].name, "one/0");
    assert_eq!(plan.left_out[0].why, "it would have no replica left");
}

#[test]
fn brokers_take_turns_at_a_whole_topic_and_not_where_partitions_are_named() {
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3
        partition orders on=1,2 size=10
        partition orders on=1,2 size=10
        partition audit on=1,2 size=10
        partition audit on=1,2 size=10
        ",
    );
    let scope = |topic: &str, partitions: &[u32]| Scope {
        topic: topic.to_owned(),
        partitions: partitions.to_vec(),
    };
    let scope = vec![scope("orders", &[0, 1]), scope("audit", &[])];
    let options = Options { scope, ..Options::default() };
    let plan = world.propose(&within(Goal::To(ids("3,2")), options)).unwrap();
    let to = |name: &str| plan.moves.iter().find(|it| it.name == name).map(|it| it.to.clone());
    assert_eq!((to("orders/0"), to("orders/1")), (Some(ids("3,2")), Some(ids("3,2"))));
    assert_eq!((to("audit/0"), to("audit/1")), (Some(ids("3,2")), Some(ids("2,3"))));
}

#[test]
fn a_stale_plan_names_what_is_gone_as_it_was_called() {
    let goal = Goal::Replace { old: BrokerId(1), new: BrokerId(4) };
    let plan = three_racks().propose(&of(goal)).unwrap();
    let gone = World::new("broker 1\nbroker 2\nbroker 3\nbroker 4");
    let judged = judge_order(&plan.order(), &gone.image, &StaticConfig::default(), &gone.measured);
    assert!(judged.refusal.contains("orders/0   it is gone."), "{}", judged.refusal);
}
