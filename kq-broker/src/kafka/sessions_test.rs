//! Sessions step by step: what a client must be told, and which requests are refused.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::{ErrorCode, Str};
use parking_lot::Mutex;

use super::sessions::{Asked, FetchSessions, Scope, Session, Told, Wanted};
use super::topic_key::TopicKey;

const START: Duration = Duration::ZERO;

fn topic(name: &'static str) -> TopicKey {
    TopicKey::Name(Str::from_static(name))
}

fn wanted(name: &'static str, index: i32, offset: i64) -> Wanted {
    let topic = topic(name);
    Wanted { topic, index, offset, bytes_max: 1, leader_epoch: -1, last_fetched_epoch: -1 }
}

fn asked(id: i32, epoch: i32) -> Asked {
    Asked { id, epoch, by_id: false }
}

fn told(high_watermark: i64) -> Told {
    Told { high_watermark, log_start: 0, must_tell: false, failed: false }
}

fn opened(sessions: &mut FetchSessions, id: i32, count: i32) -> Arc<Mutex<Session>> {
    let partitions = (0..count).map(|index| wanted("t", index, 0)).collect();
    sessions.open(id, false, partitions, START).unwrap()
}

fn next(sessions: &mut FetchSessions, id: i32, epoch: i32, changed: Vec<Wanted>) -> String {
    match sessions.resolve(asked(id, epoch), changed, Vec::new(), START) {
        Ok(Scope::Incremental(session)) => {
            let session = session.lock();
            let all = session.wanted().map(|it| format!("{}@{}", it.index, it.offset));
            all.collect::<Vec<_>>().join(" ")
        }
        Ok(_) => "all".into(),
        Err(code) => format!("{code:?}"),
    }
}

#[test]
fn a_session_remembers_what_was_not_named_again() {
    let mut sessions = FetchSessions::new(10);
    opened(&mut sessions, 7, 3);
    assert_eq!(next(&mut sessions, 7, 1, vec![wanted("t", 1, 50)]), "0@0 1@50 2@0");
    let forgotten = vec![(topic("t"), 0), (topic("none"), 9)];
    let scope = sessions.resolve(asked(7, 2), vec![wanted("t", 3, 5)], forgotten, START).unwrap();
    assert!(matches!(scope, Scope::Incremental(_)));
    assert_eq!(next(&mut sessions, 7, 3, vec![]), "1@50 2@0 3@5");
}

#[test]
fn what_is_named_and_forgotten_at_once_is_forgotten() {
    let mut sessions = FetchSessions::new(10);
    opened(&mut sessions, 7, 2);
    let forgotten = vec![(topic("t"), 0)];
    sessions.resolve(asked(7, 1), vec![wanted("t", 0, 5)], forgotten, START).unwrap();
    assert_eq!(next(&mut sessions, 7, 2, vec![]), "1@0");
}

#[test]
fn sessions_hold_a_bounded_number_of_partitions() {
    let all = |count| (0..count).map(|index| wanted("t", index, 0)).collect::<Vec<_>>();
    let mut sessions = FetchSessions::new(10);
    opened(&mut sessions, 1, 300_000);
    assert!(sessions.open(2, false, all(200_001), START).is_none(), "one too many");
    opened(&mut sessions, 3, 200_000);
    let grown = next(&mut sessions, 3, 1, vec![wanted("t", 200_000, 0)]);
    assert_eq!(grown, "FetchSessionIdNotFound", "nor may one grow over it");
    assert_eq!(sessions.count(), 1);
    opened(&mut sessions, 4, 200_000);
    let later = Duration::from_mins(2);
    assert!(sessions.open(5, false, all(200_000), later).is_some(), "long silence makes room");
    assert_eq!(sessions.count(), 2);
}

#[test]
fn requests_out_of_turn_are_refused() {
    let mut sessions = FetchSessions::new(10);
    opened(&mut sessions, 7, 1);
    assert_eq!(next(&mut sessions, 8, 1, vec![]), "FetchSessionIdNotFound");
    assert_eq!(next(&mut sessions, 7, 2, vec![]), "InvalidFetchSessionEpoch");
    assert_eq!(next(&mut sessions, 7, 1, vec![]), "0@0");
    assert_eq!(next(&mut sessions, 7, 1, vec![]), "InvalidFetchSessionEpoch");
    let by_id = Asked { by_id: true, ..asked(7, 2) };
    let refused = sessions.resolve(by_id, vec![], vec![], START).unwrap_err();
    assert_eq!(refused, ErrorCode::FetchSessionTopicIdError);
}

#[test]
fn closing_and_starting_over_drop_the_session() {
    let mut sessions = FetchSessions::new(10);
    opened(&mut sessions, 7, 1);
    assert_eq!(next(&mut sessions, 7, -1, vec![]), "all");
    assert_eq!(sessions.count(), 0);
    opened(&mut sessions, 8, 1);
    assert_eq!(next(&mut sessions, 8, 0, vec![]), "all");
    assert_eq!(sessions.count(), 0);
}

#[test]
fn only_news_are_told() {
    let mut sessions = FetchSessions::new(10);
    let session = opened(&mut sessions, 7, 1);
    let mut session = session.lock();
    let t = topic("t");
    assert!(session.tell(&t, 0, told(5)), "nothing is known at first");
    assert!(!session.tell(&t, 0, told(5)));
    assert!(session.tell(&t, 0, told(6)), "the high watermark moved");
    assert!(session.tell(&t, 0, Told { must_tell: true, ..told(6) }), "records");
    let error = Told { high_watermark: -1, log_start: -1, must_tell: true, failed: true };
    assert!(session.tell(&t, 0, error));
    assert!(session.tell(&t, 0, told(6)), "an error that ended is news");
    assert!(!session.tell(&t, 0, told(6)));
}

#[test]
fn a_served_partition_goes_behind_the_others() {
    let mut sessions = FetchSessions::new(10);
    let session = opened(&mut sessions, 7, 3);
    session.lock().tell(&topic("t"), 0, Told { must_tell: true, ..told(5) });
    assert_eq!(next(&mut sessions, 7, 1, vec![]), "1@0 2@0 0@0");
}

#[test]
fn a_full_cache_drops_only_who_was_long_silent() {
    let mut sessions = FetchSessions::new(2);
    opened(&mut sessions, 1, 1);
    opened(&mut sessions, 2, 1);
    let soon = Duration::from_secs(119);
    assert!(sessions.open(3, false, vec![], soon).is_none());
    let later = Duration::from_mins(2);
    sessions.resolve(asked(1, 1), vec![], vec![], soon).unwrap();
    assert!(sessions.open(3, false, vec![], later).is_some());
    assert_eq!(next(&mut sessions, 2, 1, vec![]), "FetchSessionIdNotFound");
    assert_eq!(next(&mut sessions, 1, 2, vec![]), "0@0");
}
