//! What an unclean election loses, as far as replicas tell: for every verb that makes one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::exit::Failure;

/// Records that vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// So many, and no more.
    Records(u64),
    /// So many that are known of, and nobody knows how many more.
    Unknown,
}

/// What the replicas of partitions tell.
pub(crate) async fn describe(
    partitions: Vec<v1::PartitionRef>,
    cluster: &dyn Cluster,
) -> Result<v1::DescribePartitionsResponse, Failure> {
    cluster.describe_partitions(v1::DescribePartitionsRequest { partitions, history_max: 1 }).await
}

/// What would vanish.
#[derive(Debug, Clone)]
pub(crate) struct Estimate {
    pub(crate) loss: Loss,
    /// Records that are known of.
    pub(crate) known: u64,
    pub(crate) words: String,
}

/// What would vanish of each partition, by its name.
pub(crate) type Losses = BTreeMap<String, Estimate>;

impl Estimate {
    /// The loss of one partition as a line.
    pub(crate) fn note(&self, name: &str, from: u32) -> String {
        format!("{name} from broker {from}: {} vanish", self.words)
    }

    /// Where not even the new leader tells how far it is.
    pub(crate) fn uncounted(from: u32) -> Self {
        let words = format!("records that nobody can count, for broker {from} tells no log end,");
        Self { loss: Loss::Unknown, known: 0, words }
    }
}

/// From what the replicas told. One that held everything committed and is silent may hold more.
pub(crate) fn estimate(
    detail: &v1::PartitionDetail,
    from: u32,
    name: &str,
) -> Result<Estimate, Failure> {
    let Some(chosen) = detail.replicas.iter().find(|it| it.broker == from) else {
        let replicas: Vec<String> =
            detail.replicas.iter().map(|it| it.broker.to_string()).collect();
        return Err(Failure::new(
            "kafka.INVALID_REPLICA_ASSIGNMENT",
            format!("broker {from} is no replica of {name}"),
        )
        .about(name)
        .hint(format!("--from one of: {}", replicas.join(", "))));
    };
    let Some(end) = chosen.log_end_offset else {
        return Err(Failure::new(
            "kafka.ELIGIBLE_LEADERS_NOT_AVAILABLE",
            format!("broker {from} does not answer, so it cannot lead {name}"),
        )
        .about(name)
        .hint(format!("start broker {from}, then kq-ctl broker wait {from} --for alive")));
    };
    let partition = detail.row.as_ref().and_then(|it| it.partition.as_ref());
    if partition.is_some_and(|it| it.isr.contains(&from) || it.elr.contains(&from)) {
        // Whoever is in ISR or ELR holds all that was committed.
        let words = "0 records".to_owned();
        return Ok(Estimate { loss: Loss::Records(0), known: 0, words });
    }
    let furthest = detail.replicas.iter().filter_map(|it| it.log_end_offset).max().unwrap_or(end);
    let known = furthest.saturating_sub(end);
    let silent: Vec<String> = detail
        .replicas
        .iter()
        .filter(|it| it.log_end_offset.is_none())
        .map(|it| it.broker.to_string())
        .collect();
    let nobody_holds_all = partition.is_some_and(holds_nothing);
    if silent.is_empty() && !nobody_holds_all {
        let range =
            if known > 0 { format!(", offsets {end} to {}", furthest - 1) } else { String::new() };
        return Ok(Estimate {
            loss: Loss::Records(known),
            known,
            words: format!("{known} records{range}"),
        });
    }
    let mut words = format!("at least {known} records, and all above offset {end} that");
    if !silent.is_empty() {
        let _ = write!(words, " only broker {} may hold", silent.join(", "));
    }
    if nobody_holds_all {
        let or = if silent.is_empty() { "" } else { ", or that" };
        let _ = write!(words, "{or} the last replica in sync held, whose log is gone");
    }
    Ok(Estimate { loss: Loss::Unknown, known, words })
}

/// Whether the last that was in sync came back without its log: what it held alone is not counted
/// by anybody, whatever the others tell.
fn holds_nothing(it: &v1::PartitionDescription) -> bool {
    it.isr.is_empty() && it.elr.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(ends: &[(u32, Option<u64>)]) -> v1::PartitionDetail {
        let replica = |(broker, end): &(u32, Option<u64>)| v1::Replica {
            broker: *broker,
            log_end_offset: *end,
            ..v1::Replica::default()
        };
        v1::PartitionDetail {
            replicas: ends.iter().map(replica).collect(),
            ..v1::PartitionDetail::default()
        }
    }

    #[test]
    fn what_vanishes_is_counted_where_every_replica_tells() {
        let all = detail(&[(1, Some(90)), (2, Some(50))]);
        let it = estimate(&all, 2, "orders/0").unwrap();
        assert_eq!(
            (it.loss, it.words.as_str()),
            (Loss::Records(40), "40 records, offsets 50 to 89")
        );
        let it = estimate(&all, 1, "orders/0").unwrap();
        assert_eq!((it.loss, it.words.as_str()), (Loss::Records(0), "0 records"));
    }

    #[test]
    fn a_silent_replica_makes_the_loss_unknown() {
        let it =
            estimate(&detail(&[(1, None), (2, Some(50)), (3, Some(60))]), 2, "orders/0").unwrap();
        assert_eq!(it.loss, Loss::Unknown);
        let words = "at least 10 records, and all above offset 50 that only broker 1 may hold";
        assert_eq!(it.words, words);
        assert!(estimate(&detail(&[(1, None)]), 1, "orders/0").is_err());
        assert!(estimate(&detail(&[(1, None)]), 9, "orders/0").is_err());
    }

    #[test]
    fn whoever_held_all_that_is_committed_loses_nothing() {
        let of = |it| v1::PartitionDetail {
            row: Some(v1::PartitionRow { partition: Some(it), ..v1::PartitionRow::default() }),
            ..detail(&[(1, None), (2, Some(50))])
        };
        let isr = v1::PartitionDescription { isr: vec![1], elr: vec![2], ..Default::default() };
        let it = estimate(&of(isr), 2, "orders/0").unwrap();
        assert_eq!((it.loss, it.words.as_str()), (Loss::Records(0), "0 records"));
    }

    #[test]
    fn a_last_replica_without_its_log_makes_the_loss_unknown() {
        let gone = |ends| v1::PartitionDetail {
            row: Some(v1::PartitionRow {
                partition: Some(v1::PartitionDescription::default()),
                ..v1::PartitionRow::default()
            }),
            ..detail(ends)
        };
        let it = estimate(&gone(&[(3, Some(0)), (4, Some(100))]), 4, "orders/0").unwrap();
        assert_eq!(it.loss, Loss::Unknown);
        let words = "at least 0 records, and all above offset 100 that the last replica in sync held, \
             whose log is gone";
        assert_eq!(it.words, words);
        let it = estimate(&gone(&[(3, Some(0)), (4, None)]), 3, "orders/0").unwrap();
        assert!(it.words.contains("only broker 4 may hold, or that the last"), "{}", it.words);
    }
}
