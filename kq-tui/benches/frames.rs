//! What a second of the monitor costs: a frame of the feed taken in, drawn, and made into bytes for the
//! terminal; and a key. Of a made-up cluster in which every partition changes each second, on screens
//! whose order needs all of them and on some that need few. The raw operation beside it is to make the
//! whole screen into bytes.
//!
//! `cargo bench -p kq-tui --bench frames`

use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use kq_tui::feed::{Asks, Made, Script};
use kq_tui::model::{Effect, Event, FeedAsk, Key, Settings, Source};
use kq_tui::monitor::Monitor;
use kq_tui::shell::app::App as _;
use kq_tui::shell::encode::difference;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Seconds that are watched, after those in which everything is new.
const ROUNDS: u64 = 600;
const WARM: u64 = 5;
/// By keys, from the start.
const SCREENS: [(&str, &str); 3] = [("overview", "1"), ("partitions", "4"), ("topics", "3")];

/// How long something took, in microseconds, and how many bytes for the terminal came of it.
type Cost = (f64, usize);

/// A monitor on a made-up cluster.
struct Bench {
    monitor: Monitor,
    script: Script,
    asks: Asks,
    wishes: Receiver<FeedAsk>,
    size: (u16, u16),
    shown: Option<Buffer>,
}

impl Bench {
    fn new(partitions: u32, size: (u16, u16), keys: &str) -> Self {
        let settings = Settings { source: Source::Demo, utc: true, ..Settings::default() };
        let (wish, wishes) = channel();
        let asks = Asks::new(move |it| drop(wish.send(it)));
        let script = Script::new(Made { seed: 7, partitions });
        let monitor = Monitor::new(settings);
        let mut bench = Self { monitor, script, asks, wishes, size, shown: None };
        bench.update(Event::Resize { columns: size.0, rows: size.1 });
        bench.second(0);
        keys.chars().for_each(|it| bench.update(Event::Key(Key::char(it))));
        for second in 1..WARM {
            bench.second(second);
        }
        bench
    }

    fn update(&mut self, event: Event) {
        let effects = self.monitor.update(event);
        self.fulfil(effects);
    }

    fn fulfil(&self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Ask(ask) = effect {
                self.asks.ask(ask);
            }
        }
    }

    /// Draws, and tells how many bytes that is for the terminal.
    fn draw(&mut self) -> usize {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        let effects = self.monitor.draw(&mut buffer);
        self.fulfil(effects);
        let bytes = difference(self.shown.as_ref(), &buffer).len();
        self.shown = Some(buffer);
        bytes
    }

    /// A second goes by.
    fn second(&mut self, second: u64) -> Cost {
        self.script.ask_all(self.wishes.try_iter());
        self.script.go_to(second);
        let frame = self.script.frame();
        timed(|| {
            self.update(Event::Tick { uptime_ms: second * 1_000 });
            self.update(Event::Feed(frame));
            self.draw()
        })
    }

    /// A key, while nothing else happens.
    fn key(&mut self, key: char) -> Cost {
        timed(|| {
            self.update(Event::Key(Key::char(key)));
            self.draw()
        })
    }

    /// The whole screen as bytes.
    fn whole(&self) -> Cost {
        timed(|| self.shown.as_ref().map_or(0, |it| difference(None, it).len()))
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed().as_secs_f64() * 1e6, done)
}

/// The middle and the 99th of 100 of the times, and the mean of the bytes.
fn figures(mut all: Vec<Cost>) -> (f64, f64, usize) {
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |part: usize| all.get(all.len() * part / 100).map_or(0.0, |it| it.0);
    let bytes = all.iter().map(|it| it.1).sum::<usize>() / all.len().max(1);
    (at(50), at(99), bytes)
}

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn line(place: &str, what: &str, (p50, p99, bytes): (f64, f64, usize), raw_us: f64) {
    let ratio = p50 / raw_us.max(1.0);
    println!(
        "{place:<34} {what:<7} {p50:>8.0} us {p99:>8.0} us p99 {ratio:>7.1} x {bytes:>7} bytes"
    );
}

fn main() {
    for partitions in [1_000, 100_000] {
        for size in [(80, 24), (200, 50)] {
            for (screen, keys) in SCREENS {
                let mut bench = Bench::new(partitions, size, keys);
                let place = format!("{partitions} at {}x{} {screen}", size.0, size.1);
                let seconds = (WARM..WARM + ROUNDS).map(|it| bench.second(it)).collect();
                let whole = figures((0..ROUNDS).map(|_| bench.whole()).collect());
                let key = |it: u64| if it % 40 < 20 { 'j' } else { 'k' };
                let keys = (0..ROUNDS).map(|it| bench.key(key(it))).collect();
                line(&place, "screen", whole, whole.0);
                line(&place, "second", figures(seconds), whole.0);
                line(&place, "key", figures(keys), whole.0);
            }
        }
    }
}
