//! A monitor, the cluster that it watches, and the way between them, which takes its time.

use std::collections::VecDeque;

use kq_proto::monitor::v1;
use kq_tui::feed::{Made, Script};
use kq_tui::model::{Code, Effect, Event, FeedAsk, FeedEvent, Key, Settings, Source};
use kq_tui::monitor::Monitor;
use kq_tui::shell::app::App as _;
use kq_tui::view::encode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SECOND_MS: u64 = 1_000;

/// Somebody at a monitor.
pub(crate) struct Watch {
    pub(crate) monitor: Monitor,
    script: Script,
    /// What is on its way to the cluster, and when it arrives there.
    asks: VecDeque<(u64, FeedAsk)>,
    /// There and back, in milliseconds.
    round_trip_ms: u64,
    pub(crate) uptime_ms: u64,
    next_frame_ms: u64,
    /// Between two frames where nothing was asked for, in milliseconds.
    pub(crate) frame_each_ms: u64,
    /// The clock of the brokers is off by so much.
    pub(crate) off_ms: i64,
    /// Seeks that no frame has answered yet.
    pub(crate) flying: usize,
    pub(crate) flying_max: usize,
    pub(crate) seeks: usize,
    /// The moment that each frame was of.
    pub(crate) moments: Vec<Option<i64>>,
    /// The screen after each frame.
    pub(crate) screens: Vec<String>,
}

impl Watch {
    pub(crate) fn start(round_trip_ms: u64) -> Self {
        let settings =
            Settings { source: Source::Live, utc: true, ascii: true, ..Settings::default() };
        let mut it = Self {
            monitor: Monitor::new(settings),
            script: Script::new(Made { seed: 7, partitions: 0 }),
            asks: VecDeque::new(),
            round_trip_ms,
            uptime_ms: 0,
            next_frame_ms: 0,
            frame_each_ms: SECOND_MS,
            off_ms: 0,
            flying: 0,
            flying_max: 0,
            seeks: 0,
            moments: Vec::new(),
            screens: Vec::new(),
        };
        it.event(Event::Resize { columns: 80, rows: 24 });
        it.event(Event::Feed(FeedEvent::Open { to: "kq1:9092".to_owned() }));
        it.pass(5 * SECOND_MS);
        it
    }

    fn event(&mut self, event: Event) {
        let effects = self.monitor.update(event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Ask(ask) = effect {
                if matches!(ask, FeedAsk::Seek(_)) {
                    (self.flying, self.seeks) = (self.flying + 1, self.seeks + 1);
                    self.flying_max = self.flying_max.max(self.flying);
                }
                self.asks.push_back((self.uptime_ms + self.round_trip_ms, ask));
            }
        }
    }

    /// `\n` is Enter, `\u{1b}` Esc.
    pub(crate) fn press(&mut self, key: char) {
        let key = match key {
            '\n' => Key::plain(Code::Enter),
            '\u{1b}' => Key::plain(Code::Esc),
            it => Key::char(it),
        };
        self.event(Event::Tick { uptime_ms: self.uptime_ms });
        self.event(Event::Key(key));
    }

    /// Time goes on. Frames come each second, and when something was asked for.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until_ms = self.uptime_ms + ms;
        loop {
            let asked_ms = self.asks.front().map_or(u64::MAX, |it| it.0);
            let next_ms = asked_ms.min(self.next_frame_ms);
            if next_ms > until_ms {
                break;
            }
            self.uptime_ms = self.uptime_ms.max(next_ms);
            while self.asks.front().is_some_and(|it| it.0 <= next_ms) {
                let (_, ask) = self.asks.pop_front().unwrap();
                self.script.ask(ask);
            }
            if next_ms == self.next_frame_ms {
                self.next_frame_ms += self.frame_each_ms;
            }
            self.frame();
        }
        self.uptime_ms = until_ms;
        self.event(Event::Tick { uptime_ms: until_ms });
    }

    fn frame(&mut self) {
        self.script.go_to(self.uptime_ms / SECOND_MS);
        let FeedEvent::Frame(mut frame) = self.script.frame() else { panic!("no frame") };
        self.set_clocks(&mut frame);
        self.moments.push(frame.as_of_ms);
        self.flying -= usize::from(frame.landing.is_some());
        self.event(Event::Tick { uptime_ms: self.uptime_ms });
        self.event(Event::Feed(FeedEvent::Frame(frame)));
        let text = self.draw();
        self.screens.push(text);
    }

    /// All that a broker says by its own clock.
    fn set_clocks(&self, frame: &mut v1::WatchResponse) {
        frame.now_ms += self.off_ms;
        frame.broker_counters.iter_mut().for_each(|it| it.at_ms += self.off_ms);
        frame.topic_counters.iter_mut().for_each(|it| it.at_ms += self.off_ms);
        frame.partition_counters.iter_mut().for_each(|it| it.at_ms += self.off_ms);
    }

    fn draw(&mut self) -> String {
        let (columns, rows) = self.monitor.state.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let effects = self.monitor.draw(&mut buffer);
        self.carry_out(effects);
        encode::text(&buffer)
    }

    pub(crate) fn screen(&mut self) -> String {
        self.draw()
    }

    /// The first line, in which the mode stands.
    pub(crate) fn title(&mut self) -> String {
        self.draw().lines().next().unwrap_or_default().to_owned()
    }
}
