//! How much may be on its way to the terminal. Pure: time is an argument, in milliseconds of uptime.
//!
//! Behind a slow link there are buffers that take anything and deliver it seconds later; what is in
//! them is old when it is seen, and the answer to a key waits behind it. So each frame ends with a
//! question that every terminal answers (device status), and the next one waits for the answer. A
//! terminal that has never answered is not waited for, nor one that has ceased to.

/// A terminal that has not answered by then has ceased to: longer than a large frame takes over a slow
/// link, or such frames would queue up behind one another after all.
const PATIENCE_MS: u64 = 5_000;
/// The frame that answers a key goes behind so many others.
const URGENT_MAX: usize = 2;

/// Frames on their way.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// When they were sent, the oldest first.
    sent_ms: Vec<u64>,
    is_answering: bool,
}

impl Pace {
    /// A question was sent.
    pub fn asked(&mut self, now_ms: u64) {
        self.forget_old(now_ms);
        self.sent_ms.push(now_ms);
    }

    /// The terminal has answered the oldest question.
    pub fn answered(&mut self) {
        self.is_answering = true;
        if !self.sent_ms.is_empty() {
            self.sent_ms.remove(0);
        }
    }

    /// Whether an answer may still come.
    pub fn is_waiting(&self) -> bool {
        self.is_answering && !self.sent_ms.is_empty()
    }

    /// When a frame may be sent: now, or at that time at the latest.
    pub fn wait_ms(&mut self, is_urgent: bool, now_ms: u64) -> Option<u64> {
        self.forget_old(now_ms);
        let many = if is_urgent { URGENT_MAX } else { 1 };
        if !self.is_answering || self.sent_ms.len() < many {
            return None;
        }
        self.sent_ms.first().map(|at| at + PATIENCE_MS)
    }

    fn forget_old(&mut self, now_ms: u64) {
        let before = self.sent_ms.len();
        self.sent_ms.retain(|at| now_ms < at + PATIENCE_MS);
        // The next answer says that it answers again.
        self.is_answering &= self.sent_ms.len() == before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_waits_for_the_one_before_it() {
        let mut pace = Pace::default();
        pace.asked(0);
        assert_eq!(pace.wait_ms(false, 1), None, "nothing was ever answered");
        pace.answered();
        pace.asked(10);
        assert_eq!(pace.wait_ms(false, 20), Some(5_010));
        assert_eq!(pace.wait_ms(true, 20), None);
        pace.asked(20);
        assert_eq!(pace.wait_ms(true, 30), Some(5_010));
        pace.answered();
        assert_eq!(pace.wait_ms(true, 30), None);
        assert_eq!(pace.wait_ms(false, 4_000), Some(5_020), "it is on a slow line");
    }

    #[test]
    fn a_terminal_that_answers_no_more_is_waited_for_once() {
        let mut pace = Pace::default();
        pace.asked(0);
        pace.answered();
        pace.asked(10);
        assert_eq!(pace.wait_ms(false, 5_009), Some(5_010));
        assert_eq!(pace.wait_ms(false, 5_010), None, "too old to be waited for");
        for now_ms in 5_010..5_020 {
            assert_eq!(pace.wait_ms(false, now_ms), None, "and what comes after it is not either");
            pace.asked(now_ms);
        }
        assert!(!pace.is_waiting());
        pace.answered();
        assert!(pace.wait_ms(true, 5_020).is_some(), "it answers again");
    }
}
