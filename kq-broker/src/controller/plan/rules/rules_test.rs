//! One case for each rule: refused, with the partitions, the cause and what to do next; and what
//! overriding and leaving out make of it.

use std::collections::BTreeSet;

use expect_test::expect;

use super::super::world::{World, check, check_refusal, ids};
use super::super::{Goal, Options, QuorumFacts, Request, Scope, judge};
use super::RuleId;
use crate::catalogue::StaticConfig;
use crate::ids::BrokerId;

fn request(goal: Goal, typed: &str) -> Request {
    Request { typed: typed.to_owned(), ..Request::new(goal) }
}

fn replace(old: u32, new: u32) -> Request {
    let typed = format!("kq-ctl partition reassign payments --replace {old}={new}");
    request(Goal::Replace { old: BrokerId(old), new: BrokerId(new) }, &typed)
}

fn healthy() -> World {
    World::new(
        "
        broker 1 rack=a disk=1000/500 in=120/20 out=120/20
        broker 2 rack=b disk=1000/500 in=120/20 out=120/20
        broker 3 rack=c disk=1000/500 in=120/20 out=120/20
        broker 4 rack=c disk=1000/500 in=120/20 out=120/20
        topic payments min.insync.replicas=2
        partition payments on=1,2,3 size=100
        partition payments on=2,3,1 size=100
        partition payments on=3,1,2 size=100
        ",
    )
}

#[test]
fn s001_waits_for_replicas_that_lag_or_are_down() {
    let mut script = "
        broker 1 rack=a out=120/24
        broker 2 rack=b out=120/24
        broker 3 rack=c out=120/24
        broker 4 rack=c in=120/0
        broker 5 rack=a down=240
        topic payments min.insync.replicas=2
        "
    .to_owned();
    for at in 0..12 {
        script += match at {
            7 => "partition payments on=1,2,3 isr=1,3 size=19200 lag=2:41:188\n",
            9 => "partition payments on=5,2,3 isr=2,3 size=3174\n",
            _ => "partition payments on=1,2,3 size=3174\n",
        };
    }
    let world = World::new(&script);
    check_refusal(
        &world,
        &replace(3, 4),
        expect![[r#"
        refused: 2 of 12 moves break KQ-S001 (min.insync.replicas)
          payments/7   isr [1 3], min 2.  Replica 2 is 41 s behind (188 MiB); removing 3 leaves isr [1] until 4 catches up (~3m20s).
          payments/9   isr [2 3], min 2.  Replica 5 is offline (broker 5, down 4m).
        do one of:
          kq-ctl topic wait payments --for in-sync && kq-ctl partition reassign payments --replace 3=4
          kq-ctl partition reassign payments --replace 3=4 --skip-unsafe      # 10 moves, 30.9 GiB, ~5m31s
    "#]],
    );
    let mut without = replace(3, 4);
    without.options.skip_unsafe = true;
    let plan = world.propose(&without).unwrap();
    assert_eq!((plan.moves.len(), plan.left_out.len(), plan.is_refused()), (10, 2, false));
}

#[test]
fn s001_lets_healthy_partitions_lose_several_at_once() {
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3
        broker 4
        topic payments min.insync.replicas=2
        partition payments on=1,2,3 size=100
        partition single on=3 size=100
        ",
    );
    let lists = [(world.id("payments/0"), ids("1,4")), (world.id("single/0"), ids("4"))];
    let plan = world.propose(&request(Goal::Assign(lists.into()), "")).unwrap();
    assert!(!plan.is_refused(), "{}", plan.refusal);
}

#[test]
fn s002_keeps_a_replica_to_spare() {
    let goal = |factor| request(Goal::ReplicationFactor(factor), "");
    check_refusal(
        &healthy(),
        &goal(1),
        expect![[r#"
            refused: 3 of 3 moves break KQ-S002 (replication factor)
              payments/0   1 replica, min 2: acks=all would be refused for ever.
              payments/1   1 replica, min 2: acks=all would be refused for ever.
              payments/2   1 replica, min 2: acks=all would be refused for ever.
            do:
              kq-ctl topic alter payments --set min.insync.replicas=1 && <same command>
        "#]],
    );
    check(
        &healthy(),
        &goal(2),
        expect![[r#"
        partition reassign
          payments/0 [1 2 3] -> [1 3] 0 B KQ-S002
          payments/1 [2 3 1] -> [2 1] 0 B KQ-S002
          payments/2 [3 1 2] -> [3 2] 0 B KQ-S002
        3 moves, 0 B, eta 0 s
        bytes 133% -> 133%
        replicas 133% -> 133%
        leaders 133% -> 133%
        racks 0 -> 0
        KQ-S002 told of payments/0: 2 replicas, min 2: no broker could fail or restart.
        KQ-S002 told of payments/1: 2 replicas, min 2: no broker could fail or restart.
        KQ-S002 told of payments/2: 2 replicas, min 2: no broker could fail or restart.
    "#]],
    );
}

#[test]
fn s003_needs_a_target_that_is_alive() {
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3
        broker 4 down=75
        partition payments on=1,2,3 size=100
        ",
    );
    check_refusal(
        &world,
        &replace(3, 4),
        expect![[r#"
        refused: 1 of 1 moves breaks KQ-S003 (target broker)
          payments/0   broker 4 is fenced, down 1m15s.
        do one of:
          kq-ctl broker wait 4 --for alive && kq-ctl partition reassign payments --replace 3=4
          kq-ctl partition reassign payments --replace 3=4 --exclude-brokers 4
    "#]],
    );
}

#[test]
fn s004_keeps_replicas_in_more_than_one_rack() {
    let world = healthy();
    let lists = [(world.id("payments/0"), ids("3,4"))];
    let goal = Goal::Assign(lists.into());
    check_refusal(
        &world,
        &request(goal, ""),
        expect![[r#"
        refused: 1 of 1 moves breaks KQ-S004 (racks)
          payments/0   [3 4] all stand in rack c.
        do one of:
          kq-ctl partition reassign payments --racks
          <same command> --override KQ-S004
    "#]],
    );
}

#[test]
fn s005_counts_what_lands_before_anything_leaves() {
    let world = World::new(
        "
        broker 1 disk=1000/500
        broker 2 disk=1000/500
        broker 3 disk=1000/500
        broker 4 disk=1000/200
        partition payments on=1,2,3 size=100
        partition payments on=1,2,3 size=100
        ",
    );
    check_refusal(
        &world,
        &replace(3, 4),
        expect![[r#"
        refused: KQ-S005 (disk)
          broker 4   200 MiB land on it before anything leaves: 1000 MiB of 1000 MiB, 100% where 90% is the bound.
        do one of:
          kq-ctl partition reassign payments --replace 3=4 --exclude-brokers 4
          kq-ctl partition reassign payments --replace 3=4 --max-bytes 104857600
    "#]],
    );
}

#[test]
fn s006_keeps_the_last_that_is_in_sync() {
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3 down=60
        broker 4
        partition payments on=1,2 isr=1 size=100
        partition orders on=3,2 isr=3 size=100
        ",
    );
    let lists = [(world.id("payments/0"), ids("2")), (world.id("orders/0"), ids("2,4"))];
    let mut it = request(Goal::Assign(lists.into()), "");
    it.options.overrides = BTreeSet::from([RuleId::S001, RuleId::S012]);
    check_refusal(
        &world,
        &it,
        expect![[r#"
        refused: 2 of 2 moves break KQ-S006 (last in-sync replica)
          payments/0   isr [1] would go, and [2] are not in sync.
          orders/0     only [3] hold all that is committed, none of them is alive to copy it from, and none stays.
        do one of:
          kq-ctl topic wait payments --for in-sync && <same command>
          kq-ctl topic wait orders --for in-sync && <same command>
    "#]],
    );
}

#[test]
fn s007_leaves_alone_what_moves_already() {
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3
        broker 4
        partition payments on=4,1,2,3 isr=1,2,3 adding=4 removing=3 size=100
        ",
    );
    check_refusal(
        &world,
        &replace(2, 4),
        expect![[r#"
        refused: 1 of 1 moves breaks KQ-S007 (already moving)
          payments/0   it moves already: adding [4] removing [3].
        do:
          kq-ctl topic wait payments --for in-sync && kq-ctl partition reassign payments --replace 2=4
    "#]],
    );
}

#[test]
fn s008_refuses_a_plan_whose_partitions_changed() {
    let mut world = healthy();
    let plan = world.propose(&replace(3, 4)).unwrap();
    world.touch("payments/1");
    let judged = judge(&plan, &world.image, &StaticConfig::default(), &world.measured);
    expect![[r#"
        refused: 1 of 3 moves breaks KQ-S008 (stale plan)
          payments/1   it changed since the plan was made: partition epoch 0 then, 1 now.
        do:
          kq-ctl partition reassign payments --replace 3=4
    "#]]
    .assert_eq(&judged.refusal);
    let mut stubborn = plan.clone();
    stubborn.options.overrides.insert(RuleId::S008);
    let judged = judge(&stubborn, &world.image, &StaticConfig::default(), &world.measured);
    assert!(judged.is_refused(), "a stale plan cannot be overridden");
}

#[test]
fn s009_keeps_the_majority_of_the_quorum() {
    let mut world = World::new(
        "
        broker 1
        broker 2
        broker 3 down=60
        broker 4
        partition payments on=1 size=100
        ",
    );
    let goal = Goal::Decommission(BrokerId(2));
    let typed = "kq-ctl broker decommission 2";
    world.measured.quorum = Some(QuorumFacts { voters: ids("1,2,3") });
    check_refusal(
        &world,
        &request(goal, typed),
        expect![[r#"
        refused: KQ-S009 (quorum)
          broker 2   voters [1 3] would stay, of them [1] alive: 2 are needed.
        do one of:
          kq-ctl quorum add 4 && kq-ctl broker decommission 2
          kq-ctl broker wait 3 --for alive && kq-ctl broker decommission 2
    "#]],
    );
    world.measured.quorum = Some(QuorumFacts { voters: ids("1,2,4") });
    let goal = Goal::Decommission(BrokerId(2));
    assert!(!world.propose(&request(goal, typed)).unwrap().is_refused());
}

#[test]
fn s011_bounds_the_leaders_that_move_at_once() {
    let script = (0..600).fold("broker 1\nbroker 2\nbroker 3\n".to_owned(), |script, _| {
        script + "partition payments on=1,2 size=1\n"
    });
    let world = World::new(&script);
    let mut it = replace(1, 3);
    it.options.batch = 1_000;
    check_refusal(
        &world,
        &it,
        expect![[r#"
        refused: KQ-S011 (leaders at once)
          cluster   600 leaders would move at a time, 500 may.
        do:
          kq-ctl partition reassign payments --replace 1=3 --batch 500
    "#]],
    );
}

#[test]
fn s012_moves_nothing_in_a_cluster_that_is_not_well() {
    let world = World::new(
        "
        broker 1
        broker 2
        broker 3
        broker 4
        broker 5 down=30
        topic payments min.insync.replicas=2
        partition payments on=1,2,3 size=100
        partition payments on=1,5 isr=1 size=100
        partition orders on=5 size=100
        ",
    );
    let mut it = replace(3, 4);
    it.options.scope = vec![Scope { topic: "payments".to_owned(), partitions: vec![0] }];
    check_refusal(
        &world,
        &it,
        expect![[r#"
        refused: KQ-S012 (cluster health)
          cluster   1 partition is offline: orders/0.
          cluster   1 partition is below min.insync.replicas: payments/1.
        do one of:
          kq-ctl cluster wait --for healthy && kq-ctl partition reassign payments --replace 3=4
          kq-ctl partition reassign payments --replace 3=4 --override KQ-S012
    "#]],
    );
    // What gives an unhealthy partition a live replica for a dead one is how it gets well.
    let mut heal = replace(5, 4);
    heal.options.scope = vec![Scope { topic: "payments".to_owned(), partitions: vec![1] }];
    check_refusal(
        &world,
        &heal,
        expect![[r#"
        refused: KQ-S012 (cluster health)
          cluster   1 partition is offline: orders/0.
        do one of:
          kq-ctl cluster wait --for healthy && kq-ctl partition reassign payments --replace 5=4
          kq-ctl partition reassign payments --replace 5=4 --override KQ-S012
    "#]],
    );
}

#[test]
fn a_rule_is_overridden_only_by_its_name() {
    let world = healthy();
    let mut it = request(Goal::ReplicationFactor(1), "");
    it.options = Options { overrides: BTreeSet::from([RuleId::S002]), ..Options::default() };
    let plan = world.propose(&it).unwrap();
    assert!(!plan.is_refused(), "{}", plan.refusal);
    assert_eq!("kq-s002".parse(), Ok(RuleId::S002));
    assert!("KQ-S013".parse::<RuleId>().is_err());
    it.options.overrides = BTreeSet::from([RuleId::S001]);
    assert!(world.propose(&it).unwrap().is_refused());
}
