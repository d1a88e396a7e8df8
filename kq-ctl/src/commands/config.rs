//! `kq-ctl config ...`

mod alterations;
pub(crate) mod describe;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod get;
mod guard;
mod resource;
pub(crate) mod set;
pub(crate) mod unset;

use super::verbs;

pub(crate) use alterations::{Alterations, changed_rows};
pub(crate) use guard::guard;
pub(crate) use resource::{Kind, source_word, told};

verbs! {
    /// Print values in force
    Get(get) = "get",
    /// Set keys
    Set(set) = "set",
    /// Unset keys: back to what is in force without them
    Unset(unset) = "unset",
    /// Describe keys: value, source, default, bounds, documentation
    Describe(describe) = "describe",
    /// Compare with the defaults, or with another resource
    Diff(diff) = "diff",
    /// Change what is set in an editor
    Edit(edit) = "edit",
}
