//! Values as an operator writes them: with units, and refused in the words of a command line.

use crate::catalogue::{Accepts, ConfigKey, ConfigType, Unit};

/// A value that its key has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// For whole numbers, bytes and times.
    Int(i64),
    /// For switches.
    Bool(bool),
    /// For all else; lists have commas between their items.
    Text(String),
}

impl Value {
    /// The plain form, without units.
    pub fn plain(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Bool(on) => on.to_string(),
            Self::Text(text) => text.clone(),
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

impl Unit {
    fn names(self) -> &'static [(&'static str, i64)] {
        match self {
            Self::Plain => &[],
            Self::Bytes => BYTE_UNITS,
            Self::Millis => TIME_UNITS,
        }
    }

    /// The unit of a number without one, as it stands behind bounds.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bytes => " bytes",
            Self::Millis => " ms",
        }
    }
}

impl ConfigKey {
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
        if text.is_empty() && self.default.is_none() {
            return Ok(Value::Text(String::new()));
        }
        let value = match self.bounds() {
            Some(_) => Value::Int(number(text, self.unit)?),
            None if self.kind == ConfigType::Boolean => Value::Bool(text == "true"),
            None => Value::Text(text.to_owned()),
        };
        match self.verify(&value.plain()) {
            // Kafka's clients may write TRUE; a file of ours says true.
            Ok(()) if value != Value::Bool(false) || text == "false" => Ok(value),
            Ok(()) | Err(_) => Err(format!("expected {}", self.range())),
        }
    }

    /// The least and the largest of a number.
    fn bounds(&self) -> Option<(i64, i64)> {
        let widest = match self.kind {
            ConfigType::Short => (i16::MIN.into(), i16::MAX.into()),
            ConfigType::Int => (i32::MIN.into(), i32::MAX.into()),
            ConfigType::Long => (i64::MIN, i64::MAX),
            ConfigType::Boolean | ConfigType::String | ConfigType::Double | ConfigType::List => {
                return None;
            }
        };
        Some(match self.accepts {
            Accepts::AtLeast(least) => (least, widest.1),
            Accepts::Between(low, high) => (low, high),
            Accepts::Any
            | Accepts::OneOrBetween(..)
            | Accepts::Ratio
            | Accepts::OneOf(_)
            | Accepts::ListOf(_)
            | Accepts::ThrottledReplicas
            | Accepts::Address => widest,
        })
    }

    /// What is accepted in words, with the unit.
    pub fn range(&self) -> String {
        let suffix = self.unit.suffix();
        match (self.bounds(), self.accepts) {
            (Some((low, i64::MAX)), _) => format!("{low} or more{suffix}"),
            (Some((low, high)), Accepts::AtLeast(_) | Accepts::Between(..)) => {
                format!("{low} to {high}{suffix}")
            }
            _ => self.accepts.describe(self.kind),
        }
    }
}

fn number(text: &str, counted: Unit) -> Result<i64, String> {
    let digits_end = text
        .char_indices()
        .find(|&(at, letter)| !(letter.is_ascii_digit() || (at == 0 && letter == '-')))
        .map_or(text.len(), |(at, _)| at);
    let (digits, unit) = text.split_at(digits_end);
    let (units, unit) = (counted.names(), unit.trim());
    let names = || units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None if units.is_empty() => return Err("expected a whole number".to_owned()),
        None => return Err(format!("expected a whole number, alone or with one of {}", names())),
    };
    let number: i64 = digits.parse().map_err(|_| "expected a whole number".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "the number is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::broker_key;

    fn accept(name: &str, text: &str) -> Result<Value, String> {
        broker_key(name).unwrap().accept(text)
    }

    #[test]
    fn numbers_take_the_units_of_their_kind() {
        assert_eq!(accept("message.max.bytes", "64KiB"), Ok(Value::Int(65_536)));
        assert_eq!(accept("message.max.bytes", "7"), Ok(Value::Int(7)));
        assert_eq!(accept("log.retention.ms", "7d"), Ok(Value::Int(604_800_000)));
        assert_eq!(accept("log.retention.ms", "-1"), Ok(Value::Int(-1)));
        assert_eq!(
            accept("log.retention.ms", "5KiB").unwrap_err(),
            "expected a whole number, alone or with one of ms, s, m, min, h, d"
        );
        assert_eq!(accept("num.partitions", "5KiB").unwrap_err(), "expected a whole number");
    }

    #[test]
    fn values_out_of_bounds_name_the_bounds() {
        let refused = |name, text| accept(name, text).unwrap_err();
        assert_eq!(refused("log.sync.threads", "257"), "expected 1 to 256");
        assert_eq!(refused("max.connections", "0"), "expected 1 to 2147483647");
        assert_eq!(refused("log.retention.bytes", "-2"), "expected -1 or more bytes");
        assert_eq!(refused("log.retention.bytes", "9000000000 TiB"), "the number is too large");
        assert_eq!(refused("compression.gzip.level", "0"), "expected -1, or from 1 to 9");
        assert_eq!(refused("log.cleaner.min.cleanable.ratio", "2"), "expected from 0 to 1");
        assert_eq!(refused("log.cleanup.policy", "burn"), "expected a list of: compact, delete");
        assert_eq!(refused("delete.topic.enable", "yes"), "expected true or false");
    }

    #[test]
    fn addresses_need_a_host_and_a_port() {
        assert!(accept("listen", "127.0.0.1:9092").is_ok());
        assert!(accept("listen", "[::1]:9092").is_ok());
        for wrong in ["9092", "localhost", "::1", "http://a:1", ":9092", "a:70000"] {
            assert!(accept("listen", wrong).is_err(), "{wrong}");
        }
    }
}
