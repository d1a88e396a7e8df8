//! The configuration files: what may stand in them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::Refusal;

/// `config.toml`, of a user or of the machine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name of the context in use.
    #[serde(default)]
    pub current: Option<String>,
    /// Contexts by their names.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// One cluster and how to treat it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Where its brokers listen.
    pub brokers: Vec<String>,
    /// No other cluster than this.
    #[serde(default)]
    pub cluster_id: Option<String>,
    /// Nothing may be changed.
    #[serde(default)]
    pub read_only: bool,
    /// What loses something has to be named.
    #[serde(default)]
    pub protected: bool,
    /// How to speak to it and to show it.
    #[serde(flatten)]
    pub style: Style,
    /// Kept for versions that speak TLS; refused until then, never ignored.
    #[serde(default)]
    pub tls: Option<toml::Value>,
    /// As with `tls`.
    #[serde(default)]
    pub sasl: Option<toml::Value>,
    /// Arguments by verb: `"topic list" = ["--internal"]`.
    #[serde(default)]
    pub defaults: BTreeMap<String, Vec<String>>,
}

/// `.kq.toml` of a project.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The context to use here.
    #[serde(default)]
    pub context: Option<String>,
    /// Brokers, without a context.
    #[serde(default)]
    pub brokers: Option<Vec<String>>,
    /// How to speak to it and to show it.
    #[serde(flatten)]
    pub style: Style,
}

/// Settings that context and project share, as text; read where they are used.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Style {
    /// How to print items.
    #[serde(default)]
    pub output: Option<String>,
    /// Deadline of each call.
    #[serde(default)]
    pub timeout: Option<String>,
    /// Bound on finding a broker that accepts.
    #[serde(default)]
    pub connect_timeout: Option<String>,
    /// Go on trying for so long.
    #[serde(default)]
    pub retry_connect: Option<String>,
    /// When to colour.
    #[serde(default)]
    pub color: Option<String>,
    /// How to show what takes long.
    #[serde(default)]
    pub progress: Option<String>,
    /// How to print times.
    #[serde(default)]
    pub time: Option<String>,
    /// How to print sizes.
    #[serde(default)]
    pub bytes: Option<String>,
}

impl Style {
    /// A setting by the name of its flag, as it was written.
    pub fn get(&self, name: &str) -> Option<&str> {
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
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        Ok(read(path)?.unwrap_or_default())
    }
}

/// Reads a file of that form; a file that does not exist is `None`.
pub(super) fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Refusal> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Refusal::file("read", path, &error)),
    };
    toml::from_str(&text).map(Some).map_err(|error| unreadable(path, &error))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A file that is there and says nothing that can be understood.
pub fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    let message = format!("{}: {}", path.display(), error.to_string().trim());
    Refusal::usage(message).hint("correct the file, or choose another with --config FILE")
}
