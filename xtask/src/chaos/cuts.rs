//! Each broker in turn is not heard by the others and then hears nothing of them: while it leads
//! its part of the partitions, once beside a quorum that another broker leads and once as the
//! leader of the quorum itself.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::schedule::{Act, Fault};
use super::stage::Stage;
use super::world::World;
use crate::cli::ChaosArgs;
use crate::relay::Span;

/// A part of the brokers that cannot be reached stops writes for so long at most.
const STALL_MAX: Duration = Duration::from_secs(10);

/// Everything is in sync and leads where it should, so long after a cut.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What is waited for, in words.
const LEADER: &str = "a leader of the quorum";

/// How long all is well before a cut.
const CALM: Duration = Duration::from_secs(2);

/// One broker, cut off one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    id: u32,
    is_heard: bool,
    leads_quorum: bool,
}

/// All of them; fails when writes stood still for too long, for most brokers reach one another all
/// the time.
pub(super) fn cut_in_turn(stage: &mut Stage<'_>, args: &ChaosArgs) -> Result<()> {
    let mut stalls = Vec::new();
    for cut in cuts(args.brokers) {
        if cut.leads_quorum && !stage.world.votes(cut.id)? {
            continue;
        }
        prepare(stage, cut)?;
        let stall = endure(stage, cut, args.cut)?;
        stalls.push(format!("{} {:.1} s", cut.words(), stall.as_secs_f64()));
    }
    stage.diary.outcome = format!("longest stall while broker {}", stalls.join(", "));
    Ok(())
}

fn cuts(brokers: u32) -> Vec<Cut> {
    let of = |id| {
        [(false, false), (true, false), (false, true), (true, true)]
            .map(|(is_heard, leads_quorum)| Cut { id, is_heard, leads_quorum })
    };
    (1..=brokers).flat_map(of).collect()
}

impl Cut {
    fn span(self) -> Span {
        if self.is_heard { Span::into(self.id) } else { Span::out_of(self.id) }
    }

    fn words(self) -> String {
        let way = if self.is_heard { "hears nothing" } else { "is not heard" };
        let whose = if self.leads_quorum { " as leader of the quorum" } else { "" };
        format!("{} {way}{whose}", self.id)
    }
}

/// Waits until all is whole, has the right broker lead the quorum, and gives each broker its
/// partitions back.
fn prepare(stage: &mut Stage<'_>, cut: Cut) -> Result<()> {
    stage.until("all in sync", READY_WITHIN, |world| {
        world.is_whole().unwrap_or_default().then_some(())
    })?;
    let brokers = u32::try_from(stage.world.cluster.brokers.len())?;
    let others = || (1..=brokers).filter(|id| *id != cut.id);
    stage.until(LEADER, READY_WITHIN, |world| {
        let leads = world.controller().ok()? == cut.id;
        if leads == cut.leads_quorum {
            return Some(());
        }
        let to =
            if leads { others().find(|id| world.votes(*id).unwrap_or_default())? } else { cut.id };
        // Whoever has not caught up is asked again.
        world.ctl(&["quorum", "transfer", &to.to_string(), "-y"]).ok().map(drop)
    })?;
    stage.until("preferred leaders", READY_WITHIN, |world| {
        if leads_its_part(world) {
            return Some(());
        }
        // Only who is in sync takes the lead.
        drop(world.ctl(&["leader", "balance", "-y"]));
        None
    })?;
    stage.rest(CALM)
}

fn leads_its_part(world: &World) -> bool {
    let views = world.partitions().unwrap_or_default();
    !views.is_empty() && views.iter().all(|it| it.leader == it.replicas.first().copied())
}

/// The cut itself; how long writes stood still.
fn endure(stage: &mut Stage<'_>, cut: Cut, each: Duration) -> Result<Duration> {
    let quorum = |world: &World| world.quorum().ok();
    let (_, term) = stage.until(LEADER, READY_WITHIN, quorum)?;
    let known = stage.clients.leaders().epochs();
    let before = stage.clients.turn_window().rate();
    stage.world.act(&Act::Cut(cut.span()))?;
    stage.count(Fault::OneWayCutOff);
    stage.rest(each)?;
    let calm = stage.clients.turn_window();
    let elected = stage.clients.leaders().epochs() - known;
    stage.world.act(&Act::Heal(cut.span()))?;
    let (leader, later) = stage.until(LEADER, READY_WITHIN, quorum)?;
    let stall = calm.longest();
    stage.tell(&format!(
        "broker {}: {} acked ({:.0}/s, {before:.0}/s before), longest stall of a partition {:.1} s, \
         {elected} new leader epochs, term of the quorum {term} to {later}, led by {leader}",
        cut.words(),
        calm.latencies.len(),
        calm.rate(),
        stall.as_secs_f64()
    ));
    ensure!(stall <= STALL_MAX, "L1: broker {}: no writes for {stall:?}", cut.words());
    Ok(stall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_broker_is_cut_off_both_ways_as_leader_and_not() {
        let all = cuts(3);
        assert_eq!(all.len(), 12);
        let of_two: Vec<String> = all.iter().filter(|it| it.id == 2).map(|it| it.words()).collect();
        assert_eq!(
            of_two,
            [
                "2 is not heard",
                "2 hears nothing",
                "2 is not heard as leader of the quorum",
                "2 hears nothing as leader of the quorum",
            ]
        );
        assert_eq!(all[0].span(), Span::out_of(1));
        assert_eq!(all[1].span(), Span::into(1));
    }
}
