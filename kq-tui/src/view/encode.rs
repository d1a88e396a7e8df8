//! A drawn screen as a file: plain text, text with colours, or a picture.

mod ansi;
mod pen;
mod svg;
mod text;

use ratatui::buffer::{Buffer, Cell};

pub use ansi::ansi;
pub use svg::svg;
pub use text::text;

use pen::Pen;

/// Cells of a line that look alike.
struct Run {
    text: String,
    pen: Pen,
    columns: u16,
}

/// The lines of a buffer by cells that look alike. Cells that a wide sign covers are left out.
fn lines(buffer: &Buffer) -> impl Iterator<Item = Vec<Run>> + '_ {
    let width = usize::from(buffer.area.width.max(1));
    let count = if buffer.area.is_empty() { 0 } else { usize::from(buffer.area.height) };
    buffer.content.chunks(width).take(count).map(runs)
}

fn runs(cells: &[Cell]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut covered = 0;
    for cell in cells {
        if covered > 0 {
            covered -= 1;
            continue;
        }
        let columns =
            u16::try_from(unicode_width::UnicodeWidthStr::width(cell.symbol())).unwrap_or(1);
        covered = columns.saturating_sub(1);
        let pen = Pen::of(cell);
        match runs.last_mut() {
            Some(run) if run.pen == pen => {
                run.text.push_str(cell.symbol());
                run.columns += columns.max(1);
            }
            _ => runs.push(Run { text: cell.symbol().to_owned(), pen, columns: columns.max(1) }),
        }
    }
    // What is blank at the end of a line says nothing.
    if let Some(last) = runs.last_mut().filter(|it| it.pen == Pen::default()) {
        let kept = last.text.trim_end_matches(' ').len();
        let blank = u16::try_from(last.text.len() - kept).unwrap_or(0);
        last.text.truncate(kept);
        last.columns = last.columns.saturating_sub(blank);
        if last.text.is_empty() {
            runs.pop();
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Modifier, Style};

    use super::*;

    fn drawn() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "ok <b3>", Style::new());
        buffer.set_string(3, 0, "<b3>", Style::new().fg(Color::Indexed(196)));
        buffer.set_string(0, 1, "注 x", Style::new().add_modifier(Modifier::REVERSED));
        buffer
    }

    #[test]
    fn a_screen_is_text() {
        assert_eq!(text(&drawn()), "ok <b3>\n注 x\n");
    }

    #[test]
    fn a_screen_is_text_with_colours() {
        assert_eq!(ansi(&drawn()), "ok \u{1b}[38;5;196m<b3>\u{1b}[0m\n\u{1b}[7m注 x\u{1b}[0m\n");
    }

    #[test]
    fn a_screen_is_a_picture_that_breaks_nothing() {
        let picture = svg(&drawn());
        assert!(picture.contains("&lt;b3&gt;") && !picture.contains("<b3>"));
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    }

    #[test]
    fn an_empty_screen_is_nothing() {
        let empty = Buffer::empty(Rect::ZERO);
        assert_eq!((text(&empty), ansi(&empty)), (String::new(), String::new()));
    }
}
