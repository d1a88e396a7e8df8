//! `kq-ctl quorum add ID`: gives a broker a vote.

use kq_proto::admin::v1;

use super::change::{Member, change};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{QUORUM_CHANGE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    member: Member,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &QUORUM_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let danger = None;
    change(&args.member, (v1::QuorumDeed::AddVoter, "added"), danger, session).await
}
