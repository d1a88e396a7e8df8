//! One configuration key: all that clients, operators and validators must know of it.

use super::value::{Accepts, BadValue};

/// The form of a value, as `DescribeConfigs` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// 16 bits, signed.
    Short,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Long,
    /// A number with a fraction.
    Double,
    /// Texts with commas between them.
    List,
}

/// What a number counts, where an operator may write a unit behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nothing that has units.
    Plain,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Millis,
}

/// When a broker key can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Never: it follows from other keys, and is told because clients of Kafka ask for it.
    Derived,
    /// Only in the configuration file, before the start.
    Static,
    /// While running, for all brokers or for one.
    Dynamic,
}

/// A broker key that gives a topic key its value when the topic has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerKey {
    /// The broker key.
    pub name: &'static str,
    /// What its number is multiplied by: minutes and hours become milliseconds.
    pub times: i64,
}

/// One configuration key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfigKey {
    /// Its name.
    pub name: &'static str,
    /// The form of its values.
    pub kind: ConfigType,
    /// Its value when nobody set one; none where absence is a meaning of its own.
    pub default: Option<&'static str>,
    /// What its number counts.
    pub unit: Unit,
    /// Which values are accepted.
    pub accepts: Accepts,
    /// What it does.
    pub doc: &'static str,
    /// Whether its value is never shown.
    pub sensitive: bool,
    /// Whether a running broker takes a new value.
    pub scope: Scope,
    /// For a topic key: the broker keys behind it, the strongest first.
    pub server: &'static [ServerKey],
}

impl ConfigKey {
    const fn new(name: &'static str, kind: ConfigType, default: Option<&'static str>) -> Self {
        Self {
            name,
            kind,
            default,
            unit: Unit::Plain,
            accepts: Accepts::Any,
            doc: "",
            sensitive: false,
            scope: Scope::Dynamic,
            server: &[],
        }
    }

    pub(super) const fn boolean(name: &'static str, default: &'static str) -> Self {
        Self::new(name, ConfigType::Boolean, Some(default))
    }

    pub(super) const fn string(name: &'static str, default: &'static str) -> Self {
        Self::new(name, ConfigType::String, Some(default))
    }

    pub(super) const fn short(name: &'static str, default: &'static str) -> Self {
        Self::new(name, ConfigType::Short, Some(default))
    }

    pub(super) const fn int(name: &'static str, default: &'static str) -> Self {
        Self::new(name, ConfigType::Int, Some(default))
    }

    pub(super) const fn long(name: &'static str, default: &'static str) -> Self {
        Self::new(name, ConfigType::Long, Some(default))
    }

    pub(super) const fn double(name: &'static str, default: &'static str) -> Self {
        Self::new(name, ConfigType::Double, Some(default))
    }

    pub(super) const fn list(name: &'static str, default: &'static str) -> Self {
        Self::new(name, ConfigType::List, Some(default))
    }

    pub(super) const fn unset(mut self) -> Self {
        self.default = None;
        self
    }

    pub(super) const fn bytes(mut self) -> Self {
        self.unit = Unit::Bytes;
        self
    }

    pub(super) const fn millis(mut self) -> Self {
        self.unit = Unit::Millis;
        self
    }

    pub(super) const fn between(mut self, low: i64, high: i64) -> Self {
        self.accepts = Accepts::Between(low, high);
        self
    }

    pub(super) const fn at_least(mut self, least: i64) -> Self {
        self.accepts = Accepts::AtLeast(least);
        self
    }

    pub(super) const fn accepts(mut self, accepts: Accepts) -> Self {
        self.accepts = accepts;
        self
    }

    pub(super) const fn server(mut self, keys: &'static [ServerKey]) -> Self {
        self.server = keys;
        self
    }

    pub(super) const fn fixed(mut self) -> Self {
        self.scope = Scope::Static;
        self
    }

    pub(super) const fn derived(mut self) -> Self {
        self.scope = Scope::Derived;
        self
    }

    pub(super) const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Whether a value is accepted; the error says what was wrong and what is.
    pub fn verify(&self, value: &str) -> Result<(), BadValue> {
        self.accepts.verify(self.kind, value).map_err(|why| BadValue {
            key: self.name.to_owned(),
            value: if self.sensitive { "[hidden]".to_owned() } else { clip(value) },
            why,
        })
    }

    /// Whether a running broker refuses a new value.
    pub fn is_read_only(&self) -> bool {
        self.scope != Scope::Dynamic
    }
}

/// The beginning of a value, short enough for an error message.
fn clip(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 100;
    let mut shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

/// A broker key whose number is taken as it is.
pub(super) const fn same(name: &'static str) -> ServerKey {
    ServerKey { name, times: 1 }
}

/// A broker key in minutes, for a topic key in milliseconds.
pub(super) const fn minutes(name: &'static str) -> ServerKey {
    ServerKey { name, times: 60_000 }
}

/// A broker key in hours, for a topic key in milliseconds.
pub(super) const fn hours(name: &'static str) -> ServerKey {
    ServerKey { name, times: 3_600_000 }
}
