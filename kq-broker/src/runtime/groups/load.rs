//! Rebuilds a shard from its partition's log.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use kq_storage::Offset;
use kq_storage::batch::{self, BatchError, BatchHeader, DecompressLimits};
use tokio::sync::Semaphore;

use crate::env;
use crate::group::record::RecordError;
use crate::group::{GroupConfig, Now, Shard};
use crate::runtime::{Clock, Isolation, Partition, PartitionError, ReadFrom};

const READ_BYTES_MAX: usize = 1 << 20;

/// Why a shard could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// The partition cannot be read.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// Its files cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A batch is damaged.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A batch's records are damaged.
    #[error(transparent)]
    Records(#[from] batch::RecordError),
    /// A record makes no sense.
    #[error("offset {offset}: {why}")]
    Record {
        /// Which one.
        offset: Offset,
        /// What is wrong with it.
        why: RecordError,
    },
    /// The task that read them ended early.
    #[error("loading was interrupted")]
    Interrupted,
}

/// Reads everything that the partition holds now, when it is its turn. It is committed before it is
/// believed.
pub(super) async fn load(
    partition: &Arc<Partition>,
    settings: GroupConfig,
    clock: Clock,
    turns: &Semaphore,
) -> Result<Shard, LoadError> {
    let end = partition.describe()?.offsets.log_end().offset();
    match partition.committed(end).await {
        // It is committed; only more cannot be, now.
        Ok(()) | Err(PartitionError::NotEnoughReplicasAfterAppend(_)) => {}
        Err(err) => return Err(err.into()),
    }
    let _turn = turns.acquire().await.map_err(|_| LoadError::Interrupted)?;
    let partition = Arc::clone(partition);
    let replayed = env::spawn_blocking(move || replay(&partition, end, settings, clock));
    replayed.await.map_err(|_| LoadError::Interrupted)?
}

fn replay(
    partition: &Arc<Partition>,
    end: Offset,
    settings: GroupConfig,
    clock: Clock,
) -> Result<Shard, LoadError> {
    let now = Now { uptime: clock.elapsed(), wall_ms: clock.now().0 };
    let mut shard = Shard::new(settings);
    let mut at = partition.describe()?.offsets.log_start().offset();
    while at < end {
        let outcome = partition.read(ReadFrom {
            offset: at,
            leader_epoch: None,
            last_fetched_epoch: None,
            isolation: Isolation::ReadUncommitted,
            bytes_max: READ_BYTES_MAX,
            at_least_one: true,
        })?;
        let bytes = Bytes::from(outcome.plan.copy_out()?);
        apply(&mut shard, &bytes, now)?;
        if outcome.plan.next_offset <= at {
            break;
        }
        at = outcome.plan.next_offset;
    }
    shard.finish_loading(now);
    Ok(shard)
}

/// Applies whole batches, oldest first.
fn apply(shard: &mut Shard, mut bytes: &[u8], now: Now) -> Result<(), LoadError> {
    while !bytes.is_empty() {
        let header = BatchHeader::parse_verified(bytes)?;
        if !header.attributes.is_control() {
            for record in batch::records(bytes, &header, DecompressLimits::default())? {
                let Some(key) = record.key else { continue };
                shard
                    .load(&key, record.value.as_ref(), now)
                    .map_err(|why| LoadError::Record { offset: record.offset, why })?;
            }
        }
        bytes = bytes.get(header.size..).unwrap_or_default();
    }
    Ok(())
}
