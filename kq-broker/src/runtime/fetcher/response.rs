//! What a leader's response says of one partition, in the follower's words.

use kq_proto::kafka::messages::fetch::PartitionData;
use kq_proto::kafka::{ErrorCode, Records};
use kq_storage::{LeaderEpoch, LogStartOffset, Offset};

use crate::runtime::{FetchToken, Fetched, FetchedOutcome};

/// The answer to the request with this token.
pub(super) fn fetched(token: FetchToken, data: PartitionData) -> Fetched {
    Fetched {
        token,
        high_watermark: offset(data.high_watermark),
        log_start: offset(data.log_start_offset).map(LogStartOffset),
        outcome: outcome(data),
    }
}

fn outcome(data: PartitionData) -> FetchedOutcome {
    if data.error_code != ErrorCode::None {
        return FetchedOutcome::Refused(data.error_code);
    }
    let parted = u32::try_from(data.diverging_epoch.epoch).ok().map(LeaderEpoch);
    if let Some(epoch) = parted {
        return match offset(data.diverging_epoch.end_offset) {
            Some(end) => FetchedOutcome::Diverging { epoch, end },
            // No leader says so: where the logs part is then not known.
            None => FetchedOutcome::Refused(ErrorCode::UnknownServerError),
        };
    }
    FetchedOutcome::Records(data.records.and_then(Records::into_bytes).unwrap_or_default())
}

fn offset(wire: i64) -> Option<Offset> {
    u64::try_from(wire).ok().map(Offset)
}
