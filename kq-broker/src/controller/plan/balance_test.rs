//! What a spread moves, and what it leaves alone.

use std::fmt::Write as _;

use super::world::World;
use super::*;

/// Thirty partitions on brokers 1 to 3, the first ones large and the others of this size, and
/// broker 4 with a few empty ones.
fn grown(large: u32, others: &str) -> World {
    let mut script = String::new();
    for id in 1..=4 {
        let _ = writeln!(script, "broker {id}");
    }
    for number in 0..30_u32 {
        let [a, b, c] = [number % 3 + 1, (number + 1) % 3 + 1, (number + 2) % 3 + 1];
        let size = if number < large { "size=100" } else { others };
        let _ = writeln!(script, "partition old on={a},{b},{c} {size}");
    }
    for number in 0..10_u32 {
        let _ = writeln!(
            script,
            "partition new on=4,{},{} size=0",
            number % 3 + 1,
            (number + 1) % 3 + 1
        );
    }
    World::new(&script)
}

fn balance(world: &World, objective: Objective) -> Plan {
    world.propose(&Request::new(Goal::Balance(objective))).unwrap()
}

#[test]
fn empty_partitions_stay_when_bytes_are_spread() {
    for others in ["size=0", "size=1"] {
        let plan = balance(&grown(4, others), Objective::Bytes);
        assert!(plan.moves.iter().all(|it| it.bytes == Some(100 << 20)), "{}", world::show(&plan));
        assert_eq!(plan.moves.len(), 3, "{}", world::show(&plan));
        let (before, after) = (&plan.summary.before, &plan.summary.after);
        assert!(after.bytes_percent <= Some(10), "{after:?}");
        assert!(after.leaders_percent <= before.leaders_percent, "{before:?} {after:?}");
    }
    assert!(balance(&grown(0, "size=0"), Objective::Bytes).moves.is_empty());
}

#[test]
fn many_small_partitions_are_spread_together() {
    let plan = balance(&grown(30, ""), Objective::Bytes);
    assert!(plan.summary.after.bytes_percent <= Some(10), "{}", world::show(&plan));
    let plan = balance(&grown(0, ""), Objective::Bytes);
    assert!(plan.moves.len() > 10, "sizes unknown count as equal: {}", world::show(&plan));
}

#[test]
fn a_spread_of_replicas_takes_those_that_even_out_bytes() {
    let plan = balance(&grown(4, "size=0"), Objective::Count);
    let (before, after) = (&plan.summary.before, &plan.summary.after);
    assert!(after.replicas_percent <= Some(4), "{}", world::show(&plan));
    assert!(after.bytes_percent < before.bytes_percent, "{}", world::show(&plan));
    assert!(after.leaders_percent <= before.leaders_percent, "{}", world::show(&plan));
}

#[test]
fn leaders_are_spread_without_a_copy() {
    let led = "partition orders on=1,2 size=100\n".repeat(6);
    let world = World::new(&format!("broker 1\nbroker 2\nbroker 3\n{led}"));
    let plan = balance(&world, Objective::Leaders);
    assert_eq!(plan.moves.len(), 3, "{}", world::show(&plan));
    assert_eq!(plan.summary.bytes, 0, "{}", world::show(&plan));
    assert!(plan.moves.iter().all(|it| it.adding().next().is_none()), "{}", world::show(&plan));
}
