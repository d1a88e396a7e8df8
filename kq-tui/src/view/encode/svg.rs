//! A picture: text stays text in it, so that it can be searched and copied.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::Run;
use super::pen::rgb;

/// Of a cell, in tenths of a pixel of the picture.
const CELL_WIDTH: u32 = 84;
const CELL_HEIGHT: u32 = 180;
const BASELINE: u32 = 138;
const MARGIN: u32 = 100;
const FRONT: (u8, u8, u8) = (212, 212, 212);
const BACK: (u8, u8, u8) = (24, 24, 27);

/// A picture of the screen on a dark ground.
pub fn svg(buffer: &Buffer) -> String {
    let width = tenths(u32::from(buffer.area.width) * CELL_WIDTH + 2 * MARGIN);
    let height = tenths(u32::from(buffer.area.height) * CELL_HEIGHT + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n\
         <g font-family=\"ui-monospace, monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        hex(BACK)
    );
    for (row, line) in (0..).zip(super::lines(buffer)) {
        let mut column = 0;
        for run in line {
            draw(&mut out, (column, row), &run);
            column += u32::from(run.columns);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn draw(out: &mut String, (column, row): (u32, u32), run: &Run) {
    let (x, y) = (column * CELL_WIDTH + MARGIN, row * CELL_HEIGHT + MARGIN);
    let columns = u32::from(run.columns);
    let mut front = rgb(run.pen.front).unwrap_or(FRONT);
    let mut back = rgb(run.pen.back);
    if run.pen.how.contains(Modifier::REVERSED) {
        (front, back) = (back.unwrap_or(BACK), Some(front));
    }
    if let Some(back) = back {
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
            tenths(x),
            tenths(y),
            tenths(columns * CELL_WIDTH),
            tenths(CELL_HEIGHT),
            hex(back)
        );
    }
    if run.text.trim().is_empty() {
        return;
    }
    let mut how = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if run.pen.how.contains(modifier) {
            how.push_str(attribute);
        }
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" textLength=\"{}\" fill=\"{}\"{how}>{}</text>",
        tenths(x),
        tenths(y + BASELINE),
        tenths(columns * CELL_WIDTH),
        hex(front),
        escaped(&run.text)
    );
}

fn tenths(it: u32) -> String {
    format!("{}.{}", it / 10, it % 10)
}

fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // No control character is allowed in XML, escaped or not.
            it if it.is_control() => out.push('?'),
            it => out.push(it),
        }
    }
    out
}
