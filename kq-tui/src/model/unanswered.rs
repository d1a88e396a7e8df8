//! Windows that were asked for and that no frame has taken into account yet.

use std::collections::VecDeque;

use kq_proto::monitor::v1;

/// Only the newest of them are ever of use.
const WINDOWS_MAX: usize = 16;

/// Windows on their way, the oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unanswered(VecDeque<v1::Window>);

impl Unanswered {
    /// One more was asked for.
    pub fn push(&mut self, window: v1::Window) {
        if self.0.len() == WINDOWS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(window);
    }

    /// A frame takes the window of this number into account, and with it all before. The newest of
    /// them, if there is any.
    pub fn answered(&mut self, number: u64) -> Option<v1::Window> {
        let mut newest = None;
        while self.0.front().is_some_and(|it| it.number <= number) {
            newest = self.0.pop_front();
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_answered_once_by_the_first_frame_that_takes_it_into_account() {
        let mut unanswered = Unanswered::default();
        for number in 1..=40 {
            unanswered.push(v1::Window { number, ..v1::Window::default() });
        }
        let mut answered = |number| unanswered.answered(number).map(|it| it.number);
        assert_eq!(answered(24), None, "it is not among the newest");
        assert_eq!([answered(38), answered(38), answered(40)], [Some(38), None, Some(40)]);
    }
}
