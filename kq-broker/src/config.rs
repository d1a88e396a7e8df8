//! The broker's configuration: one table of keys, read from flags, environment, file and defaults.
//!
//! A key is declared once, in the [`catalogue`](crate::catalogue); its flag (`--key-with-dashes`),
//! its variable (`KQ_KEY_WITH_UNDERSCORES`) and what `--print-config` says all follow from there.
//! A flag wins over a variable, a variable over the file, the file over the default.

mod accept;
mod error;
mod explain;
mod load;
#[cfg(test)]
mod load_test;
mod settings;

use std::collections::BTreeMap;

pub use accept::Value;
pub use error::ConfigError;
pub use explain::explain;
pub use load::{Loaded, Request, command, load};
pub use settings::{BrokerConfig, LoggingFormat};

use crate::catalogue::{ConfigKey, Scope, broker_keys};

/// Where a value came from; later ones win over earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The file named by `--config`.
    File,
    /// A `KQ_*` variable.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    /// The word for it in `--print-config`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// One value that someone has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The value in its plain form: integers without unit, lists joined by commas.
    pub text: String,
    /// Who said so.
    pub source: Source,
}

/// All that was set, by key; keys left at their default are absent.
pub type Statics = BTreeMap<&'static str, Given>;

/// Every key that an operator can set before the start, by name.
pub fn keys() -> impl Iterator<Item = &'static ConfigKey> {
    broker_keys().iter().filter(|key| key.scope != Scope::Derived)
}
