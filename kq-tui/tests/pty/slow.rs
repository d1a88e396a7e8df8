//! Over 64 kbit/s and a tenth of a second, while everything on the screen changes all the time.

use super::link::{Link, Speed};
use super::start_sized;

const SLOW: Speed = Speed { bytes_per_second: 8_000, delay_ms: 50 };
/// Frames that a key may have before its own: the one that is on the line, and the one whose answer is
/// on its way back when the key comes.
const BEFORE_KEY_MAX: usize = 3;

/// The number behind a word on the terminal.
fn number(link: &Link, word: &str) -> usize {
    let text = link.far.text();
    let mut words = text.split_whitespace();
    words.find(|it| *it == word);
    words.next().and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// Types keys, each when the one before was answered; how many frames came until its answer, each.
fn keys(link: &mut Link, count: usize) -> (Vec<usize>, Vec<u64>) {
    let (mut frames, mut times) = (Vec::new(), Vec::new());
    for nth in 1..=count {
        let (frames_before, began_ms) = (link.frames, link.now_ms());
        link.send(b"k");
        link.wait_for("the key is answered", |it| number(it, "keys") >= nth);
        frames.push(link.frames - frames_before);
        times.push(link.now_ms() - began_ms);
    }
    (frames, times)
}

#[expect(clippy::print_stdout, reason = "times are told, not judged")]
fn tell(size: (u16, u16), times_ms: &[u64], link: &Link) {
    println!("{size:?}: keys after {times_ms:?} ms, {} bytes in {} ms", link.bytes, link.now_ms());
}

/// Frames of `size` flood a slow link: none is old when it is sent, and no key waits behind them.
fn flood(size: (u16, u16), key_count: usize) {
    let mut link = Link::new(start_sized("pictures", size), SLOW);
    link.wait_for("two frames", |it| it.frames >= 2);
    link.under_way_max = 0;
    let (drawn, shown) = (number(&link, "drawn"), link.frames);
    let (frames, times) = keys(&mut link, key_count);
    tell(size, &times, &link);
    assert!(frames.iter().all(|it| *it <= BEFORE_KEY_MAX), "{frames:?} frames until a key's own");
    assert!(link.under_way_max <= 2, "{} frames under way", link.under_way_max);
    let (drawn, shown) = (number(&link, "drawn") - drawn, link.frames - shown);
    assert!(drawn > shown + shown / 2, "{shown} frames of {drawn}: none took another's place");
}

#[test]
fn a_key_does_not_wait_behind_what_floods_a_slow_link() {
    flood((80, 24), 4);
}

#[test]
fn frames_that_take_longer_than_a_second_do_not_queue_up() {
    flood((150, 80), 3);
}
