//! Cells for machines: lines of texts that look alike.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::Run;
use super::pen::number;

/// `columns`, `rows`, and `lines` of `{text, front, back, how}`; what is absent is the terminal's own.
pub fn json(buffer: &Buffer) -> String {
    let (columns, rows) = (buffer.area.width, buffer.area.height);
    let lines: Vec<String> = super::lines(buffer)
        .map(|line| {
            let runs: Vec<String> = line.iter().map(run).collect();
            format!("    [{}]", runs.join(", "))
        })
        .collect();
    format!(
        "{{\n  \"columns\": {columns},\n  \"rows\": {rows},\n  \"lines\": [\n{}\n  ]\n}}\n",
        lines.join(",\n")
    )
}

fn run(it: &Run) -> String {
    let mut text = format!("{{\"text\": {}", quoted(&it.text));
    for (name, color) in [("front", it.pen.front), ("back", it.pen.back)] {
        if let Some(color) = color_text(color) {
            let _ = write!(text, ", \"{name}\": \"{color}\"");
        }
    }
    let how = [
        (Modifier::BOLD, "\"bold\""),
        (Modifier::DIM, "\"dim\""),
        (Modifier::UNDERLINED, "\"underlined\""),
        (Modifier::REVERSED, "\"reversed\""),
    ];
    let how: Vec<&str> = how
        .into_iter()
        .filter(|(how, _)| it.pen.how.contains(*how))
        .map(|(_, word)| word)
        .collect();
    if !how.is_empty() {
        let _ = write!(text, ", \"how\": [{}]", how.join(", "));
    }
    text.push('}');
    text
}

fn color_text(color: Color) -> Option<String> {
    if let Color::Rgb(red, green, blue) = color {
        return Some(format!("#{red:02x}{green:02x}{blue:02x}"));
    }
    number(color).map(|it| it.to_string())
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for it in text.chars() {
        match it {
            '"' | '\\' => out.extend(['\\', it]),
            it if it.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out.push('"');
    out
}
