//! A producer, a consumer and a cluster around one watch, in steps of 100 ms; rounds come every 5 s,
//! and early ones when something is due.

use std::fmt::Write as _;
use std::time::Duration;

use crate::group::Now;
use crate::group::lag::{Attendance, Course, Head, Origin, Sight, Unread, Watch};

const STEP: Duration = Duration::from_millis(100);
const ROUND: Duration = Duration::from_secs(5);
/// After a round at least.
const EARLY: Duration = Duration::from_secs(1);

/// One partition, its producer and its consumer.
pub(super) struct World {
    now: Duration,
    wall_shift_ms: i64,
    produced: f64,
    produce: f64,
    read: f64,
    consume: f64,
    /// What it always leaves, so that no commit ever finds nothing left.
    behind: f64,
    commit_every: Option<Duration>,
    commit_next: Duration,
    committed: Option<u64>,
    start: u64,
    last_stable: Option<u64>,
    /// From here to the end nothing is left but gaps.
    gap_from: Option<u64>,
    leader: Leader,
    course: Course,
    attendance: Attendance,
    watch: Option<Watch>,
    committed_at: Duration,
    /// Where the partition ended at each second.
    ends: Vec<u64>,
    /// The group commits to other partitions.
    is_at_work_elsewhere: bool,
    origin: Origin,
    round_next: Duration,
    early_next: Option<Duration>,
    shown: &'static str,
    /// When which class was shown first.
    pub(super) log: String,
}

#[derive(PartialEq)]
enum Leader {
    There,
    Lost,
    Silent,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: Duration::from_secs(100),
            wall_shift_ms: 1_700_000_000_000,
            produced: 0.0,
            produce: 0.0,
            read: 0.0,
            consume: 0.0,
            behind: 0.0,
            commit_every: None,
            commit_next: Duration::ZERO,
            committed: None,
            start: 0,
            last_stable: None,
            gap_from: None,
            leader: Leader::There,
            course: Course::default(),
            attendance: Attendance::Attended,
            watch: None,
            committed_at: Duration::ZERO,
            ends: Vec::new(),
            is_at_work_elsewhere: false,
            origin: Origin::FirstCommit,
            round_next: Duration::from_secs(102),
            early_next: None,
            shown: "-",
            log: String::new(),
        }
    }

    fn now(&self) -> Now {
        let passed = i64::try_from(self.now.as_millis()).unwrap();
        Now { uptime: self.now, wall_ms: self.wall_shift_ms + passed }
    }

    fn end(&self) -> u64 {
        whole(self.produced)
    }

    /// Carries one line of a script out.
    pub(super) fn act(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["produce", rate] => self.produce = self::rate(rate),
            ["backlog", count] => self.produced += count.parse::<f64>().unwrap(),
            ["consume", rate, "commit", every] => {
                self.consume = self::rate(rate);
                self.commit_every = Some(time(every));
                self.commit_next = self.now + time(every);
                self.attendance = Attendance::Attended;
            }
            ["simple", "consume", rate, "commit", every] => {
                self.act(&format!("consume {rate} commit {every}"));
                self.attendance = Attendance::Simple;
            }
            ["behind", count] => self.behind = count.parse().unwrap(),
            ["elsewhere"] => self.is_at_work_elsewhere = true,
            ["freeze"] => self.consume = 0.0,
            ["silence"] => self.commit_every = None,
            ["leave"] => {
                self.commit_every = None;
                self.attendance = Attendance::DesertedSince(self.now);
            }
            ["seek", "back", count] => self.read -= count.parse::<f64>().unwrap(),
            ["expire", "all"] => self.start = self.end(),
            ["expire", "to", offset] => self.start = offset.parse().unwrap(),
            ["gap"] => self.gap_from = self.committed,
            ["transaction", "opens"] => self.last_stable = self.committed,
            ["transaction", "ends"] => self.last_stable = None,
            ["leader", "lost"] => self.leader = Leader::Lost,
            ["leader", "silent"] => self.leader = Leader::Silent,
            ["leader", "back"] => self.leader = Leader::There,
            ["clock", "back", by] => {
                self.wall_shift_ms -= i64::try_from(time(by).as_millis()).unwrap();
            }
            ["coordinator", "moves"] => {
                self.watch = None;
                self.origin = Origin::Loaded;
            }
            ["reset", "to", offset] => {
                self.read = offset.parse().unwrap();
                self.committed = Some(offset.parse().unwrap());
                self.watch = Some(Watch::begin(Origin::Reset, self.now()));
            }
            ["topic", "made", "anew"] => {
                (self.produced, self.read, self.start) = (0.0, 0.0, 0);
                (self.committed, self.watch) = (None, None);
                self.course = Course::default();
                self.origin = Origin::FirstCommit;
            }
            ["run", length] => {
                let until = self.now + time(length);
                while self.now < until {
                    self.step();
                }
            }
            _ => panic!("unknown line: {line}"),
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        if self.now.subsec_millis() == 0 {
            self.ends.push(self.end());
        }
        let seconds = STEP.as_secs_f64();
        self.produced += self.produce * seconds;
        let reach = (self.produced - self.behind).floor().max(self.read);
        self.read = (self.read + self.consume * seconds).min(reach);
        if let Some(every) = self.commit_every
            && self.commit_next <= self.now
        {
            self.commit_next = self.now + every;
            self.commit();
        }
        if self.round_next <= self.now {
            self.round_next = self.now + ROUND;
            self.round(false);
        } else if self.early_next.is_some_and(|at| at <= self.now) {
            self.round(true);
        }
    }

    fn commit(&mut self) {
        let offset = whole(self.read);
        let now = self.now();
        let origin = self.origin;
        let watch = self.watch.get_or_insert_with(|| Watch::begin(origin, now));
        watch.on_commit(offset, now.uptime, ROUND);
        self.committed_at = now.uptime;
        self.committed = Some(offset);
    }

    fn round(&mut self, is_early: bool) {
        self.early_next = None;
        let end = self.end();
        let head = Head {
            at: self.now,
            start: self.start,
            last_stable: self.last_stable.unwrap_or(end),
            end,
            epoch: 1,
        };
        match self.leader {
            Leader::There if is_early => self.course.refresh(head),
            Leader::There => self.course.hear(head),
            Leader::Lost => self.course.lose_leader(),
            Leader::Silent if is_early => {}
            Leader::Silent => self.course.miss(),
        }
        let (Some(committed), now) = (self.committed, self.now()) else { return };
        let origin = self.origin;
        let watch = match &mut self.watch {
            Some(watch) => watch,
            // Nothing is watched where nothing is left to read.
            None if committed.max(self.start) == end => return,
            None if origin == Origin::Loaded => {
                let ago = now.uptime.saturating_sub(self.committed_at);
                self.watch.insert(Watch::begin(origin, now).committed_ago(ago))
            }
            None => self.watch.insert(Watch::begin(origin, now)),
        };
        if self.leader == Leader::There
            && let Some(from) = watch.unread_wanted(committed, &self.course)
        {
            let age = self.ends.iter().rev().take_while(|end| from < **end).count();
            let at_ms = now.wall_ms - i64::try_from(age).unwrap() * 1_000;
            let found = (from < self.gap_from.unwrap_or(end)).then_some((from, Some(at_ms)));
            watch.on_unread(Unread { from, found, until: end, at_ms: now.wall_ms });
        }
        let (attendance, course) = (self.attendance, &self.course);
        let group_commit_at = if self.is_at_work_elsewhere { self.now } else { Duration::ZERO };
        let sight = Sight { now, round: ROUND, committed, course, attendance, group_commit_at };
        watch.observe(&sight);
        self.early_next = watch.due(&sight).map(|at| at.max(self.now + EARLY));
        let verdict = watch.verdict();
        if verdict.class.word() != self.shown {
            self.shown = verdict.class.word();
            let at = self.now.as_secs() - 100;
            writeln!(self.log, "{at}s {} ({})", self.shown, verdict.why.word()).unwrap();
        }
        if watch.is_idle(now.uptime) {
            self.watch = None;
            self.origin = Origin::HadReadAll;
            writeln!(self.log, "{}s let go", self.now.as_secs() - 100).unwrap();
        }
    }
}

fn whole(count: f64) -> u64 {
    format!("{:.0}", count.floor()).parse().unwrap()
}

fn rate(word: &str) -> f64 {
    word.strip_suffix("/s").unwrap().parse().unwrap()
}

fn time(word: &str) -> Duration {
    let (count, unit) = word.split_at(word.len() - 1);
    let count: f64 = count.parse().unwrap();
    Duration::from_secs_f64(
        count * [("s", 1.0), ("m", 60.0), ("h", 3_600.0)].iter().find(|it| it.0 == unit).unwrap().1,
    )
}
