//! Where a key means something.

use crate::model::Screen;

/// What keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// A screen with nothing above it.
    Screen(Screen),
    /// The list of keys.
    Help,
    /// The list of commands.
    Palette,
    /// A line that is typed.
    Line,
    /// Something that is done to the cluster.
    Task,
}

impl Context {
    /// Every one.
    pub fn all() -> Vec<Self> {
        let screens = Screen::ALL.into_iter().map(Self::Screen);
        screens.chain([Self::Help, Self::Palette, Self::Line, Self::Task]).collect()
    }

    const fn bit(self) -> u32 {
        match self {
            Self::Screen(screen) => bit(screen),
            Self::Help => 1 << 13,
            Self::Palette => 1 << 14,
            Self::Line => 1 << 15,
            Self::Task => 1 << 16,
        }
    }
}

const fn bit(screen: Screen) -> u32 {
    match screen {
        Screen::Overview => 1,
        Screen::Brokers => 1 << 1,
        Screen::Topics => 1 << 2,
        Screen::Partitions => 1 << 3,
        Screen::Churn => 1 << 4,
        Screen::Groups => 1 << 5,
        Screen::Plans => 1 << 6,
        Screen::Events => 1 << 7,
        Screen::Quorum => 1 << 8,
        Screen::Members => 1 << 9,
        Screen::Configs => 1 << 10,
        Screen::Tail => 1 << 11,
        Screen::Record => 1 << 12,
    }
}

/// Some of the contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope(u32);

impl Scope {
    /// All screens.
    pub const SCREENS: Self = Self((1 << 13) - 1);
    /// Lists and lines that lie above a screen.
    pub const OVERLAYS: Self = Self(0b1111 << 13);
    /// Lists above a screen.
    pub const LISTS: Self = Self(0b11 << 13);
    /// The list of commands.
    pub const PALETTE: Self = Self(1 << 14);
    /// Something that is done to the cluster.
    pub const TASK: Self = Self(1 << 16);
    /// Lists, and what is read before it is done.
    pub const READ: Self = Self(Self::LISTS.0 | Self::TASK.0);
    /// Everywhere.
    pub const ALL: Self = Self(Self::SCREENS.0 | Self::OVERLAYS.0);

    /// These screens.
    pub const fn on(screens: &[Screen]) -> Self {
        let mut bits = 0;
        let mut rest = screens;
        while let [first, others @ ..] = rest {
            bits |= bit(*first);
            rest = others;
        }
        Self(bits)
    }

    /// Whether it has a context.
    pub const fn has(self, context: Context) -> bool {
        self.0 & context.bit() != 0
    }

    /// In words, as docs/tui.md has it.
    pub fn words(self) -> String {
        if self == Self::ALL {
            return "everywhere".to_owned();
        }
        if self == Self::SCREENS {
            return "all screens".to_owned();
        }
        let word = |it: Context| match it {
            Context::Screen(screen) => screen.name(),
            Context::Help => "help",
            Context::Palette => "palette",
            Context::Line => "line",
            Context::Task => "action",
        };
        let here = Context::all().into_iter().filter(|it| self.has(*it)).map(word);
        here.collect::<Vec<_>>().join(", ")
    }
}
