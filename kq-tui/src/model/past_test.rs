//! What is told of a moment, and what is not; the way into a recording.

use expect_test::{Expect, expect};
use kq_proto::monitor::v1;

use super::session_test::asked_for;
use super::world::{NOW_MS, World};
use super::*;

fn check(text: &str, want: Expect) {
    want.assert_eq(text);
}

#[test]
fn of_another_moment_only_what_is_told_of_it_is_shown() {
    let mut world = World::made_up();
    world.press("6");
    let title = |world: &World| words::title(&world.state)[1].clone();
    assert_eq!(title(&world), "2");
    world.past(204_000);
    assert_eq!((world.rows().as_str(), title(&world).as_str()), ("", "-"));
    assert!(words::nothing(&world.state).starts_with("not kept of the past"));
    world.frame(v1::WatchResponse { now_ms: NOW_MS, ..Default::default() });
    assert_eq!((world.rows().as_str(), title(&world).as_str()), ("", "?"));
    assert_eq!(words::nothing(&world.state), "nothing is told of it yet");
    let groups_missing = Some(v1::GroupsMissing::default());
    world.frame(v1::WatchResponse { now_ms: NOW_MS, groups_missing, ..Default::default() });
    world.wait(3_000);
    assert_eq!((words::nothing(&world.state), title(&world).as_str()), ("there are none", "0"));
}

#[test]
fn members_of_another_group_are_never_shown() {
    let mut world = World::made_up();
    world.show(Screen::Members);
    assert_eq!(world.state.table.rows.len(), 6);
    world.state.place.group = Some("dash".to_owned());
    world.state.settle();
    assert_eq!(world.rows(), "", "the frame that is here is of billing");
    assert_eq!(words::nothing(&world.state), "nothing is told of it yet");
}

#[test]
fn what_was_out_of_sight_has_no_rate_until_it_is_counted_again() {
    let mut world = World::made_up();
    let bytes_in = |world: &World| {
        let counters = world.state.facts.brokers[&1].counters.unwrap();
        counters.bytes_in.at(world.state.facts.counted_at_ms.unwrap())
    };
    let counted = |second: i64, window: u64| v1::WatchResponse {
        now_ms: NOW_MS + second * 1_000,
        window,
        broker_counters: vec![v1::BrokerCounters {
            broker: 1,
            at_ms: second * 1_000,
            bytes_in: 70 * u64::try_from(second).unwrap(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let number = |world: &World| world.state.window.number;
    for second in 1..4 {
        world.frame(counted(second, number(&world)));
    }
    assert_eq!(bytes_in(&world), Some(70.0));
    world.press("3");
    let frame = v1::WatchResponse { window: number(&world), ..Default::default() };
    world.frame(frame);
    world.press("2");
    world.frame(counted(90, number(&world)));
    assert_eq!(bytes_in(&world), None, "nobody counted while topics were shown");
    world.frame(counted(91, number(&world)));
    assert_eq!(bytes_in(&world), Some(70.0));
}

#[test]
fn a_recording_goes_on_and_back_and_says_where_it_is() {
    let mut world = World::made_up();
    world.state.settings.source = Source::Recording;
    let words = |world: &World| world.state.mode().words(world.state.zone());
    check(&asked_for(&world.press("t+10m\n")), expect!["seek 1 Unspecified 600000"]);
    world.event(Event::Feed(FeedEvent::Ended { why: "it ends here".to_owned() }));
    check(&words(&world), expect!["* REPLAY 2026-11-21 12:04:31Z, its end *"]);
    let landing =
        v1::Landing { number: 1, found: true, at_ms: NOW_MS - 5_000, ..Default::default() };
    world.frame(v1::WatchResponse {
        landing: Some(landing),
        now_ms: NOW_MS - 5_000,
        ..super::world::whole()
    });
    check(&words(&world), expect!["* REPLAY 2026-11-21 12:04:26Z x1 *"]);
    check(&asked_for(&world.press("L")), expect!["Ask(Resume)"]);
}
