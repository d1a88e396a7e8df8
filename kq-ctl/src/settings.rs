//! Settings in force and where each comes from: flag, environment, project file, context, default, in
//! this order. Pure: files and environment are arguments.

mod edit;
mod file;
mod resolve;
mod source;

use std::path::PathBuf;
use std::time::Duration;

use kq_proto::client::Address;

use crate::output::{ByteStyle, Format, ProgressStyle, TimeStyle};

pub(crate) use edit::Edit;
pub(crate) use file::{Context, File};
pub(crate) use resolve::resolve;
pub(crate) use source::Sources;

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorMode {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    Always,
    Never,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Flag(&'static str),
    Env(&'static str),
    ProjectFile(PathBuf),
    Context(String),
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::ProjectFile(path) => write!(f, "file {}", path.display()),
            Self::Context(name) => write!(f, "context {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
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

/// What a context guards against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Guards {
    pub(crate) cluster_id: Option<String>,
    pub(crate) read_only: bool,
    pub(crate) protected: bool,
    /// Why kq-ctl cannot speak to this cluster safely, if it cannot.
    pub(crate) unsupported: Option<String>,
}
