//! Every sequence, whole and cut anywhere, and bytes that are none.

use super::*;

/// What is told when these parts come, one after a gap of milliseconds.
fn decode(parts: &[&[u8]], gap_ms: u64) -> Vec<Told> {
    let mut decoder = Decoder::default();
    let mut told = Vec::new();
    let mut now_ms = 1_000;
    for part in parts {
        told.extend(decoder.take(part, now_ms));
        now_ms += gap_ms;
        told.extend(decoder.expire(now_ms));
    }
    told.extend(decoder.expire(now_ms + 10_000));
    told
}

fn plain(code: Code) -> Told {
    key(Key::plain(code))
}

#[test]
fn keys_are_read_as_terminals_send_them() {
    let cases: &[(&[u8], Told)] = &[
        (b"q", plain(Code::Char('q'))),
        ("ü".as_bytes(), plain(Code::Char('ü'))),
        (b"\r", plain(Code::Enter)),
        (b"\x7f", plain(Code::Backspace)),
        (b"\x1b[A", plain(Code::Up)),
        (b"\x1bOB", plain(Code::Down)),
        (b"\x1b[5~", plain(Code::PageUp)),
        (b"\x1b[1;5C", key(Key { code: Code::Right, ctrl: true, alt: false })),
        (b"\x1bx", key(Key { code: Code::Char('x'), ctrl: false, alt: true })),
        (b"\x1a", key(Key::ctrl('z'))),
        (b"\x1b", plain(Code::Esc)),
        (b"\x1b[0n", Told::Answer),
        (b"\x1b[200~a\x1b[Bb\x1b[201~", Told::Event(Event::Paste("a\u{1b}[Bb".to_owned()))),
    ];
    for (bytes, want) in cases {
        assert_eq!(decode(&[bytes], 100), std::slice::from_ref(want), "{bytes:?}");
    }
}

#[test]
fn a_cut_wheel_never_becomes_keys() {
    let wheel = b"\x1b[<65;10;12M";
    let down = Mouse { deed: MouseDeed::WheelDown, column: 9, row: 11 };
    for gap_ms in [0, 10, 100] {
        for cut in 1..wheel.len() {
            let (before, after) = wheel.split_at(cut);
            let told = decode(&[before, after], gap_ms);
            assert_eq!(told.last(), Some(&Told::Event(Event::Mouse(down))), "{cut} {gap_ms}");
            let only_escape = told.iter().rev().skip(1).all(|it| *it == plain(Code::Esc));
            assert!(only_escape, "{cut} {gap_ms}: {told:?}");
        }
        let bytes: Vec<&[u8]> = wheel.chunks(1).collect();
        let told = decode(&bytes, gap_ms);
        let keys = told.iter().filter(|it| matches!(it, Told::Event(Event::Key(_))));
        assert!(keys.clone().all(|it| *it == plain(Code::Esc)), "{gap_ms}: {told:?}");
    }
}

#[test]
fn a_sequence_without_its_end_is_dropped() {
    assert_eq!(decode(&[b"\x1b[<65;10", b"j"], 3_000), [plain(Code::Char('j'))]);
    assert_eq!(decode(&[b"\x1b[<65;10\x1b[A"], 0), [plain(Code::Up)]);
}

#[test]
fn letters_that_came_with_an_escape_are_no_keys() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.take(b"\x1b", 0), []);
    assert_eq!(decoder.deadline_ms(), Some(50));
    assert_eq!(decoder.take(b"q", 60), [plain(Code::Esc)]);
    assert_eq!(decoder.take(b"q", 200), [plain(Code::Char('q'))]);
}

#[test]
fn wrong_reports_of_the_mouse_are_not_heard() {
    for bytes in [
        &b"\x1b[<0;0;0M"[..],
        b"\x1b[<0;1;0M",
        b"\x1b[<99999999;1;1M",
        b"\x1b[<;;M",
        b"\x1b[<0;1M",
        b"\x1b[M\x00\x00\x00",
        b"\x1b[0;0R",
        b"\x1b]52;c;AAAA\x07",
    ] {
        assert_eq!(decode(&[bytes], 100), [], "{bytes:?}");
    }
}

#[test]
fn any_bytes_are_read_without_growing() {
    let mut decoder = Decoder::default();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for now_ms in 0..40_000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let bytes = seed.to_le_bytes();
        let length = usize::from(bytes[7] % 7);
        decoder.take(&bytes[..length], now_ms / 4);
        assert!(decoder.held.len() < SEQUENCE_BYTES_MAX + 8, "{}", decoder.held.len());
    }
}
