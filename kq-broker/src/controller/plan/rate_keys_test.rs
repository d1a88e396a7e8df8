//! Rates that Kafka's tools set for a reassignment, as scripts over `decide`.

use expect_test::expect;

use super::step_test::check;

#[test]
fn a_reassignment_takes_the_least_rate_concerned() {
    // That broker 4 may send little is no matter to what it receives.
    let script = "
        set broker:1 leader.replication.throttled.rate=3000
        set broker:4 follower.replication.throttled.rate=2000
        set broker:4 leader.replication.throttled.rate=5
        kafka orders/0=1,2,4";
    check(
        script,
        expect![[r#"
        set broker:1 leader.replication.throttled.rate=3000
            config of broker 1: leader.replication.throttled.rate=3000
        set broker:4 follower.replication.throttled.rate=2000
            config of broker 4: follower.replication.throttled.rate=2000
        set broker:4 leader.replication.throttled.rate=5
            config of broker 4: leader.replication.throttled.rate=5
        kafka orders/0=1,2,4
            plan f1bb started: partition reassign (kafka), 1 moves, 2000 B/s
            plan f1bb: orders-0 moving
            partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
    "#]],
    );
}

#[test]
fn changed_rates_change_the_plan_under_way() {
    let script = "
        kafka orders/0=1,2,4
        set broker:4 follower.replication.throttled.rate=2000
        set broker:1 leader.replication.throttled.rate=3000
        plan 700
        set broker:1 leader.replication.throttled.rate=4000
        unset broker:4 follower.replication.throttled.rate=
        unset broker:1 leader.replication.throttled.rate=
        unset broker:1 leader.replication.throttled.rate=";
    check(
        script,
        expect![[r#"
        kafka orders/0=1,2,4
            plan 1715 started: partition reassign (kafka), 1 moves, no throttle
            plan 1715: orders-0 moving
            partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
        set broker:4 follower.replication.throttled.rate=2000
            config of broker 4: follower.replication.throttled.rate=2000
            plan 1715 running, 2000 B/s
        set broker:1 leader.replication.throttled.rate=3000
            config of broker 1: leader.replication.throttled.rate=3000
        plan 700
            plan 1715 running, 700 B/s
        set broker:1 leader.replication.throttled.rate=4000
            config of broker 1: leader.replication.throttled.rate=4000
        unset broker:4 follower.replication.throttled.rate=
            config of broker 4: follower.replication.throttled.rate removed
            plan 1715 running, 4000 B/s
        unset broker:1 leader.replication.throttled.rate=
            config of broker 1: leader.replication.throttled.rate removed
            plan 1715 running, no throttle
        unset broker:1 leader.replication.throttled.rate=
    "#]],
    );
}

#[test]
fn rates_of_kafka_leave_other_plans_alone() {
    let script = "
        move orders/0=1,2,4
        set broker:4 follower.replication.throttled.rate=2000
        set broker:4 follower.replication.throttled.rate=0
        set broker:4 replica.alter.log.dirs.io.max.bytes.per.second=0";
    check(
        script,
        expect![[r#"
            move orders/0=1,2,4
                plan 9e57 started: partition reassign, 1 moves, no throttle
                plan 9e57: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [3] leader 1 epochs 0/1
            set broker:4 follower.replication.throttled.rate=2000
                config of broker 4: follower.replication.throttled.rate=2000
            set broker:4 follower.replication.throttled.rate=0
                config of broker 4: follower.replication.throttled.rate=0
            set broker:4 replica.alter.log.dirs.io.max.bytes.per.second=0
                config of broker 4: replica.alter.log.dirs.io.max.bytes.per.second=0
        "#]],
    );
}

#[test]
fn a_rate_of_zero_is_a_rate_as_in_kafka() {
    for key in super::RATE_KEYS {
        let key = crate::catalogue::broker_key(key).unwrap();
        assert!(key.verify("0").is_ok() && key.verify("-1").is_err(), "{}", key.name);
    }
}
