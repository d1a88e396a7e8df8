//! `kq-ctl offset ...`: how far groups have read, and the operator's hand on it.

pub(crate) mod delete;
pub(crate) mod document;
pub(crate) mod export;
pub(crate) mod flow;
pub(crate) mod get;
mod live;
pub(crate) mod reset;
mod rows;
mod scope;
pub(crate) mod undo;
mod undo_file;

use super::verbs;

verbs! {
    /// Show what groups have committed
    Get(get) = "get",
    /// Print what groups have committed, to be read back by 'offset reset --to file:F'
    Export(export) = "export",
    /// Set committed offsets anew: at a time, an end, where another group is
    Reset(reset) = "reset",
    /// Take commits away
    Delete(delete) = "delete",
    /// Take a reset, a deletion or an undo back; without a name list what can be
    Undo(undo) = "undo",
}
