//! A part of the screen that is drawn on. Nothing is ever written outside of it, whatever the places
//! that painters reckon with, and no text drives the terminal or takes more columns than it has.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::cells;
use super::theme::{Theme, Tint};
use crate::model::{Hit, HitMap};

/// Which end of its place a text begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Names and words.
    Left,
    /// Figures.
    Right,
}

/// A part of a buffer. Places are counted from its upper left corner.
#[derive(Debug)]
pub(super) struct Canvas<'a> {
    buf: &'a mut Buffer,
    area: Rect,
    /// Colours and signs.
    pub(super) theme: &'a Theme,
    /// What was drawn where.
    pub(super) hits: &'a mut HitMap,
}

impl<'a> Canvas<'a> {
    /// The part of a buffer that lies in an area.
    pub(super) fn new(
        buf: &'a mut Buffer,
        area: Rect,
        theme: &'a Theme,
        hits: &'a mut HitMap,
    ) -> Self {
        let area = area.intersection(buf.area);
        Self { buf, area, theme, hits }
    }

    /// Columns.
    pub(super) const fn width(&self) -> u16 {
        self.area.width
    }

    /// Lines.
    pub(super) const fn height(&self) -> u16 {
        self.area.height
    }

    /// Some lines of it, from `top` on.
    pub(super) fn lines(&mut self, top: u16, count: u16) -> Canvas<'_> {
        let top = top.min(self.area.height);
        let area = Rect {
            y: self.area.y.saturating_add(top),
            height: count.min(self.area.height - top),
            ..self.area
        };
        Canvas { buf: self.buf, area, theme: self.theme, hits: self.hits }
    }

    /// Some of it.
    pub(super) fn part(&mut self, left: u16, top: u16, size: (u16, u16)) -> Canvas<'_> {
        let (left, top) = (left.min(self.area.width), top.min(self.area.height));
        let area = Rect {
            x: self.area.x.saturating_add(left),
            y: self.area.y.saturating_add(top),
            width: size.0.min(self.area.width - left),
            height: size.1.min(self.area.height - top),
        };
        Canvas { buf: self.buf, area, theme: self.theme, hits: self.hits }
    }

    /// Writes a text up to the end of the line; answers where it ends.
    pub(super) fn text(&mut self, x: u16, y: u16, text: &str, tint: Tint) -> u16 {
        let room = self.area.width.saturating_sub(x);
        self.boxed((x, y), room, Side::Left, (text, tint))
    }

    /// Writes several texts one after another.
    pub(super) fn texts<'t>(
        &mut self,
        x: u16,
        y: u16,
        texts: impl IntoIterator<Item = (&'t str, Tint)>,
    ) -> u16 {
        texts.into_iter().fold(x, |x, (text, tint)| self.text(x, y, text, tint))
    }

    /// Writes a text so that it ends where the line does; answers where it begins.
    pub(super) fn text_right(&mut self, y: u16, text: &str, tint: Tint) -> u16 {
        let columns = cells::width(text, self.theme.ascii).min(self.area.width);
        let x = self.area.width - columns;
        self.boxed((x, y), columns, Side::Left, (text, tint));
        x
    }

    /// Writes a text into so many columns, cut with a mark where it has more; answers where it ends.
    pub(super) fn boxed(
        &mut self,
        (x, y): (u16, u16),
        columns: u16,
        side: Side,
        (text, tint): (&str, Tint),
    ) -> u16 {
        if y >= self.area.height || x >= self.area.width {
            return x;
        }
        let columns = columns.min(self.area.width - x);
        let (theme, style) = (self.theme, self.theme.style(tint));
        let text = cells::cut(text, columns, theme.ascii, theme.cut());
        let mut at = x;
        if side == Side::Right {
            at += columns.saturating_sub(cells::width(&text, theme.ascii));
        }
        let end = x + columns;
        cells::each(&text, theme.ascii, |cluster, width| {
            if at + width > end {
                return false;
            }
            self.set(at, y, cluster, style);
            if width > 1 {
                self.set(at + 1, y, " ", style);
            }
            at += width;
            true
        });
        at
    }

    /// Writes a sign that is our own, of one column.
    pub(super) fn sign(&mut self, x: u16, y: u16, sign: &str, tint: Tint) {
        if x < self.area.width && y < self.area.height {
            self.set(x, y, sign, self.theme.style(tint));
        }
    }

    /// A line from one side to the other.
    pub(super) fn rule(&mut self, y: u16) {
        for x in 0..self.area.width {
            self.sign(x, y, self.theme.rule(), Tint::Dim);
        }
    }

    /// Nothing at all, over what was drawn there.
    pub(super) fn clear(&mut self) {
        let area = self.area;
        for row in area.rows() {
            for cell in row.columns() {
                if let Some(cell) = self.buf.cell_mut((cell.x, cell.y)) {
                    cell.reset();
                }
            }
        }
    }

    /// A whole line in reverse: where the cursor is.
    pub(super) fn reverse(&mut self, y: u16) {
        self.restyle(y, Style::new().add_modifier(Modifier::REVERSED));
    }

    fn restyle(&mut self, y: u16, style: Style) {
        if y < self.area.height {
            let line = Rect { y: self.area.y + y, height: 1, ..self.area };
            self.buf.set_style(line, style);
        }
    }

    /// Notes what a click there is about.
    pub(super) fn hit(&mut self, (x, y): (u16, u16), columns: u16, hit: Hit) {
        let place = Rect {
            x: self.area.x.saturating_add(x),
            y: self.area.y.saturating_add(y),
            width: columns,
            height: 1,
        };
        self.hits.put(place.intersection(self.area), hit);
    }

    fn set(&mut self, x: u16, y: u16, symbol: &str, style: Style) {
        let place = (self.area.x.saturating_add(x), self.area.y.saturating_add(y));
        if let Some(cell) = self.buf.cell_mut(place) {
            cell.set_symbol(symbol);
            cell.set_style(style);
        }
    }
}
