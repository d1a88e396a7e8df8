//! One record, whole: as lines, so that it is scrolled, filtered and exported like any table.
//!
//! Text is shown as text, a line for each of its lines; anything else as its bytes in hex, with the
//! characters that they would be beside them.

use std::fmt::Write as _;
use std::sync::Arc;

use kq_proto::admin::v1::{Compression, Record};

use super::Subject;
use super::moment;
use super::tail::{Field, Kept};
use crate::text::{grouped, safe};

/// What stands before each line: its name and the cursor.
pub const LEFT: u16 = 14;
/// A line is never shorter, whatever the terminal is.
const COLUMNS_MIN: u16 = 20;
/// Lines of one record; a value of line ends alone would be more.
const LINES_MAX: usize = 20_000;
/// From so many columns on a line of hex has twice the bytes.
const WIDE_HEX: u16 = 79;

/// A record that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The record; it stays while it is open, even if newer ones push it out of the tail.
    pub kept: Arc<Kept>,
    /// What is shown of it.
    pub lines: Vec<Line>,
    /// For how many columns the lines were made.
    made_for: u16,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is; empty if it goes on with the one above.
    pub name: &'static str,
    /// What stands there, safe to show.
    pub text: String,
}

impl Opened {
    /// With no line yet.
    pub(super) const fn new(kept: Arc<Kept>) -> Self {
        Self { kept, lines: Vec::new(), made_for: 0 }
    }

    /// Which one it is.
    pub(super) fn subject(&self) -> Subject {
        self.kept.subject()
    }

    /// Makes its lines for a terminal of so many columns, unless they are made for it.
    pub(super) fn fit(&mut self, columns: u16) {
        if self.made_for != columns || self.lines.is_empty() {
            self.made_for = columns;
            self.lines = lines(&self.kept, columns.saturating_sub(LEFT).max(COLUMNS_MIN));
        }
    }
}

fn lines(it: &Kept, columns: u16) -> Vec<Line> {
    let mut page = Page { lines: Vec::new(), columns };
    about(&mut page, it);
    field(&mut page, "KEY", it, Field::Key);
    for header in &it.record.headers {
        let value = match &header.value {
            None => "(null)".to_owned(),
            Some(bytes) => crate::text::readable(bytes),
        };
        page.put("HEADER", &format!("{} = {value}", header.key));
    }
    let left_out = it.header_count.saturating_sub(it.record.headers.len());
    if left_out > 0 {
        page.put("HEADER", &format!("{} more, not kept here", count(left_out)));
    }
    field(&mut page, "VALUE", it, Field::Value);
    page.lines
}

/// All but key, headers and value.
fn about(page: &mut Page, kept: &Kept) {
    let it = &kept.record;
    page.put("TOPIC", &it.topic);
    page.put("PARTITION", &it.partition.to_string());
    page.put("OFFSET", &grouped(it.offset));
    let by = if it.log_append_time { "the broker" } else { "the producer" };
    page.put("TIME", &format!("{}, by {by}", moment::rfc3339(it.timestamp_ms)));
    page.put("EPOCH", &format!("{} of the leader", it.leader_epoch));
    if let Some(words) = producer(it) {
        page.put("PRODUCER", &words);
    }
    let packed = match it.compression() {
        Compression::Unspecified | Compression::None => "not compressed",
        Compression::Gzip => "in a batch of gzip",
        Compression::Snappy => "in a batch of snappy",
        Compression::Lz4 => "in a batch of lz4",
        Compression::Zstd => "in a batch of zstd",
    };
    page.put("SIZE", &format!("{} bytes, {packed}", grouped(it.size_bytes.into())));
}

/// Of an idempotent or transactional one.
fn producer(it: &Record) -> Option<String> {
    let mut words = it.producer_id?.to_string();
    if let Some(epoch) = it.producer_epoch {
        let _ = write!(words, ", epoch {epoch}");
    }
    if let Some(sequence) = it.sequence {
        let _ = write!(words, ", sequence {sequence}");
    }
    if it.transactional {
        words.push_str(", in a transaction");
    }
    Some(words)
}

fn field(page: &mut Page, name: &'static str, it: &Kept, of: Field) {
    let (Some(bytes), Some(whole)) = (it.field(of), it.field_bytes(of)) else {
        page.put(name, "(null)");
        return;
    };
    let end = if bytes.len() < whole { text_end(bytes) } else { bytes.len() };
    match std::str::from_utf8(bytes.get(..end).unwrap_or_default()) {
        _ if bytes.is_empty() => page.put(name, "empty"),
        Ok(text) if !text.contains(is_of_no_text) => page.text(name, text),
        Ok(_) | Err(_) => page.hex(name, bytes),
    }
    if bytes.len() < whole {
        let rest = count(whole - bytes.len());
        page.put("", &format!("... {rest} bytes more, not kept here; kq-ctl shows them"));
    }
}

/// A text that was cut may end within a character.
fn text_end(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        // Nothing but the beginning of a character is left.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Ok(_) | Err(_) => bytes.len(),
    }
}

/// Text may be coloured; what has other control characters is something else.
const fn is_of_no_text(it: char) -> bool {
    matches!(it, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1a}' | '\u{1c}'..='\u{1f}')
}

fn count(it: usize) -> String {
    grouped(u64::try_from(it).unwrap_or(u64::MAX))
}

/// Lines of a width.
struct Page {
    lines: Vec<Line>,
    columns: u16,
}

impl Page {
    fn line(&mut self, name: &'static str, text: String) {
        if self.lines.len() < LINES_MAX {
            self.lines.push(Line { name, text });
        }
    }

    /// One text, on as many lines as it takes.
    fn put(&mut self, name: &'static str, text: &str) {
        let mut name = name;
        for part in parts(&safe(text), self.columns) {
            self.line(std::mem::take(&mut name), part.to_owned());
        }
    }

    fn text(&mut self, name: &'static str, text: &str) {
        let mut name = name;
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.put(std::mem::take(&mut name), line);
        }
    }

    fn hex(&mut self, name: &'static str, bytes: &[u8]) {
        let per_line = if self.columns >= WIDE_HEX { 16 } else { 8 };
        let mut name = name;
        for (at, row) in bytes.chunks(per_line).enumerate() {
            let mut text = format!("{:08x} ", at * per_line);
            for byte in row {
                let _ = write!(text, " {byte:02x}");
            }
            let gap = (per_line - row.len()) * 3 + 2;
            let _ = write!(text, "{:gap$}", "");
            let shown = |it: &u8| if it.is_ascii_graphic() { char::from(*it) } else { '.' };
            text.extend(row.iter().map(shown));
            self.line(std::mem::take(&mut name), text);
        }
    }
}

/// A text in parts of so many columns; what is no ASCII may take two.
fn parts(text: &str, columns: u16) -> Vec<&str> {
    let (mut parts, mut from, mut used) = (Vec::new(), 0, 0);
    for (at, it) in text.char_indices() {
        let width = if it.is_ascii() { 1 } else { 2 };
        if used + width > columns {
            parts.extend(text.get(from..at));
            (from, used) = (at, 0);
        }
        used += width;
    }
    parts.extend(text.get(from..));
    parts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use kq_proto::admin::v1::Header;

    use super::*;

    fn shown(record: Record, columns: u16) -> String {
        let mut it = Opened::new(Arc::new(Kept::of(record, 0, false)));
        it.fit(columns);
        it.lines.iter().fold(String::new(), |mut shown, it| {
            let _ = writeln!(shown, "{:<10}|{}", it.name, it.text);
            shown
        })
    }

    #[test]
    fn a_record_is_shown_whole() {
        let header = |key: &str, value: Option<&[u8]>| Header {
            key: key.to_owned(),
            value: value.map(|it| it.to_vec().into()),
        };
        let record = Record {
            topic: "orders".to_owned(),
            partition: 3,
            offset: 81_124,
            timestamp_ms: 1_795_262_671_024,
            key: Some(b"user-1".to_vec().into()),
            value: Some(b"{\n  \"id\": 1,\n  \"note\": \"\x1b[31mred\"\n}\n".to_vec().into()),
            headers: vec![header("trace", Some(b"ab\xff")), header("none", None)],
            leader_epoch: 44,
            producer_id: Some(1_000),
            producer_epoch: Some(2),
            sequence: Some(17),
            transactional: true,
            size_bytes: 1_412,
            ..Record::default()
        };
        expect![[r#"
            TOPIC     |orders
            PARTITION |3
            OFFSET    |81 124
            TIME      |2026-11-21T12:04:31.024Z, by the producer
            EPOCH     |44 of the leader
            PRODUCER  |1000, epoch 2, sequence 17, in a transaction
            SIZE      |1 412 bytes, not compressed
            KEY       |user-1
            HEADER    |trace = ab\xff
            HEADER    |none = (null)
            VALUE     |{
                      |  "id": 1,
                      |  "note": "\u{1b}[31mred"
                      |}
        "#]]
        .assert_eq(&shown(record, 60));
    }

    #[test]
    fn bytes_are_shown_as_such() {
        let record = Record {
            key: Some(Vec::new().into()),
            value: Some((0x18..0x2b).chain([0xff, b'a']).collect::<Vec<u8>>().into()),
            ..Record::default()
        };
        expect![[r##"
            TOPIC     |
            PARTITION |0
            OFFSET    |0
            TIME      |1970-01-01T00:00:00.000Z, by the producer
            EPOCH     |0 of the leader
            SIZE      |0 bytes, not compressed
            KEY       |empty
            VALUE     |00000000  18 19 1a 1b 1c 1d 1e 1f  ........
                      |00000008  20 21 22 23 24 25 26 27  .!"#$%&'
                      |00000010  28 29 2a ff 61           ()*.a
        "##]]
        .assert_eq(&shown(record, 60));
    }

    #[test]
    fn what_was_cut_says_so_and_a_character_is_never_halved() {
        let record =
            Record { value: Some("漢".repeat(30_000).into_bytes().into()), ..Record::default() };
        let mut it = Opened::new(Arc::new(Kept::of(record, 0, false)));
        it.fit(80);
        let last = it.lines.last().unwrap();
        assert!(last.text.contains("24 464 bytes more"), "{last:?}");
        let value: String = it.lines.iter().map(|it| it.text.as_str()).collect();
        assert!(value.contains("漢漢") && !value.contains('\u{fffd}') && !value.contains("e6 bc"));
    }

    #[test]
    fn a_flood_of_line_ends_is_bounded() {
        let record = Record { value: Some(vec![b'\n'; 60_000].into()), ..Record::default() };
        let mut it = Opened::new(Arc::new(Kept::of(record, 0, false)));
        it.fit(80);
        assert_eq!(it.lines.len(), LINES_MAX);
    }
}
