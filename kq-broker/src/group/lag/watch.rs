//! What is remembered of one group and one partition between two rounds, and how it is judged.

use std::time::Duration;

use super::class::{Facts, classify};
use super::figures::{Figures, FirstUnread};
use super::window::{Ring, Samples};
use super::{Attendance, Class, Course, Head, IDLE_AFTER, NEW_FOR, Standing, Why};
use crate::canary;
use crate::group::Now;

/// The least pause between commits that makes a group count as stopped, while members are there.
const BOUND_MIN: Duration = Duration::from_secs(10);
/// The same while its rhythm is not known.
const BOUND_UNKNOWN: Duration = Duration::from_mins(5);
/// Beyond this no rhythm is believed.
const BOUND_MAX: Duration = Duration::from_mins(30);
/// Commits from which on their pauses tell a rhythm.
const RHYTHM_COMMITS: u8 = 5;
/// Pauses in a row that a member may leave out: those of ten commits.
const PAUSES: u32 = 9;

/// How a watch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// With the first commit.
    FirstCommit,
    /// An operator set the offset.
    Reset,
    /// This broker began to coordinate the group.
    Loaded,
    /// It had read all, so that nothing was watched, and now there is something again.
    HadReadAll,
}

/// The first record left to read, as the leader found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// The look-up began here.
    pub from: u64,
    /// The record, and its time if it carries one. None: nothing was left below `until`.
    pub found: Option<(u64, Option<i64>)>,
    /// The high watermark at the look-up.
    pub until: u64,
    /// The leader's clock at the look-up, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What a judgement looks at besides the watch itself.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The time.
    pub now: Now,
    /// Time between two rounds.
    pub round: Duration,
    /// The committed offset.
    pub committed: u64,
    /// The partition's heads.
    pub course: &'a Course,
    /// Who is there to read.
    pub attendance: Attendance,
    /// When the group last committed to any partition, in time since the broker started.
    pub group_commit_at: Duration,
}

/// A class, since when, and what it rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The class.
    pub class: Class,
    /// What it rests on.
    pub why: Why,
    /// Milliseconds since 1970.
    pub since_ms: i64,
}

/// One group and one partition, watched. Costs about 100 bytes, and 150 more while its window is
/// needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// None before the first commit, and once it has stopped.
    ring: Option<Box<Ring>>,
    origin: Origin,
    began_at: Duration,
    last_commit_at: Duration,
    /// How long before this broker started its last commit was, and then how long it had let records
    /// wait by then.
    before_start: Duration,
    /// Since when records wait behind the last commit: since it, if that is known to have left some,
    /// else since the first round that saw them.
    waits_since: Option<Duration>,
    /// How long a pause may be, from when there was a ring.
    bound: Option<Duration>,
    unread: Option<Unread>,
    shown: Verdict,
    /// Another verdict, and when it was seen first, in time since the broker started.
    pending: Option<(Verdict, Duration)>,
}

impl Watch {
    /// Begins a watch without a window.
    pub fn begin(origin: Origin, now: Now) -> Self {
        let shown = match origin {
            Origin::FirstCommit => (Class::New, Why::New),
            Origin::Reset => (Class::New, Why::Reset),
            Origin::Loaded => (Class::New, Why::CoordinatorMoved),
            Origin::HadReadAll => (Class::Ok, Why::KeepsUp),
        };
        Self {
            ring: None,
            origin,
            began_at: now.uptime,
            last_commit_at: now.uptime,
            before_start: Duration::ZERO,
            waits_since: None,
            bound: None,
            unread: None,
            shown: Verdict { class: shown.0, why: shown.1, since_ms: now.wall_ms },
            pending: None,
        }
    }

    /// The last commit was so long ago, by what is written down of it.
    #[must_use]
    pub fn committed_ago(mut self, ago: Duration) -> Self {
        self.before_start = ago.saturating_sub(self.last_commit_at);
        self.last_commit_at = self.last_commit_at.saturating_sub(ago);
        self
    }

    /// A commit stands.
    pub fn on_commit(&mut self, offset: u64, at: Duration, round: Duration) {
        // Records were there a round before one saw them, at the earliest.
        let busy_from =
            self.waits_since.map_or(at, |it| it.saturating_sub(round).max(self.last_commit_at));
        let pause = at.saturating_sub(busy_from);
        self.last_commit_at = at;
        self.before_start = Duration::ZERO;
        self.waits_since = None;
        let ring = self.ring.get_or_insert_with(|| Box::new(Ring::new()));
        ring.push(at, offset, pause, round);
    }

    /// The leader looked the first unread record up.
    pub fn on_unread(&mut self, unread: Unread) {
        self.unread = Some(unread);
    }

    /// From where a leader should look the first unread record up; none if that is known. It is asked
    /// for also where the last head had nothing left: there is more by now, where there is much.
    pub fn unread_wanted(&self, committed: u64, course: &Course) -> Option<u64> {
        let Standing::Known(head) = course.standing() else { return None };
        let from = committed.max(head.start);
        let told = FirstUnread::told(self.unread, from, head.end);
        (told == FirstUnread::Unknown).then_some(from)
    }

    /// Judges it; once a round.
    pub fn observe(&mut self, sight: &Sight<'_>) {
        if let Some(ring) = &mut self.ring {
            ring.fill(sight.course);
        }
        if let Standing::Known(head) = sight.course.standing() {
            if sight.committed >= head.end {
                self.waits_since = None;
            } else if self.waits_since.is_none() {
                self.begin_to_wait(sight.now.uptime);
            }
        }
        let (class, why) = self.judge(sight);
        self.show(class, why, sight);
        if class == Class::Stopped && self.shown.class == Class::Stopped {
            self.bound = Some(self.patience(sight));
            self.ring = None;
        }
    }

    /// When time alone may bring another class, in time since the broker started: what is new gets
    /// old enough, a pause too long, or what was seen once is to be seen again. Then it is looked at,
    /// be the next round due or not.
    pub fn due(&self, sight: &Sight<'_>) -> Option<Duration> {
        let now = sight.now.uptime;
        if let Some((verdict, at)) = self.pending {
            return Some(at.saturating_add(self.hold(verdict.class, sight.round)));
        }
        let old_enough = self.new_since().map(|(_, since)| since.saturating_add(NEW_FOR));
        let (from, pause) = match sight.attendance {
            Attendance::DesertedSince(at) => (at.max(self.last_commit_at), NEW_FOR),
            Attendance::Attended | Attendance::Simple => {
                (self.last_commit_at, self.patience(sight))
            }
        };
        let waits_since = self.waits_since.filter(|_| self.shown.class != Class::Stopped);
        let too_long = waits_since.map(|since| since.max(from).saturating_add(pause));
        [old_enough, too_long].into_iter().flatten().filter(|at| *at >= now).min()
    }

    /// How long another class has to be seen until it is shown. The first one, and a stop, have taken
    /// their time already; of the others a stray commit or two is no sign.
    fn hold(&self, class: Class, round: Duration) -> Duration {
        let is_sure = self.shown.class == Class::New || class == Class::Stopped;
        if is_sure { Duration::ZERO } else { round }
    }

    /// No class but rules 0 and 1 is shown before two rounds running came to it.
    fn show(&mut self, class: Class, why: Why, sight: &Sight<'_>) {
        let seen = Verdict { class, why, since_ms: sight.now.wall_ms };
        if canary::is("class_at_first_sight") {
            self.shown = seen;
        }
        if self.shown.class == class {
            self.shown.why = why;
            self.pending = None;
            return;
        }
        if class == Class::New && !matches!(self.shown.class, Class::Stopped | Class::Leaderless) {
            // To know less than before is no change.
            self.pending = None;
            return;
        }
        let at_once = class == Class::Leaderless
            || self.shown.class == Class::Stopped
            || (class == Class::Ok && why != Why::KeepsUp)
            || self.shown.class == Class::Leaderless;
        let hold = self.hold(class, sight.round);
        match self.pending.filter(|(it, _)| it.class == class) {
            _ if at_once => self.shown = seen,
            Some((_, at)) if sight.now.uptime.saturating_sub(at) < hold => return,
            Some((first, _)) => self.shown = Verdict { why, ..first },
            None => {
                self.pending = Some((seen, sight.now.uptime));
                return;
            }
        }
        self.pending = None;
    }

    fn judge(&self, sight: &Sight<'_>) -> (Class, Why) {
        let head = match sight.course.standing() {
            Standing::Known(head) => head,
            Standing::NoLeader(_) => return (Class::Leaderless, Why::NoLeader),
            Standing::Silent(_) => return (Class::Leaderless, Why::SilentLeader),
        };
        let figures = plain_figures(sight, &head, self.unread, sight.now.wall_ms);
        if figures.effective == Some(0) {
            let why = if figures.lag == Some(0) { Why::ReadAll } else { Why::Gap };
            return (Class::Ok, why);
        }
        let from = figures.unread_from.unwrap_or(sight.committed.max(head.start));
        if head.last_stable <= from {
            return (Class::Ok, Why::OpenTransaction);
        }
        let samples = self.samples();
        classify(&Facts {
            now: sight.now.uptime,
            round: sight.round,
            samples: &samples,
            last_commit_at: self.last_commit_at,
            waits_since: self.waits_since,
            before_start: self.before_start,
            bound: self.patience(sight),
            new: self.new_since(),
            had_read_all: self.origin == Origin::HadReadAll,
            attendance: sight.attendance,
        })
    }

    fn new_since(&self) -> Option<(Why, Duration)> {
        let why = match self.origin {
            Origin::FirstCommit => Why::New,
            Origin::Reset => Why::Reset,
            Origin::Loaded => Why::CoordinatorMoved,
            Origin::HadReadAll => return None,
        };
        Some((why, self.began_at))
    }

    /// The same, of a group that may be at work elsewhere: it reads its partitions by turns, and this
    /// one's may come.
    fn patience(&self, sight: &Sight<'_>) -> Duration {
        let bound = self.bound(sight.attendance);
        let is_elsewhere = sight.now.uptime.saturating_sub(sight.group_commit_at) <= bound
            && self.last_commit_at < sight.group_commit_at;
        if is_elsewhere { bound.max(BOUND_UNKNOWN) } else { bound }
    }

    /// When the last commit was, in time since the broker started.
    pub fn last_commit_at(&self) -> Duration {
        self.last_commit_at
    }

    /// When it last committed, if that is known to have left records.
    fn behind_since(&self) -> Option<Duration> {
        let samples = self.samples();
        let last = samples.as_slice().last()?;
        // Samples are of whole milliseconds.
        let is_last = self.last_commit_at.saturating_sub(last.at) < Duration::from_millis(1);
        (is_last && last.lag > 0).then_some(self.last_commit_at)
    }

    /// Records wait: since the last commit, if that left some; in a group that was coordinated
    /// elsewhere since the first of them, by its age; else as far as anybody knows since now.
    fn begin_to_wait(&mut self, now: Duration) {
        let age = self.time_lag_at_look_up().filter(|_| self.origin == Origin::Loaded);
        let since = self.behind_since().or(age.map(|it| now.saturating_sub(it)));
        self.waits_since = Some(since.unwrap_or(now).max(self.last_commit_at));
        let before_start = age.map_or(Duration::ZERO, |it| it.saturating_sub(now));
        self.before_start = self.before_start.min(before_start);
    }

    fn samples(&self) -> Samples {
        self.ring.as_ref().map(|ring| ring.known()).unwrap_or_default()
    }

    /// How long a pause may be: as long as its last commits would have taken, had all its pauses been
    /// as long as the longest. Time that had no work counts for none.
    fn bound(&self, attendance: Attendance) -> Duration {
        let samples = self.samples();
        let all = samples.as_slice();
        let commits = self.ring.as_ref().map_or(0, |it| it.commits());
        if all.len() < 3 && (all.len() < 2 || commits < RHYTHM_COMMITS) {
            // Who takes part in no group is often a job with checkpoints of many minutes.
            let simple = attendance == Attendance::Simple;
            let unknown = if simple { BOUND_MAX } else { BOUND_UNKNOWN };
            return self.bound.unwrap_or(unknown);
        }
        let longest = all.iter().skip(1).map(|it| it.pause).max().unwrap_or_default();
        // The one before them all may have been a stop: it may come again, but is no rhythm.
        let before = all.first().map_or(Duration::ZERO, |it| it.pause.saturating_mul(2));
        longest.saturating_mul(PAUSES).max(before).clamp(BOUND_MIN, BOUND_MAX)
    }

    /// How old the first unread record was when somebody looked: who commits often has moved on.
    fn time_lag_at_look_up(&self) -> Option<Duration> {
        let unread = self.unread?;
        let Some((_, at)) = unread.found else { return Some(Duration::ZERO) };
        let age = unread.at_ms.saturating_sub(at?);
        Some(Duration::from_millis(u64::try_from(age).unwrap_or(0)))
    }

    /// What is shown.
    pub fn verdict(&self) -> Verdict {
        self.shown
    }

    /// Whether it may be let go: all is read, and nobody has committed for long.
    pub fn is_idle(&self, now: Duration) -> bool {
        let has_read_all =
            self.shown.class == Class::Ok && matches!(self.shown.why, Why::ReadAll | Why::Gap);
        has_read_all && now.saturating_sub(self.last_commit_at) >= IDLE_AFTER
    }
}

/// The figures of this moment, of a partition that may be watched; `unread` is what its leader has
/// told just now. While nobody tells its head they are those of the last one.
pub fn figures(watch: Option<&Watch>, sight: &Sight<'_>, unread: Option<Unread>) -> Figures {
    let Some(head) = sight.course.last() else { return Figures::default() };
    let known = unread.or_else(|| watch?.unread);
    // The leader's record by the leader's clock, if it has just told that.
    let wall_ms = unread.map_or(sight.now.wall_ms, |it| it.at_ms);
    let mut figures = plain_figures(sight, &head, known, wall_ms);
    let Some(watch) = watch else {
        figures.add_rates(&Samples::default(), sight.course);
        return figures;
    };
    if figures.effective.is_none() {
        figures.time_lag = watch.time_lag_at_look_up();
    }
    let samples = watch.samples();
    figures.add_rates(&samples, sight.course);
    figures.add_catch_up(watch.shown.class, &samples, sight.now.uptime);
    figures
}

/// The same of a partition of which nothing was ever committed.
pub fn figures_of_uncommitted(head: &Head, unread: Option<Unread>, wall_ms: i64) -> Figures {
    let first = FirstUnread::told(unread, head.start, head.end);
    let wall_ms = unread.map_or(wall_ms, |it| it.at_ms);
    Figures { is_bound: true, ..Figures::of(head.start, head, first, wall_ms) }
}

fn plain_figures(sight: &Sight<'_>, head: &Head, unread: Option<Unread>, wall_ms: i64) -> Figures {
    let from = sight.committed.max(head.start);
    let first = FirstUnread::told(unread, from, head.end);
    Figures::of(sight.committed, head, first, wall_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_costs_what_its_limit_was_reckoned_with() {
        // `group.lag.windows.max` of 131,072 times this is 49 MiB.
        assert!(size_of::<Watch>() + size_of::<Ring>() <= 392);
    }

    #[test]
    fn a_first_unread_record_is_known_until_something_moves() {
        let now = Now { uptime: Duration::from_secs(9), wall_ms: 0 };
        let head = |end| Head { at: now.uptime, start: 5, last_stable: end, end, epoch: 1 };
        let course = Course::of(head(20));
        let mut watch = Watch::begin(Origin::Loaded, now);
        assert_eq!(watch.unread_wanted(3, &course), Some(5), "from the log start on");
        assert_eq!(watch.unread_wanted(20, &course), Some(20), "there may be more by now");
        let found = Some((8, Some(1_000)));
        watch.on_unread(Unread { from: 5, found, until: 20, at_ms: 4_000 });
        assert_eq!(watch.unread_wanted(7, &course), None, "5 to 7 are a gap");
        assert_eq!(watch.unread_wanted(9, &course), Some(9));
        let round = Duration::from_secs(5);
        let attendance = Attendance::Attended;
        let group_commit_at = Duration::ZERO;
        let sight =
            Sight { now, round, committed: 9, course: &course, attendance, group_commit_at };
        let told = figures(Some(&watch), &sight, None).time_lag;
        assert_eq!(told, Some(Duration::from_secs(3)), "as it was at the look-up");
        // Nothing but gaps: until the end moves.
        watch.on_unread(Unread { from: 9, found: None, until: 20, at_ms: 4_000 });
        assert_eq!(watch.unread_wanted(9, &course), None);
        assert_eq!(watch.unread_wanted(9, &Course::of(head(21))), Some(9));
    }
}
