//! The groups of a cluster at one round, and what differs between two rounds.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

/// Rows of a group's partitions that are told.
const PARTITIONS_MAX: usize = 2_000;

/// All groups, as one round found them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupRows {
    rows: BTreeMap<String, Arc<admin::GroupSummary>>,
    missing: Vec<String>,
}

impl GroupRows {
    /// What a round found. While somebody did not answer, what was known before of groups that
    /// nobody told of stays: they may be his.
    pub fn found(
        before: Option<&Self>,
        groups: impl IntoIterator<Item = admin::GroupSummary>,
        missing: Vec<String>,
    ) -> Self {
        let known = |name: &str| before.and_then(|it| it.rows.get(name));
        let mut rows: BTreeMap<String, Arc<admin::GroupSummary>> = BTreeMap::new();
        for group in groups {
            let same = known(&group.group).filter(|it| ***it == group);
            let row = same.map_or_else(|| Arc::new(group.clone()), Arc::clone);
            rows.insert(group.group, row);
        }
        if !missing.is_empty() {
            for (name, row) in before.into_iter().flat_map(|it| &it.rows) {
                rows.entry(name.clone()).or_insert_with(|| Arc::clone(row));
            }
        }
        Self { rows, missing }
    }

    /// Adds to a frame what differs from what was told. The first time it tells whose groups are
    /// missing even if nobody's are, so that none is known from not yet told.
    pub(super) fn tell(&self, told: Option<&Self>, frame: &mut v1::WatchResponse) {
        let is_first = told.is_none();
        let nothing = Self::default();
        let told = told.unwrap_or(&nothing);
        for (name, row) in &self.rows {
            let same = told.rows.get(name).is_some_and(|it| Arc::ptr_eq(it, row) || it == row);
            if !same {
                frame.groups.push(admin::GroupSummary::clone(row));
            }
        }
        let gone = told.rows.keys().filter(|name| !self.rows.contains_key(*name));
        frame.groups_gone.extend(gone.cloned());
        if is_first || told.missing != self.missing {
            frame.groups_missing = Some(v1::GroupsMissing { why: self.missing.clone() });
        }
    }
}

/// Puts the partitions of a group in order, the largest lag first, and leaves out what is too much;
/// of what nobody knows is told last. Tells how many were left out.
pub fn order_partitions(rows: &mut Vec<admin::PartitionLag>) -> u32 {
    rows.sort_by(|a, b| {
        let place = |it: &admin::PartitionLag| std::cmp::Reverse(it.lag);
        place(a)
            .cmp(&place(b))
            .then_with(|| a.topic.cmp(&b.topic))
            .then_with(|| a.partition.cmp(&b.partition))
    });
    let omitted = rows.len().saturating_sub(PARTITIONS_MAX);
    rows.truncate(PARTITIONS_MAX);
    u32::try_from(omitted).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, member_count: u32) -> admin::GroupSummary {
        admin::GroupSummary { group: name.to_owned(), member_count, ..Default::default() }
    }

    fn told(from: Option<&GroupRows>, to: &GroupRows) -> (Vec<String>, Vec<String>) {
        let mut frame = v1::WatchResponse::default();
        to.tell(from, &mut frame);
        (frame.groups.into_iter().map(|it| it.group).collect(), frame.groups_gone)
    }

    #[test]
    fn only_rows_that_differ_are_told() {
        let first = GroupRows::found(None, [group("a", 1), group("b", 1)], Vec::new());
        assert_eq!(told(None, &first).0, ["a", "b"]);
        let next = GroupRows::found(Some(&first), [group("a", 1), group("c", 1)], Vec::new());
        assert_eq!(told(Some(&first), &next), (vec!["c".to_owned()], vec!["b".to_owned()]));
        assert_eq!(told(Some(&next), &next.clone()), (Vec::new(), Vec::new()));
    }

    #[test]
    fn that_there_are_none_is_told_once() {
        let none = GroupRows::default();
        let mut frame = v1::WatchResponse::default();
        none.tell(None, &mut frame);
        assert_eq!(frame.groups_missing, Some(v1::GroupsMissing::default()));
        let mut frame = v1::WatchResponse::default();
        none.tell(Some(&none), &mut frame);
        assert_eq!(frame, v1::WatchResponse::default());
    }

    #[test]
    fn groups_of_a_silent_coordinator_stay_and_are_said_to_be_old() {
        let first = GroupRows::found(None, [group("a", 1), group("b", 1)], Vec::new());
        let silent = vec!["broker 2: it did not answer".to_owned()];
        let next = GroupRows::found(Some(&first), [group("a", 1)], silent.clone());
        let mut frame = v1::WatchResponse::default();
        next.tell(Some(&first), &mut frame);
        assert!(frame.groups.is_empty() && frame.groups_gone.is_empty());
        assert_eq!(frame.groups_missing, Some(v1::GroupsMissing { why: silent }));
        let back = GroupRows::found(Some(&next), [group("a", 1)], Vec::new());
        let mut frame = v1::WatchResponse::default();
        back.tell(Some(&next), &mut frame);
        assert_eq!(frame.groups_gone, ["b"]);
        assert_eq!(frame.groups_missing, Some(v1::GroupsMissing::default()));
    }

    #[test]
    fn the_largest_lag_comes_first_and_what_is_unknown_last() {
        let row = |partition, lag| admin::PartitionLag { partition, lag, ..Default::default() };
        let mut rows = vec![row(0, None), row(1, Some(5)), row(2, Some(9)), row(3, Some(5))];
        assert_eq!(order_partitions(&mut rows), 0);
        assert_eq!(rows.iter().map(|it| it.partition).collect::<Vec<_>>(), [2, 1, 3, 0]);
        let mut many = vec![row(0, Some(1)); 2_007];
        assert_eq!((order_partitions(&mut many), many.len()), (7, 2_000));
    }
}
