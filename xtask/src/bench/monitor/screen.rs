//! As much of a terminal as is needed to read the first line of what a program shows.

/// The first line, and where the next character goes.
#[derive(Debug, Default)]
pub(super) struct Screen {
    first: Vec<char>,
    row: usize,
    column: usize,
    held: Vec<u8>,
}

/// What comes next in the bytes.
enum Next<'a> {
    /// A sequence: its words and its last byte.
    Sequence(&'a [u8], u8),
    /// A character.
    Text(&'a [u8]),
    /// Nothing that shows.
    Other,
}

impl Screen {
    /// Takes in what was written; what it is to be answered comes out.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let (mut rest, mut answers) = (held.as_slice(), Vec::new());
        while let Some((next, behind)) = next(rest) {
            match next {
                Next::Sequence(words, last) => answers.extend(self.obey(words, last)),
                Next::Text(text) => self.put(text),
                Next::Other => {}
            }
            rest = behind;
        }
        self.held = rest.to_vec();
        answers
    }

    /// The first line.
    pub(super) fn first_line(&self) -> String {
        self.first.iter().collect()
    }

    fn put(&mut self, text: &[u8]) {
        if self.row == 0 {
            let character = String::from_utf8_lossy(text).chars().next().unwrap_or(' ');
            if self.first.len() <= self.column {
                self.first.resize(self.column + 1, ' ');
            }
            if let Some(cell) = self.first.get_mut(self.column) {
                *cell = character;
            }
        }
        self.column += 1;
    }

    fn obey(&mut self, words: &[u8], last: u8) -> Option<String> {
        let words = String::from_utf8_lossy(words);
        // A place is a u16: a line cannot become longer than that.
        let number = |nth| {
            let word = words.split(';').nth(nth).and_then(|it| it.parse::<u16>().ok());
            usize::from(word.unwrap_or(1).max(1))
        };
        match (last, words.as_ref()) {
            (b'H', _) => (self.row, self.column) = (number(0) - 1, number(1) - 1),
            (b'C', _) => self.column += number(0),
            (b'J', "2") => self.first.clear(),
            (b'n', "5") => return Some("\x1b[0n".to_owned()),
            (b'n', "6") => return Some(format!("\x1b[{};{}R", self.row + 1, self.column + 1)),
            _ => {}
        }
        None
    }
}

/// The next thing and what is behind it; none if it is not there as a whole.
fn next(bytes: &[u8]) -> Option<(Next<'_>, &[u8])> {
    match bytes {
        [] | [0x1b] => None,
        [0x1b, b'[', rest @ ..] => {
            let end = rest.iter().position(|it| (0x40..=0x7e).contains(it))?;
            let (words, rest) = rest.split_at_checked(end)?;
            let (last, rest) = rest.split_first()?;
            Some((Next::Sequence(words, *last), rest))
        }
        [0x1b, _, rest @ ..] | [..0x20, rest @ ..] => Some((Next::Other, rest)),
        [first, ..] => {
            let length = match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            let (text, rest) = bytes.split_at_checked(length)?;
            Some((Next::Text(text), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_read_from_pieces() {
        let mut screen = Screen::default();
        let bytes = "\x1b[2J\x1b[1;3Hab\x1b[2;1Hno\x1b[1;6H\u{e9}\x1b[0mz\x1b[5n".as_bytes();
        let answers: Vec<String> = bytes.iter().flat_map(|it| screen.take(&[*it])).collect();
        assert_eq!(screen.first_line(), "  ab \u{e9}z");
        assert_eq!(answers, ["\x1b[0n"]);
    }
}
