//! One frame, printed: of a cluster as soon as all of it is known, of a recording at any moment.

mod subject;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kq_proto::monitor::v1;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::args::{Args, Output};
use crate::exit::{Exit, Failure};
use crate::feed::record::Recording;
use crate::feed::{Asks, Calls, Feed, Replay, Script};
use crate::model::moment::{Typed, check, day_clock, parse};
use crate::model::{
    Answer, Call, Code, Effect, Event, FeedAsk, FeedEvent, Key, Link, Overlay, Prompt, Screen,
};
use crate::monitor::{Form, Monitor, encoded};
use crate::shell::app::App as _;
use crate::shell::clock::Clock;

/// A terminal of which nothing is known.
const SIZE: (u16, u16) = (80, 24);
/// Rates come of two counts, a second apart; nobody waits longer for the second one.
const RATES_MS: u64 = 2_500;
/// Groups, plans and the past are looked up once they are asked for; nobody waits longer for them.
const LOOK_UP_MS: u64 = 5_000;

/// A made-up cluster is printed so long after its beginning, when something has happened; the seconds
/// before give it rates.
const SCRIPT_SECONDS: std::ops::RangeInclusive<u64> = 86..=90;
/// Asks and answers go to and fro until the screen has all it wants.
const SCRIPT_ROUNDS: u32 = 3;

/// What was typed for a moment is of no use.
fn refused(why: String) -> Failure {
    Failure::usage(format!("--at: {why}"))
}

/// What comes while one frame is waited for.
enum Told {
    Feed(FeedEvent),
    Answer(u64, Box<Answer>),
}

/// What is printed.
pub struct Once {
    monitor: Monitor,
    size: (u16, u16),
    form: Form,
    at: Option<String>,
    /// The newest window that was asked for.
    window: v1::Window,
    /// The way to a broker, where there is one.
    calls: Option<Calls>,
}

impl Once {
    /// As the command line says. An error if what was typed for the moment is none: nothing has to be
    /// reached to know that.
    pub fn new(
        mut monitor: Monitor,
        args: &Args,
        terminal: Option<(u16, u16)>,
    ) -> Result<Self, Failure> {
        if let Some(text) = &args.at {
            check(text).map_err(refused)?;
        }
        subject::check(args)?;
        let size = args.size.or(terminal).filter(|it| it.0 > 0 && it.1 > 0).unwrap_or(SIZE);
        let form = match args.output.unwrap_or_default() {
            Output::Text => Form::Text,
            Output::Ansi => Form::Ansi,
            Output::Svg => Form::Svg,
            Output::Json => Form::Json,
        };
        let (columns, rows) = size;
        drop(monitor.update(Event::Resize { columns, rows }));
        let other = args.screen.filter(|it| *it != monitor.state.place.screen);
        match other.and_then(Screen::digit) {
            Some(digit) => drop(monitor.update(Event::Key(Key::char(digit)))),
            None => {
                if let Some(place) =
                    other.map(|it| subject::place(it, args.of.as_deref())).transpose()?
                {
                    monitor.state.go_to(place);
                }
            }
        }
        // A recording has no now, and ends where that is asked for.
        let at = args.at.clone().filter(|it| !matches!(it.trim(), "live" | "now"));
        Ok(Self { monitor, size, form, at, window: v1::Window::default(), calls: None })
    }

    /// Waits until what is on the screen is known, and draws it.
    pub fn of_feed(
        mut self,
        mut feed: Box<dyn Feed>,
        clock: Clock,
        bound: Duration,
    ) -> Result<String, Failure> {
        let asks = feed.asks();
        let (tell, told) = channel();
        let (calls, answers) = feed.calls();
        self.calls = Some(calls);
        if let Some(mut answers) = answers {
            let tell = tell.clone();
            std::thread::spawn(move || {
                while let Some((id, answer)) = answers.wait() {
                    if tell.send(Told::Answer(id, Box::new(answer))).is_err() {
                        return;
                    }
                }
            });
        }
        std::thread::spawn(move || {
            while let Some(event) = feed.next() {
                if tell.send(Told::Feed(event)).is_err() {
                    return;
                }
            }
        });
        self.wait(&told, &asks, clock, bound)?;
        self.finished(&asks)
    }

    /// Goes to the moment in a recording, or to its end.
    pub fn of_recording(mut self, recording: &Recording) -> Result<String, Failure> {
        let asks = Asks::new(drop);
        let Some((first_ms, last_ms)) = recording.span_ms() else {
            return Err(Failure::new(Exit::Failed, "nothing was recorded"));
        };
        let at_ms = match &self.at {
            None => last_ms,
            Some(text) => self.recorded(text, (recording, last_ms))?,
        };
        if at_ms < first_ms {
            let zone = self.monitor.state.zone();
            let (first, last) = (day_clock(first_ms, zone), day_clock(last_ms, zone));
            let why = format!("nothing was recorded by then; accepted: {first} to {last}");
            return Err(Failure::new(Exit::NotFound, why));
        }
        for told in Replay::told_at(recording, at_ms) {
            self.tell(Event::Feed(told), &asks);
        }
        self.finished(&asks)
    }

    /// A moment of a recording as it was typed, counted from its end.
    fn recorded(&self, text: &str, (it, last_ms): (&Recording, i64)) -> Result<i64, Failure> {
        match parse(text, last_ms, self.monitor.state.zone()).map_err(refused)? {
            Typed::Live => Ok(last_ms),
            Typed::At(at_ms) => Ok(at_ms),
            Typed::Trouble { from_ms, is_after } => Replay::trouble(it, from_ms, is_after)
                .map_err(|why| Failure::new(Exit::NotFound, format!("--at: {why}"))),
        }
    }

    /// A made-up cluster, so many seconds after its beginning: the same each time.
    pub fn of_script(mut self, mut script: Script) -> Result<String, Failure> {
        let (wish, wishes) = channel();
        let asks = Asks::new(move |ask| drop(wish.send(ask)));
        let mut has_travelled = self.at.is_none();
        self.tell(Event::Feed(FeedEvent::Open { to: script.name() }), &asks);
        for second in SCRIPT_SECONDS {
            script.go_to(second);
            self.tell(Event::Tick { uptime_ms: second * 1_000 }, &asks);
            // What is asked for follows from what is drawn, and that from what was told.
            for _ in 0..SCRIPT_ROUNDS {
                self.draw(&asks);
                script.ask_all(wishes.try_iter());
                self.tell(Event::Feed(script.frame()), &asks);
            }
            if second == *SCRIPT_SECONDS.end() && !std::mem::replace(&mut has_travelled, true) {
                self.travel(&asks)?;
                for _ in 0..SCRIPT_ROUNDS {
                    script.ask_all(wishes.try_iter());
                    self.tell(Event::Feed(script.frame()), &asks);
                    self.draw(&asks);
                }
            }
        }
        if let Some(why) = self.went_astray().filter(|_| self.at.is_some()) {
            return Err(Failure::new(Exit::NotFound, format!("--at: {why}")));
        }
        self.finished(&asks)
    }

    fn wait(
        &mut self,
        told: &Receiver<Told>,
        asks: &Asks,
        clock: Clock,
        bound: Duration,
    ) -> Result<(), Failure> {
        let deadline_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let mut known_ms = None;
        let mut has_travelled = self.at.is_none();
        loop {
            let now_ms = clock.uptime_ms();
            self.tell(Event::Tick { uptime_ms: now_ms }, asks);
            self.draw(asks);
            if self.is_known() && !has_travelled {
                has_travelled = true;
                self.travel(asks)?;
            }
            if let Some(why) = self.went_astray().filter(|_| has_travelled) {
                return Err(Failure::new(Exit::NotFound, format!("--at: {why}")));
            }
            if self.is_known() && self.has_arrived() {
                let for_ms = now_ms - *known_ms.get_or_insert(now_ms);
                let has_rates = self.has_rates() || for_ms >= RATES_MS;
                // What the brokers have not told by the deadline is shown as not known.
                let is_counted = self.is_counted() || now_ms >= deadline_ms;
                if has_rates && is_counted && (self.is_told() || for_ms >= LOOK_UP_MS) {
                    return Ok(());
                }
            }
            let ends_ms = known_ms.map(|at: u64| [at + RATES_MS, at + LOOK_UP_MS]);
            let next_ms = ends_ms.into_iter().flatten().find(|it| *it > now_ms);
            let until_ms = next_ms.map_or(deadline_ms, |it| deadline_ms.min(it));
            match told.recv_timeout(Duration::from_millis(until_ms.saturating_sub(now_ms).max(1))) {
                Ok(Told::Feed(event)) => self.tell(Event::Feed(event), asks),
                Ok(Told::Answer(id, answer)) => {
                    self.tell(Event::Answer(id, answer), asks);
                }
                Err(RecvTimeoutError::Timeout) if known_ms.is_some() => {}
                Err(RecvTimeoutError::Timeout) => return Err(self.late(bound)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            }
            if matches!(self.monitor.state.link, Link::Ended(_)) && !self.is_known() {
                return Err(self.ended());
            }
        }
    }

    /// Types the moment as a user would, and hears what is wrong with it as a user would.
    fn travel(&mut self, asks: &Asks) -> Result<(), Failure> {
        let Some(text) = self.at.clone() else { return Ok(()) };
        self.tell(Event::Key(Key::char('t')), asks);
        for it in text.chars() {
            self.tell(Event::Key(Key::char(it)), asks);
        }
        if let Some(Overlay::Line(Prompt { error: Some(why), .. })) = &self.monitor.state.overlay {
            return Err(refused(why.clone()));
        }
        self.tell(Event::Key(Key::plain(Code::Enter)), asks);
        match &self.monitor.state.said {
            Some(said) if said.is_failure => Err(refused(said.text.clone())),
            Some(_) | None => Ok(()),
        }
    }

    /// Why the moment was not found. That the broker is lost has nothing to do with it.
    fn went_astray(&self) -> Option<String> {
        let state = &self.monitor.state;
        let is_told = self.at.is_some() && matches!(state.link, Link::Open(_));
        let said = state.said.as_ref().filter(|it| it.is_failure && is_told)?;
        Some(said.text.clone())
    }

    fn has_arrived(&self) -> bool {
        self.at.is_none() || self.monitor.state.facts.as_of_ms.is_some()
    }

    fn is_known(&self) -> bool {
        let facts = &self.monitor.state.facts;
        facts.now_ms.is_some() && facts.window >= self.window.number
    }

    /// Whether all that was asked for is told; of the past not all is kept.
    fn is_told(&self) -> bool {
        let (facts, asked) = (&self.monitor.state.facts, &self.window);
        let is_past = facts.as_of_ms.is_some();
        let history = (asked.events.is_none() || facts.events.is_some())
            && (asked.axis.is_none() || facts.axis.is_some())
            && (asked.curve_minutes == 0 || facts.curves.is_some());
        let now = (!asked.groups || facts.told.groups)
            && (asked.group.is_empty() || facts.group.is_some())
            && (!asked.plans || facts.told.plans)
            && (!asked.quorum || facts.quorum.is_some());
        history && (is_past || (now && subject::is_read(&self.monitor.state)))
    }

    fn is_counted(&self) -> bool {
        self.monitor.state.facts.is_counted(&self.window)
    }

    fn has_rates(&self) -> bool {
        let facts = &self.monitor.state.facts;
        let asked = &self.window;
        let asks_none = !asked.brokers && !asked.topics && asked.partitions.is_none();
        asks_none
            || facts.as_of_ms.is_some()
            || facts.brokers.values().any(|it| {
                let at_ms = facts.counted_at_ms.unwrap_or(0);
                it.counters.is_some_and(|it| it.bytes_in.at(at_ms).is_some())
            })
    }

    fn late(&self, bound: Duration) -> Failure {
        let why = match &self.monitor.state.link {
            Link::Opening(to) => format!("still looking at {to}"),
            Link::Open(who) => format!("{who} has not told all of it"),
            Link::Lost(why) | Link::Ended(why) => why.clone(),
        };
        Failure::new(Exit::Deadline, format!("no whole frame within {bound:?}: {why}"))
            .hint("raise --timeout")
    }

    fn ended(&self) -> Failure {
        let why = match &self.monitor.state.link {
            Link::Ended(why) | Link::Lost(why) => why.clone(),
            Link::Opening(_) | Link::Open(_) => "the feed has ended".to_owned(),
        };
        Failure::new(Exit::Conflict, why)
    }

    fn tell(&mut self, event: Event, asks: &Asks) {
        let effects = self.monitor.update(event);
        self.fulfil(effects, asks);
    }

    fn fulfil(&mut self, effects: Vec<Effect>, asks: &Asks) {
        for effect in effects {
            match effect {
                Effect::Ask(ask) => {
                    if let FeedAsk::Window(window) = &ask {
                        self.window.clone_from(window);
                    }
                    asks.ask(ask);
                }
                Effect::Call { id, call } => self.call(id, call, asks),
                Effect::HangUp(_)
                | Effect::Copy(_)
                | Effect::Export { .. }
                | Effect::Mouse(_)
                | Effect::Repaint
                | Effect::Suspend
                | Effect::Quit(_) => {}
            }
        }
    }

    fn call(&mut self, id: u64, call: Box<Call>, asks: &Asks) {
        let Some(Err(refusal)) = self.calls.as_ref().map(|it| it.ask(id, call)) else { return };
        self.tell(Event::Answer(id, Box::new(Answer::Refused(refusal))), asks);
    }

    fn draw(&mut self, asks: &Asks) -> Buffer {
        let (columns, rows) = self.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let effects = self.monitor.draw(&mut buffer);
        self.fulfil(effects, asks);
        buffer
    }

    /// The frame, if what was named is there.
    fn finished(&mut self, asks: &Asks) -> Result<String, Failure> {
        if let Some(failure) = subject::missing(&self.monitor.state) {
            return Err(failure);
        }
        Ok(self.finish(asks))
    }

    /// What has room is known only after the first drawing.
    fn finish(&mut self, asks: &Asks) -> String {
        drop(self.draw(asks));
        // Nobody chose a row: the first one is told of, whichever came first.
        self.monitor.state.unselect();
        let buffer = self.draw(asks);
        encoded(&self.monitor.state, &buffer, self.form)
    }
}

#[cfg(test)]
#[path = "once_test.rs"]
mod tests;
