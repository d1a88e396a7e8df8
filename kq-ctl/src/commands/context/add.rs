//! `kq-ctl context add NAME --brokers HOST:PORT,..`

use kq_proto::client::Address;

use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{CONTEXT_CHANGE, Schema};
use crate::session::Session;
use crate::settings::{Context, Edit, Origin};

#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Name of the context; its brokers are those of --brokers
    #[arg(value_name = "NAME")]
    name: String,
    /// Pin it to this cluster now, instead of at first use
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
    /// Refuse commands that change anything
    #[arg(long)]
    read_only: bool,
    /// Ask for the context's name before anything destructive
    #[arg(long)]
    protected: bool,
    /// Use it from now on
    #[arg(long = "use")]
    in_use: bool,
    /// Replace a context of that name
    #[arg(long)]
    replace: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONTEXT_CHANGE
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    super::check_name(&args.name)?;
    if session.settings.brokers.origin != Origin::Flag("brokers") {
        return Err(Failure::usage("the brokers of the context are missing")
            .hint(format!("kq-ctl context add {} --brokers HOST:PORT", args.name)));
    }
    let file = super::file(session)?;
    if file.contexts.contains_key(&args.name) && !args.replace {
        return Err(Failure::new("kq.EXISTS", format!("context '{}' exists", args.name))
            .about(args.name.clone())
            .hint("--replace"));
    }
    let context = Context {
        brokers: session.settings.brokers.value.iter().map(Address::to_string).collect(),
        cluster_id: args.cluster_id.clone(),
        read_only: args.read_only,
        protected: args.protected,
        ..Context::default()
    };
    let mut edit = Edit::open(&session.settings.config_file)?;
    if args.replace {
        edit.remove_context(&args.name);
    }
    edit.set_context(&args.name, &context);
    if args.in_use {
        edit.set_current(Some(&args.name));
    }
    edit.save()?;
    Ok(super::changed(&args.name, "added", session))
}
