//! What a segment's files are called.
//!
//! ```text
//!   00000000000000000042                              begun at offset 42, as it was written
//!   00000000000000000000-00000000000000004242-0003    [0, 4242) as compaction wrote it the third time
//! ```
//! The name of a rewritten segment says what it replaces, so one rename is all it takes to put it in
//! the place of others: whoever finds both believes the one of the later generation. A plain name
//! never comes to mean other bytes.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Offset;

/// The stem of a segment's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentName {
    /// Offset of its first record.
    pub(crate) base: Offset,
    /// What compaction says of it, if it wrote it.
    pub(crate) rewritten: Option<Rewritten>,
}

/// What the name of a rewritten segment tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The offset after its last record.
    pub(crate) end: Offset,
    /// One more than the latest of the segments that it was made of; those that were never
    /// rewritten count as 0.
    pub(crate) generation: u32,
}

impl SegmentName {
    /// The name of a segment as appends begin it.
    pub(crate) const fn plain(base: Offset) -> Self {
        Self { base, rewritten: None }
    }

    /// The name of a segment that compaction made of those in `[base, end)`.
    pub(crate) const fn rewritten(base: Offset, end: Offset, generation: u32) -> Self {
        Self { base, rewritten: Some(Rewritten { end, generation }) }
    }

    /// The offset after its last record, if its name tells.
    pub(crate) fn end(&self) -> Option<Offset> {
        self.rewritten.map(|rewritten| rewritten.end)
    }

    /// How often its records were rewritten.
    pub(crate) fn generation(&self) -> u32 {
        self.rewritten.map_or(0, |rewritten| rewritten.generation)
    }

    /// Takes a stem apart.
    pub(crate) fn parse(stem: &str) -> Option<Self> {
        let Some((base, rest)) = stem.split_once('-') else {
            return Some(Self::plain(offset_of(stem)?));
        };
        let (end, generation) = rest.split_once('-')?;
        let is_number = generation.len() >= 4 && generation.bytes().all(|it| it.is_ascii_digit());
        let generation = Some(generation).filter(|_| is_number)?.parse().ok()?;
        let (base, end) = (offset_of(base)?, offset_of(end)?);
        let name = Self::rewritten(base, end, generation);
        // Nothing else is written that way: no two names are of one segment.
        (base < end && generation > 0 && name.to_string() == stem).then_some(name)
    }

    /// The file of batches.
    pub(crate) fn log_path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.log"))
    }

    /// The offset index.
    pub(crate) fn index_path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.index"))
    }

    /// The time index.
    pub(crate) fn time_index_path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.timeindex"))
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.base.0)?;
        match self.rewritten {
            Some(Rewritten { end, generation }) => write!(f, "-{:020}-{generation:04}", end.0),
            None => Ok(()),
        }
    }
}

/// Those of `names` whose records a rewritten segment of a later generation holds: what a crash
/// left of a swap. `names` are in order of their bases.
pub(crate) fn superseded(names: &[SegmentName]) -> Vec<SegmentName> {
    let is_superseded = |name: &&SegmentName| {
        names.iter().any(|other| {
            other.rewritten.is_some_and(|by| {
                (other.base..by.end).contains(&name.base) && by.generation > name.generation()
            })
        })
    };
    names.iter().filter(is_superseded).copied().collect()
}

fn offset_of(digits: &str) -> Option<Offset> {
    let whole = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    Some(Offset(Some(digits).filter(|_| whole)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(base: u64, end: u64, generation: u32) -> SegmentName {
        SegmentName::rewritten(Offset(base), Offset(end), generation)
    }

    fn plain(base: u64) -> SegmentName {
        SegmentName::plain(Offset(base))
    }

    #[test]
    fn names_are_read_back_as_they_were_written() {
        for name in [plain(0), plain(u64::MAX), rewritten(7, 4242, 3), rewritten(0, 1, 123_456)] {
            assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        }
        let text = rewritten(7, 4242, 3).to_string();
        assert_eq!(text, "00000000000000000007-00000000000000004242-0003");
    }

    #[test]
    fn what_nobody_writes_is_no_name() {
        let good = rewritten(7, 4242, 3).to_string();
        let bad = [
            "7",
            "0000000000000000000x",
            "99999999999999999999",
            &good[..44],
            &good.replace("-0003", "-0000"),
            &good.replace("-0003", "-00003"),
            &good.replace("-0003", "-+003"),
            &good.replace("4242", "0007"),
        ];
        for stem in bad {
            assert_eq!(SegmentName::parse(stem), None, "{stem}");
        }
    }

    #[test]
    fn a_later_generation_supersedes_what_begins_in_its_range() {
        let all = [plain(0), rewritten(0, 10, 1), plain(5), plain(10), rewritten(10, 30, 2)];
        assert_eq!(superseded(&all), [plain(0), plain(5), plain(10)]);
        let merged = [rewritten(0, 10, 1), rewritten(0, 30, 3), rewritten(10, 30, 2), plain(30)];
        assert_eq!(superseded(&merged), [merged[0], merged[2]]);
        assert_eq!(superseded(&[plain(0), rewritten(5, 9, 1), plain(9)]), []);
    }
}
