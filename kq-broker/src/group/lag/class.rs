//! What a group does with one partition, told from the others by what its commits did.
//!
//! The first rule that holds decides; the numbers in the code are those of this table.
//!
//! ```text
//!   0 leaderless  its head is not known                    5 rewound   an offset stepped back, nobody ordered it
//!   1 ok          nothing is left to read                  6 ok        it reached the end of the commit before
//!   2 new         nothing can be said yet                  7 stalled   it commits, and does not move
//!   3 no_commits  a member owns it and never committed     8 draining  it moves, and its lag falls
//!   4 stopped     it commits no more, and there is work    9 lagging   it moves, and its lag does not fall
//! ```

use std::time::Duration;

use super::window::{Sample, Samples, moves, span, trend};
use super::{NEW_FOR, float};
use crate::canary;

/// What a group does with one partition. The later, the worse; the last two are no judgement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It keeps up.
    Ok,
    /// Nothing can be said yet.
    #[default]
    New,
    /// It is behind and gets nearer.
    Draining,
    /// A member owns it and has never committed.
    NoCommits,
    /// Its offset stepped back although no operator moved it.
    Rewound,
    /// It is behind and does not get nearer.
    Lagging,
    /// It commits the same offset again and again while records wait.
    Stalled,
    /// It commits no more while records wait.
    Stopped,
    /// Nobody knows where the partition ends.
    Leaderless,
    /// It is not watched: there are too many pairs of groups and partitions.
    Unknown,
}

/// Which way a lag goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// It grows.
    Rising,
    /// It stays.
    Level,
    /// It shrinks.
    Falling,
}

/// What a class rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Why {
    /// All is read.
    ReadAll,
    /// What is left are gaps of compaction and markers of transactions.
    Gap,
    /// What is left belongs to a transaction that is still open.
    OpenTransaction,
    /// It began just now, or committed less than three times.
    #[default]
    New,
    /// An operator set its offset just now.
    Reset,
    /// This broker coordinates it since just now.
    CoordinatorMoved,
    /// Nothing was committed.
    NoCommit,
    /// The group has lost its members.
    NoMember,
    /// Whoever owns it is there and commits nothing.
    MemberSilent,
    /// Its offset stepped back.
    SteppedBack,
    /// It reads what comes.
    KeepsUp,
    /// Its offset stands still.
    StandsStill,
    /// Its lag falls.
    Falling,
    /// Its lag rises.
    Rising,
    /// Its lag stays.
    Level,
    /// Nobody leads the partition.
    NoLeader,
    /// The leader's broker does not answer.
    SilentLeader,
    /// There was no room to watch it.
    Unwatched,
    /// The topic waits for its purge.
    TopicDeleted,
}

/// Who is there to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attendance {
    /// The group never had members: it only commits.
    Simple,
    /// Its last member left at this time since the broker started.
    DesertedSince(Duration),
    /// It has members.
    Attended,
}

/// What the rules 1 to 10 look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) now: Duration,
    /// Time between two rounds.
    pub(super) round: Duration,
    pub(super) samples: &'a Samples,
    /// When it last committed.
    pub(super) last_commit_at: Duration,
    /// Since when records wait behind the last commit.
    pub(super) waits_since: Option<Duration>,
    /// How long both had been so when this broker started.
    pub(super) before_start: Duration,
    /// How long a pause between commits may be.
    pub(super) bound: Duration,
    /// Why nothing can be said yet, and since when.
    pub(super) new: Option<(Why, Duration)>,
    /// It had read all there was before these samples.
    pub(super) had_read_all: bool,
    pub(super) attendance: Attendance,
}

/// Classifies a partition of which something is left to read: rules 2 and 4 to 10.
pub(super) fn classify(facts: &Facts<'_>) -> (Class, Why) {
    let samples = facts.samples.as_slice();
    if let Some((why, since)) = facts.new
        && facts.now.saturating_sub(since) < NEW_FOR
    {
        return (Class::New, why);
    }
    if let Some(why) = stopped(facts) {
        return (Class::Stopped, why);
    }
    if has_stepped_back(samples, facts.now, facts.round) {
        return (Class::Rewound, Why::SteppedBack);
    }
    let learns = samples.len() < 3;
    if (learns && facts.had_read_all) || samples.windows(2).any(is_caught_up) {
        return (Class::Ok, Why::KeepsUp);
    }
    if learns {
        return (Class::New, facts.new.map_or(Why::New, |it| it.0));
    }
    if moves(samples) == 0 && span(samples) >= facts.round * 2 {
        return (Class::Stalled, Why::StandsStill);
    }
    match lag_trend(samples) {
        Trend::Falling => (Class::Draining, Why::Falling),
        Trend::Rising => (Class::Lagging, Why::Rising),
        Trend::Level => (Class::Lagging, Why::Level),
    }
}

/// Rule 4: no commit for longer than its rhythm explains, and work for as long.
fn stopped(facts: &Facts<'_>) -> Option<Why> {
    let since = |at: Duration| facts.now.saturating_sub(at);
    let idle = since(facts.last_commit_at).min(since(facts.waits_since?));
    let idle = idle.saturating_add(facts.before_start);
    match facts.attendance {
        Attendance::DesertedSince(at) => {
            (since(at) > NEW_FOR && idle > NEW_FOR).then_some(Why::NoMember)
        }
        _ if canary::is("stopped_ignores_rhythm") => (idle > NEW_FOR).then_some(Why::MemberSilent),
        Attendance::Attended => (idle > facts.bound).then_some(Why::MemberSilent),
        Attendance::Simple => (idle > facts.bound).then_some(Why::NoMember),
    }
}

/// Rule 5: some offset is below an earlier one that was not reached again, for two rounds.
fn has_stepped_back(samples: &[Sample], now: Duration, round: Duration) -> bool {
    let Some(last) = samples.last() else { return false };
    samples.windows(2).any(|it| match it {
        [a, b] => {
            b.offset < a.offset && last.offset < a.offset && now.saturating_sub(b.at) >= round * 2
        }
        _ => false,
    })
}

/// Rule 6: the second sample reaches what was the end at the first, or is at the end.
fn is_caught_up(pair: &[Sample]) -> bool {
    match pair {
        [_, b] if canary::is("caught_up_is_lag_zero") => b.lag == 0,
        [a, b] => b.lag == 0 || b.offset >= a.offset.saturating_add(a.lag),
        _ => false,
    }
}

/// The way of the lag over all samples. Less than half of what one commit moves is no trend.
pub(super) fn lag_trend(samples: &[Sample]) -> Trend {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Trend::Level };
    let steps = u64::try_from(samples.len().saturating_sub(1)).unwrap_or(1).max(1);
    let half_step = float(last.offset.saturating_sub(first.offset)) / float(steps) / 2.0;
    let slope = trend(samples, |it| it.lag).unwrap_or(0.0);
    let change = slope * span(samples).as_secs_f64();
    if change <= -half_step && change < 0.0 {
        Trend::Falling
    } else if change >= half_step && change > 0.0 {
        Trend::Rising
    } else {
        Trend::Level
    }
}

impl Class {
    /// The word that tools and metrics show.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::New => "new",
            Self::Draining => "draining",
            Self::NoCommits => "no_commits",
            Self::Rewound => "rewound",
            Self::Lagging => "lagging",
            Self::Stalled => "stalled",
            Self::Stopped => "stopped",
            Self::Leaderless => "leaderless",
            Self::Unknown => "unknown",
        }
    }
}

impl Trend {
    /// The word that tools show.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Level => "level",
            Self::Falling => "falling",
        }
    }
}

impl Why {
    /// The word that tools show.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ReadAll => "read_all",
            Self::Gap => "gap",
            Self::OpenTransaction => "open_transaction",
            Self::New => "new",
            Self::Reset => "reset",
            Self::CoordinatorMoved => "coordinator_moved",
            Self::NoCommit => "no_commit",
            Self::NoMember => "no_member",
            Self::MemberSilent => "member_silent",
            Self::SteppedBack => "stepped_back",
            Self::KeepsUp => "keeps_up",
            Self::StandsStill => "stands_still",
            Self::Falling => "falling",
            Self::Rising => "rising",
            Self::Level => "level",
            Self::NoLeader => "no_leader",
            Self::SilentLeader => "silent_leader",
            Self::Unwatched => "unwatched",
            Self::TopicDeleted => "topic_deleted",
        }
    }
}
