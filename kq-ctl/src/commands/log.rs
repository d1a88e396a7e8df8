//! `kq-ctl log ...`: files on this machine, without a broker, which are only read; and the log
//! directories of brokers.

pub(crate) mod dirs;
pub(crate) mod dump;
mod files;
pub(crate) mod verify;

use super::verbs;

verbs! {
    /// Print the batches of a log, or with --records the records in them
    Dump(dump) = "dump",
    /// Read every file of a log and check it; ends with 10 if one is damaged
    Verify(verify) = "verify",
    /// Log directories of the brokers: what is in them, what room is left
    Dirs(dirs) = "dirs",
}
