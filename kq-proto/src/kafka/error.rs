//! Why a body could not be read or written.

use std::fmt;

/// What is wrong with the bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The bytes end before the value does.
    Truncated {
        /// How many bytes the value still needs at least.
        needed: usize,
        /// How many are left.
        left: usize,
    },
    /// A collection claims more elements than the bytes left could hold.
    CountTooLarge {
        /// The claimed number of elements.
        count: u64,
        /// The bytes left.
        left: usize,
    },
    /// A length or count below -1.
    NegativeLength(i64),
    /// A text longer than any Kafka text may be.
    TextTooLong(usize),
    /// Null where this version has no null.
    UnexpectedNull,
    /// A varint longer than its type, or padded with needless bytes.
    Varint,
    /// Text that is not UTF-8.
    Utf8,
    /// A tag that repeats or comes before a smaller one.
    TagOrder(u32),
    /// Bytes left over where the value should have ended.
    Trailing(usize),
    /// A version outside the range of the message.
    Version(i16),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, left } => {
                write!(f, "{needed} bytes are needed and {left} are left")
            }
            Self::CountTooLarge { count, left } => {
                write!(f, "{count} elements do not fit into the {left} bytes left")
            }
            Self::NegativeLength(length) => write!(f, "negative length {length}"),
            Self::TextTooLong(length) => {
                write!(f, "text of {length} bytes is over the limit of {}", i16::MAX)
            }
            Self::UnexpectedNull => f.write_str("null where a value is required"),
            Self::Varint => f.write_str("varint is over-long or not minimal"),
            Self::Utf8 => f.write_str("text is not UTF-8"),
            Self::TagOrder(tag) => write!(f, "tag {tag} repeats or is out of order"),
            Self::Trailing(count) => write!(f, "{count} bytes follow the end"),
            Self::Version(version) => write!(f, "version {version} does not exist"),
        }
    }
}

/// A body that does not follow its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub what: Malformed,
    /// The innermost field that was being read, as (struct, field).
    pub at: Option<(&'static str, &'static str)>,
}

impl DecodeError {
    /// Names the field that was being read, unless a field further inside is named already.
    #[must_use]
    pub fn within(mut self, structure: &'static str, field: &'static str) -> Self {
        self.at.get_or_insert((structure, field));
        self
    }
}

impl From<Malformed> for DecodeError {
    fn from(what: Malformed) -> Self {
        Self { what, at: None }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((structure, field)) => write!(f, "reading {structure}.{field}: {}", self.what),
            None => self.what.fmt(f),
        }
    }
}

impl std::error::Error for DecodeError {}

/// A message that its version cannot carry: a fault of the caller, never of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncodeError {
    /// The message has no such version.
    Version(i16),
    /// A field that may not be dropped is set, and this version lacks it.
    FieldNotInVersion {
        /// The struct.
        structure: &'static str,
        /// Its field.
        field: &'static str,
        /// The version.
        version: i16,
    },
    /// Null where this version has no null.
    UnexpectedNull,
    /// A text, blob, collection or frame longer than its length field can say.
    TooLong(usize),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {version} does not exist"),
            Self::FieldNotInVersion { structure, field, version } => {
                write!(f, "{structure}.{field} is set, and version {version} lacks it")
            }
            Self::UnexpectedNull => f.write_str("null where this version requires a value"),
            Self::TooLong(length) => write!(f, "length {length} is over what the format can say"),
        }
    }
}

impl std::error::Error for EncodeError {}
