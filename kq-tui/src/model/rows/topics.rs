//! Rows of topics.

use super::{Found, arrange, by_name};
use crate::facts::{Facts, Health, Tally, Topic};
use crate::model::filter::{Facet, Field, Filter, Word};
use crate::model::{Column, Row, Sort};
use crate::text::whole;

struct Of<'a> {
    facts: &'a Facts,
    it: &'a Topic,
}

pub(super) fn find(facts: &Facts, filter: &Filter, sort: Sort) -> Found {
    let rows = facts.topics.iter().map(|it| (Row::Topic(it.number), Of { facts, it }));
    if sort.column == Column::Name {
        return by_name(rows, filter, sort.descending);
    }
    arrange(rows, filter, |it| it.value(sort.column), sort.descending)
}

/// The place of the worst state among all states.
fn worst(tally: &Tally) -> u64 {
    let place = Health::ALL.iter().position(|it| tally.of(*it) > 0);
    place.and_then(|it| u64::try_from(it).ok()).unwrap_or(u64::MAX)
}

impl Of<'_> {
    /// Of the partitions whose leaders told.
    fn known(&self, field: Field) -> Option<u64> {
        let it = self.it.counters?;
        match field {
            Field::Size => Some(it.size_bytes),
            Field::In => self.facts.seldom_told(&it.bytes_in).map(whole),
            Field::Out => self.facts.seldom_told(&it.bytes_out).map(whole),
            _ => None,
        }
    }

    fn value(&self, column: Column) -> Option<u64> {
        match column {
            Column::State => Some(worst(&self.it.tally)),
            Column::Partitions => self.number(Field::Partitions),
            Column::Urp => self.number(Field::Urp),
            Column::Offline => Some(self.it.tally.of(Health::Offline).into()),
            Column::In => self.number(Field::In),
            Column::Out => self.number(Field::Out),
            Column::Size => self.number(Field::Size),
            _ => None,
        }
    }
}

impl Facet for Of<'_> {
    fn has(&self, word: &Word) -> bool {
        word.is_in(&self.it.name)
    }

    fn text(&self, field: Field) -> Option<&str> {
        (field == Field::Topic).then_some(&self.it.name)
    }

    fn number(&self, field: Field) -> Option<u64> {
        match field {
            Field::Partitions => Some(self.it.tally.partitions.into()),
            Field::Urp => Some(self.it.tally.ill().into()),
            // What is known in part is not known: it comes last.
            Field::Size | Field::In | Field::Out => self.bounds(field).1,
            _ => None,
        }
    }

    fn bounds(&self, field: Field) -> (Option<u64>, Option<u64>) {
        if !matches!(field, Field::Size | Field::In | Field::Out) {
            return (self.number(field), self.number(field));
        }
        let least = self.known(field);
        let is_all = self.it.counters.is_some_and(|it| it.unknown_count == 0);
        (least, least.filter(|_| is_all))
    }

    fn broker(&self, field: Field, id: Option<u32>) -> Option<bool> {
        let of = self.it.tally.broker(id?);
        match field {
            Field::Why => Some(of.out > 0),
            Field::On => Some(of.replicas > 0),
            _ => None,
        }
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        let tally = &self.it.tally;
        Some(match word {
            "offline" => tally.of(Health::Offline) > 0,
            "undermin" => tally.of(Health::UnderMin) > 0,
            "min" => tally.of(Health::AtMin) > 0,
            "urp" => tally.ill() > 0,
            "moving" => self.it.partitions.iter().any(|it| it.moving.is_some()),
            "notpref" => tally.not_preferred > 0,
            "ok" => tally.of(Health::Ok) == tally.partitions,
            _ => return None,
        })
    }
}
