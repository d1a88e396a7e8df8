//! How true the time to catch up is, over drains of every speed.

use std::time::Duration;

use super::{Attendance, CatchUp, Course, Head, Origin, Sight, Watch, figures};
use crate::group::Now;

const ROUND: Duration = Duration::from_secs(5);

/// Draws that repeat, in -1.0..1.0.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1_u32 << 30) - 1.0
    }
}

/// A drain of one backlog.
#[derive(Clone, Copy)]
struct Drain {
    /// Records a second more than the thousand that come in.
    surplus: f64,
    /// Seconds.
    commit_every: f64,
    /// Share by which the time of each commit strays.
    time_jitter: f64,
    /// Share by which each stretch of production and of consumption strays.
    rate_jitter: f64,
    seed: u64,
}

const PRODUCED: f64 = 1_000.0;

/// The errors of the shown times to catch up, as shares of the true ones, from the third move on
/// until four fifths are done.
fn errors(drain: Drain) -> Vec<f64> {
    let mut draws = Draws(drain.seed);
    let mut stray = |share: f64| 1.0 + share * draws.next();
    let consumed = PRODUCED + drain.surplus;
    // Less than it reads between two commits is no backlog.
    let backlog = 20.0 * consumed * drain.commit_every.max(5.0);
    let (mut end, mut read, mut committed) = (backlog, 0.0, 0);
    let (mut course, mut moves, mut errors) = (Course::default(), 0, Vec::new());
    let mut watch: Option<Watch> = None;
    let (mut at, mut commit_at, mut round_at) = (0.0_f64, drain.commit_every, 2.0);
    let whole = |count: f64| format!("{count:.0}").parse::<u64>().unwrap();
    while end - read > backlog * 0.2 && at < 20_000.0 {
        let next = commit_at.min(round_at);
        end += PRODUCED * (next - at) * stray(drain.rate_jitter);
        read += consumed * (next - at) * stray(drain.rate_jitter);
        at = next;
        let uptime = Duration::from_secs_f64(1_000.0 + at);
        let now = Now { uptime, wall_ms: 0 };
        if commit_at <= round_at {
            committed = whole(read);
            moves += 1;
            let watch = watch.get_or_insert_with(|| Watch::begin(Origin::FirstCommit, now));
            watch.on_commit(committed, uptime, ROUND);
            commit_at = at + drain.commit_every * stray(drain.time_jitter);
            continue;
        }
        round_at = at + ROUND.as_secs_f64();
        let (start, end_now) = (0, whole(end));
        course.hear(Head { at: uptime, start, last_stable: end_now, end: end_now, epoch: 1 });
        let Some(watch) = &mut watch else { continue };
        let attendance = Attendance::Attended;
        let group_commit_at = uptime;
        let sight =
            Sight { now, round: ROUND, committed, course: &course, attendance, group_commit_at };
        watch.observe(&sight);
        let told = figures(Some(watch), &sight, None).catch_up;
        if moves > 3
            && let Some(CatchUp::In(told)) = told
        {
            let left = (end - read) / drain.surplus;
            errors.push((told.as_secs_f64() - left).abs() / left);
        }
    }
    errors
}

#[test]
fn the_time_to_catch_up_is_true_within_a_fifth() {
    let mut worst = 0.0_f64;
    for surplus in [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 900.0] {
        for commit_every in [1.0, 5.0, 20.0, 60.0] {
            for seed in 0..20 {
                let (time_jitter, rate_jitter) = (0.1, 0.0);
                let told = errors(Drain { surplus, commit_every, time_jitter, rate_jitter, seed });
                assert!(told.len() > 10, "{surplus} every {commit_every}: hardly ever told");
                worst = told.into_iter().fold(worst, f64::max);
            }
        }
    }
    // A steady drain is told nearly to the point; a fifth is what is promised.
    assert!(worst < 0.05, "{worst}");
}

#[test]
fn unsteady_rates_blur_the_time_to_catch_up() {
    for commit_every in [1.0, 5.0, 20.0, 60.0] {
        let mut all = Vec::new();
        for seed in 0..50 {
            let (time_jitter, rate_jitter, surplus) = (0.1, 0.1, 500.0);
            all.extend(errors(Drain { surplus, commit_every, time_jitter, rate_jitter, seed }));
        }
        let near = all.iter().filter(|error| **error < 0.2).count();
        assert!(near * 20 >= all.len() * 19, "{commit_every}: {near} of {}", all.len());
    }
}
