//! The columns of the tables: what can be sorted by, and how the values are ordered.

use super::Screen;

/// A column of some table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the word in its header")]
pub enum Column {
    Name,
    State,
    Leaders,
    Replicas,
    In,
    Out,
    Urp,
    Disk,
    P99,
    Since,
    Partitions,
    Offline,
    Size,
    Leader,
    Preferred,
    Epoch,
    Isr,
    Behind,
    Class,
    Records,
    Consumed,
    CatchUp,
    Members,
    At,
    Count,
    Kind,
    Subject,
    Progress,
    Left,
    Eta,
    Role,
    End,
    Lag,
    Offset,
    Source,
    Differs,
}

impl Column {
    /// The word in the header, which `:sort` takes in any case.
    pub const fn header(self, screen: Screen) -> &'static str {
        match self {
            Self::Name => match screen {
                Screen::Overview | Screen::Brokers | Screen::Quorum => "BROKER",
                Screen::Topics => "TOPIC",
                Screen::Partitions | Screen::Tail => "PARTITION",
                Screen::Groups => "GROUP",
                Screen::Members => "MEMBER",
                Screen::Plans => "PLAN",
                Screen::Churn | Screen::Events => "EVENT",
                Screen::Configs => "KEY",
                Screen::Record => "LINE",
            },
            Self::State => "STATE",
            Self::Leaders => "LEAD",
            Self::Replicas => "REPL",
            Self::In if is_counting_records(screen) => "IN/s",
            Self::In => "IN MB/s",
            Self::Out => "OUT MB/s",
            Self::Urp => "URP",
            Self::Disk => "DISK",
            Self::P99 => "P99 ms",
            Self::Since if matches!(screen, Screen::Partitions) => "FOR",
            Self::Since => "SINCE",
            Self::Partitions => "PARTS",
            Self::Offline => "OFFL",
            Self::Size => "SIZE",
            Self::Leader => "LDR",
            Self::Preferred => "PREF",
            Self::Epoch => "EPOCH",
            Self::Isr => "ISR",
            Self::Behind => "BEHIND",
            Self::Class => "CLASS",
            Self::Records => "RECORDS",
            Self::Consumed => "OUT/s",
            Self::CatchUp => "CATCH UP",
            Self::Members => "MEM",
            Self::At if matches!(screen, Screen::Plans) => "AGO",
            Self::At => "TIME",
            Self::Count => "COUNT",
            Self::Kind => "KIND",
            Self::Subject => "OF",
            Self::Progress => "DONE",
            Self::Left => "LEFT",
            Self::Eta => "ETA",
            Self::Role => "ROLE",
            Self::End => "END",
            Self::Lag => "LAG",
            Self::Offset => "OFFSET",
            Self::Source => "SOURCE",
            Self::Differs => "DEFAULT",
        }
    }

    /// The columns that a screen's table may be sorted by, from left to right.
    pub const fn of(screen: Screen) -> &'static [Self] {
        match screen {
            Screen::Overview | Screen::Brokers => &[
                Self::Name,
                Self::State,
                Self::Leaders,
                Self::Replicas,
                Self::In,
                Self::Out,
                Self::Urp,
                Self::Disk,
                Self::P99,
                Self::Since,
            ],
            Screen::Topics => &[
                Self::Name,
                Self::Partitions,
                Self::State,
                Self::Urp,
                Self::Offline,
                Self::In,
                Self::Out,
                Self::Size,
            ],
            Screen::Partitions => &[
                Self::Name,
                Self::Leader,
                Self::Preferred,
                Self::Epoch,
                Self::Isr,
                Self::Behind,
                Self::Size,
                Self::In,
                Self::State,
                Self::Since,
            ],
            Screen::Groups => &[
                Self::Name,
                Self::Class,
                Self::Records,
                Self::Behind,
                Self::In,
                Self::Consumed,
                Self::CatchUp,
                Self::Members,
            ],
            Screen::Members => {
                &[Self::Name, Self::Lag, Self::Behind, Self::Consumed, Self::CatchUp]
            }
            Screen::Plans => {
                &[Self::At, Self::Name, Self::State, Self::Progress, Self::Left, Self::Eta]
            }
            Screen::Churn | Screen::Events | Screen::Tail | Screen::Record => &[Self::At],
            Screen::Quorum => &[Self::Name, Self::Role, Self::End, Self::Lag],
            Screen::Configs => &[Self::Name, Self::Source, Self::Differs],
        }
    }

    /// Whether what is large comes first when it is sorted by.
    pub const fn is_large_first(self) -> bool {
        !matches!(
            self,
            Self::Name
                | Self::State
                | Self::Class
                | Self::Leader
                | Self::Preferred
                | Self::Isr
                | Self::At
                | Self::Kind
                | Self::Subject
                | Self::Role
                | Self::Eta
                | Self::Source
                | Self::Differs
        )
    }

    /// Whether its values go by counters, so that all rows have to be counted for the order.
    pub const fn is_counted(self) -> bool {
        matches!(
            self,
            Self::In
                | Self::Out
                | Self::Size
                | Self::Behind
                | Self::Disk
                | Self::P99
                | Self::Records
                | Self::Consumed
        )
    }
}

const fn is_counting_records(screen: Screen) -> bool {
    matches!(screen, Screen::Partitions | Screen::Groups | Screen::Members)
}

/// What a table is sorted by. Rows that are equal there are in the order of their names, and those
/// whose value is not known come last either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By this column.
    pub column: Column,
    /// The largest first.
    pub descending: bool,
}

impl Sort {
    /// By a column, as it is read best.
    pub const fn by(column: Column) -> Self {
        Self { column, descending: column.is_large_first() }
    }

    /// The order in words: what comes first.
    pub const fn order(self, screen: Screen) -> &'static str {
        let (up, down) = match self.column {
            Column::Name
                if matches!(screen, Screen::Overview | Screen::Brokers | Screen::Quorum) =>
            {
                ("the lowest id first", "the highest id first")
            }
            Column::Leader | Column::Preferred => ("the lowest id first", "the highest id first"),
            Column::Name | Column::Kind | Column::Subject => ("A to Z", "Z to A"),
            Column::State | Column::Class => ("the worst first", "the best first"),
            Column::At => ("the oldest first", "the newest first"),
            Column::Since | Column::P99 => ("the shortest first", "the longest first"),
            Column::Eta | Column::CatchUp => ("the soonest first", "the latest first"),
            Column::Isr => ("the fewest in sync first", "the most in sync first"),
            Column::Role => ("the leader first", "the leader last"),
            Column::Source | Column::Differs => ("what was set first", "what was set last"),
            Column::Leaders
            | Column::Replicas
            | Column::In
            | Column::Out
            | Column::Urp
            | Column::Disk
            | Column::Partitions
            | Column::Offline
            | Column::Size
            | Column::Epoch
            | Column::Behind
            | Column::Records
            | Column::Consumed
            | Column::Members
            | Column::Count
            | Column::Progress
            | Column::Left
            | Column::End
            | Column::Lag
            | Column::Offset => ("the smallest first", "the largest first"),
        };
        if self.descending { down } else { up }
    }

    /// As a screen is sorted at first.
    pub const fn first(screen: Screen) -> Self {
        match screen {
            Screen::Overview | Screen::Brokers | Screen::Topics | Screen::Quorum => {
                Self::by(Column::Name)
            }
            Screen::Partitions => Self::by(Column::State),
            Screen::Groups => Self::by(Column::Class),
            Screen::Members => Self::by(Column::Lag),
            Screen::Plans => Self { column: Column::At, descending: true },
            Screen::Churn | Screen::Events | Screen::Tail | Screen::Record => Self::by(Column::At),
            Screen::Configs => Self::by(Column::Source),
        }
    }
}
