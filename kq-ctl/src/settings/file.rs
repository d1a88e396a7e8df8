//! The configuration files: what may stand in them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::exit::Failure;

/// `config.toml`, of a user or of the machine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Name of the context in use.
    #[serde(default)]
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// One cluster and how to treat it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    pub(crate) brokers: Vec<String>,
    #[serde(default)]
    pub(crate) cluster_id: Option<String>,
    #[serde(default)]
    pub(crate) read_only: bool,
    #[serde(default)]
    pub(crate) protected: bool,
    #[serde(flatten)]
    pub(crate) style: Style,
    /// Kept for versions that speak TLS; refused until then, never ignored.
    #[serde(default)]
    pub(crate) tls: Option<toml::Value>,
    #[serde(default)]
    pub(crate) sasl: Option<toml::Value>,
    /// Arguments by verb: `"topic list" = ["--internal"]`.
    #[serde(default)]
    pub(crate) defaults: BTreeMap<String, Vec<String>>,
}

/// `.kq.toml` of a project.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    #[serde(default)]
    pub(crate) context: Option<String>,
    #[serde(default)]
    pub(crate) brokers: Option<Vec<String>>,
    #[serde(flatten)]
    pub(crate) style: Style,
}

/// Settings that context and project share, as text; read where they are used.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Style {
    #[serde(default)]
    pub(crate) output: Option<String>,
    #[serde(default)]
    pub(crate) timeout: Option<String>,
    #[serde(default)]
    pub(crate) connect_timeout: Option<String>,
    #[serde(default)]
    pub(crate) retry_connect: Option<String>,
    #[serde(default)]
    pub(crate) color: Option<String>,
    #[serde(default)]
    pub(crate) progress: Option<String>,
    #[serde(default)]
    pub(crate) time: Option<String>,
    #[serde(default)]
    pub(crate) bytes: Option<String>,
}

impl Style {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let field = match name {
            "output" => &self.output,
            "timeout" => &self.timeout,
            "connect-timeout" => &self.connect_timeout,
            "retry-connect" => &self.retry_connect,
            "color" => &self.color,
            "progress" => &self.progress,
            "time" => &self.time,
            "bytes" => &self.bytes,
            _ => &None,
        };
        field.as_deref()
    }
}

impl File {
    /// A file that does not exist yet is empty.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(read(path)?.unwrap_or_default())
    }
}

/// Reads a file of that form; a file that does not exist is `None`.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Failure::file("read", path, &error)),
    };
    toml::from_str(&text).map(Some).map_err(|error| unreadable(path, &error))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A file that is there and says nothing that can be understood.
pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let message = format!("{}: {}", path.display(), error.to_string().trim());
    Failure::new("kq.USAGE", message).hint("correct the file, or choose another with --config FILE")
}
