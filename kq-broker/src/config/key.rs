//! One key of the configuration: its name, what it takes and what it means.

use std::net::ToSocketAddrs as _;

/// A declared key.
#[derive(Debug)]
pub struct Key {
    /// The dotted name; Kafka's where Kafka has such a key.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default in its plain form; empty for "not set".
    pub default: &'static str,
    /// What it is for.
    pub doc: &'static str,
}

/// What a key takes, and within which bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number from the first to the second.
    Int(i64, i64),
    /// A number of bytes, with or without a unit.
    Bytes(i64, i64),
    /// A time in milliseconds, with or without a unit.
    Millis(i64, i64),
    /// `true` or `false`.
    Bool,
    /// Any text.
    Text,
    /// Texts separated by commas.
    List,
    /// A path.
    Path,
    /// `host:port`.
    Address,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A value that its key has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// For whole numbers, bytes and times.
    Int(i64),
    /// For switches.
    Bool(bool),
    /// For texts, paths, addresses and words.
    Text(String),
    /// For lists.
    List(Vec<String>),
}

impl Value {
    /// The plain form: no units, lists joined by commas.
    pub fn plain(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Bool(on) => on.to_string(),
            Self::Text(text) => text.clone(),
            Self::List(items) => items.join(","),
        }
    }
}

const BYTE_UNITS: &[(&str, i64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

const TIME_UNITS: &[(&str, i64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Key {
    /// The flag that sets it, without the leading dashes.
    pub fn flag(&self) -> String {
        self.name.replace('.', "-")
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("KQ_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Accepts `text` or says what is accepted instead.
    pub fn accept(&self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        if text.is_empty() && self.default.is_empty() {
            let list = self.kind == Kind::List;
            return Ok(if list { Value::List(Vec::new()) } else { Value::Text(String::new()) });
        }
        match self.kind {
            Kind::Int(min, max) => within(text, &[], min, max),
            Kind::Bytes(min, max) => within(text, BYTE_UNITS, min, max),
            Kind::Millis(min, max) => within(text, TIME_UNITS, min, max),
            Kind::Bool => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err("expected true or false".to_owned()),
            },
            Kind::Text | Kind::Path => Ok(Value::Text(text.to_owned())),
            Kind::List => Ok(Value::List(split(text))),
            Kind::Address => address(text),
            Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(words) => Err(format!("expected one of {}", words.join(", "))),
        }
    }

    /// The bounds in words, with the unit.
    pub fn range(&self) -> String {
        let bounds = |min: i64, max: i64, unit: &str| {
            let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
            if max == i64::MAX {
                format!("{min} or more{unit}")
            } else {
                format!("{min} to {max}{unit}")
            }
        };
        match self.kind {
            Kind::Int(min, max) => bounds(min, max, ""),
            Kind::Bytes(min, max) => bounds(min, max, "bytes"),
            Kind::Millis(min, max) => bounds(min, max, "ms"),
            Kind::Bool => "true or false".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::List => "a list, separated by commas".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Address => "host:port".to_owned(),
            Kind::Choice(words) => words.join(" or "),
        }
    }
}

fn within(text: &str, units: &[(&str, i64)], min: i64, max: i64) -> Result<Value, String> {
    let digits_end = text
        .char_indices()
        .find(|&(at, letter)| !(letter.is_ascii_digit() || (at == 0 && letter == '-')))
        .map_or(text.len(), |(at, _)| at);
    let (digits, unit) = text.split_at(digits_end);
    let unit = unit.trim();
    let names = || units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None if units.is_empty() => return Err("expected a whole number".to_owned()),
        None => return Err(format!("expected a whole number, alone or with one of {}", names())),
    };
    let number: i64 = digits.parse().map_err(|_| "expected a whole number".to_owned())?;
    let number = number.checked_mul(factor).ok_or("the number is too large")?;
    if number < min || max < number {
        let upper = if max == i64::MAX { "more".to_owned() } else { max.to_string() };
        return Err(format!("expected {min} to {upper}"));
    }
    Ok(Value::Int(number))
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn address(text: &str) -> Result<Value, String> {
    let wrong = || "expected host:port, such as 127.0.0.1:9092".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port_is_number = port.parse::<u16>().is_ok();
    let host_is_bare = !host.is_empty() && !host.contains('/');
    // An IPv6 address needs its brackets, or its last group would pass for a port.
    let numeric_is_whole =
        !host.contains(':') || (host, 0).to_socket_addrs().is_ok() || host.starts_with('[');
    if port_is_number && host_is_bare && numeric_is_whole {
        Ok(Value::Text(text.to_owned()))
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: Kind) -> Key {
        Key { name: "a.key", kind, default: "1", doc: "" }
    }

    #[test]
    fn numbers_take_the_units_of_their_kind() {
        let bytes = key(Kind::Bytes(0, i64::MAX));
        assert_eq!(bytes.accept("64KiB"), Ok(Value::Int(65_536)));
        assert_eq!(bytes.accept("7"), Ok(Value::Int(7)));
        let time = key(Kind::Millis(-1, i64::MAX));
        assert_eq!(time.accept("7d"), Ok(Value::Int(604_800_000)));
        assert_eq!(time.accept("-1"), Ok(Value::Int(-1)));
        let err = time.accept("5KiB").unwrap_err();
        assert_eq!(err, "expected a whole number, alone or with one of ms, s, m, min, h, d");
    }

    #[test]
    fn values_out_of_bounds_name_the_bounds() {
        assert_eq!(key(Kind::Int(1, 9)).accept("10"), Err("expected 1 to 9".to_owned()));
        let huge = key(Kind::Bytes(0, i64::MAX)).accept("9000000000 TiB");
        assert_eq!(huge, Err("the number is too large".to_owned()));
    }

    #[test]
    fn addresses_need_a_host_and_a_port() {
        let address = key(Kind::Address);
        assert!(address.accept("127.0.0.1:9092").is_ok());
        assert!(address.accept("[::1]:9092").is_ok());
        for wrong in ["9092", "localhost", "::1", "http://a:1", ":9092", "a:70000"] {
            assert!(address.accept(wrong).is_err(), "{wrong}");
        }
    }
}
