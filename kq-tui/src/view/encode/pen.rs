//! How a cell looks.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// Colours and modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pen {
    pub(super) front: Color,
    pub(super) back: Color,
    pub(super) how: Modifier,
}

impl Default for Pen {
    fn default() -> Self {
        Self { front: Color::Reset, back: Color::Reset, how: Modifier::empty() }
    }
}

impl Pen {
    pub(super) fn of(cell: &Cell) -> Self {
        Self { front: cell.fg, back: cell.bg, how: cell.modifier }
    }
}

/// Red, green and blue of a colour; none for the terminal's own.
pub(super) fn rgb(color: Color) -> Option<(u8, u8, u8)> {
    if let Color::Rgb(red, green, blue) = color {
        return Some((red, green, blue));
    }
    number(color).map(indexed)
}

/// The number of a colour among 256; none for others.
pub(super) const fn number(color: Color) -> Option<u8> {
    Some(match color {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(index) => index,
        Color::Reset | Color::Rgb(..) => return None,
    })
}

/// The colours that terminals have agreed on.
fn indexed(index: u8) -> (u8, u8, u8) {
    const NAMED: [(u8, u8, u8); 16] = [
        (0, 0, 0),
        (205, 49, 49),
        (13, 188, 121),
        (229, 229, 16),
        (36, 114, 200),
        (188, 63, 188),
        (17, 168, 205),
        (229, 229, 229),
        (102, 102, 102),
        (241, 76, 76),
        (35, 209, 139),
        (245, 245, 67),
        (59, 142, 234),
        (214, 112, 214),
        (41, 184, 219),
        (255, 255, 255),
    ];
    if let Some(named) = NAMED.get(usize::from(index)) {
        return *named;
    }
    if index >= 232 {
        let gray = (index - 232) * 10 + 8;
        return (gray, gray, gray);
    }
    let cube = index - 16;
    let level = |it: u8| if it == 0 { 0 } else { it * 40 + 55 };
    (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
}
