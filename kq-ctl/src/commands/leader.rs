//! `kq-ctl leader ...`

pub(crate) mod list;

use super::verbs;

verbs! {
    /// How leadership is spread over the brokers
    List(list) = "list",
}

impl Verb {
    /// As typed, with the verb below it where there is one.
    pub(crate) fn path(&self) -> &'static str {
        self.name()
    }
}
