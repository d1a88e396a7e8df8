//! A planned move of the lead: no more appends, then wait until the next leader has everything, so
//! that not even what was answered with acks=1 is lost.

use std::time::Duration;

use super::Leader;
use crate::canary;
use crate::ids::BrokerId;
use crate::replica::Output;

/// How long producers are held up for a move before it is called off.
const HANDOVER_MAX: Duration = Duration::from_secs(5);

/// A move that is going on.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) to: BrokerId,
    since: Duration,
    /// It was said that the next leader is ready, and no tick has passed.
    told: bool,
    given_up: bool,
}

impl Leader {
    pub(super) fn take_handover(&mut self, to: Option<BrokerId>, now: Duration) {
        let Some(to) = to else {
            self.handover = None;
            return;
        };
        match &mut self.handover {
            // The same move, and perhaps another partition epoch: it is told again with that.
            Some(known) if known.to == to => known.told = false,
            Some(_) | None => {
                self.handover = Some(Handover { to, since: now, told: false, given_up: false });
            }
        }
    }

    pub(super) fn tick_handover(&mut self, now: Duration, out: &mut Vec<Output>) {
        let partition_epoch = self.partition_epoch;
        let Some(handover) = &mut self.handover else { return };
        handover.told = false;
        handover.given_up |= HANDOVER_MAX <= now.saturating_sub(handover.since);
        if handover.given_up {
            out.push(Output::HandoverFailed { to: handover.to, partition_epoch });
        }
    }

    pub(super) fn hand_over_when_ready(&mut self, out: &mut Vec<Output>) {
        let Some(Handover { to, told: false, given_up: false, .. }) = self.handover else { return };
        let follower = self.followers.get(&to);
        let has_all = follower.is_some_and(|it| {
            it.broker_epoch().is_some() && self.log_end.offset() <= it.held(self.rules.durability)
        });
        let has_all = has_all || canary::is("handover_without_drain");
        if has_all && self.isr.contains(&to) {
            out.push(Output::HandoverReady { to, partition_epoch: self.partition_epoch });
            self.handover.iter_mut().for_each(|it| it.told = true);
        }
    }
}
