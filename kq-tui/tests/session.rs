//! The monitor on a made-up cluster, without a terminal and without a clock: time is an argument, so
//! that minutes pass at once and each time in the same way.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[path = "session/clock.rs"]
mod clock;
#[path = "pty/output.rs"]
mod output;
#[path = "session/scrub.rs"]
mod scrub;
#[path = "session/step.rs"]
mod step;
#[path = "session/watch.rs"]
mod watch;

#[test]
fn the_axis_is_asked_for_as_wide_as_it_is_drawn() {
    for key in ['1', '5'] {
        let mut watch = watch::Watch::start(20);
        watch.press(key);
        watch.pass(1_000);
        let state = &watch.monitor.state;
        let told = state.facts.axis.as_ref().unwrap();
        assert_eq!(told.columns, state.axis_columns(), "{key}");
    }
}
