//! Texts as cells: what comes from strangers takes as many columns as we count, or is not drawn.
//!
//! Terminals disagree about emoji, joined characters and writing from right to left. What they might
//! draw wider, narrower or elsewhere becomes a question mark, so that columns stay where they are.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use crate::text::safe;

/// Stands for what terminals do not agree about.
const UNSURE: &str = "?";

/// Columns that a text takes.
pub(super) fn width(text: &str, ascii: bool) -> u16 {
    let mut columns = 0_u16;
    each(text, ascii, |_, width| {
        columns = columns.saturating_add(width);
        true
    });
    columns
}

/// A text that takes no more columns than there are, with a mark where it was cut.
pub(super) fn cut<'a>(text: &'a str, columns: u16, ascii: bool, mark: &str) -> Cow<'a, str> {
    if width(text, ascii) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(1);
    let (mut shown, mut used) = (String::new(), 0);
    each(text, ascii, |cluster, width| {
        let fits = used + width <= room;
        if fits {
            shown.push_str(cluster);
            used += width;
        }
        fits
    });
    if columns > 0 {
        shown.push_str(mark);
    }
    Cow::Owned(shown)
}

/// The same of a name: what tells it from others stays, the number at its end, as in `orders-17`, or
/// else the last of it.
pub(super) fn cut_name<'a>(text: &'a str, columns: u16, ascii: bool, mark: &str) -> Cow<'a, str> {
    let number = text.rfind('-').and_then(|at| text.split_at_checked(at));
    if width(text, ascii) <= columns {
        return Cow::Borrowed(text);
    }
    let is_number = |it: &str| it.len() > 1 && it.bytes().skip(1).all(|it| it.is_ascii_digit());
    if let Some((name, number)) = number.filter(|(_, it)| is_number(it)) {
        return match columns.checked_sub(width(number, ascii)) {
            Some(room @ 3..) => Cow::Owned(format!("{}{number}", cut(name, room, ascii, mark))),
            _ => cut(text, columns, ascii, mark),
        };
    }
    let end = end_of(text, columns / 3, ascii);
    let room = columns.saturating_sub(width(&end, ascii));
    Cow::Owned(format!("{}{end}", cut(text, room, ascii, mark)))
}

/// The last of a text, as much as takes so many columns.
fn end_of(text: &str, columns: u16, ascii: bool) -> String {
    let mut over = width(text, ascii).saturating_sub(columns);
    let mut end = String::new();
    each(text, ascii, |cluster, width| {
        if over == 0 {
            end.push_str(cluster);
        }
        over = over.saturating_sub(width);
        true
    });
    end
}

/// Goes through a text by what is drawn and its columns, until `then` says no.
pub(super) fn each(text: &str, ascii: bool, mut then: impl FnMut(&str, u16) -> bool) {
    let text = safe(text);
    if text.is_ascii() {
        let mut from = 0;
        while let Some(letter) = text.get(from..from + 1) {
            if !then(letter, 1) {
                return;
            }
            from += 1;
        }
        return;
    }
    for cluster in text.graphemes(true) {
        let (shown, width) = drawn(cluster, ascii);
        if !then(shown, width) {
            return;
        }
    }
}

fn drawn(cluster: &str, ascii: bool) -> (&str, u16) {
    let mut letters = cluster.chars();
    let Some(first) = letters.next() else { return (UNSURE, 1) };
    if first.is_ascii() && letters.clone().next().is_none() {
        return (cluster, 1);
    }
    let is_accented = letters.all(|it| matches!(it, '\u{300}'..='\u{36f}'));
    if ascii || !is_accented || is_right_to_left(first) {
        return (UNSURE, 1);
    }
    match first.width() {
        Some(1) => (cluster, 1),
        Some(2) if is_ideograph(first) => (cluster, 2),
        _ => (UNSURE, 1),
    }
}

const fn is_right_to_left(it: char) -> bool {
    matches!(it,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Wide on every terminal: scripts of East Asia, no pictures.
const fn is_ideograph(it: char) -> bool {
    matches!(it,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{33ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a000}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff60}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, ascii: bool) -> (String, u16) {
        let (mut all, mut columns) = (String::new(), 0);
        each(text, ascii, |cluster, width| {
            all.push_str(cluster);
            columns += width;
            true
        });
        (all, columns)
    }

    #[test]
    fn what_terminals_disagree_about_is_one_sign() {
        let cases = [
            ("orders", "orders", 6),
            ("größe", "größe", 5),
            ("e\u{301}t", "e\u{301}t", 2),
            ("注文", "注文", 4),
            ("a\u{2764}\u{fe0f}b", "a?b", 3),
            ("👩\u{1f3fd}x", "?x", 2),
            ("🇩🇪", "?", 1),
            ("שלום", "????", 4),
            ("a\u{1b}[0m", "a\\u{1b}[0m", 10),
            ("a\u{202e}b", "a\\u{202e}b", 10),
        ];
        for (text, want, columns) in cases {
            assert_eq!(shown(text, false), (want.to_owned(), columns), "{text:?}");
        }
        assert_eq!(shown("größe", true), ("gr??e".to_owned(), 5));
    }

    #[test]
    fn a_text_is_cut_where_a_whole_sign_ends() {
        assert_eq!(cut("orders", 6, true, "~"), "orders");
        assert_eq!(cut("orders", 4, true, "~"), "ord~");
        assert_eq!(cut("注文の", 4, false, "…"), "注…");
        assert_eq!(cut("ab", 0, true, "~"), "");
    }

    #[test]
    fn a_name_is_cut_before_its_number() {
        assert_eq!(cut_name("orders-17", 9, true, "~"), "orders-17");
        assert_eq!(cut_name("orders-of-old-17", 9, true, "~"), "order~-17");
        assert_eq!(cut_name("orders-123456", 9, true, "~"), "orders-1~");
        assert_eq!(cut_name("orders", 4, true, "~"), "or~s");
        assert_eq!(cut_name("orders", 2, true, "~"), "o~");
        assert_eq!(cut_name("connect-sink-of-orders-eu", 12, true, "~"), "connect~s-eu");
        assert_eq!(cut_name("orders-", 6, true, "~"), "ord~s-");
        assert_eq!(
            cut_name("\u{5927}\u{5927}\u{5927}\u{5927}", 7, false, "~"),
            "\u{5927}\u{5927}~\u{5927}"
        );
    }
}
