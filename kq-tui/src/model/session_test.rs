//! Sessions as they are typed, over a made-up cluster.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::world::{NOW_MS, World, group, topic};
use super::*;

fn check(text: &str, want: Expect) {
    want.assert_eq(text);
}

pub(super) fn asked_for(effects: &[Effect]) -> String {
    let word = |it: &Effect| {
        if let Effect::Ask(FeedAsk::Seek(it)) = it {
            return format!("seek {} {:?} {}", it.number, it.step(), it.at_ms - NOW_MS);
        }
        format!("{it:?}")
    };
    effects.iter().map(word).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_overview_says_what_is_wrong_and_leads_there() {
    let mut world = World::made_up();
    let verdict = &world.state.verdict;
    let mut alarms = String::new();
    for it in &verdict.alarms {
        let _ = writeln!(alarms, "{} {}   [{}]", it.sign.char(), it.text, it.way());
    }
    check(
        &format!("{} {}\n{alarms}", verdict.word, verdict.sentence),
        expect![[r#"
            DEGRADED writes with acks=all pass; losing b1 stops 1 partition
            ! broker b3 fenced 3m24s ago (session expired)   [2 b3]
            ! 1 under-replicated, it misses b3   [4 why=b3]
            ~ billing falls behind: 1.21 M records, 20m10s, +1.20 k/s   [6 billing]
        "#]],
    );
    world.press("j\n");
    assert_eq!(world.state.place.screen, Screen::Partitions);
    assert_eq!(world.state.table.filter.text(), "why=b3");
    world.press("\u{1b}");
    assert_eq!(world.state.place.screen, Screen::Overview);
    check(
        &world.rows(),
        expect![[r#"
             Alarm("fenced 3")
            >Alarm("urp")
             Alarm("group billing")
             Broker(1)
             Broker(2)
             Broker(3)
        "#]],
    );
}

#[test]
fn a_filter_shows_while_it_is_typed_and_esc_takes_it_back() {
    let mut world = World::made_up();
    world.press("4jj");
    let before = world.rows();
    world.press("/why=b3");
    check(
        &world.rows(),
        expect![[r#"
        >Partition("orders", 1)
    "#]],
    );
    world.press(" nothing");
    assert_eq!((world.rows().as_str(), world.state.table.at), ("", None));
    world.press("\u{1b}");
    assert_eq!(world.rows(), before, "the cursor is where it was");
    world.press("/wy=b3");
    let Some(Overlay::Line(prompt)) = &world.state.overlay else { panic!("no line") };
    assert!(prompt.error.as_deref().unwrap().contains("accepted: topic"));
    world.press("\n");
    assert!(world.state.overlay.is_some(), "a wrong line stays");
}

#[test]
fn the_cursor_stays_on_its_row_through_frames_and_streams() {
    let mut world = World::made_up();
    world.press("4");
    world.press("jjj");
    check(
        &world.rows(),
        expect![[r#"
         Partition("orders", 1)
         Partition("orders", 2)
         Partition("audit", 0)
        >Partition("orders", 0)
    "#]],
    );
    world.wait(3_000);
    let lost = v1::PartitionState {
        topic: 9,
        partition: 0,
        leader: Some(1),
        leader_epoch: 45,
        replicas: vec![1, 2, 3],
        in_sync: 0b1,
        ..v1::PartitionState::default()
    };
    world.frame(v1::WatchResponse { now_ms: NOW_MS, partitions: vec![lost], ..Default::default() });
    world.wait(3_000);
    check(
        &world.rows(),
        expect![[r#"
         Partition("audit", 0)
         Partition("orders", 1)
         Partition("orders", 2)
        >Partition("orders", 0)
    "#]],
    );
    // Another stream: other numbers, the same names.
    let other = v1::WatchResponse {
        now_ms: NOW_MS,
        whole: true,
        topics: vec![
            topic(1, "clicks", &[1], &[0b111]),
            topic(2, "orders", &[1, 1, 2], &[0b111; 3]),
        ],
        ..Default::default()
    };
    world.frame(other);
    check(
        &world.rows(),
        expect![[r#"
         Partition("orders", 2)
         Partition("clicks", 0)
        >Partition("orders", 0)
         Partition("orders", 1)
    "#]],
    );
}

#[test]
fn the_order_stands_while_keys_are_pressed() {
    let mut world = World::made_up();
    world.press("6");
    world.wait(3_000);
    world.press("j");
    let before = world.rows();
    let worse = group("dash", admin::LagClass::Lagging, 9_000_000);
    world.frame(v1::WatchResponse { now_ms: NOW_MS, groups: vec![worse], ..Default::default() });
    world.wait(500);
    assert_eq!(world.rows(), before);
    world.wait(2_000);
    check(
        &world.rows(),
        expect![[r#"
        >Group("dash")
         Group("billing")
    "#]],
    );
}

#[test]
fn the_way_into_the_past_and_back() {
    let mut world = World::made_up();
    let words = |world: &World| world.state.mode().words(world.state.zone());
    assert_eq!(words(&world), "LIVE 12:04:31Z");
    world.press("]");
    assert_eq!(world.said(), "nothing comes after what is now; [ and { go back");
    check(&asked_for(&world.press("n")), expect!["seek 1 TroubleBack 200"]);
    let landing = v1::Landing {
        number: 1,
        found: true,
        at_ms: NOW_MS - 204_000,
        event: Some(1),
        ..Default::default()
    };
    world.frame(v1::WatchResponse {
        now_ms: NOW_MS + 200,
        as_of_ms: Some(NOW_MS - 204_000),
        landing: Some(landing),
        ..Default::default()
    });
    check(&words(&world), expect!["* PAST 12:01:07Z, 3m24s ago *"]);
    check(&asked_for(&world.press("{{{")), expect!["seek 2 Unspecified -264000"]);
    check(&asked_for(&world.press("t-10m\n")), expect![[r#""#]]);
    check(&asked_for(&world.press("L")), expect!["Ask(Resume)"]);
}

#[test]
fn what_is_held_stands_and_goes_on_where_it_would_be() {
    let mut world = World::made_up();
    world.press("6 ");
    assert_eq!(world.state.mode().word(), "PAUSED");
    let gone = v1::WatchResponse {
        now_ms: NOW_MS + 5_000,
        groups_gone: vec!["dash".into()],
        ..Default::default()
    };
    world.frame(gone);
    assert_eq!(world.state.facts.groups.len(), 2);
    assert_eq!(world.press(" "), []);
    assert_eq!((world.state.facts.groups.len(), world.state.mode().word()), (1, "LIVE"));
    world.press(" ");
    world.frame(super::world::whole());
    world.press(" ");
    assert_eq!(world.state.facts.groups.len(), 2, "another stream began meanwhile");
}

#[test]
fn what_the_last_broker_told_is_not_live_while_another_is_looked_for() {
    let mut world = World::empty();
    let to = || "kq2:9092".to_owned();
    world.event(Event::Feed(FeedEvent::Opening { to: to() }));
    assert_eq!(world.state.mode(), Mode::Live { at_ms: None }, "nothing was told yet");
    let mut world = World::made_up();
    for event in [FeedEvent::Lost { why: "reset".to_owned() }, FeedEvent::Opening { to: to() }] {
        world.event(Event::Feed(event));
        assert_eq!(world.state.mode().word(), "LOST");
    }
    world.event(Event::Feed(FeedEvent::Open { to: to() }));
    assert_eq!(world.state.mode().word(), "LIVE");
    world.state.settings.source = Source::Recording;
    world.event(Event::Feed(FeedEvent::Lost { why: "reset".to_owned() }));
    assert_eq!(world.state.mode().word(), "REPLAY", "it was lost then, not now");
}

#[test]
fn esc_and_the_rest_of_a_cut_sequence_do_nothing() {
    let mut world = World::made_up();
    world.event(Event::Key(Key::plain(Code::Esc)));
    for it in "[<64;10;5Mq".chars() {
        assert_eq!(world.event(Event::Key(Key::char(it))), []);
    }
    assert_eq!(world.state.place, Place::of(Screen::Overview));
    world.wait(30);
    assert_eq!(world.event(Event::Key(Key::char('q'))), [Effect::Quit(0)]);
}

#[test]
fn every_view_has_its_line_of_kq_ctl() {
    let mut world = World::made_up();
    let mut lines = String::new();
    for screen in Screen::ALL {
        world.show(screen);
        world.press("gy");
        let _ = writeln!(lines, "{:<10} {}", screen.name(), world.said());
    }
    world.show(Screen::Partitions);
    world.press("gxxy");
    let _ = writeln!(lines, "marked     {}", world.said());
    world.past(204_000);
    world.press("y");
    let _ = writeln!(lines, "past       {}", world.said());
    check(
        &lines,
        expect![[r#"
            overview   kq-ctl broker describe 3
            brokers    kq-ctl broker describe 1
            topics     kq-ctl topic describe audit
            partitions kq-ctl partition describe orders/1
            churn      kq-ctl events --all
            groups     kq-ctl group lag billing
            plans      kq-ctl plan status drain-b4
            events     kq-ctl events --all
            quorum     kq-ctl quorum status
            members    kq-ctl group describe billing --members
            configs    kq-ctl config describe topic orders cleanup.policy
            tail       kq-ctl record get orders/1@7
            record     kq-ctl record get orders/1@7
            marked     kq-ctl partition describe orders/1,2
            past       kq-ctl events --topic orders --until 2026-11-21T12:01:07.001Z
        "#]],
    );
}

#[test]
fn names_of_strangers_drive_no_terminal() {
    let mut world = World::made_up();
    let evil = "it's\u{1b}[31m $(reboot)\n";
    world.frame(v1::WatchResponse {
        now_ms: NOW_MS,
        groups: vec![group(evil, admin::LagClass::Lagging, 9_999_999_999)],
        ..Default::default()
    });
    world.wait(3_000);
    for it in &world.state.verdict.alarms {
        let shown = format!("{} {}", it.text, it.way());
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    world.show(Screen::Groups);
    let effects = world.press("gy");
    check(
        &format!("{effects:?}\n{}", world.said()),
        expect![[r#"
        [Copy("kq-ctl group lag $'it\\'s\\x1b'$'[31m $(reboot)\\x0a'$''")]
        kq-ctl group lag $'it\'s\x1b'$'[31m $(reboot)\x0a'$''"#]],
    );
    world.press(":it's");
    let Some(Overlay::Palette(list)) = &world.state.overlay else { panic!("no palette") };
    assert!(list.choices.iter().all(|it| !it.name.chars().any(char::is_control)));
}

#[test]
fn words_say_why_and_what_helps() {
    let mut world = World::made_up();
    world.show(Screen::Partitions);
    let mut left = super::world::event(2, admin::EventKind::IsrShrunk, "orders/1");
    left.reason = "broker 3 fenced".to_owned();
    let mut led = super::world::event(3, admin::EventKind::LeaderChanged, "orders/1");
    led.attributes = [("old_leader", "3"), ("new_leader", "1"), ("leader_epoch", "44")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let fenced = super::world::event(1, admin::EventKind::BrokerFenced, "broker 3");
    world.frame(v1::WatchResponse {
        now_ms: NOW_MS,
        focus: Some(v1::Focus {
            partition: Some(v1::PartitionKey { topic: "orders".into(), partition: 1 }),
            events: vec![led, left, fenced],
        }),
        ..Default::default()
    });
    let id = world.state.facts.topics.partition_named("orders", 1).unwrap();
    let why = words::why(&world.state.facts, id, None).join("\n");
    let group = words::evidence(&world.state.facts, "billing", None).join("\n");
    check(
        &format!("{why}\n{group}"),
        expect![[r#"
            2 of 3 in sync for 3m24s: one less, and acks=all is refused.
            b3 left the ISR at 12:01:07Z by fencing (session expired).
            Back when b3 returns.
            Leader b3 -> b1 at 12:01:07Z, epoch 44.
            billing FALLING since 11:47Z (rising): 9.80 k/s come in, 8.60 k/s are committed.
            Slowest: orders-1, 0 % of the lag, member c-2 on 10.0.4.7; never through at this rate.
            It needs 1.20 k/s more to hold, 2.20 k/s more to be through in 20 m."#]],
    );
}

#[test]
fn a_window_is_asked_for_only_when_it_differs() {
    let mut world = World::made_up();
    let ask = |world: &mut World, key: char| update(&mut world.state, Event::Key(Key::char(key)));
    let windows = |effects: Vec<Effect>| {
        effects.into_iter().filter(|it| matches!(it, Effect::Ask(FeedAsk::Window(_)))).count()
    };
    world.wait(1_000);
    assert_eq!(windows(ask(&mut world, '9')), 1);
    assert_eq!(windows(ask(&mut world, '9')), 0);
    assert_eq!(windows(ask(&mut world, '4')), 1);
    assert!(!world.state.window.partitions.as_ref().unwrap().all);
    for _ in 0..8 {
        ask(&mut world, 's');
    }
    assert!(world.state.window.partitions.as_ref().unwrap().all, "sorted by a counter");
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}

#[test]
fn a_hundred_thousand_keys_change_nothing_outside() {
    let codes = [
        Code::Enter,
        Code::Esc,
        Code::Backspace,
        Code::Delete,
        Code::Tab,
        Code::BackTab,
        Code::Up,
        Code::Down,
        Code::Left,
        Code::Right,
        Code::PageUp,
        Code::PageDown,
        Code::Home,
        Code::End,
    ];
    let sizes = [(0, 0), (1, 1), (40, 10), (80, 24), (300, 100)];
    let mut chance = Chance(7);
    let mut world = World::made_up();
    for step in 0..100_000_u64 {
        let key = match chance.below(4) {
            0 => Key::plain(codes[chance.below(codes.len())]),
            1 => Key::ctrl(char::from(b'a' + u8::try_from(chance.below(26)).unwrap())),
            _ => Key::char(char::from(b' ' + u8::try_from(chance.below(95)).unwrap())),
        };
        world.wait(u64::try_from(chance.below(60)).unwrap());
        for effect in world.event(Event::Key(key)) {
            if let Effect::Ask(FeedAsk::Seek(seek)) = effect {
                world.frame(v1::WatchResponse {
                    now_ms: NOW_MS,
                    as_of_ms: Some(seek.at_ms),
                    landing: Some(v1::Landing {
                        number: seek.number,
                        found: chance.below(4) > 0,
                        at_ms: seek.at_ms,
                        ..Default::default()
                    }),
                    ..Default::default()
                });
            } else if effect == Effect::Ask(FeedAsk::Resume) {
                world.frame(super::world::whole());
            }
        }
        if step % 97 == 0 {
            let (columns, rows) = sizes[chance.below(sizes.len())];
            world.event(Event::Resize { columns, rows });
        }
        if step % 500 == 0 {
            world.event(Event::Mouse(Mouse { deed: MouseDeed::Click, column: 0, row: 0 }));
            world.frame(super::world::whole());
        }
        let table = &world.state.table;
        assert!(table.at.is_none_or(|at| at < table.rows.len()));
        assert!(world.state.back.len() <= 32);
    }
}

#[test]
fn a_filter_of_ages_finds_rows_as_time_goes_on() {
    let mut world = World::made_up();
    let later = |world: &mut World, seconds: i64| {
        world.wait(20_000);
        let now_ms = NOW_MS + seconds * 1_000;
        world.frame(v1::WatchResponse { now_ms, ..v1::WatchResponse::default() });
        world.state.table.rows.len()
    };
    world.press("4/for>4m\n");
    assert_eq!(later(&mut world, 10), 0, "3m34s");
    assert!(later(&mut world, 60) > 0, "4m24s, and nobody told anything but the time");
}
