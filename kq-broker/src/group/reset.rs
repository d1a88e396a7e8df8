//! Where the committed offsets of a group are to be, and what that costs: how many offsets are read
//! again, and how many are never read.

#[cfg(test)]
mod reset_test;

/// Where one committed offset is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// At the log start.
    Earliest,
    /// At the end: the next offset that will be written and can be read.
    Latest,
    /// Where it is; at the end where nothing was committed.
    Current,
    /// At this offset.
    Offset(i64),
    /// So many offsets on, or back.
    Shift(i64),
    /// So many offsets before the end.
    BeforeEnd(i64),
    /// At the first record of a time or later.
    Time {
        /// That record; none if every record is older.
        found: Option<i64>,
        /// Whether the time is yet to come.
        is_future: bool,
    },
    /// Where it was before a change that is taken back.
    Before {
        /// The offset at that time; none = nothing was committed.
        before: Option<i64>,
        /// What the change made of it.
        after: Option<i64>,
    },
    /// Nowhere: the commit is taken away.
    Nowhere,
}

/// What one partition is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What is committed.
    pub committed: Option<i64>,
    /// The log start.
    pub start: i64,
    /// The high watermark; never below the start.
    pub end: i64,
    /// Whether records between the two may have been compacted away.
    pub is_compacted: bool,
}

/// What becomes of one committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The new offset; none = the commit is taken away.
    pub to: Option<i64>,
    /// Offsets that are read again.
    pub reread: u64,
    /// Offsets that are never read.
    pub skip: u64,
    /// There may be fewer records than that.
    pub is_bound: bool,
    /// What is particular, in words; empty = nothing.
    pub note: String,
    /// Whether `to` is an offset that was named, and need not be that of a record.
    is_named: bool,
}

/// A shift from where nothing was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing is committed, so there is nothing to shift from")]
pub struct NoCommit;

impl Standing {
    /// What a goal comes to. Every new offset lies between start and end, but for one that a change
    /// is taken back to: that is restored to the letter.
    pub fn aim(&self, goal: Goal) -> Result<Row, NoCommit> {
        let mut notes = Vec::new();
        let is_told = matches!(goal, Goal::Shift(_) | Goal::Nowhere | Goal::Before { .. });
        if self.committed.is_none() && !is_told {
            notes.push("no commit".to_owned());
        }
        let to = match goal {
            Goal::Earliest => Some(self.start),
            Goal::Latest => Some(self.end),
            Goal::Current => Some(self.within(self.committed.unwrap_or(self.end), &mut notes)),
            Goal::Offset(offset) => Some(self.within(offset, &mut notes)),
            Goal::Shift(by) => {
                let from = self.committed.ok_or(NoCommit)?;
                Some(self.within(from.saturating_add(by), &mut notes))
            }
            Goal::BeforeEnd(count) => {
                Some(self.within(self.end.saturating_sub(count.max(0)), &mut notes))
            }
            Goal::Time { found, is_future } => Some(self.at_time(found, is_future, &mut notes)),
            Goal::Before { before, after } => {
                notes.extend(moved_since(after, self.committed));
                before
            }
            Goal::Nowhere => None,
        };
        let is_named = matches!(goal, Goal::Offset(_) | Goal::Shift(_) | Goal::BeforeEnd(_));
        Ok(self.row(to, is_named, notes))
    }

    fn at_time(&self, found: Option<i64>, is_future: bool, notes: &mut Vec<String>) -> i64 {
        match found {
            _ if is_future => notes.push("future: end".to_owned()),
            Some(offset) => return offset.clamp(self.start, self.end),
            None => notes.push("none so young: end".to_owned()),
        }
        self.end
    }

    fn within(&self, offset: i64, notes: &mut Vec<String>) -> i64 {
        if offset < self.start {
            notes.push(format!("to start {}", self.start));
        } else if offset > self.end {
            notes.push(format!("to end {}", self.end));
        }
        offset.clamp(self.start, self.end)
    }

    fn row(&self, to: Option<i64>, is_named: bool, mut notes: Vec<String>) -> Row {
        let clamp = |offset: i64| offset.clamp(self.start, self.end);
        let (mut reread, mut skip) = (0, 0);
        if let Some(to) = to.map(clamp) {
            match self.committed.map(clamp) {
                Some(from) => (reread, skip) = (above(from, to), above(to, from)),
                None => skip = above(to, self.start),
            }
        }
        let is_bound = self.is_compacted && (reread, skip) != (0, 0);
        if is_bound {
            notes.push("at most".to_owned());
        }
        Row { to, reread, skip, is_bound, note: notes.join(", "), is_named }
    }
}

impl Row {
    /// The first record at or above the new offset is this one.
    pub fn next_is(&mut self, offset: i64) {
        let is_gap = self.is_named && self.to.is_some_and(|to| to < offset);
        if is_gap {
            let told = format!("next is {offset}");
            let notes = [std::mem::take(&mut self.note), told];
            let notes: Vec<_> = notes.into_iter().filter(|it| !it.is_empty()).collect();
            self.note = notes.join(", ");
        }
    }
}

/// How far one offset is above another.
fn above(offset: i64, other: i64) -> u64 {
    u64::try_from(offset.saturating_sub(other)).unwrap_or(0)
}

/// What was committed between a change and now.
fn moved_since(after: Option<i64>, now: Option<i64>) -> Option<String> {
    match (after, now) {
        (after, now) if after == now => None,
        (Some(after), Some(now)) if after < now => Some(format!("+{} read since", now - after)),
        (Some(_), Some(now)) => Some(format!("went back to {now} since")),
        (None, Some(now)) => Some(format!("{now} was committed since")),
        (_, None) => Some("taken away since".to_owned()),
    }
}
