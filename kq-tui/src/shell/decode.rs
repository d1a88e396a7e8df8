//! Bytes that a terminal sends, as keys, mouse and answers. Pure: time is an argument.
//!
//! Sequences arrive cut anywhere, and a slow link puts any time between two bytes. What began as a
//! sequence therefore never ends as letters: it is held until it is complete or plainly broken, and
//! then dropped as a whole. Only a lone escape becomes a key, once nothing has followed it for a
//! moment; if its sequence comes after all, it goes on as that sequence.

use crate::model::{Code, Event, Key, Mouse, MouseDeed};

/// A lone escape is a key when nothing followed it for so long.
const ESCAPE_MS: u64 = 50;
/// Letters are not keys for so long after a lone escape: they were sent with it.
const ESCAPED_MS: u64 = 30;
/// A bracket within so long after a lone escape goes on with its sequence.
const RESUMED_MS: u64 = 250;
/// A sequence that is not complete by then is dropped.
const SEQUENCE_MS: u64 = 2_000;
/// No sequence that we know is longer.
const SEQUENCE_BYTES_MAX: usize = 64;
/// Of what is pasted at once, the rest is dropped.
const PASTE_BYTES_MAX: usize = 64 << 10;

const ESC: u8 = 0x1b;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What the terminal said.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Something for the model.
    Event(Event),
    /// It has seen all that was written before it was asked.
    Answer,
}

/// Reads a terminal's bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    held: Vec<u8>,
    /// When the newest byte came, in milliseconds of uptime.
    newest_ms: u64,
    /// When a lone escape was told as a key.
    escaped_ms: Option<u64>,
    paste: Option<Vec<u8>>,
}

/// What the first bytes are.
enum Parsed {
    /// So many of them, and what they say, if anything.
    Done(usize, Option<Told>),
    /// So many of them begin a paste.
    Paste(usize),
    /// More have to come.
    More,
}

impl Decoder {
    /// Takes bytes in that came at a time.
    pub fn take(&mut self, bytes: &[u8], now_ms: u64) -> Vec<Told> {
        if bytes.is_empty() {
            return Vec::new();
        }
        let mut told = self.expire(now_ms);
        let resumes = self.held.is_empty()
            && self.is_within(RESUMED_MS, now_ms)
            && matches!(bytes.first(), Some(b'[' | b'O'));
        if resumes {
            self.held.push(ESC);
        }
        self.held.extend_from_slice(bytes);
        self.newest_ms = now_ms;
        self.read(&mut told);
        told
    }

    /// When to call [`Decoder::expire`] if nothing comes, in milliseconds of uptime.
    pub fn deadline_ms(&self) -> Option<u64> {
        let patience = match self.held.as_slice() {
            [] if self.paste.is_none() => return None,
            [ESC] if self.paste.is_none() => ESCAPE_MS,
            _ => SEQUENCE_MS,
        };
        Some(self.newest_ms + patience)
    }

    /// Decides what nothing has followed.
    pub fn expire(&mut self, now_ms: u64) -> Vec<Told> {
        if self.deadline_ms().is_none_or(|at| now_ms < at) {
            return Vec::new();
        }
        let held = std::mem::take(&mut self.held);
        if let Some(mut paste) = self.paste.take() {
            paste.extend(held);
            return vec![pasted(&paste)];
        }
        if held != [ESC] {
            return Vec::new();
        }
        self.escaped_ms = Some(now_ms);
        vec![key(Key::plain(Code::Esc))]
    }

    fn is_within(&self, span_ms: u64, now_ms: u64) -> bool {
        self.escaped_ms.is_some_and(|at| now_ms.saturating_sub(at) < span_ms)
    }

    fn read(&mut self, told: &mut Vec<Told>) {
        let mut from = 0;
        loop {
            if self.paste.is_some() {
                match self.read_paste(from, told) {
                    Some(end) => from = end,
                    None => return,
                }
            }
            let rest = self.held.get(from..).unwrap_or_default();
            match parse(rest) {
                Parsed::More => break,
                Parsed::Paste(used) => {
                    from += used;
                    self.paste = Some(Vec::new());
                }
                Parsed::Done(used, it) => {
                    from += used.max(1);
                    told.extend(it.filter(|it| !self.belongs_to_escape(it)));
                }
            }
        }
        self.held.drain(..from.min(self.held.len()));
        // Of what is too long only its beginning is held: it ends as a whole, whenever it does.
        if self.held.len() > SEQUENCE_BYTES_MAX {
            self.held.truncate(2);
        }
    }

    /// The place behind the end of the paste; none if it goes on.
    fn read_paste(&mut self, from: usize, told: &mut Vec<Told>) -> Option<usize> {
        let rest = self.held.get(from..).unwrap_or_default();
        let end = rest.windows(PASTE_END.len()).position(|it| it == PASTE_END);
        // The end may have come in part.
        let whole = end.unwrap_or(rest.len().saturating_sub(PASTE_END.len() - 1));
        let text = rest.get(..whole).unwrap_or_default();
        let paste = self.paste.get_or_insert_default();
        let room = PASTE_BYTES_MAX.saturating_sub(paste.len());
        paste.extend(text.iter().take(room));
        if end.is_none() {
            self.held.drain(..from + whole);
            return None;
        }
        told.push(pasted(&self.paste.take().unwrap_or_default()));
        Some(from + whole + PASTE_END.len())
    }

    fn belongs_to_escape(&self, told: &Told) -> bool {
        let is_letter = matches!(
            told,
            Told::Event(Event::Key(Key { code: Code::Char(_), ctrl: false, alt: false }))
        );
        is_letter && self.is_within(ESCAPED_MS, self.newest_ms)
    }
}

const fn key(key: Key) -> Told {
    Told::Event(Event::Key(key))
}

fn pasted(bytes: &[u8]) -> Told {
    Told::Event(Event::Paste(String::from_utf8_lossy(bytes).into_owned()))
}

fn parse(bytes: &[u8]) -> Parsed {
    match bytes {
        [] | [ESC] | [ESC, b'O'] => Parsed::More,
        [ESC, b'[', rest @ ..] => parse_csi(rest),
        [ESC, b'O', last, ..] => Parsed::Done(3, cursor_key(*last, Key::plain(Code::Esc))),
        [ESC, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => parse_string(rest),
        // Two escapes are one key and what the second one begins.
        [ESC, ESC, ..] => Parsed::Done(1, Some(key(Key::plain(Code::Esc)))),
        [ESC, rest @ ..] => match parse_char(rest) {
            Parsed::Done(used, Some(Told::Event(Event::Key(it)))) => {
                Parsed::Done(used + 1, Some(key(Key { alt: true, ..it })))
            }
            Parsed::Done(used, _) => Parsed::Done(used + 1, None),
            Parsed::Paste(_) | Parsed::More => Parsed::More,
        },
        _ => parse_char(bytes),
    }
}

/// Behind `ESC [`: parameters, intermediates, and a last byte that says what it is.
fn parse_csi(rest: &[u8]) -> Parsed {
    let Some(at) = rest.iter().position(|byte| !(0x20..0x40).contains(byte)) else {
        return Parsed::More;
    };
    let (parameters, last) = (rest.get(..at).unwrap_or_default(), rest.get(at).copied());
    match last {
        // Keys of the Linux console, and the mouse of old: bytes follow that say nothing to us.
        Some(b'[') if parameters.is_empty() => swallow(rest, at + 2),
        Some(b'M') if parameters.is_empty() => swallow(rest, at + 4),
        Some(b'~') if parameters == b"200" => Parsed::Paste(at + 3),
        Some(last @ 0x40..=0x7e) => Parsed::Done(at + 3, csi(parameters, last)),
        // Another sequence begins, or it is none.
        _ => Parsed::Done(at + 2, None),
    }
}

fn swallow(rest: &[u8], needed: usize) -> Parsed {
    if rest.len() < needed { Parsed::More } else { Parsed::Done(needed + 2, None) }
}

/// Words of the terminal that nobody asked for, up to their end.
fn parse_string(rest: &[u8]) -> Parsed {
    let end = rest.iter().enumerate().find_map(|(at, byte)| match (byte, rest.get(at + 1)) {
        (0x07 | 0x18, _) => Some(at + 1),
        (&ESC, Some(b'\\')) => Some(at + 2),
        _ => None,
    });
    end.map_or(Parsed::More, |end| Parsed::Done(end + 2, None))
}

fn csi(parameters: &[u8], last: u8) -> Option<Told> {
    if let Some(report) = parameters.strip_prefix(b"<") {
        return mouse(&numbers(report)?, last);
    }
    let numbers = numbers(parameters)?;
    let with = modified(numbers.get(1).copied().unwrap_or(1));
    match (last, numbers.first().copied().unwrap_or(0)) {
        (b'n', 0) => Some(Told::Answer),
        (b'Z', _) => Some(key(Key { code: Code::BackTab, ..with })),
        (b'~', number) => {
            let code = match number {
                1 | 7 => Code::Home,
                3 => Code::Delete,
                4 | 8 => Code::End,
                5 => Code::PageUp,
                6 => Code::PageDown,
                _ => return None,
            };
            Some(key(Key { code, ..with }))
        }
        (last, _) => cursor_key(last, with),
    }
}

fn cursor_key(last: u8, with: Key) -> Option<Told> {
    let code = match last {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'M' => Code::Enter,
        _ => return None,
    };
    Some(key(Key { code, ..with }))
}

/// Shift, alt and control as a terminal numbers them; the code is to be set.
fn modified(number: u16) -> Key {
    let bits = number.saturating_sub(1);
    Key { code: Code::Esc, alt: bits & 2 != 0, ctrl: bits & 4 != 0 }
}

/// None if there is something else than numbers, or one that is none.
fn numbers(parameters: &[u8]) -> Option<Vec<u16>> {
    let text = std::str::from_utf8(parameters).ok()?;
    let number = |it: &str| if it.is_empty() { Some(0) } else { it.parse().ok() };
    text.split(';').map(number).collect()
}

/// A report of the mouse. Cells are counted from 1; a terminal that says 0 is wrong, and not heard.
fn mouse(numbers: &[u16], last: u8) -> Option<Told> {
    let [button, column, row] = numbers else { return None };
    let deed = match (last, button) {
        (b'M', 0) => MouseDeed::Click,
        (b'M', 64) => MouseDeed::WheelUp,
        (b'M', 65) => MouseDeed::WheelDown,
        _ => return None,
    };
    let (column, row) = (column.checked_sub(1)?, row.checked_sub(1)?);
    Some(Told::Event(Event::Mouse(Mouse { deed, column, row })))
}

fn parse_char(bytes: &[u8]) -> Parsed {
    let Some(&first) = bytes.first() else { return Parsed::More };
    let one = |code| Parsed::Done(1, Some(key(Key::plain(code))));
    let held = |it: u8| Parsed::Done(1, Some(key(Key::ctrl(char::from(it)))));
    match first {
        b'\r' => one(Code::Enter),
        b'\t' => one(Code::Tab),
        0x08 | 0x7f => one(Code::Backspace),
        0 => held(b' '),
        1..=0x1a => held(first + 0x60),
        0x1b..=0x1f => held(first + 0x18),
        0x20..=0x7e => one(Code::Char(char::from(first))),
        0x80.. => parse_utf8(bytes, first),
    }
}

fn parse_utf8(bytes: &[u8], first: u8) -> Parsed {
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Parsed::Done(1, None),
    };
    let Some(whole) = bytes.get(..length) else {
        let broken = bytes.iter().skip(1).position(|byte| !(0x80..0xc0).contains(byte));
        return broken.map_or(Parsed::More, |at| Parsed::Done(at + 1, None));
    };
    match std::str::from_utf8(whole).ok().and_then(|it| it.chars().next()) {
        Some(it) if !it.is_control() => Parsed::Done(length, Some(key(Key::plain(Code::Char(it))))),
        Some(_) => Parsed::Done(length, None),
        None => Parsed::Done(1, None),
    }
}

#[cfg(test)]
#[path = "decode_test.rs"]
mod tests;
