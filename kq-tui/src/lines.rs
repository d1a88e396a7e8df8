//! `--plain`: sentences to standard output, as things happen.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::exit::{Exit, Failure};
use crate::feed::Feed;
use crate::model::moment::day_clock;
use crate::model::{FeedAsk, FeedEvent};
use crate::output::print;
use crate::plain::{Plain, Wanted};
use crate::shell::clock::Clock;

/// What sentences are told of, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// A recording is played.
    pub is_recording: bool,
    /// What is told is recorded.
    pub is_recorded: bool,
}

/// Prints a sentence for each change until the feed is over.
pub fn run(mut feed: Box<dyn Feed>, clock: Clock, how: How) -> Result<(), Failure> {
    let How { is_recording, is_recorded } = how;
    let (mut wanted, asks) = (Wanted::new(is_recorded), feed.asks());
    asks.ask(FeedAsk::Window(Box::new(wanted.window())));
    let (tell, told) = channel();
    std::thread::spawn(move || {
        while let Some(event) = feed.next() {
            if tell.send(event).is_err() {
                return;
            }
        }
    });
    let mut plain = Plain::default();
    loop {
        let now_ms = clock.uptime_ms();
        let wait = plain.deadline_ms().map(|at| Duration::from_millis(at.saturating_sub(now_ms)));
        let event = match wait {
            Some(wait) => told.recv_timeout(wait),
            None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let now_ms = clock.uptime_ms();
        let mut over = None;
        let lines = match event {
            Ok(event) => {
                if let FeedEvent::Ended { why } = &event {
                    over = Some(why.clone());
                }
                if let FeedEvent::Frame(frame) = &event
                    && let Some(window) = wanted.heard(frame.now_ms)
                {
                    asks.ask(FeedAsk::Window(Box::new(window)));
                }
                plain.tell(event, now_ms)
            }
            Err(RecvTimeoutError::Timeout) => plain.expire(now_ms),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        // Of a recording, when it was; before its first frame nothing is known of that.
        let at_ms = if is_recording { plain.moment_ms() } else { Some(clock.wall_ms()) };
        let at = at_ms.map(|it| format!("{} ", day_clock(it, None))).unwrap_or_default();
        let text: String =
            lines.into_iter().flat_map(|it| [at.clone(), it, "\n".to_owned()]).collect();
        print(text.as_bytes())?;
        match over {
            Some(_) if is_recording => return Ok(()),
            Some(why) => return Err(Failure::new(Exit::Conflict, why)),
            None => {}
        }
    }
}
