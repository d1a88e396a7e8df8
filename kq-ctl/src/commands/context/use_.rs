//! `kq-ctl context use NAME`

use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{CONTEXT_CHANGE, Schema};
use crate::session::Session;
use crate::settings::Edit;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Name of the context
    #[arg(value_name = "NAME", add = crate::complete::contexts())]
    name: String,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONTEXT_CHANGE
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let file = super::file(session)?;
    super::known(&args.name, &file)?;
    if file.current.as_ref() == Some(&args.name) {
        return Ok(super::changed(&args.name, "unchanged", session));
    }
    let mut edit = Edit::open(&session.settings.config_file)?;
    edit.set_current(Some(&args.name));
    edit.save()?;
    Ok(super::changed(&args.name, "in_use", session))
}
