//! Every screen, drawn: in health, in trouble, with nothing, cut off, in the past, at all sizes.

mod actions;
mod cluster;
mod known;
mod looks;

use std::fmt::Write as _;

use expect_test::{ExpectFile, expect_file};
use kq_proto::monitor::v1;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::draw;
use crate::model::{Code, Event, FeedEvent, Key, Overlay, Screen, Settings, State, update};

fn settings() -> Settings {
    Settings { context: "prod-eu".into(), ascii: true, read_only: true, ..Settings::default() }
}

fn start(size: (u16, u16)) -> State {
    let mut state = State::new(settings());
    update(&mut state, Event::Resize { columns: size.0, rows: size.1 });
    update(&mut state, Event::Tick { uptime_ms: 1_000 });
    state
}

fn feed(state: &mut State, it: FeedEvent) {
    update(state, Event::Feed(it));
}

fn frame(state: &mut State, it: v1::WatchResponse) {
    feed(state, FeedEvent::Frame(Box::new(it)));
}

/// A monitor that has been told a cluster.
fn told(size: (u16, u16), is_ill: bool) -> State {
    let mut state = start(size);
    feed(&mut state, FeedEvent::Open { to: "10.0.4.1:9092".into() });
    frame(&mut state, cluster::whole(is_ill));
    update(&mut state, Event::Tick { uptime_ms: 2_000 });
    frame(&mut state, cluster::next(is_ill));
    settle(&mut state, size);
    answer(&mut state);
    settle(&mut state, size);
    state
}

/// What was asked for is told: an axis as long as there is room, what happened to a partition.
fn answer(state: &mut State) {
    let Some(told) = state.facts.axis.as_ref() else { return };
    let is_ill = told.shrinks.iter().any(|it| *it > 0);
    let axis = state.window.axis.as_ref().map(|it| cluster::axis_of(is_ill, it));
    let focus = state.window.focus.as_ref().map(|it| cluster::focus(is_ill, it));
    if state.facts.now_ms != Some(cluster::NOW_MS) || (axis.is_none() && focus.is_none()) {
        return;
    }
    let now_ms = cluster::NOW_MS;
    frame(state, v1::WatchResponse { now_ms, axis, focus, ..v1::WatchResponse::default() });
}

/// What was drawn is told back, as the shell does it.
fn settle(state: &mut State, size: (u16, u16)) {
    for uptime_ms in [5_000, 5_300] {
        let (_, hits) = drawn(state, size);
        state.drawn(hits);
        update(state, Event::Tick { uptime_ms });
    }
}

fn go(state: &mut State, screen: Screen, size: (u16, u16)) {
    if screen.is_asked_for() {
        looks::go(state, screen);
        settle(state, size);
        return;
    }
    let digit = screen.digit().unwrap_or('6');
    update(state, Event::Key(Key::char(digit)));
    if screen == Screen::Members {
        frame(
            state,
            v1::WatchResponse { group: Some(cluster::open_group()), ..cluster::next(true) },
        );
        update(state, Event::Key(Key::plain(Code::Enter)));
    }
    settle(state, size);
    answer(state);
    settle(state, size);
}

fn drawn(state: &State, size: (u16, u16)) -> (Buffer, crate::model::HitMap) {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    let hits = draw(state, area, &mut buffer);
    (buffer, hits)
}

/// A letter for how a cell looks, so that the snapshot has a layer of styles below its text.
fn style_sign(front: Color, how: Modifier) -> char {
    match (how.contains(Modifier::REVERSED), front) {
        (true, Color::Reset) => 'R',
        (true, _) => 'P',
        (_, Color::Indexed(33)) => 'g',
        (_, Color::Indexed(172)) => 'w',
        (_, Color::Indexed(196)) => 'b',
        (_, Color::Indexed(37)) => 'k',
        (_, Color::Indexed(135)) => 'u',
        _ if how.contains(Modifier::DIM) => 'd',
        _ if how.contains(Modifier::BOLD) => 'h',
        _ => '.',
    }
}

/// The text of a screen, and beside each line its styles by their lengths.
fn shown(state: &State, size: (u16, u16)) -> String {
    let (buffer, _) = drawn(state, size);
    let text = super::encode::text(&buffer);
    let mut out = String::new();
    for (line, cells) in text.lines().zip(buffer.content.chunks(usize::from(size.0))) {
        let mut styles = String::new();
        let signs: Vec<char> = cells.iter().map(|it| style_sign(it.fg, it.modifier)).collect();
        for run in signs.chunk_by(|a, b| a == b) {
            let _ = write!(styles, "{}{}", run[0], run.len());
        }
        let _ = writeln!(out, "{line:<width$} |{styles}", width = usize::from(size.0));
    }
    out
}

fn check(name: &str, state: &State, size: (u16, u16)) {
    file(&format!("{name}-{}x{}", size.0, size.1)).assert_eq(&shown(state, size));
}

fn file(name: &str) -> ExpectFile {
    expect_file![format!("{}/tests/screens/{name}.txt", env!("CARGO_MANIFEST_DIR"))]
}

#[test]
fn every_screen_shows_health_and_trouble() {
    for size in [(80, 24), (160, 50)] {
        for (word, is_ill) in [("well", false), ("ill", true)] {
            for screen in Screen::ALL {
                let mut state = told(size, is_ill);
                go(&mut state, screen, size);
                check(&format!("{}-{word}", screen.name()), &state, size);
            }
        }
    }
}

#[test]
fn every_screen_has_fields_for_machines() {
    let size = (80, 24);
    for screen in Screen::ALL {
        let mut state = told(size, true);
        go(&mut state, screen, size);
        let document: serde_json::Value =
            serde_json::from_str(&super::sheet::json(&state)).unwrap();
        assert_eq!(document["screen"], screen.name());
        let rows = document["rows"].as_array().unwrap();
        let alarms = document["verdict"]["alarms"].as_array().unwrap();
        let of_table =
            state.table.rows.len() - if screen == Screen::Overview { alarms.len() } else { 0 };
        assert_eq!(
            rows.len(),
            of_table,
            "{screen:?}: rows that no terminal has room for are there"
        );
        assert!(!alarms.is_empty() && rows.iter().all(|it| it.as_object().unwrap().len() > 1));
    }
}

#[test]
fn fields_for_machines_never_have_a_page_for_all_there_is() {
    let size = (80, 24);
    let mut state = told(size, true);
    go(&mut state, Screen::Events, size);
    let totals = |state: &State| {
        let text = super::sheet::json(state);
        let it: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shown = it["rows"].as_array().unwrap().len();
        (shown, it["total"].as_u64(), it["total_more_than"].as_u64())
    };
    let shown = state.facts.events.as_ref().unwrap().rows.len();
    assert_eq!(totals(&state), (shown, Some(shown as u64), None), "it is all there is");
    let page = state.facts.events.as_mut().unwrap();
    page.more_before = true;
    assert_eq!(totals(&state), (shown, None, None), "nobody counted");
    let counted = |rows, is_more| Some(kq_proto::monitor::v1::EventTotal { rows, is_more });
    state.facts.event_total = counted(1_234, false);
    assert_eq!(totals(&state), (shown, Some(1_234), None));
    state.facts.event_total = counted(10_000, true);
    assert_eq!(totals(&state), (shown, None, Some(10_000)));
}

#[test]
fn fields_for_machines_have_what_their_texts_are_made_of() {
    let size = (80, 24);
    let mut state = told(size, true);
    go(&mut state, Screen::Partitions, size);
    let document: serde_json::Value = serde_json::from_str(&super::sheet::json(&state)).unwrap();
    let first = &document["rows"][0];
    for name in ["partition", "ldr", "pref", "epoch", "isr_out", "behind", "in_s", "state"] {
        assert!(first[name].is_string(), "{name} of {first}");
    }
    let values = &first["values"];
    for name in ["partition", "leader", "leader_epoch"] {
        assert!(values[name].is_u64(), "{name} of {values}");
    }
    assert!(values["isr"].is_array() && values["topic"].is_string(), "{values}");
    for screen in Screen::TABS {
        let mut state = told(size, true);
        go(&mut state, screen, size);
        let document: serde_json::Value =
            serde_json::from_str(&super::sheet::json(&state)).unwrap();
        let rows = document["rows"].as_array().unwrap();
        assert!(rows.iter().all(|it| it["values"].is_object()), "{screen:?}: {rows:?}");
    }
}

#[test]
fn nothing_known_and_nothing_there_are_told_as_such() {
    for size in [(80, 24), (160, 50)] {
        // The other screens are opened from rows, of which there are none.
        for screen in Screen::TABS {
            let mut state = start(size);
            go(&mut state, screen, size);
            check(&format!("{}-unknown", screen.name()), &state, size);
            let text = super::encode::text(&drawn(&state, size).0);
            assert!(!text.contains("there are none"), "{screen:?}: nobody told that\n{text}");

            let mut state = start(size);
            feed(&mut state, FeedEvent::Open { to: "10.0.4.1:9092".into() });
            frame(&mut state, cluster::bare());
            go(&mut state, screen, size);
            check(&format!("{}-empty", screen.name()), &state, size);
        }
    }
}

#[test]
fn what_was_seen_last_is_told_as_lost() {
    for size in [(80, 24), (160, 50)] {
        for screen in Screen::ALL {
            let mut state = told(size, true);
            go(&mut state, screen, size);
            feed(&mut state, FeedEvent::Lost { why: "the broker is gone".into() });
            update(&mut state, Event::Tick { uptime_ms: 17_300 });
            check(&format!("{}-lost", screen.name()), &state, size);
            let text = super::encode::text(&drawn(&state, size).0);
            assert!(text.contains("LOST"), "{screen:?}: it looks live\n{text}");
        }
    }
}

#[test]
fn in_the_past_what_is_not_kept_is_a_dash() {
    for size in [(80, 24), (160, 50)] {
        for screen in Screen::ALL {
            let mut state = told(size, true);
            go(&mut state, screen, size);
            let past = v1::WatchResponse {
                as_of_ms: Some(cluster::NOW_MS - 204_000),
                now_ms: cluster::NOW_MS + 1_000,
                ..v1::WatchResponse::default()
            };
            frame(&mut state, past);
            settle(&mut state, size);
            check(&format!("{}-past", screen.name()), &state, size);
            let text = super::encode::text(&drawn(&state, size).0);
            assert!(!text.contains("there are none"), "{screen:?}: nobody told that\n{text}");
        }
    }
}

#[test]
fn whose_groups_are_unknown_is_said_beside_those_that_are_known() {
    let size = (80, 24);
    let mut state = told(size, true);
    go(&mut state, Screen::Groups, size);
    let silent = v1::SilentBrokers {
        brokers: vec![4],
        since_at_ms: vec![cluster::NOW_MS - 9_000],
        why: vec!["it does not answer".into()],
    };
    frame(
        &mut state,
        v1::WatchResponse {
            groups_missing: Some(v1::GroupsMissing {
                why: vec!["broker 4: it does not answer".into(), "broker 3: fenced".into()],
            }),
            silent: Some(silent),
            ..cluster::next(true)
        },
    );
    settle(&mut state, size);
    check("groups-missing", &state, size);
    go(&mut state, Screen::Brokers, size);
    update(&mut state, Event::Key(Key::char('G')));
    check("brokers-silent", &state, size);
}

#[test]
fn lists_and_lines_lie_above_the_screen() {
    let size = (80, 24);
    for (name, key) in [("help", '?'), ("palette", ':'), ("filter", '/'), ("go-to", 't')] {
        let mut state = told(size, true);
        go(&mut state, Screen::Partitions, size);
        update(&mut state, Event::Key(Key::char(key)));
        assert!(matches!(
            state.overlay,
            Some(Overlay::Help(_) | Overlay::Palette(_) | Overlay::Line(_))
        ));
        check(name, &state, size);
    }
}

#[test]
fn no_size_and_no_place_breaks_a_screen_or_writes_beside_it() {
    let sizes =
        [(1, 1), (5, 3), (39, 9), (40, 10), (41, 11), (60, 15), (80, 24), (120, 20), (300, 100)];
    for screen in Screen::ALL {
        let mut state = told((80, 24), true);
        go(&mut state, screen, (80, 24));
        for size in sizes {
            let mut buffer =
                Buffer::filled(Rect::new(0, 0, 310, 110), ratatui::buffer::Cell::new("@"));
            let area = Rect::new(4, 3, size.0, size.1);
            draw(&state, area, &mut buffer);
            for (at, cell) in buffer.content.iter().enumerate() {
                let place = ratatui::layout::Position::from(buffer.pos_of(at));
                assert!(
                    area.contains(place) || cell.symbol() == "@",
                    "{screen:?} {size:?} {place}"
                );
            }
            draw(&state, Rect::new(300, 100, size.0, size.1), &mut buffer);
            draw(&state, Rect::new(0, 0, size.0, 0), &mut buffer);
        }
    }
}

#[test]
fn a_secret_is_on_no_screen() {
    let size = (300, 100);
    let mut state = told(size, false);
    go(&mut state, Screen::Configs, size);
    for _ in looks::entries() {
        let text = super::encode::text(&drawn(&state, size).0);
        assert!(text.contains("(hidden)") && !text.contains("hunter"), "{text}");
        update(&mut state, Event::Key(Key::char('j')));
    }
    let state = format!("{state:?}");
    assert!(!state.contains("hunter"), "it is not even remembered");
}

#[test]
fn a_configuration_that_is_not_told_again_is_said_to_be_old() {
    let size = (80, 24);
    let mut state = told(size, false);
    go(&mut state, Screen::Configs, size);
    state.configs.failure = Some("lost 10.0.4.2:9092\u{1b}[31m".to_owned());
    settle(&mut state, size);
    let text = super::encode::text(&drawn(&state, size).0);
    assert!(text.contains(" x not told again: lost 10.0.4.2:9092\\u{1b}[31m"), "{text}");
    assert!(text.contains("min.insync.replicas"), "{text}");
}

#[test]
fn a_recording_has_neither_configurations_nor_records() {
    let size = (80, 24);
    for screen in [Screen::Configs, Screen::Tail, Screen::Record] {
        let mut state = told(size, false);
        go(&mut state, screen, size);
        state.settings.source = crate::model::Source::Recording;
        settle(&mut state, size);
        check(&format!("{}-recording", screen.name()), &state, size);
    }
}

#[test]
fn without_colours_every_state_is_a_word() {
    for size in [(80, 24), (160, 50)] {
        for (screen, is_ill) in Screen::ALL.into_iter().flat_map(|it| [(it, false), (it, true)]) {
            let mut state = told(size, is_ill);
            go(&mut state, screen, size);
            let coloured = super::encode::text(&drawn(&state, size).0);
            for theme in super::theme::NAMES {
                state.settings.theme = theme.to_owned();
                let text = super::encode::text(&drawn(&state, size).0);
                assert_eq!(text, coloured, "{screen:?}: {theme} says something else");
            }
            state.settings.no_color = true;
            let (buffer, _) = drawn(&state, size);
            let is_plain =
                |it: &ratatui::buffer::Cell| (it.fg, it.bg) == (Color::Reset, Color::Reset);
            assert!(buffer.content.iter().all(is_plain), "{screen:?}: a colour is left");
            let text = super::encode::text(&buffer);
            assert_eq!(text, coloured, "{screen:?}: it takes colours to see something");
            assert!(text.is_ascii(), "{screen:?}: not ASCII\n{text}");
            for word in ["LIVE", "RO"] {
                assert!(text.contains(word), "{word} is missing in\n{text}");
            }
            assert_eq!(state.table.at.is_some(), text.contains("\n>"), "{screen:?}\n{text}");
        }
    }
    for (screen, words) in [
        (Screen::Overview, vec!["DEGRADED", "fenced", "\n>! "]),
        (Screen::Brokers, vec!["FENCED", " up"]),
        (Screen::Topics, vec!["MIN", " ok"]),
        (Screen::Partitions, vec!["(b3)", "MIN", " ok"]),
        (Screen::Groups, vec!["FALLING", "STALLED", "STOPPED", "PARTIAL", "NEW", " OK"]),
        (Screen::Members, vec!["FALLING", "<-", "never"]),
        (Screen::Plans, vec!["running"]),
        (Screen::Quorum, vec!["FENCED", "LEADER", "learner"]),
    ] {
        let size = (80, 24);
        let mut state = told(size, true);
        state.settings.no_color = true;
        go(&mut state, screen, size);
        let text = super::encode::text(&drawn(&state, size).0);
        for word in words {
            assert!(text.contains(word), "{screen:?}: {word:?} is missing in\n{text}");
        }
    }
}

#[test]
fn a_click_finds_what_was_drawn() {
    let size = (80, 24);
    let state = told(size, true);
    let (_, hits) = drawn(&state, size);
    assert_eq!(hits.at(0, 1), Some(crate::model::Hit::Screen(Screen::Overview)));
    assert_eq!(hits.at(10, 4), Some(crate::model::Hit::Row(0)));
    assert!(matches!(hits.at(1, 23), Some(crate::model::Hit::Key(_))));
}

fn typed(state: &mut State, keys: &str) {
    for it in keys.chars() {
        let key = if it == '\n' { Key::plain(Code::Enter) } else { Key::char(it) };
        update(state, Event::Key(key));
    }
}

#[test]
fn the_filter_stays_in_the_first_line_whatever_goes() {
    let size = (80, 24);
    let mut state = told(size, true);
    go(&mut state, Screen::Partitions, size);
    typed(&mut state, "/orders-of-a-name-that-is-far-too-long-for-it\n");
    settle(&mut state, size);
    let text = shown(&state, size);
    let first = text.lines().next().unwrap();
    assert!(first.contains("  orders-of-a-name-that-is") && first.contains("LIVE"), "{first}");
}

#[test]
fn rows_that_are_scrolled_away_are_told_of() {
    let size = (80, 16);
    let mut state = told(size, true);
    assert!(shown(&state, size).contains("more below"), "{}", shown(&state, size));
    typed(&mut state, "G");
    settle(&mut state, size);
    assert!(shown(&state, size).contains("more above"), "{}", shown(&state, size));
}
