//! Streaming records: each partition in its order, to an end or for ever.

use std::sync::Arc;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tokio::sync::mpsc;
use tonic::{Code, Status};

use super::super::Admin;
use super::super::error::of_partition;
use super::super::offsets::resolve;
use super::record_of;
use crate::runtime::{FetchWaiter, Isolation, Offset, Partition, ReadFrom, read_records};

/// Bytes that one look at a partition reads.
const READ_BYTES: usize = 256 * 1024;
/// Bytes of records in one message, so that it stays below what clients accept.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Kafka's name for a partition that somebody else will lead in a moment.
const STOPS: &str = "kafka.LEADER_NOT_AVAILABLE";

pub(super) type Answers = mpsc::Sender<Result<v1::FetchResponse, Status>>;

/// The receiver is gone: nobody reads any more.
struct Gone;

/// One partition of a fetch.
struct Cursor {
    topic: String,
    index: u32,
    partition: Arc<Partition>,
    next: Offset,
    /// Where it stops; none to go on for ever.
    until: Option<Offset>,
    finished: bool,
    /// Whether the client knows that it has reached the end.
    is_told: bool,
}

/// What all partitions of a fetch share.
struct Fetch {
    answers: Answers,
    isolation: Isolation,
    include_control: bool,
    with_payload: bool,
    /// Records that may still be sent; none for no bound.
    left: Option<u64>,
}

impl Admin {
    /// Streams what this broker leads.
    pub(super) async fn stream_own(&self, request: v1::FetchRequest, answers: Answers) {
        let mut fetch = Fetch {
            isolation: if request.read_committed {
                Isolation::ReadCommitted
            } else {
                Isolation::ReadUncommitted
            },
            include_control: request.include_control,
            with_payload: !request.without_payload,
            left: (request.record_count_max > 0).then_some(request.record_count_max),
            answers,
        };
        let mut cursors = Vec::new();
        for it in request.partitions {
            match self.open_cursor(&it, request.follow, fetch.isolation).await {
                Ok(cursor) => cursors.push(cursor),
                Err(err) => {
                    let item = format!("{}/{}", it.topic, it.partition);
                    if fetch.fail(err, item).await.is_err() {
                        return;
                    }
                }
            }
        }
        // Ends when all is read, or when nobody reads any more.
        let _ = self.pump(&mut fetch, &mut cursors).await;
    }

    async fn open_cursor(
        &self,
        it: &v1::FetchPartition,
        follow: bool,
        isolation: Isolation,
    ) -> Result<Cursor, AdminError> {
        let partition = self.partition_of(&it.topic, it.partition)?;
        let now = || partition.describe().map_err(|err| of_partition(&err));
        let end_now = |offsets: crate::runtime::LogOffsets| match isolation {
            Isolation::ReadUncommitted => offsets.high_watermark().offset(),
            Isolation::ReadCommitted => offsets.last_stable().offset(),
            Isolation::LogEnd => offsets.log_end().offset(),
        };
        let from = it.from.unwrap_or(v1::OffsetSpec {
            spec: Some(v1::offset_spec::Spec::Named(v1::offset_spec::Named::Latest.into())),
        });
        let found = resolve(&partition, &from).await?.offset;
        let next = match found {
            Some(offset) => offset,
            None => end_now(now()?.offsets),
        };
        let until = match &it.until {
            Some(spec) => resolve(&partition, spec).await?.offset,
            None if follow => None,
            None => Some(end_now(now()?.offsets)),
        };
        Ok(Cursor {
            topic: it.topic.clone(),
            index: it.partition,
            partition,
            next,
            until,
            finished: false,
            is_told: false,
        })
    }

    async fn pump(&self, fetch: &mut Fetch, cursors: &mut [Cursor]) -> Result<(), Gone> {
        let waiter = FetchWaiter::new();
        let _watches: Vec<_> =
            cursors.iter().map(|cursor| cursor.partition.watch(&waiter, 0)).collect();
        loop {
            waiter.reset();
            let mut has_read = false;
            for cursor in cursors.iter_mut().filter(|it| !it.finished) {
                has_read |= fetch.advance(cursor).await?;
                if fetch.left == Some(0) {
                    return Ok(());
                }
            }
            if cursors.iter().all(|cursor| cursor.finished) {
                return Ok(());
            }
            if has_read {
                continue;
            }
            waiter.arm(1);
            tokio::select! {
                () = waiter.ready() => {}
                () = fetch.answers.closed() => return Err(Gone),
                () = self.node.stopping.cancelled() => return fetch.stop(cursors).await,
            }
        }
    }
}

impl Fetch {
    /// Reads on in one partition; true if there was something.
    async fn advance(&mut self, cursor: &mut Cursor) -> Result<bool, Gone> {
        if cursor.until.is_some_and(|until| until <= cursor.next) {
            cursor.finished = true;
            return self.tell_progress(cursor).await.map(|()| false);
        }
        let from = ReadFrom {
            offset: cursor.next,
            leader_epoch: None,
            last_fetched_epoch: None,
            isolation: self.isolation,
            bytes_max: READ_BYTES,
            at_least_one: true,
        };
        let planned = cursor.partition.read(from);
        let opened = match planned {
            Ok(outcome) if outcome.plan.bytes == 0 => {
                if !cursor.is_told {
                    cursor.is_told = true;
                    self.tell_progress(cursor).await?;
                }
                return Ok(false);
            }
            Ok(outcome) => {
                let next = outcome.plan.next_offset;
                cursor.partition.sent(outcome.plan.bytes);
                read_records(outcome.plan, cursor.next).await.map(|records| (records, next))
            }
            Err(err) => Err(err),
        };
        let (records, next) = match opened {
            Ok(opened) => opened,
            Err(err) => {
                cursor.finished = true;
                let item = format!("{}/{}", cursor.topic, cursor.index);
                return self.fail(of_partition(&err), item).await.map(|()| false);
            }
        };
        cursor.is_told = false;
        let mut message = v1::FetchResponse::default();
        let mut bytes = 0;
        for record in records {
            let past_end = cursor.until.is_some_and(|until| until <= record.offset);
            if past_end || self.left == Some(0) {
                break;
            }
            if record.batch.is_control && !self.include_control {
                continue;
            }
            bytes += record.size_bytes() + 64;
            self.left = self.left.map(|left| left - 1);
            let row = record_of(&cursor.topic, cursor.index, record, self.with_payload);
            message.records.push(row);
            if bytes >= MESSAGE_BYTES {
                bytes = 0;
                self.send(std::mem::take(&mut message)).await?;
            }
        }
        cursor.next = next;
        if !message.records.is_empty() {
            self.send(message).await?;
        }
        Ok(true)
    }

    async fn tell_progress(&self, cursor: &Cursor) -> Result<(), Gone> {
        let end = cursor.partition.describe().map(|it| it.offsets.high_watermark().offset().0);
        let progress = v1::FetchProgress {
            topic: cursor.topic.clone(),
            partition: cursor.index,
            next_offset: cursor.next.0,
            high_watermark: end.unwrap_or(cursor.next.0),
            finished: cursor.finished,
        };
        self.send(v1::FetchResponse { progress: vec![progress], ..Default::default() }).await
    }

    /// Whoever reads goes on elsewhere: an end without a word would pass for the end of the records.
    async fn stop(&self, cursors: &[Cursor]) -> Result<(), Gone> {
        for cursor in cursors.iter().filter(|it| !it.finished) {
            let stops = AdminError::new(Code::Unavailable, STOPS, "the broker that read it stops");
            self.fail(stops.retriable(), format!("{}/{}", cursor.topic, cursor.index)).await?;
        }
        Ok(())
    }

    async fn fail(&self, err: AdminError, item: String) -> Result<(), Gone> {
        let errors = vec![err.into_item(item)];
        self.send(v1::FetchResponse { errors, ..Default::default() }).await
    }

    async fn send(&self, answer: v1::FetchResponse) -> Result<(), Gone> {
        self.answers.send(Ok(answer)).await.map_err(|_| Gone)
    }
}
