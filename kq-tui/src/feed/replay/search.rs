//! The event before or after a moment of a recording, and the trouble: found by what its frames
//! changed.

use kq_proto::monitor::v1;

use crate::facts::Facts;
use crate::feed::record::{Recording, Told};

/// How ill the cluster is: replicas out of sync and brokers that are not up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Illness {
    partitions: u32,
    brokers: usize,
}

impl Illness {
    fn of(facts: &Facts) -> Self {
        let brokers = facts.brokers.values().filter(|it| !it.is_live()).count();
        Self { partitions: facts.topics.tally.ill(), brokers }
    }

    fn is_worse_than(self, before: Self) -> bool {
        self.partitions > before.partitions || self.brokers > before.brokers
    }
}

/// When it happened, in milliseconds since 1970 by the cluster's clock; why not, in words, if it did not.
pub(super) fn find(
    recording: &Recording,
    step: v1::Step,
    from_ms: i64,
) -> Result<i64, &'static str> {
    let (is_back, is_trouble) = match step {
        v1::Step::EventBack => (true, false),
        v1::Step::TroubleBack => (true, true),
        v1::Step::TroubleOn => (false, true),
        v1::Step::EventOn | v1::Step::Unspecified => (false, false),
    };
    let found = if is_back {
        last_before(recording, is_trouble, from_ms)
    } else {
        first_after(recording, is_trouble, from_ms)
    };
    found.ok_or(match (is_back, is_trouble) {
        (true, true) => "no trouble before this in the recording",
        (false, true) => "no trouble after this in the recording",
        (true, false) => "nothing happened before this in the recording",
        (false, false) => "nothing happened after this in the recording",
    })
}

fn first_after(recording: &Recording, is_trouble: bool, from_ms: i64) -> Option<i64> {
    let from = recording.key_before(from_ms);
    let mut found = None;
    scan(recording, from..recording.len(), is_trouble, |at_ms| {
        found = Some(at_ms).filter(|at| *at > from_ms);
        found.is_none()
    });
    found
}

/// One stretch between two whole frames after the other, backwards.
fn last_before(recording: &Recording, is_trouble: bool, from_ms: i64) -> Option<i64> {
    let mut key = recording.key_before(from_ms);
    let mut until = recording.len();
    loop {
        let mut found = None;
        // What a stretch begins with is compared with the one before it.
        let from = recording.key_at_or_before(key.saturating_sub(1)).min(key);
        scan(recording, from..until, is_trouble, |at_ms| {
            let is_before = at_ms < from_ms;
            if is_before {
                found = Some(at_ms);
            }
            is_before
        });
        if found.is_some() || from == 0 {
            return found;
        }
        (key, until) = (from, key + 1);
    }
}

/// Tells when something happened in these blocks, as long as it is wanted.
fn scan(
    recording: &Recording,
    blocks: std::ops::Range<usize>,
    is_trouble: bool,
    mut tell: impl FnMut(i64) -> bool,
) {
    let mut facts = Facts::default();
    for moments in blocks.map_while(|nth| recording.moments(nth)) {
        for moment in moments {
            let is_key = moment.is_key;
            let is_news = !(is_key && facts.now_ms.is_some());
            let Some(Told::Frame(frame)) = moment.told.filter(|_| is_news) else { continue };
            let is_first = facts.now_ms.is_none();
            let before = Illness::of(&facts);
            let is_event = !frame.whole && changes(&frame);
            let at_ms = frame.now_ms;
            facts.apply(*frame);
            let is_worse = Illness::of(&facts).is_worse_than(before);
            let happened = if is_trouble { is_worse } else { is_event || is_worse };
            if !(is_first || is_key) && happened && !tell(at_ms) {
                return;
            }
        }
    }
}

/// Whether it is more than counters.
fn changes(frame: &v1::WatchResponse) -> bool {
    !frame.brokers.is_empty()
        || !frame.brokers_gone.is_empty()
        || !frame.topics.is_empty()
        || !frame.topics_gone.is_empty()
        || !frame.partitions.is_empty()
}
