//! `Fetch`: record batches from an offset on, sent from where they lie in the log's files.
//!
//! ```text
//!   resolve the session -> read what is ready -> enough? ── yes ─> respond
//!                                  ^                | no
//!                                  `── woken ── park, until max_wait_ms is over
//! ```
//! A read is a plan of file regions. The plan of the last pass is what is sent; nothing of it is held
//! while the fetch is parked. A session reads only the partitions that changed since they were
//! read last.
//!
//! Consumers and followers come this way. [`follower`] says who is taken for a follower.

mod follower;
mod read;
mod respond;

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::fetch::{FetchRequest, FetchResponse};
use parking_lot::Mutex;

use self::read::{Limits, Reading, Source};
use crate::kafka::answer::{Answer, Outcome};
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::sessions::{Asked, Key, Reader, Scope, Session, Wanted, resolve};
use crate::kafka::topic_key::TopicKey;
use crate::runtime::{FetchWaiter, Isolation};

/// From this version on consumers read zstd (KIP-110).
const ZSTD_FROM: i16 = 10;
/// From this version on topics are named by id (KIP-516).
const BY_ID_FROM: i16 = 13;
/// How long a follower's fetch keeps to itself that a high watermark or a log start has moved. With
/// records it tells at once; and where records keep coming, the news travel with them.
const NEWS_DELAY: Duration = Duration::from_millis(20);

/// A request that has been understood.
struct Fetch {
    door: Arc<Door>,
    call: Call,
    reader: Reader,
    scope: Scope,
    limits: Limits,
}

impl Handle for FetchRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let reader = match follower::reader(&self, &door.image(), call.version) {
            Ok(reader) => reader,
            Err(follower::Refused::Close(reason)) => return Answer::Now(call.close(reason)),
            Err(follower::Refused::Code(error_code)) => return refuse(&call, error_code),
        };
        let by_id = call.version >= BY_ID_FROM;
        let asked = Asked { id: self.session_id, epoch: self.session_epoch, by_id, reader };
        let limits = limits(&self, door, reader, call.version);
        let max_wait = Duration::from_millis(u64::try_from(self.max_wait_ms).unwrap_or(0));
        let (wanted, forgotten) = wanted(&self, by_id);
        drop(self);
        let now = door.node.clock.elapsed();
        let scope = match resolve(&door.sessions, asked, wanted, &forgotten, now) {
            Ok(scope) => scope,
            Err(error_code) => return refuse(&call, error_code),
        };
        if let (Reader::Replica { broker, .. }, Scope::Incremental(..)) = (reader, &scope) {
            door.node.partitions.hearing().heard(broker, now);
        }
        let fetch = Fetch { door: Arc::clone(door), call, reader, scope, limits };
        let Some(reading) = fetch.look(None) else { return Answer::Now(fetch.give_way()) };
        if max_wait.is_zero() || fetch.is_enough(&reading) || door.node.stopping.is_cancelled() {
            return Answer::Now(fetch.respond(reading));
        }
        drop(reading);
        Answer::Later(Box::pin(fetch.park(max_wait)))
    }
}

fn refuse(call: &Call, error_code: ErrorCode) -> Answer {
    call.answer::<FetchRequest>(&FetchResponse { error_code, ..Default::default() })
}

fn limits(request: &FetchRequest, door: &Door, reader: Reader, version: i16) -> Limits {
    let bytes_max =
        usize::try_from(request.max_bytes).unwrap_or(0).min(door.limits.fetch_bytes_max);
    Limits {
        // More than a response may hold never comes: nobody is to wait for it.
        bytes_min: usize::try_from(request.min_bytes).unwrap_or(0).min(bytes_max),
        bytes_max,
        isolation: match (reader, request.isolation_level) {
            (Reader::Replica { .. }, _) => Isolation::LogEnd,
            (Reader::Consumer, 1) => Isolation::ReadCommitted,
            (Reader::Consumer, _) => Isolation::ReadUncommitted,
        },
        reads_zstd: version >= ZSTD_FROM,
    }
}

fn wanted(request: &FetchRequest, by_id: bool) -> (Vec<Wanted>, Vec<Key>) {
    let mut wanted = Vec::with_capacity(request.topics.iter().map(|it| it.partitions.len()).sum());
    for topic in &request.topics {
        let key = TopicKey::new(by_id, &topic.topic, topic.topic_id).detached();
        wanted.extend(topic.partitions.iter().map(|partition| Wanted {
            topic: key.clone(),
            index: partition.partition,
            offset: partition.fetch_offset,
            bytes_max: partition.partition_max_bytes,
            leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
            log_start: partition.log_start_offset,
            synced_end: partition.synced_end,
        }));
    }
    let mut forgotten = Vec::new();
    for topic in &request.forgotten_topics_data {
        let key = TopicKey::new(by_id, &topic.topic, topic.topic_id).detached();
        forgotten.extend(topic.partitions.iter().map(|&index| (key.clone(), index)));
    }
    (wanted, forgotten)
}

impl Fetch {
    /// Reads what there is, and counts for the waiter what comes from then on. None if a later
    /// request of the session has come meanwhile.
    fn look(&self, own_waiter: Option<&FetchWaiter>) -> Option<Reading> {
        let source = Source::new(self);
        match &self.scope {
            Scope::Sessionless(wanted) => {
                if let Some(waiter) = own_waiter {
                    waiter.reset();
                }
                Some(source.read_all(wanted))
            }
            Scope::Opening(session) => Some(source.read_session(&mut session.lock(), true)),
            Scope::Incremental(session, epoch) => {
                let mut session = session.lock();
                let is_current = session.next_epoch() == *epoch;
                is_current.then(|| source.read_session(&mut session, false))
            }
        }
    }

    fn is_enough(&self, reading: &Reading) -> bool {
        reading.is_urgent || reading.wants_nothing || reading.bytes >= self.limits.bytes_min
    }

    /// Waits until there is enough to send or the client wants to hear anyway.
    async fn park(self, max_wait: Duration) -> Outcome {
        let (waiter, _watches) = match &self.scope {
            Scope::Sessionless(wanted) => {
                let waiter = FetchWaiter::new();
                let watches = Source::new(&self).watch_all(wanted, &waiter);
                (waiter, watches)
            }
            Scope::Opening(session) | Scope::Incremental(session, _) => {
                (waiter_of(session), Vec::new())
            }
        };
        let _parked = waiter.park();
        let deadline = tokio::time::sleep(max_wait);
        tokio::pin!(deadline);
        let mut has_news = false;
        loop {
            let Some(reading) = self.look(Some(&waiter)) else {
                // The wake-up may have been meant for the request that has taken over.
                waiter.interrupt();
                return self.give_way();
            };
            if self.is_enough(&reading) {
                return self.respond(reading);
            }
            if self.reader != Reader::Consumer && !has_news && !reading.partitions.is_empty() {
                has_news = true;
                let soon = tokio::time::Instant::now() + NEWS_DELAY;
                let due = deadline.deadline().min(soon);
                deadline.as_mut().reset(due);
            }
            reading.sync_for_readers(self.limits);
            waiter.arm((self.limits.bytes_min - reading.bytes) as u64);
            drop(reading);
            tokio::select! {
                biased;
                () = waiter.ready() => continue,
                () = &mut deadline => {}
                () = self.door.node.stopping.cancelled() => {}
            }
            return self.respond_now();
        }
    }

    fn respond_now(&self) -> Outcome {
        match self.look(None) {
            Some(reading) => self.respond(reading),
            None => self.give_way(),
        }
    }

    fn respond(&self, reading: Reading) -> Outcome {
        respond::respond(self, reading)
    }

    /// The answer of a request whose session has moved on: nothing, as nothing was said.
    fn give_way(&self) -> Outcome {
        respond::respond(self, Reading::default())
    }
}

fn waiter_of(session: &Mutex<Session>) -> Arc<FetchWaiter> {
    Arc::clone(session.lock().waiter())
}
