//! The one table of keys: dispatch, footer, help, palette and docs/tui.md read it.

mod document;
mod off;
mod scope;
mod table;

pub use document::document;
pub use off::Off;
pub use scope::{Context, Scope};
pub use table::BINDINGS;

use super::ctl::Deed;
use super::{Key, Screen};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`Binding::help` says what each does")]
pub enum Action {
    Go(Screen),
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    Back,
    Fold,
    Unfold,
    FoldOrUnfold,
    Filter,
    Unfilter,
    Palette,
    Help,
    Sort,
    Reverse,
    Mark,
    Unmark,
    Copy,
    Export,
    Hold,
    EventBack,
    EventOn,
    MinuteBack,
    MinuteOn,
    ColumnBack,
    ColumnOn,
    TroubleBack,
    TroubleOn,
    GoTo,
    ZoomIn,
    ZoomOut,
    Live,
    OnlyWho,
    OnlyKind,
    Configs,
    Tail,
    Mouse,
    Zone,
    Repaint,
    Suspend,
    Quit,
    Interrupt,
    Deed(Deed),
    Accept,
    Cancel,
    Type,
    DeleteBack,
    DeleteOn,
    DeleteWord,
    Clear,
    CursorLeft,
    CursorRight,
    CursorHome,
    CursorEnd,
    ChoiceUp,
    ChoiceDown,
    Complete,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Any of these; none = whatever can be typed.
    pub keys: &'static [Key],
    /// Where.
    pub scope: Scope,
    /// What it does.
    pub action: Action,
    /// A word for the footer.
    pub label: &'static str,
    /// A sentence for the help, without a full stop.
    pub help: &'static str,
    /// What the palette calls it; empty = it is not there.
    pub name: &'static str,
    /// How early it comes in the footer, 1 first; 0 = not at all.
    pub rank: u8,
    /// The form of the line of kq-ctl that does or tells the same; empty = there is none.
    pub kq_ctl: &'static str,
    /// When it does nothing.
    pub off: Off,
}

impl Binding {
    /// The keys in words: `Esc, Backspace`.
    pub fn keys_text(&self) -> String {
        if self.keys.is_empty() {
            return "any character".to_owned();
        }
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// What a key does somewhere.
pub fn find(context: Context, key: Key) -> Option<&'static Binding> {
    let here = || BINDINGS.iter().filter(move |it| it.scope.has(context));
    here().find(|it| it.keys.contains(&key)).or_else(|| {
        key.text()?;
        here().find(|it| it.keys.is_empty())
    })
}

/// What the footer shows somewhere, the most useful first: keys and word.
pub fn footer(context: Context) -> Vec<&'static Binding> {
    let mut here: Vec<_> =
        BINDINGS.iter().filter(|it| it.rank > 0 && it.scope.has(context)).collect();
    here.sort_by_key(|it| it.rank);
    here
}

#[cfg(test)]
mod keys_test;
