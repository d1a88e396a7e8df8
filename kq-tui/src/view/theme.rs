//! How things look. A state is a word or a sign first and a colour second, so that every theme says
//! the same; nothing is told by red against green.

use ratatui::style::{Color, Modifier, Style};

/// The names that `--theme` takes, the first one being the one that is used.
pub const NAMES: [&str; 3] = ["default", "basic", "mono"];

/// What is said of something, whatever colour that has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tint {
    /// As the terminal writes.
    #[default]
    Plain,
    /// What is read second.
    Dim,
    /// Names of columns, words that begin a line.
    Head,
    /// As it should be.
    Good,
    /// It works, with less to spare.
    Warn,
    /// It does not work.
    Bad,
    /// Keys, and what leads somewhere.
    Key,
    /// The screen is not at what is now.
    Past,
    /// Of a figure that is known in part, or not at all.
    Unknown,
}

/// Colours and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    good: Color,
    warn: Color,
    bad: Color,
    key: Color,
    unknown: Color,
    /// Nothing but ASCII is drawn.
    pub ascii: bool,
}

impl Theme {
    /// A theme by its name; one that is not known is the first one. Where colours are not wanted,
    /// letters stay as the terminal has them, bold, reversed or underlined.
    pub fn named(name: &str, no_color: bool, ascii: bool) -> Self {
        let of = |good, warn, bad, key, unknown| Self { good, warn, bad, key, unknown, ascii };
        match name {
            _ if no_color => {
                of(Color::Reset, Color::Reset, Color::Reset, Color::Reset, Color::Reset)
            }
            "mono" => of(Color::Reset, Color::Reset, Color::Reset, Color::Reset, Color::Reset),
            "basic" => of(Color::Blue, Color::Yellow, Color::Red, Color::Cyan, Color::Magenta),
            // Read well on black and on white; blue and orange are told apart by nearly everybody.
            _ => of(
                Color::Indexed(33),
                Color::Indexed(172),
                Color::Indexed(196),
                Color::Indexed(37),
                Color::Indexed(135),
            ),
        }
    }

    /// How a text of this tint is written.
    pub fn style(&self, tint: Tint) -> Style {
        let plain = Style::new();
        let front = |color: Color| if color == Color::Reset { plain } else { plain.fg(color) };
        match tint {
            Tint::Plain => plain,
            Tint::Dim => plain.add_modifier(Modifier::DIM),
            Tint::Head => plain.add_modifier(Modifier::BOLD),
            Tint::Good => front(self.good),
            Tint::Warn => front(self.warn).add_modifier(Modifier::BOLD),
            Tint::Bad => front(self.bad).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Tint::Key => front(self.key).add_modifier(Modifier::BOLD),
            Tint::Past => front(self.warn).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            Tint::Unknown => front(self.unknown),
        }
    }

    /// The line between two parts of the screen.
    pub const fn rule(&self) -> &'static str {
        if self.ascii { "-" } else { "─" }
    }

    /// Where a text was cut.
    pub const fn cut(&self) -> &'static str {
        if self.ascii { "~" } else { "…" }
    }

    /// Heights, from nothing on: no braille, which screen readers spell out.
    pub const fn heights(&self) -> [&'static str; 8] {
        if self.ascii {
            ["_", ".", ":", "-", "=", "+", "*", "#"]
        } else {
            ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINTS: [Tint; 9] = [
        Tint::Plain,
        Tint::Dim,
        Tint::Head,
        Tint::Good,
        Tint::Warn,
        Tint::Bad,
        Tint::Key,
        Tint::Past,
        Tint::Unknown,
    ];

    #[test]
    fn without_colours_no_style_has_one() {
        for theme in [Theme::named("default", true, false), Theme::named("mono", false, true)] {
            for tint in TINTS {
                let style = theme.style(tint);
                assert_eq!((style.fg, style.bg), (None, None), "{tint:?}");
            }
        }
    }

    #[test]
    fn ascii_signs_are_ascii() {
        let theme = Theme::named(NAMES[0], false, true);
        let signs = [theme.rule(), theme.cut()].into_iter().chain(theme.heights());
        assert!(signs.into_iter().all(str::is_ascii));
    }
}
