//! Rows of brokers.

use kq_proto::admin::v1::BrokerState;

use super::{Found, age_ms, arrange, by_name, rate};
use crate::facts::{Broker, Facts};
use crate::model::filter::{Facet, Field, Filter, Word};
use crate::model::{Column, Row, Sort};

struct Of<'a> {
    facts: &'a Facts,
    id: u32,
    it: &'a Broker,
}

pub(super) fn find(facts: &Facts, filter: &Filter, sort: Sort) -> Found {
    let rows = facts.brokers.iter().map(|(id, it)| (Row::Broker(*id), Of { facts, id: *id, it }));
    if sort.column == Column::Name {
        return by_name(rows, filter, sort.descending);
    }
    arrange(rows, filter, |it| it.value(sort.column), sort.descending)
}

impl Of<'_> {
    fn value(&self, column: Column) -> Option<u64> {
        match column {
            // Those that are not well come first.
            Column::State => Some(match self.it.state() {
                BrokerState::Fenced => 0,
                BrokerState::Unspecified => 1,
                BrokerState::ShuttingDown => 2,
                BrokerState::Starting => 3,
                BrokerState::Draining => 4,
                BrokerState::Running => 5,
            }),
            Column::Leaders => self.number(Field::Leads),
            Column::Replicas => self.number(Field::Replicas),
            Column::Urp => self.number(Field::Urp),
            Column::In => self.number(Field::In),
            Column::Out => self.number(Field::Out),
            Column::Disk => self.number(Field::Disk),
            Column::Since => self.number(Field::For),
            Column::P99 => self.it.counters?.produce_p99_us,
            _ => None,
        }
    }
}

impl Facet for Of<'_> {
    fn has(&self, word: &Word) -> bool {
        let told = &self.it.told;
        word.is_in(&format!("b{}", self.id))
            || word.is_in(&told.host)
            || told.rack.as_deref().is_some_and(|it| word.is_in(it))
    }

    fn text(&self, field: Field) -> Option<&str> {
        if field == Field::Rack { self.it.told.rack.as_deref() } else { None }
    }

    fn number(&self, field: Field) -> Option<u64> {
        let tally = self.facts.topics.tally.broker(self.id);
        match field {
            Field::Leads => Some(tally.leads.into()),
            Field::Replicas => Some(tally.replicas.into()),
            Field::Urp => Some(tally.out.into()),
            Field::In => rate(self.facts, &self.it.counters?.bytes_in),
            Field::Out => rate(self.facts, &self.it.counters?.bytes_out),
            Field::Disk => self.it.counters?.disk_percent(),
            Field::For => age_ms(self.facts, self.it.told.since_at_ms),
            _ => None,
        }
    }

    fn broker(&self, field: Field, id: Option<u32>) -> Option<bool> {
        (field == Field::Broker).then_some(id == Some(self.id))
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        let state = self.it.state();
        Some(match word {
            "up" => state == BrokerState::Running,
            "fenced" => state == BrokerState::Fenced,
            "draining" => state == BrokerState::Draining,
            "stopping" => state == BrokerState::ShuttingDown,
            "starting" => state == BrokerState::Starting,
            "cordoned" => self.it.told.cordon.is_some(),
            "silent" => self.it.silent_since_ms.is_some(),
            _ => return None,
        })
    }
}
