//! `kq-ctl group member ...`

pub(crate) mod list;
pub(crate) mod remove;

use crate::commands::verbs;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::Schema;
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

verbs! {
    /// List the members of a group
    List(list) = "list",
    /// Put members out of a group; those that live come back
    Remove(remove) = "remove",
}

impl Args {
    pub(crate) fn path(&self) -> &'static str {
        match self.verb.name() {
            "list" => "member list",
            _ => "member remove",
        }
    }
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    args.verb.schema()
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    args.verb.run(session).await
}
