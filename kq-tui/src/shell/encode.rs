//! What a terminal has to be told so that it shows one buffer instead of another. Pure: bytes out.

use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Between these a terminal that can do so shows nothing of what changes, and then all of it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
const CLEAR: &[u8] = b"\x1b[2J";
/// So many characters that have not changed are shorter than the words to pass over them.
const PASSED_MAX: usize = 3;

/// How the next character will look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    front: Color,
    back: Color,
    how: Modifier,
}

const PLAIN: Pen = Pen { front: Color::Reset, back: Color::Reset, how: Modifier::empty() };

/// The bytes that turn what is shown into what is next; none if nothing differs. What is shown is
/// unknown where it has another area: then everything is drawn.
pub fn difference(shown: Option<&Buffer>, next: &Buffer) -> Vec<u8> {
    let shown = shown.filter(|it| it.area == next.area);
    let is_new = shown.is_none();
    let blank;
    let from = if let Some(shown) = shown {
        shown
    } else {
        blank = Buffer::empty(next.area);
        &blank
    };
    let cells = from.diff(next);
    if cells.is_empty() && !is_new {
        return Vec::new();
    }
    let mut out = Out::default();
    out.bytes.extend_from_slice(BEGIN);
    if is_new {
        out.bytes.extend_from_slice(b"\x1b[0m");
        out.bytes.extend_from_slice(CLEAR);
    }
    for (column, row, cell) in cells {
        if let Some(passed) = out.passed(next, column, row) {
            for it in passed {
                out.draw(it);
            }
        }
        out.go_to(column, row);
        out.draw(cell);
    }
    out.put_on(PLAIN);
    out.bytes.extend_from_slice(END);
    out.bytes
}

#[derive(Debug)]
struct Out {
    bytes: Vec<u8>,
    pen: Pen,
    /// Where the cursor is; none where that depends on how wide the terminal drew something.
    at: Option<(u16, u16)>,
}

impl Default for Out {
    fn default() -> Self {
        Self { bytes: Vec::new(), pen: PLAIN, at: None }
    }
}

impl Out {
    /// The few cells from the cursor to this column, if they can be written as they are.
    fn passed<'a>(&self, next: &'a Buffer, column: u16, row: u16) -> Option<&'a [Cell]> {
        let (from, _) = self.at.filter(|at| at.1 == row && at.0 < column)?;
        let begin = next.index_of(from, row);
        let passed = next.content.get(begin..begin + usize::from(column - from))?;
        let is_same = |it: &Cell| pen(it) == self.pen && is_one_byte(it.symbol());
        (passed.len() <= PASSED_MAX && passed.iter().all(is_same)).then_some(passed)
    }

    fn go_to(&mut self, column: u16, row: u16) {
        let told = match self.at {
            Some(at) if at == (column, row) => Ok(()),
            Some((from, at)) if at == row && from < column => {
                write!(self.bytes, "\x1b[{}C", column - from)
            }
            _ => write!(self.bytes, "\x1b[{};{}H", u32::from(row) + 1, u32::from(column) + 1),
        };
        debug_assert!(told.is_ok(), "memory takes what is written to it");
        self.at = Some((column, row));
    }

    fn draw(&mut self, cell: &Cell) {
        self.put_on(pen(cell));
        let symbol = if cell.symbol().chars().any(char::is_control) { "?" } else { cell.symbol() };
        self.bytes.extend_from_slice(symbol.as_bytes());
        // Behind the last column the cursor is nowhere in particular, and beside a character that
        // is not of ASCII it is where the terminal thinks.
        self.at = match self.at {
            Some((column, row)) if symbol.is_ascii() => column.checked_add(1).map(|it| (it, row)),
            _ => None,
        };
    }

    fn put_on(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        let mut codes = Vec::<String>::new();
        let mut worn = self.pen;
        if !pen.how.contains(worn.how) || pen == PLAIN {
            codes.push("0".to_owned());
            worn = PLAIN;
        }
        codes.extend(added(pen.how - worn.how).map(str::to_owned));
        if pen.front != worn.front {
            codes.push(color(pen.front, 30));
        }
        if pen.back != worn.back {
            codes.push(color(pen.back, 40));
        }
        let told = write!(self.bytes, "\x1b[{}m", codes.join(";"));
        debug_assert!(told.is_ok(), "memory takes what is written to it");
        self.pen = pen;
    }
}

const fn pen(cell: &Cell) -> Pen {
    Pen { front: cell.fg, back: cell.bg, how: cell.modifier }
}

/// Whether it is a character of ASCII that shows.
fn is_one_byte(symbol: &str) -> bool {
    matches!(symbol.as_bytes(), [b' '..=b'~'])
}

fn added(how: Modifier) -> impl Iterator<Item = &'static str> {
    const CODES: [(Modifier, &str); 9] = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::SLOW_BLINK, "5"),
        (Modifier::RAPID_BLINK, "6"),
        (Modifier::REVERSED, "7"),
        (Modifier::HIDDEN, "8"),
        (Modifier::CROSSED_OUT, "9"),
    ];
    CODES.into_iter().filter(move |(it, _)| how.contains(*it)).map(|(_, code)| code)
}

/// The code of a colour in front, and 10 more for one behind.
fn color(it: Color, base: u8) -> String {
    let plain = |nth: u8| (base + nth).to_string();
    let bright = |nth: u8| (base + 60 + nth).to_string();
    match it {
        Color::Reset => plain(9),
        Color::Black => plain(0),
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Gray => plain(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(nth) => format!("{};5;{nth}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn buffer(lines: &[(&str, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        for (row, (text, style)) in (0..).zip(lines) {
            buffer.set_string(0, row, text, *style);
        }
        buffer
    }

    #[track_caller]
    fn check(shown: Option<&Buffer>, next: &Buffer, want: Expect) {
        let bytes = difference(shown, next);
        want.assert_eq(&String::from_utf8(bytes).unwrap().replace('\u{1b}', "^"));
    }

    #[test]
    fn only_what_differs_is_told() {
        let plain = Style::new();
        let shown = buffer(&[("brokers 3", plain), ("lag 0.1 s", plain)]);
        check(Some(&shown), &shown.clone(), expect![[""]]);
        let next = buffer(&[("brokers 4", plain), ("lag 7.1 s", plain)]);
        check(Some(&shown), &next, expect![["^[?2026h^[1;9H4^[2;5H7^[?2026l"]]);
        check(
            None,
            &buffer(&[("a c", plain.bold().red())]),
            expect![["^[?2026h^[0m^[2J^[1;1H^[1;31ma c^[0m^[?2026l"]],
        );
    }

    #[test]
    fn an_attribute_that_ends_takes_no_other_with_it() {
        let mut next = buffer(&[]);
        next.set_string(0, 0, "a", Style::new().bold().reversed());
        next.set_string(1, 0, "b", Style::new().reversed().fg(Color::Indexed(9)));
        next.set_string(2, 0, "c", Style::new().bg(Color::Rgb(1, 2, 3)));
        check(
            Some(&buffer(&[])),
            &next,
            expect![["^[?2026h^[1;1H^[1;7ma^[0;7;38;5;9mb^[0;48;2;1;2;3mc^[0m^[?2026l"]],
        );
    }

    #[test]
    fn nothing_that_acts_on_a_terminal_leaves() {
        let mut next = buffer(&[]);
        next.cell_mut((0, 0)).unwrap().set_symbol("\u{1b}[2J");
        next.cell_mut((5, 0)).unwrap().set_symbol("a\u{7}");
        next.cell_mut((8, 0)).unwrap().set_symbol("é");
        next.cell_mut((9, 0)).unwrap().set_symbol("x");
        check(Some(&buffer(&[])), &next, expect![["^[?2026h^[1;1H?^[4C?  é^[1;10Hx^[?2026l"]]);
    }

    #[test]
    fn a_few_characters_that_stay_are_written_again_if_they_look_alike() {
        let plain = Style::new();
        let shown = buffer(&[("offset 10 203", plain), ("ISR é2 é4", plain)]);
        let mut next = buffer(&[("offset 90 703", plain), ("ISR é3 é5", plain)]);
        check(Some(&shown), &next, expect![["^[?2026h^[1;8H90 7^[2;6H3^[2C5^[?2026l"]]);
        next.set_style(Rect::new(8, 0, 1, 1), plain.dim());
        let mut shown = shown;
        shown.set_style(Rect::new(8, 0, 1, 1), plain.dim());
        check(Some(&shown), &next, expect![["^[?2026h^[1;8H9^[2C7^[2;6H3^[2C5^[?2026l"]]);
    }
}
