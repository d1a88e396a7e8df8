//! Which texts are values of a key, with errors that say what is accepted.

use super::key::ConfigType;

/// A value that a key does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid value {value} for configuration {key}: {why}")]
pub struct BadValue {
    /// The key.
    pub key: String,
    /// The value, shortened when long.
    pub value: String,
    /// What is wrong with it and what is accepted.
    pub why: String,
}

/// The values a key takes, beyond the form of its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accepts {
    /// All of its type.
    Any,
    /// Numbers from here up.
    AtLeast(i64),
    /// Numbers from here to there, both included.
    Between(i64, i64),
    /// This number, or numbers from here to there.
    OneOrBetween(i64, i64, i64),
    /// Fractions from 0 to 1.
    Ratio,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of these texts.
    ListOf(&'static [&'static str]),
    /// `*`, or a list of `partition:broker` pairs.
    ThrottledReplicas,
    /// `host:port`.
    Address,
}

impl Accepts {
    /// What is accepted, in words, as reference pages and errors show it.
    pub fn describe(&self, kind: ConfigType) -> String {
        match self {
            Self::Any => match kind {
                ConfigType::Boolean => "true or false".to_owned(),
                ConfigType::Short => "a 16-bit integer".to_owned(),
                ConfigType::Int => "a 32-bit integer".to_owned(),
                ConfigType::Long => "a 64-bit integer".to_owned(),
                ConfigType::Double => "a number".to_owned(),
                ConfigType::List => "texts with commas between them".to_owned(),
                ConfigType::String => "any text".to_owned(),
            },
            Self::AtLeast(least) => format!("at least {least}"),
            Self::Between(low, high) => format!("from {low} to {high}"),
            Self::OneOrBetween(one, low, high) => format!("{one}, or from {low} to {high}"),
            Self::Ratio => "from 0 to 1".to_owned(),
            Self::OneOf(texts) => format!("one of: {}", texts.join(", ")),
            Self::ListOf(texts) => format!("a list of: {}", texts.join(", ")),
            Self::ThrottledReplicas => "* or a list of partition:broker pairs".to_owned(),
            Self::Address => "host:port, such as 127.0.0.1:9092".to_owned(),
        }
    }

    pub(super) fn verify(&self, kind: ConfigType, value: &str) -> Result<(), String> {
        match kind {
            ConfigType::Boolean => verify_boolean(value),
            ConfigType::Short => self.verify_integer(parse_short(value)?),
            ConfigType::Int => self.verify_integer(parse_int(value)?),
            ConfigType::Long => self.verify_integer(parse_long(value)?),
            ConfigType::Double => verify_ratio(value),
            ConfigType::String => self.verify_text(value),
            ConfigType::List => self.verify_list(value),
        }
    }

    fn verify_integer(&self, number: i64) -> Result<(), String> {
        if let Self::OneOrBetween(one, low, high) = *self {
            if number == one || (low..=high).contains(&number) {
                return Ok(());
            }
            return Err(format!("Value must be {}", self.describe(ConfigType::Long)));
        }
        let (low, high) = match *self {
            Self::AtLeast(low) => (low, i64::MAX),
            Self::Between(low, high) => (low, high),
            Self::Any
            | Self::OneOrBetween(..)
            | Self::Ratio
            | Self::OneOf(_)
            | Self::ListOf(_)
            | Self::ThrottledReplicas
            | Self::Address => return Ok(()),
        };
        if number < low {
            return Err(format!("Value must be at least {low}"));
        }
        if number > high {
            return Err(format!("Value must be no more than {high}"));
        }
        Ok(())
    }

    fn verify_text(&self, value: &str) -> Result<(), String> {
        if let Self::OneOf(texts) = self
            && !texts.contains(&value)
        {
            return Err(format!("String must be one of: {}", texts.join(", ")));
        }
        if *self == Self::Address && !is_address(value) {
            return Err(format!("String must be {}", self.describe(ConfigType::String)));
        }
        Ok(())
    }

    fn verify_list(&self, value: &str) -> Result<(), String> {
        if let Self::ListOf(texts) = self
            && let Some(item) = items(value).find(|item| !texts.contains(item))
        {
            let accepted = self.describe(ConfigType::List);
            return Err(format!("{item} is not accepted, expected {accepted}"));
        }
        if *self == Self::ThrottledReplicas {
            return verify_throttled(value);
        }
        Ok(())
    }
}

/// The items of a list value; blanks around them do not count.
pub(super) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn verify_boolean(value: &str) -> Result<(), String> {
    match parse_boolean(value) {
        Some(_) => Ok(()),
        None => Err("Expected value to be either true or false".to_owned()),
    }
}

/// Kafka takes any case and blanks around it.
pub(super) fn parse_boolean(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn parse_short(value: &str) -> Result<i64, String> {
    value.trim().parse::<i16>().map(i64::from).map_err(|_| "Not a number of type SHORT".to_owned())
}

fn parse_int(value: &str) -> Result<i64, String> {
    value.trim().parse::<i32>().map(i64::from).map_err(|_| "Not a number of type INT".to_owned())
}

fn parse_long(value: &str) -> Result<i64, String> {
    value.trim().parse().map_err(|_| "Not a number of type LONG".to_owned())
}

fn verify_ratio(value: &str) -> Result<(), String> {
    let number: f64 = value.trim().parse().map_err(|_| "Not a number of type DOUBLE".to_owned())?;
    if number < 0.0 {
        return Err("Value must be at least 0".to_owned());
    }
    if number <= 1.0 { Ok(()) } else { Err("Value must be no more than 1".to_owned()) }
}

fn is_address(value: &str) -> bool {
    let Some((host, port)) = value.rsplit_once(':') else { return false };
    let host_is_bare = !host.is_empty() && !host.contains('/');
    // An IPv6 address needs its brackets, or its last group would pass for a port.
    let numeric_is_whole = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    port.parse::<u16>().is_ok() && host_is_bare && numeric_is_whole
}

fn verify_throttled(value: &str) -> Result<(), String> {
    let is_pair = |item: &str| {
        item.split_once(':').is_some_and(|(partition, broker)| {
            partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok()
        })
    };
    if value.trim() == "*" || items(value).all(is_pair) {
        return Ok(());
    }
    Err("Value must be the literal '*', empty, or a list of partition:broker pairs".to_owned())
}
