//! Reading the configuration: from the command line, the environment and the file, in this order
//! of precedence.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::accept::Value;
use super::{BrokerConfig, ConfigError, Given, Source, Statics, keys};
use crate::catalogue::{ConfigKey, ConfigType, closest};
use crate::peers::parse_addresses;

/// What the operator asked of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Start a broker.
    Serve,
    /// Print the configuration and end.
    PrintConfig,
}

/// A configuration with what to do about it.
#[derive(Debug)]
pub struct Loaded {
    /// The values in force.
    pub config: BrokerConfig,
    /// What was asked.
    pub request: Request,
}

/// The command line of `kq-broker`, one flag per key.
pub fn command() -> Command {
    let base = Command::new("kq-broker")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A broker of a kq cluster: Kafka's protocol, gRPC and HTTP on one port")
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("A TOML file of keys [env: KQ_BROKER_CONFIG]")
                .value_parser(ValueParser::path_buf()),
        )
        .arg(
            Arg::new("print-config")
                .long("print-config")
                .action(ArgAction::SetTrue)
                .help("Explain every key with the value in force, then end"),
        );
    keys().fold(base, |command, key| command.arg(argument(key)))
}

fn argument(key: &'static ConfigKey) -> Arg {
    let default = key.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let arg = Arg::new(key.name)
        .long(key.flag())
        .value_name("VALUE")
        .allow_hyphen_values(true)
        .help(format!("{}{default}", key.doc));
    if key.kind == ConfigType::Boolean {
        arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("BOOL")
    } else {
        arg
    }
}

/// Loads from these arguments (the first is the program's name) and this environment.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Loaded, ConfigError> {
    let matches = command().try_get_matches_from(args)?;
    let file = matches
        .get_one::<PathBuf>("config")
        .cloned()
        .or_else(|| variable("KQ_BROKER_CONFIG").map(PathBuf::from));
    let mut written = file.as_deref().map(read_file).transpose()?.unwrap_or_default();
    for key in keys() {
        let from_flag = flag_of(&matches, key).map(|text| (text, Source::Flag));
        let from_variable = || variable(&key.variable()).map(|text| (text, Source::Environment));
        if let Some(given) = from_flag.or_else(from_variable) {
            written.insert(key.name, given);
        }
    }
    let config = check(written)?;
    let print = matches.get_flag("print-config");
    Ok(Loaded { config, request: if print { Request::PrintConfig } else { Request::Serve } })
}

fn flag_of(matches: &ArgMatches, key: &ConfigKey) -> Option<String> {
    matches.get_one::<String>(key.name).cloned()
}

type Written = BTreeMap<&'static str, (String, Source)>;

fn read_file(path: &Path) -> Result<Written, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
    let table: toml::Table = text.parse().map_err(|cause: toml::de::Error| {
        ConfigError::NotToml { path: path.to_owned(), cause: cause.to_string().trim().to_owned() }
    })?;
    let mut flat = BTreeMap::new();
    flatten("", &table, &mut flat);
    flat.into_iter()
        .map(|(name, value)| match keys().find(|key| key.name == name) {
            Some(key) => Ok((key.name, (value, Source::File))),
            None => Err(ConfigError::UnknownKey {
                nearest: closest(keys().map(|key| key.name), &name),
                name,
                path: path.to_owned(),
            }),
        })
        .collect()
}

/// `[log.retention] ms = 1` and `"log.retention.ms" = 1` and `log.retention.ms = 1` are the same.
fn flatten(prefix: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, into),
            toml::Value::Array(items) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                into.insert(name, items.join(","));
            }
            toml::Value::String(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_) => drop(into.insert(name, plain(value))),
        }
    }
}

fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn check(written: Written) -> Result<BrokerConfig, ConfigError> {
    let mut values: BTreeMap<&'static str, Value> = BTreeMap::new();
    let mut statics = Statics::new();
    for key in keys() {
        let Some((text, source)) = written.get(key.name) else { continue };
        let value = key.accept(text).map_err(|expected| ConfigError::WrongValue {
            name: key.name,
            value: text.clone(),
            source_of: *source,
            expected,
        })?;
        statics.insert(key.name, Given { text: value.plain(), source: *source });
        values.insert(key.name, value);
    }
    let config = BrokerConfig::from_values(&values, statics);
    verify_listener(&config)?;
    verify_quorum(&config)?;
    Ok(config)
}

/// An even number of voters survives no more than the odd one below it.
fn verify_quorum(config: &BrokerConfig) -> Result<(), ConfigError> {
    if config.controller_voters.is_multiple_of(2) {
        let (key, given) = ("controller.voters", config.controller_voters);
        return Err(ConfigError::Conflict(format!("{key} = {given}: expected 1, 3 or 5")));
    }
    parse_addresses(&config.peer_addresses).map(drop).map_err(ConfigError::Conflict)
}

/// Nothing listens beyond loopback unless the operator has said twice that it may.
fn verify_listener(config: &BrokerConfig) -> Result<(), ConfigError> {
    let host = config.listen.rsplit_once(':').map_or("", |(host, _)| host);
    let address: Option<IpAddr> =
        config.listen.parse::<SocketAddr>().map(|it| it.ip()).ok().or_else(|| host.parse().ok());
    let loopback = host == "localhost" || address.is_some_and(|it| it.is_loopback());
    if loopback || config.insecure_listener {
        return Ok(());
    }
    Err(ConfigError::Conflict(format!(
        "listen = '{}' is reachable from other machines, and nothing there is encrypted or \
         authenticated yet; listen on 127.0.0.1, or allow it with --insecure-listener",
        config.listen
    )))
}
