//! Over 64 kbit/s and a tenth of a second, while everything on the screen changes all the time.

use super::link::{Link, Speed};
use super::output::tell;
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

/// Frames of `size` flood a slow link: no key waits behind them. How many more were drawn than shown.
fn flood(size: (u16, u16), key_count: usize) -> usize {
    let mut link = Link::new(start_sized("pictures", size), SLOW);
    link.wait_for("two frames", |it| it.frames >= 2);
    link.under_way_max = 0;
    let (drawn, shown) = (number(&link, "drawn"), link.frames);
    let (frames, times) = keys(&mut link, key_count);
    let (bytes, now_ms) = (link.bytes, link.now_ms());
    tell(&format!("{size:?}: keys after {times:?} ms, {bytes} bytes in {now_ms} ms"));
    assert!(frames.iter().all(|it| *it <= BEFORE_KEY_MAX), "{frames:?} frames until a key's own");
    assert!(link.under_way_max <= 2, "{} frames under way", link.under_way_max);
    let (drawn, shown) = (number(&link, "drawn") - drawn, link.frames - shown);
    drawn.saturating_sub(shown)
}

#[test]
fn a_key_does_not_wait_behind_what_floods_a_slow_link() {
    flood((80, 24), 4);
}

#[test]
fn frames_that_take_longer_than_a_second_do_not_queue_up() {
    let replaced = flood((150, 80), 3);
    assert!(replaced > 0, "each frame was sent: none took another's place");
}
