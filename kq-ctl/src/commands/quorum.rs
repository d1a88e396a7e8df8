//! `kq-ctl quorum ...`

pub(crate) mod status;

use super::verbs;

verbs! {
    /// Who votes in the metadata quorum, who follows, how far each is
    Status(status) = "status",
}
