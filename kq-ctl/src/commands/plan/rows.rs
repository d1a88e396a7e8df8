//! Plans of the wire as rows of our kinds, and in words.

use std::fmt::Write as _;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_verdict::Outcome as Verdict;

use super::options::throttle_words;
use crate::commands::shared::{id_text, size_cell, time_cell};
use crate::output::{ByteStyle, Cell, Report, Row, Tone, bytes_text, duration_text, row};

/// A row of `Plan`: one move.
pub(super) fn move_row(it: &v1::PlannedMove) -> Row {
    row! {
        topic: &it.topic,
        partition: it.partition,
        from: &it.from,
        to: &it.to,
        leader: it.leader,
        bytes: size_cell(it.bytes),
        eta_ms: it.eta_ms.map_or(Cell::Null, Cell::Millis),
        rules: Cell::list(it.rules.iter().map(String::as_str)),
        partition_epoch: it.partition_epoch,
        topic_id: id_text(&it.topic_id),
    }
}

/// Everything of a plan that is no move.
pub(super) fn sum_up(report: &mut Report, plan: &v1::Plan) {
    let summary = plan.summary.clone().unwrap_or_default();
    let (before, after) = (summary.before.unwrap_or_default(), summary.after.unwrap_or_default());
    report.sum("id", &plan.id);
    report.sum("verb", &plan.verb);
    report.sum("command", Cell::text_or_null(plan.typed.as_str()));
    report.sum("cluster_id", &plan.cluster_id);
    report.sum("move_count", plan.moves.len());
    report.sum("bytes", Cell::Size(summary.bytes));
    report.sum("unknown_size_count", summary.unknown_size_count);
    report.sum("leader_move_count", summary.leader_move_count);
    report.sum("eta_ms", summary.eta_ms.map_or(Cell::Null, Cell::Millis));
    report.sum("bottleneck", bottleneck_words(&summary));
    report.sum("rates", summary.rates.iter().map(rate_row).collect::<Vec<_>>());
    report.sum("peaks", summary.peaks.iter().map(peak_row).collect::<Vec<_>>());
    report.sum("spread_before", spread_cell(&before));
    report.sum("spread_after", spread_cell(&after));
    report.sum("throttle", throttle_words(plan.throttle.as_ref()));
    report.sum("bytes_per_second", plan.bytes_per_second.map_or(Cell::Null, Cell::Size));
    report.sum("concurrency", plan.concurrency);
    report.sum("batch", plan.batch);
    report.sum("disk_percent_max", plan.disk_percent_max);
    report.sum("overrides", Cell::list(plan.overrides.iter().map(String::as_str)));
    report.sum("cordons", plan.cordon_broker);
    report.sum("decommissions", plan.decommission);
    report.sum("left_out", plan.left_out.iter().map(left_out_row).collect::<Vec<_>>());
    report.sum("verdicts", plan.verdicts.iter().map(verdict_row).collect::<Vec<_>>());
    report.sum("refused", plan.refused);
    report.sum("refusal", Cell::text_or_null(plan.refusal.as_str()));
}

fn rate_row(it: &v1::PlanRate) -> Row {
    row! {
        broker: it.broker,
        from: it.from,
        bytes_per_second: Cell::Size(it.bytes_per_second),
        now_bytes_per_second: size_cell(it.now_bytes_per_second),
        how: if it.probed { "probe" } else { "traffic" },
        measured_bytes: Cell::Size(it.bytes),
        age_ms: Cell::Millis(it.age_ms),
    }
}

/// What time and throttle were reckoned with, a line for each broker; and what `auto` comes to.
pub(super) fn rate_words(plan: &v1::Plan) -> Vec<String> {
    /// Brokers that are told of; all are in the document.
    const BROKERS_MAX: usize = 4;
    let rates = plan.summary.as_ref().map(|it| it.rates.as_slice()).unwrap_or_default();
    let mut brokers: Vec<u32> = rates.iter().map(|it| it.broker).collect();
    brokers.dedup();
    let mut lines: Vec<String> = Vec::new();
    for broker in brokers.iter().take(BROKERS_MAX) {
        let of = |it: &&v1::PlanRate| it.broker == *broker;
        let words: Vec<String> = rates.iter().filter(of).map(one_rate).collect();
        lines.push(format!("measured: broker {broker} {}", words.join(", ")));
    }
    if BROKERS_MAX < brokers.len() {
        lines.push(format!("measured: {} brokers more: -o json", brokers.len() - BROKERS_MAX));
    }
    let is_auto = throttle_words(plan.throttle.as_ref()).as_deref() == Some("auto");
    if let Some(rate) = plan.bytes_per_second.filter(|_| is_auto) {
        lines.push(format!(
            "throttle auto: {}/s into each broker, four fifths of what the narrowest link or disk of \
             the plan can spare beside what producers bring",
            bytes_text(rate, ByteStyle::Human)
        ));
    }
    lines
}

fn one_rate(it: &v1::PlanRate) -> String {
    let human = |bytes| bytes_text(bytes, ByteStyle::Human);
    let what = match it.from {
        Some(from) => format!("receives {}/s from {from}", human(it.bytes_per_second)),
        None => format!("writes {}/s", human(it.bytes_per_second)),
    };
    let how = if it.probed { "probe of" } else { "seen with" };
    let age = if it.age_ms < 2_000 {
        "just now".to_owned()
    } else {
        format!("{} ago", duration_text(it.age_ms))
    };
    format!("{what} ({how} {}, {age})", human(it.bytes))
}

fn peak_row(it: &v1::PeakDisk) -> Row {
    row! {
        broker: it.broker,
        lands_bytes: Cell::Size(it.lands_bytes),
        peak_bytes: size_cell(it.peak_bytes),
        total_bytes: size_cell(it.total_bytes),
        percent: it.percent,
    }
}

fn left_out_row(it: &v1::LeftOutMove) -> Row {
    row! { item: &it.item, why: &it.why }
}

fn spread_cell(it: &v1::PlanSpread) -> Cell {
    Cell::Pairs(vec![
        ("bytes_percent".to_owned(), Cell::from(it.bytes_percent)),
        ("replicas_percent".to_owned(), Cell::from(it.replicas_percent)),
        ("leaders_percent".to_owned(), Cell::from(it.leaders_percent)),
        ("rack_breaches".to_owned(), Cell::from(it.rack_breach_count)),
    ])
}

fn verdict_row(it: &v1::PlanVerdict) -> Row {
    let outcome = match it.outcome() {
        Verdict::Unspecified => Cell::Null,
        Verdict::Pass => Cell::State("pass", Tone::Good),
        Verdict::Warn => Cell::State("warn", Tone::Warn),
        Verdict::Break => Cell::State("break", Tone::Bad),
    };
    let finding = |it: &v1::PlanFinding| {
        row! {
            subject: &it.subject,
            cause: &it.cause,
            breaks: it.breaks,
            next: Cell::list(it.next.iter().map(String::as_str)),
        }
    };
    row! {
        rule: &it.rule,
        guards: &it.guards,
        outcome: outcome,
        overridden: it.overridden,
        findings: it.findings.iter().map(finding).collect::<Vec<_>>(),
    }
}

/// The plan in two lines, as it is shown before it is confirmed.
pub(super) fn headline(plan: &v1::Plan) -> String {
    let summary = plan.summary.clone().unwrap_or_default();
    let count = plan.moves.len();
    let moves = if count == 1 { "move" } else { "moves" };
    let mut words = format!("PLAN {}   {count} {moves}", plan.id);
    let _ = write!(words, "   {}", bytes_text(summary.bytes, ByteStyle::Human));
    if summary.unknown_size_count > 0 {
        let _ = write!(words, " and {} of unknown size", summary.unknown_size_count);
    }
    let peak = summary.peaks.iter().filter_map(|it| Some((it.percent?, it.broker))).max();
    if let Some((percent, broker)) = peak {
        let _ = write!(words, "   peak disk {percent}% (broker {broker})");
    }
    match summary.eta_ms {
        Some(eta) => drop(write!(words, "   ETA {}", duration_text(eta))),
        None => words.push_str("   ETA unknown"),
    }
    if let Some(bottleneck) = bottleneck_words(&summary) {
        let _ = write!(words, " (bottleneck: {bottleneck})");
    }
    words.push('\n');
    words.push_str(&spread_words(&summary));
    let passed = plan.verdicts.iter().filter(|it| it.outcome() == Verdict::Pass).count();
    let rules = if passed == plan.verdicts.len() { "rules ok" } else { "rules" };
    let _ = write!(words, "{rules} ({passed}/{})", plan.verdicts.len());
    words
}

fn bottleneck_words(it: &v1::PlanSummary) -> Option<String> {
    let human = |bytes| bytes_text(bytes, ByteStyle::Human);
    let (broker, rate) = (it.bottleneck_broker?, it.bottleneck_bytes_per_second?);
    let mut words = format!("broker {broker} {}, {}/s", it.bottleneck_direction, human(rate));
    if let Some(measured) = it.bottleneck_measured {
        let _ = write!(words, " of {} measured", human(measured));
    }
    Some(words)
}

fn spread_words(summary: &v1::PlanSummary) -> String {
    let (Some(before), Some(after)) = (summary.before, summary.after) else {
        return String::new();
    };
    let mut words = String::new();
    let figures = [
        ("spread bytes", before.bytes_percent, after.bytes_percent),
        ("replicas", before.replicas_percent, after.replicas_percent),
        ("leaders", before.leaders_percent, after.leaders_percent),
    ];
    for (name, before, after) in figures {
        if let (Some(before), Some(after)) = (before, after) {
            let _ = write!(words, "{name} {before}% -> {after}%   ");
        }
    }
    if before.rack_breach_count + after.rack_breach_count == 0 {
        words.push_str("racks ok   ");
    } else {
        let _ = write!(
            words,
            "rack breaches {} -> {}   ",
            before.rack_breach_count, after.rack_breach_count
        );
    }
    words
}

/// The rate of a plan that was started: `auto, 96 MiB/s`.
pub(super) fn allowed_words(it: &v1::PlanStatus) -> String {
    let throttle = throttle_words(it.throttle.as_ref()).unwrap_or_else(|| "off".to_owned());
    match it.bytes_per_second.filter(|_| throttle == "auto") {
        Some(rate) => format!("auto, {}/s", bytes_text(rate, ByteStyle::Human)),
        None => throttle,
    }
}

/// How many moves are in a state.
pub(super) fn count(plan: &v1::PlanStatus, state: &str) -> u32 {
    plan.moves_by_state.get(state).copied().unwrap_or(0)
}

/// How far a plan is, in bytes if it copies any, else in moves.
pub(super) fn permille(plan: &v1::PlanStatus) -> u64 {
    let part = |done: u64, all: u64| {
        u64::try_from(u128::from(done.min(all)) * 1_000 / u128::from(all.max(1))).unwrap_or(0)
    };
    match plan.bytes_left {
        Some(left) if 0 < plan.bytes => part(plan.bytes.saturating_sub(left), plan.bytes),
        _ => part(u64::from(count(plan, "done")), u64::from(plan.move_count)),
    }
}

/// What is left, how fast it goes and how long that takes: `, 1.2 GiB left at 95 MiB/s, 15s to go`.
pub(super) fn left_words(plan: &v1::PlanStatus) -> String {
    let human = |bytes| bytes_text(bytes, ByteStyle::Human);
    let mut words = String::new();
    if let Some(left) = plan.bytes_left.filter(|_| 0 < plan.bytes) {
        let _ = write!(words, ", {} left", human(left));
        if let Some(rate) = plan.rate {
            let _ = write!(words, " at {}/s", human(rate));
        }
        if let Some(eta) = plan.eta_ms {
            let _ = write!(words, ", {} to go", duration_text(eta));
        }
    }
    words
}

/// Moves that have ended without reaching their end.
pub(super) fn not_done(plan: &v1::PlanStatus) -> u32 {
    ["returned", "skipped", "failed"].iter().map(|state| count(plan, state)).sum()
}

/// Moves that are on their way.
pub(super) fn under_way(plan: &v1::PlanStatus) -> u32 {
    count(plan, "moving") + count(plan, "returning")
}

/// A row of `PlanList`.
pub(super) fn started_row(it: &v1::PlanStatus) -> Row {
    row! {
        id: &it.id,
        verb: &it.verb,
        state: plan_state(&it.state),
        done: format!("{}/{}", count(it, "done"), it.move_count),
        bytes_left: size_cell(it.bytes_left),
        bytes_per_second: size_cell(it.rate),
        eta_ms: it.eta_ms.map_or(Cell::Null, Cell::Millis),
        reason: Cell::text_or_null(it.reason.as_str()),
        started_at: Cell::Time(it.started_at_ms),
        ended_at: time_cell(it.ended_at_ms),
        throttle: throttle_words(it.throttle.as_ref()),
        allowed_bytes_per_second: size_cell(it.bytes_per_second),
        waiting_count: count(it, "waiting"),
        moving_count: under_way(it),
        not_done_count: not_done(it),
        bytes: Cell::Size(it.bytes),
    }
}

/// A word of the wire as a state of ours; one that this version does not know is shown as it is.
fn plan_state(state: &str) -> Cell {
    match state {
        "running" => Cell::State("running", Tone::Plain),
        "paused" => Cell::State("paused", Tone::Warn),
        "cancelling" => Cell::State("cancelling", Tone::Warn),
        "done" => Cell::State("done", Tone::Good),
        "cancelled" => Cell::State("cancelled", Tone::Warn),
        other => Cell::from(other),
    }
}

/// A row of `PlanStatus`: one move.
pub(super) fn status_row(it: &v1::MoveStatus, now_ms: i64) -> Row {
    let (rate, eta) = pace(it, now_ms);
    let percent = percent(it.bytes_moved, it.bytes_left).filter(|_| it.bytes != Some(0));
    row! {
        topic: &it.topic,
        partition: it.partition,
        from: &it.from,
        to: &it.to,
        percent: percent,
        bytes_moved: size_cell(it.bytes_moved),
        bytes_left: size_cell(it.bytes_left),
        bytes_per_second: size_cell(rate),
        eta_ms: eta.map_or(Cell::Null, Cell::Millis),
        state: move_state(&it.state),
        why: Cell::text_or_null(it.why.as_str()),
        began_at: time_cell(it.began_at_ms),
        ended_at: time_cell(it.ended_at_ms),
    }
}

/// How much of it is there.
pub(super) fn percent(moved: Option<u64>, left: Option<u64>) -> Option<u64> {
    let (moved, left) = (u128::from(moved?), u128::from(left?));
    u64::try_from(moved * 100 / (moved + left).max(1)).ok()
}

/// Bytes a second of late, or since it began where brokers do not tell; and how long it takes at that.
fn pace(it: &v1::MoveStatus, now_ms: i64) -> (Option<u64>, Option<u64>) {
    let elapsed = it.began_at_ms.and_then(|at| u64::try_from(now_ms - at).ok());
    let Some(elapsed) = elapsed.filter(|it| *it > 0) else { return (None, None) };
    if it.ended_at_ms.is_some() {
        return (None, None);
    }
    let average = it.bytes_moved.map(|moved| moved.saturating_mul(1_000) / elapsed);
    let rate = it.bytes_per_second.filter(|rate| *rate > 0).or(average);
    let eta = it.bytes_left.filter(|left| *left > 0).zip(rate);
    (rate, eta.and_then(|(left, rate)| left.saturating_mul(1_000).checked_div(rate)))
}

fn move_state(state: &str) -> Cell {
    match state {
        "waiting" => Cell::State("waiting", Tone::Plain),
        "moving" => Cell::State("moving", Tone::Plain),
        "returning" => Cell::State("returning", Tone::Warn),
        "done" => Cell::State("done", Tone::Good),
        "returned" => Cell::State("returned", Tone::Warn),
        "skipped" => Cell::State("skipped", Tone::Warn),
        "failed" => Cell::State("failed", Tone::Bad),
        other => Cell::from(other),
    }
}
