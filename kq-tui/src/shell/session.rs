//! The main loop: drains what has come, updates, and draws once when it is time to.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::process::{Signal, getpgrp, kill_process_group};

use super::app::App;
use super::cadence::{Cadence, Why};
use super::clipboard;
use super::clock::Clock;
use super::queue::{Note, Queue};
use super::screen::Screen;
use super::trace::Trace;
use super::writer::Writer;
use crate::feed::{Asks, Calls};
use crate::model::{Answer, Call, Effect, Event, FeedAsk, FeedEvent};

/// Time goes on for what ages.
const TICK_MS: u64 = 1_000;
/// The terminal is given so long to take what it was told before it is given back.
const SETTLE: Duration = Duration::from_millis(250);

/// Everything that the main loop works with.
pub struct Session<A> {
    /// The monitor.
    pub app: A,
    /// The terminal.
    pub screen: Arc<Screen>,
    /// The way to the terminal.
    pub writer: Arc<Writer>,
    /// What waits to be done.
    pub queue: Arc<Queue>,
    /// What time it is.
    pub clock: Clock,
    /// The way to the feed.
    pub asks: Asks,
    /// The way to a broker, beside what the feed tells.
    pub calls: Calls,
    /// Where events are written down, if they are.
    pub trace: Option<Trace>,
    /// Inside GNU screen, which has to be told to pass things on.
    pub is_in_screen: bool,
}

/// What the loop remembers.
#[derive(Default)]
struct Turn {
    cadence: Cadence,
    shown: Option<Buffer>,
    size: (u16, u16),
    ticked_ms: u64,
    /// The newest window that the feed has answered.
    window: u64,
    exit: Option<u8>,
}

impl<A: App> Session<A> {
    /// Runs until the user has had enough; answers the exit code.
    pub fn run(&mut self) -> u8 {
        let mut turn = Turn::default();
        self.measure(&mut turn);
        turn.cadence.want(Why::Key, self.clock.uptime_ms());
        loop {
            if let Some(code) = turn.exit {
                self.writer.settle(SETTLE);
                return code;
            }
            self.turn(&mut turn);
        }
    }

    fn turn(&mut self, turn: &mut Turn) {
        let tick_ms = self.app.ages().then_some(turn.ticked_ms + TICK_MS);
        let until_ms = [turn.cadence.due_ms(), tick_ms].into_iter().flatten().min();
        let notes = self.queue.take_all(until_ms.map(|at| self.clock.instant(at)));
        let now_ms = self.clock.uptime_ms();
        let is_tick = tick_ms.is_some_and(|at| at <= now_ms);
        if is_tick || !notes.is_empty() {
            turn.ticked_ms = now_ms;
            self.event(Event::Tick { uptime_ms: now_ms }, turn);
        }
        if is_tick {
            turn.cadence.want(Why::Data, now_ms);
        }
        for note in notes {
            self.note(note, now_ms, turn);
        }
        if turn.cadence.due_ms().is_some_and(|at| at <= now_ms) {
            self.draw(now_ms, turn);
        }
    }

    fn note(&mut self, note: Note, now_ms: u64, turn: &mut Turn) {
        match note {
            Note::Input(event) => {
                turn.cadence.want(Why::Key, now_ms);
                self.event(event, turn);
            }
            Note::Feed(told) => {
                turn.cadence.want(why(&told, &mut turn.window), now_ms);
                self.event(Event::Feed(told), turn);
            }
            Note::Done(id, outcome) => {
                turn.cadence.want(Why::Key, now_ms);
                self.event(Event::Done(id, outcome), turn);
            }
            Note::Answer(id, answer) => {
                // Records come by themselves, all else because a key was pressed.
                let is_flow = matches!(*answer, Answer::Fetch(_));
                turn.cadence.want(if is_flow { Why::Data } else { Why::Answer }, now_ms);
                self.event(Event::Answer(id, answer), turn);
            }
            Note::Resized => turn.cadence.want(Why::Resize, now_ms),
            Note::Suspend => self.suspend(turn),
            Note::Continued => self.resume(turn),
        }
    }

    fn event(&mut self, event: Event, turn: &mut Turn) {
        if let Some(trace) = &mut self.trace {
            trace.event(&event);
        }
        let effects = self.app.update(event);
        self.carry_out(effects, turn);
    }

    fn carry_out(&mut self, effects: Vec<Effect>, turn: &mut Turn) {
        for effect in effects {
            match effect {
                Effect::Ask(ask) => self.ask(ask),
                Effect::Call { id, call } => self.call(id, call, turn),
                Effect::HangUp(id) => self.calls.hang_up(id),
                Effect::Copy(text) => {
                    // It stands on the screen too, for terminals that copy nothing.
                    if let Ok(bytes) = clipboard::copy(&text, self.is_in_screen) {
                        self.writer.say(&bytes);
                    }
                }
                Effect::Export { id, path } => self.export(id, path, turn),
                Effect::Mouse(is_on) => self.writer.say(Screen::mouse(is_on)),
                Effect::Repaint => {
                    self.writer.forget();
                    turn.shown = None;
                    turn.cadence.want(Why::Key, self.clock.uptime_ms());
                }
                Effect::Suspend => self.suspend(turn),
                Effect::Quit(code) => turn.exit = Some(code),
            }
        }
    }

    fn ask(&self, ask: FeedAsk) {
        self.asks.ask(ask);
    }

    fn call(&mut self, id: u64, call: Box<Call>, turn: &mut Turn) {
        if let Err(refusal) = self.calls.ask(id, call) {
            self.event(Event::Answer(id, Box::new(Answer::Refused(refusal))), turn);
        }
    }

    fn export(&self, id: u64, path: String, turn: &Turn) {
        let Some(shown) = &turn.shown else { return };
        let work = self.app.export(path, shown);
        let queue = Arc::clone(&self.queue);
        // A disk that hangs holds up nothing but this.
        std::thread::spawn(move || queue.push(Note::Done(id, work())));
    }

    /// Takes note of the terminal's size.
    fn measure(&mut self, turn: &mut Turn) {
        let size = self.screen.size();
        if size != turn.size {
            turn.size = size;
            let (columns, rows) = size;
            self.event(Event::Resize { columns, rows }, turn);
        }
    }

    fn draw(&mut self, now_ms: u64, turn: &mut Turn) {
        self.measure(turn);
        let is_urgent = turn.cadence.is_urgent();
        turn.cadence.drawn(now_ms);
        let (columns, rows) = turn.size;
        if columns == 0 || rows == 0 {
            return;
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let effects = self.app.draw(&mut buffer);
        if let Some(trace) = &mut self.trace {
            trace.drawn(&buffer);
        }
        if turn.shown.as_ref() != Some(&buffer) {
            self.writer.show(buffer.clone(), is_urgent);
            turn.shown = Some(buffer);
        }
        self.carry_out(effects, turn);
    }

    /// Gives the terminal back and stops, with the whole job: a program that started us would go on
    /// reading the terminal. Orphans are stopped as well, since this signal asks nobody.
    fn suspend(&mut self, turn: &mut Turn) {
        self.writer.settle(SETTLE);
        self.screen.leave();
        if kill_process_group(getpgrp(), Signal::STOP).is_ok() {
            self.wait_until_continued(turn);
        }
        self.resume(turn);
    }

    /// The signal may take effect a moment after it was sent: only being continued says that it has.
    fn wait_until_continued(&mut self, turn: &mut Turn) {
        loop {
            for note in self.queue.take_all(None) {
                match note {
                    Note::Continued => return,
                    // What was typed meanwhile was not typed to us.
                    Note::Input(_) | Note::Suspend | Note::Resized => {}
                    note @ (Note::Feed(_) | Note::Done(..) | Note::Answer(..)) => {
                        self.note(note, self.clock.uptime_ms(), turn);
                    }
                }
            }
        }
    }

    /// Takes the terminal over again, whatever it is like now.
    fn resume(&mut self, turn: &mut Turn) {
        if self.screen.enter().is_err() {
            // The watchdog ends us if it is gone; otherwise the next key tries again.
            return;
        }
        self.writer.forget();
        turn.shown = None;
        let now_ms = self.clock.uptime_ms();
        self.event(Event::Signal(crate::model::Signal::Continued), turn);
        turn.cadence.want(Why::Resize, now_ms);
        turn.cadence.want(Why::Key, now_ms);
    }
}

/// Whether somebody waits for what the feed tells: an image of everything, the end of a way through
/// time, or what is in sight of another window than the last one that was answered.
fn why(told: &FeedEvent, window: &mut u64) -> Why {
    let FeedEvent::Frame(frame) = told else { return Why::Data };
    let is_answer = std::mem::replace(window, frame.window) != frame.window;
    if is_answer || frame.whole || frame.landing.is_some() { Why::Answer } else { Why::Data }
}

#[cfg(test)]
mod tests {
    use kq_proto::monitor::v1::{Landing, WatchResponse};

    use super::*;

    #[test]
    fn what_somebody_waits_for_is_told_from_what_comes_by_itself() {
        let frame = |window| WatchResponse { window, ..WatchResponse::default() };
        let landed = WatchResponse { landing: Some(Landing::default()), ..frame(2) };
        let whole = WatchResponse { whole: true, ..frame(2) };
        let told = [frame(0), frame(2), frame(2), landed, frame(2), whole, frame(2)];
        let mut window = 0;
        let all = told.map(|it| why(&FeedEvent::Frame(Box::new(it)), &mut window));
        let (answer, data) = (Why::Answer, Why::Data);
        assert_eq!(all, [data, answer, data, answer, data, answer, data]);
        assert_eq!(why(&FeedEvent::Lost { why: String::new() }, &mut window), Why::Data);
    }
}
