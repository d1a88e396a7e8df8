//! `kq-ctl config unset TYPE NAME KEY..`

use kq_proto::admin::v1;

use super::alterations::alteration;
use super::resource::Resource;
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{CONFIG_CHANGE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    resource: Resource,
    /// Name of the resource (none for cluster), then keys
    #[arg(value_name = "NAME KEY..", required = true, add = crate::complete::config_words())]
    words: Vec<String>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONFIG_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let (resource, keys) = args.resource.kind.split(&args.words)?;
    let alterations = keys.iter().map(|key| alteration(v1::AlterOp::Unset, key, None)).collect();
    super::set::alter(resource, alterations, &args.change, session).await
}
