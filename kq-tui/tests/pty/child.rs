//! The monitor's shell around a small model that says what reached it. It runs in a process of its
//! own, which is this test program again.

use std::sync::Arc;

use kq_tui::feed::{Asks, Feed};
use kq_tui::model::{Code, Effect, Event, FeedEvent, Key, Mouse, Outcome};
use kq_tui::shell::app::{App, Work};
use kq_tui::shell::clock::Clock;
use kq_tui::shell::terminal::Run;
use ratatui::buffer::Buffer;
use ratatui::style::Style;

/// Says to a process that it is the child, and what it does.
pub(crate) const CHILD: &str = "KQ_TUI_TEST_CHILD";

/// Counts what reached it.
#[derive(Default)]
struct Counts {
    keys: usize,
    escapes: usize,
    wheels: usize,
    pastes: usize,
    resumed: usize,
    told: usize,
    panics_in_draw: bool,
}

impl App for Counts {
    fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(Key { code: Code::Char('z'), ctrl: true, .. }) => {
                return vec![Effect::Suspend];
            }
            Event::Key(Key { code: Code::Esc, .. }) => self.escapes += 1,
            Event::Key(Key { code: Code::Char('P'), .. }) => self.panics_in_draw = true,
            Event::Key(Key { code: Code::Char('M'), .. }) => return vec![Effect::Mouse(true)],
            Event::Key(_) => self.keys += 1,
            Event::Mouse(Mouse { .. }) => self.wheels += 1,
            // What is typed at random never says this.
            Event::Paste(text) if text == "quit" => return vec![Effect::Quit(7)],
            Event::Paste(_) => self.pastes += 1,
            Event::Signal(_) => self.resumed += 1,
            Event::Feed(_) => self.told += 1,
            Event::Resize { .. } | Event::Tick { .. } | Event::Done(..) | Event::Answer(..) => {}
        }
        Vec::new()
    }

    fn draw(&mut self, buffer: &mut Buffer) -> Vec<Effect> {
        assert!(!self.panics_in_draw, "asked for");
        let (columns, rows) = (buffer.area.width, buffer.area.height);
        let told = if self.told > 0 { "told" } else { "silent" };
        let lines = [
            format!("size {columns}x{rows} {told}"),
            format!("keys {} esc {} wheels {}.", self.keys, self.escapes, self.wheels),
            format!("pastes {} resumed {}.", self.pastes, self.resumed),
        ];
        for (row, line) in (0..rows).zip(lines) {
            buffer.set_stringn(0, row, line, usize::from(columns), Style::new().bold());
        }
        // Something at the far corner, so that every size differs.
        buffer.set_stringn(columns - 1, rows - 1, "#", 1, Style::new());
        Vec::new()
    }

    fn ages(&self) -> bool {
        false
    }

    fn export(&self, _: String, _: &Buffer) -> Work {
        Box::new(|| Outcome::Well(String::new()))
    }
}

/// Tells nothing, or all the time, or falls over.
struct TestFeed(String);

impl Feed for TestFeed {
    fn next(&mut self) -> Option<FeedEvent> {
        assert!(self.0 != "feed-panics", "asked for");
        (self.0 == "flood").then(|| FeedEvent::Lost { why: "x".repeat(4096) })
    }

    fn asks(&self) -> Asks {
        Asks::new(drop)
    }
}

/// Runs the child, if this process is one.
pub(crate) fn run_if_child() {
    let Ok(manner) = std::env::var(CHILD) else { return };
    let run = Run {
        app: Counts::default(),
        feed: Box::new(TestFeed(manner)),
        clock: Clock::start(),
        queue: Arc::default(),
        trace: None,
        is_in_screen: false,
        farewell: Box::new(|| {}),
    };
    let code = run.run().map_or(1, i32::from);
    signal_hook::low_level::exit(code);
}
