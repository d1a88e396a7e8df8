//! What is done to the cluster: from the key to what is said in the end.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use kq_proto::admin::v1;
use kq_proto::admin::v1::ElectionOutcome::{Elected, HandingOver, Unchanged};

use super::*;
use crate::model::world::World;
use crate::model::{Answer, Code, Event, Key, Screen};

pub(super) fn on(screen: Screen) -> World {
    let mut world = World::made_up();
    world.show(screen);
    world
}

/// The number of the one call among effects, and the call.
pub(super) fn call(effects: &[Effect]) -> (u64, Call) {
    let [Effect::Call { id, call }] = effects else { panic!("no call: {effects:?}") };
    (*id, (**call).clone())
}

pub(super) fn answer(world: &mut World, id: u64, answer: Answer) {
    assert_eq!(world.event(Event::Answer(id, Box::new(answer))), []);
}

pub(super) fn task(world: &World) -> &Task {
    let Some(Overlay::Task(task)) = &world.state.overlay else {
        panic!("no task, but {}", world.said())
    };
    task
}

/// What there is to read.
pub(super) fn check(world: &World, want: Expect) {
    let task = task(world);
    let mut text = format!("{}\n", task.title());
    for line in &task.sheet.lines {
        let _ = writeln!(text, "{:?} {}", line.weight, line.text);
    }
    if let Some(label) = task.label() {
        let _ = writeln!(text, "[{label}: {}]", task.line.text());
    }
    if let Some(error) = &task.error {
        let _ = writeln!(text, "({error})");
    }
    want.assert_eq(&text);
}

pub(super) fn elected(partition: u32, outcome: v1::ElectionOutcome) -> v1::ElectedLeader {
    v1::ElectedLeader {
        topic: "orders".to_owned(),
        partition,
        old_leader: Some(1),
        new_leader: Some(2),
        outcome: outcome.into(),
    }
}

pub(super) fn election(outcomes: &[v1::ElectionOutcome]) -> Answer {
    let leaders = (0..).zip(outcomes).map(|(at, it)| elected(at, *it)).collect();
    Answer::ElectLeaders(v1::ElectLeadersResponse { leaders, errors: Vec::new() })
}

pub(super) fn plan() -> v1::Plan {
    let planned = v1::PlannedMove {
        topic: "orders".to_owned(),
        partition: 1,
        from: vec![1, 2, 3],
        to: vec![1, 2, 4],
        bytes: Some(4_100_000_000),
        eta_ms: Some(102_000),
        ..v1::PlannedMove::default()
    };
    let summary = v1::PlanSummary {
        bytes: 4_100_000_000,
        eta_ms: Some(102_000),
        bottleneck_broker: Some(4),
        bottleneck_direction: "write".to_owned(),
        bottleneck_bytes_per_second: Some(40_000_000),
        ..v1::PlanSummary::default()
    };
    let finding = v1::PlanFinding {
        subject: "broker 4".to_owned(),
        cause: "its disk is slow".to_owned(),
        ..v1::PlanFinding::default()
    };
    let verdict = v1::PlanVerdict {
        rule: "KQ-S005".to_owned(),
        outcome: v1::plan_verdict::Outcome::Warn.into(),
        findings: vec![finding],
        ..v1::PlanVerdict::default()
    };
    v1::Plan {
        id: "drain-b2".to_owned(),
        moves: vec![planned],
        summary: Some(summary),
        verdicts: vec![verdict],
        cordon_broker: Some(2),
        ..v1::Plan::default()
    }
}

pub(super) fn proposed(plan: v1::Plan) -> Answer {
    Answer::ProposePlan(v1::ProposePlanResponse { plan: Some(plan) })
}

#[test]
fn an_election_is_shown_then_confirmed_then_done() {
    let mut world = on(Screen::Partitions);
    world.press("xx");
    let (id, asked) = call(&world.press("E"));
    assert!(!asked.changes());
    answer(&mut world, id, election(&[Elected, HandingOver, Unchanged]));
    check(
        &world,
        expect![[r#"
            PREFERRED ELECTION of 2 partitions
            Head 2 leaders would move
            Row orders/0                 b1 -> b2
            Row orders/1                 b1 -> b2   when the new one holds everything
            Dim 1 leader as preferred already
            Dim 2 marked
            Dim the same: kq-ctl leader elect orders/1,2
            [type 2 to do it: ]
        "#]],
    );
    assert_eq!(world.press("\n\n\n\n\n\n\n\n\n\n"), [], "Enter alone does nothing");
    assert_eq!(world.press("3\n"), [], "another word does nothing");
    check(
        &world,
        expect![[r#"
            PREFERRED ELECTION of 2 partitions
            Head 2 leaders would move
            Row orders/0                 b1 -> b2
            Row orders/1                 b1 -> b2   when the new one holds everything
            Dim 1 leader as preferred already
            Dim 2 marked
            Dim the same: kq-ctl leader elect orders/1,2
            [type 2 to do it: 3]
            (that is another word; type 2, then Enter; Esc does nothing)
        "#]],
    );
    world.key(Key::plain(Code::Backspace));
    let (id, done) = call(&world.press("2\n"));
    assert!(done.changes());
    let Call::ElectLeaders(request) = done else { panic!("{done:?}") };
    assert_eq!(request.partitions.len(), 2, "what stays is not asked for");
    assert_eq!(world.press("2\n\n"), [], "it is done once");
    answer(&mut world, id, election(&[Elected, HandingOver]));
    check(
        &world,
        expect![[r#"
            PREFERRED ELECTION of 2 partitions
            Good 1 leader elected
            Warn 1 leader to be handed over once the old one has drained
            Row orders/0                 b1 -> b2
            Row orders/1                 b1 -> b2   when the new one holds everything
            Head 8 shows the events; 4 who leads
        "#]],
    );
    assert_eq!(world.press("\n\n\n"), [], "a key that is held wipes nothing off");
    assert!(matches!(task(&world).stage, Stage::Ended));
    assert_eq!(world.said(), "there is nothing more to run; Esc goes back");
    world.press("\u{1b}");
    assert_eq!(world.state.overlay, None);
}

#[test]
fn a_drain_shows_its_moves_and_begins_by_the_brokers_name() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    check(
        &world,
        expect![[r#"
            DRAIN of b2
            Head 1 move   4.10 GB to copy   0 leaders to move
            Head ETA 1m42s   limit: b4 write, 40.0 MB/s   no throttle
            Warn b2 is given no new replicas from then on
            Warn KQ-S005 broker 4: its disk is slow
            Row orders/1                 b1 b2 b3 -> b1 b2 b4   4.10 GB   1m42s
            Dim the same: kq-ctl broker drain 2
            [type b2 to do it: ]
        "#]],
    );
    let (id, done) = call(&world.press("b2\n"));
    let Call::ApplyPlan(request) = done else { panic!("{done:?}") };
    assert_eq!(request.plan, Some(plan()));
    answer(&mut world, id, Answer::ApplyPlan(v1::ApplyPlanResponse { id: "drain-b2-2".into() }));
    check(
        &world,
        expect![[r#"
            DRAIN of b2
            Good plan drain-b2-2 runs
            Head 7 shows how far it is; P there throttles or cancels it
            Dim kq-ctl plan status -w drain-b2-2
        "#]],
    );
}

#[test]
fn a_plan_that_is_refused_says_why_and_asks_for_no_word() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    let refusal = "refused: orders/1 would have 1 replica\ndo one of:\n  kq-ctl broker list";
    let refused = v1::Plan { refused: true, refusal: refusal.to_owned(), ..plan() };
    answer(&mut world, id, proposed(refused));
    check(
        &world,
        expect![[r#"
            DRAIN of b2
            Head 1 move   4.10 GB to copy   0 leaders to move
            Head ETA 1m42s   limit: b4 write, 40.0 MB/s   no throttle
            Warn b2 is given no new replicas from then on
            Bad refused: orders/1 would have 1 replica
            Bad do one of:
            Bad   kq-ctl broker list
            Warn KQ-S005 broker 4: its disk is slow
            Row orders/1                 b1 b2 b3 -> b1 b2 b4   4.10 GB   1m42s
        "#]],
    );
    assert_eq!(world.press("b2\n"), []);
}

#[test]
fn a_broker_that_holds_nothing_is_only_cordoned_and_a_drained_one_let_in() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    let empty = v1::Plan { moves: Vec::new(), ..plan() };
    answer(&mut world, id, proposed(empty));
    let (_, done) = call(&world.press("b2\n"));
    assert!(matches!(done, Call::CordonBrokers(_)), "{done:?}");
    let mut world = on(Screen::Brokers);
    world.press("j");
    let broker = world.state.facts.brokers.get_mut(&2).unwrap();
    broker.told.cordon = Some(v1::Cordon::default());
    let (id, asked) = call(&world.press("D"));
    assert!(matches!(asked, Call::UncordonBrokers(_)) && !asked.changes(), "{asked:?}");
    let changed = vec![v1::BrokerChange { broker: 2, changed: true }];
    let let_in = v1::UncordonBrokersResponse { brokers: changed, errors: Vec::new() };
    answer(&mut world, id, Answer::UncordonBrokers(let_in.clone()));
    check(
        &world,
        expect![[r#"
        END OF THE DRAIN of b2
        Head b2 would be given new replicas again
        Dim what has moved away does not come back by itself: P plans that
        Dim the same: kq-ctl broker undrain 2
        [type b2 to do it: ]
    "#]],
    );
    let (id, done) = call(&world.press("b2\n"));
    assert!(done.changes());
    answer(&mut world, id, Answer::UncordonBrokers(let_in));
    check(
        &world,
        expect![[r#"
        END OF THE DRAIN of b2
        Good b2 is given new replicas again
        Head 8 shows the event; P plans what comes back to it
    "#]],
    );
}

pub(super) fn reset_plan() -> v1::ResetPlan {
    let row = |partition, to| v1::ResetRow {
        topic: "orders".to_owned(),
        partition,
        from: Some(1_000),
        to: Some(to),
        reread: 1_000_u64.saturating_sub(to),
        ..v1::ResetRow::default()
    };
    v1::ResetPlan {
        id: "r-1".to_owned(),
        group: "billing".to_owned(),
        rows: vec![row(0, 400), row(1, 1_000)],
        reread: 600,
        ..v1::ResetPlan::default()
    }
}

pub(super) fn proposed_reset(plan: v1::ResetPlan) -> Answer {
    Answer::ProposeReset(v1::ProposeResetResponse { plan: Some(plan), errors: Vec::new() })
}

#[test]
fn offsets_are_reset_to_what_a_line_says() {
    let mut world = on(Screen::Groups);
    assert_eq!(world.press("R\n"), [], "nothing was typed");
    assert_eq!(world.press("yesterday\n"), []);
    assert!(task(&world).error.as_deref().unwrap().contains("accepted: earliest"));
    world.key(Key::ctrl('u'));
    let (id, asked) = call(&world.press("@-2h --live\n"));
    let Call::ProposeReset(request) = asked else { panic!("{asked:?}") };
    assert!(request.all_topics && request.live);
    answer(&mut world, id, proposed_reset(reset_plan()));
    check(
        &world,
        expect![[r#"
            OFFSET RESET of billing, all its topics
            Head 600 records are read again
            Row orders/0                 1 000 -> 400   600 again
            Dim 1 offset as it is
            Dim the same: kq-ctl offset reset billing --all-topics --to @-2h --live
            [type billing to do it: ]
        "#]],
    );
    let (id, done) = call(&world.press("billing\n"));
    let Call::ApplyReset(request) = done else { panic!("{done:?}") };
    assert_eq!(request.plan, Some(reset_plan()));
    let written = v1::ApplyResetResponse {
        rows: reset_plan().rows,
        undo: "u-7".into(),
        ..Default::default()
    };
    answer(&mut world, id, Answer::ApplyReset(written));
    check(
        &world,
        expect![[r#"
            OFFSET RESET of billing, all its topics
            Good 1 offset written
            Head to take it back: kq-ctl offset undo u-7
            Dim the cluster keeps what was there; 'offset undo' alone says how long
            Row orders/0                 1 000 -> 400   600 again
            Head 6 shows the group's lag; 8 the event
        "#]],
    );
}

#[test]
fn members_at_work_keep_their_offsets() {
    let mut world = on(Screen::Groups);
    let (id, _) = call(&world.press("Rlatest\n"));
    let member = v1::GroupMember {
        member: "c-1".to_owned(),
        host: "/10.0.4.5".to_owned(),
        ..v1::GroupMember::default()
    };
    let refused = v1::ResetPlan {
        refused: true,
        refusal: Some(v1::ItemError { code: "kafka.NON_EMPTY_GROUP".into(), ..Default::default() }),
        members: vec![member],
        ..reset_plan()
    };
    answer(&mut world, id, proposed_reset(refused));
    check(
        &world,
        expect![[r#"
            OFFSET RESET of billing, all its topics
            Bad 1 member at work: c-1 10.0.4.5
            Head try: stop them, then R again; or R with --live behind the target
            Row orders/0                 1 000 -> 400   600 again
            Dim 1 offset as it is
        "#]],
    );
    assert_eq!(world.press("billing\n"), []);
}

#[test]
fn a_plan_is_throttled_and_cancelled_by_its_name() {
    let mut world = on(Screen::Plans);
    let plan = world.state.facts.plans[0].clone();
    assert_eq!(world.press("Pfaster\n"), []);
    assert!(task(&world).error.as_deref().unwrap().contains("accepted: throttle"));
    world.key(Key::ctrl('u'));
    let (id, asked) = call(&world.press("throttle 50MB/s\n"));
    assert!(!asked.changes());
    let Call::ThrottlePlan(request) = &asked else { unreachable!("{asked:?}") };
    // In the units in which rates are shown.
    let after = v1::PlanStatus { throttle: request.throttle, ..plan.clone() };
    let change = |plan: &v1::PlanStatus| v1::ChangePlanResponse { plan: Some(plan.clone()) };
    answer(&mut world, id, Answer::ThrottlePlan(change(&after)));
    check(
        &world,
        expect![[r#"
            PLAN drain-b4
            Head throttle 50MB/s
            Row state                    running -> running
            Row rate                     as fast as it goes -> 50.0 MB/s into each broker
            Row moves                    0 of 0 done
            Dim the same: kq-ctl plan throttle drain-b4 50MB/s
            [type drain-b4 to do it: ]
        "#]],
    );
    let (id, done) = call(&world.press(&format!("{}\n", plan.id)));
    assert!(matches!(done, Call::ThrottlePlan(_)) && done.changes());
    answer(&mut world, id, Answer::ThrottlePlan(change(&after)));
    check(
        &world,
        expect![[r#"
            PLAN drain-b4
            Good plan drain-b4 is running
            Row rate                     50.0 MB/s into each broker
            Head 7 shows how far it is; 8 the event
        "#]],
    );
}

#[test]
fn a_protected_context_wants_its_own_name() {
    let mut world = on(Screen::Brokers);
    world.state.settings.protected = true;
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    assert_eq!(world.press("b2\n"), []);
    world.key(Key::ctrl('u'));
    let (_, done) = call(&world.press("prod-eu\n"));
    assert!(done.changes());
    let mut world = on(Screen::Brokers);
    (world.state.settings.protected, world.state.settings.context) = (true, "  ".to_owned());
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    assert_eq!(world.press("\n \n"), [], "a name that nobody sees is no word");
    world.key(Key::ctrl('u'));
    call(&world.press("b2\n"));
}
