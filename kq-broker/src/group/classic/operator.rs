//! Members that an operator puts out.

use super::{Group, MemberId, Step};

impl Group {
    /// Members go as if their sessions had ended: nobody waits for them, and if they live they join
    /// as newcomers.
    pub(crate) fn put_out(&mut self, ids: &[MemberId], step: &mut Step<'_>) {
        self.remove_all(ids, step);
        self.assert_invariants();
    }
}
