//! `Fetch`: record batches from an offset on, sent from where they lie in the log's files.
//!
//! ```text
//!   resolve the session -> read every wanted partition -> enough? ── yes ─> respond
//!                                   ^                      | no
//!                                   `── woken by growth ── park, until max_wait_ms is over
//! ```
//! A read is a plan of file regions. The plan of the last pass is what is sent; nothing of it is held
//! while the fetch is parked.

mod read;
mod respond;

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::fetch::{FetchRequest, FetchResponse};

use self::read::{Limits, Reading};
use crate::kafka::answer::{Answer, Outcome};
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::sessions::{Asked, Scope, Wanted};
use crate::kafka::topic_key::TopicKey;
use crate::runtime::{FetchWaiter, Isolation};

/// From this version on consumers read zstd (KIP-110).
const ZSTD_FROM: i16 = 10;
/// From this version on topics are named by id (KIP-516).
const BY_ID_FROM: i16 = 13;

/// A request that has been understood.
struct Fetch {
    door: Arc<Door>,
    call: Call,
    asked: Asked,
    scope: Scope,
    limits: Limits,
}

impl Handle for FetchRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        if self.replica_id >= 0 || self.replica_state.replica_id >= 0 {
            return Answer::Now(call.close("only consumers fetch through this door"));
        }
        let by_id = call.version >= BY_ID_FROM;
        let asked = Asked { id: self.session_id, epoch: self.session_epoch, by_id };
        let limits = limits(&self, door, call.version);
        let max_wait = Duration::from_millis(u64::try_from(self.max_wait_ms).unwrap_or(0));
        let (wanted, forgotten) = wanted(&self, by_id);
        drop(self);
        let now = door.node.clock.elapsed();
        let scope = door.sessions.lock().resolve(asked, wanted, forgotten, now);
        let scope = match scope {
            Ok(scope) => scope,
            Err(error_code) => return refuse(&call, error_code),
        };
        let fetch = Fetch { door: Arc::clone(door), call, asked, scope, limits };
        let reading = fetch.read();
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

fn limits(request: &FetchRequest, door: &Door, version: i16) -> Limits {
    let committed = request.isolation_level == 1;
    let bytes_max =
        usize::try_from(request.max_bytes).unwrap_or(0).min(door.limits.fetch_bytes_max);
    Limits {
        // More than a response may hold never comes: nobody is to wait for it.
        bytes_min: usize::try_from(request.min_bytes).unwrap_or(0).min(bytes_max),
        bytes_max,
        isolation: if committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted },
        reads_zstd: version >= ZSTD_FROM,
    }
}

type Forgotten = Vec<(TopicKey, i32)>;

fn wanted(request: &FetchRequest, by_id: bool) -> (Vec<Wanted>, Forgotten) {
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
    fn read(&self) -> Reading {
        read::read(&self.door, &self.scope, self.limits)
    }

    fn is_enough(&self, reading: &Reading) -> bool {
        reading.is_urgent || reading.partitions.is_empty() || reading.bytes >= self.limits.bytes_min
    }

    /// Waits until there is enough to send or the client wants to hear anyway.
    async fn park(self, max_wait: Duration) -> Outcome {
        let waiter = FetchWaiter::new();
        let _watches = read::watch(&self.door, &self.scope, &waiter);
        let deadline = tokio::time::sleep(max_wait);
        tokio::pin!(deadline);
        loop {
            waiter.reset();
            let reading = self.read();
            if self.is_enough(&reading) {
                return self.respond(reading);
            }
            waiter.arm((self.limits.bytes_min - reading.bytes) as u64);
            drop(reading);
            tokio::select! {
                biased;
                () = waiter.ready() => {}
                () = &mut deadline => return self.respond(self.read()),
                () = self.door.node.stopping.cancelled() => return self.respond(self.read()),
            }
        }
    }

    fn respond(&self, reading: Reading) -> Outcome {
        respond::respond(self, reading)
    }
}
