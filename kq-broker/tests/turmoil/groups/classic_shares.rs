//! G2 in a classic group: in a generation a partition has one owner, and who is of an older one, or
//! was replaced as a static member, commits nothing.

use std::collections::BTreeMap;

use super::{Identity, Moment};
use crate::history::Slot;

/// Who was told what.
#[derive(Debug, Default)]
pub(super) struct ClassicShares {
    /// When a share of each generation was told first.
    told: BTreeMap<i32, Moment>,
    /// Owners by their instance, or else their member id: a static member's next process keeps what
    /// the one before had (KIP-345).
    owners: BTreeMap<(i32, Slot), String>,
    /// The newest process of each instance, and when it was told its share.
    processes: BTreeMap<String, (String, Moment)>,
}

impl ClassicShares {
    pub(super) fn tell(
        &mut self,
        who: &Identity,
        share: &[Slot],
        told: Moment,
    ) -> Result<(), String> {
        self.told.entry(who.generation).or_insert(told);
        if let Some(instance) = &who.instance {
            self.processes.insert(instance.clone(), (who.member.clone(), told));
        }
        let name = who.instance.as_ref().unwrap_or(&who.member);
        for slot in share {
            let at = (who.generation, *slot);
            let owner = self.owners.entry(at).or_insert_with(|| name.clone());
            if owner != name {
                let generation = who.generation;
                return Err(format!("{owner} and {name} own {slot} in generation {generation}"));
            }
        }
        Ok(())
    }

    /// Whether a commit that was sent at `asked` may have been taken.
    pub(super) fn verify_commit(&self, who: &Identity, asked: Moment) -> Result<(), String> {
        let Identity { member, generation, .. } = who;
        let mut later = self.told.range(generation + 1..);
        if let Some((newer, _)) = later.find(|(_, told)| **told <= asked) {
            return Err(format!(
                "{member} of generation {generation} may commit, after shares of {newer} were told"
            ));
        }
        let process = who.instance.as_ref().and_then(|it| self.processes.get(it));
        if let Some((newer, told)) = process
            && newer != member
            && *told <= asked
        {
            return Err(format!("{member} may commit, whose place {newer} has taken"));
        }
        Ok(())
    }
}
