//! G2 in a consumer group (KIP-848): nobody is told a partition that another member keeps, and who
//! has lost one commits nothing for it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Identity, Moment, Span};
use crate::history::Slot;

/// The newest owner of a partition.
#[derive(Debug)]
struct Grant {
    member: String,
    span: Span,
}

/// Who was told what.
#[derive(Debug, Default)]
pub(super) struct ConsumerShares {
    grants: BTreeMap<Slot, Grant>,
    /// When a member was told that a partition is its.
    got: BTreeMap<(String, Slot), Moment>,
    /// The newest epoch that a member was told, and when it was last told that it is at it.
    epochs: BTreeMap<String, (i32, Moment)>,
}

impl ConsumerShares {
    pub(super) fn tell(
        &mut self,
        who: &Identity,
        kept: &BTreeSet<Slot>,
        granted: &BTreeSet<Slot>,
        span: Span,
    ) -> Result<(), String> {
        let member = &who.member;
        self.epochs.insert(member.clone(), (who.generation, span.told));
        for slot in granted {
            self.got.insert((member.clone(), *slot), span.told);
            self.grants.insert(*slot, Grant { member: member.clone(), span });
        }
        for slot in kept {
            let got = self.got.get(&(member.clone(), *slot)).copied().unwrap_or(0);
            if let Some(owner) = self.given_to_other(*slot, member, (got, span.asked)) {
                return Err(format!("{slot} was told to {owner}, and {member} keeps it"));
            }
        }
        Ok(())
    }

    /// Another member that was asked for and told a partition in between.
    fn given_to_other(
        &self,
        slot: Slot,
        member: &str,
        (after, before): (Moment, Moment),
    ) -> Option<&str> {
        let grant = self.grants.get(&slot).filter(|it| it.member != member)?;
        (after <= grant.span.asked && grant.span.told <= before).then_some(grant.member.as_str())
    }

    /// Whether a commit that was sent at `asked` may have been taken.
    pub(super) fn verify_commit(
        &self,
        who: &Identity,
        slots: &BTreeSet<Slot>,
        asked: Moment,
    ) -> Result<(), String> {
        let Some((epoch, told)) = self.epochs.get(&who.member) else { return Ok(()) };
        let (member, given) = (&who.member, who.generation);
        if given < *epoch && *told <= asked {
            return Err(format!("{member} commits at epoch {given}, and was told {epoch}"));
        }
        let lost = slots.iter().find_map(|slot| {
            let owner = self.given_to_other(*slot, member, (*told, asked))?;
            Some(format!("{member} commits for {slot}, which {owner} has got"))
        });
        lost.map_or(Ok(()), Err)
    }
}
