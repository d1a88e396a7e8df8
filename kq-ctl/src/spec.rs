//! What is typed behind flags and as arguments: times, records, pairs, partitions.

pub(crate) mod iso_duration;
pub(crate) mod offset_file;

pub(crate) use kq_proto::client::typed::{Position, Target, instant};

use kq_proto::admin::v1::RecordRef;

use crate::cli::duration;
use crate::exit::Failure;

/// An instant, or how long ago: `2h`.
pub(crate) fn since(text: &str, now_ms: i64) -> Result<i64, String> {
    if let Ok(ago) = duration(text) {
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        return Ok(now_ms.saturating_sub(ago));
    }
    instant(text).map_err(|why| format!("{why}, or how long ago: 2h"))
}

/// `T/P@OFF`: one record.
pub(crate) fn record_ref(text: &str) -> Result<RecordRef, String> {
    let accepted = || format!("'{text}' names no record: write TOPIC/PARTITION@OFFSET");
    let (place, offset) = text.rsplit_once('@').ok_or_else(accepted)?;
    let (topic, partition) = place.rsplit_once('/').ok_or_else(accepted)?;
    if topic.is_empty() {
        return Err(accepted());
    }
    Ok(RecordRef {
        topic: topic.to_owned(),
        partition: partition.parse().map_err(|_| accepted())?,
        offset: offset.parse().map_err(|_| accepted())?,
    })
}

/// `k=v`, with anything in the value.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err(format!("'{text}' is no pair: write KEY=VALUE")),
    }
}

/// A partition's list for `T[:P,P]`.
pub(crate) fn topic_partitions(text: &str) -> Result<(String, Vec<u32>), Failure> {
    let Some((topic, list)) = text.rsplit_once(':') else {
        return Ok((text.to_owned(), Vec::new()));
    };
    let partitions: Result<Vec<u32>, _> = list.split(',').map(|part| part.trim().parse()).collect();
    let partitions = partitions.map_err(|_| {
        Failure::usage(format!("'{text}' names no partitions: write TOPIC or TOPIC:0,3"))
    })?;
    Ok((topic.to_owned(), partitions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_by_topic_partition_and_offset() {
        let record = record_ref("a/b/3@42").unwrap();
        assert_eq!((record.topic.as_str(), record.partition, record.offset), ("a/b", 3, 42));
        for text in ["orders", "orders/1", "orders@1", "/1@1", "orders/x@1", "orders/1@-1"] {
            assert!(record_ref(text).is_err(), "{text}");
        }
    }
}
