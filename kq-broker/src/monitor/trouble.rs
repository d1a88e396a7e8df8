//! What of the history somebody on call would want to be led to.
//!
//! Trouble is: a broker that is fenced; partitions that nobody leads; an ISR that shrinks; a leader
//! that was elected uncleanly; records that are lost; a span in which nobody led the metadata quorum.
//!
//! It is no trouble what somebody wanted: that a broker which was asked to stop is fenced when it has
//! stopped, leaves its ISRs and gives up what it led; that a replica which was moved away leaves the
//! ISR; that leaders move. But a partition without a leader is trouble whatever the cause: its clients
//! wait, also where its only replica was stopped in order.
//!
//! All that follows within seconds is one trouble, and its place is where it began: the fencing, not
//! each of the four hundred shrinks after it. Where only ISRs shrank so far and then a broker is
//! fenced or partitions lose their leaders, something worse has begun.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{Detail, Event, EventKind, Subject, Unled};

/// Trouble that comes so soon after the last belongs to it.
const APART_MS: i64 = 10_000;
/// How many brokers are named.
const NAMED_MAX: usize = 4;

/// One trouble, from its beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The number of the event that it began with.
    pub event: u64,
    /// When.
    pub at_ms: i64,
    last_ms: i64,
    fenced: Vec<(BrokerId, Arc<str>)>,
    leaderless: Struck,
    shrinks: Struck,
    unclean: Struck,
    lost: Struck,
    unled_ms: i64,
    why: Arc<str>,
}

/// Partitions that one kind of trouble struck.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Struck {
    count: u32,
    first: Option<(Arc<str>, PartitionIndex)>,
}

impl Struck {
    fn add(&mut self, event: &Event) {
        self.count = self.count.saturating_add(1);
        if let (None, Subject::Partition(name, index)) = (&self.first, &event.subject) {
            self.first = Some((name.clone(), *index));
        }
    }

    /// In words: of one by its name, of several how many.
    fn words(&self, one: &str, many: &str) -> Option<String> {
        match (self.count, &self.first) {
            (0, _) => None,
            (1, Some((topic, index))) => Some(format!("{one} {topic}/{index}")),
            (count, _) => Some(format!("{count} {many}")),
        }
    }
}

/// The troubles of a history.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    all: VecDeque<Trouble>,
    /// Brokers that were asked to stop, until they are back.
    asked_to_stop: BTreeSet<BrokerId>,
    /// The replicas that a partition was just given, and at which raft index.
    given: Option<(u64, Subject, Detail)>,
}

/// What kind of trouble an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Shrink,
    Fencing,
    Leaderless,
    Unclean,
    Lost,
    Unled,
}

impl Troubles {
    pub(super) fn all(&self) -> &VecDeque<Trouble> {
        &self.all
    }

    pub(super) fn forget_before(&mut self, number: u64) {
        while self.all.front().is_some_and(|it| it.event < number) {
            self.all.pop_front();
        }
    }

    /// Takes the next event in.
    pub(super) fn take(&mut self, event: &Event, unled: Option<&Unled>) {
        let sort = self.sort(event).or(unled.map(|_| Sort::Unled));
        if event.kind == EventKind::ReplicasChanged {
            self.given = Some((event.index, event.subject.clone(), event.detail.clone()));
        }
        let Some(sort) = sort else { return };
        let at_ms = event.time.0;
        let goes_on = |last: &&mut Trouble| {
            let worse = sort != Sort::Shrink && last.is_only_shrinks();
            let at_once = last.at_ms == at_ms;
            at_ms - last.last_ms <= APART_MS && (at_once || !worse)
        };
        if let Some(last) = self.all.back_mut().filter(goes_on) {
            last.add(event, sort, unled);
            return;
        }
        let mut trouble =
            Trouble { event: event.number, at_ms, why: event.reason.clone(), ..Trouble::default() };
        trouble.add(event, sort, unled);
        self.all.push_back(trouble);
    }

    fn sort(&mut self, event: &Event) -> Option<Sort> {
        match (event.kind, &event.subject) {
            (EventKind::BrokerRegistered, Subject::Broker(id)) => {
                self.asked_to_stop.remove(id);
                None
            }
            (EventKind::BrokerStopping, Subject::Broker(id)) => {
                self.asked_to_stop.insert(*id);
                None
            }
            (EventKind::BrokerFenced, Subject::Broker(id)) => {
                (!self.asked_to_stop.contains(id)).then_some(Sort::Fencing)
            }
            (EventKind::LeaderChanged, _) => {
                let nobody = matches!(event.detail, Detail::Leader { to: None, .. });
                nobody.then_some(Sort::Leaderless)
            }
            (EventKind::IsrShrunk, _) => (!self.is_wanted(event)).then_some(Sort::Shrink),
            (EventKind::LeaderElectedUncleanly, _) => Some(Sort::Unclean),
            (EventKind::RecordsLost, _) => Some(Sort::Lost),
            _ => None,
        }
    }

    /// Whether all who left an ISR were asked to stop, or hold the partition no more.
    fn is_wanted(&self, event: &Event) -> bool {
        let Detail::Brokers { from, to } = &event.detail else { return false };
        let stays: Vec<BrokerId> = to.iter().collect();
        let moved_away = |id: BrokerId| {
            let given = self.given.as_ref();
            given.is_some_and(|(index, subject, detail)| {
                let gone =
                    matches!(detail, Detail::Brokers { to, .. } if to.iter().all(|it| it != id));
                *index == event.index && *subject == event.subject && gone
            })
        };
        let mut left = from.iter().filter(|id| !stays.contains(id));
        left.all(|id| self.asked_to_stop.contains(&id) || moved_away(id))
    }
}

impl Trouble {
    fn is_only_shrinks(&self) -> bool {
        self.fenced.is_empty()
            && [&self.leaderless, &self.unclean, &self.lost].iter().all(|it| it.count == 0)
            && self.unled_ms == 0
    }

    fn add(&mut self, event: &Event, sort: Sort, unled: Option<&Unled>) {
        self.last_ms = event.time.0;
        match sort {
            Sort::Shrink => self.shrinks.add(event),
            Sort::Leaderless => self.leaderless.add(event),
            Sort::Unclean => self.unclean.add(event),
            Sort::Lost => self.lost.add(event),
            Sort::Unled => {}
            Sort::Fencing => {
                if let Subject::Broker(id) = event.subject {
                    self.fenced.push((id, event.reason.clone()));
                }
            }
        }
        if let Some(unled) = unled {
            self.unled_ms = self.unled_ms.max(unled.until.0 - unled.from.0);
        }
    }

    /// What it is, in words, the worst of it first: `broker 3 fenced: no heartbeat; 37 partitions
    /// without leader`.
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        if !self.fenced.is_empty() {
            parts.push(self.fenced_words());
        }
        if self.unled_ms > 0 {
            parts.push(format!("no controller for {}", span(self.unled_ms)));
        }
        parts.extend(self.leaderless.words("no leader of", "partitions without leader"));
        parts.extend(self.unclean.words("unclean election of", "leaders elected uncleanly"));
        parts.extend(self.lost.words("records lost of", "losses of records"));
        parts.extend(self.shrinks.words("smaller ISR of", "ISRs shrunk"));
        let mut words = parts.join("; ");
        if self.fenced.is_empty() && !self.why.is_empty() {
            let _ = write!(words, " ({})", self.why);
        }
        words
    }

    fn fenced_words(&self) -> String {
        let Some((id, why)) = self.fenced.first() else { return String::new() };
        if self.fenced.len() == 1 {
            let own = format!("broker {id}: ");
            let why = why.strip_prefix(own.as_str()).unwrap_or(why);
            let colon = if why.is_empty() { "" } else { ": " };
            return format!("broker {id} fenced{colon}{why}");
        }
        let mut ids: Vec<BrokerId> = self.fenced.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let named: Vec<String> = ids.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let more = ids.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let noun = if ids.len() == 1 { "broker" } else { "brokers" };
        format!("{noun} {}{more} fenced", named.join(", "))
    }
}

/// A span in the two largest units: `2 m 3 s`.
pub(super) fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} m {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}
