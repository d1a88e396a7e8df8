//! A schedule of faults, step by step.

use anyhow::{Context as _, Result};

use super::schedule::Step;
use super::stage::Stage;

/// Does every step at its time.
pub(super) fn strike(stage: &mut Stage<'_>, steps: &[Step]) -> Result<()> {
    for step in steps {
        stage.rest_until(stage.began + step.at)?;
        stage.tell(&format!("{:?}", step.act));
        act(stage, step)?;
    }
    Ok(())
}

fn act(stage: &mut Stage<'_>, step: &Step) -> Result<()> {
    stage.world.act(&step.act).with_context(|| format!("{:?}", step.act))?;
    if let Some(fault) = step.fault {
        stage.count(fault);
    }
    Ok(())
}
