//! The clients: what each does from the beginning of a run to its end.

mod consumer;
mod group;
mod operator;
mod producer;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use kq_proto::kafka::Str;
use kq_proto::kafka::messages::MetadataRequest;
use kq_proto::kafka::messages::metadata::MetadataRequestTopic;
use kq_storage::sim::Prng;

pub(crate) use consumer::{audit, read_on};
use group::Lead;
pub(crate) use group::{Club, OFFSETS_PARTITIONS, SESSION, take_part};
pub(crate) use operator::operate;
pub(crate) use producer::{PRODUCERS, produce};

use super::groups::Book;
use super::history::{History, Mark, Slot};
use super::seat::Seat;
use super::wire::{Line, Lost};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The brokers find one another.
    Forming,
    /// There is a quorum: the topics can be made.
    Formed,
    /// The topics are there: groups form.
    Made,
    /// Things go wrong.
    Storm,
    /// Nothing goes wrong any more.
    Healing,
    /// All is well again; what was written is read.
    Audit,
}

/// The topic that all replicas of three brokers hold.
pub(crate) const SAFE: &str = "safe";
/// The topic of two replicas that a plan moves around.
pub(crate) const MOVING: &str = "moving";
/// Every partition that is written to.
pub(crate) const SLOTS: [Slot; 5] = [
    Slot { topic: SAFE, index: 0 },
    Slot { topic: SAFE, index: 1 },
    Slot { topic: SAFE, index: 2 },
    Slot { topic: MOVING, index: 0 },
    Slot { topic: MOVING, index: 1 },
];

/// How long an answer is waited for; what takes longer may have happened or not.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What clients share. They run on one thread, one at a time.
pub(crate) struct Ground {
    pub(crate) phase: Cell<Phase>,
    pub(crate) history: RefCell<History>,
    /// What groups were told and did.
    pub(crate) book: RefCell<Book>,
    pub(crate) brokers: Vec<String>,
    /// Producers and operators that are not done.
    pub(crate) busy: Cell<u32>,
    /// Partitions as they were read in the end.
    pub(crate) audited: RefCell<BTreeMap<Slot, Vec<(i64, Mark)>>>,
    dice: RefCell<Prng>,
    seats: Vec<Rc<Seat>>,
    /// Who leads the partitions of the topic of offsets.
    leads: RefCell<BTreeMap<u32, Lead>>,
    /// When a member of a group came or went last.
    last_change: Cell<Duration>,
}

/// Who leads a partition.
pub(crate) struct LeaderAt {
    host: String,
    epoch: i32,
}

impl Ground {
    pub(crate) fn new(seed: u64, seats: &[Rc<Seat>], history: History) -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Forming),
            history: RefCell::new(history),
            book: RefCell::default(),
            brokers: seats.iter().map(|it| it.name.clone()).collect(),
            busy: Cell::new(PRODUCERS + 1),
            audited: RefCell::default(),
            dice: RefCell::new(Prng::new(seed ^ 0xC11E)),
            seats: seats.to_vec(),
            leads: RefCell::default(),
            last_change: Cell::default(),
        })
    }

    fn draw(&self, below: u64) -> u64 {
        self.dice.borrow_mut().below(below)
    }

    fn any_broker(&self) -> &str {
        let at = self.draw(self.brokers.len() as u64);
        let at = usize::try_from(at).unwrap_or(0);
        self.brokers.get(at).map_or("", String::as_str)
    }

    async fn pause(&self, ms_max: u64) {
        tokio::time::sleep(Duration::from_millis(1 + self.draw(ms_max))).await;
    }

    /// A producer or an operator is done.
    fn done(&self) {
        self.busy.set(self.busy.get() - 1);
    }

    /// Waits for a phase.
    async fn reach(&self, phase: Phase) {
        while self.phase.get() < phase {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A message that nobody can read is a fault of the broker's.
    fn hear(&self, lost: &Lost) {
        if let Lost::Malformed(why) = lost {
            self.history.borrow_mut().broke("wire", format_args!("{why}"));
        }
    }

    /// Who leads a partition, as some broker says that knows of this epoch or a later one.
    async fn leader_of(&self, slot: Slot, epoch: i32) -> Option<LeaderAt> {
        const VERSION: i16 = 12;
        let topic = MetadataRequestTopic {
            name: Some(Str::from_static(slot.topic)),
            ..MetadataRequestTopic::default()
        };
        let request = MetadataRequest { topics: Some(vec![topic]), ..MetadataRequest::default() };
        let mut line = Line::open(self.any_broker()).await.ok()?;
        let asked = line.ask(VERSION, &request, ANSWER_MAX).await;
        let answer = asked.inspect_err(|lost| self.hear(lost)).ok()?;
        let topic = answer.topics.first()?;
        let partition = topic.partitions.iter().find(|it| it.partition_index == slot.index)?;
        let leader = answer.brokers.iter().find(|it| it.node_id == partition.leader_id)?;
        let found =
            LeaderAt { host: leader.host.as_str().to_owned(), epoch: partition.leader_epoch };
        (epoch <= found.epoch).then_some(found)
    }
}
