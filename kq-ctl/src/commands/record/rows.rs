//! Records of the wire as rows.

use kq_proto::admin::v1;

use crate::commands::shared::{bytes_cells, word};
use crate::output::{Cell, Row, row};

pub(super) fn record_row(record: &v1::Record) -> Row {
    let (key, key_encoding) = bytes_cells(record.key.as_deref());
    let (value, value_encoding) = bytes_cells(record.value.as_deref());
    row! {
        topic: &record.topic,
        partition: record.partition,
        offset: record.offset,
        timestamp: Cell::Time(record.timestamp_ms),
        timestamp_type: if record.log_append_time { "log_append_time" } else { "create_time" },
        key: key,
        key_encoding: key_encoding,
        value: value,
        value_encoding: value_encoding,
        headers: record.headers.iter().map(header_row).collect::<Vec<_>>(),
        leader_epoch: record.leader_epoch,
        producer_id: record.producer_id,
        producer_epoch: record.producer_epoch,
        sequence: record.sequence,
        transactional: record.transactional,
        control: record.control,
        compression: word(record.compression().as_str_name(), "COMPRESSION_"),
        size_bytes: Cell::Size(record.size_bytes.into()),
    }
}

fn header_row(header: &v1::Header) -> Row {
    let (value, value_encoding) = bytes_cells(header.value.as_deref());
    row! { key: &header.key, value: value, value_encoding: value_encoding }
}
