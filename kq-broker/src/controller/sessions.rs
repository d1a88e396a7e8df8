//! Which brokers live, by what the leader of the quorum hears of them.
//!
//! ```text
//!             registered / first beat              silence, or a stream that broke
//!   (nothing) ───────────────────────> heard ──────────────────────────────────────> to be fenced
//!                                       ^  │ beat: a whole session from now                │
//!                                       └──┘                  registers again (new epoch) ─┘
//! ```
//! Only who leads keeps sessions. Whoever begins to lead has heard of nobody yet, so it gives
//! everyone a whole session.

use std::collections::BTreeMap;
use std::time::Duration;

use super::FenceReason;
use crate::ids::{BrokerEpoch, BrokerId};

/// Who looks this much later than it meant to has stood still itself: then nobody was heard because
/// nobody listened.
const LATE_MAX: Duration = Duration::from_secs(1);

/// One stream of beats, as the leader numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BeatStream(pub u64);

/// A broker that is to be taken out of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// Which broker.
    pub broker: BrokerId,
    /// The registration that was lost sight of; a newer one is left alone.
    pub epoch: BrokerEpoch,
    /// Why.
    pub why: FenceReason,
}

/// How a stream of beats ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeatEnd {
    /// The broker said that it stops.
    Farewell,
    /// The connection broke.
    Broken,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    epoch: BrokerEpoch,
    ends_at: Duration,
    stream: Option<BeatStream>,
}

/// The sessions of all brokers but the one that keeps them: it hears itself as long as it runs.
#[derive(Debug)]
pub struct Sessions {
    me: BrokerId,
    length: Duration,
    live: BTreeMap<BrokerId, Session>,
    /// Until when a stream that breaks says nothing: who was not listened to gives up too.
    excused_until: Duration,
}

impl Sessions {
    /// No sessions yet.
    pub fn new(me: BrokerId, length: Duration) -> Self {
        Self { me, length, live: BTreeMap::new(), excused_until: Duration::ZERO }
    }

    /// Somebody else leads now.
    pub fn end(&mut self) {
        self.live.clear();
    }

    /// Gives everyone a whole session if whoever keeps them was not there to hear.
    fn excuse(&mut self, now: Duration) {
        if self.next_end().is_some_and(|at| at + LATE_MAX < now) {
            self.excused_until = now + self.length;
            self.live.values_mut().for_each(|it| it.ends_at = self.excused_until);
        }
    }

    /// Takes in who is live by the metadata. Who is new in it, or registered again, has a whole
    /// session; who is live no more has none.
    pub fn update(&mut self, live: impl Iterator<Item = (BrokerId, BrokerEpoch)>, now: Duration) {
        let ends_at = now + self.length;
        let known = std::mem::take(&mut self.live);
        let kept = |(broker, epoch): (BrokerId, BrokerEpoch)| {
            let known = known.get(&broker).copied();
            let stream = known.and_then(|it| it.stream);
            let same = known.filter(|it| it.epoch == epoch);
            (broker, same.unwrap_or(Session { epoch, ends_at, stream }))
        };
        self.live = live.filter(|(broker, _)| *broker != self.me).map(kept).collect();
    }

    /// A beat has come. False if the registration it speaks for no longer counts.
    pub fn beat(
        &mut self,
        (broker, epoch): (BrokerId, BrokerEpoch),
        stream: BeatStream,
        now: Duration,
    ) -> bool {
        let Some(session) = self.live.get_mut(&broker) else { return false };
        // A later stream is where the broker is by now, whatever still arrives on an older one.
        if session.stream.is_none_or(|known| known <= stream) {
            session.stream = Some(stream);
        }
        if session.epoch != epoch {
            return false;
        }
        session.ends_at = session.ends_at.max(now + self.length);
        true
    }

    /// A stream has ended. Who has opened another one since, or has none, is not touched.
    pub fn ended(
        &mut self,
        broker: BrokerId,
        stream: BeatStream,
        (how, now): (BeatEnd, Duration),
    ) -> Option<Fence> {
        self.excuse(now);
        let session = self.live.get_mut(&broker)?;
        if session.stream != Some(stream) {
            return None;
        }
        session.stream = None;
        if how == BeatEnd::Broken && now < self.excused_until {
            return None;
        }
        // Should the command to fence it not come through, the session sees to it again.
        session.ends_at = now + self.length;
        let why = match how {
            BeatEnd::Farewell => FenceReason::ControlledShutdown,
            BeatEnd::Broken => FenceReason::ConnectionClosed,
        };
        Some(Fence { broker, epoch: session.epoch, why })
    }

    /// Nobody listens where this broker should, so it is gone; unless it is heard of. One that wished
    /// to stop has done so: its farewell may still be on its way to whoever leads by now.
    pub fn refused(&mut self, broker: BrokerId, wished: bool, now: Duration) -> Option<Fence> {
        let session = self.live.get_mut(&broker)?;
        if session.stream.is_some() {
            return None;
        }
        session.ends_at = now + self.length;
        let why =
            if wished { FenceReason::ControlledShutdown } else { FenceReason::ConnectionClosed };
        Some(Fence { broker, epoch: session.epoch, why })
    }

    /// Whose time is up.
    pub fn expired(&mut self, now: Duration) -> Vec<Fence> {
        self.excuse(now);
        let length = self.length;
        let overdue = self.live.iter_mut().filter(|(_, it)| it.ends_at <= now);
        let fence = |(broker, session): (&BrokerId, &mut Session)| {
            session.ends_at = now + length;
            Fence { broker: *broker, epoch: session.epoch, why: FenceReason::SessionExpired }
        };
        overdue.map(fence).collect()
    }

    /// When to look again.
    pub fn next_end(&self) -> Option<Duration> {
        self.live.values().map(|it| it.ends_at).min()
    }

    /// Brokers of which nothing is heard.
    pub fn silent(&self) -> impl Iterator<Item = BrokerId> {
        self.live.iter().filter(|(_, it)| it.stream.is_none()).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const TWO: BrokerId = BrokerId(2);
    const FIRST: BeatStream = BeatStream(1);
    const NEXT: BeatStream = BeatStream(2);

    fn epochs(of: &[(u32, u64)]) -> Vec<(BrokerId, BrokerEpoch)> {
        of.iter().map(|(id, epoch)| (BrokerId(*id), BrokerEpoch(*epoch))).collect()
    }

    /// Broker 1 leads, 2 and 3 are live, and it is second 0.
    fn led_by_one() -> Sessions {
        let mut sessions = Sessions::new(BrokerId(1), S(3));
        sessions.update(epochs(&[(1, 10), (2, 20), (3, 30)]).into_iter(), S(0));
        sessions
    }

    fn fence(broker: u32, epoch: u64, why: FenceReason) -> Fence {
        Fence { broker: BrokerId(broker), epoch: BrokerEpoch(epoch), why }
    }

    #[test]
    fn a_silent_broker_is_fenced_after_a_whole_session() {
        let mut sessions = led_by_one();
        assert!(sessions.beat((TWO, BrokerEpoch(20)), FIRST, S(2)));
        assert_eq!(sessions.next_end(), Some(S(3)));
        assert_eq!(sessions.expired(S(3)), [fence(3, 30, FenceReason::SessionExpired)]);
        assert_eq!(sessions.expired(S(4)), []);
        assert_eq!(sessions.expired(S(5)), [fence(2, 20, FenceReason::SessionExpired)]);
        // What was not carried out is asked for again.
        assert_eq!(sessions.expired(S(6)), [fence(3, 30, FenceReason::SessionExpired)]);
    }

    #[test]
    fn a_stream_that_breaks_fences_at_once_unless_there_is_another() {
        let mut sessions = led_by_one();
        sessions.beat((TWO, BrokerEpoch(20)), FIRST, S(1));
        sessions.beat((TWO, BrokerEpoch(20)), NEXT, S(1));
        assert_eq!(sessions.ended(TWO, FIRST, (BeatEnd::Broken, S(2))), None);
        let broken = sessions.ended(TWO, NEXT, (BeatEnd::Broken, S(2)));
        assert_eq!(broken, Some(fence(2, 20, FenceReason::ConnectionClosed)));
        assert_eq!(sessions.ended(TWO, NEXT, (BeatEnd::Broken, S(2))), None);
        sessions.update(epochs(&[(1, 10), (3, 30)]).into_iter(), S(2));
        assert!(!sessions.beat((TWO, BrokerEpoch(20)), BeatStream(3), S(3)));
    }

    #[test]
    fn a_farewell_fences_as_a_controlled_shutdown() {
        let mut sessions = led_by_one();
        sessions.beat((TWO, BrokerEpoch(20)), FIRST, S(1));
        let ended = sessions.ended(TWO, FIRST, (BeatEnd::Farewell, S(2)));
        assert_eq!(ended, Some(fence(2, 20, FenceReason::ControlledShutdown)));
    }

    #[test]
    fn a_beat_of_an_earlier_registration_does_not_count() {
        let mut sessions = led_by_one();
        sessions.update(epochs(&[(2, 21), (3, 30)]).into_iter(), S(2));
        assert!(!sessions.beat((TWO, BrokerEpoch(20)), FIRST, S(2)));
        assert!(sessions.beat((TWO, BrokerEpoch(21)), FIRST, S(2)));
        assert_eq!(sessions.expired(S(4)), [fence(3, 30, FenceReason::SessionExpired)]);
    }

    #[test]
    fn a_broker_that_refuses_connections_is_gone_unless_it_is_heard() {
        let mut sessions = led_by_one();
        sessions.beat((TWO, BrokerEpoch(20)), FIRST, S(1));
        assert_eq!(sessions.silent().collect::<Vec<_>>(), [BrokerId(3)]);
        assert_eq!(sessions.refused(TWO, false, S(1)), None);
        let gone = sessions.refused(BrokerId(3), false, S(1));
        assert_eq!(gone, Some(fence(3, 30, FenceReason::ConnectionClosed)));
        assert_eq!(sessions.refused(TWO, true, S(1)), None);
        let stopped = sessions.refused(BrokerId(3), true, S(1));
        assert_eq!(stopped, Some(fence(3, 30, FenceReason::ControlledShutdown)));
        sessions.end();
        assert_eq!(sessions.next_end(), None);
    }
    #[test]
    fn a_keeper_that_stood_still_fences_nobody_for_that() {
        let mut sessions = led_by_one();
        sessions.beat((TWO, BrokerEpoch(20)), FIRST, S(1));
        // They were not answered for long, and gave their streams up.
        let broken = (BeatEnd::Broken, S(9));
        assert_eq!(sessions.ended(TWO, FIRST, broken), None);
        assert_eq!(sessions.expired(S(9)), []);
        assert_eq!(sessions.next_end(), Some(S(12)));
        sessions.beat((TWO, BrokerEpoch(20)), NEXT, S(10));
        // Who does not come back is fenced all the same, and from then on a stream counts again.
        assert_eq!(sessions.expired(S(12)), [fence(3, 30, FenceReason::SessionExpired)]);
        let broken = sessions.ended(TWO, NEXT, (BeatEnd::Broken, S(13)));
        assert_eq!(broken, Some(fence(2, 20, FenceReason::ConnectionClosed)));
    }
}
