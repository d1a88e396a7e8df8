//! Brokers whose clock is set back or on by an hour while somebody watches.

use kq_tui::facts::Facts;

use super::watch::Watch;

const HOUR_MS: i64 = 3_600_000;
/// Longer than a rate is smoothed and what is said is shown.
const AFTER_MS: u64 = 60_000;
/// Between two frames; after five seconds of silence a broker counts as lost.
const EACH_MS: u64 = 4_000;
/// Every screen of a cluster: the digits, and the members of a group.
const SCREENS: [&str; 10] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "6\n"];

fn on(keys: &str) -> Watch {
    let mut watch = Watch::start(20);
    for key in keys.chars() {
        watch.press(key);
        watch.pass(1_000);
    }
    watch.frame_each_ms = EACH_MS;
    watch.pass(8_000);
    watch.screens.clear();
    watch
}

/// Words that would be a length of time below zero: `-5m`, `-0.3 s`.
fn negative(text: &str) -> Vec<&str> {
    let is_negative = |it: &&str| {
        let rest = it.trim_start_matches('(').strip_prefix('-');
        rest.is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit()))
    };
    let words = text.split_whitespace().filter(is_negative);
    // How much throughput has changed is told with its sign.
    words.filter(|it| !it.starts_with('(')).collect()
}

/// Bytes a second into each broker.
fn rates(facts: &Facts) -> Vec<Option<f64>> {
    let told_ms = facts.counted_at_ms.unwrap();
    let of = |it: &kq_tui::facts::Broker| it.counters?.bytes_in.at(told_ms);
    facts.brokers.values().map(of).collect()
}

#[track_caller]
fn assert_close(rates: &[Option<f64>], wanted: &[Option<f64>], when: &str) {
    assert!(rates.iter().flatten().count() > 0, "{when}");
    for (this, that) in rates.iter().zip(wanted) {
        let (Some(this), Some(that)) = (this, that) else {
            assert_eq!(this, that, "{when}");
            continue;
        };
        assert!((this - that).abs() <= that.abs() * 0.02 + 1.0, "{when}: {this} and not {that}");
    }
}

#[test]
fn a_clock_that_is_set_makes_nothing_negative_loses_nobody_and_leaves_no_trace() {
    for keys in SCREENS {
        let (mut set, mut even) = (on(keys), on(keys));
        for (off_ms, for_ms) in [(-HOUR_MS, 20_000), (HOUR_MS, 20_000), (0, AFTER_MS)] {
            // Just before it is set a key was pressed: the order of rows stands for two seconds.
            set.press('j');
            even.press('j');
            set.off_ms = off_ms;
            set.pass(for_ms);
            even.pass(for_ms);
        }
        for screen in &set.screens {
            assert_eq!(negative(screen), Vec::<&str>::new(), "{keys:?}\n{screen}");
            assert!(screen.lines().next().unwrap().contains("LIVE"), "{keys:?}\n{screen}");
        }
        assert_eq!(set.screen(), even.screen(), "{keys:?}");
    }
}

#[test]
fn rates_go_on_by_a_clock_that_was_set() {
    for off_ms in [-HOUR_MS, HOUR_MS] {
        let (mut set, mut even) = (on("2"), on("2"));
        set.off_ms = off_ms;
        for _ in 0..3 {
            set.pass(AFTER_MS);
            even.pass(AFTER_MS);
            let (set_rates, even_rates) =
                (rates(&set.monitor.state.facts), rates(&even.monitor.state.facts));
            assert_close(&set_rates, &even_rates, &format!("off by {off_ms}"));
        }
    }
}

#[test]
fn the_past_is_gone_to_and_left_by_a_clock_that_is_set() {
    for off_ms in [-HOUR_MS, HOUR_MS] {
        let mut watch = on("5");
        for _ in 0..10 {
            watch.press('{');
            watch.pass(100);
        }
        watch.off_ms = off_ms;
        watch.pass(3_000);
        assert!(watch.title().contains("PAST"), "{}", watch.title());
        assert_eq!(negative(&watch.screen()), Vec::<&str>::new());
        for _ in 0..10 {
            watch.press('{');
            watch.pass(100);
        }
        assert!(watch.title().contains("PAST") && watch.flying == 0, "{}", watch.title());
        watch.press('L');
        watch.pass(100);
        assert!(watch.title().contains("LIVE"), "{}", watch.title());
    }
}
