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
    assert_eq!(words::nothing(&world.state), "none is told so far");
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
    assert_eq!(words::nothing(&world.state), "none is told so far");
}

#[test]
fn what_was_out_of_sight_has_no_rate_until_it_is_counted_again() {
    let mut world = World::made_up();
    world.press("3");
    let bytes_in = |world: &World| {
        let counters = world.state.facts.topics.named("orders").unwrap().counters.unwrap();
        counters.bytes_in.at(world.state.facts.counted_at_ms.unwrap())
    };
    let counted = |second: i64, window: u64| v1::WatchResponse {
        now_ms: NOW_MS + second * 1_000,
        window,
        topic_counters: vec![v1::TopicCounters {
            topic: 7,
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
    world.press("2");
    let frame = v1::WatchResponse { window: number(&world), ..Default::default() };
    world.frame(frame);
    world.press("3");
    world.frame(counted(90, number(&world)));
    assert_eq!(bytes_in(&world), None, "nobody counted while brokers were shown");
    world.frame(counted(91, number(&world)));
    assert_eq!(bytes_in(&world), Some(70.0));
}

#[test]
fn what_is_not_kept_of_the_past_is_asked_for_anew_on_the_way_back() {
    for (screen, asks) in [
        (Screen::Groups, (true, false, false, "")),
        (Screen::Plans, (false, true, false, "")),
        (Screen::Quorum, (false, false, true, "")),
        (Screen::Members, (true, false, false, "billing")),
    ] {
        let mut world = World::made_up();
        world.show(screen);
        world.wait(1);
        let asked = |world: &World| {
            let it = &world.state.window;
            assert!(it.brokers, "whatever is shown, silence is a loss");
            (it.groups, it.plans, it.quorum, it.group.clone())
        };
        let nothing = (false, false, false, String::new());
        let asks = (asks.0, asks.1, asks.2, asks.3.to_owned());
        assert_eq!(asked(&world), asks, "{screen:?}");
        world.press("t12:01:07\n");
        assert_eq!(asked(&world), nothing, "{screen:?} of the past");
        world.past(204_000);
        world.press("L");
        assert_eq!(asked(&world), nothing, "{screen:?} of the past still");
        world.frame(v1::WatchResponse { now_ms: NOW_MS, ..Default::default() });
        assert_eq!(asked(&world), asks, "{screen:?} again");
    }
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

#[test]
fn the_past_is_named_when_it_is_shown_and_not_before() {
    let mut world = World::made_up();
    let words = |world: &World| world.state.mode().words(world.state.zone());
    world.press("t12:01:07\n");
    check(&words(&world), expect!["seeking 12:01:07Z .."]);
    assert!(!world.state.mode().is_now(), "nothing is done while the screen leaves");
    world.frame(v1::WatchResponse { now_ms: NOW_MS, ..Default::default() });
    check(&words(&world), expect!["seeking 12:01:07Z .."]);
    let at_ms = NOW_MS - 204_000;
    let landing = |number, at_ms| v1::WatchResponse {
        now_ms: NOW_MS + 200,
        as_of_ms: Some(at_ms),
        landing: Some(v1::Landing { number, found: true, at_ms, ..Default::default() }),
        ..Default::default()
    };
    world.frame(landing(1, at_ms));
    check(&words(&world), expect!["* PAST 12:01:07Z, 3m24s ago *"]);
    world.press("{");
    check(&words(&world), expect!["* PAST 12:01:07Z, 3m24s ago *"]);
    world.frame(landing(2, at_ms - 60_000));
    check(&words(&world), expect!["* PAST 12:00:07Z, 4m24s ago *"]);
    world.press("L");
    world.frame(v1::WatchResponse { now_ms: NOW_MS + 400, ..Default::default() });
    check(&words(&world), expect!["LIVE 12:04:31Z"]);
    world.press("n");
    check(&words(&world), expect!["seeking .."]);
}

#[test]
fn what_is_live_says_so_only_while_somebody_tells() {
    for screen in Screen::ALL {
        let mut world = World::made_up();
        world.show(screen);
        world.wait(5_000);
        assert_eq!(world.state.mode().word(), "LIVE", "{screen:?}");
        world.wait(1);
        check(&world.state.mode().words(world.state.zone()), expect!["LOST 5.0 s, last 12:04:31Z"]);
        world.frame(v1::WatchResponse { now_ms: NOW_MS + 6_000, ..Default::default() });
        assert_eq!(world.state.mode().word(), "LIVE", "{screen:?}");
        world.past(204_000);
        world.wait(60_000);
        assert_eq!(world.state.mode().word(), "PAST", "of the past nothing is to be told");
    }
    let mut world = World::made_up();
    world.state.settings.source = Source::Demo;
    world.wait(60_000);
    assert_eq!(world.state.mode().word(), "LIVE", "what is made up here is not lost");
}

/// A page of history: events from a number on, a second apart.
fn page(world: &mut World, numbers: std::ops::Range<u64>, more: (bool, bool)) {
    let row = |it: u64| {
        let at_ms = NOW_MS - 10_000_000 + i64::try_from(it).unwrap() * 1_000;
        let of = super::world::event(it, kq_proto::admin::v1::EventKind::IsrShrunk, "orders/1");
        let event = Some(kq_proto::admin::v1::Event { at_ms, ..of });
        v1::EventRow { event, count: 1, last: it }
    };
    let before = u32::try_from(numbers.end - numbers.start).unwrap();
    let (more_before, more_after) = more;
    let events =
        v1::EventPage { rows: numbers.map(row).collect(), before, more_before, more_after };
    let window = world.state.window.number;
    world.frame(v1::WatchResponse {
        now_ms: NOW_MS,
        window,
        events: Some(events),
        ..Default::default()
    });
}

#[test]
fn of_history_it_is_said_how_much_there_is_and_never_that_a_page_is_all() {
    let mut world = World::made_up();
    world.press("8");
    let told = |world: &mut World, rows, is_more| {
        let event_total = Some(v1::EventTotal { rows, is_more });
        world.frame(v1::WatchResponse { now_ms: NOW_MS, event_total, ..Default::default() });
        (words::title(&world.state)[1].clone(), ctl::of_view(&world.state))
    };
    page(&mut world, 1_200..1_300, (true, false));
    assert_eq!(words::title(&world.state)[1], "100 of more", "a broker that does not count");
    let (title, line) = told(&mut world, 1_234, false);
    assert_eq!((title.as_str(), line.as_str()), ("100 of 1 234", "kq-ctl events --limit 100"));
    assert_eq!(told(&mut world, 10_000, true).0, "100 of more than 10 000");
    assert_eq!(told(&mut world, 7, false).0, "100 of 100", "no fewer than are seen");
    page(&mut world, 1_100..1_200, (true, true));
    let line = ctl::of_view(&world.state);
    check(&line, expect!["kq-ctl events --until 2026-11-21T09:37:50.001Z --limit 100"]);
    page(&mut world, 1..60, (false, false));
    assert_eq!(words::title(&world.state)[1], "59");
    assert_eq!(ctl::of_view(&world.state), "kq-ctl events --all");
}

#[test]
fn history_goes_on_by_pages_while_what_is_now_is_held() {
    let mut world = World::made_up();
    let cluster = |event| {
        let told = v1::ClusterState { event, answered_by: 1, ..Default::default() };
        v1::WatchResponse { now_ms: NOW_MS, cluster: Some(told), ..Default::default() }
    };
    world.frame(cluster(1_299));
    world.press("8");
    page(&mut world, 1_200..1_300, (true, false));
    world.press(" ");
    let asked = |world: &World| world.state.window.events.clone().unwrap().around_at_ms;
    let cursor = |world: &World| world.state.table.current().and_then(|it| world.state.key_of(it));
    assert_eq!(asked(&world), Some(NOW_MS + 1), "around the moment that is held");
    world.frame(cluster(1_400));
    page(&mut world, 1_200..1_400, (true, false));
    assert_eq!(world.state.table.rows.len(), 100, "what came since is not shown");
    assert_eq!(cursor(&world), Some(RowKey::Event(1_299)));
    world.press(&"k".repeat(95));
    assert_ne!(asked(&world), Some(NOW_MS + 1), "older ones are asked for");
    page(&mut world, 1_150..1_260, (true, true));
    assert_eq!((cursor(&world), world.state.table.rows.len()), (Some(RowKey::Event(1_204)), 110));
    world.press("g");
    page(&mut world, 1..60, (false, true));
    assert_eq!(cursor(&world), Some(RowKey::Event(1)));
    world.press("G");
    page(&mut world, 1_200..1_400, (true, false));
    assert_eq!(cursor(&world), Some(RowKey::Event(1_299)), "to where it is held, and no further");
    assert_eq!(world.state.mode().word(), "PAUSED");
    world.press(" ");
    assert_eq!(asked(&world), None);
    page(&mut world, 1_301..1_401, (true, false));
    assert_eq!((cursor(&world), world.state.mode().word()), (Some(RowKey::Event(1_400)), "LIVE"));
}

#[test]
fn of_a_recording_no_further_page_is_promised() {
    let mut world = World::made_up();
    world.state.settings.source = Source::Recording;
    world.press("8");
    page(&mut world, 1_200..1_300, (true, false));
    world.press("gk");
    assert_eq!(world.said(), "there were more, but only these were recorded");
}

#[test]
fn history_goes_on_by_pages_up_to_its_beginning() {
    for screen in ["8", "5"] {
        let mut world = World::made_up();
        world.press(screen);
        let asked = |world: &World| world.state.window.events.clone().unwrap().around_at_ms;
        let cursor =
            |world: &World| world.state.table.current().and_then(|it| world.state.key_of(it));
        page(&mut world, 1_200..1_300, (true, false));
        assert_eq!((asked(&world), cursor(&world)), (None, Some(RowKey::Event(1_299))), "newest");
        page(&mut world, 1_201..1_301, (true, false));
        assert_eq!(cursor(&world), Some(RowKey::Event(1_300)), "it goes with what comes");
        assert_eq!(words::title(&world.state)[1], "100 of more");
        world.press(&"k".repeat(95));
        assert_eq!(cursor(&world), Some(RowKey::Event(1_205)));
        let around_ms = asked(&world).unwrap();
        assert_eq!(
            (NOW_MS - 10_000_000 - around_ms) / -1_000 / 100,
            12,
            "older ones are asked for"
        );
        let line = |world: &World| world.state.table.at.unwrap() - world.state.table.first;
        let before = line(&world);
        page(&mut world, 1_150..1_260, (true, true));
        assert_eq!((cursor(&world), line(&world)), (Some(RowKey::Event(1_205)), before));
        world.press("g");
        assert_eq!(asked(&world), Some(0), "the beginning is asked for");
        page(&mut world, 1..60, (false, true));
        assert_eq!(cursor(&world), Some(RowKey::Event(1)));
        world.press("g");
        assert_eq!(world.said(), "this is the first row");
        world.press("G");
        page(&mut world, 1_201..1_301, (true, false));
        assert_eq!((asked(&world), cursor(&world)), (None, Some(RowKey::Event(1_300))));
    }
}

#[test]
fn the_cursor_goes_with_the_moment_to_its_event_alone_or_among_several() {
    for screen in ["8", "5"] {
        let mut world = World::made_up();
        world.press(screen);
        let cursor =
            |world: &World| world.state.table.current().and_then(|it| world.state.key_of(it));
        page(&mut world, 1_200..1_300, (true, false));
        // The cursor was moved, and stands elsewhere.
        let effects = world.press("kkk[");
        let seek = effects.iter().find_map(|it| {
            let Effect::Ask(FeedAsk::Seek(seek)) = it else { return None };
            Some(seek.number)
        });
        let at_ms = NOW_MS - 10_000_000 + 1_250_000;
        let moment = v1::WatchResponse {
            now_ms: NOW_MS,
            as_of_ms: Some(at_ms),
            ..v1::WatchResponse::default()
        };
        let landing = v1::Landing {
            number: seek.unwrap(),
            found: true,
            at_ms,
            event: Some(1_250),
            ..v1::Landing::default()
        };
        world.frame(v1::WatchResponse { landing: Some(landing), ..moment.clone() });
        assert_eq!(cursor(&world), Some(RowKey::Event(1_250)));
        let mut events = world.state.facts.events.clone().unwrap();
        // Around that moment it is told as one of sixty that happened together.
        events.rows.drain(21..80);
        let together = events.rows.get_mut(20).unwrap();
        (together.count, together.last) = (60, 1_279);
        events.before = 2;
        world.frame(v1::WatchResponse { events: Some(events), ..moment.clone() });
        assert_eq!(cursor(&world), Some(RowKey::Event(1_220)));
        world.press("j");
        world.frame(moment);
        assert_eq!(cursor(&world), Some(RowKey::Event(1_280)), "it stays where it is moved to");
    }
}
