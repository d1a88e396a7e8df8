//! Whether this member still hears of the quorum. One that does not goes on with the image that it
//! has, and what that says of the cluster may be long untrue.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::controller::Controller;
use crate::ids::BrokerId;

/// How long this member has known all that was decided. Hearing a leader again is not enough: what
/// was decided meanwhile arrives only after its first word.
#[derive(Debug)]
pub(super) struct Contact(Mutex<Known>);

#[derive(Debug)]
struct Known {
    /// When each broker last beat, here.
    beats: BTreeMap<BrokerId, Instant>,
    /// When a leader was last heard of whose entries are all here.
    at: Instant,
    /// A later word of a leader, and how far it had committed then.
    told: Option<(u64, Instant)>,
    /// Whether a leader has ever been heard of.
    heard: bool,
    /// When a majority last answered this member as their leader, in its newest lead and in the one
    /// before, each with its term.
    led: [(u64, Option<Instant>); 2],
}

impl Default for Contact {
    fn default() -> Self {
        let (at, led) = (Instant::now(), [(0, None); 2]);
        Self(Mutex::new(Known { beats: BTreeMap::new(), at, told: None, heard: false, led }))
    }
}

impl Contact {
    /// A leader has spoken, and it is not one of an earlier term.
    pub(super) fn heard(&self, committed: u64, applied: u64, now: Instant) {
        let mut known = self.0.lock();
        known.settle(applied);
        // An earlier word that is not made good yet stays: else a member that is always one entry
        // behind would never be up to date.
        known.told = known.told.or(Some((committed, now)));
        known.settle(applied);
    }

    /// Since when something may have been decided that is not here.
    fn known_at(&self, applied: u64) -> Instant {
        let mut known = self.0.lock();
        known.settle(applied);
        known.at
    }
}

impl Known {
    /// A majority has answered this member as their leader.
    fn lead(&mut self, term: u64, at: Instant) {
        if self.led[0].0 < term {
            self.led = [(term, None), self.led[0]];
        }
        if self.led[0].0 == term {
            self.led[0].1 = self.led[0].1.max(Some(at));
        }
    }

    /// When somebody was last known to lead, before this term.
    fn led_before(&self, term: u64) -> Option<Instant> {
        let own = self.led.iter().find(|(of, _)| *of < term).and_then(|(_, at)| *at);
        own.max(self.heard.then_some(self.at))
    }

    fn settle(&mut self, applied: u64) {
        if let Some((_, at)) = self.told.take_if(|(committed, _)| *committed <= applied) {
            self.at = at;
            self.heard = true;
        }
    }
}

impl Controller {
    /// A broker has beaten to this one.
    pub fn note_beat(&self, broker: BrokerId) {
        self.inner.contact.0.lock().beats.insert(broker, Instant::now());
    }

    /// Whether most voters, this one among them, have beaten to this one in so long a time.
    pub(super) fn hears_majority(&self, within: Duration) -> bool {
        let voters = self.status().voters;
        let known = self.inner.contact.0.lock();
        let is_recent = |at: &Instant| at.elapsed() < within;
        let heard =
            |id: &&BrokerId| **id == self.broker() || known.beats.get(id).is_some_and(is_recent);
        voters.iter().filter(heard).count() * 2 > voters.len()
    }

    /// How long ago this member last heard of a majority: from the leader that one elected, or, if
    /// it leads, from the others. Zero where it is the only voter.
    pub fn silence(&self) -> Duration {
        let followed = self.inner.contact.known_at(self.image().applied()).elapsed();
        let receiver = self.inner.raft.metrics();
        let metrics = receiver.borrow_watched();
        if metrics.current_leader != Some(u64::from(self.broker().0)) {
            return followed;
        }
        let mut known = self.inner.contact.0.lock();
        if metrics.membership_config.membership().voter_ids().count() == 1 {
            known.lead(metrics.current_term, Instant::now());
            return Duration::ZERO;
        }
        let acked = metrics.last_quorum_acked.map(|it| it.elapsed());
        if let Some(at) = acked.and_then(|ago| Instant::now().checked_sub(ago)) {
            known.lead(metrics.current_term, at);
        }
        // Who leads only now has heard of a majority when it was elected.
        acked.map_or(followed, |ago| ago.min(followed))
    }

    /// How long ago somebody was last known to lead the quorum, before this term; none if nobody has
    /// been since the start of this process.
    pub fn led_before(&self, term: u64) -> Option<Duration> {
        self.inner.contact.0.lock().led_before(term).map(|at| at.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_leader_that_is_heard_again_counts_once_its_entries_are_here() {
        let contact = Contact::default();
        let start = contact.known_at(0);
        let after = |s| start + Duration::from_secs(s);
        contact.heard(7, 7, after(1));
        assert_eq!(contact.known_at(7), after(1));
        // Twenty seconds later it turns out that much was decided.
        contact.heard(40, 7, after(21));
        contact.heard(41, 30, after(22));
        assert_eq!(contact.known_at(39), after(1));
        assert_eq!(contact.known_at(40), after(21));
    }

    #[tokio::test]
    async fn who_leads_knows_when_somebody_led_before() {
        let start = Instant::now();
        let after = |s| start + Duration::from_secs(s);
        let contact = Contact::default();
        let mut known = contact.0.into_inner();
        assert_eq!(known.led_before(1), None);
        known.lead(3, after(5));
        known.lead(3, after(9));
        known.lead(3, after(7));
        assert_eq!((known.led_before(3), known.led_before(4)), (None, Some(after(9))));
        known.lead(5, after(200));
        assert_eq!(known.led_before(5), Some(after(9)));
        known.told = Some((1, after(60)));
        known.settle(1);
        assert_eq!(known.led_before(5), Some(after(60)));
    }

    #[tokio::test]
    async fn a_member_that_is_always_one_entry_behind_is_up_to_date() {
        let contact = Contact::default();
        let start = contact.known_at(0);
        for entry in 1..=100 {
            contact.heard(entry, entry - 1, start + Duration::from_secs(entry));
        }
        assert_eq!(contact.known_at(99), start + Duration::from_secs(99));
    }
}
