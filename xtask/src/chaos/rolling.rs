//! Every broker is restarted in turn, under load, as an operator does it: in the order of
//! `kq-ctl cluster roll`, each when `broker restart-check` says that it can be.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::schedule::Fault;
use super::stage::Stage;
use super::windows::{Calm, percentile};
use crate::cli::ChaosArgs;
use crate::clock;

/// Before each restart, and after it.
const CALM: Duration = Duration::from_secs(2);

/// How long the gate may stay closed, or a broker may lag.
const WAIT: &str = "--wait=60s";

/// What a move may cost: the 99th percentile of all of them.
const STALL_GOAL: Duration = Duration::from_millis(500);

/// A line of `kq-ctl cluster roll`.
#[derive(Debug, Deserialize)]
struct Turn {
    broker: u32,
    before: String,
    after: String,
}

/// Who leads each partition, and since which epoch.
type Leaders = Vec<(Option<u32>, u64)>;

/// What the moves of leaders cost, over all restarts.
#[derive(Debug, Default)]
struct Moves {
    /// The stall of each partition while it got another leader.
    stalls: Vec<Duration>,
    restarts: u32,
}

/// Restarts all of them, again and again until the time is up.
pub(super) fn roll(stage: &mut Stage<'_>, args: &ChaosArgs) -> Result<()> {
    let end = clock::now() + args.length();
    let mut moves = Moves::default();
    loop {
        for turn in turns(stage)? {
            restart(stage, &turn, &mut moves)?;
        }
        if end <= clock::now() {
            break;
        }
    }
    moves.stalls.sort_unstable();
    let [half, most, all] = [50, 99, 100].map(|it| percentile(&moves.stalls, it));
    let judged = if most <= STALL_GOAL { "met" } else { "missed" };
    stage.diary.outcome = format!(
        "{} restarts, {} moves of leaders, stall of a move p50 {} ms, p99 {} ms, longest {} ms \
         (goal: p99 <= {} ms, {judged})",
        moves.restarts,
        moves.stalls.len(),
        half.as_millis(),
        most.as_millis(),
        all.as_millis(),
        STALL_GOAL.as_millis()
    );
    // A build without optimisation on a busy machine says nothing of time.
    ensure!(!args.release || most <= STALL_GOAL, "{}", stage.diary.outcome);
    Ok(())
}

/// The order that the cluster advises now.
fn turns(stage: &Stage<'_>) -> Result<Vec<Turn>> {
    stage.until("kq-ctl cluster roll", Duration::from_secs(20), |world| {
        // It ends with 10 when a broker cannot be restarted right now; that is waited for.
        let items = world.items_or_no(&["cluster", "roll", "--plan-only"]).ok()?;
        serde_json::from_value(items.into()).ok()
    })
}

fn restart(stage: &mut Stage<'_>, turn: &Turn, moves: &mut Moves) -> Result<()> {
    let id = turn.broker;
    let gate = follow(stage, &turn.before)?;
    let checked = stage.world.ctl(&["broker", "restart-check", &id.to_string()]);
    checked.with_context(|| format!("broker {id} was safe to restart a moment ago"))?;
    let before = leaders(stage)?;
    stage.clients.turn_window();
    let (stopping, leaving) = (clock::now(), stage.world.stop(id)?);
    stage.rest(CALM)?;
    let down = stage.clients.turn_window();
    let between = leaders(stage)?;
    stage.world.start(&[id])?;
    let back = stage.world.wait_ready(id)?;
    let caught_up = follow(stage, &turn.after)?;
    let gone = stopping.elapsed();
    stage.rest(CALM)?;
    let up = stage.clients.turn_window();
    let after = leaders(stage)?;
    stage.count(Fault::Restart);
    moves.restarts += 1;
    let leaves = moves.take(&down, (&before, &between));
    let returns = moves.take(&up, (&between, &after));
    stage.tell(&format!(
        "broker {id}: gate {} ms; stopped in {} ms: {leaves}; ready in {} ms, in sync after {} \
         ms more, {} ms in all: {returns}",
        gate.as_millis(),
        leaving.as_millis(),
        back.as_millis(),
        caught_up.as_millis(),
        gone.as_millis()
    ));
    Ok(())
}

/// Runs a command that kq-ctl itself advised; how long it took.
fn follow(stage: &Stage<'_>, advised: &str) -> Result<Duration> {
    let begin: Instant = clock::now();
    let mut words = advised.split_whitespace();
    ensure!(words.next() == Some("kq-ctl"), "kq-ctl advises: {advised}");
    let args: Vec<&str> = words.chain([WAIT]).collect();
    stage.world.ctl(&args)?;
    stage.look()?;
    Ok(begin.elapsed())
}

fn leaders(stage: &Stage<'_>) -> Result<Leaders> {
    let views =
        stage.until("partitions", Duration::from_secs(10), |world| world.partitions().ok())?;
    Ok(views.iter().map(|it| (it.leader, it.leader_epoch)).collect())
}

impl Moves {
    /// Adds what the moves of a span of time cost; in words.
    fn take(&mut self, calm: &Calm, (before, after): (&Leaders, &Leaders)) -> String {
        let moved =
            before.iter().zip(after).enumerate().filter(|(_, (before, after))| before != after);
        let stalls: Vec<Duration> = moved.map(|(partition, _)| calm.stall(partition)).collect();
        self.stalls.extend(&stalls);
        let longest = stalls.iter().max().copied().unwrap_or_default();
        let [half, most] = [50, 99].map(|it| percentile(&calm.latencies, it));
        format!(
            "{} moves, longest stall {} ms, latency p50 {} ms p99 {} ms",
            stalls.len(),
            longest.as_millis(),
            half.as_millis(),
            most.as_millis()
        )
    }
}
