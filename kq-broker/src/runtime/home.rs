//! A partition's directory: how it is named and whose it says it is.
//!
//! ```text
//!   <log dir>/orders-3.0123456789abcdef0123456789abcdef/
//!             topic - index . topic id
//! ```
//! The topic's id makes the name of a topic's directory its own: a topic that is made again under
//! an old name never meets the old one's files, and deleting needs no agreement on names.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use kq_storage::LogIdentity;
use kq_storage::vfs::{self, Vfs};
use uuid::Uuid;

use crate::ids::{PartitionId, PartitionIndex, TopicId};

/// Ends the name of a directory that no metadata knows, or that is damaged.
pub(super) const STRAY_SUFFIX: &str = "-stray";
/// Letters of a topic's name in a directory's name; the id and the suffixes need the rest of 255.
const TOPIC_LETTERS_MAX: usize = 200;

/// The name of a partition's directory.
pub(super) fn dir_name(topic: &str, id: PartitionId) -> String {
    let topic: String = topic.chars().take(TOPIC_LETTERS_MAX).collect();
    format!("{topic}-{}.{}", id.index, id.topic.0.simple())
}

/// Keeps a directory that is not served any more under a name of its own, beside those that were kept
/// before: `X-stray`, `X-2-stray` and so on. The new name.
pub(super) fn set_aside(fs: &dyn Vfs, path: &Path) -> io::Result<PathBuf> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(OsStr::to_str)) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let there = fs.list(dir)?;
    let is_free = |name: &String| there.iter().all(|it| it.name != *name);
    let names = std::iter::once(format!("{name}{STRAY_SUFFIX}"))
        .chain((2_u64..).map(|nth| format!("{name}-{nth}{STRAY_SUFFIX}")));
    let aside = names.into_iter().find(is_free).ok_or(io::ErrorKind::AlreadyExists)?;
    let aside = dir.join(aside);
    fs.rename(path, &aside)?;
    vfs::sync_parent(fs, path)?;
    Ok(aside)
}

/// The partition that a directory's name speaks of; none if it is no partition's.
pub(super) fn parse_dir_name(name: &str) -> Option<PartitionId> {
    let (front, id) = name.rsplit_once('.')?;
    let (_, index) = front.rsplit_once('-')?;
    let plain = id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit());
    let id = Uuid::parse_str(id).ok().filter(|_| plain)?;
    Some(PartitionId { topic: TopicId(id), index: PartitionIndex(index.parse().ok()?) })
}

/// What the log in the directory is told that it is: the topic's id with the partition's index in
/// its last four bytes, so that not even two partitions of one topic can be taken for one another.
pub(super) fn identity(id: PartitionId) -> LogIdentity {
    LogIdentity((id.topic.0.as_u128() ^ u128::from(id.index.0)).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: PartitionId =
        PartitionId { topic: TopicId(Uuid::from_u128(7)), index: PartitionIndex(3) };

    #[test]
    fn directory_names_read_back_also_with_dots_and_dashes() {
        for topic in ["orders", "a.b-c_d", "x-1.2", &"n".repeat(249)] {
            let name = dir_name(topic, ID);
            assert!(name.len() + kq_storage::DELETED_SUFFIX.len() <= 255);
            assert_eq!(parse_dir_name(&name), Some(ID), "{name}");
        }
        assert_eq!(dir_name("orders", ID), "orders-3.00000000000000000000000000000007");
    }

    #[test]
    fn other_names_are_no_partitions() {
        for name in ["orders-3", "lost+found", "orders-3.7", "x-y.00000000000000000000000000000007"]
        {
            assert_eq!(parse_dir_name(name), None, "{name}");
        }
    }

    #[test]
    fn partitions_of_one_topic_have_identities_of_their_own() {
        let other = PartitionId { index: PartitionIndex(4), ..ID };
        assert_ne!(identity(ID), identity(other));
        assert_eq!(identity(ID), identity(ID));
    }
}
