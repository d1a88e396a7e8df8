//! One broker that is fetched from: its connection, its session, and the rounds over both.
//!
//! ```text
//!   connect ─> open a session ─> request ─> response ─> apply ─> synced ─┐
//!      ^                            ^                                    │
//!      └── backoff <── any failure  └────────────────────────────────────┘
//! ```
//! While a request is parked at the leader, a second one goes out when a partition comes or goes: the
//! leader answers the first at once and parks the second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::messages::FetchResponse;
use kq_proto::kafka::{ErrorCode, Records, Str};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::Ground;
use super::backoff::{Backoff, dice};
use super::book::{Asks, Book};
use super::connection::{Connection, ConnectionError};
use super::request::{Terms, WAIT_MS_MAX, request};
use super::response::fetched;
use crate::ids::{BrokerEpoch, BrokerId, PartitionId, PartitionIndex, TopicId};
use crate::metadata::MetadataImage;
use crate::runtime::{Applied, FetchFrom, FetchToken, FollowChange, Partition, RateOf, SyncRound};

/// The waits after a lost connection.
const RECONNECT_FIRST: Duration = Duration::from_millis(50);
const RECONNECT_LONGEST: Duration = Duration::from_secs(1);
/// How long a round waits for its last sync. After that those that are synced go on, and the others
/// follow when they are: one slow disk holds up nobody else.
const ROUND_MAX: Duration = Duration::from_millis(50);
/// Bytes taken over before the other tasks of this thread get their turn.
const TURN_BYTES_MAX: usize = 1 << 20;
/// Answers with less do not tell how fast a way is.
const MUCH_BYTES: usize = 512 << 10;
/// What a response takes besides records and the largest of batches.
const RESPONSE_BYTES_MARGIN: usize = 64 << 20;
/// Requests that are sent before the first of them is answered.
const IN_FLIGHT_MAX: usize = 2;

/// Why fetching ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("nobody has said where it is reached")]
    NoAddress,
    #[error("this broker is not registered")]
    NotRegistered,
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("it answers {0:?}")]
    Refused(ErrorCode),
}

/// A broker that partitions are fetched from.
pub(super) struct Source {
    ground: Ground,
    broker: BrokerId,
    book: Book<Followed>,
    backoff: Backoff,
    rates: watch::Receiver<()>,
}

/// A connection with its fetch session.
struct Line {
    connection: Connection,
    session_id: i32,
    /// That of the next request.
    session_epoch: i32,
    /// Those that are not answered, oldest first: their numbers, and when they were sent if nothing
    /// else was under way then.
    requests: VecDeque<(u64, Option<Duration>)>,
    /// Syncs that partitions wait for before they ask for more, with those partitions.
    late: VecDeque<(SyncRound, Vec<PartitionId>)>,
}

impl Source {
    pub(super) fn new(ground: Ground, broker: BrokerId) -> Self {
        let backoff = Backoff::new(RECONNECT_FIRST, RECONNECT_LONGEST);
        let rates = ground.partitions.follows().quota().changes();
        Self { ground, broker, book: Book::default(), backoff, rates }
    }

    /// Fetches for as long as it is polled.
    pub(super) async fn run(mut self) {
        let partitions = Arc::clone(&self.ground.partitions);
        loop {
            self.take_changes();
            if self.book.is_empty() {
                partitions.follows().changed(self.broker).await;
                continue;
            }
            let registered = self.registration();
            let Err(failure) = self.fetch().await else { continue };
            let source = self.broker;
            self.ground.meter.failed();
            if self.backoff.has_failed() {
                debug!(%source, %failure, "still cannot fetch from broker");
            } else {
                warn!(%source, %failure, "cannot fetch from broker");
            }
            self.rest(registered).await;
        }
    }

    /// Waits until another try is worth it: after a moment, or when the broker registers again.
    async fn rest(&mut self, registered: Option<BrokerEpoch>) {
        let mut images = self.ground.images.clone();
        let again = images.wait_for(|image| {
            let now = image.broker(self.broker).map(|it| it.epoch);
            now != registered
        });
        let wait = self.backoff.next(dice());
        // Either ends it.
        let _ = tokio::time::timeout(wait, again).await;
    }

    fn registration(&self) -> Option<BrokerEpoch> {
        self.ground.image().broker(self.broker).map(|it| it.epoch)
    }

    /// Fetches until there is nothing more to follow from this broker.
    async fn fetch(&mut self) -> Result<(), Failure> {
        let mut line = self.open().await?;
        self.book.begin_session();
        loop {
            self.take_changes();
            if self.book.is_empty() {
                return Ok(());
            }
            self.book.end_pauses(self.ground.clock.elapsed());
            self.end_late_rounds(&mut line);
            self.send_if_due(&mut line).await?;
            let partitions = Arc::clone(&self.ground.partitions);
            let retry = self.book.next_retry();
            let retry_in = retry.map(|at| at.saturating_sub(self.ground.clock.elapsed()));
            let is_parked = line.connection.in_flight() > 0;
            tokio::select! {
                biased;
                response = line.connection.receive(), if is_parked => {
                    self.on_response(&mut line, response?).await?;
                }
                () = partitions.follows().changed(self.broker) => {}
                () = first_done(&line.late), if !line.late.is_empty() => {}
                Ok(()) = self.rates.changed() => self.book.end_holds(),
                () = tokio::time::sleep(retry_in.unwrap_or_default()), if retry_in.is_some() => {}
            }
        }
    }

    async fn open(&self) -> Result<Line, Failure> {
        let address = self.ground.peers.address(self.broker).ok_or(Failure::NoAddress)?;
        let client_id = Str::from(format!("kq-follower-{}", self.ground.me));
        let wait_max = Duration::from_millis(u64::from(WAIT_MS_MAX.unsigned_abs()));
        let bytes_max = self.ground.request_bytes_max + RESPONSE_BYTES_MARGIN;
        let connection = Connection::open(&address, client_id, wait_max, bytes_max).await?;
        Ok(Line {
            connection,
            session_id: 0,
            session_epoch: 0,
            requests: VecDeque::new(),
            late: VecDeque::new(),
        })
    }

    fn take_changes(&mut self) {
        for change in self.ground.partitions.follows().take_changes(self.broker) {
            match change {
                FollowChange::Follow(partition) => {
                    let source = self.broker;
                    self.book.follow(partition.id(), Followed { partition, source });
                }
                FollowChange::Leave(id) => self.book.leave(id),
            }
        }
    }

    fn end_late_rounds(&mut self, line: &mut Line) {
        while let Some((_, ids)) = line.late.pop_front_if(|(round, _)| round.is_done()) {
            for id in ids {
                self.book.go_on(id);
            }
        }
    }

    /// Sends a request when none is parked, or one more when something is to be told.
    async fn send_if_due(&mut self, line: &mut Line) -> Result<(), Failure> {
        let in_flight = line.connection.in_flight();
        let has_changes = self.book.has_changes();
        let is_time = match in_flight {
            0 => has_changes || self.book.stands(),
            // The session's number comes with its first response.
            _ => has_changes && in_flight < IN_FLIGHT_MAX && line.session_id != 0,
        };
        if !is_time {
            return Ok(());
        }
        let round = SyncRound::new();
        let mut changes = self.book.next_request(&round);
        if round.was_joined() {
            // Over or not: who waited for a sync is asked again after it, and nobody else does that.
            line.late.push_back((round, std::mem::take(&mut changes.silent)));
        }
        for id in std::mem::take(&mut changes.to_be_asked) {
            self.book.pause(id, self.ground.clock.elapsed(), dice());
        }
        let changes_nothing = changes.named.is_empty() && changes.forgotten.is_empty();
        if changes_nothing && (in_flight > 0 || !self.book.stands()) {
            return Ok(());
        }
        let image = self.ground.image();
        let me = image.broker(self.ground.me).ok_or(Failure::NotRegistered)?;
        let terms = Terms {
            replica: me.id,
            epoch: me.epoch,
            cluster_id: image.cluster_id().map(|id| id.0.as_str().into()),
            session_id: line.session_id,
            session_epoch: line.session_epoch,
        };
        let alone = (in_flight == 0).then(|| self.ground.clock.elapsed());
        line.requests.push_back((changes.request, alone));
        if line.session_id != 0 {
            line.session_epoch =
                if line.session_epoch == i32::MAX { 1 } else { line.session_epoch + 1 };
        }
        let portion = self.ground.partitions.follows().quota().portion();
        let request = request(terms, &changes, |id| {
            portion.filter(|_| moves_here(&image, id, self.ground.me))
        });
        Ok(line.connection.send(&request).await?)
    }

    async fn on_response(
        &mut self,
        line: &mut Line,
        response: FetchResponse,
    ) -> Result<(), Failure> {
        let (request, sent) = line.requests.pop_front().unwrap_or_default();
        let received = self.ground.clock.elapsed();
        if response.error_code != ErrorCode::None {
            return Err(Failure::Refused(response.error_code));
        }
        if line.session_id == 0 && response.session_id != 0 {
            line.session_id = response.session_id;
            line.session_epoch = 1;
        }
        if self.backoff.has_failed() {
            info!(source = %self.broker, "fetching from broker again");
            self.backoff.reset();
        }
        let is_empty = response.responses.is_empty();
        let round = SyncRound::new();
        let bytes = self.apply(request, response, &round).await;
        if line.session_id == 0 {
            // No session was to be had: each request tells all.
            self.book.begin_session();
        }
        if !round.is_done() {
            // Those that are not synced by then join a round of their own with the next request.
            let _ = tokio::time::timeout(ROUND_MAX, round.done()).await;
        }
        if MUCH_BYTES <= bytes {
            self.tell_rates(bytes, sent, received, &round);
        }
        if is_empty {
            line.connection.rest();
        }
        Ok(())
    }

    /// The partition goes on at once, unless a move brings it here and has used up its rate.
    fn go_on(&mut self, id: PartitionId, bytes: usize) {
        self.book.go_on(id);
        let quota = self.ground.partitions.follows().quota();
        if bytes == 0 || !quota.is_set() {
            return;
        }
        if moves_here(&self.ground.image(), id, self.ground.me)
            && let Some(until) = quota.spend(bytes, self.ground.clock.elapsed())
        {
            self.book.hold(id, until);
        }
    }

    /// An answer with so much in it tells how fast the way is, and if all of it is synced by now,
    /// how fast the disks are.
    fn tell_rates(
        &self,
        bytes: usize,
        sent: Option<Duration>,
        received: Duration,
        round: &SyncRound,
    ) {
        let (rates, bytes) = (self.ground.partitions.follows().rates(), bytes as u64);
        let now = self.ground.clock.elapsed();
        if let Some(sent) = sent {
            rates.seen(RateOf::Link(self.broker), bytes, received.saturating_sub(sent), now);
        }
        if round.was_joined() && round.is_done() {
            rates.seen(RateOf::Disks, bytes, now.saturating_sub(received), now);
        }
    }

    /// Takes over what the leader answered; tells how many bytes of records that were.
    async fn apply(&mut self, request: u64, response: FetchResponse, round: &SyncRound) -> usize {
        let (mut turn_bytes, mut bytes_all) = (0, 0);
        for topic in response.responses {
            for data in topic.partitions {
                let Some(index) = PartitionIndex::from_wire(data.partition_index) else { continue };
                let id = PartitionId { topic: TopicId(topic.topic_id), index };
                let Some((followed, token)) = self.book.answered(request, id) else { continue };
                let partition = Arc::clone(&followed.partition);
                let code = data.error_code;
                let bytes = data.records.as_ref().map_or(0, Records::len);
                self.ground.meter.received(bytes);
                turn_bytes += bytes;
                bytes_all += bytes;
                match partition.apply_fetched(fetched(token, data), round) {
                    Ok(Applied::GoOn | Applied::Stale) => self.go_on(id, bytes),
                    Ok(Applied::BackOff) => {
                        debug!(?partition, ?code, source = %self.broker, "leader refuses a fetch");
                        self.book.pause(id, self.ground.clock.elapsed(), dice());
                    }
                    Err(error) => {
                        warn!(?partition, %error, source = %self.broker, "cannot follow");
                        self.book.pause(id, self.ground.clock.elapsed(), dice());
                    }
                }
                if turn_bytes > TURN_BYTES_MAX {
                    turn_bytes = 0;
                    tokio::task::yield_now().await;
                }
            }
        }
        bytes_all
    }
}

/// A partition that is followed from this broker, or was when the book heard of it last.
struct Followed {
    partition: Arc<Partition>,
    source: BrokerId,
}

impl Asks for Followed {
    fn next(&self, round: &SyncRound) -> Option<FetchFrom> {
        let from = self.partition.next_fetch(round).ok().flatten()?;
        if from.leader != self.source {
            // It has a new leader, and the news of that is on its way.
            self.partition.fetch_failed(from.token);
            return None;
        }
        Some(from)
    }

    fn call_off(&self, token: FetchToken) {
        self.partition.fetch_failed(token);
    }

    fn is_to_be_asked(&self) -> bool {
        self.partition.waits_for_room()
    }
}

/// Whether a move brings this partition here and it is not in sync yet. A topic that was deleted and
/// is kept moves on, and at the same rate.
fn moves_here(image: &MetadataImage, id: PartitionId, me: BrokerId) -> bool {
    image.any_partition(id).is_some_and(|it| it.adding.contains(&me) && !it.isr.contains(&me))
}

async fn first_done(late: &VecDeque<(SyncRound, Vec<PartitionId>)>) {
    match late.front() {
        Some((round, _)) => round.done().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::metadata::{Change, MetadataRecord, PartitionChange, PartitionImage, TimestampMs};

    #[test]
    fn what_moves_of_a_deleted_topic_is_throttled_still() {
        let (topic, index) = (TopicId(Uuid::from_u128(7)), PartitionIndex(0));
        let now = PartitionImage {
            replicas: vec![BrokerId(1), BrokerId(2)],
            isr: vec![BrokerId(1)],
            adding: vec![BrokerId(2)],
            leader: Some(BrokerId(1)),
            ..PartitionImage::default()
        };
        let records = vec![
            MetadataRecord::TopicCreated { topic, name: "orders".to_owned() },
            MetadataRecord::PartitionChanged(PartitionChange { topic, index, now }),
            MetadataRecord::TopicSoftDeleted { topic, purge_at: TimestampMs(9) },
        ];
        let change = Change { records, ..Change::default() };
        let image = MetadataImage::default().apply(1, &change).unwrap();
        let id = PartitionId { topic, index };
        assert!(moves_here(&image, id, BrokerId(2)) && !moves_here(&image, id, BrokerId(1)));
    }
}
