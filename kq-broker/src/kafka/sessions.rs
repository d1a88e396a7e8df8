//! Fetch sessions (KIP-227): a reader of many partitions names them once and then only what changed.
//!
//! ```text
//!   id 0, epoch -1   no session: all partitions in request and response
//!   epoch 0          all partitions; the response opens a session if there is room
//!   epoch n          the session's partitions, changed by what the request names and forgets;
//!                    the response leaves out partitions with nothing new
//!   id n, epoch -1   closes the session
//! ```
//! Here is who has a session, and how many there may be; [`session`] is what one session knows.
//! Time is an argument.

pub mod session;
#[cfg(test)]
mod sessions_test;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use parking_lot::Mutex;

use crate::ids::BrokerId;

pub use self::session::{Key, Reader, Session, Told, Wanted};

/// A full cache lets a new session in only by dropping one that was silent for this long.
const EVICTABLE_AFTER: Duration = Duration::from_mins(2);
/// Partitions of all sessions together: each takes half a KiB, whether it exists or not.
const PARTITIONS_MAX: usize = 500_000;

/// What a request says of its session.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The session's number, or 0.
    pub id: i32,
    /// The request's place in it.
    pub epoch: i32,
    /// Whether topics are named by id.
    pub by_id: bool,
    /// Who asks.
    pub reader: Reader,
}

/// How to read the partitions of a request.
#[derive(Debug)]
pub enum Scope {
    /// Those in the request, and all of them in the response.
    Sessionless(Vec<Wanted>),
    /// The same, and the response opens this session.
    Opening(Arc<Mutex<Session>>),
    /// Those of the session, as long as it is at this epoch.
    Incremental(Arc<Mutex<Session>>, i32),
}

#[derive(Debug)]
struct Slot {
    session: Arc<Mutex<Session>>,
    reader: Reader,
    partition_count: usize,
    used_at: Duration,
}

impl Slot {
    fn is_silent(&self, now: Duration) -> bool {
        now.saturating_sub(self.used_at) >= EVICTABLE_AFTER
    }
}

/// The sessions of one broker, bounded in number.
///
/// Followers do not compete with consumers: there are no more of them than brokers, and a consumer
/// that loses its session costs one request with all its partitions.
#[derive(Debug)]
pub struct FetchSessions {
    slots_max: usize,
    /// Those of all slots together.
    partition_count: usize,
    slots: BTreeMap<i32, Slot>,
}

/// Sessions that were closed. Whoever holds them drops them with the cache unlocked: a session
/// leaves each of its partitions then.
type Closed = Vec<Arc<Mutex<Session>>>;

/// Finds what a request is about; changes its session by what it names and forgets.
pub fn resolve(
    sessions: &Mutex<FetchSessions>,
    asked: Asked,
    wanted: Vec<Wanted>,
    forgotten: &[Key],
    now: Duration,
) -> Result<Scope, ErrorCode> {
    if asked.epoch <= 0 {
        let _closed = sessions.lock().close(asked.id, asked.reader);
        if asked.epoch < 0 {
            return Ok(Scope::Sessionless(wanted));
        }
        let session = Session::new(asked.by_id, asked.reader, wanted);
        return Ok(Scope::Opening(Arc::new(Mutex::new(session))));
    }
    let session = sessions.lock().find(asked, now)?;
    let (next_epoch, partition_count) = {
        let mut session = session.lock();
        session.advance(asked, wanted, forgotten)?;
        (session.next_epoch(), session.partition_count())
    };
    let (fits, _closed) = sessions.lock().recount(asked.id, partition_count);
    if !fits {
        // The client begins anew with all its partitions, and without a session if need be.
        return Err(ErrorCode::FetchSessionIdNotFound);
    }
    Ok(Scope::Incremental(session, next_epoch))
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

    fn find(&mut self, asked: Asked, now: Duration) -> Result<Arc<Mutex<Session>>, ErrorCode> {
        let slot = self.slots.get_mut(&asked.id).filter(|slot| slot.reader == asked.reader);
        let slot = slot.ok_or(ErrorCode::FetchSessionIdNotFound)?;
        slot.used_at = now;
        Ok(Arc::clone(&slot.session))
    }

    /// Notes how many partitions a session has now; one that grows beyond all bounds is closed.
    fn recount(&mut self, id: i32, partition_count: usize) -> (bool, Closed) {
        let Some(slot) = self.slots.get_mut(&id) else { return (true, Closed::new()) };
        let before = std::mem::replace(&mut slot.partition_count, partition_count);
        let may_grow = slot.reader != Reader::Consumer;
        self.partition_count = self.partition_count - before + partition_count;
        let fits = self.partition_count <= PARTITIONS_MAX || partition_count <= before || may_grow;
        (fits, if fits { Closed::new() } else { self.remove(id).into_iter().collect() })
    }

    /// Closes a session, if it is this reader's.
    fn close(&mut self, id: i32, reader: Reader) -> Closed {
        let is_his = self.slots.get(&id).is_some_and(|slot| slot.reader == reader);
        is_his.then(|| self.remove(id)).flatten().into_iter().collect()
    }

    fn remove(&mut self, id: i32) -> Option<Arc<Mutex<Session>>> {
        let slot = self.slots.remove(&id)?;
        self.partition_count -= slot.partition_count;
        Some(slot.session)
    }

    /// Keeps a new session under a number drawn by the caller; false when there is no room.
    pub fn admit(
        &mut self,
        id: i32,
        session: &Arc<Mutex<Session>>,
        now: Duration,
    ) -> (bool, Closed) {
        let mut locked = session.lock();
        let (reader, partition_count) = (locked.reader(), locked.partition_count());
        let taken = id <= 0 || self.slots.contains_key(&id);
        if taken {
            return (false, Closed::new());
        }
        let mut closed = self.close_of_gone_followers(now);
        let fits = match reader {
            Reader::Consumer => self.make_room(partition_count, now, &mut closed),
            Reader::Replica { broker, .. } => {
                self.make_room_for_follower(broker, partition_count, &mut closed);
                true
            }
        };
        if fits {
            locked.begin(id);
            self.partition_count += partition_count;
            let session = Arc::clone(session);
            self.slots.insert(id, Slot { session, reader, partition_count, used_at: now });
        }
        (fits, closed)
    }

    /// A follower that lives asks twice a second.
    fn close_of_gone_followers(&mut self, now: Duration) -> Closed {
        let is_gone = |slot: &Slot| slot.reader != Reader::Consumer && slot.is_silent(now);
        let gone = self.slots.iter().filter(|(_, slot)| is_gone(slot)).map(|(id, _)| *id);
        let gone: Vec<_> = gone.collect();
        gone.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Makes room for a consumer's session, at the cost of another's that was silent for long.
    fn make_room(&mut self, partition_count: usize, now: Duration, closed: &mut Closed) -> bool {
        if self.has_room(partition_count) {
            return true;
        }
        let oldest = self.oldest_consumer();
        let silent = |id: &i32| self.slots.get(id).is_some_and(|slot| slot.is_silent(now));
        let Some(id) = oldest.filter(silent) else { return false };
        closed.extend(self.remove(id));
        self.has_room(partition_count)
    }

    /// Makes room for the session of a follower, which comes in place of the one it had before and
    /// of as many consumers' sessions as it takes.
    fn make_room_for_follower(
        &mut self,
        broker: BrokerId,
        partition_count: usize,
        closed: &mut Closed,
    ) {
        let is_same = |slot: &Slot| slot.reader.broker() == Some(broker);
        let same: Vec<_> =
            self.slots.iter().filter(|(_, slot)| is_same(slot)).map(|(id, _)| *id).collect();
        closed.extend(same.into_iter().filter_map(|id| self.remove(id)));
        while !self.has_room(partition_count)
            && let Some(id) = self.oldest_consumer()
        {
            closed.extend(self.remove(id));
        }
    }

    fn oldest_consumer(&self) -> Option<i32> {
        let consumers = self.slots.iter().filter(|(_, slot)| slot.reader == Reader::Consumer);
        consumers.min_by_key(|(_, slot)| slot.used_at).map(|(id, _)| *id)
    }

    fn has_room(&self, partition_count: usize) -> bool {
        self.slots.len() < self.slots_max
            && partition_count <= PARTITIONS_MAX.saturating_sub(self.partition_count)
    }
}
