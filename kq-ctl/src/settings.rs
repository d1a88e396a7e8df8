//! Settings in force and where each comes from. What kq-tui goes by as well (cluster, contexts, files)
//! is in `kq_proto::client::settings`; here is what only commands have. Pure: files and environment
//! are arguments.

mod edit;
mod resolve;

use std::path::PathBuf;
use std::time::Duration;

use kq_proto::client::Address;

use crate::output::{ByteStyle, Format, ProgressStyle, TimeStyle};

pub(crate) use edit::Edit;
pub(crate) use kq_proto::client::settings::{Context, File, Guards, Origin, Sourced, Sources};
pub(crate) use resolve::resolve;

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorMode {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    Always,
    Never,
}

/// Everything that is settled before a command begins.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) brokers: Sourced<Vec<Address>>,
    /// The context in force; none when brokers were named more directly.
    pub(crate) context: Option<Sourced<String>>,
    pub(crate) guards: Guards,
    pub(crate) output: Sourced<Format>,
    pub(crate) timeout: Sourced<Duration>,
    pub(crate) connect_timeout: Sourced<Duration>,
    pub(crate) retry_connect: Sourced<Option<Duration>>,
    pub(crate) color: Sourced<ColorMode>,
    pub(crate) progress: Sourced<ProgressStyle>,
    pub(crate) time: Sourced<TimeStyle>,
    pub(crate) bytes: Sourced<ByteStyle>,
    /// The file that `context add` and the pin write to.
    pub(crate) config_file: PathBuf,
}
