//! What can be wrong with a configuration; each message names the key, the value and the remedy.

use std::path::PathBuf;

use super::Source;

/// A configuration that the broker does not start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read the configuration file {}: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is no TOML.
    #[error("the configuration file {} is not valid TOML: {cause}", path.display())]
    NotToml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        cause: String,
    },
    /// No such key.
    #[error("unknown key '{name}' in {}{}", path.display(), suggestion(*.nearest))]
    UnknownKey {
        /// The name as written.
        name: String,
        /// In which file.
        path: PathBuf,
        /// The key that was perhaps meant.
        nearest: Option<&'static str>,
    },
    /// The key exists, the value does not suit it.
    #[error("{name} = '{value}' (from the {}): {expected}", source_of.word())]
    WrongValue {
        /// Which key.
        name: &'static str,
        /// The value as written.
        value: String,
        /// Who wrote it.
        source_of: Source,
        /// What is accepted.
        expected: String,
    },
    /// Two values that do not go together.
    #[error("{0}")]
    Conflict(String),
    /// Wrong use of the command line; clap has worded it.
    #[error(transparent)]
    Usage(#[from] clap::Error),
}

fn suggestion(nearest: Option<&'static str>) -> String {
    nearest.map_or_else(
        || "; `kq-broker --print-config` lists all keys".to_owned(),
        |name| format!("; did you mean '{name}'?"),
    )
}
