//! Six hours back with a key that is held: each step is answered, none queues up, and `L` is live again.

use kq_tui::shell::clock::Clock;

use super::output::tell;
use super::watch::Watch;

/// Six hours, and as much as shows the same where one sees less of it.
const STEPS: usize = 360;
const FEW_STEPS: usize = 90;
const MINUTE_MS: i64 = 60_000;
/// A key that is held comes thirty times a second.
const REPEAT_MS: u64 = 33;

/// Holds `{` for so many minutes of the past; the moment that it began at.
fn scrub(watch: &mut Watch, steps: usize) -> i64 {
    watch.press('5');
    watch.pass(1_000);
    let now_ms = watch.monitor.state.now_ms();
    watch.moments.clear();
    for step in 1..=steps {
        watch.press('{');
        let asked = watch.monitor.state.moment_asked().unwrap();
        let back_ms = MINUTE_MS * i64::try_from(step).unwrap();
        assert_eq!(now_ms - asked, back_ms, "step {step} is taken at once");
        assert!(watch.flying <= 1, "{} seeks on their way at step {step}", watch.flying);
        watch.pass(REPEAT_MS);
    }
    now_ms
}

/// The moments that were shown, each once, in minutes before the beginning.
fn minutes(watch: &Watch, now_ms: i64) -> Vec<i64> {
    let mut minutes: Vec<i64> =
        watch.moments.iter().flatten().map(|at_ms| (now_ms - at_ms) / MINUTE_MS).collect();
    minutes.dedup();
    minutes
}

#[test]
fn each_step_through_six_hours_is_shown() {
    let clock = Clock::start();
    let mut watch = Watch::start(20);
    let now_ms = scrub(&mut watch, STEPS);
    let took_ms = clock.uptime_ms();
    let all: Vec<i64> = (1..=360).collect();
    assert_eq!(minutes(&watch, now_ms), all);
    tell(&format!("{STEPS} steps took {took_ms} ms"));
}

#[test]
fn over_a_slow_way_steps_are_left_out_and_none_wait() {
    for round_trip_ms in [100, 400, 1_500] {
        let mut watch = Watch::start(round_trip_ms);
        let now_ms = scrub(&mut watch, FEW_STEPS);
        // What is asked for last is asked for when the one before it has been answered.
        watch.pass(2 * round_trip_ms);
        let shown = minutes(&watch, now_ms);
        assert_eq!(shown.last(), Some(&90), "{shown:?}");
        assert!(shown.is_sorted(), "it never goes back and forth: {shown:?}");
        assert_eq!(watch.flying_max, 1);
        let held_ms = u64::try_from(FEW_STEPS).unwrap() * REPEAT_MS;
        let most = usize::try_from(held_ms / round_trip_ms).unwrap() + 3;
        assert!(watch.seeks <= most, "{} seeks, of {most}", watch.seeks);
        let at = kq_tui::model::moment::clock(now_ms - 90 * MINUTE_MS, None);
        assert!(watch.title().contains(&format!("PAST {at}")), "{}", watch.title());
        assert!(!watch.title().contains(".."), "nothing is on its way: {}", watch.title());
    }
}

#[test]
fn live_is_live_again_after_one_round_trip_and_stays_so() {
    for (round_trip_ms, is_held) in [(20, false), (400, false), (400, true)] {
        let mut watch = Watch::start(round_trip_ms);
        scrub(&mut watch, FEW_STEPS);
        if is_held {
            // One more is on its way when `L` overtakes it.
            watch.press('{');
        } else {
            watch.pass(3 * round_trip_ms);
        }
        watch.press('L');
        assert!(!watch.title().contains("LIVE"), "the past is still shown: {}", watch.title());
        watch.screens.clear();
        watch.pass(round_trip_ms);
        assert!(watch.title().contains("LIVE"), "{}", watch.title());
        let first = watch.screens.iter().position(|it| it.contains("LIVE")).unwrap();
        watch.pass(10_000);
        let after = watch.screens.get(first..).unwrap_or_default();
        assert!(after.iter().all(|it| it.contains("LIVE") && !it.contains("PAST")));
        assert_eq!((watch.flying, watch.flying_max), (0, 1));
    }
}
