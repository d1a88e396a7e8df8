//! Sessions step by step: what is read, what a client must be told, and which requests are refused.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::Str;
use parking_lot::Mutex;

use super::{Asked, FetchSessions, Key, Reader, Scope, Session, Told, Wanted, resolve};
use crate::ids::{BrokerEpoch, BrokerId};
use crate::kafka::topic_key::TopicKey;

const START: Duration = Duration::ZERO;
const FOLLOWER: Reader = Reader::Replica { broker: BrokerId(2), epoch: BrokerEpoch(70) };

struct Rig(Mutex<FetchSessions>);

fn topic(name: &'static str) -> TopicKey {
    TopicKey::Name(Str::from_static(name))
}

fn wanted(index: i32, offset: i64) -> Wanted {
    Wanted {
        topic: topic("t"),
        index,
        offset,
        bytes_max: 1,
        leader_epoch: -1,
        last_fetched_epoch: -1,
        log_start: -1,
        synced_end: -1,
    }
}

fn all(count: i32) -> Vec<Wanted> {
    (0..count).map(|index| wanted(index, 0)).collect()
}

fn asked(id: i32, epoch: i32) -> Asked {
    Asked { id, epoch, by_id: false, reader: Reader::Consumer }
}

fn told(high_watermark: i64) -> Told {
    Told { high_watermark, log_start: 0, must_tell: false, failed: false, has_more: false }
}

fn records(high_watermark: i64) -> Told {
    Told { must_tell: true, ..told(high_watermark) }
}

impl Rig {
    fn with_room_for(slots_max: usize) -> Self {
        Self(Mutex::new(FetchSessions::new(slots_max)))
    }

    fn open(&self, id: i32, reader: Reader, wanted: Vec<Wanted>, now: Duration) -> bool {
        let session = Arc::new(Mutex::new(Session::new(false, reader, wanted)));
        self.0.lock().admit(id, &session, now).0
    }

    fn opened(&self, id: i32, count: i32) -> Arc<Mutex<Session>> {
        let session = Session::new(false, Reader::Consumer, all(count));
        let session = Arc::new(Mutex::new(session));
        assert!(self.0.lock().admit(id, &session, START).0);
        session
    }

    fn ask(&self, asked: Asked, wanted: Vec<Wanted>, forgotten: &[Key]) -> String {
        match resolve(&self.0, asked, wanted, forgotten, START) {
            Ok(Scope::Incremental(session, _)) => ready(&session),
            Ok(Scope::Sessionless(_)) => "sessionless".into(),
            Ok(Scope::Opening(_)) => "opening".into(),
            Err(code) => format!("{code:?}"),
        }
    }

    fn next(&self, id: i32, epoch: i32, changed: Vec<Wanted>) -> String {
        self.ask(asked(id, epoch), changed, &[])
    }

    fn count(&self) -> usize {
        self.0.lock().count()
    }
}

/// The partitions that the next pass reads.
fn ready(session: &Mutex<Session>) -> String {
    let mut session = session.lock();
    session.take_changed();
    let mut all = Vec::new();
    let mut from = 0;
    while let Some((turn, number)) = session.next_ready(from) {
        from = turn + 1;
        let wanted = session.wanted(number).unwrap();
        all.push(format!("{}@{}", wanted.index, wanted.offset));
    }
    all.join(" ")
}

#[test]
fn a_session_remembers_what_was_not_named_again() {
    let rig = Rig::with_room_for(10);
    rig.opened(7, 3);
    assert_eq!(rig.next(7, 1, vec![wanted(1, 50)]), "0@0 1@50 2@0");
    let forgotten = [(topic("t"), 0), (topic("none"), 9)];
    assert_eq!(rig.ask(asked(7, 2), vec![wanted(3, 5)], &forgotten), "1@50 2@0 3@5");
    assert_eq!(rig.next(7, 3, vec![]), "1@50 2@0 3@5");
}

#[test]
fn what_is_named_and_forgotten_at_once_is_forgotten() {
    let rig = Rig::with_room_for(10);
    rig.opened(7, 2);
    assert_eq!(rig.ask(asked(7, 1), vec![wanted(0, 5)], &[(topic("t"), 0)]), "1@0");
}

#[test]
fn only_what_changed_is_read_again() {
    let rig = Rig::with_room_for(10);
    let session = rig.opened(7, 3);
    for number in 0..3 {
        session.lock().tell(number, told(5));
        assert!(!session.lock().look(number, told(5)));
    }
    assert_eq!(rig.next(7, 1, vec![]), "", "all rest");
    assert_eq!(rig.next(7, 2, vec![wanted(2, 9)]), "2@9", "the one that is named");
    assert!(!session.lock().look(2, told(5)), "where nothing is new");
    assert_eq!(rig.next(7, 3, vec![]), "");
}

#[test]
fn what_did_not_fit_stays_ready() {
    let rig = Rig::with_room_for(10);
    let session = rig.opened(7, 1);
    session.lock().tell(0, records(5));
    assert!(!session.lock().look(0, Told { has_more: true, ..told(5) }), "no news, but more");
    assert_eq!(rig.next(7, 1, vec![]), "0@0");
}

#[test]
fn sessions_hold_a_bounded_number_of_partitions() {
    let rig = Rig::with_room_for(10);
    rig.opened(1, 300_000);
    assert!(!rig.open(2, Reader::Consumer, all(200_001), START), "one too many");
    rig.opened(3, 200_000);
    let grown = rig.next(3, 1, vec![wanted(200_000, 0)]);
    assert_eq!(grown, "FetchSessionIdNotFound", "nor may one grow over it");
    assert_eq!(rig.count(), 1);
    rig.opened(4, 200_000);
    let later = Duration::from_mins(2);
    assert!(rig.open(5, Reader::Consumer, all(200_000), later), "long silence makes room");
    assert_eq!(rig.count(), 2);
}

#[test]
fn requests_out_of_turn_are_refused() {
    let rig = Rig::with_room_for(10);
    rig.opened(7, 1);
    assert_eq!(rig.next(8, 1, vec![]), "FetchSessionIdNotFound");
    assert_eq!(rig.next(7, 2, vec![]), "InvalidFetchSessionEpoch");
    assert_eq!(rig.next(7, 1, vec![]), "0@0");
    assert_eq!(rig.next(7, 1, vec![]), "InvalidFetchSessionEpoch");
    let by_id = Asked { by_id: true, ..asked(7, 2) };
    assert_eq!(rig.ask(by_id, vec![], &[]), "FetchSessionTopicIdError");
}

#[test]
fn closing_and_starting_over_drop_the_session() {
    let rig = Rig::with_room_for(10);
    rig.opened(7, 1);
    assert_eq!(rig.next(7, -1, vec![]), "sessionless");
    assert_eq!(rig.count(), 0);
    rig.opened(8, 1);
    assert_eq!(rig.next(8, 0, vec![]), "opening");
    assert_eq!(rig.count(), 0);
}

#[test]
fn only_news_are_told() {
    let rig = Rig::with_room_for(10);
    let session = rig.opened(7, 1);
    let mut session = session.lock();
    let mut is_told = |told| {
        let is_news = session.look(0, told);
        if is_news {
            session.tell(0, told);
        }
        is_news
    };
    assert!(is_told(told(5)), "nothing is known at first");
    assert!(!is_told(told(5)));
    assert!(is_told(told(6)), "the high watermark moved");
    assert!(is_told(records(6)));
    let error = Told { high_watermark: -1, log_start: -1, failed: true, ..records(0) };
    assert!(is_told(error));
    assert!(is_told(told(6)), "an error that ended is news");
    assert!(!is_told(told(6)));
}

#[test]
fn a_new_leader_epoch_is_told_everything_anew() {
    let rig = Rig::with_room_for(10);
    let session = rig.opened(7, 1);
    session.lock().tell(0, told(5));
    rig.next(7, 1, vec![wanted(0, 3)]);
    assert!(!session.lock().look(0, told(5)));
    rig.next(7, 2, vec![Wanted { leader_epoch: 4, ..wanted(0, 3) }]);
    assert!(session.lock().look(0, told(5)));
}

#[test]
fn a_served_partition_goes_behind_the_others() {
    let rig = Rig::with_room_for(10);
    let session = rig.opened(7, 3);
    session.lock().tell(0, records(5));
    assert_eq!(rig.next(7, 1, vec![]), "1@0 2@0 0@0");
}

#[test]
fn a_full_cache_drops_only_who_was_long_silent() {
    let rig = Rig::with_room_for(2);
    rig.opened(1, 1);
    rig.opened(2, 1);
    let soon = Duration::from_secs(119);
    assert!(!rig.open(3, Reader::Consumer, vec![], soon));
    let later = Duration::from_mins(2);
    resolve(&rig.0, asked(1, 1), vec![], &[], soon).unwrap();
    assert!(rig.open(3, Reader::Consumer, vec![], later));
    assert_eq!(rig.next(2, 1, vec![]), "FetchSessionIdNotFound");
    assert_eq!(rig.next(1, 2, vec![]), "0@0");
}

#[test]
fn followers_take_room_from_consumers_and_never_the_other_way() {
    let rig = Rig::with_room_for(2);
    rig.opened(1, 1);
    rig.opened(2, 1);
    assert!(rig.open(3, FOLLOWER, all(1), START), "a consumer gives way at once");
    assert_eq!(rig.next(1, 1, vec![]), "FetchSessionIdNotFound");
    let late = Duration::from_hours(1);
    resolve(&rig.0, Asked { reader: FOLLOWER, ..asked(3, 1) }, vec![], &[], late).unwrap();
    assert!(rig.open(4, Reader::Consumer, vec![], late));
    assert!(!rig.open(5, Reader::Consumer, vec![], late + Duration::from_secs(1)));
    assert!(rig.open(6, FOLLOWER, all(1), late), "a follower's new session replaces its old one");
    assert_eq!(rig.count(), 2);
}

#[test]
fn the_session_of_a_follower_that_is_gone_goes_too() {
    let rig = Rig::with_room_for(10);
    assert!(rig.open(3, FOLLOWER, all(1), START));
    assert!(rig.open(4, Reader::Consumer, vec![], Duration::from_mins(1)));
    assert_eq!(rig.count(), 2);
    assert!(rig.open(5, Reader::Consumer, vec![], Duration::from_mins(2)));
    assert_eq!(rig.count(), 2);
}

#[test]
fn nobody_uses_the_session_of_another_reader() {
    let rig = Rig::with_room_for(2);
    assert!(rig.open(3, FOLLOWER, all(1), START));
    assert_eq!(rig.next(3, 1, vec![]), "FetchSessionIdNotFound");
    assert_eq!(rig.next(3, -1, vec![]), "sessionless", "and nothing is closed by it");
    let next_life = Reader::Replica { broker: BrokerId(2), epoch: BrokerEpoch(71) };
    let of = |reader| Asked { reader, ..asked(3, 1) };
    assert_eq!(rig.ask(of(next_life), vec![], &[]), "FetchSessionIdNotFound");
    assert_eq!(rig.ask(of(FOLLOWER), vec![], &[]), "0@0");
}
