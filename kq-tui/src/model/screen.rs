//! What can be on the screen.

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
}

impl Screen {
    /// Every one.
    pub const ALL: [Self; 10] = [
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
}

impl Place {
    /// A screen as a whole.
    pub const fn of(screen: Screen) -> Self {
        Self { screen, group: None, run: None }
    }
}
