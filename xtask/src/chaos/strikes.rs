//! A schedule of faults, step by step.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::schedule::{Act, Step};
use super::stage::Stage;
use crate::relay::Span;

/// A part of the brokers that cannot be reached stops writes for so long at most.
const STALL_MAX: Duration = Duration::from_secs(12);

/// Does every step at its time.
pub(super) fn strike(stage: &mut Stage<'_>, steps: &[Step]) -> Result<()> {
    for step in steps {
        stage.rest_until(stage.began + step.at)?;
        stage.tell(&format!("{:?}", step.act));
        act(stage, step)?;
    }
    Ok(())
}

/// The same of cuts in turn: tells for each how long writes stood still, and fails when that was
/// too long. Where most brokers reach one another, writes go on.
pub(super) fn cut_in_turn(stage: &mut Stage<'_>, steps: &[Step]) -> Result<()> {
    let mut stalls = Vec::new();
    for step in steps {
        stage.rest_until(stage.began + step.at)?;
        let calm = stage.clients.turn_window();
        let words = if let Act::Cut(span) = &step.act {
            let leader = stage.world.controller()?;
            format!("broker {} (broker {leader} leads the quorum)", shown(*span))
        } else if let Act::Heal(span) = &step.act {
            let (way, stall) = (shown(*span), calm.longest());
            stalls.push(format!("{way} {:.1} s", stall.as_secs_f64()));
            ensure!(stall <= STALL_MAX, "L1: broker {way}: no writes for {stall:?}");
            format!("healed; broker {way}: longest stall {:.1} s", stall.as_secs_f64())
        } else {
            format!("{:?}", step.act)
        };
        stage.tell(&words);
        act(stage, step)?;
    }
    stage.diary.outcome = format!("longest stall while broker {}", stalls.join(", "));
    Ok(())
}

fn act(stage: &mut Stage<'_>, step: &Step) -> Result<()> {
    stage.world.act(&step.act).with_context(|| format!("{:?}", step.act))?;
    if let Some(fault) = step.fault {
        stage.count(fault);
    }
    Ok(())
}

fn shown(span: Span) -> String {
    match span {
        Span { from: Some(id), to: None } => format!("{id} is not heard"),
        Span { from: None, to: Some(id) } => format!("{id} hears nothing"),
        span => format!("{span:?}"),
    }
}
