//! Fetch sessions (KIP-227): a consumer of many partitions names them once and then only what changed.
//!
//! ```text
//!   id 0, epoch -1   no session: all partitions in request and response
//!   epoch 0          all partitions; the response opens a session if there is room
//!   epoch n          the session's partitions, changed by what the request names and forgets;
//!                    the response leaves out partitions with nothing new
//!   id n, epoch -1   closes the session
//! ```
//! Pure: time is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use parking_lot::Mutex;

use super::topic_key::TopicKey;

/// A full cache lets a new session in only by dropping one that was silent for this long.
const EVICTABLE_AFTER: Duration = Duration::from_mins(2);
/// Partitions of all sessions together: each takes a third of a KiB, whether it exists or not.
const PARTITIONS_MAX: usize = 500_000;

/// One partition that a fetch wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The topic.
    pub topic: TopicKey,
    /// The partition's index, as it came.
    pub index: i32,
    /// The first offset wanted.
    pub offset: i64,
    /// Most bytes of this partition.
    pub bytes_max: i32,
    /// The leader epoch that the client knows, or -1.
    pub leader_epoch: i32,
    /// The epoch of the last record that it has, or -1.
    pub last_fetched_epoch: i32,
}

/// What a response says of a partition besides its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The high watermark.
    pub high_watermark: i64,
    /// The log start offset.
    pub log_start: i64,
    /// True when the response cannot be left out: records, an error, a diverging epoch.
    pub must_tell: bool,
    /// True when it was an error.
    pub failed: bool,
}

type Key = (TopicKey, i32);

#[derive(Debug)]
struct Cached {
    wanted: Wanted,
    /// What the client knows, unless it has to be told again.
    known: Option<(i64, i64)>,
}

/// One consumer's partitions. Their order rotates, so that each gets its turn at the byte limit.
#[derive(Debug)]
pub struct Session {
    id: i32,
    /// The epoch that the next request must carry.
    epoch: i32,
    by_id: bool,
    next_turn: u64,
    turns: BTreeMap<u64, Cached>,
    turn_of: BTreeMap<Key, u64>,
}

impl Session {
    fn new(id: i32, by_id: bool) -> Self {
        let (turns, turn_of) = Default::default();
        Self { id, epoch: 1, by_id, next_turn: 0, turns, turn_of }
    }

    /// The session's number.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Its partitions in turn.
    pub fn wanted(&self) -> impl Iterator<Item = &Wanted> {
        self.turns.values().map(|cached| &cached.wanted)
    }

    fn partition_count(&self) -> usize {
        self.turns.len()
    }

    fn want(&mut self, mut wanted: Wanted) {
        let key = (wanted.topic.detached(), wanted.index);
        wanted.topic = key.0.clone();
        if let Some(cached) = self.turn_of.get(&key).and_then(|turn| self.turns.get_mut(turn)) {
            cached.wanted = wanted;
            return;
        }
        self.turns.insert(self.next_turn, Cached { wanted, known: None });
        self.turn_of.insert(key, self.next_turn);
        self.next_turn += 1;
    }

    fn forget(&mut self, key: &Key) {
        if let Some(turn) = self.turn_of.remove(key) {
            self.turns.remove(&turn);
        }
    }

    /// Whether a response must speak of this partition; remembers what the client then knows.
    pub fn tell(&mut self, topic: &TopicKey, index: i32, told: Told) -> bool {
        let key = (topic.clone(), index);
        let Some(turn) = self.turn_of.get(&key).copied() else { return true };
        let Some(mut cached) = self.turns.remove(&turn) else { return true };
        let now = (told.high_watermark, told.log_start);
        let news = told.must_tell || cached.known != Some(now);
        cached.known = (!told.failed).then_some(now);
        // Whoever was served goes behind the others.
        let turn = if told.must_tell && !told.failed { self.next_turn } else { turn };
        self.next_turn += u64::from(turn == self.next_turn);
        self.turns.insert(turn, cached);
        self.turn_of.insert(key, turn);
        news
    }

    fn advance(&mut self) {
        self.epoch = if self.epoch == i32::MAX { 1 } else { self.epoch + 1 };
    }
}

#[derive(Debug)]
struct Slot {
    session: Arc<Mutex<Session>>,
    partition_count: usize,
    used_at: Duration,
}

/// The sessions of one broker, bounded in number.
#[derive(Debug)]
pub struct FetchSessions {
    slots_max: usize,
    /// Those of all slots together.
    partition_count: usize,
    slots: BTreeMap<i32, Slot>,
}

/// What a request says of its session.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The session's number, or 0.
    pub id: i32,
    /// The request's place in it.
    pub epoch: i32,
    /// Whether topics are named by id.
    pub by_id: bool,
}

/// How to read the partitions of a request.
#[derive(Debug)]
pub enum Scope {
    /// Those in the request, and all of them in the response.
    Sessionless(Vec<Wanted>),
    /// The same, and the response opens a session.
    Opening(Vec<Wanted>),
    /// Those of the session.
    Incremental(Arc<Mutex<Session>>),
}

impl FetchSessions {
    /// No sessions, and room for so many.
    pub fn new(slots_max: usize) -> Self {
        Self { slots_max, partition_count: 0, slots: BTreeMap::new() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// Finds what a request is about; changes its session by what it names and forgets.
    pub fn resolve(
        &mut self,
        asked: Asked,
        wanted: Vec<Wanted>,
        forgotten: Vec<(TopicKey, i32)>,
        now: Duration,
    ) -> Result<Scope, ErrorCode> {
        if asked.epoch <= 0 {
            self.close(asked.id);
            let opening = asked.epoch == 0;
            return Ok(if opening { Scope::Opening(wanted) } else { Scope::Sessionless(wanted) });
        }
        let slot = self.slots.get_mut(&asked.id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        let mut session = slot.session.lock();
        if session.epoch != asked.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != asked.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        slot.used_at = now;
        session.advance();
        for partition in wanted {
            session.want(partition);
        }
        // Named and forgotten at once: forgotten, as in Kafka.
        for key in forgotten {
            session.forget(&key);
        }
        let before = std::mem::replace(&mut slot.partition_count, session.partition_count());
        drop(session);
        let session = Arc::clone(&slot.session);
        self.partition_count = self.partition_count - before + slot.partition_count;
        if self.partition_count > PARTITIONS_MAX && slot.partition_count > before {
            // The client begins anew with all its partitions, and without a session if need be.
            self.close(asked.id);
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        Ok(Scope::Incremental(session))
    }

    fn close(&mut self, id: i32) {
        if let Some(slot) = self.slots.remove(&id) {
            self.partition_count -= slot.partition_count;
        }
    }

    /// Opens a session under a number drawn by the caller; none when there is no room.
    pub fn open(
        &mut self,
        id: i32,
        by_id: bool,
        wanted: Vec<Wanted>,
        now: Duration,
    ) -> Option<Arc<Mutex<Session>>> {
        if id <= 0 || self.slots.contains_key(&id) || !self.make_room(wanted.len(), now) {
            return None;
        }
        let mut session = Session::new(id, by_id);
        for partition in wanted {
            session.want(partition);
        }
        let partition_count = session.partition_count();
        self.partition_count += partition_count;
        let session = Arc::new(Mutex::new(session));
        let slot = Slot { session: Arc::clone(&session), partition_count, used_at: now };
        self.slots.insert(id, slot);
        Some(session)
    }

    /// Makes room for a session of so many partitions, at the cost of one that was silent for long.
    fn make_room(&mut self, partition_count: usize, now: Duration) -> bool {
        if self.has_room(partition_count) {
            return true;
        }
        let oldest = self.slots.iter().min_by_key(|(_, slot)| slot.used_at);
        let Some((&id, slot)) = oldest else { return false };
        if now.saturating_sub(slot.used_at) < EVICTABLE_AFTER {
            return false;
        }
        self.close(id);
        self.has_room(partition_count)
    }

    fn has_room(&self, partition_count: usize) -> bool {
        self.slots.len() < self.slots_max
            && partition_count <= PARTITIONS_MAX.saturating_sub(self.partition_count)
    }
}
