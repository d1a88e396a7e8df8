//! When to draw. Pure: time is an argument, in milliseconds of uptime.
//!
//! A key is answered at once, and so is what comes because of it; in a flood, as from a wheel, either
//! twenty times a second. Neither waits for the other: a key that is pressed right behind an answer is
//! one that somebody looks at. Data is drawn four times a second; a window that is being dragged when
//! it rests, and now and then meanwhile.

/// Between two draws for data.
const DATA_MS: u64 = 250;
/// Between two draws for keys, and between two for answers.
const KEY_MS: u64 = 50;
/// A size that has not changed for so long is the one to draw for.
const REST_MS: u64 = 33;
/// But while it changes all the time, one is drawn after so long.
const RESIZE_MS: u64 = 250;

/// What wants another frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The user did something.
    Key,
    /// What the user waits for has come.
    Answer,
    /// Something is known that was not, or time went on.
    Data,
    /// The terminal has another size.
    Resize,
}

/// What is to be drawn, and when.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cadence {
    drawn_ms: Option<u64>,
    /// When a draw was for a key, and for an answer.
    key_drawn_ms: Option<u64>,
    answer_drawn_ms: Option<u64>,
    for_key: bool,
    for_answer: bool,
    for_data: bool,
    /// When the size changed first and last since it was drawn.
    resized: Option<(u64, u64)>,
}

impl Cadence {
    /// Something wants another frame.
    pub fn want(&mut self, why: Why, now_ms: u64) {
        match why {
            Why::Key => self.for_key = true,
            Why::Answer => self.for_answer = true,
            Why::Data => self.for_data = true,
            Why::Resize => {
                let first_ms = self.resized.map_or(now_ms, |(first, _)| first);
                self.resized = Some((first_ms, now_ms));
            }
        }
    }

    /// When to draw; none while nothing wants it.
    pub fn due_ms(&self) -> Option<u64> {
        if let Some((first_ms, last_ms)) = self.resized {
            // A frame for the old size would be thrown away by the terminal.
            let drag_ms = after(self.drawn_ms, RESIZE_MS).max(first_ms + RESIZE_MS);
            return Some((last_ms + REST_MS).min(drag_ms));
        }
        let key = self.for_key.then(|| after(self.key_drawn_ms, KEY_MS));
        let answer = self.for_answer.then(|| after(self.answer_drawn_ms, KEY_MS));
        let data = self.for_data.then(|| after(self.drawn_ms, DATA_MS));
        [key, answer, data].into_iter().flatten().min()
    }

    /// Whether the frame that is due answers somebody who waits.
    pub fn is_urgent(&self) -> bool {
        self.for_key || self.for_answer || self.resized.is_some()
    }

    /// It was drawn.
    pub fn drawn(&mut self, now_ms: u64) {
        let now = Some(now_ms);
        *self = Self {
            drawn_ms: now,
            key_drawn_ms: if self.for_key { now } else { self.key_drawn_ms },
            answer_drawn_ms: if self.for_answer { now } else { self.answer_drawn_ms },
            ..Self::default()
        };
    }
}

fn after(drawn_ms: Option<u64>, span_ms: u64) -> u64 {
    drawn_ms.map_or(0, |at| at + span_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws whenever it is due, until a time; how many draws that were.
    fn draws(cadence: &mut Cadence, until_ms: u64, now_ms: u64) -> usize {
        let mut count = 0;
        while let Some(due_ms) = cadence.due_ms().filter(|it| *it <= until_ms) {
            cadence.drawn(due_ms.max(now_ms));
            count += 1;
        }
        count
    }

    #[test]
    fn a_key_is_answered_at_once_and_data_waits() {
        let mut cadence = Cadence::default();
        cadence.want(Why::Data, 1_000);
        assert_eq!(draws(&mut cadence, 1_000, 1_000), 1);
        cadence.want(Why::Data, 1_010);
        assert_eq!(cadence.due_ms(), Some(1_250));
        cadence.want(Why::Key, 1_060);
        assert_eq!(cadence.due_ms().map(|it| it <= 1_060), Some(true));
        assert!(cadence.is_urgent());
        cadence.drawn(1_060);
        assert_eq!(cadence.due_ms(), None);
    }

    #[test]
    fn a_flood_of_keys_is_drawn_twenty_times_a_second() {
        let mut cadence = Cadence::default();
        let mut count = 0;
        for now_ms in 0..10_000 {
            cadence.want(Why::Key, now_ms);
            cadence.want(Why::Data, now_ms);
            count += draws(&mut cadence, now_ms, now_ms);
        }
        assert_eq!(count, 200);
    }

    #[test]
    fn a_key_does_not_wait_for_an_answer_that_was_drawn_just_before_nor_an_answer_for_a_key() {
        let mut cadence = Cadence::default();
        cadence.want(Why::Key, 1_000);
        cadence.drawn(1_000);
        cadence.want(Why::Answer, 1_005);
        assert_eq!(draws(&mut cadence, 1_005, 1_005), 1);
        cadence.want(Why::Key, 1_051);
        assert_eq!(draws(&mut cadence, 1_051, 1_051), 1);
        cadence.want(Why::Answer, 1_052);
        assert_eq!(cadence.due_ms(), Some(1_055), "twenty answers a second");
    }

    #[test]
    fn a_thousand_sizes_are_drawn_a_few_times() {
        let mut cadence = Cadence::default();
        let mut count = 0;
        for now_ms in (0..10_000).step_by(10) {
            cadence.want(Why::Resize, now_ms);
            cadence.want(Why::Data, now_ms);
            count += draws(&mut cadence, now_ms, now_ms);
        }
        assert!((30..=45).contains(&count), "{count}");
        assert_eq!(cadence.due_ms(), Some(9_990 + 33));
        assert_eq!(draws(&mut cadence, 10_100, 10_100), 1);
    }
}
