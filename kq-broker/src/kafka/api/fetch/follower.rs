//! Who is taken for a follower, and what a leader learns from one's fetch.
//!
//! A replica id in a request is a claim (CVE-2018-1288). It is believed only together with the epoch
//! of that broker's registration, which the quorum drew and tells to brokers alone; and each partition
//! only for a broker that the metadata names as its replica. Whatever does not fit is refused before
//! anything is noted. Without TLS that epoch is the whole secret: a network on which brokers talk
//! in the clear must be the brokers' own.

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::FetchRequest;

use crate::ids::{BrokerEpoch, BrokerId};
use crate::kafka::sessions::Reader;
use crate::metadata::MetadataImage;

/// From this version on a follower tells its epoch (KIP-903).
const TELLS_EPOCH_FROM: i16 = 15;

/// Why a request is not answered as a follower's.
pub(super) enum Refused {
    /// The whole response is this.
    Code(ErrorCode),
    /// The connection ends.
    Close(&'static str),
}

/// Who reads: any client, or a broker that can say which of its lives this is.
pub(super) fn reader(
    request: &FetchRequest,
    image: &MetadataImage,
    version: i16,
) -> Result<Reader, Refused> {
    let claimed = if version < TELLS_EPOCH_FROM {
        request.replica_id
    } else {
        request.replica_state.replica_id
    };
    // Kafka's tools read as replica -2, which is no broker.
    let Some(broker) = BrokerId::from_wire(claimed) else { return Ok(Reader::Consumer) };
    if version < TELLS_EPOCH_FROM {
        return Err(Refused::Close("a follower fetches with version 15 or later"));
    }
    let claimed_cluster = request.cluster_id.as_deref();
    if claimed_cluster.is_some_and(|id| image.cluster_id().is_some_and(|ours| ours.0 != id)) {
        return Err(Refused::Code(ErrorCode::InconsistentClusterId));
    }
    let known = image.broker(broker).map(|it| it.epoch);
    let claimed = u64::try_from(request.replica_state.replica_epoch).ok().map(BrokerEpoch);
    match known.filter(|epoch| Some(*epoch) == claimed) {
        Some(epoch) => Ok(Reader::Replica { broker, epoch }),
        None => Err(Refused::Code(ErrorCode::StaleBrokerEpoch)),
    }
}
