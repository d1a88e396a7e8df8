//! A line that is being typed: text with a cursor between two characters.

/// So much may be typed or pasted.
const CHARS_MAX: usize = 500;

/// A line of text and the place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// In bytes, always between two characters.
    cursor: usize,
}

impl Line {
    /// A line that is there already, with the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor, and what after it.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    pub(super) fn put(&mut self, it: char) {
        if !it.is_control() && self.text.chars().count() < CHARS_MAX {
            self.text.insert(self.cursor, it);
            self.cursor += it.len_utf8();
        }
    }

    /// Pasted text has no line ends here: they never act.
    pub(super) fn paste(&mut self, text: &str) {
        let line = text.trim_end_matches(['\r', '\n']);
        for it in line.chars() {
            self.put(if it == '\n' || it == '\t' { ' ' } else { it });
        }
    }

    pub(super) fn delete_back(&mut self) {
        if let Some(it) = self.parts().0.chars().next_back() {
            self.cursor -= it.len_utf8();
            self.text.remove(self.cursor);
        }
    }

    pub(super) fn delete_on(&mut self) {
        if !self.parts().1.is_empty() {
            self.text.remove(self.cursor);
        }
    }

    pub(super) fn delete_word(&mut self) {
        let before = self.parts().0;
        let kept = before.trim_end().rfind(' ').map_or(0, |at| at + 1);
        self.text.replace_range(kept..self.cursor, "");
        self.cursor = kept;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn left(&mut self) {
        self.cursor -= self.parts().0.chars().next_back().map_or(0, char::len_utf8);
    }

    pub(super) fn right(&mut self) {
        self.cursor += self.parts().1.chars().next().map_or(0, char::len_utf8);
    }

    pub(super) const fn home(&mut self) {
        self.cursor = 0;
    }

    pub(super) const fn end(&mut self) {
        self.cursor = self.text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_any_width_are_edited_whole() {
        let mut line = Line::new("aé漢");
        line.left();
        line.put('b');
        assert_eq!(line.parts(), ("aéb", "漢"));
        line.delete_on();
        line.delete_on();
        line.delete_back();
        line.delete_back();
        assert_eq!(line.parts(), ("a", ""));
        line.home();
        line.delete_back();
        line.left();
        line.right();
        line.right();
        assert_eq!(line.parts(), ("a", ""));
    }

    #[test]
    fn words_go_one_by_one() {
        let mut line = Line::new("why=b3 lag>10k ");
        line.delete_word();
        assert_eq!(line.text(), "why=b3 ");
        line.delete_word();
        line.delete_word();
        assert_eq!(line.text(), "");
    }

    #[test]
    fn pasted_text_is_one_line_with_a_bound() {
        let mut line = Line::default();
        line.paste("a\nb\u{1b}[31m\tc\r\n");
        assert_eq!(line.text(), "a b[31m c");
        line.paste(&"x".repeat(10_000));
        assert_eq!(line.text().len(), CHARS_MAX);
    }
}
