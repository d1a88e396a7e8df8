//! What a watcher wants to be told, checked.

use std::collections::BTreeSet;

use kq_proto::admin::v1::EventFilter;
use kq_proto::monitor::v1;

use super::axis::COLUMNS_MAX;
use super::events::SIDE_ROWS_MAX;
use super::minutes::MinutesAsked;
use crate::ids::{PartitionId, PartitionIndex};
use crate::metadata::MetadataImage;

/// Partitions that are named one by one.
const KEYS_MAX: usize = 2_000;
/// Names or numbers in one list of a filter.
const FILTER_MAX: usize = 1_000;
/// Minutes of curves: a week.
const MINUTES_MAX: u32 = 7 * 24 * 60;
/// Groups with a curve.
const CURVES_MAX: usize = 200;

/// What is asked for cannot be had; in words that say what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WindowError(String);

/// What a watcher wants to be told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Window {
    asked: v1::Window,
}

/// Of which partitions the counters are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// Of none.
    #[default]
    None,
    /// Of these.
    Some(BTreeSet<PartitionId>),
    /// Of every one.
    All,
}

impl Scope {
    /// Whether a partition is in it.
    pub fn has(&self, id: PartitionId) -> bool {
        match self {
            Self::None => false,
            Self::Some(ids) => ids.contains(&id),
            Self::All => true,
        }
    }

    /// Whether there is none in it.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Window {
    /// Checks a window. It comes after the one of the number `after`.
    pub fn new(asked: v1::Window, after: Option<u64>) -> Result<Self, WindowError> {
        if let Some(after) = after.filter(|after| asked.number <= *after) {
            return Err(WindowError(format!(
                "window {} came after window {after}: numbers must ascend",
                asked.number
            )));
        }
        let keys = asked.partitions.as_ref().map_or(0, |it| it.keys.len());
        verify("partitions.keys", keys, KEYS_MAX)?;
        verify("curve_groups", asked.curve_groups.len(), CURVES_MAX)?;
        verify("curve_minutes", asked.curve_minutes as usize, MINUTES_MAX as usize)?;
        if let Some(axis) = &asked.axis {
            verify_axis(axis)?;
        }
        if let Some(events) = &asked.events {
            verify("events.before", events.before as usize, SIDE_ROWS_MAX as usize)?;
            verify("events.after", events.after as usize, SIDE_ROWS_MAX as usize)?;
            verify_filter("events.filter", events.filter.as_ref())?;
        }
        Ok(Self { asked })
    }

    /// As it was asked for.
    pub fn asked(&self) -> &v1::Window {
        &self.asked
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.asked.number
    }

    /// Whether counters of partitions or topics are wanted.
    pub fn wants_partitions(&self) -> bool {
        let some = self.asked.partitions.as_ref().is_some_and(|it| it.all || !it.keys.is_empty());
        some || self.asked.topics
    }

    /// Whether any counters are wanted.
    pub fn wants_counters(&self) -> bool {
        self.asked.brokers || self.wants_partitions()
    }

    /// The partitions whose counters are wanted, as far as they exist.
    pub fn scope(&self, image: &MetadataImage) -> Scope {
        let Some(scope) = &self.asked.partitions else { return Scope::None };
        if scope.all {
            return Scope::All;
        }
        let found = scope.keys.iter().filter_map(|it| {
            let topic = image.topic_by_name(&it.topic)?;
            let index = PartitionIndex(it.partition);
            topic.partition(index).map(|_| PartitionId { topic: topic.id, index })
        });
        let found: BTreeSet<PartitionId> = found.collect();
        if found.is_empty() { Scope::None } else { Scope::Some(found) }
    }
}

/// Which minutes another broker asks for, within the bounds of a window.
pub fn minutes_asked(request: v1::MinutesRequest) -> Result<MinutesAsked, WindowError> {
    let v1::MinutesRequest { from_minute: from, until_minute: until, mut groups } = request;
    verify("groups", groups.len(), CURVES_MAX)?;
    // Both ends of a window's minutes may have begun and not ended.
    let span = usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX);
    verify("the span of minutes", span, MINUTES_MAX as usize + 2)?;
    groups.sort_unstable();
    groups.dedup();
    Ok(MinutesAsked { from, until, groups })
}

fn verify_axis(axis: &v1::AxisScope) -> Result<(), WindowError> {
    if !(1..=COLUMNS_MAX).contains(&axis.columns) {
        let columns = axis.columns;
        let words = format!("axis.columns is {columns}; 1 to {COLUMNS_MAX} are accepted");
        return Err(WindowError(words));
    }
    if axis.until_at_ms <= axis.from_at_ms {
        let (from, until) = (axis.from_at_ms, axis.until_at_ms);
        let words = format!("axis ends at {until} ms, which is not after its begin at {from} ms");
        return Err(WindowError(words));
    }
    verify_filter("axis.filter", axis.filter.as_ref())
}

fn verify_filter(what: &str, filter: Option<&EventFilter>) -> Result<(), WindowError> {
    let Some(it) = filter else { return Ok(()) };
    let longest = it.topics.len().max(it.brokers.len()).max(it.kinds.len());
    verify(&format!("a list of {what}"), longest, FILTER_MAX)
}

fn verify(what: &str, found: usize, max: usize) -> Result<(), WindowError> {
    if found <= max {
        return Ok(());
    }
    Err(WindowError(format!("{what} is or has {found}; at most {max} are accepted")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_of_other_brokers_are_bounded_as_those_of_windows() {
        let ask = |from_minute, until_minute, groups: Vec<String>| {
            minutes_asked(v1::MinutesRequest { from_minute, until_minute, groups })
        };
        let twice = vec!["b".to_owned(), "a".to_owned(), "b".to_owned()];
        assert_eq!(ask(5, 9, twice).unwrap().groups, ["a", "b"]);
        let span = ask(0, u32::MAX, Vec::new()).unwrap_err().to_string();
        assert!(span.contains("the span of minutes is or has 4294967295"), "{span}");
        let groups = ask(0, 1, vec![String::new(); CURVES_MAX + 1]).unwrap_err().to_string();
        assert!(groups.contains("at most 200 are accepted"), "{groups}");
    }

    fn refused(asked: v1::Window) -> String {
        Window::new(asked, None).unwrap_err().to_string()
    }

    #[test]
    fn what_is_too_much_is_refused_with_what_is_accepted() {
        let axis = |from_at_ms, until_at_ms, columns| {
            let axis = v1::AxisScope { from_at_ms, until_at_ms, columns, filter: None };
            v1::Window { axis: Some(axis), ..v1::Window::default() }
        };
        assert_eq!(refused(axis(0, 1, 0)), "axis.columns is 0; 1 to 512 are accepted");
        assert_eq!(refused(axis(0, 1, 513)), "axis.columns is 513; 1 to 512 are accepted");
        assert!(refused(axis(5, 5, 10)).contains("not after its begin"));
        assert!(Window::new(axis(5, 6, 512), None).is_ok());
        let keys = |count| {
            let scope =
                v1::PartitionScope { all: false, keys: vec![v1::PartitionKey::default(); count] };
            v1::Window { partitions: Some(scope), ..v1::Window::default() }
        };
        let words = "partitions.keys is or has 2001; at most 2000 are accepted";
        assert_eq!(refused(keys(2_001)), words);
        assert!(Window::new(keys(2_000), None).is_ok());
        let many = v1::Window { curve_minutes: u32::MAX, ..v1::Window::default() };
        assert!(refused(many).starts_with("curve_minutes"));
    }

    #[test]
    fn numbers_of_windows_ascend() {
        let number = |number| v1::Window { number, ..v1::Window::default() };
        assert!(Window::new(number(0), None).is_ok());
        assert!(Window::new(number(3), Some(2)).is_ok());
        let refused = Window::new(number(2), Some(2)).unwrap_err();
        assert_eq!(refused.to_string(), "window 2 came after window 2: numbers must ascend");
    }
}
