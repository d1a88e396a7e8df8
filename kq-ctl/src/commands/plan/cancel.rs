//! `kq-ctl plan cancel ID`: what moves goes back to where it was; what is done stays.

use super::steer::{Course, Steered, steer};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN_LIST, Schema};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: Steered,
    /// What is done stays where it is; 'plan rollback' puts that back, too (always so)
    #[arg(long, hide = true)]
    keep_done: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let what = format!("call plan {} back: what moves goes back to where it was", args.plan.id);
    let danger = Some(Danger { what, word: None });
    let mut report = steer(&args.plan, Course::Cancel, danger, session).await?;
    report.note(format!(
        "what is done stays; to put that back, too: kq-ctl plan rollback {}",
        args.plan.id
    ));
    Ok(report)
}
