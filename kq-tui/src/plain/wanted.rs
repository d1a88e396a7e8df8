//! What the feed is asked for while sentences are told: what they tell of, and where it is recorded the
//! history too, for whoever looks at the recording on a screen.

use kq_proto::monitor::v1;

use crate::model::Zoom;

/// Columns of the axis: as many as a screen of 80 has room for.
const COLUMNS: u32 = 71;
/// Events that a recording holds at a time.
const EVENTS: u32 = 100;
/// Minutes of the curves in a recording.
const CURVE_MINUTES: u32 = 60;

/// The window that was asked for last.
#[derive(Debug)]
pub struct Wanted {
    window: v1::Window,
    is_recorded: bool,
}

impl Wanted {
    /// What is wanted before anything is known.
    pub fn new(is_recorded: bool) -> Self {
        let window = v1::Window {
            number: 1,
            brokers: true,
            groups: true,
            plans: true,
            ..v1::Window::default()
        };
        Self { window, is_recorded }
    }

    /// What to ask for now.
    pub fn window(&self) -> v1::Window {
        self.window.clone()
    }

    /// What to ask for once a frame told the cluster's clock, in milliseconds since 1970, if that is
    /// another window than the one before.
    pub fn heard(&mut self, now_ms: i64) -> Option<v1::Window> {
        if !self.is_recorded {
            return None;
        }
        let events = v1::EventScope { before: EVENTS, ..v1::EventScope::default() };
        let wanted = v1::Window {
            events: Some(events),
            axis: Some(Zoom::default().scope(COLUMNS, now_ms, None)),
            curve_minutes: CURVE_MINUTES,
            quorum: true,
            ..self.window.clone()
        };
        if wanted == self.window {
            return None;
        }
        self.window = v1::Window { number: self.window.number.saturating_add(1), ..wanted };
        Some(self.window())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::feed::{Made, Script};
    use crate::model::{FeedAsk, FeedEvent};

    /// What a made-up cluster has told after so many seconds.
    fn told(wanted: &mut Wanted, seconds: u64) -> (Facts, u64) {
        let mut script = Script::new(Made { seed: 7, partitions: 0 });
        script.ask(FeedAsk::Window(Box::new(wanted.window())));
        let (mut facts, mut asked) = (Facts::default(), 0);
        for second in 0..seconds {
            script.go_to(second);
            let FeedEvent::Frame(frame) = script.frame() else { continue };
            if let Some(window) = wanted.heard(frame.now_ms) {
                asked += 1;
                script.ask(FeedAsk::Window(Box::new(window)));
            }
            facts.apply(*frame);
        }
        (facts, asked)
    }

    #[test]
    fn a_recording_holds_the_axis_up_to_its_end() {
        let (facts, asked) = told(&mut Wanted::new(true), 1_000);
        let axis = facts.axis.as_ref().unwrap();
        assert_eq!(axis.columns, COLUMNS);
        let now_ms = facts.now_ms.unwrap();
        assert!(axis.from_at_ms < now_ms && now_ms < axis.until_at_ms, "{axis:?} at {now_ms}");
        assert!(facts.events.is_some() && facts.curves.is_some() && facts.quorum.is_some());
        assert!((4..=5).contains(&asked), "once, and each time that a column is over: {asked}");
    }

    #[test]
    fn sentences_alone_need_no_history() {
        let (facts, asked) = told(&mut Wanted::new(false), 1_000);
        assert_eq!((asked, facts.axis, facts.events), (0, None, None));
        assert!(facts.told.groups && facts.told.plans);
    }
}
