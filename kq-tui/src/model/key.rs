//! A key as the user pressed it, whatever terminal told it.

use std::fmt;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A character as typed: capitals are characters of their own.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which.
    pub code: Code,
    /// With the control key.
    pub ctrl: bool,
    /// With the alt key.
    pub alt: bool,
}

impl Key {
    /// A character as typed.
    pub const fn char(it: char) -> Self {
        Self::plain(Code::Char(it))
    }

    /// A key alone.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A character with the control key.
    pub const fn ctrl(it: char) -> Self {
        Self { code: Code::Char(it), ctrl: true, alt: false }
    }
}

impl Key {
    /// Whether it is a character that can be typed into a text.
    pub const fn text(self) -> Option<char> {
        match self.code {
            Code::Char(it) if !self.ctrl && !self.alt => Some(it),
            Code::Char(_)
            | Code::Enter
            | Code::Esc
            | Code::Backspace
            | Code::Delete
            | Code::Tab
            | Code::BackTab
            | Code::Up
            | Code::Down
            | Code::Left
            | Code::Right
            | Code::PageUp
            | Code::PageDown
            | Code::Home
            | Code::End => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        let name = match self.code {
            Code::Char(' ') => "Space",
            Code::Char(it) if self.ctrl => return write!(f, "{}", it.to_ascii_uppercase()),
            Code::Char(it) => return write!(f, "{it}"),
            Code::Enter => "Enter",
            Code::Esc => "Esc",
            Code::Backspace => "Backspace",
            Code::Delete => "Delete",
            Code::Tab => "Tab",
            Code::BackTab => "Shift-Tab",
            Code::Up => "Up",
            Code::Down => "Down",
            Code::Left => "Left",
            Code::Right => "Right",
            Code::PageUp => "PgUp",
            Code::PageDown => "PgDn",
            Code::Home => "Home",
            Code::End => "End",
        };
        f.write_str(name)
    }
}
