//! All that the monitor remembers. The view reads it, `update` alone writes it.

use std::collections::{BTreeMap, VecDeque};

use kq_proto::monitor::v1;

use super::configs::Configs;
use super::filter::Filter;
use super::look::Look;
use super::pages::Paging;
use super::past::{Past, Troubles};
use super::record::Opened;
use super::tail::Tail;
use super::task::Task;
use super::words::Verdict;
use super::{
    Context, Effect, HitMap, Mode, Overlay, Place, Row, RowKey, Screen, Settings, Sort, Source,
    Subject, Table, Unanswered, Zone, Zoom,
};
use crate::facts::Facts;

/// After so much silence what is shown is no longer called live, in milliseconds.
const SILENCE_MS: u64 = 5_000;
/// Lines that screens take around their tables, where nobody told how many rows there are.
const LINES_AROUND: u16 = 12;

/// How the feed is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It looks for a broker; where, in words.
    Opening(String),
    /// It tells; who, in words.
    Open(String),
    /// It is gone and comes back; why, in words.
    Lost(String),
    /// It is over; why, in words.
    Ended(String),
}

/// Something that is said below the screen until it is old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In words, safe to show.
    pub text: String,
    /// Whether something did not go.
    pub is_failure: bool,
    /// Since when, by the uptime.
    pub since_ms: u64,
}

/// A place that Esc goes back to, as it was left.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    pub(super) place: Place,
    pub(super) filter: Filter,
    pub(super) sort: Sort,
    pub(super) selected: Option<RowKey>,
    pub(super) first: usize,
    pub(super) paging: Paging,
}

/// All that the monitor remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// As it was started.
    pub settings: Settings,
    /// The cluster.
    pub facts: Facts,
    /// The terminal: cells across and down.
    pub size: (u16, u16),
    /// How the feed is.
    pub link: Link,
    /// What is on the screen.
    pub place: Place,
    /// Where Esc goes, the last first.
    pub back: Vec<Visit>,
    /// The table of the screen.
    pub table: Table,
    /// What lies above the screen.
    pub overlay: Option<Overlay>,
    /// What is said.
    pub said: Option<Said>,
    /// How the cluster is, in words.
    pub verdict: Verdict,
    /// Of `Configs`: what was told.
    pub configs: Configs,
    /// Of `Tail`: what was read.
    pub tail: Tail,
    /// Of `Record`: the record.
    pub record: Option<Opened>,
    /// How much of the time the axis shows.
    pub zoom: Zoom,
    /// Where in time the screen is.
    pub past: Past,
    /// Times are shown as UTC.
    pub utc: bool,
    /// The terminal reports the mouse.
    pub mouse: bool,
    /// Since the start, in milliseconds.
    pub uptime_ms: u64,
    pub(super) hits: HitMap,
    pub(super) tables: BTreeMap<Screen, Table>,
    /// While what is now is held: what is known beside it.
    pub(super) held: Option<Box<Facts>>,
    pub(super) troubles: Troubles,
    /// When a frame came last, by the uptime, and the clock that it told.
    pub(super) heard: Option<(u64, i64)>,
    pub(super) key_at_ms: Option<u64>,
    pub(super) esc_at_ms: Option<u64>,
    /// Rows have to be found anew.
    pub(super) stale: bool,
    pub(super) settled_at_ms: u64,
    /// The window that was asked for last.
    pub(crate) window: v1::Window,
    /// The page of history in the newest window that a frame has answered.
    pub(super) answered_events: Option<v1::EventScope>,
    /// Windows that were asked for and that no frame has answered yet.
    pub(super) unanswered: Unanswered,
    /// Of a recording: so many times as fast as it was.
    pub(super) replay_speed: u32,
    pub(super) effects: u64,
    pub(super) look: Look,
    /// What is being done, and looked at no more, by the numbers of the calls.
    pub(super) leaving: BTreeMap<u64, Box<Task>>,
    /// What has ended meanwhile and was not read yet, the first first.
    pub(super) ended: VecDeque<Box<Task>>,
    /// The id of the cluster that was told first.
    pub(super) first_cluster: Option<String>,
    /// The id of the cluster that was told last, beside what is held too.
    pub(super) told_cluster: String,
    /// Of this call somebody was told that its end is not known yet, and wants to quit.
    pub(super) warned_of: Option<u64>,
    /// Whose members were shown last.
    pub(super) last_group: Option<String>,
    /// What each screen was about last.
    pub(super) subjects: BTreeMap<Screen, Subject>,
}

impl State {
    /// As the monitor begins: on the overview, with nothing known.
    pub fn new(settings: Settings) -> Self {
        let utc = settings.utc || settings.zone.is_none();
        let is_recording = settings.source == Source::Recording;
        Self {
            settings,
            facts: if is_recording { Facts::blind() } else { Facts::default() },
            size: (80, 24),
            link: Link::Opening(String::new()),
            place: Place::of(Screen::Overview),
            back: Vec::new(),
            table: Table::new(Screen::Overview),
            overlay: None,
            said: None,
            verdict: Verdict::default(),
            configs: Configs::default(),
            tail: Tail::default(),
            record: None,
            zoom: Zoom::default(),
            past: Past::default(),
            utc,
            mouse: false,
            uptime_ms: 0,
            hits: HitMap::default(),
            tables: BTreeMap::new(),
            held: None,
            troubles: Troubles::default(),
            heard: None,
            key_at_ms: None,
            esc_at_ms: None,
            stale: true,
            settled_at_ms: 0,
            window: v1::Window::default(),
            answered_events: None,
            unanswered: Unanswered::default(),
            replay_speed: 1,
            effects: 0,
            look: Look::default(),
            leaving: BTreeMap::new(),
            ended: VecDeque::new(),
            first_cluster: None,
            told_cluster: String::new(),
            warned_of: None,
            last_group: None,
            subjects: BTreeMap::new(),
        }
    }

    /// What the view drew where, told after each drawing: for clicks, pages and the feed's window.
    /// Tells what is to be asked of the feed now that it is known how much is seen.
    pub fn drawn(&mut self, mut hits: HitMap) -> Vec<Effect> {
        hits.name_rows(|at| self.key_of(self.table.rows.get(at)?));
        let is_other = hits.room != self.hits.room;
        self.hits = hits;
        if is_other {
            let room = self.room();
            self.table.follow(room);
        }
        self.ask().into_iter().collect()
    }

    /// What keys go to.
    pub fn context(&self) -> Context {
        match &self.overlay {
            None => Context::Screen(self.place.screen),
            Some(Overlay::Help(_)) => Context::Help,
            Some(Overlay::Palette(_)) => Context::Palette,
            Some(Overlay::Line(_)) => Context::Line,
            Some(Overlay::Task(_)) => Context::Task,
        }
    }

    /// In whose time the screen is.
    pub fn mode(&self) -> Mode {
        let shown_ms = self.facts.moment_ms();
        let silent_ms = self.silent_ms();
        if self.is_recording() {
            let ended = matches!(self.link, Link::Ended(_));
            return Mode::Replay { at_ms: shown_ms, speed: self.replay_speed, ended };
        }
        let is_lost = match &self.link {
            Link::Lost(_) | Link::Ended(_) => true,
            // It looks for another one: until that tells, what is shown is what the last one told.
            Link::Opening(_) => self.heard.is_some(),
            Link::Open(_) => false,
        };
        if is_lost {
            return Mode::Lost { for_ms: silent_ms, at_ms: shown_ms };
        }
        let age_of = |at_ms: i64| u64::try_from(self.now_ms().saturating_sub(at_ms)).unwrap_or(0);
        if let Some(at_ms) = self.facts.as_of_ms {
            return Mode::Past { at_ms, age_ms: age_of(at_ms), speed: self.past.speed };
        }
        if self.past.is_seeking() {
            return Mode::Seeking { to_ms: self.past.target_ms };
        }
        if self.held.is_some()
            && let Some(at_ms) = shown_ms
        {
            return Mode::Paused { at_ms, age_ms: age_of(at_ms) };
        }
        // Of what is now a broker tells something each second, be it only that it still does.
        if self.heard.is_some() && self.is_told_steadily() && silent_ms > SILENCE_MS {
            return Mode::Lost { for_ms: silent_ms, at_ms: shown_ms };
        }
        Mode::Live { at_ms: shown_ms }
    }

    /// The zone of the times that are shown.
    pub fn zone(&self) -> Zone<'_> {
        if self.utc { None } else { self.settings.zone.as_ref() }
    }

    /// The cluster's clock as far as it is known, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        let Some((heard_ms, now_ms)) = self.heard else { return 0 };
        if self.is_recording() {
            return now_ms;
        }
        let since = self.uptime_ms.saturating_sub(heard_ms);
        now_ms.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// So old is what is shown as live: since the last frame came, in milliseconds.
    pub fn age_ms(&self) -> Option<u64> {
        self.heard.map(|_| self.silent_ms())
    }

    /// The moment of the past that is shown or asked for, in milliseconds since 1970.
    pub fn moment_asked(&self) -> Option<i64> {
        self.past.target_ms.or(self.facts.as_of_ms)
    }

    /// `2 new`: troubles that are new since the screen left what is now. `? new` where the axis that is
    /// told does not reach up to now, or has not all of them in it. None where there is nothing to say.
    pub fn new_troubles(&self) -> Option<String> {
        self.troubles.words()
    }

    /// Whether silence of the feed is a loss.
    fn is_told_steadily(&self) -> bool {
        self.settings.source == Source::Live
    }

    /// Whether a recording is played.
    pub fn is_recording(&self) -> bool {
        self.settings.source == Source::Recording
    }

    /// The table of the screen.
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Rows that the table has room for.
    pub fn room(&self) -> usize {
        let lines = self.size.1.saturating_sub(LINES_AROUND);
        usize::from(self.hits.room.unwrap_or(lines)).max(1)
    }

    /// Columns that the axis has room for.
    pub fn axis_columns(&self) -> u32 {
        u32::from(self.hits.axis_columns.unwrap_or(self.size.0.saturating_sub(9))).clamp(1, 512)
    }

    /// The name of a row that lasts.
    pub fn key_of(&self, row: &Row) -> Option<RowKey> {
        match row {
            Row::Alarm(at) => Some(RowKey::Alarm(self.verdict.alarms.get(*at)?.about.clone())),
            Row::Broker(_)
            | Row::Topic(_)
            | Row::Partition(_)
            | Row::Event(_)
            | Row::Group(_)
            | Row::Member(_)
            | Row::Nobody
            | Row::Owned(_)
            | Row::Plan(_)
            | Row::Voter(_)
            | Row::Record(_)
            | Row::Line(_) => row.key(&self.facts, self.open_group()),
            Row::Config(at) => Some(RowKey::Config(self.configs.entries.get(*at)?.key.clone())),
        }
    }

    /// The group whose members are shown, if it was told; another one's are never drawn.
    pub fn open_group(&self) -> Option<&v1::GroupState> {
        self.facts.group_named(self.place.group.as_deref()?)
    }

    fn silent_ms(&self) -> u64 {
        self.uptime_ms.saturating_sub(self.heard.map_or(0, |(heard_ms, _)| heard_ms))
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.tell(text.into(), false);
    }

    pub(super) fn complain(&mut self, text: impl Into<String>) {
        self.tell(text.into(), true);
    }

    fn tell(&mut self, text: String, is_failure: bool) {
        let text = crate::text::safe(&text).into_owned();
        self.said = Some(Said { text, is_failure, since_ms: self.uptime_ms });
    }
}
