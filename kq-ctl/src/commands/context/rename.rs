//! `kq-ctl context rename OLD NEW`

use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{CONTEXT_CHANGE, Schema};
use crate::session::Session;
use crate::settings::Edit;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Name of the context
    #[arg(value_name = "OLD", add = crate::complete::contexts())]
    old: String,
    /// Its name from now on
    #[arg(value_name = "NEW")]
    new: String,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONTEXT_CHANGE
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    super::check_name(&args.new)?;
    let file = super::file(session)?;
    super::known(&args.old, &file)?;
    if file.contexts.contains_key(&args.new) {
        return Err(Failure::new("kq.EXISTS", format!("context '{}' exists", args.new))
            .about(args.new.clone())
            .hint(format!("kq-ctl context delete {}", args.new)));
    }
    let mut edit = Edit::open(&session.settings.config_file)?;
    edit.rename_context(&args.old, &args.new);
    if file.current.as_ref() == Some(&args.old) {
        edit.set_current(Some(&args.new));
    }
    edit.save()?;
    Ok(super::changed(&args.new, "renamed", session))
}
