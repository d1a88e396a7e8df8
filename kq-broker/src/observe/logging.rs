//! Log lines: one per event, on standard error, for eyes or for machines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{BrokerConfig, ConfigError, LoggingFormat};

/// Starts logging as configured; in a process that logs already it changes nothing.
pub fn start_logging(config: &BrokerConfig) -> Result<(), ConfigError> {
    // openraft tells every message that a dead peer misses; what was configured comes after and wins.
    let directives = format!("openraft=error,{}", config.logging_level);
    let filter = EnvFilter::try_new(directives).map_err(|err| {
        let level = &config.logging_level;
        ConfigError::Conflict(format!("logging.level = '{level}': {err}"))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _: Result<(), TryInitError> = match config.logging_format {
        LoggingFormat::Text => lines.with_ansi(false).finish().try_init(),
        LoggingFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    Ok(())
}
