//! The monitor in a terminal: sets up its threads, runs the main loop, and leaves the terminal as it
//! was, however it ends.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::app::App;
use super::clock::Clock;
use super::input::Input;
use super::queue::{Note, Queue};
use super::screen::Screen;
use super::session::Session;
use super::trace::Trace;
use super::watchdog::{Farewell, Watchdog};
use super::writer::Writer;
use crate::feed::{Answers, Feed};
use crate::output;

/// How a process ends that has panicked.
const PANICKED: i32 = 101;
/// The terminal is given so long to answer before it is given back.
const ANSWER: Duration = Duration::from_millis(250);

/// What runs in the terminal.
pub struct Run<A> {
    /// The monitor.
    pub app: A,
    /// Where its frames come from.
    pub feed: Box<dyn Feed>,
    /// What time it is.
    pub clock: Clock,
    /// What waits for the main loop.
    pub queue: Arc<Queue>,
    /// Where events are written down, if they are.
    pub trace: Option<Trace>,
    /// Inside GNU screen, which has to be told to pass things on.
    pub is_in_screen: bool,
    /// What has still to be done when a signal or a fault ends the process.
    pub farewell: Farewell,
}

impl<A: App> Run<A> {
    /// Runs until the user has had enough; answers the exit code. An error if there is no terminal,
    /// or no thread for it.
    pub fn run(mut self) -> io::Result<u8> {
        let screen = Arc::new(Screen::open()?);
        let (queue, clock) = (self.queue, self.clock);
        let writer = Arc::new(Writer::new(Arc::clone(&screen), clock));
        let farewell = farewell(self.farewell, self.trace.clone());
        let watchdog =
            Watchdog::new(Arc::clone(&screen), Arc::clone(&queue), Arc::clone(&farewell))?;
        give_back_on_panic(Arc::clone(&screen), farewell);
        spawn("kq-watchdog", move || watchdog.run())?;
        screen.enter()?;
        let ended = {
            let writer = Arc::clone(&writer);
            spawn("kq-writer", move || writer.run())
        };
        let asks = self.feed.asks();
        let (calls, answers) = self.feed.calls();
        let started = ended.and_then(|_| {
            // From the first answer on, frames wait for one another.
            writer.ask();
            let input = Input {
                screen: Arc::clone(&screen),
                queue: Arc::clone(&queue),
                writer: Arc::clone(&writer),
                clock,
            };
            spawn("kq-input", move || input.run())?;
            if let Some(answers) = answers {
                hand_on(answers, Arc::clone(&queue))?;
            }
            pump(self.feed, Arc::clone(&queue))
        });
        let code = started.map(|()| {
            let mut session = Session {
                app: self.app,
                screen: Arc::clone(&screen),
                writer: Arc::clone(&writer),
                queue: Arc::clone(&queue),
                clock,
                asks,
                calls,
                trace: self.trace,
                is_in_screen: self.is_in_screen,
            };
            session.run()
        });
        writer.settle(ANSWER);
        screen.leave();
        queue.close();
        writer.close();
        code
    }
}

/// Hands on what the feed tells; it waits there when the main loop has enough.
fn pump(mut feed: Box<dyn Feed>, queue: Arc<Queue>) -> io::Result<()> {
    spawn("kq-pump", move || {
        while let Some(told) = feed.next() {
            if !queue.push(Note::Feed(told)) {
                return;
            }
        }
    })
    .map(drop)
}

/// The same for answers: one of a stream waits there, and the broker behind it.
fn hand_on(mut answers: Answers, queue: Arc<Queue>) -> io::Result<()> {
    spawn("kq-answers", move || {
        while let Some((id, answer)) = answers.wait() {
            if !queue.push(Note::Answer(id, Box::new(answer))) {
                return;
            }
        }
    })
    .map(drop)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// The trace is brought to its end as well.
fn farewell(own: Farewell, trace: Option<Trace>) -> Farewell {
    Arc::new(move || {
        own();
        if let Some(trace) = &trace {
            trace.flush();
        }
    })
}

/// A panic in any thread is a fault of ours: the terminal is given back first, so that what it says
/// can be read, what leads to it is written down, and the process ends. Whatever went on would show
/// what is not so.
fn give_back_on_panic(screen: Arc<Screen>, farewell: Farewell) {
    std::panic::set_hook(Box::new(move |info| {
        screen.leave();
        let name = thread::current().name().unwrap_or("unnamed").to_owned();
        let words = "kq-tui has a fault; --trace FILE writes down what leads to it";
        output::last_words(&format!("{info} (thread {name})\n{words}"));
        farewell();
        signal_hook::low_level::exit(PANICKED)
    }));
}
