//! What is refused, what is not known, and what strangers call their things.

use expect_test::expect;
use kq_proto::admin::v1;
use kq_proto::admin::v1::ElectionOutcome::{Elected, Unchanged};

use super::task_test::{
    answer, call, check, elected, election, on, plan, proposed, proposed_reset, reset_plan, task,
};
use super::*;
use crate::model::{Answer, Event, FeedEvent, RowKey, Screen};

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
