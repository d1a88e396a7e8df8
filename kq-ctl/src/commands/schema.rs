//! `kq-ctl schema ...`

pub(crate) mod list;
pub(crate) mod show;

use super::verbs;

verbs! {
    /// List kinds of documents
    List(list) = "list",
    /// Print the JSON Schema of a kind
    Show(show) = "show",
}
