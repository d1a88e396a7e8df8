//! When a leader must take it that others may lead without its knowledge.
//!
//! A broker that has heard of no majority of the quorum for a session is fenced, as far as it can
//! tell, and whoever is in sync with it may have been elected. A follower that still fetches from it
//! has not heard of that either. So it is a partition of which some in-sync follower is silent, that
//! it may lead no more; and of that none of its acks=all writes can be acknowledged, for the follower
//! does not fetch and without the controller cannot leave the ISR. Nothing is lost by turning
//! producers away, and they find the leader that the others elected.
//!
//! Where no majority can meet without this broker nobody was elected, and it goes on: a cluster
//! whose other brokers are known to be gone is still read, and written with acks=1.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::BrokerId;

/// What a broker hears of the others.
#[derive(Debug)]
pub struct Heard<'a> {
    /// This broker.
    pub me: BrokerId,
    /// How long it has known all that the quorum decides.
    pub silence: Duration,
    /// How long the others bear with a silent broker.
    pub session: Duration,
    /// Who elects the controller.
    pub voters: &'a [BrokerId],
    /// Of whom it is known that their processes are gone.
    pub gone: &'a BTreeSet<BrokerId>,
    /// How long ago each follower last showed that it hears what this broker says.
    pub followers: &'a BTreeMap<BrokerId, Duration>,
}

/// A broker that others may have replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CutOff {
    /// The followers that it still serves.
    followers: BTreeSet<BrokerId>,
}

impl Heard<'_> {
    /// What the broker must take itself for; none while it knows what is decided, or knows that
    /// nothing can be.
    pub fn judge(&self) -> Option<CutOff> {
        let elsewhere = self.voters.iter().filter(|id| **id != self.me && !self.gone.contains(id));
        let may_decide = self.voters.len() < elsewhere.count() * 2;
        if self.silence <= self.session || !may_decide {
            return None;
        }
        let serves = |(id, ago): (&BrokerId, &Duration)| (*ago <= self.session).then_some(*id);
        Some(CutOff { followers: self.followers.iter().filter_map(serves).collect() })
    }
}

impl CutOff {
    /// Whether somebody else may lead a partition that this broker leads with such an ISR.
    pub fn may_be_led_elsewhere(&self, me: BrokerId, isr: &[BrokerId]) -> bool {
        isr.iter().any(|id| *id != me && !self.followers.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: BrokerId = BrokerId(1);
    const S: fn(u64) -> Duration = Duration::from_secs;

    fn ids<const N: usize>(of: [u32; N]) -> Vec<BrokerId> {
        of.map(BrokerId).to_vec()
    }

    /// After so long a silence, with followers that were heard that long ago.
    fn judged(
        silence: u64,
        voters: &[BrokerId],
        gone: &[u32],
        followers: &[(u32, u64)],
    ) -> Option<CutOff> {
        let gone = gone.iter().copied().map(BrokerId).collect();
        let followers = followers.iter().map(|(id, ago)| (BrokerId(*id), S(*ago))).collect();
        let (silence, session) = (S(silence), S(3));
        Heard { me: ME, silence, session, voters, gone: &gone, followers: &followers }.judge()
    }

    #[test]
    fn a_silent_follower_in_sync_may_lead_in_place_of_a_cut_off_broker() {
        let voters = ids([1, 2, 3]);
        assert_eq!(judged(3, &voters, &[], &[(2, 9), (3, 9)]), None, "a session is not over");
        let alone = judged(4, &voters, &[], &[(2, 4)]).unwrap();
        assert!(alone.may_be_led_elsewhere(ME, &ids([1, 2])));
        assert!(alone.may_be_led_elsewhere(ME, &ids([1, 3])), "never heard at all");
        assert!(!alone.may_be_led_elsewhere(ME, &ids([1])), "nobody else could be elected");
    }

    #[test]
    fn a_broker_that_all_in_sync_still_follow_goes_on_leading() {
        let cut = judged(9, &ids([1, 2, 3, 4, 5]), &[], &[(2, 1), (4, 9)]).unwrap();
        assert!(!cut.may_be_led_elsewhere(ME, &ids([2, 1])));
        assert!(cut.may_be_led_elsewhere(ME, &ids([1, 2, 4])), "nothing reaches all of them");
    }

    #[test]
    fn a_broker_without_which_no_majority_meets_goes_on_leading() {
        let voters = ids([1, 2, 3]);
        assert_eq!(judged(9, &voters, &[2, 3], &[]), None);
        assert_eq!(judged(9, &voters, &[2], &[]), None, "one of three decides nothing");
        let five = ids([1, 2, 3, 4, 5]);
        assert!(judged(9, &five, &[2], &[]).is_some());
        assert!(judged(9, &ids([2, 3, 4]), &[2], &[]).is_some(), "it has no vote itself");
        assert_eq!(judged(9, &ids([1]), &[], &[]), None);
    }
}
