//! The shell in a real terminal: sizes, hang-ups, signals, panics, Ctrl-Z, floods and rubbish.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

#[path = "pty/child.rs"]
mod child;
#[path = "pty/driver.rs"]
mod driver;
#[path = "pty/grid.rs"]
mod grid;
#[path = "pty/link.rs"]
mod link;
#[path = "pty/output.rs"]
mod output;
#[path = "pty/program.rs"]
mod program;
#[path = "pty/slow.rs"]
mod slow;

use std::time::Duration;

use driver::Pty;
use kq_tui::feed::record::Recording;
use kq_tui::model::{Event, Key};
use kq_tui::shell::trace::{Item, read};
use rustix::process::Signal;
use rustix::termios::LocalModes;

/// What ends must have ended by then.
const SOON: Duration = Duration::from_secs(1);
/// As long as anything may take on a machine that has other things to do.
const LATER: Duration = Duration::from_secs(30);
const QUIT: &[u8] = b"\x1b[200~quit\x1b[201~";

/// Not a test: the process that the tests start.
#[test]
fn child() {
    child::run_if_child();
}

/// This program again, as a child of that manner.
fn command() -> Vec<String> {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    vec![program, "--exact".to_owned(), "child".to_owned(), "--nocapture".to_owned()]
}

fn start_sized(manner: &str, size: (u16, u16)) -> Pty {
    let command = command();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    Pty::start(&command, &[(child::CHILD, manner)], size)
}

fn start(manner: &str) -> Pty {
    let mut pty = start_sized(manner, (80, 24));
    if manner != "feed-panics" {
        pty.wait_for_text("size 80x24");
    }
    pty
}

/// Numbers that look random and are the same each time.
fn numbers(mut seed: u64) -> impl Iterator<Item = u64> {
    std::iter::repeat_with(move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed >> 8
    })
}

#[test]
fn a_thousand_sizes_end_in_a_fresh_frame() {
    let mut pty = start("silent");
    let mut numbers = numbers(1);
    let mut side = |max: u64| u16::try_from(numbers.next().unwrap() % max + 1).unwrap();
    for _ in 0..1_000 {
        pty.resize((side(300), side(100)));
    }
    pty.resize((90, 20));
    pty.wait_for_text("size 90x20");
    pty.send(b"k");
    pty.wait_for_text("keys 1 ");
    let mut fresh = start("silent");
    fresh.resize((90, 20));
    fresh.wait_for_text("size 90x20");
    fresh.send(b"k");
    fresh.wait_for_text("keys 1 ");
    assert_eq!(pty.grid.text(), fresh.grid.text());
    assert!(pty.grid.repaints <= 60, "{} repaints", pty.grid.repaints);
}

#[test]
fn no_process_is_left_without_a_terminal() {
    for manner in ["silent", "flood"] {
        let mut pty = start(manner);
        pty.hang_up();
        assert_eq!(pty.exit_code(SOON), Some(129), "{manner}");
    }
    // Under a parent that ignores the signal, which is inherited.
    let command = command();
    let line = format!("trap '' HUP; exec {} --exact child --nocapture", command[0]);
    let mut pty = Pty::start(&["sh", "-c", &line], &[(child::CHILD, "silent")], (80, 24));
    pty.wait_for_text("size 80x24");
    pty.hang_up();
    assert_eq!(pty.exit_code(SOON), Some(129));
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    let signals = [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)];
    for manner in ["silent", "flood"] {
        for (signal, code) in signals {
            let mut pty = start(manner);
            pty.send(b"M");
            pty.wait_for("the mouse is on", |pty| pty.left_on().contains(&"1006"));
            pty.signal(signal);
            assert_eq!(pty.exit_code(LATER), Some(code), "{manner} {signal:?}");
            assert_eq!(pty.left_on(), Vec::<&str>::new(), "{manner} {signal:?}");
        }
    }
}

#[test]
fn a_panic_anywhere_gives_the_terminal_back() {
    let mut pty = start("silent");
    let raw = pty.modes();
    pty.send(b"P");
    assert_eq!(pty.exit_code(LATER), Some(101));
    assert_eq!(pty.left_on(), Vec::<&str>::new());
    assert_ne!(pty.modes(), raw);
    assert!(pty.modes().2.contains(LocalModes::ICANON | LocalModes::ECHO));
    let mut pty = start("feed-panics");
    assert_eq!(pty.exit_code(LATER), Some(101));
    assert_eq!(pty.left_on(), Vec::<&str>::new());
}

#[test]
fn a_panic_anywhere_brings_recording_and_trace_to_their_ends() {
    for manner in ["draw-panics", "feed-panics"] {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().to_str().unwrap();
        let command = command();
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let env = [(child::CHILD, manner), (child::DIR, place)];
        let mut pty = Pty::start(&command, &env, (80, 24));
        if manner == "draw-panics" {
            pty.wait_for_text("told");
            pty.send(b"P");
        }
        assert_eq!(pty.exit_code(LATER), Some(101), "{manner}");
        let recording = Recording::open(&dir.path().join("record")).unwrap();
        assert!(recording.span_ms().is_some(), "{manner}: what was told is not in the recording");
        let items = read(&dir.path().join("trace")).unwrap();
        let events: Vec<Event> =
            items.into_iter().filter_map(Item::into_event).filter_map(Result::ok).collect();
        if manner == "draw-panics" {
            let last = events.iter().rfind(|it| matches!(it, Event::Key(_)));
            assert_eq!(last, Some(&Event::Key(Key::char('P'))), "what led to it is in the trace");
        }
    }
}

#[test]
fn it_ends_with_its_code_and_leaves_all_as_it_was() {
    let mut pty = start("silent");
    assert!(!pty.modes().2.contains(LocalModes::ICANON));
    pty.send(QUIT);
    assert_eq!(pty.exit_code(LATER), Some(7));
    assert_eq!(pty.left_on(), Vec::<&str>::new());
    assert!(pty.modes().2.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
}

#[test]
fn it_stops_and_goes_on_as_often_as_one_likes() {
    // The child leads a session that nobody else is in: its group is an orphan.
    let mut pty = start("flood");
    for nth in 1..=20 {
        pty.send(b"\x1a");
        pty.wait_until_stopped();
        assert!(pty.modes().2.contains(LocalModes::ICANON), "{nth}: given back");
        assert_eq!(pty.left_on(), Vec::<&str>::new(), "{nth}");
        // Somebody sets the terminal otherwise meanwhile.
        let is_odd = nth % 2 == 1;
        pty.set_modes(|it| it.local_modes.set(LocalModes::ECHOCTL, is_odd));
        let cooked = pty.modes();
        pty.signal(Signal::CONT);
        pty.wait_for_text(&format!("resumed {nth}."));
        assert!(!pty.modes().2.contains(LocalModes::ICANON), "{nth}: taken again");
        pty.send(b"k");
        pty.wait_for_text(&format!("keys {nth} "));
        if nth == 20 {
            pty.send(QUIT);
            assert_eq!(pty.exit_code(LATER), Some(7));
            assert_eq!(pty.modes(), cooked);
        }
    }
}

#[test]
fn a_signal_from_outside_stops_it_too() {
    let mut pty = start("silent");
    pty.signal(Signal::TSTP);
    pty.wait_until_stopped();
    assert_eq!(pty.left_on(), Vec::<&str>::new());
    pty.signal(Signal::CONT);
    pty.wait_for_text("resumed 1.");
}

#[test]
fn ten_thousand_turns_of_a_wheel_are_no_keys() {
    let mut pty = start("silent");
    // A terminal puts no answer into the middle of a sequence, as this one would.
    pty.answers = false;
    let wheel = b"\x1b[<65;10;12M".repeat(10_000);
    let mut rest = wheel.as_slice();
    for number in numbers(3) {
        let part = usize::try_from(number % 40).unwrap() + 1;
        let (now, later) = rest.split_at(part.min(rest.len()));
        pty.send(now);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    pty.wait_for_text("keys 0 esc 0 wheels 10000.");
}

#[test]
fn rubbish_is_survived() {
    let mut pty = start("silent");
    let bytes: Vec<u8> = numbers(5)
        .map(|it| it.to_le_bytes()[0])
        // It neither stops itself nor falls over because it was told to.
        .filter(|it| !matches!(it, 0x1a | b'P' | b'M'))
        .take(20_000)
        .collect();
    pty.send(&bytes);
    for nth in 0..1_000_u32 {
        pty.send(format!("\x1b[<0;0;{nth}M\x1b[{nth};0R\x1b[<{nth};;M").as_bytes());
    }
    // What was cut ends here, whatever it was.
    pty.send(b"\x18\x1b\\\x1b[201~");
    pty.send(QUIT);
    assert_eq!(pty.exit_code(LATER), Some(7));
    assert_eq!(pty.left_on(), Vec::<&str>::new());
}
