//! `kq-ctl plan resume ID`: goes on with a plan that was paused.

use super::steer::{Course, Steered, steer};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN_LIST, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: Steered,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    steer(&args.plan, Course::Resume, None, session).await
}
