//! Text with colours, as a terminal takes it.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::pen::{Pen, number};

/// A line for each line; every one ends as it began, without colours.
pub fn ansi(buffer: &Buffer) -> String {
    let mut out = String::new();
    for line in super::lines(buffer) {
        for run in &line {
            if run.pen == Pen::default() {
                out.push_str(&run.text);
            } else {
                let _ = write!(out, "\x1b[{}m{}\x1b[0m", codes(run.pen), run.text);
            }
        }
        out.push('\n');
    }
    out
}

fn codes(pen: Pen) -> String {
    let how = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
    ];
    let how =
        how.into_iter().filter(|(it, _)| pen.how.contains(*it)).map(|(_, code)| code.to_owned());
    let colors = [(38, pen.front), (48, pen.back)];
    let colors = colors.into_iter().filter_map(|(place, color)| color_code(place, color));
    how.chain(colors).collect::<Vec<_>>().join(";")
}

fn color_code(place: u8, color: Color) -> Option<String> {
    if let Color::Rgb(red, green, blue) = color {
        return Some(format!("{place};2;{red};{green};{blue}"));
    }
    number(color).map(|it| format!("{place};5;{it}"))
}
