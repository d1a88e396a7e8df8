//! A made-up cluster for tests: frames in, keys in, effects out.

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::configs::Configs;
use super::record::Opened;
use super::tail::Tail;
use super::{
    Code, Effect, Event, FeedAsk, FeedEvent, Key, Place, Screen, Settings, State, Subject, Table,
    update,
};

/// 2026-11-21T12:04:31Z.
pub(super) const NOW_MS: i64 = 1_795_262_671_000;

/// A monitor that is being used.
pub(super) struct World {
    pub(super) state: State,
}

impl World {
    /// Before anything is known.
    pub(super) fn empty() -> Self {
        let settings = Settings { context: "prod-eu".to_owned(), ..Settings::default() };
        let mut it = Self { state: State::new(settings) };
        it.event(Event::Resize { columns: 80, rows: 24 });
        it
    }

    /// A cluster in which b3 is fenced.
    pub(super) fn made_up() -> Self {
        let mut it = Self::empty();
        it.event(Event::Feed(FeedEvent::Open { to: "kq1:9092".to_owned() }));
        it.frame(whole());
        it
    }

    /// An event, and what is to be done outside of it but asking for another window.
    pub(super) fn event(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = update(&mut self.state, event);
        effects.retain(|it| !matches!(it, Effect::Ask(FeedAsk::Window(_))));
        effects
    }

    pub(super) fn frame(&mut self, frame: v1::WatchResponse) -> Vec<Effect> {
        self.event(Event::Feed(FeedEvent::Frame(Box::new(frame))))
    }

    /// Time goes on by so much.
    pub(super) fn wait(&mut self, ms: u64) -> Vec<Effect> {
        let uptime_ms = self.state.uptime_ms + ms;
        self.event(Event::Tick { uptime_ms })
    }

    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        self.wait(100);
        self.event(Event::Key(key))
    }

    /// Characters one by one; `\n` is Enter, `\u{1b}` Esc.
    pub(super) fn press(&mut self, keys: &str) -> Vec<Effect> {
        let key = |it| match it {
            '\n' => Key::plain(Code::Enter),
            '\u{1b}' => Key::plain(Code::Esc),
            it => Key::char(it),
        };
        keys.chars().flat_map(|it| self.key(key(it))).collect()
    }

    pub(super) fn said(&self) -> &str {
        self.state.said.as_ref().map_or("", |it| it.text.as_str())
    }

    /// Shows a screen without a key.
    pub(super) fn show(&mut self, screen: Screen) {
        let group = (screen == Screen::Members).then(|| "billing".to_owned());
        self.state.place = Place { group, ..Place::of(screen) };
        if screen.is_asked_for() {
            self.show_asked(screen, "orders");
        }
        self.state.table = Table::new(screen);
        self.state.settle();
    }

    /// A configuration with two keys, or two records of a topic.
    pub(super) fn show_asked(&mut self, screen: Screen, name: &str) {
        let topic = Subject::Topic(name.to_owned());
        let config = |key: &str| admin::ConfigEntry { key: key.to_owned(), ..Default::default() };
        self.state.configs = Configs { of: Some(topic.clone()), ..Configs::default() };
        self.state.configs.take(admin::DescribeConfigsResponse {
            resources: vec![admin::ResourceConfigs {
                resource: None,
                entries: vec![config("cleanup.policy"), config("retention.ms")],
            }],
            errors: Vec::new(),
        });
        let record = |offset| admin::Record {
            topic: name.to_owned(),
            partition: 1,
            offset,
            value: Some(format!("value {offset}").into()),
            ..Default::default()
        };
        self.state.tail = Tail::of(topic.clone());
        let records = vec![record(7), record(8)];
        self.state.tail.take(admin::FetchResponse { records, ..Default::default() }, false, 0);
        self.state.record = self.state.tail.records().next().cloned().map(Opened::new);
        let is_one = screen == Screen::Record;
        let subject = if is_one { Subject::Record(name.to_owned(), 1, 7) } else { topic };
        self.state.place.subject = Some(subject);
    }

    /// Shows a moment of the past, as if it had been asked for.
    pub(super) fn past(&mut self, ago_ms: i64) {
        let at_ms = NOW_MS - ago_ms;
        self.frame(v1::WatchResponse {
            now_ms: NOW_MS,
            as_of_ms: Some(at_ms),
            ..v1::WatchResponse::default()
        });
    }

    /// The names of the rows, with `>` at the cursor.
    pub(super) fn rows(&self) -> String {
        let table = &self.state.table;
        let line = |(at, row)| {
            let cursor = if table.at == Some(at) { '>' } else { ' ' };
            let key = self.state.key_of(row).map(|it| format!("{it:?}")).unwrap_or_default();
            format!("{cursor}{key}\n")
        };
        table.rows.iter().enumerate().map(line).collect()
    }
}

fn broker(id: u32, fenced: bool) -> v1::BrokerState {
    let state = if fenced { admin::BrokerState::Fenced } else { admin::BrokerState::Running };
    v1::BrokerState {
        id,
        host: format!("kq{id}"),
        port: 9_092,
        state: state.into(),
        since_at_ms: Some(NOW_MS - 204_000),
        reason: if fenced { "session expired".to_owned() } else { String::new() },
        ..v1::BrokerState::default()
    }
}

pub(super) fn topic(number: u32, name: &str, leaders: &[u32], in_sync: &[u64]) -> v1::TopicState {
    let count = u32::try_from(leaders.len()).unwrap_or(0);
    v1::TopicState {
        number,
        name: name.to_owned(),
        min_insync_replicas: 2,
        leaders: leaders.iter().map(|id| id + 1).collect(),
        leader_epochs: vec![44; leaders.len()],
        replica_counts: vec![3],
        replicas: [1, 2, 3].repeat(leaders.len()),
        in_sync: in_sync.to_vec(),
        changed: (0..count).collect(),
        changed_at_ms: vec![NOW_MS - 204_000; leaders.len()],
        ..v1::TopicState::default()
    }
}

pub(super) fn group(name: &str, class: admin::LagClass, lag: u64) -> admin::GroupSummary {
    admin::GroupSummary {
        group: name.to_owned(),
        member_count: 2,
        lag: Some(admin::LagSummary {
            lag,
            class: class.into(),
            time_lag_ms: Some(lag),
            class_since_at_ms: Some(NOW_MS - 1_000_000),
            consumed_per_second: Some(8_600.0),
            produced_per_second: Some(9_800.0),
            why: "rising".to_owned(),
            slowest: Some(admin::PartitionRef { topic: "orders".to_owned(), partition: 1 }),
            catch_up: Some(admin::CatchUp { when: Some(admin::catch_up::When::Never(true)) }),
            ..admin::LagSummary::default()
        }),
        ..admin::GroupSummary::default()
    }
}

pub(super) fn event(sequence: u64, kind: admin::EventKind, subject: &str) -> admin::Event {
    let ago = 204_000 - i64::try_from(sequence).unwrap_or(0);
    admin::Event {
        sequence,
        at_ms: NOW_MS - ago,
        kind: kind.into(),
        subject: subject.to_owned(),
        message: "[1,2,3] to [1,2]".to_owned(),
        reason: "session expired".to_owned(),
        ..admin::Event::default()
    }
}

fn open_group() -> v1::GroupState {
    let member = |id: &str| admin::GroupMember { member: id.to_owned(), ..Default::default() };
    let owned = |partition, member: Option<&str>, lag| admin::PartitionLag {
        group: "billing".to_owned(),
        topic: "orders".to_owned(),
        partition,
        lag,
        member: member.map(str::to_owned),
        host: Some("/10.0.4.7".to_owned()),
        ..Default::default()
    };
    v1::GroupState {
        group: "billing".to_owned(),
        members: vec![member("c-1"), member("c-2")],
        partitions: vec![
            owned(0, Some("c-1"), Some(5)),
            owned(1, Some("c-2"), Some(900)),
            owned(2, None, None),
        ],
        ..v1::GroupState::default()
    }
}

/// All of the cluster.
pub(super) fn whole() -> v1::WatchResponse {
    let row = |(sequence, kind, subject, count)| v1::EventRow {
        event: Some(event(sequence, kind, subject)),
        count,
        last: sequence + u64::from(count) - 1,
    };
    let events = [
        (1, admin::EventKind::BrokerFenced, "broker 3", 1),
        (2, admin::EventKind::IsrShrunk, "orders/1", 412),
        (500, admin::EventKind::LeaderChanged, "orders/1", 1),
    ];
    v1::WatchResponse {
        now_ms: NOW_MS,
        whole: true,
        cluster: Some(v1::ClusterState {
            controller: Some(2),
            answered_by: 1,
            ..Default::default()
        }),
        brokers: vec![broker(1, false), broker(2, false), broker(3, true)],
        topics: vec![
            topic(7, "orders", &[1, 1, 2], &[0b111, 0b011, 0b111]),
            topic(9, "audit", &[1], &[0b111]),
        ],
        groups: vec![
            group("billing", admin::LagClass::Lagging, 1_210_377),
            group("dash", admin::LagClass::Ok, 9),
        ],
        group: Some(open_group()),
        events: Some(v1::EventPage { rows: events.map(row).into(), ..Default::default() }),
        plans: Some(v1::Plans {
            plans: vec![admin::PlanStatus {
                id: "drain-b4".into(),
                state: "running".into(),
                ..Default::default()
            }],
        }),
        quorum: Some(admin::QuorumStatusResponse {
            members: vec![admin::QuorumMember { broker: 2, ..Default::default() }],
            ..Default::default()
        }),
        ..v1::WatchResponse::default()
    }
}
