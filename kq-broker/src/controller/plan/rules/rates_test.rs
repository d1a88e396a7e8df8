//! KQ-S010, what `--throttle auto` comes to, and the bottleneck that is named.

use expect_test::expect;

use super::super::world::{World, check, check_refusal};
use super::super::{Goal, MeasuredRate, Request, Throttle};
use crate::ids::BrokerId;

const MIB: u64 = 1 << 20;

fn replace(throttle: Throttle) -> Request {
    let goal = Goal::Replace { old: BrokerId(3), new: BrokerId(4) };
    let typed = match throttle {
        Throttle::Rate(rate) => format!("move --throttle {rate} --batch 7"),
        Throttle::Off | Throttle::Auto => "move".to_owned(),
    };
    let mut request = Request { typed, ..Request::new(goal) };
    request.options.throttle = throttle;
    request
}

fn rate(mib: u64) -> Throttle {
    Throttle::Rate(mib * MIB)
}

/// Three partitions, to which producers bring so many MiB a second each; broker 4 has a slow disk.
fn world(ingest: u64) -> World {
    World::new(&format!(
        "
        broker 1 in=120/20 out=120/20
        broker 2 in=120/20 out=120/20
        broker 3 in=120/20 out=120/20
        broker 4 in=120/20 out=120/20 write=80
        partition payments on=1,2,3 size=100 ingest={ingest}
        partition payments on=2,3,1 size=100 ingest={ingest}
        partition payments on=3,1,2 size=100 ingest={ingest}
        "
    ))
}

#[test]
fn s010_refuses_a_rate_beyond_what_was_measured() {
    check_refusal(
        &world(1),
        &replace(rate(70)),
        expect![[r#"
        refused: KQ-S010 (bandwidth)
          broker 4   it would write 93 MiB/s (20 MiB/s now, 3 MiB/s more from producers, 70 MiB/s of moves), measured are at most 80 MiB/s.
        do one of:
          move --batch 7 --throttle auto
          move --throttle 73400320 --batch 7 --override KQ-S010
    "#]],
    );
}

#[test]
fn s010_tells_how_a_rate_came_to_be_known() {
    let mut world = world(0);
    let probe = MeasuredRate {
        broker: BrokerId(4),
        from: None,
        bytes_per_second: 80 * MIB,
        bytes: 8 * MIB,
        age_ms: 41_000,
        probed: true,
    };
    world.measured.add_rates([probe]);
    check_refusal(
        &world,
        &replace(rate(70)),
        expect![[r#"
        refused: KQ-S010 (bandwidth)
          broker 4   it would write 90 MiB/s (20 MiB/s now, 0 B/s more from producers, 70 MiB/s of moves), measured are at most 80 MiB/s (a probe of 8 MiB, 41 s ago).
        do one of:
          move --batch 7 --throttle auto
          move --throttle 73400320 --batch 7 --override KQ-S010
    "#]],
    );
}

#[test]
fn s010_refuses_a_rate_that_producers_outrun() {
    check_refusal(
        &world(5),
        &replace(rate(10)),
        expect![[r#"
        refused: KQ-S010 (bandwidth)
          broker 4   it would never end: producers bring 15 MiB/s to what moves there at a time, and the throttle lets 10 MiB/s in.
        do one of:
          move --batch 7 --throttle auto
          move --throttle 10485760 --batch 7 --override KQ-S010
    "#]],
    );
    let mut one_at_a_time = replace(rate(10));
    one_at_a_time.options.concurrency = 1;
    assert!(!world(5).propose(&one_at_a_time).unwrap().is_refused());
}

#[test]
fn s010_only_tells_where_nothing_is_left_for_moves_without_a_rate() {
    check(
        &world(30),
        &replace(Throttle::Off),
        expect![[r#"
        partition reassign
          payments/0 [1 2 3] -> [1 2 4] 100 MiB
          payments/1 [2 3 1] -> [2 4 1] 100 MiB
          payments/2 [3 1 2] -> [4 1 2] 100 MiB
        3 moves, 300 MiB, eta unknown, peak ?% on 4
        bytes 133% -> 133%
        replicas 133% -> 133%
        leaders 133% -> 133%
        racks 0 -> 0
        KQ-S005 told of broker 4: 300 MiB land on it, and its disk is unknown.
        KQ-S010 told of broker 4: nothing is left for moves beside producers: measured are at most 80 MiB/s to write, 20 MiB/s are taken now, and 90 MiB/s come to what moves.
    "#]],
    );
}

#[test]
fn s010_takes_no_automatic_rate_from_nothing() {
    let mut world = world(0);
    world.measured.brokers.clear();
    check_refusal(
        &world,
        &replace(Throttle::Auto),
        expect![[r#"
        refused: KQ-S010 (bandwidth)
          cluster   auto finds no rate: nothing was measured of the brokers that receive.
        do:
          move --throttle 50MiB/s
    "#]],
    );
}

#[test]
fn auto_leaves_a_fifth_of_what_producers_leave() {
    let plan = world(4).propose(&replace(Throttle::Auto)).unwrap();
    // Of 80 MiB/s that the disk writes, 20 are taken and 12 will be: four fifths of the other 48.
    assert_eq!(plan.rate(), Some(48 * MIB / 5 * 4));
    assert!(!plan.is_refused(), "{}", plan.refusal);
    let other = plan.order().lease;
    assert_eq!((other.throttle, other.bytes_per_second), (Throttle::Auto, plan.rate()));
}

#[test]
fn the_bottleneck_is_what_takes_longest_after_producers() {
    let plan = world(4).propose(&replace(Throttle::Off)).unwrap();
    let at = plan.summary.bottleneck.unwrap();
    let told = (at.broker.0, at.direction.to_string(), at.rate / MIB, at.measured);
    assert_eq!(told, (4, "write".to_owned(), 60, Some(60 * MIB)));
    // 300 MiB at 60 - 12 MiB/s.
    assert_eq!(plan.summary.eta_ms, Some(6_250));
    let throttled = world(4).propose(&replace(rate(22))).unwrap();
    let at = throttled.summary.bottleneck.unwrap();
    assert_eq!((at.direction.to_string().as_str(), at.rate), ("receive", 22 * MIB));
    assert_eq!(throttled.summary.eta_ms, Some(30_000));
}

#[test]
fn a_narrow_link_between_wide_ends_is_named() {
    let mut world = world(0);
    world.measured.links.insert((BrokerId(2), BrokerId(4)), 25 * MIB);
    let plan = world.propose(&replace(Throttle::Off)).unwrap();
    let at = plan.summary.bottleneck.unwrap();
    assert_eq!((at.broker.0, at.direction.to_string().as_str()), (4, "receive from 2"));
}
