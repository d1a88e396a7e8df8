//! Appending records that hands and scripts send.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tonic::Status;
use uuid::Uuid;

use super::super::Admin;
use super::super::answer::find_topic;
use super::super::error::of_partition;
use super::partitioner::partition_of_key;
use crate::controller::TopicRef;
use crate::metadata::TimestampMs;
use crate::runtime::{Acks, Appended, Compression, NewRecord, Partition, PartitionError};

/// The records for one partition, with their places in the request.
#[derive(Default)]
struct Share {
    places: Vec<usize>,
    records: Vec<NewRecord>,
}

impl Admin {
    pub(super) async fn append_records(
        &self,
        request: v1::ProduceRequest,
    ) -> Result<v1::ProduceResponse, Status> {
        let (acks, compression) = (acks_of(request.acks()), codec_of(request.compression()));
        let image = self.node.image();
        let topic = find_topic(&image, &TopicRef::Name(request.topic.clone()))?;
        let count = topic.partition_count();
        let keyless = any_partition(count);
        let mut answer = v1::ProduceResponse::default();
        let mut shares: BTreeMap<u32, Share> = BTreeMap::new();
        for (place, record) in request.records.into_iter().enumerate() {
            let partition = match (record.partition, &record.key) {
                (Some(partition), _) => partition,
                (None, Some(key)) => partition_of_key(key, count),
                (None, None) => keyless,
            };
            let share = shares.entry(partition).or_default();
            answer.records.push(v1::ProducedRecord { partition, ..Default::default() });
            share.places.push(place);
            share.records.push(self.new_record(record));
        }
        for (index, share) in shares {
            let (to, rules) = ((request.topic.as_str(), index), (acks, compression));
            if let Err(err) = self.append_share(to, &share, rules, &mut answer).await {
                answer.errors.push(err.into_item(format!("{}/{index}", request.topic)));
            }
        }
        Ok(answer)
    }

    fn new_record(&self, it: v1::NewRecord) -> NewRecord {
        let header = |it: v1::Header| (Bytes::from(it.key), it.value);
        NewRecord {
            timestamp: it.timestamp_ms.map_or_else(|| self.node.clock.now(), TimestampMs),
            key: it.key,
            value: it.value,
            headers: it.headers.into_iter().map(header).collect(),
        }
    }

    /// Appends what goes to one partition and waits as `acks` asks.
    async fn append_share(
        &self,
        (topic, index): (&str, u32),
        share: &Share,
        (acks, compression): (Acks, Compression),
        answer: &mut v1::ProduceResponse,
    ) -> Result<(), AdminError> {
        let partition = self.partition_of(topic, index)?;
        let mut places = share.places.iter().zip(&share.records);
        for outcome in append_off_task(&partition, share, (acks, compression)).await? {
            let (appended, taken) = outcome.map_err(|err| of_partition(&err))?;
            if acks == Acks::All {
                // Not acknowledged is without an offset, though it may be in the log.
                partition.acknowledged(&appended).await.map_err(|err| of_partition(&err))?;
            }
            for (delta, (place, record)) in (0..).zip(places.by_ref().take(taken)) {
                let Some(row) = answer.records.get_mut(*place) else { continue };
                row.offset = (acks != Acks::None).then_some(appended.base_offset.0 + delta);
                let stamp = appended.log_append_time.unwrap_or(record.timestamp);
                row.timestamp_ms = Some(stamp.0);
            }
        }
        Ok(())
    }
}

/// A partition for the records of one call that have no key.
fn any_partition(count: u32) -> u32 {
    let drawn = Uuid::new_v4().as_u128() % u128::from(count.max(1));
    u32::try_from(drawn).unwrap_or(0)
}

type Outcome = Result<(Appended, usize), PartitionError>;

/// Builds and compresses away from the tasks that serve connections.
async fn append_off_task(
    partition: &Arc<Partition>,
    share: &Share,
    (acks, compression): (Acks, Compression),
) -> Result<Vec<Outcome>, AdminError> {
    let (partition, records) = (Arc::clone(partition), share.records.clone());
    let append = move || partition.append_records(&records, compression, acks);
    let appended = tokio::task::spawn_blocking(append).await;
    appended.map_err(|_| of_partition(&PartitionError::Stopping))
}

fn acks_of(acks: v1::Acks) -> Acks {
    match acks {
        v1::Acks::Unspecified | v1::Acks::All => Acks::All,
        v1::Acks::Leader => Acks::Leader,
        v1::Acks::None => Acks::None,
    }
}

fn codec_of(codec: v1::Compression) -> Compression {
    match codec {
        v1::Compression::Unspecified | v1::Compression::None => Compression::None,
        v1::Compression::Gzip => Compression::Gzip,
        v1::Compression::Snappy => Compression::Snappy,
        v1::Compression::Lz4 => Compression::Lz4,
        v1::Compression::Zstd => Compression::Zstd,
    }
}
