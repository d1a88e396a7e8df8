//! `kq-ctl context delete NAME`

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
    let mut edit = Edit::open(&session.settings.config_file)?;
    edit.remove_context(&args.name);
    if file.current.as_ref() == Some(&args.name) {
        edit.set_current(None);
    }
    edit.save()?;
    Ok(super::changed(&args.name, "deleted", session))
}
