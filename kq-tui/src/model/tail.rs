//! The newest records of a topic or partition, as they come: read as a reader without a group, so that
//! nothing is committed and nobody is moved. What is kept is bounded, in records and in bytes.
//!
//! ```text
//!   Ends ----both ends of each log----> Following ----records, positions----> ring
//!    ^                                      |
//!    +--- too far behind, or cut off <------+--- broken off ---> Following, from the positions
//! ```
//! Where records come faster than they are taken, the tail begins anew at the end and says so: the
//! newest are what it is for.

mod kept;
mod place;
mod ring;

pub use kept::{Field, Kept};
pub(super) use place::Next;
pub use place::{Places, Reading};

use std::sync::Arc;

use kq_proto::admin::v1::{FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse};

use super::Subject;
use ring::Ring;

/// So many records that are there already are shown at first.
const FIRST_RECORDS: u64 = 100;
/// So many of them of one partition at most.
const FIRST_OF_ONE: u64 = 20;

/// How the reading is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is asked.
    #[default]
    Idle,
    /// It is asked where the logs begin and end.
    Ends,
    /// Records come as they are written.
    Following,
    /// It broke off, and is tried again; why, not yet safe to show.
    Broken(String),
}

/// What is read, and how far.
#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    /// Of what: a topic or a partition.
    pub of: Option<Subject>,
    /// How the reading is.
    pub phase: Phase,
    /// Where each partition is read, and what is wrong with it.
    pub places: Places,
    /// The cursor goes with the newest record.
    pub follows: bool,
    shown: Ring,
    /// What comes while the screen is held.
    beside: Ring,
    next_sequence: u64,
    /// Records that came while the screen was held, and for which there was no room.
    lost_beside: u64,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            of: None,
            phase: Phase::Idle,
            places: Places::default(),
            follows: true,
            shown: Ring::default(),
            beside: Ring::default(),
            next_sequence: 0,
            lost_beside: 0,
        }
    }
}

impl Tail {
    /// Begins with nothing read.
    pub(super) fn of(subject: Subject) -> Self {
        Self { of: Some(subject), ..Self::default() }
    }

    /// What is asked first: where each log begins and ends.
    pub(super) fn ends_request(&self) -> Option<ListOffsetsRequest> {
        let subject = self.of.as_ref()?;
        Some(place::ends_request(subject.topic()?, subject.partition()))
    }

    /// Takes in where logs begin and end, and begins shortly before the ends.
    pub(super) fn take_ends(&mut self, told: ListOffsetsResponse) {
        self.places.begin(told, |count| {
            FIRST_RECORDS.checked_div(count).unwrap_or(0).clamp(1, FIRST_OF_ONE)
        });
        if self.places.reading.is_empty() {
            let why = self.places.failure().unwrap_or("it has no partition that could be read");
            self.phase = Phase::Broken(why.to_owned());
        }
    }

    /// Reads on from where it stands; none if no partition can be read.
    pub(super) fn resume(&mut self) -> Option<FetchRequest> {
        self.places.rest();
        self.fetch_request()
    }

    /// What is asked next, from where it stands; none if no partition can be read.
    fn fetch_request(&self) -> Option<FetchRequest> {
        self.places.request(self.of.as_ref()?.topic()?)
    }

    /// Takes in what was read; beside what is shown if that is held.
    pub(super) fn take(&mut self, told: FetchResponse, is_held: bool, now_ms: u64) -> Next {
        self.phase = Phase::Following;
        let next = self.places.take(&told, now_ms);
        for record in told.records {
            let is_backlog = self.places.is_backlog(record.partition, record.offset);
            let kept = Arc::new(Kept::of(record, self.next_sequence, is_backlog));
            self.next_sequence += 1;
            let ring = if is_held { &mut self.beside } else { &mut self.shown };
            ring.push(kept);
        }
        next
    }

    /// It is read on from shortly before the ends, wherever these are by now.
    pub(super) fn begin_anew(&mut self) {
        self.places.leave();
    }

    /// What came while the screen was held is shown.
    pub(super) fn release(&mut self) {
        let beside = std::mem::take(&mut self.beside);
        self.lost_beside = self.lost_beside.saturating_add(beside.dropped());
        for it in beside.into_records() {
            self.shown.push(it);
        }
    }

    /// What is shown, in the order in which it came.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Kept>> {
        self.shown.iter()
    }

    /// The record of a number.
    pub fn record(&self, sequence: u64) -> Option<&Arc<Kept>> {
        self.shown.find(sequence)
    }

    /// How many came while the screen is held.
    pub fn beside_count(&self) -> u64 {
        self.beside.count().saturating_add(self.beside.dropped())
    }

    /// How many came since it began.
    pub const fn came_count(&self) -> u64 {
        self.next_sequence
    }

    /// How many were never shown: they came too fast, or while the screen was held for too long.
    pub const fn passed_count(&self) -> u64 {
        self.places.passed().saturating_add(self.lost_beside)
    }

    /// How many had to go for newer ones.
    pub const fn dropped_count(&self) -> u64 {
        self.shown.dropped()
    }
}

#[cfg(test)]
mod tests {
    use kq_proto::admin::v1::{FetchProgress, PartitionOffset, Record};

    use super::*;

    fn ends(of: &[(u32, u64, u64)]) -> ListOffsetsResponse {
        let at = |partition, offset| PartitionOffset {
            topic: "orders".to_owned(),
            partition,
            offset: Some(offset),
            ..PartitionOffset::default()
        };
        let both = of.iter().flat_map(|(index, start, end)| [at(*index, *end), at(*index, *start)]);
        ListOffsetsResponse { offsets: both.collect(), errors: Vec::new() }
    }

    fn record(partition: u32, offset: u64) -> Record {
        Record { topic: "orders".to_owned(), partition, offset, ..Record::default() }
    }

    fn told(records: &[(u32, u64)]) -> FetchResponse {
        let records = records.iter().map(|(index, offset)| record(*index, *offset)).collect();
        FetchResponse { records, ..FetchResponse::default() }
    }

    fn begun() -> Tail {
        let mut tail = Tail::of(Subject::Topic("orders".into()));
        tail.take_ends(ends(&[(0, 0, 1_000), (1, 995, 1_000), (2, 0, 0)]));
        tail
    }

    fn offsets(tail: &Tail) -> Vec<(u32, u64)> {
        tail.records().map(|it| (it.record.partition, it.record.offset)).collect()
    }

    /// `partition@next`, in the order of partitions.
    fn asked(tail: &Tail) -> String {
        use kq_proto::admin::v1::offset_spec::Spec;
        let request = tail.fetch_request().unwrap();
        assert!(request.follow && request.read_committed);
        let at = |it: &kq_proto::admin::v1::FetchPartition| match it.from.unwrap().spec {
            Some(Spec::Offset(offset)) => format!("{}@{offset}", it.partition),
            other => format!("{}@{other:?}", it.partition),
        };
        request.partitions.iter().map(at).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn it_begins_shortly_before_the_end_and_never_before_the_log() {
        assert_eq!(asked(&begun()), "0@980 1@995 2@0");
        let one = Tail::of(Subject::Partition("orders".into(), 1)).ends_request().unwrap();
        assert!(one.queries.iter().all(|it| it.partitions == [1]));
    }

    #[test]
    fn what_broke_off_goes_on_without_a_gap() {
        let mut tail = begun();
        assert_eq!(tail.take(told(&[(0, 980), (0, 981), (2, 7)]), false, 10), Next::On);
        assert_eq!(asked(&tail), "0@982 1@995 2@8");
    }

    #[test]
    fn what_comes_while_it_is_held_shows_afterwards() {
        let mut tail = begun();
        tail.take(told(&[(0, 980)]), false, 10);
        tail.take(told(&[(0, 981), (0, 982)]), true, 20);
        assert_eq!((offsets(&tail), tail.beside_count()), (vec![(0, 980)], 2));
        tail.release();
        assert_eq!(offsets(&tail), [(0, 980), (0, 981), (0, 982)]);
        assert_eq!((tail.beside_count(), tail.passed_count()), (0, 0));
    }

    #[test]
    fn whoever_cannot_keep_up_begins_anew_at_the_end() {
        let mut tail = begun();
        let progress = FetchProgress {
            partition: 0,
            next_offset: 1_000,
            high_watermark: 1_000,
            ..FetchProgress::default()
        };
        let at_end = || FetchResponse { progress: vec![progress.clone()], ..told(&[]) };
        tail.take(told(&[(0, 998)]), false, 50);
        tail.take(at_end(), false, 100);
        // Nothing for an hour is no lag.
        assert_eq!(tail.take(told(&[(0, 1_000)]), false, 3_600_000), Next::On);
        assert_eq!(tail.take(told(&[(0, 1_001)]), false, 3_602_000), Next::On);
        assert_eq!(tail.take(told(&[(0, 1_002)]), false, 3_604_000), Next::Anew);
        tail.take_ends(ends(&[(0, 0, 50_000)]));
        assert_eq!(asked(&tail), "0@49980");
        assert_eq!(tail.passed_count(), 49_980 - 1_003);
    }

    #[test]
    fn a_lost_leader_is_looked_for_and_a_gone_partition_is_told() {
        let mut tail = begun();
        let error = |item: &str, retriable| kq_proto::admin::v1::ItemError {
            item: item.to_owned(),
            message: "it is gone".to_owned(),
            retriable,
            ..Default::default()
        };
        let failed = |it| FetchResponse { errors: vec![it], ..FetchResponse::default() };
        assert_eq!(tail.take(failed(error("orders/0", true)), false, 10), Next::Again);
        assert_eq!(tail.take(failed(error("orders/1", false)), false, 20), Next::On);
        assert_eq!(asked(&tail), "0@980 2@0");
        assert_eq!(tail.places.failure(), Some("it is gone"));
    }

    #[test]
    fn a_topic_without_anything_to_read_says_why() {
        let mut tail = Tail::of(Subject::Topic("orders".into()));
        let error = kq_proto::admin::v1::ItemError {
            item: "orders".to_owned(),
            message: "there is no topic orders".to_owned(),
            ..Default::default()
        };
        tail.take_ends(ListOffsetsResponse { offsets: Vec::new(), errors: vec![error] });
        assert_eq!(tail.phase, Phase::Broken("there is no topic orders".to_owned()));
        assert!(tail.fetch_request().is_none());
    }
}
