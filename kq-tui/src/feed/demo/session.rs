//! What the made-up cluster tells its one watcher: all of it first, then what differs.

use std::collections::BTreeMap;

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::cluster::Cluster;
use super::groups;
use super::story::{BROKERS, Standing, Story};

const MINUTE_MS: i64 = 60_000;

/// A part of history that was told, and how much had been written by then; none = nothing was.
type Asked<T> = Option<(Option<T>, usize)>;

/// What was told.
#[derive(Debug)]
pub(super) struct Session {
    cluster: Cluster,
    window: v1::Window,
    /// The moment of the past that is looked at, in milliseconds since 1970.
    as_of_ms: Option<i64>,
    landing: Option<v1::Landing>,
    told: Option<(Option<i64>, Standing)>,
    brokers: Vec<v1::BrokerState>,
    state: Option<v1::ClusterState>,
    groups: BTreeMap<String, admin::GroupSummary>,
    has_groups: bool,
    events: Option<v1::EventPage>,
    /// What the page was asked for as, and how much was written by then.
    events_of: Asked<v1::EventScope>,
    event_total: Option<v1::EventTotal>,
    axis: Option<v1::Axis>,
    axis_of: Asked<v1::AxisScope>,
    focus: Option<v1::Focus>,
    plans: Option<v1::Plans>,
    quorum: Option<admin::QuorumStatusResponse>,
    curves: Option<v1::Curves>,
}

impl Session {
    /// One to whom nothing was told.
    pub(super) fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            window: v1::Window::default(),
            as_of_ms: None,
            landing: None,
            told: None,
            brokers: Vec::new(),
            state: None,
            groups: BTreeMap::new(),
            has_groups: false,
            events: None,
            events_of: None,
            event_total: None,
            axis: None,
            axis_of: None,
            focus: None,
            plans: None,
            quorum: None,
            curves: None,
        }
    }

    /// It wants to be told something else.
    pub(super) fn look_through(&mut self, window: v1::Window) {
        self.window = window;
    }

    /// It wants to look at another moment.
    pub(super) fn seek(&mut self, seek: &v1::Seek, now_ms: i64) {
        let found = match seek.step() {
            v1::Step::Unspecified if seek.at_ms < Story::oldest_ms() => {
                Err("nothing is kept of before then")
            }
            v1::Step::Unspecified => Ok((seek.at_ms.min(now_ms), None, String::new())),
            step @ (v1::Step::EventBack
            | v1::Step::EventOn
            | v1::Step::TroubleBack
            | v1::Step::TroubleOn) => self
                .cluster
                .step(step, seek.at_ms, now_ms)
                .map(|(at_ms, event, words)| (at_ms, Some(event), words)),
        };
        let oldest_at_ms = Some(Story::oldest_ms());
        let landing = v1::Landing { number: seek.number, oldest_at_ms, ..v1::Landing::default() };
        self.landing = Some(match found {
            Ok((at_ms, event, words)) => {
                self.as_of_ms = Some(at_ms);
                v1::Landing { found: true, at_ms, event, words, ..landing }
            }
            Err(why) => v1::Landing { at_ms: seek.at_ms, words: why.to_owned(), ..landing },
        });
    }

    /// Back to what is now.
    pub(super) fn resume(&mut self) {
        self.as_of_ms = None;
    }

    /// The next frame.
    pub(super) fn frame(&mut self, now_ms: i64) -> v1::WatchResponse {
        let at_ms = self.as_of_ms.unwrap_or(now_ms);
        let standing = self.cluster.story.standing(at_ms);
        let before = self.told.replace((self.as_of_ms, standing));
        let mut frame = v1::WatchResponse {
            now_ms,
            as_of_ms: self.as_of_ms,
            window: self.window.number,
            whole: before.is_none(),
            landing: self.landing.take(),
            ..v1::WatchResponse::default()
        };
        if before.is_none_or(|(as_of_ms, _)| as_of_ms != self.as_of_ms) {
            self.forget_moment();
        }
        self.tell_cluster((at_ms, &standing), before.map(|it| it.1), &mut frame);
        if self.as_of_ms.is_none() {
            self.tell_counters((at_ms, &standing), &mut frame);
            self.tell_groups((at_ms, &standing), &mut frame);
            let plans = self.window.plans.then(|| plans(at_ms));
            frame.plans = news(&mut self.plans, plans);
            let quorum = self.window.quorum.then(|| quorum(at_ms, &standing));
            frame.quorum = news(&mut self.quorum, quorum);
        }
        self.tell_history((at_ms, now_ms), &mut frame);
        frame
    }

    /// What is of one moment alone is told anew.
    fn forget_moment(&mut self) {
        self.groups.clear();
        self.has_groups = false;
        (self.plans, self.quorum) = (None, None);
    }

    fn tell_cluster(
        &mut self,
        (at_ms, standing): (i64, &Standing),
        before: Option<Standing>,
        frame: &mut v1::WatchResponse,
    ) {
        let state = v1::ClusterState {
            cluster_id: "made-up".to_owned(),
            controller: Some(standing.controller()),
            voters: vec![1, 2, 3],
            answered_by: 4,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..v1::ClusterState::default()
        };
        frame.cluster = news(&mut self.state, Some(state));
        let brokers: Vec<_> = (1..=BROKERS).map(|id| self.cluster.broker(id, at_ms)).collect();
        frame.brokers = brokers.iter().filter(|it| !self.brokers.contains(it)).cloned().collect();
        self.brokers = brokers;
        let Some(before) = before else {
            let all = self.cluster.topics.iter();
            frame.topics = all.map(|it| self.cluster.told(it, standing)).collect();
            return;
        };
        if before == *standing {
            return;
        }
        for topic in &self.cluster.topics {
            for at in 0..topic.partitions {
                let was = self.cluster.partition(topic, at, &before);
                let is = self.cluster.partition(topic, at, standing);
                if was != is {
                    frame.partitions.push(is);
                }
            }
        }
    }

    fn tell_counters(&self, (at_ms, standing): (i64, &Standing), frame: &mut v1::WatchResponse) {
        let Self { cluster, window, .. } = self;
        if window.brokers {
            frame.broker_counters = cluster.broker_counters(at_ms, standing);
        }
        if window.topics {
            let all = cluster.topics.iter();
            let all = all.map(|it| cluster.topic_counters(it, at_ms, standing));
            frame.topic_counters = all.collect();
        }
        let Some(scope) = &window.partitions else { return };
        for topic in &cluster.topics {
            let named = scope.keys.iter().filter(|it| it.topic == topic.name);
            let wanted: Vec<u32> = if scope.all {
                (0..topic.partitions).collect()
            } else {
                named.map(|it| it.partition).collect()
            };
            if !wanted.is_empty() {
                let wanted = wanted.into_iter();
                let told = cluster.partition_counters(topic, wanted, (at_ms, standing));
                frame.partition_counters.push(told);
            }
        }
    }

    fn tell_groups(&mut self, at: (i64, &Standing), frame: &mut v1::WatchResponse) {
        if self.window.groups {
            for group in groups::groups(at.0, at.1) {
                if self.groups.get(&group.group) != Some(&group) {
                    self.groups.insert(group.group.clone(), group.clone());
                    frame.groups.push(group);
                }
            }
            if !std::mem::replace(&mut self.has_groups, true) {
                frame.groups_missing = Some(v1::GroupsMissing::default());
            }
        }
        if !self.window.group.is_empty() {
            frame.group = Some(groups::open(&self.cluster, &self.window.group, at));
        }
    }

    fn tell_history(&mut self, (at_ms, now_ms): (i64, i64), frame: &mut v1::WatchResponse) {
        let (cluster, window) = (&self.cluster, &self.window);
        let written = cluster.written(now_ms);
        if is_other(&mut self.events_of, window.events.as_ref(), written) {
            let events = window.events.as_ref().map(|it| cluster.page(it, now_ms));
            let total = window.events.as_ref().map(|it| cluster.event_total(it, now_ms));
            frame.events = news(&mut self.events, events);
            frame.event_total = news(&mut self.event_total, total);
        }
        if is_other(&mut self.axis_of, window.axis.as_ref(), written) {
            let axis = window.axis.as_ref().map(|it| cluster.axis(it, now_ms));
            frame.axis = news(&mut self.axis, axis);
        }
        let focus = window.focus.as_ref().map(|it| cluster.focus(it, at_ms));
        let curves = (window.curve_minutes > 0).then(|| self.curves(at_ms));
        frame.focus = news(&mut self.focus, focus);
        frame.curves = news(&mut self.curves, curves);
    }

    fn curves(&self, at_ms: i64) -> v1::Curves {
        let until = u32::try_from(at_ms / MINUTE_MS).unwrap_or(0);
        let oldest = u32::try_from(Story::oldest_ms() / MINUTE_MS).unwrap_or(0);
        let from = until.saturating_sub(self.window.curve_minutes).max(oldest);
        let mut curves = v1::Curves::default();
        let group = |name: &String| v1::GroupCurve { group: name.clone(), ..Default::default() };
        let mut of_groups: Vec<_> = self.window.curve_groups.iter().map(group).collect();
        for minute in from..until {
            let standing = self.cluster.story.standing((i64::from(minute) + 1) * MINUTE_MS);
            let bytes_in = self.cluster.minute_bytes(minute);
            let behind = standing.behind().map_or(0, |id| self.cluster.held_by(id));
            let all = groups::NAMES.iter().filter_map(|it| groups::minute(it, minute, &standing));
            curves.minutes.push(minute);
            curves.bytes_in.push(bytes_in);
            curves.bytes_out.push(bytes_in * 2);
            curves.under_replicated.push(behind);
            curves.lag.push(all.map(|(lag, _)| lag).sum());
            for curve in &mut of_groups {
                if let Some((lag, members)) = groups::minute(&curve.group, minute, &standing) {
                    curve.minutes.push(minute);
                    curve.lag.push(lag);
                    curve.members.push(members);
                }
            }
        }
        curves.groups = of_groups;
        curves
    }
}

/// Whether another part of history is asked for, or more was written since it was told.
fn is_other<T: Clone + PartialEq>(told: &mut Asked<T>, asked: Option<&T>, written: usize) -> bool {
    if told.as_ref().is_some_and(|(of, by_then)| of.as_ref() == asked && *by_then == written) {
        return false;
    }
    *told = Some((asked.cloned(), written));
    true
}

/// What differs from what was told; nothing while it is not wanted.
fn news<T: Clone + PartialEq>(told: &mut Option<T>, is: Option<T>) -> Option<T> {
    if *told == is {
        return None;
    }
    told.clone_from(&is);
    is
}

/// A drain that takes half an hour, again and again.
fn plans(at_ms: i64) -> v1::Plans {
    const SPAN_MS: i64 = 1_800_000;
    const BYTES: u64 = 40_000_000_000;
    let into_ms = at_ms.rem_euclid(SPAN_MS);
    let ms = |it: i64| u64::try_from(it).unwrap_or(0);
    let left = BYTES - BYTES / ms(SPAN_MS) * ms(into_ms);
    let done = u32::try_from(into_ms * 40 / SPAN_MS).unwrap_or(0);
    let plan = admin::PlanStatus {
        id: "7c1e90aa".to_owned(),
        verb: "rebalance".to_owned(),
        state: "running".to_owned(),
        reason: "a rack was added".to_owned(),
        started_at_ms: at_ms - into_ms,
        bytes_per_second: Some(30_000_000),
        batch: 4,
        concurrency: 2,
        move_count: 40,
        moves_by_state: [("done".to_owned(), done), ("waiting".to_owned(), 40 - done)].into(),
        bytes: BYTES,
        bytes_left: Some(left),
        rate: Some(BYTES / ms(SPAN_MS) * 1_000),
        eta_ms: Some(ms(SPAN_MS - into_ms)),
        ..admin::PlanStatus::default()
    };
    v1::Plans { plans: vec![plan] }
}

fn quorum(at_ms: i64, standing: &Standing) -> admin::QuorumStatusResponse {
    let leader = standing.controller();
    let index = u64::try_from((at_ms - Story::oldest_ms()) / 500).unwrap_or(0);
    let member = |broker: u32| {
        let role = match broker {
            it if it == leader => admin::QuorumRole::Leader,
            4.. => admin::QuorumRole::Learner,
            _ => admin::QuorumRole::Voter,
        };
        let out = standing.now.filter(|it| standing.is_out && it.broker == broker);
        admin::QuorumMember {
            broker,
            role: role.into(),
            live: out.is_none(),
            end_index: Some(index).filter(|_| out.is_none()),
            lag: Some(0).filter(|_| out.is_none()),
            last_contact_at_ms: Some(out.map_or(at_ms, |it| it.fenced_ms)),
            ..admin::QuorumMember::default()
        }
    };
    admin::QuorumStatusResponse {
        leader: Some(leader),
        term: 7 + u64::from(standing.turns(2)),
        members: (1..=BROKERS).map(member).collect(),
        last_index: Some(index),
        applied_index: Some(index),
        snapshot_index: Some(index / 10_000 * 10_000),
        answered_by: 4,
    }
}
