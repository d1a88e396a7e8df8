//! `kq-ctl broker recommission ID..`: it stays in the cluster after all.

use super::undrain::{Uncordon, let_in};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{BROKER_CHANGE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    uncordon: Uncordon,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &BROKER_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let_in(&args.uncordon, "recommissioned", session).await
}
