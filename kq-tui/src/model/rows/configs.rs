//! Rows of configurations.

use kq_proto::admin::v1::{ConfigEntry, ConfigSource};

use super::{Found, arrange, by_name};
use crate::model::configs::{Configs, differs, is_set, source_word};
use crate::model::filter::{Facet, Field, Filter, Word};
use crate::model::{Column, Row, Sort};

struct Of<'a>(&'a ConfigEntry);

pub(super) fn find(configs: &Configs, filter: &Filter, sort: Sort) -> Found {
    let rows = configs.entries.iter().enumerate().map(|(at, it)| (Row::Config(at), Of(it)));
    if sort.column == Column::Name {
        return by_name(rows, filter, sort.descending);
    }
    arrange(rows, filter, |it| it.value(sort.column), sort.descending)
}

/// The strongest source first.
const fn rank(source: ConfigSource) -> u64 {
    match source {
        ConfigSource::DynamicTopic => 0,
        ConfigSource::DynamicBroker => 1,
        ConfigSource::DynamicCluster => 2,
        ConfigSource::DynamicGroup => 3,
        ConfigSource::DynamicClientMetrics => 4,
        ConfigSource::DynamicBrokerLogger => 5,
        ConfigSource::StaticBroker => 6,
        ConfigSource::Unspecified => 7,
        ConfigSource::Default => 8,
    }
}

impl Of<'_> {
    fn value(&self, column: Column) -> Option<u64> {
        match column {
            Column::Source => Some(rank(self.0.source())),
            Column::Differs => differs(self.0).map(|it| u64::from(!it)),
            _ => None,
        }
    }
}

impl Facet for Of<'_> {
    fn has(&self, word: &Word) -> bool {
        word.is_in(&self.0.key) || self.0.value.as_ref().is_some_and(|it| word.is_in(it))
    }

    fn text(&self, field: Field) -> Option<&str> {
        match field {
            Field::Key => Some(&self.0.key),
            Field::Value => self.0.value.as_deref(),
            Field::Doc => Some(&self.0.doc),
            _ => None,
        }
    }

    fn number(&self, _: Field) -> Option<u64> {
        None
    }

    fn broker(&self, _: Field, _: Option<u32>) -> Option<bool> {
        None
    }

    fn is(&self, field: Field, word: &str) -> Option<bool> {
        let it = self.0;
        if field == Field::Source {
            return Some(source_word(it.source()) == word);
        }
        match word {
            "set" => Some(is_set(it)),
            "differs" => differs(it),
            "fixed" => Some(it.read_only && !it.restart_required),
            "restart" => Some(it.restart_required),
            "secret" => Some(it.sensitive),
            _ => None,
        }
    }
}
