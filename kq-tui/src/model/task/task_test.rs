//! What is done to the cluster: from the key to what is said in the end.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use kq_proto::admin::v1;
use kq_proto::admin::v1::ElectionOutcome::{Elected, HandingOver, Unchanged};

use super::*;
use crate::model::world::World;
use crate::model::{Answer, Code, Event, FeedEvent, Key, RowKey, Screen};

fn on(screen: Screen) -> World {
    let mut world = World::made_up();
    world.show(screen);
    world
}

/// The number of the one call among effects, and the call.
fn call(effects: &[Effect]) -> (u64, Call) {
    let [Effect::Call { id, call }] = effects else { panic!("no call: {effects:?}") };
    (*id, (**call).clone())
}

fn answer(world: &mut World, id: u64, answer: Answer) {
    assert_eq!(world.event(Event::Answer(id, Box::new(answer))), []);
}

fn task(world: &World) -> &Task {
    let Some(Overlay::Task(task)) = &world.state.overlay else {
        panic!("no task, but {}", world.said())
    };
    task
}

/// What there is to read.
fn check(world: &World, want: Expect) {
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

fn elected(partition: u32, outcome: v1::ElectionOutcome) -> v1::ElectedLeader {
    v1::ElectedLeader {
        topic: "orders".to_owned(),
        partition,
        old_leader: Some(1),
        new_leader: Some(2),
        outcome: outcome.into(),
    }
}

fn election(outcomes: &[v1::ElectionOutcome]) -> Answer {
    let leaders = (0..).zip(outcomes).map(|(at, it)| elected(at, *it)).collect();
    Answer::ElectLeaders(v1::ElectLeadersResponse { leaders, errors: Vec::new() })
}

fn plan() -> v1::Plan {
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

fn proposed(plan: v1::Plan) -> Answer {
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

fn reset_plan() -> v1::ResetPlan {
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

fn proposed_reset(plan: v1::ResetPlan) -> Answer {
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
    let (id, asked) = call(&world.press("throttle 50MiB/s\n"));
    assert!(!asked.changes());
    let after = v1::PlanStatus { bytes_per_second: Some(52_428_800), ..plan.clone() };
    let change = |plan: &v1::PlanStatus| v1::ChangePlanResponse { plan: Some(plan.clone()) };
    answer(&mut world, id, Answer::ThrottlePlan(change(&after)));
    check(
        &world,
        expect![[r#"
            PLAN drain-b4
            Head throttle 50MiB/s
            Warn it is so already
            Row state                    running -> running
            Row rate                     as fast as it goes
            Row moves                    0 of 0 done
            Dim the same: kq-ctl plan throttle drain-b4 50MiB/s
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
        Row rate                     as fast as it goes
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

#[test]
fn what_is_not_now_any_more_is_not_done() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    world.event(Event::Feed(FeedEvent::Lost { why: "gone".to_owned() }));
    assert_eq!(world.press("b2\n"), []);
    assert!(task(&world).error.as_deref().unwrap().contains("this is LOST"), "{:?}", task(&world));
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    world.event(Event::Resize { columns: 39, rows: 9 });
    assert_eq!(world.press("b2\n"), [], "what cannot be read is not done");
}

#[test]
fn esc_asks_no_more_and_does_nothing_and_what_was_begun_is_told() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    assert_eq!(world.press("\u{1b}"), [Effect::HangUp(id)]);
    assert_eq!((&world.state.overlay, world.said()), (&None, "nothing was done"));
    answer(&mut world, id, proposed(plan()));
    assert_eq!(world.state.overlay, None, "a late answer opens nothing");
    let (id, _) = call(&world.press("D"));
    answer(&mut world, id, proposed(plan()));
    assert_eq!(world.press("b2\u{1b}"), []);
    assert_eq!(world.state.overlay, None);
    let (id, _) = call(&world.press("D"));
    answer(&mut world, id, proposed(plan()));
    let (id, _) = call(&world.press("b2\n"));
    assert_eq!(world.press("\u{1b}"), [], "what was begun goes on");
    answer(&mut world, id, Answer::ApplyPlan(v1::ApplyPlanResponse { id: "p-1".into() }));
    assert_eq!(world.said(), "DRAIN of b2: plan p-1 runs");
    assert!(matches!(task(&world).stage, Stage::Ended), "a key on its way wipes nothing off");
}

#[test]
fn nobody_quits_unknowing_before_what_was_begun_has_ended() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    let (id, _) = call(&world.press("b2\n"));
    world.press("\u{1b}");
    assert_eq!(world.press("q"), []);
    assert!(
        world.said().starts_with("q again quits; not known how it ends: DRAIN of b2"),
        "{}",
        world.said()
    );
    assert_eq!(world.press("jq"), [], "another key, and it is said again");
    assert_eq!(world.press("q"), [Effect::Quit(0)]);
    world.press("/");
    answer(&mut world, id, Answer::ApplyPlan(v1::ApplyPlanResponse { id: "p-1".into() }));
    assert!(
        matches!(world.state.overlay, Some(Overlay::Line(_))),
        "what is typed is not taken away"
    );
    world.press("\u{1b}");
    assert_eq!(task(&world).title(), "DRAIN of b2");
    world.press("\u{1b}");
    assert_eq!(world.press("q"), [Effect::Quit(0)]);
}

#[test]
fn marks_that_nobody_sees_never_make_it_about_everything() {
    for (screen, keys) in [(Screen::Partitions, "P"), (Screen::Topics, "P"), (Screen::Groups, "R")]
    {
        let mut world = on(screen);
        world.press("gx/nothing-is-called-so\n");
        assert_eq!(world.state.choice().hidden, 1, "{screen:?}");
        assert_eq!(world.press(keys), [], "{screen:?}");
        assert_eq!(world.state.overlay, None, "{screen:?}");
        assert!(world.said().contains("1 marked, 1 not shown"), "{}", world.said());
    }
    for (screen, keys) in [(Screen::Topics, "P"), (Screen::Members, "R")] {
        let mut world = on(screen);
        world.press("/nothing-is-called-so\n");
        assert_eq!(world.press(keys), [], "no row is not every row");
        assert!(world.said().contains("wants a row"), "{}", world.said());
    }
    let mut world = on(Screen::Brokers);
    world.press("x");
    assert_eq!(world.press("P"), [], "marked brokers are not the cluster");
    assert!(world.said().contains("not about what is marked"), "{}", world.said());
}

#[test]
fn some_of_the_marks_being_hidden_is_said_first() {
    let mut world = on(Screen::Partitions);
    world.press("gxxx/why=b3\n");
    let (id, _) = call(&world.press("E"));
    answer(&mut world, id, election(&[Elected]));
    assert_eq!(task(&world).sheet.lines[0].text, "3 marked, 2 not shown");
}

#[test]
fn one_plan_is_steered_at_a_time() {
    let mut world = on(Screen::Plans);
    let mut other = world.state.facts.plans[0].clone();
    other.id = "drain-b5".to_owned();
    world.state.facts.plans.push(other);
    world.state.settle();
    // No key marks plans yet.
    for id in ["drain-b4", "drain-b5"] {
        world.state.table.marks.insert(RowKey::Plan(id.to_owned()));
    }
    assert_eq!(world.press("P"), []);
    assert!(world.said().contains("2 plans are marked"), "{}", world.said());
}

#[test]
fn an_old_plan_is_made_anew() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    for _ in 0..11 {
        world.wait(60_000);
        world.frame(v1_frame());
    }
    assert_eq!(world.press("b2\n"), []);
    assert!(task(&world).error.as_deref().unwrap().contains("old"), "{:?}", task(&world).error);
}

fn v1_frame() -> kq_proto::monitor::v1::WatchResponse {
    let now_ms = crate::model::world::NOW_MS;
    kq_proto::monitor::v1::WatchResponse { now_ms, ..Default::default() }
}

#[test]
fn what_is_not_known_to_be_done_is_not_said_to_be_undone() {
    let unsure = crate::model::Refusal {
        message: "b2 did not answer; whether the change was made is not known".into(),
        is_unsure: true,
        ..Default::default()
    };
    let mut world = on(Screen::Groups);
    let (id, _) = call(&world.press("Rearliest\n"));
    answer(&mut world, id, proposed_reset(reset_plan()));
    let (id, _) = call(&world.press("billing\n"));
    answer(&mut world, id, Answer::Refused(unsure.clone()));
    check(
        &world,
        expect![[r#"
            OFFSET RESET of billing, all its topics
            Bad b2 did not answer; whether the change was made is not known
            Warn it may have been done all the same: look at 6 first, and what can be taken back
            Dim kq-ctl offset undo
        "#]],
    );
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, Answer::Refused(unsure));
    let said: Vec<&str> = task(&world).sheet.lines.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(
        said.last(),
        Some(&"nothing was done: this only asked"),
        "a question changes nothing"
    );
}

#[test]
fn a_cancel_tells_what_it_comes_to_though_the_broker_tells_what_is() {
    let mut world = on(Screen::Plans);
    let moves = [("done", 50), ("moving", 4), ("waiting", 3)];
    let plan = v1::PlanStatus {
        verb: "broker drain".into(),
        move_count: 57,
        moves_by_state: moves.map(|(state, count)| (state.to_owned(), count)).into(),
        ..world.state.facts.plans[0].clone()
    };
    let change = v1::ChangePlanResponse { plan: Some(plan.clone()) };
    let (id, _) = call(&world.press("Pcancel\n"));
    answer(&mut world, id, Answer::CancelPlan(change.clone()));
    check(
        &world,
        expect![[r#"
            PLAN drain-b4
            Head cancel
            Row state                    running -> cancelling
            Row rate                     as fast as it goes
            Row moves                    50 of 57 done
            Warn 4 that move go back to where they were; 50 done stay
            Dim the same: kq-ctl plan cancel drain-b4
            [type drain-b4 to do it: ]
        "#]],
    );
    let (id, _) = call(&world.press("drain-b4\n"));
    let cancelled = v1::PlanStatus { state: "cancelling".into(), ..plan };
    world.state.settings.reach = vec!["--context".to_owned(), "prod-eu".to_owned()];
    answer(&mut world, id, Answer::CancelPlan(v1::ChangePlanResponse { plan: Some(cancelled) }));
    check(
        &world,
        expect![[r#"
        PLAN drain-b4
        Good plan drain-b4 is cancelling
        Row rate                     as fast as it goes
        Head what is done stays; to put it back: kq-ctl --context prod-eu plan rollback drain-b4
        Warn its broker is still given no new replicas: 2, then D on it, ends that
        Head 7 shows how far it is; 8 the event
    "#]],
    );
    let mut world = on(Screen::Plans);
    let (id, _) = call(&world.press("Presume\n"));
    answer(&mut world, id, Answer::ResumePlan(change));
    assert!(task(&world).sheet.lines.iter().any(|it| it.text == "it is so already"));
}

#[test]
fn the_word_is_what_stands_on_the_screen() {
    let word = |aim: Aim| aim.word(1);
    let reset = |group: &str| Aim::Reset { group: group.to_owned(), scope: Vec::new() };
    assert_eq!(word(reset("billing")), "billing");
    assert_eq!(word(reset(" billing ")), "billing", "spaces around it are seen by nobody");
    assert_eq!(word(reset("a\u{202e}b")), "a\\u{202e}b");
    assert_eq!(word(reset("   ")), "reset", "Enter alone is no word");
    assert_eq!(word(reset(&"g".repeat(300))), "reset", "nobody types so much");
    assert_eq!(word(Aim::Elect(vec![("t".repeat(249), 3)])), "elect");
}

#[test]
fn what_failed_of_an_election_comes_before_what_went() {
    let mut world = on(Screen::Partitions);
    let (id, _) = call(&world.press("E"));
    answer(&mut world, id, election(&[Elected]));
    let Stage::Shown(ready) = task(&world).stage.clone() else { panic!("{:?}", task(&world)) };
    let (id, _) = call(&world.press(&format!("{}\n", ready.word)));
    let error = v1::ItemError {
        item: "orders/1".into(),
        message: "its preferred replica is not in sync".into(),
        ..Default::default()
    };
    let told =
        v1::ElectLeadersResponse { leaders: vec![elected(0, Unchanged)], errors: vec![error] };
    answer(&mut world, id, Answer::ElectLeaders(told));
    check(
        &world,
        expect![[r#"
        PREFERRED ELECTION of orders/1
        Head 0 leaders elected
        Warn 1 leader as before
        Bad orders/1: its preferred replica is not in sync
        Row orders/0                 b1 -> b2
        Head 8 shows the events; 4 who leads
    "#]],
    );
}

#[test]
fn a_feed_that_ends_leaves_nobody_waiting() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    call(&world.press("b2\n"));
    world.event(Event::Feed(FeedEvent::Ended { why: "another cluster".to_owned() }));
    check(
        &world,
        expect![[r#"
        DRAIN of b2
        Bad another cluster
        Warn it may have been done all the same: look at 7 and 8 first
    "#]],
    );
}

#[test]
fn too_much_at_once_and_too_little_are_refused() {
    let mut world = on(Screen::Groups);
    world.press("xx");
    let marked = world.state.table.marks.len();
    assert_eq!(world.press("R"), []);
    assert!(marked > 1 && world.said().contains("group by group"), "{}", world.said());
    let mut world = on(Screen::Brokers);
    world.press("xxD");
    assert!(world.said().contains("one after another"), "{}", world.said());
    let many: Vec<RowKey> = (0..101).map(|at| RowKey::Partition("orders".into(), at)).collect();
    let why = aim::elect(&world.state, &many).unwrap_err();
    assert_eq!(
        why,
        "101 partitions are too many at once; accepted: up to 100; for more: kq-ctl leader elect"
    );
}

#[test]
fn a_plan_of_one_cluster_is_not_done_to_another() {
    use kq_proto::monitor::v1::{ClusterState, WatchResponse};
    let told = |id: &str| WatchResponse {
        now_ms: crate::model::world::NOW_MS,
        cluster: Some(ClusterState { cluster_id: id.to_owned(), ..ClusterState::default() }),
        ..WatchResponse::default()
    };
    let mut world = on(Screen::Partitions);
    let first = world.state.facts.cluster.cluster_id.clone();
    world.frame(told(if first.is_empty() { "c-1" } else { &first }));
    let (id, _) = call(&world.press("E"));
    answer(&mut world, id, election(&[Elected]));
    let Stage::Shown(ready) = task(&world).stage.clone() else { panic!("{:?}", task(&world)) };
    world.frame(told("c-2"));
    assert!(world.said().contains("cluster c-2 answers here now"), "{}", world.said());
    assert_eq!(world.press(&format!("{}\n", ready.word)), []);
    let error = task(&world).error.clone().unwrap();
    assert!(error.contains("nothing was done: cluster c-2 answers"), "{error}");
    world.press("\u{1b}");
    assert_eq!(world.press("E"), [], "nor is another plan made");
}

#[test]
fn whom_nothing_puts_out_is_not_said_to_be_put_out() {
    let mut world = on(Screen::Groups);
    let (id, _) = call(&world.press("Rlatest --live\n"));
    let mut plan =
        v1::ResetPlan { live: true, members: vec![v1::GroupMember::default()], ..reset_plan() };
    plan.rows.retain(|it| it.from == it.to);
    answer(&mut world, id, proposed_reset(plan));
    let lines = &task(&world).sheet.lines;
    assert!(lines.iter().all(|it| !it.text.contains("put out")), "{lines:?}");
}

#[test]
fn pasted_words_never_act() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    answer(&mut world, id, proposed(plan()));
    assert_eq!(world.event(Event::Paste("b2\n".to_owned())), []);
    assert!(matches!(task(&world).stage, Stage::Shown(_)));
}

#[test]
fn strangers_names_are_shown_not_obeyed() {
    let mut world = on(Screen::Brokers);
    let (id, _) = call(&world.press("jD"));
    let mut plan = plan();
    plan.moves[0].topic = "a\u{1b}[31m\nb".to_owned();
    plan.left_out = vec![v1::LeftOutMove { item: "x\u{202e}".into(), why: "y\u{9b}z".into() }];
    answer(&mut world, id, proposed(plan));
    let is_shown = |it: char| !it.is_control() && it != '\u{202e}';
    let lines = &task(&world).sheet.lines;
    assert!(lines.iter().all(|it| it.text.chars().all(is_shown)), "{lines:?}");
}
