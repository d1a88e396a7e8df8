//! Rows of events, plans and the quorum.

use kq_proto::admin::v1::{Event, PlanStatus, QuorumMember, QuorumRole};
use kq_proto::monitor::v1::EventRow;

use super::{Found, arrange, by_name};
use crate::facts::Facts;
use crate::model::filter::{Facet, Field, Filter, Word};
use crate::model::{Column, Row, Sort};

struct OfEvent<'a> {
    row: &'a EventRow,
    it: &'a Event,
}

/// In the order of time, as they were told.
pub(super) fn events(facts: &Facts, filter: &Filter) -> Found {
    let Some(page) = &facts.events else { return Found::default() };
    let rows = page.rows.iter().enumerate();
    let rows = rows
        .filter_map(|(at, row)| Some((Row::Event(at), OfEvent { row, it: row.event.as_ref()? })));
    by_name(rows, filter, false)
}

/// The topic that an event happened to, or to a partition of which it happened.
pub(in crate::model) fn topic_of(event: &Event) -> Option<&str> {
    let subject = event.subject.strip_prefix("topic ").unwrap_or(&event.subject);
    if let Some((topic, index)) = subject.rsplit_once('/') {
        return index.parse::<u32>().ok().map(|_| topic);
    }
    (!subject.contains(' ')).then_some(subject).filter(|it| !it.is_empty())
}

/// The broker that an event happened to.
pub(in crate::model) fn broker_of(event: &Event) -> Option<u32> {
    event.subject.strip_prefix("broker ")?.parse().ok()
}

/// The kind of an event, as a filter and kq-ctl name it.
pub(in crate::model) fn kind_of(event: &Event) -> String {
    let name = event.kind().as_str_name();
    name.strip_prefix("EVENT_KIND_").unwrap_or(name).to_ascii_lowercase()
}

impl Facet for OfEvent<'_> {
    fn has(&self, word: &Word) -> bool {
        let texts = [&self.it.subject, &self.it.message, &self.it.reason];
        texts.into_iter().any(|it| word.is_in(it)) || word.is_in(&kind_of(self.it))
    }

    fn text(&self, field: Field) -> Option<&str> {
        match field {
            // An event that is of no topic is of none.
            Field::Topic => Some(topic_of(self.it).unwrap_or_default()),
            Field::Reason => Some(&self.it.reason),
            _ => None,
        }
    }

    fn number(&self, field: Field) -> Option<u64> {
        (field == Field::Count).then_some(self.row.count.into())
    }

    fn broker(&self, _: Field, id: Option<u32>) -> Option<bool> {
        Some(broker_of(self.it) == id)
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        Some(kind_of(self.it) == word)
    }
}

struct OfPlan<'a>(&'a PlanStatus);

pub(super) fn plans(facts: &Facts, filter: &Filter, sort: Sort) -> Found {
    let mut rows: Vec<(usize, &PlanStatus)> = facts.plans.iter().enumerate().collect();
    rows.sort_by(|a, b| a.1.id.cmp(&b.1.id));
    let rows = rows.into_iter().map(|(at, it)| (Row::Plan(at), OfPlan(it)));
    if sort.column == Column::Name {
        return by_name(rows, filter, sort.descending);
    }
    arrange(rows, filter, |it| it.value(sort.column), sort.descending)
}

impl OfPlan<'_> {
    fn value(&self, column: Column) -> Option<u64> {
        let it = self.0;
        match column {
            Column::At => u64::try_from(it.started_at_ms).ok(),
            Column::State => Some(match it.state.as_str() {
                "running" => 0,
                "cancelling" => 1,
                "paused" => 2,
                _ => 3,
            }),
            Column::Progress => {
                let done = it.bytes.saturating_sub(it.bytes_left?);
                done.saturating_mul(10_000).checked_div(it.bytes)
            }
            Column::Left => it.bytes_left,
            Column::Eta => it.eta_ms,
            _ => None,
        }
    }
}

impl Facet for OfPlan<'_> {
    fn has(&self, word: &Word) -> bool {
        [&self.0.id, &self.0.verb, &self.0.reason].into_iter().any(|it| word.is_in(it))
    }

    fn text(&self, field: Field) -> Option<&str> {
        match field {
            Field::Id => Some(&self.0.id),
            Field::Verb => Some(&self.0.verb),
            _ => None,
        }
    }

    fn number(&self, _: Field) -> Option<u64> {
        None
    }

    fn broker(&self, _: Field, _: Option<u32>) -> Option<bool> {
        None
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        Some(self.0.state == word)
    }
}

struct OfVoter<'a>(&'a QuorumMember);

pub(super) fn quorum(facts: &Facts, filter: &Filter, sort: Sort) -> Found {
    let Some(quorum) = &facts.quorum else { return Found::default() };
    let mut rows: Vec<&QuorumMember> = quorum.members.iter().collect();
    rows.sort_by_key(|it| it.broker);
    let rows = rows.into_iter().map(|it| (Row::Voter(it.broker), OfVoter(it)));
    if sort.column == Column::Name {
        return by_name(rows, filter, sort.descending);
    }
    arrange(rows, filter, |it| it.value(sort.column), sort.descending)
}

impl OfVoter<'_> {
    fn value(&self, column: Column) -> Option<u64> {
        match column {
            Column::Role => Some(match self.0.role() {
                QuorumRole::Leader => 0,
                QuorumRole::Voter => 1,
                QuorumRole::Learner => 2,
                QuorumRole::Unspecified => 3,
            }),
            Column::End => self.0.end_index,
            Column::Lag => self.0.lag,
            _ => None,
        }
    }
}

impl Facet for OfVoter<'_> {
    fn has(&self, word: &Word) -> bool {
        word.is_in(&format!("b{}", self.0.broker))
    }

    fn text(&self, _: Field) -> Option<&str> {
        None
    }

    fn number(&self, field: Field) -> Option<u64> {
        if field == Field::Lag { self.0.lag } else { None }
    }

    fn broker(&self, _: Field, id: Option<u32>) -> Option<bool> {
        Some(id == Some(self.0.broker))
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        Some(match word {
            "leader" => self.0.role() == QuorumRole::Leader,
            "voter" => self.0.role() == QuorumRole::Voter,
            "learner" => self.0.role() == QuorumRole::Learner,
            _ => return None,
        })
    }
}
