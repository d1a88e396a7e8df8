//! Rows of groups, and of the members and partitions of one.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::v1::catch_up::When;
use kq_proto::admin::v1::{CatchUp, GroupState, GroupSummary, LagClass, PartitionLag};
use kq_proto::monitor::v1;

use super::{Found, arrange, by_name};
use crate::facts::Facts;
use crate::model::filter::{Facet, Field, Filter, Word};
use crate::model::words::records_known;
use crate::model::{Column, Row, RowKey, Sort};
use crate::text::whole;

struct Of<'a> {
    name: &'a str,
    it: &'a GroupSummary,
}

pub(super) fn find(facts: &Facts, filter: &Filter, sort: Sort) -> Found {
    let row = |(name, it)| (Row::Group(String::as_str(name).into()), Of { name, it });
    let rows = facts.groups.iter().map(row);
    if sort.column == Column::Name {
        return by_name(rows, filter, sort.descending);
    }
    arrange(rows, filter, |it| it.value(sort.column), sort.descending)
}

/// How much a class wants to be seen, the most first.
const fn rank(class: LagClass) -> u64 {
    match class {
        LagClass::Lagging => 0,
        LagClass::Stalled => 1,
        LagClass::Stopped => 2,
        LagClass::Rewound => 3,
        LagClass::Leaderless => 4,
        LagClass::Partial => 5,
        LagClass::NoCommits => 6,
        LagClass::Unknown => 7,
        LagClass::Draining => 8,
        LagClass::New => 9,
        LagClass::Ok => 10,
        LagClass::Unspecified => 11,
    }
}

/// By class, and within one the oldest first.
fn class_value(class: LagClass, age_ms: Option<u64>) -> u64 {
    const BITS: u32 = 48;
    let newest = (1_u64 << BITS) - 1;
    (rank(class) << BITS) | (newest - age_ms.unwrap_or(0).min(newest))
}

/// Never is later than any time.
fn catch_up_value(it: Option<&CatchUp>) -> Option<u64> {
    match it?.when? {
        When::InMs(ms) => Some(ms),
        When::Never(true) => Some(u64::MAX - 1),
        When::Never(false) => None,
    }
}

fn is_class(class: LagClass, word: &str) -> Option<bool> {
    Some(match word {
        "ok" => class == LagClass::Ok,
        "new" => class == LagClass::New,
        "draining" => class == LagClass::Draining,
        "nocommits" => class == LagClass::NoCommits,
        "rewound" => class == LagClass::Rewound,
        "falling" => class == LagClass::Lagging,
        "stalled" => class == LagClass::Stalled,
        "stopped" => class == LagClass::Stopped,
        "leaderless" => class == LagClass::Leaderless,
        "partial" => class == LagClass::Partial,
        "unknown" => matches!(class, LagClass::Unknown | LagClass::Unspecified),
        "ill" => rank(class) <= rank(LagClass::NoCommits),
        _ => return None,
    })
}

impl Of<'_> {
    fn value(&self, column: Column) -> Option<u64> {
        let lag = || self.it.lag.as_ref();
        match column {
            Column::Class => Some(class_value(lag()?.class(), lag()?.time_lag_ms)),
            // What is known in part is not known: it comes last.
            Column::Records => records_known(lag()?).1,
            Column::Behind => lag()?.time_lag_ms,
            Column::In => lag()?.produced_per_second.map(whole),
            Column::Consumed => lag()?.consumed_per_second.map(whole),
            Column::CatchUp => catch_up_value(lag()?.catch_up.as_ref()),
            Column::Members => Some(self.it.member_count.into()),
            _ => None,
        }
    }
}

impl Facet for Of<'_> {
    fn has(&self, word: &Word) -> bool {
        word.is_in(self.name)
    }

    fn text(&self, field: Field) -> Option<&str> {
        match field {
            Field::Group => Some(self.name),
            Field::Topic => Some(&self.it.lag.as_ref()?.slowest.as_ref()?.topic),
            _ => None,
        }
    }

    fn number(&self, field: Field) -> Option<u64> {
        match field {
            Field::Lag => records_known(self.it.lag.as_ref()?).1,
            Field::Age => self.it.lag.as_ref()?.time_lag_ms,
            Field::Members => Some(self.it.member_count.into()),
            _ => None,
        }
    }

    fn bounds(&self, field: Field) -> (Option<u64>, Option<u64>) {
        match (field, &self.it.lag) {
            (Field::Lag, Some(lag)) => {
                let (least, most) = records_known(lag);
                (Some(least), most)
            }
            _ => (self.number(field), self.number(field)),
        }
    }

    fn broker(&self, field: Field, id: Option<u32>) -> Option<bool> {
        (field == Field::Broker).then_some(id == Some(self.it.coordinator))
    }

    fn is(&self, field: Field, word: &str) -> Option<bool> {
        if field == Field::Class {
            return is_class(self.it.lag.as_ref()?.class(), word);
        }
        Some(match word {
            "empty" => self.it.state() == GroupState::Empty,
            "stable" => self.it.state() == GroupState::Stable,
            "rebalancing" => matches!(
                self.it.state(),
                GroupState::PreparingRebalance
                    | GroupState::CompletingRebalance
                    | GroupState::Assigning
                    | GroupState::Reconciling
            ),
            _ => return None,
        })
    }
}

/// A partition that a group reads, with where its owner runs.
struct Owned<'a> {
    it: &'a PartitionLag,
}

impl Owned<'_> {
    fn value(&self, column: Column) -> Option<u64> {
        match column {
            Column::Lag => self.it.lag,
            Column::Behind => self.it.time_lag_ms,
            Column::Consumed => self.it.consumed_per_second.map(whole),
            Column::CatchUp => catch_up_value(self.it.catch_up.as_ref()),
            _ => None,
        }
    }
}

impl Facet for Owned<'_> {
    fn has(&self, word: &Word) -> bool {
        let owner = self.it.member.iter().chain(&self.it.instance).chain(&self.it.host);
        word.is_in(&format!("{}-{}", self.it.topic, self.it.partition))
            || owner.into_iter().any(|it| word.is_in(it))
    }

    fn text(&self, field: Field) -> Option<&str> {
        match field {
            Field::Topic => Some(&self.it.topic),
            Field::Member => self.it.member.as_deref(),
            Field::Host => self.it.host.as_deref(),
            _ => None,
        }
    }

    fn number(&self, field: Field) -> Option<u64> {
        match field {
            Field::Lag => self.it.lag,
            Field::Age => self.it.time_lag_ms,
            _ => None,
        }
    }

    fn bounds(&self, field: Field) -> (Option<u64>, Option<u64>) {
        let it = self.number(field);
        let is_bound = field == Field::Lag && self.it.lag_is_bound;
        (it.map(|it| if is_bound { 0 } else { it }), it)
    }

    fn broker(&self, _: Field, _: Option<u32>) -> Option<bool> {
        None
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        is_class(self.it.class(), word)
    }
}

/// Members with their partitions below them, those with most to read first unless sorted otherwise;
/// partitions that nobody owns come last. A member without any partition that is shown is shown only
/// if nothing is filtered.
pub(super) fn members(
    group: Option<&v1::GroupState>,
    filter: &Filter,
    sort: Sort,
    folded: &BTreeSet<RowKey>,
) -> Found {
    let Some(group) = group else { return Found::default() };
    let owned = |(at, it)| (Row::Owned(at), Owned { it });
    let rows = group.partitions.iter().enumerate().map(owned);
    let sorted = match sort.column {
        Column::Name => by_name(rows, filter, sort.descending),
        column => arrange(rows, filter, |it| it.value(column), sort.descending),
    };
    let mut by_member = BTreeMap::<&str, (Vec<Row>, Option<u64>)>::new();
    for row in sorted.rows {
        let Row::Owned(at) = row else { continue };
        let Some(it) = group.partitions.get(at) else { continue };
        let member = it.member.as_deref().unwrap_or_default();
        let own = by_member.entry(member).or_insert_with(|| (Vec::new(), Some(0)));
        own.0.push(row);
        own.1 = own.1.zip(it.lag).map(|(sum, lag)| sum.saturating_add(lag));
    }
    let mut heads: Vec<(Row, RowKey, Vec<Row>, Option<u64>)> = Vec::new();
    for (at, member) in group.members.iter().enumerate() {
        let own = by_member.remove(member.member.as_str());
        if own.is_none() && !filter.is_empty() {
            continue;
        }
        let (rows, lag) = own.unwrap_or((Vec::new(), Some(0)));
        heads.push((Row::Member(at), RowKey::Member(member.member.clone()), rows, lag));
    }
    if sort.column == Column::Name {
        if sort.descending {
            heads.reverse();
        }
    } else {
        // A member of whose lag a part is not known comes last either way.
        heads.sort_by_key(|it| {
            let it = it.3.map(|it| if sort.descending { u64::MAX - it } else { it });
            (it.is_none(), it)
        });
    }
    // Nobody's, and those of members that are not told.
    let nobodys: Vec<Row> = by_member.into_values().flat_map(|(rows, _)| rows).collect();
    let mut total = group.members.len() + sorted.total;
    if !nobodys.is_empty() {
        heads.push((Row::Nobody, RowKey::Nobody, nobodys, None));
        total += 1;
    }
    let mut found = Found { rows: Vec::new(), total };
    for (head, key, rows, _) in heads {
        found.rows.push(head);
        if !folded.contains(&key) {
            found.rows.extend(rows);
        }
    }
    found
}
