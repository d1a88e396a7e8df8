//! The fields of a batch that the log writes, in place.
//!
//! Base offset and leader epoch lie before the CRC's range, so assigning offsets costs no checksum.
//! The timestamp type and the max timestamp lie inside it: log append time costs one pass.

use super::{
    ATTRIBUTES_AT, Attributes, BASE_OFFSET_AT, BatchHeader, CRC_AT, CRC_FROM, LEADER_EPOCH_AT,
    MAX_TIMESTAMP_AT,
};
use crate::{LeaderEpoch, Offset, TimestampMs};

/// Writes the base offset and the leader epoch of the batch that `bytes` holds.
pub fn assign(bytes: &mut [u8], header: &mut BatchHeader, base: Offset, epoch: LeaderEpoch) {
    put(bytes, BASE_OFFSET_AT, &base.0.to_be_bytes());
    put(bytes, LEADER_EPOCH_AT, &epoch.0.to_be_bytes());
    header.base_offset = base;
    header.leader_epoch = Some(epoch);
}

/// Marks the batch as stamped by the log at `now`, and renews its CRC.
pub fn stamp_log_append_time(bytes: &mut [u8], header: &mut BatchHeader, now: TimestampMs) {
    header.attributes.bits |= Attributes::LOG_APPEND_TIME;
    put(bytes, ATTRIBUTES_AT, &header.attributes.bits.to_be_bytes());
    stamp_max_timestamp(bytes, header, Some(now));
}

/// Writes the greatest timestamp of the records, and renews the CRC.
pub fn stamp_max_timestamp(bytes: &mut [u8], header: &mut BatchHeader, max: Option<TimestampMs>) {
    put(bytes, MAX_TIMESTAMP_AT, &max.map_or(-1, |max| max.0).to_be_bytes());
    header.max_timestamp = max;
    renew_crc(bytes, header);
}

fn renew_crc(bytes: &mut [u8], header: &mut BatchHeader) {
    let Some(covered) = bytes.get(CRC_FROM..header.size) else { return };
    header.crc = crc32c::crc32c(covered);
    put(bytes, CRC_AT, &header.crc.to_be_bytes());
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    // A parsed header proves that the batch is longer than any of these positions.
    if let Some(place) = bytes.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}
