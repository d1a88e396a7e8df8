//! How fast this broker takes bytes in: what it found out already, and short probes of the rest.
//!
//! A probe is a few MiB, and there is one at a time: it must not be in the way of those who work.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use kq_proto::admin::v1;
use kq_proto::admin::v1::brokers_client::BrokersClient;
use tokio_stream::Stream;
use tonic::Status;

use super::Admin;
use crate::env;
use crate::ids::BrokerId;
use crate::peers::wide_channel_to;
use crate::runtime::{Clock, Rate, RateOf};

/// What is asked of another broker.
const LINK_BYTES: u64 = 8 << 20;
/// A way that needs longer is known well enough by then.
const LINK_TIME_MAX: Duration = Duration::from_millis(500);
/// How long another broker may take to begin.
const LINK_WAIT_MAX: Duration = Duration::from_secs(1);
/// Links that are tried for one question.
const LINKS_MAX: usize = 4;
/// What is given to whoever asks.
const STREAM_BYTES_MAX: u64 = 16 << 20;
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks on their way.
pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<v1::StreamChunk, Status>> + Send>>;

impl Admin {
    /// What is known here of rates.
    pub(super) fn own_rates(&self) -> Vec<v1::InRate> {
        let now = self.node.clock.elapsed();
        let told = |(of, rate): (RateOf, Rate)| v1::InRate {
            from: if let RateOf::Link(from) = of { Some(from.0) } else { None },
            bytes_per_second: rate.bytes_per_second,
            bytes: rate.bytes,
            age_ms: u64::try_from(now.saturating_sub(rate.at).as_millis()).unwrap_or(u64::MAX),
            probed: rate.probed,
        };
        self.node.partitions.follows().rates().known(now).into_iter().map(told).collect()
    }

    /// Tries what is asked for and not known.
    pub(super) async fn find_rates(&self, asked: &v1::MeasureRequest) {
        let _one_at_a_time = self.probing.lock().await;
        let rates = self.node.partitions.follows().rates();
        let clock = self.node.clock;
        let knows = |of| rates.knows(of, clock.elapsed());
        if asked.disks && !knows(RateOf::Disks) {
            let node = std::sync::Arc::clone(&self.node);
            let tried = env::spawn_blocking(move || node.partitions.try_disks(node.clock));
            if let Ok(Some(tried)) = tried.await {
                rates.probed(RateOf::Disks, tried, self.intake(), clock.elapsed());
            }
        }
        let from: BTreeSet<BrokerId> = asked.from.iter().map(|id| BrokerId(*id)).collect();
        let from = from.into_iter().filter(|id| *id != self.node.broker_id);
        for id in from.filter(|id| !knows(RateOf::Link(*id))).take(LINKS_MAX) {
            let address = self.node.controller.peers().address(id);
            let Some(address) = address else { continue };
            if let Some(tried) = try_link(&address, clock).await {
                rates.probed(RateOf::Link(id), tried, self.intake(), clock.elapsed());
            }
        }
    }

    /// What all replicas here take in now.
    fn intake(&self) -> u64 {
        let all = self.node.partitions.all();
        let rates = all.iter().filter_map(|it| Some(it.describe().ok()?.intake_bytes_per_second));
        rates.fold(0, u64::saturating_add)
    }
}

/// Bytes from another broker, over a connection of their own: nobody else waits behind them.
async fn try_link(address: &str, clock: Clock) -> Option<(u64, Duration)> {
    let mut broker = BrokersClient::new(wide_channel_to(address)?);
    let asking = broker.stream(v1::StreamRequest { bytes: LINK_BYTES });
    let asked = tokio::time::timeout(LINK_WAIT_MAX, asking).await.ok()?;
    let mut chunks = asked.ok()?.into_inner();
    // The time runs from the first chunk on, which is not counted: it took the way there as well.
    let first = tokio::time::timeout(LINK_WAIT_MAX, chunks.message()).await.ok()?;
    first.ok()??;
    let (mut bytes, began) = (0, clock.elapsed());
    let reading = async {
        while let Ok(Some(chunk)) = chunks.message().await {
            bytes += chunk.data.len() as u64;
        }
    };
    // What came in the time counts, also when it was not all.
    let _ = tokio::time::timeout(LINK_TIME_MAX, reading).await;
    (0 < bytes).then(|| (bytes, clock.elapsed().saturating_sub(began)))
}

/// So many bytes, a chunk at a time as the other side takes them.
pub(super) fn chunks(bytes: u64) -> Chunks {
    let bytes = bytes.min(STREAM_BYTES_MAX);
    let count = bytes.div_ceil(CHUNK_BYTES as u64);
    let whole = Bytes::from(vec![0x5a; CHUNK_BYTES]);
    let chunk = move |at: u64| {
        let left = usize::try_from(bytes - at * CHUNK_BYTES as u64).unwrap_or(CHUNK_BYTES);
        Ok(v1::StreamChunk { data: whole.slice(..left.min(CHUNK_BYTES)) })
    };
    Box::pin(tokio_stream::iter((0..count).map(chunk)))
}
