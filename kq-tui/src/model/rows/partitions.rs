//! Rows of partitions: a hundred thousand of them and more, so nothing here makes a text unless a word
//! is looked for that may stand in an index.

use super::{Found, age_ms, arrange, by_name};
use crate::facts::{Facts, Health, Partition, PartitionId, Topic};
use crate::model::filter::{Facet, Field, Filter, Word};
use crate::model::{Column, Row, Sort};
use crate::text::whole;

struct Of<'a> {
    facts: &'a Facts,
    id: PartitionId,
    topic: &'a Topic,
    it: &'a Partition,
}

pub(super) fn find(facts: &Facts, filter: &Filter, sort: Sort) -> Found {
    let row = |(id, topic, it)| (Row::Partition(id), Of { facts, id, topic, it });
    let rows = facts.topics.partitions().map(row);
    if sort.column == Column::Name {
        return by_name(rows, filter, sort.descending);
    }
    arrange(rows, filter, |it| it.value(sort.column), sort.descending)
}

impl Of<'_> {
    fn health(&self) -> Health {
        self.it.health(self.topic.min_insync_replicas)
    }

    fn value(&self, column: Column) -> Option<u64> {
        match column {
            Column::State => Some(self.health() as u64),
            Column::Leader => self.it.leader.map(u64::from),
            Column::Preferred => self.it.preferred().map(u64::from),
            Column::Epoch => Some(self.it.leader_epoch.into()),
            Column::Isr => Some(self.it.in_sync.count_ones().into()),
            Column::Behind => self.number(Field::Behind),
            Column::Size => self.number(Field::Size),
            Column::In => self.number(Field::In),
            Column::Since => self.number(Field::For),
            _ => None,
        }
    }
}

impl Facet for Of<'_> {
    fn has(&self, word: &Word) -> bool {
        let name = &self.topic.name;
        word.is_in(name)
            || (word.may_be_index()
                && (word.is_in(&format!("{name}-{}", self.id.index))
                    || word.is_in(&format!("{name}/{}", self.id.index))))
    }

    fn text(&self, field: Field) -> Option<&str> {
        (field == Field::Topic).then_some(&self.topic.name)
    }

    fn number(&self, field: Field) -> Option<u64> {
        match field {
            Field::Partition => Some(self.id.index.into()),
            Field::Behind => {
                self.it.counters?;
                let known = self.it.behind.iter().map(|it| it.records).max().unwrap_or(0);
                self.it.unheard().is_none().then_some(known)
            }
            Field::Size => Some(self.it.counters?.size_bytes),
            Field::In => self.facts.records_in(self.it).map(whole),
            Field::Epoch => Some(self.it.leader_epoch.into()),
            Field::For => age_ms(self.facts, self.it.ill_since_ms(self.topic.min_insync_replicas)),
            _ => None,
        }
    }

    fn bounds(&self, field: Field) -> (Option<u64>, Option<u64>) {
        let most = self.number(field);
        if field != Field::Behind || most.is_some() {
            return (most, most);
        }
        let known = self.it.behind.iter().map(|it| it.records).max();
        (self.it.counters.map(|_| known.unwrap_or(0)), None)
    }

    fn broker(&self, field: Field, id: Option<u32>) -> Option<bool> {
        match field {
            Field::Leader => Some(self.it.leader == id),
            Field::Preferred => Some(self.it.preferred() == id),
            Field::Why => Some(match id {
                Some(id) => self.it.out().any(|it| it == id),
                None => self.it.out().next().is_none(),
            }),
            Field::On => Some(id.is_some_and(|id| self.it.replicas.contains(&id))),
            Field::Isr => Some(match id {
                Some(id) => self.it.isr().any(|it| it == id),
                None => self.it.in_sync == 0,
            }),
            _ => None,
        }
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        let health = self.health();
        Some(match word {
            "offline" => health == Health::Offline,
            "undermin" => health == Health::UnderMin,
            "min" => health == Health::AtMin,
            "urp" => health.is_ill(),
            "moving" => self.it.moving.is_some(),
            "notpref" => self.it.leader.is_some() && self.it.leader != self.it.preferred(),
            "ok" => health == Health::Ok,
            _ => return None,
        })
    }
}
