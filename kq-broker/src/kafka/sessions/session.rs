//! What one fetch session knows: its partitions, what the client knows of each, and which of them may
//! have something to say.
//!
//! ```text
//!                    named by a request, told of by its partition
//!        at rest  ─────────────────────────────────────────────────>  ready, in turn
//!                 <─────────────────────────────────────────────────
//!                    read, and there was nothing that the client does not know
//! ```
//! Only what is ready is read. A session of ten thousand partitions, one of which is written to,
//! costs that one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use super::Asked;
use crate::ids::{BrokerEpoch, BrokerId};
use crate::kafka::topic_key::TopicKey;
use crate::runtime::{FetchWaiter, Sees, Watch};

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Any client.
    Consumer,
    /// A broker that follows here.
    Replica {
        /// Which one.
        broker: BrokerId,
        /// In which of its lives.
        epoch: BrokerEpoch,
    },
}

impl Reader {
    /// The broker that follows.
    pub fn broker(self) -> Option<BrokerId> {
        match self {
            Self::Consumer => None,
            Self::Replica { broker, .. } => Some(broker),
        }
    }
}

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
    /// Where a follower's log starts, or -1.
    pub log_start: i64,
    /// Below which a follower has all on stable storage, or -1.
    pub synced_end: i64,
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
    /// True when there are records that the response has no room for.
    pub has_more: bool,
}

/// How a session tells its partitions apart.
pub type Key = (TopicKey, i32);

#[derive(Debug)]
struct Cached {
    wanted: Wanted,
    /// What the client knows, unless it has to be told again.
    known: Option<(i64, i64)>,
    /// Its place among those that are ready.
    turn: u64,
    /// Its place at the partition, once it was read.
    watch: Option<Watch>,
}

/// One reader's partitions. Their order rotates, so that each gets its turn at the byte limit.
#[derive(Debug)]
pub struct Session {
    id: i32,
    /// The epoch that the next request must carry.
    next_epoch: i32,
    by_id: bool,
    reader: Reader,
    waiter: Arc<FetchWaiter>,
    /// By number, which stays with a partition as long as it is here.
    cached: BTreeMap<u32, Cached>,
    next_number: u32,
    number_of: BTreeMap<Key, u32>,
    ready: BTreeMap<u64, u32>,
    next_turn: u64,
    /// Those of a follower that requests named, until someone takes note of where it is.
    named: BTreeSet<u32>,
}

impl Session {
    /// A session of these partitions, all of them ready.
    pub fn new(by_id: bool, reader: Reader, wanted: Vec<Wanted>) -> Self {
        let sees = match reader {
            Reader::Consumer => Sees::Committed,
            Reader::Replica { .. } => Sees::Appended,
        };
        let mut session = Self {
            id: 0,
            next_epoch: 1,
            by_id,
            reader,
            waiter: FetchWaiter::shared(sees),
            cached: BTreeMap::new(),
            next_number: 0,
            number_of: BTreeMap::new(),
            ready: BTreeMap::new(),
            next_turn: 0,
            named: BTreeSet::new(),
        };
        for it in wanted {
            session.want(it);
        }
        session
    }

    /// The session's number; 0 before it is admitted.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The epoch that the next request must carry.
    pub fn next_epoch(&self) -> i32 {
        self.next_epoch
    }

    /// Whose it is.
    pub fn reader(&self) -> Reader {
        self.reader
    }

    /// What wakes its fetches.
    pub fn waiter(&self) -> &Arc<FetchWaiter> {
        &self.waiter
    }

    /// How many partitions it has.
    pub fn partition_count(&self) -> usize {
        self.cached.len()
    }

    pub(super) fn begin(&mut self, id: i32) {
        self.id = id;
    }

    /// Takes up the next request: checks its place, and changes the partitions by what it names and
    /// forgets. A fetch of an earlier request that still waits is answered at once.
    pub(super) fn advance(
        &mut self,
        asked: Asked,
        wanted: Vec<Wanted>,
        forgotten: &[Key],
    ) -> Result<(), ErrorCode> {
        if self.next_epoch != asked.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if self.by_id != asked.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        self.next_epoch = if self.next_epoch == i32::MAX { 1 } else { self.next_epoch + 1 };
        for it in wanted {
            self.want(it);
        }
        // Named and forgotten at once: forgotten, as in Kafka.
        for key in forgotten {
            self.forget(key);
        }
        self.waiter.interrupt();
        Ok(())
    }

    fn want(&mut self, mut wanted: Wanted) {
        let key = (wanted.topic.detached(), wanted.index);
        wanted.topic = key.0.clone();
        let number = match self.number_of.get(&key) {
            Some(number) => *number,
            None => self.next_number,
        };
        if let Some(cached) = self.cached.get_mut(&number) {
            if cached.wanted.leader_epoch != wanted.leader_epoch {
                // What it was told under another leader, a follower has not kept.
                cached.known = None;
            }
            cached.wanted = wanted;
            self.ready.insert(cached.turn, number);
        } else {
            let turn = self.next_turn;
            self.next_turn += 1;
            while self.cached.contains_key(&self.next_number) || self.next_number == number {
                self.next_number = self.next_number.wrapping_add(1);
            }
            self.cached.insert(number, Cached { wanted, known: None, turn, watch: None });
            self.number_of.insert(key, number);
            self.ready.insert(turn, number);
        }
        if self.reader != Reader::Consumer {
            self.named.insert(number);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(number) = self.number_of.remove(key)
            && let Some(cached) = self.cached.remove(&number)
        {
            self.ready.remove(&cached.turn);
        }
    }

    /// Makes those ready of whom their partitions say that something happened.
    pub fn take_changed(&mut self) {
        for number in self.waiter.take_changed() {
            if let Some(cached) = self.cached.get(&number) {
                self.ready.insert(cached.turn, number);
            }
        }
    }

    /// Those that a follower named since the last call: there it tells where it is.
    pub fn take_named(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.named)
    }

    /// The first that is ready at this turn or later, with its turn.
    pub fn next_ready(&self, from: u64) -> Option<(u64, u32)> {
        self.ready.range(from..).next().map(|(turn, number)| (*turn, *number))
    }

    /// What is wanted of one of its partitions.
    pub fn wanted(&self, number: u32) -> Option<&Wanted> {
        self.cached.get(&number).map(|cached| &cached.wanted)
    }

    /// Its place at one of its partitions.
    pub fn watch(&mut self, number: u32) -> Option<&mut Option<Watch>> {
        self.cached.get_mut(&number).map(|cached| &mut cached.watch)
    }

    /// Whether the client has to hear this; if not, the partition rests until something happens.
    pub fn look(&mut self, number: u32, told: Told) -> bool {
        let Some(cached) = self.cached.get(&number) else { return false };
        let is_news = told.must_tell || cached.known != Some(told.positions());
        if !is_news && !told.has_more {
            self.ready.remove(&cached.turn);
        }
        is_news
    }

    /// Remembers what the client is told of a partition, which stays ready: there may be more.
    pub fn tell(&mut self, number: u32, told: Told) {
        let Some(cached) = self.cached.get_mut(&number) else { return };
        cached.known = (!told.failed).then_some(told.positions());
        if told.must_tell && !told.failed {
            // Whoever was served goes behind the others.
            self.ready.remove(&cached.turn);
            cached.turn = self.next_turn;
            self.next_turn += 1;
        }
        self.ready.insert(cached.turn, number);
    }
}

impl Told {
    fn positions(&self) -> (i64, i64) {
        (self.high_watermark, self.log_start)
    }
}
