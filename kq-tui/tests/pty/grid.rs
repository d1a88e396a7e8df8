//! As much of a terminal as is needed to see what a program shows.

use std::collections::BTreeMap;

/// Characters by row and column.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    cells: BTreeMap<(u16, u16), char>,
    at: (u16, u16),
    held: Vec<u8>,
    /// How often everything was drawn anew.
    pub(crate) repaints: usize,
}

impl Grid {
    /// Takes in what was written; what it is to be answered comes out.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut answers = Vec::new();
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        while let Some(used) = self.one(rest, &mut answers) {
            rest = &rest[used..];
        }
        self.held = rest.to_vec();
        answers
    }

    /// What can be seen, line by line.
    pub(crate) fn text(&self) -> String {
        let rows = self.cells.keys().map(|(row, _)| *row).max().unwrap_or(0);
        let mut lines = Vec::new();
        for row in 1..=rows {
            let columns = self.cells.range((row, 0)..=(row, u16::MAX));
            let mut line = String::new();
            for ((_, column), character) in columns {
                while line.chars().count() + 1 < usize::from(*column) {
                    line.push(' ');
                }
                line.push(*character);
            }
            lines.push(line.trim_end().to_owned());
        }
        lines.join("\n").trim_end().to_owned()
    }

    /// Bytes of the next thing; none if it is not there as a whole.
    fn one(&mut self, bytes: &[u8], answers: &mut Vec<String>) -> Option<usize> {
        match bytes {
            [] | [0x1b] => None,
            [0x1b, b'[', rest @ ..] => {
                let end = rest.iter().position(|it| (0x40..=0x7e).contains(it))?;
                let words = String::from_utf8_lossy(&rest[..end]).into_owned();
                self.csi(&words, rest[end], answers);
                Some(end + 3)
            }
            [0x1b, ..] => Some(2),
            [0..0x20, ..] => Some(1),
            _ => {
                let length = match bytes[0] {
                    0xf0.. => 4,
                    0xe0.. => 3,
                    0xc0.. => 2,
                    _ => 1,
                };
                let text = bytes.get(..length)?;
                let character = String::from_utf8_lossy(text).chars().next().unwrap();
                let (row, column) = self.at;
                self.cells.insert((row, column), character);
                self.at = (row, column + 1);
                Some(length)
            }
        }
    }

    fn csi(&mut self, words: &str, last: u8, answers: &mut Vec<String>) {
        let number = |nth: usize| {
            words.split(';').nth(nth).and_then(|it| it.parse::<u16>().ok()).unwrap_or(1)
        };
        match (last, words) {
            (b'H', _) => self.at = (number(0), number(1)),
            (b'C', _) => self.at.1 += number(0),
            (b'J', "2") => {
                self.cells.clear();
                self.repaints += 1;
            }
            (b'n', "5") => answers.push("\x1b[0n".to_owned()),
            (b'n', "6") => answers.push(format!("\x1b[{};{}R", self.at.0, self.at.1)),
            _ => {}
        }
    }
}
