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
use super::super::passing::{Asker, Elsewhere, of_item};
use super::partitioner::partition_of_key;
use crate::controller::TopicRef;
use crate::env;
use crate::metadata::TimestampMs;
use crate::runtime::{Acks, Appended, Compression, NewRecord, Partition, PartitionError};

/// The records for one partition, with their places in the request.
#[derive(Default)]
struct Share {
    places: Vec<usize>,
    records: Vec<v1::NewRecord>,
}

/// What holds for all records of a request.
struct Head {
    topic: String,
    acks: v1::Acks,
    compression: v1::Compression,
    asker: Asker,
}

impl Admin {
    pub(super) async fn append_records(
        &self,
        request: v1::ProduceRequest,
        asker: Asker,
    ) -> Result<v1::ProduceResponse, Status> {
        let (acks, compression) = (request.acks(), request.compression());
        let head = Head { topic: request.topic, acks, compression, asker };
        let image = self.node.image();
        let topic = find_topic(&image, &TopicRef::Name(head.topic.clone()))?;
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
            share.records.push(v1::NewRecord { partition: Some(partition), ..record });
        }
        for (index, share) in shares {
            let appended = match self.elsewhere(&head.topic, index, head.asker) {
                Some(leader) => append_elsewhere(&leader, &head, share, &mut answer).await,
                None => self.append_share(&head, index, share, &mut answer).await,
            };
            if let Err(err) = appended {
                answer.errors.push(err.into_item(format!("{}/{index}", head.topic)));
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
        head: &Head,
        index: u32,
        share: Share,
        answer: &mut v1::ProduceResponse,
    ) -> Result<(), AdminError> {
        let (acks, compression) = (acks_of(head.acks), codec_of(head.compression));
        let partition = self.partition_of(&head.topic, index)?;
        let records = share.records.into_iter().map(|it| self.new_record(it));
        let records: Arc<[NewRecord]> = records.collect();
        let outcomes = append_off_task(&partition, &records, (acks, compression)).await?;
        let mut places = share.places.iter().zip(records.iter());
        for outcome in outcomes {
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

/// Has another broker append what goes to one partition that it leads.
async fn append_elsewhere(
    leader: &Elsewhere,
    head: &Head,
    share: Share,
    answer: &mut v1::ProduceResponse,
) -> Result<(), AdminError> {
    let request = v1::ProduceRequest {
        topic: head.topic.clone(),
        records: share.records,
        acks: head.acks.into(),
        compression: head.compression.into(),
    };
    let mut told = leader.produce(request).await?;
    for (place, row) in share.places.into_iter().zip(told.records) {
        if let Some(own) = answer.records.get_mut(place) {
            *own = row;
        }
    }
    told.errors.pop().map_or(Ok(()), |err| Err(of_item(err)))
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
    records: &Arc<[NewRecord]>,
    (acks, compression): (Acks, Compression),
) -> Result<Vec<Outcome>, AdminError> {
    let (partition, records) = (Arc::clone(partition), Arc::clone(records));
    let append = move || partition.append_records(&records, compression, acks);
    let appended = env::spawn_blocking(append).await;
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
