//! Settings that kq-ctl and kq-tui share, and where each comes from: flag, environment, project file,
//! context, default, in this order. Files and environment are arguments; only [`Sources::read`] looks
//! at the disk.

mod duration;
mod file;
mod layers;
mod place;
mod refusal;
mod source;

use std::path::{Path, PathBuf};

pub use duration::{duration, timeout};
pub use file::{Context, File, Project, Style, unreadable};
pub use layers::Layers;
pub use place::{Place, place};
pub use refusal::{Refusal, RefusalKind};
pub use source::Sources;

/// A variable of the environment by its name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What was typed of a cluster and how to reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// `--brokers`.
    pub brokers: Option<Vec<String>>,
    /// `--context`.
    pub context: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--command-config`: Kafka's file of properties.
    pub command_config: Option<PathBuf>,
}

/// What the process found around itself.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Its environment.
    pub env: Lookup<'a>,
    /// Where it was started.
    pub cwd: &'a Path,
    /// Settings of the whole machine.
    pub system_config: &'a Path,
}

impl Surroundings<'_> {
    /// A variable that is set to something.
    fn var(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The command line, by the name of the flag.
    Flag(&'static str),
    /// A variable of the environment.
    Env(&'static str),
    /// A project's file.
    ProjectFile(PathBuf),
    /// The context of that name.
    Context(String),
    /// Nobody said anything.
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
pub struct Sourced<T> {
    /// What it is.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a context guards against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guards {
    /// No other cluster than this.
    pub cluster_id: Option<String>,
    /// Nothing may be changed.
    pub read_only: bool,
    /// What loses something has to be named.
    pub protected: bool,
    /// What the context wants and this version does not speak, in words: `tls and sasl`.
    pub unsupported: Option<String>,
}
