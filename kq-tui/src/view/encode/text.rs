//! Plain text.

use ratatui::buffer::Buffer;

/// A line for each line, without what is blank at its end.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for line in super::lines(buffer) {
        for run in &line {
            out.push_str(&run.text);
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    out
}
