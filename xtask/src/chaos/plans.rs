//! Plans under load: a new broker is filled, partitions move at a bound, copies are added, a broker
//! is emptied, one leaves for good. In the middle of each the controller is killed, and the plan
//! goes on. Then it is undone: every replica stands where it stood before, in the same order.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::placement::differences;
use super::schedule::{Act, Fault};
use super::stage::Stage;
use super::world::{NAME, World};
use crate::cli::ChaosArgs;
use crate::clock;

/// Load before the first plan, so that there is something to move.
const LOAD: Duration = Duration::from_secs(12);

/// So long a plan takes at its rate, not counting what is written meanwhile.
const PLAN_SECONDS: u64 = 5;

/// No plan is slower than this.
const RATE_MIN: u64 = 256 << 10;

/// One machine that is all brokers at once: how full its disk is and what it can spare is none of our
/// matter.
const ANY_MACHINE: &[&str] = &["--override", "KQ-S005", "--override", "KQ-S010"];

/// Moves at a time.
const BATCH: &str = "4";

/// How long a killed controller is gone.
const GONE: Duration = Duration::from_millis(1_500);

/// A plan that lost its controller ends within this.
const PLAN_WITHIN: Duration = Duration::from_secs(90);

/// How long the cluster may take to answer, or to be whole after a plan.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// What all plans together were.
#[derive(Debug, Default)]
struct Sum {
    plans: u32,
    moves: u64,
    undone: u32,
    kills: u32,
    slowest: Duration,
}

/// Whether the controller dies in the middle of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    Lives,
    Dies,
}

/// All plans in turn, or, where less than a minute was asked for, one of each way to move.
pub(super) fn carry_out(stage: &mut Stage<'_>, args: &ChaosArgs) -> Result<()> {
    let all = 1.0 <= args.minutes;
    let mut sum = Sum::default();
    let clients = stage.clients;
    stage.until("the group commits", SETTLE_WITHIN, |_| {
        (0 < clients.group().commits).then_some(())
    })?;
    stage.rest(LOAD)?;
    let id = stage.world.add()?;
    stage.tell(&format!("broker {id} joins"));
    let (new, replace) = (id.to_string(), format!("1={id}"));
    let rebalance = ["cluster", "rebalance", "--objective", "count"];
    there_and_back(stage, &mut sum, (&rebalance, None))?;
    if all {
        let reassign = ["partition", "reassign", NAME, "--replace", &replace];
        there_and_back(stage, &mut sum, (&reassign, None))?;
    }
    let copies = ["partition", "reassign", NAME, "--rf", "4"];
    there_and_back(stage, &mut sum, (&copies, None))?;
    there_and_back(stage, &mut sum, (&["broker", "drain", "2"], Some("undrain")))?;
    run(stage, &mut sum, (&rebalance, Controller::Lives))?;
    let decommission = ["broker", "decommission", &new];
    if all {
        there_and_back(stage, &mut sum, (&decommission, Some("recommission")))?;
    }
    run(stage, &mut sum, (&decommission, Controller::Dies))?;
    leave(stage, id)?;
    verify_nothing_left(stage)?;
    stage.diary.outcome = format!(
        "{} plans with {} moves, {} controllers killed in the middle, {} plans undone to the \
         replica, the slowest plan {:.1} s",
        sum.plans,
        sum.moves,
        sum.kills,
        sum.undone,
        sum.slowest.as_secs_f64()
    );
    Ok(())
}

/// Carries a plan out, over its controller's death, and undoes it.
fn there_and_back(
    stage: &mut Stage<'_>,
    sum: &mut Sum,
    (verb, let_in): (&[&str], Option<&str>),
) -> Result<()> {
    wait_whole(stage)?;
    let before = stage.world.placement()?;
    let id = run(stage, sum, (verb, Controller::Dies))?;
    ensure!(stage.world.placement()? != before, "plan {id} has moved nothing");
    if let (Some(let_in), Some(broker)) = (let_in, verb.last()) {
        stage.world.ctl(&["broker", let_in, broker, "--yes"])?;
    }
    run(stage, sum, (&["plan", "rollback", &id], Controller::Lives))?;
    let differs = differences(&before, &stage.world.placement()?);
    ensure!(differs.is_empty(), "undone, {} is not as before: {}", verb.join(" "), differs);
    verify_nothing_left(stage)?;
    sum.undone += 1;
    let words = verb.join(" ");
    stage.tell(&format!("{words}: undone, all {} replica lists are as before", before.len()));
    Ok(())
}

/// Starts a plan and waits for its end; its id.
fn run(
    stage: &mut Stage<'_>,
    sum: &mut Sum,
    (verb, controller): (&[&str], Controller),
) -> Result<String> {
    wait_whole(stage)?;
    let verb = [verb, ANY_MACHINE].concat();
    let dry = stage.world.document(&[&verb, &["--dry-run"][..]].concat())?;
    let bytes = number(&dry, "bytes").unwrap_or_default();
    let rate = (bytes / PLAN_SECONDS).max(RATE_MIN);
    let throttle =
        if controller == Controller::Dies { format!("{rate}B/s") } else { "off".to_owned() };
    let how = ["--throttle", &throttle, "--batch", BATCH, "--yes", "--reason", "chaos"];
    let started = stage.world.document(&[&verb, &how[..]].concat())?;
    let id = started.pointer("/summary/id").and_then(Value::as_str).context("a plan without id")?;
    let moves = number(&started, "move_count").unwrap_or_default();
    ensure!(0 < moves, "{} moves nothing", verb.join(" "));
    let begin = clock::now();
    stage.tell(&format!(
        "plan {id}: {}, {moves} moves, {bytes} bytes, throttle {throttle}",
        verb.join(" ")
    ));
    if controller == Controller::Dies {
        kill_controller(stage, (id, moves))?;
        sum.kills += 1;
    }
    ended(stage, id)?;
    verify_moved(stage, &started)?;
    let took = begin.elapsed();
    stage.tell(&format!("plan {id}: done after {:.1} s", took.as_secs_f64()));
    sum.plans += 1;
    sum.moves += moves;
    sum.slowest = sum.slowest.max(took);
    Ok(id.to_owned())
}

/// Kills the controller's broker while some moves are done and others are not.
fn kill_controller(stage: &mut Stage<'_>, (id, moves): (&str, u64)) -> Result<()> {
    let middle = |world: &World| {
        let told = world.document(&["plan", "status", id]).ok()?;
        let done = number(&told, "done_count")?;
        (0 < done).then_some(done)
    };
    let done = stage.until(&format!("a move of plan {id}"), SETTLE_WITHIN, middle)?;
    let broker = stage.world.controller()?;
    stage.world.act(&Act::Kill(vec![broker]))?;
    stage.count(Fault::Kill);
    stage.tell(&format!("broker {broker}, the controller, is killed: {done} of {moves} are done"));
    ensure!(done < moves, "plan {id} was over before its controller could be killed");
    stage.rest(GONE)?;
    stage.world.act(&Act::Start(vec![broker]))
}

/// Waits until every move of a plan is done.
fn ended(stage: &Stage<'_>, id: &str) -> Result<()> {
    let begin: Instant = clock::now();
    let over = |world: &World| {
        let told = world.document(&["plan", "status", id]).ok()?;
        let end = told.pointer("/summary/state")?.as_str()?;
        matches!(end, "done" | "cancelled").then_some(told)
    };
    let waited = stage.until(&format!("the end of plan {id}"), PLAN_WITHIN, over);
    let told = match waited {
        Ok(told) => told,
        Err(fault) => {
            let rows = stage.world.ctl(&["plan", "status", id]).unwrap_or_default();
            bail!("{fault:#} (after {:?}):\n{rows}", begin.elapsed())
        }
    };
    let end = told.pointer("/summary/state").and_then(Value::as_str).unwrap_or_default();
    let (done, all) = (number(&told, "done_count"), number(&told, "move_count"));
    ensure!(end == "done" && done == all, "plan {id} ended {end}: {told}");
    Ok(())
}

/// Holds every move of a plan against where its replicas are.
fn verify_moved(stage: &Stage<'_>, plan: &Value) -> Result<()> {
    let now = stage.world.placement()?;
    let moves = plan.get("items").and_then(Value::as_array).context("a plan without moves")?;
    for planned in moves {
        let topic = planned.get("topic").and_then(Value::as_str).unwrap_or_default();
        let partition = planned.get("partition").and_then(Value::as_u64).unwrap_or_default();
        let to = planned.get("to").and_then(Value::as_array).cloned().unwrap_or_default();
        let to: Vec<u64> = to.iter().filter_map(Value::as_u64).collect();
        let there = now.get(&(topic.to_owned(), partition));
        ensure!(
            there == Some(&to),
            "{topic}/{partition} was to be on {to:?} in the end, and is on {there:?}"
        );
    }
    Ok(())
}

/// Waits until every partition of every topic has all its replicas in sync.
fn wait_whole(stage: &Stage<'_>) -> Result<()> {
    stage.until("all replicas in sync", SETTLE_WITHIN, |world| {
        world.is_whole().unwrap_or_default().then_some(())
    })
}

/// No plan holds a rate, nothing moves, every broker takes new replicas.
fn verify_nothing_left(stage: &Stage<'_>) -> Result<()> {
    let plans = stage.world.items(&["plan", "list"])?;
    ensure!(plans.is_empty(), "plans are left: {plans:?}");
    let moving = stage.world.items(&["partition", "list", "--internal", "--moving"])?;
    ensure!(moving.is_empty(), "partitions still move: {moving:?}");
    for broker in stage.world.items(&["broker", "list"])? {
        let cordon = broker.get("cordoned").filter(|it| !it.is_null());
        ensure!(cordon.is_none(), "a cordon is left: {broker}");
    }
    Ok(())
}

/// A broker that holds nothing any more stops, and is forgotten.
fn leave(stage: &mut Stage<'_>, id: u32) -> Result<()> {
    let broker = id.to_string();
    stage.world.ctl(&["broker", "wait", &broker, "--for", "drained", "--wait=30s"])?;
    stage.world.stop(id)?;
    stage.world.ctl(&["broker", "unregister", &broker, "--confirm", &broker])?;
    stage.world.forget(id)?;
    let left = stage.world.items(&["broker", "list"])?;
    let is_listed = left.iter().any(|it| it.get("id").and_then(Value::as_u64) == Some(id.into()));
    ensure!(!is_listed, "broker {id} is unregistered and still listed");
    stage.tell(&format!("broker {id} has left"));
    Ok(())
}

fn number(document: &Value, name: &str) -> Option<u64> {
    document.get("summary")?.get(name)?.as_u64()
}
