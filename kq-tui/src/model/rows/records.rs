//! Rows of records, and the lines of one.

use std::borrow::Cow;

use super::{Found, by_name};
use crate::model::Row;
use crate::model::filter::{Facet, Field, Filter, Word};
use crate::model::record::Opened;
use crate::model::tail::{self, Kept, Tail};
use crate::text::readable;

/// A record as a filter sees it; texts are made only for one that asks.
struct Of<'a> {
    it: &'a Kept,
    key: Option<Cow<'a, str>>,
    value: Option<Cow<'a, str>>,
}

/// In the order in which they came; what was there before, in the order of its times.
pub(super) fn find(tail: &Tail, filter: &Filter) -> Found {
    let mut records: Vec<&Kept> = tail.records().map(|it| &**it).collect();
    records.sort_by_key(|it| {
        let at_ms = if it.is_backlog { it.record.timestamp_ms } else { 0 };
        (!it.is_backlog, at_ms, it.sequence)
    });
    let is_filtered = !filter.is_empty();
    let rows = records.into_iter().map(|it| {
        let key = if is_filtered { text(it, tail::Field::Key) } else { None };
        let value = if is_filtered { text(it, tail::Field::Value) } else { None };
        (Row::Record(it.sequence), Of { it, key, value })
    });
    by_name(rows, filter, false)
}

fn text(it: &Kept, of: tail::Field) -> Option<Cow<'_, str>> {
    let bytes = it.field(of)?;
    Some(std::str::from_utf8(bytes).map_or_else(|_| readable(bytes).into(), Cow::Borrowed))
}

impl Facet for Of<'_> {
    fn has(&self, word: &Word) -> bool {
        self.key.iter().chain(&self.value).any(|it| word.is_in(it))
    }

    fn text(&self, field: Field) -> Option<&str> {
        match field {
            Field::Key => self.key.as_deref(),
            Field::Value => self.value.as_deref(),
            _ => None,
        }
    }

    fn number(&self, field: Field) -> Option<u64> {
        let count = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
        match field {
            Field::Partition => Some(self.it.record.partition.into()),
            Field::Offset => Some(self.it.record.offset),
            Field::Headers => Some(count(self.it.header_count)),
            Field::Size => Some(self.it.record.size_bytes.into()),
            _ => None,
        }
    }

    fn broker(&self, _: Field, _: Option<u32>) -> Option<bool> {
        None
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        match word {
            "tombstone" => Some(self.it.value_bytes.is_none()),
            "keyless" => Some(self.it.key_bytes.is_none()),
            _ => None,
        }
    }
}

struct OfLine<'a>(&'a str);

/// The lines of one record, as they are.
pub(super) fn lines(opened: Option<&Opened>, filter: &Filter) -> Found {
    let lines = opened.map(|it| it.lines.as_slice()).unwrap_or_default();
    let rows = lines.iter().enumerate().map(|(at, it)| (Row::Line(at), OfLine(&it.text)));
    by_name(rows, filter, false)
}

impl Facet for OfLine<'_> {
    fn has(&self, word: &Word) -> bool {
        word.is_in(self.0)
    }

    fn text(&self, _: Field) -> Option<&str> {
        Some(self.0)
    }

    fn number(&self, _: Field) -> Option<u64> {
        None
    }

    fn broker(&self, _: Field, _: Option<u32>) -> Option<bool> {
        None
    }

    fn is(&self, _: Field, _: &str) -> Option<bool> {
        None
    }
}
