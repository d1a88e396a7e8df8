//! What can be on the screen.

use super::Subject;

/// One of the screens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Screen {
    /// How the cluster is, in words.
    #[default]
    Overview,
    /// Brokers.
    Brokers,
    /// Topics.
    Topics,
    /// Partitions.
    Partitions,
    /// What happened over time, and the events around a moment.
    Churn,
    /// Consumer groups.
    Groups,
    /// Plans.
    Plans,
    /// The committed history, a page of it.
    Events,
    /// The metadata quorum.
    Quorum,
    /// Members and partitions of one group.
    Members,
    /// What one thing, or the cluster, is configured to do.
    Configs,
    /// The newest records of a topic or partition.
    Tail,
    /// One record.
    Record,
}

impl Screen {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::Overview,
        Self::Brokers,
        Self::Topics,
        Self::Partitions,
        Self::Churn,
        Self::Groups,
        Self::Plans,
        Self::Events,
        Self::Quorum,
        Self::Members,
        Self::Configs,
        Self::Tail,
        Self::Record,
    ];

    /// Those with a digit, in the order of their digits from 1 on.
    pub const TABS: [Self; 9] = [
        Self::Overview,
        Self::Brokers,
        Self::Topics,
        Self::Partitions,
        Self::Churn,
        Self::Groups,
        Self::Plans,
        Self::Events,
        Self::Quorum,
    ];

    /// Whether brokers are asked for it, about what is now: of the past, and in a recording, there is
    /// nothing of it.
    pub const fn is_asked_for(self) -> bool {
        matches!(self, Self::Configs | Self::Tail | Self::Record)
    }

    /// The digit that leads to it.
    pub fn digit(self) -> Option<char> {
        ('1'..='9').zip(Self::TABS).find(|(_, it)| *it == self).map(|(digit, _)| digit)
    }

    /// A short word, as the second line and the path in the first one show it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overview => "over",
            Self::Brokers => "brok",
            Self::Topics => "topic",
            Self::Partitions => "part",
            Self::Churn => "churn",
            Self::Groups => "group",
            Self::Plans => "plan",
            Self::Events => "event",
            Self::Quorum => "quorum",
            Self::Members => "members",
            Self::Configs => "configs",
            Self::Tail => "tail",
            Self::Record => "record",
        }
    }

    /// Its name, as the palette takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Brokers => "brokers",
            Self::Topics => "topics",
            Self::Partitions => "partitions",
            Self::Churn => "churn",
            Self::Groups => "groups",
            Self::Plans => "plans",
            Self::Events => "events",
            Self::Quorum => "quorum",
            Self::Members => "members",
            Self::Configs => "configs",
            Self::Tail => "tail",
            Self::Record => "record",
        }
    }
}

/// A screen, and of what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Which screen.
    pub screen: Screen,
    /// Of `Members`: the group.
    pub group: Option<String>,
    /// Of `Churn` and `Events`: only what stands behind one row with a count, by its first event.
    pub run: Option<u64>,
    /// Of `Configs`, `Tail` and `Record`: what it is about.
    pub subject: Option<Subject>,
}

impl Place {
    /// A screen as a whole.
    pub const fn of(screen: Screen) -> Self {
        Self { screen, group: None, run: None, subject: None }
    }

    /// A screen about one thing.
    pub const fn about(screen: Screen, subject: Subject) -> Self {
        Self { screen, group: None, run: None, subject: Some(subject) }
    }
}
