//! The broker that coordinates the group dies, restarts, or hands it over, again and again. Members
//! come back each time, and nothing that they have committed is lost.

use std::time::Duration;

use anyhow::{Context, Result};

use super::clients::GROUP;
use super::schedule::{Act, Fault};
use super::stage::Stage;
use super::world::{OFFSETS, World};
use crate::cli::ChaosArgs;
use crate::clock;

/// Members commit again within this: a session of six seconds, and what a rejoin takes.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// How long a killed coordinator is gone.
const GONE: Duration = Duration::from_secs(2);

/// Partitions of the topic of offsets.
const OFFSETS_PARTITIONS: u32 = 50;

/// All of it in turn, until the time is up.
pub(super) fn lose(stage: &mut Stage<'_>, args: &ChaosArgs) -> Result<()> {
    let end = clock::now() + args.length();
    let (mut pauses, mut losses) = (Vec::new(), 0_u32);
    go_on(stage, "the group begins")?;
    loop {
        for loss in [kill, restart, transfer] {
            let before = clock::now();
            loss(stage)?;
            go_on(stage, "the group goes on")?;
            pauses.push(before.elapsed());
            losses += 1;
            // The next loss must not be of the last copy but one.
            stage.until("all in sync", BACK_WITHIN, |world| {
                world.is_whole().unwrap_or_default().then_some(())
            })?;
        }
        if end <= clock::now() {
            break;
        }
    }
    let group = stage.clients.group();
    let (commits, rebalances) = (group.commits, group.rebalances);
    let longest = group.longest_pause;
    drop(group);
    stage.diary.outcome = format!(
        "{losses} losses of the coordinator, {commits} commits accepted, {rebalances} rebalances \
         of members, longest time without a commit {:.1} s",
        longest.as_secs_f64()
    );
    Ok(())
}

/// Waits until members commit again.
fn go_on(stage: &mut Stage<'_>, what: &str) -> Result<()> {
    let (before, begin) = (stage.clients.group().commits, clock::now());
    // Several, so that no commit that was under way passes for one.
    let enough = before + 6;
    let clients = stage.clients;
    stage.until(what, BACK_WITHIN, |_| (enough <= clients.group().commits).then_some(()))?;
    stage.tell(&format!("{what}: it commits again after {} ms", begin.elapsed().as_millis()));
    Ok(())
}

/// The partition that holds the group's offsets: Kafka's `abs(hash) % partitions`, of Java's hash.
fn partition() -> u32 {
    let hash = GROUP
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash.cast_unsigned() & 0x7fff_ffff) % OFFSETS_PARTITIONS
}

fn coordinator(stage: &Stage<'_>) -> Result<(u32, Vec<u32>)> {
    let number = i32::try_from(partition())?;
    let find = |world: &World| {
        let views = world.partitions_of(OFFSETS).ok()?;
        let view = views.into_iter().find(|it| it.partition == number)?;
        Some((view.leader?, view.isr))
    };
    stage.until("a coordinator", BACK_WITHIN, find)
}

fn kill(stage: &mut Stage<'_>) -> Result<()> {
    let (id, _) = coordinator(stage)?;
    stage.tell(&format!("broker {id}, the coordinator, is killed"));
    stage.world.act(&Act::Kill(vec![id]))?;
    stage.count(Fault::Kill);
    stage.rest(GONE)?;
    stage.world.act(&Act::Start(vec![id]))
}

fn restart(stage: &mut Stage<'_>) -> Result<()> {
    let (id, _) = coordinator(stage)?;
    stage.tell(&format!("broker {id}, the coordinator, is restarted"));
    stage.world.act(&Act::Restart(id))?;
    stage.count(Fault::Restart);
    Ok(())
}

fn transfer(stage: &mut Stage<'_>) -> Result<()> {
    let (id, isr) = coordinator(stage)?;
    let heir = isr.into_iter().find(|it| *it != id).context("a coordinator without heirs")?;
    stage.tell(&format!("the coordinator moves from broker {id} to {heir}"));
    let place = format!("{OFFSETS}/{}", partition());
    stage.world.ctl(&["leader", "transfer", &place, "--to", &heir.to_string(), "--yes"])?;
    Ok(())
}
