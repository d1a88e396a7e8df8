//! What operators say about leaders: who should lead, who may when nobody in sync is left, and
//! when leaders stay where they are. For one topic or for all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::{TimestampMs, Utc};
use crate::ids::{BrokerId, PartitionIndex, TopicId};

/// What is said about leaders; what is not said here is as the cluster says, or as by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderPolicy {
    /// Where leaders should be, the best place first.
    pub prefer: Option<Vec<LeaderPlace>>,
    /// Where they should be only when nobody else can lead.
    pub avoid: Option<Vec<LeaderPlace>>,
    /// What happens when no replica holds everything committed.
    pub unclean: Option<UncleanPolicy>,
    /// Whether leaders go back to where they are preferred by themselves.
    pub auto_balance: Option<bool>,
    /// How many leaders that may move in a minute.
    pub moves_per_minute: Option<u32>,
    /// The leader that single partitions should have before all else.
    pub pins: BTreeMap<PartitionIndex, BrokerId>,
}

/// Where a leader can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LeaderPlace {
    /// On this broker.
    Broker(BrokerId),
    /// On a broker of this rack.
    Rack(String),
}

/// What happens when no replica that is known to hold everything committed can lead (KIP-966 names
/// the last three manual recovery, Balanced and Aggressive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UncleanPolicy {
    /// The partition waits; an operator who wants otherwise changes the policy first.
    Never,
    /// The partition waits until an operator elects a leader.
    Manual,
    /// Once nobody who held everything can come back with it, the replica that lacks least leads as
    /// soon as it lives; no other does.
    Balanced,
    /// The live replica that lacks least leads at once.
    Auto,
}

/// Why leaders stay where they are: only failures move them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Since when.
    pub since: TimestampMs,
    /// In the operator's words.
    pub reason: Arc<str>,
    /// When it ends by itself, if it does.
    pub until: Option<TimestampMs>,
}

/// For which leaders something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyScope {
    /// Those of all topics that say nothing of their own.
    Cluster,
    /// Those of one topic.
    Topic(TopicId),
}

impl super::MetadataImage {
    /// That the leaders of a topic are frozen, why, and the command that lifts it; none if they are
    /// not.
    pub fn frozen_words(&self, topic: &super::TopicImage) -> Option<(String, String)> {
        let freeze = self.freeze_of(topic)?;
        let (whose, target) = match &topic.freeze {
            Some(_) => (format!("the leaders of {} are", topic.name), &*topic.name),
            None => ("all leaders are".to_owned(), "--all"),
        };
        let lift = format!("kq-ctl leader policy unfreeze {target}");
        Some((format!("{whose} frozen ({})", freeze.reason), lift))
    }
}

impl Freeze {
    /// Whether it still holds.
    pub fn holds_at(&self, now: TimestampMs) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

impl UncleanPolicy {
    /// Every policy with the name that scripts see.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Never, "never"),
        (Self::Manual, "manual"),
        (Self::Balanced, "balanced"),
        (Self::Auto, "auto"),
    ];

    /// The name that scripts see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Manual => "manual",
            Self::Balanced => "balanced",
            Self::Auto => "auto",
        }
    }

    /// The number under which it is stored.
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Never => 1,
            Self::Manual => 2,
            Self::Balanced => 3,
            Self::Auto => 4,
        }
    }

    /// The policy stored under a number.
    pub(super) const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Never),
            2 => Some(Self::Manual),
            3 => Some(Self::Balanced),
            4 => Some(Self::Auto),
            _ => None,
        }
    }
}

/// A text that names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no policy for unclean elections: never, manual, balanced and auto are")]
pub struct UncleanPolicyError(String);

impl FromStr for UncleanPolicy {
    type Err = UncleanPolicyError;

    fn from_str(text: &str) -> Result<Self, UncleanPolicyError> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(it, _)| it);
        found.ok_or_else(|| UncleanPolicyError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for LeaderPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(id) => write!(f, "broker={id}"),
            Self::Rack(name) => write!(f, "rack={name}"),
        }
    }
}

/// What is said, as `prefer=rack=a,broker=1 unclean=manual`.
impl fmt::Display for LeaderPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = |list: &Option<Vec<LeaderPlace>>| {
            let list = list.as_ref()?;
            let names: Vec<String> = list.iter().map(ToString::to_string).collect();
            Some(if names.is_empty() { "nobody".to_owned() } else { names.join(",") })
        };
        let pins: Vec<String> = self.pins.iter().map(|(at, id)| format!("{at}={id}")).collect();
        let parts = [
            ("prefer", places(&self.prefer)),
            ("avoid", places(&self.avoid)),
            ("unclean", self.unclean.map(|it| it.as_str().to_owned())),
            ("auto-balance", self.auto_balance.map(|on| if on { "on" } else { "off" }.to_owned())),
            ("max-per-minute", self.moves_per_minute.map(|it| it.to_string())),
            ("pin", (!pins.is_empty()).then(|| pins.join(","))),
        ];
        if *self == Self::default() {
            return f.write_str("as by default");
        }
        let said = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        f.write_str(&said.collect::<Vec<_>>().join(" "))
    }
}

/// Until when, for people.
impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "until {}", Utc(until)),
            None => f.write_str("until it is lifted"),
        }
    }
}
