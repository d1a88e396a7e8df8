//! Records in the order in which they came; the oldest go where there are too many, or too large ones.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Kept;

/// Records that are kept.
const RECORDS_MAX: usize = 5_000;
/// Bytes of their keys, values and headers.
const BYTES_MAX: usize = 16 << 20;

/// A bounded queue of records.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ring {
    records: VecDeque<Arc<Kept>>,
    bytes: usize,
    dropped: u64,
}

impl Ring {
    pub(super) fn push(&mut self, it: Arc<Kept>) {
        self.bytes = self.bytes.saturating_add(it.bytes());
        self.records.push_back(it);
        while self.records.len() > RECORDS_MAX || (self.bytes > BYTES_MAX && self.records.len() > 1)
        {
            let Some(oldest) = self.records.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Kept>> {
        self.records.iter()
    }

    /// Numbers grow from one record to the next.
    pub(super) fn find(&self, sequence: u64) -> Option<&Arc<Kept>> {
        let at = self.records.binary_search_by_key(&sequence, |it| it.sequence).ok()?;
        self.records.get(at)
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn into_records(self) -> impl Iterator<Item = Arc<Kept>> {
        self.records.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use kq_proto::admin::v1::Record;

    use super::*;

    fn filled(count: u64, value_bytes: usize) -> Ring {
        let mut ring = Ring::default();
        for sequence in 0..count {
            let value = Some(vec![b'x'; value_bytes].into());
            let record = Record { value, offset: sequence, ..Record::default() };
            ring.push(Arc::new(Kept::of(record, sequence, false)));
        }
        ring
    }

    #[test]
    fn the_oldest_go_for_the_newest() {
        let ring = filled(5_010, 1);
        assert_eq!((ring.count(), ring.dropped()), (5_000, 10));
        assert_eq!(ring.iter().next().unwrap().sequence, 10);
        assert_eq!(ring.find(10).unwrap().record.offset, 10);
        assert!(ring.find(9).is_none());
    }

    #[test]
    fn large_records_are_few() {
        let ring = filled(2_000, 60_000);
        assert!(ring.bytes <= BYTES_MAX && ring.count() > 200, "{} {}", ring.bytes, ring.count());
    }
}
