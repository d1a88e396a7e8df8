//! Where logs begin and end, and where positions are in them, as the leaders tell.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::v1::{self, offset_spec::Named, offset_spec::Spec};

use crate::grpc::Admin;
use crate::grpc::passing::Asker;

/// Partitions by topic; never empty.
pub(super) type Partitions = BTreeMap<String, BTreeSet<u32>>;

/// One position in many partitions.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions {
    pub(super) found: BTreeMap<(String, u32), v1::PartitionOffset>,
    /// By item; no leader told of these.
    pub(super) errors: BTreeMap<String, v1::ItemError>,
}

/// Between which offsets a partition can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    /// The high watermark.
    pub(super) end: u64,
    pub(super) last_stable: Option<u64>,
}

/// The spans of many partitions.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans {
    pub(super) found: BTreeMap<(String, u32), Span>,
    pub(super) errors: BTreeMap<String, v1::ItemError>,
}

pub(super) fn named(named: Named) -> v1::OffsetSpec {
    v1::OffsetSpec { spec: Some(Spec::Named(named.into())) }
}

/// A partition as an error names it.
pub(super) fn item_of((topic, index): &(String, u32)) -> String {
    format!("{topic}/{index}")
}

/// Partitions without their topics, in order.
pub(super) fn each(of: &Partitions) -> impl Iterator<Item = (String, u32)> {
    of.iter().flat_map(|(topic, indexes)| indexes.iter().map(|it| (topic.clone(), *it)))
}

/// Partitions by their topics.
pub(super) fn by_topic(of: impl IntoIterator<Item = (String, u32)>) -> Partitions {
    let mut partitions = Partitions::new();
    for (topic, index) in of {
        partitions.entry(topic).or_default().insert(index);
    }
    partitions
}

impl Admin {
    /// Where one position is in partitions, each as its leader has it.
    pub(super) async fn positions(&self, of: &Partitions, at: v1::OffsetSpec) -> Positions {
        let queries = of.iter().map(|(topic, indexes)| v1::OffsetQuery {
            topic: topic.clone(),
            partitions: indexes.iter().copied().collect(),
            at: Some(at),
        });
        let request = v1::ListOffsetsRequest { queries: queries.collect() };
        // Who asked may be a broker that is no leader either: these look-ups are this broker's own.
        let answer = self.find_offsets(request, Asker::Client).await;
        let key = |it: v1::PartitionOffset| ((it.topic.clone(), it.partition), it);
        Positions {
            found: answer.offsets.into_iter().map(key).collect(),
            errors: answer.errors.into_iter().map(|it| (it.item.clone(), it)).collect(),
        }
    }

    /// Where partitions begin and end.
    pub(super) async fn spans(&self, of: &Partitions) -> Spans {
        let (starts, stables, ends) = tokio::join!(
            self.positions(of, named(Named::Earliest)),
            self.positions(of, named(Named::LastStable)),
            self.positions(of, named(Named::Latest)),
        );
        let span = |(key, end): (&(String, u32), &v1::PartitionOffset)| {
            let start = starts.found.get(key)?.offset?;
            let last_stable = stables.found.get(key).and_then(|it| it.offset);
            // The start was asked for first; retention may have gone on since.
            Some((key.clone(), Span { start, end: end.offset?.max(start), last_stable }))
        };
        let found = ends.found.iter().filter_map(span).collect();
        let mut errors = starts.errors;
        errors.extend(ends.errors);
        Spans { found, errors }
    }
}
