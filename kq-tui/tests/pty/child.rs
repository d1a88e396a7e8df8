//! The monitor's shell around a small model that says what reached it. It runs in a process of its
//! own, which is this test program again.

use std::sync::Arc;

use kq_proto::monitor::v1::WatchResponse;
use kq_tui::feed::record::Recorder;
use kq_tui::feed::{Asks, Feed, Tee};
use kq_tui::model::{Code, Effect, Event, FeedEvent, Key, Mouse, Outcome};
use kq_tui::shell::app::{App, Work};
use kq_tui::shell::clock::Clock;
use kq_tui::shell::terminal::Run;
use kq_tui::shell::trace::Trace;
use ratatui::buffer::Buffer;
use ratatui::style::Style;

/// Says to a process that it is the child, and what it does.
pub(crate) const CHILD: &str = "KQ_TUI_TEST_CHILD";
/// Where it records what it is told, and writes a trace; nowhere if it is not set.
pub(crate) const DIR: &str = "KQ_TUI_TEST_DIR";

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
    /// No cell is twice what it was.
    is_restless: bool,
    drawn: usize,
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
        self.drawn += 1;
        if self.is_restless {
            self.draw_restless(buffer);
            return Vec::new();
        }
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

impl Counts {
    /// Every cell is another one than the last time, and none is like its neighbours.
    fn draw_restless(&self, buffer: &mut Buffer) {
        let (columns, rows) = (buffer.area.width, buffer.area.height);
        for row in 0..rows {
            let cell = |column: u16| {
                let at = usize::from(row) * 7 + usize::from(column) * 13 + self.drawn * 31;
                char::from(b'!' + u8::try_from(at % 90).unwrap_or(0))
            };
            let line: String = (0..columns).map(cell).collect();
            buffer.set_stringn(0, row, line, usize::from(columns), Style::new());
        }
        let words = format!(" keys {} drawn {} ", self.keys, self.drawn);
        buffer.set_stringn(0, 0, words, usize::from(columns), Style::new());
    }
}

/// Tells nothing, or all the time, or falls over.
struct TestFeed(String, usize);

impl Feed for TestFeed {
    fn next(&mut self) -> Option<FeedEvent> {
        self.1 += 1;
        // Something has been told by then.
        assert!(self.0 != "feed-panics" || self.1 < 2, "asked for");
        if self.0.ends_with("panics") && self.1 < 2 {
            let frame = WatchResponse { now_ms: 7, whole: true, ..WatchResponse::default() };
            return Some(FeedEvent::Frame(Box::new(frame)));
        }
        if self.0 == "pictures" {
            std::thread::park_timeout(std::time::Duration::from_millis(50));
            return Some(FeedEvent::Lost { why: String::new() });
        }
        (self.0 == "flood").then(|| FeedEvent::Lost { why: "x".repeat(4096) })
    }

    fn asks(&self) -> Asks {
        Asks::new(drop)
    }
}

/// Runs the child, if this process is one.
pub(crate) fn run_if_child() {
    let Ok(manner) = std::env::var(CHILD) else { return };
    let clock = Clock::start();
    let is_restless = manner == "pictures";
    let dir = std::env::var_os(DIR).map(std::path::PathBuf::from);
    let path = |name: &str| dir.as_ref().map(|it| it.join(name));
    let mut feed: Box<dyn Feed> = Box::new(TestFeed(manner, 0));
    let mut tape = None;
    if let Some(path) = path("record") {
        let tee = Tee::new(feed, Recorder::create(&path).unwrap(), clock, Box::new(drop));
        tape = Some(tee.tape());
        feed = Box::new(tee);
    }
    let run = Run {
        app: Counts { is_restless, ..Counts::default() },
        feed,
        clock,
        queue: Arc::default(),
        trace: path("trace").map(|it| Trace::create(&it).unwrap()),
        is_in_screen: false,
        farewell: Arc::new(move || {
            if let Some(tape) = &tape {
                tape.flush();
            }
        }),
    };
    let code = run.run().map_or(1, i32::from);
    signal_hook::low_level::exit(code);
}
