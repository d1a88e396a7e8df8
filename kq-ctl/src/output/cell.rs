//! A value as a command found it, before any format was chosen: a size is still a number of bytes, a
//! time still an instant. JSON prints it exactly, a table prints it for eyes.

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::text;

/// How much a state should worry the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Plain,
    Warn,
    Bad,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Unknown or not applicable.
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(String),
    /// One of a closed set of words, lower case.
    State(&'static str, Tone),
    /// Milliseconds since 1970.
    Time(i64),
    /// Bytes.
    Size(u64),
    /// A duration in milliseconds.
    Millis(u64),
    List(Vec<Cell>),
    /// A nested table.
    Rows(Vec<Row>),
    /// Free keys.
    Pairs(Vec<(String, Cell)>),
    /// A value that tables tell in words of their own, as `3 + ?` for a sum that lacks something.
    Worded(Box<Cell>, String),
}

/// The fields of one item, in the order of its schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row(pub(crate) Vec<(&'static str, Cell)>);

/// `row! { topic: name, partitions: 3 }`: fields become keys, values become cells.
macro_rules! row {
    ($($name:ident : $value:expr),* $(,)?) => {
        $crate::output::Row(vec![$((stringify!($name), $crate::output::Cell::from($value))),*])
    };
}
pub(crate) use row;

impl Row {
    pub(crate) fn get(&self, name: &str) -> Option<&Cell> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, cell)| cell)
    }
}

impl Cell {
    /// As text without units for `tsv`, `name`, cursors and comparison.
    pub(crate) fn raw(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) | Self::Size(value) | Self::Millis(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::State(value, _) => (*value).to_owned(),
            Self::Time(at) => text::rfc3339(*at),
            Self::List(cells) => cells.iter().map(Self::raw).collect::<Vec<_>>().join(","),
            Self::Rows(rows) => rows.len().to_string(),
            Self::Pairs(pairs) => pairs
                .iter()
                .map(|(key, cell)| format!("{key}={}", cell.raw()))
                .collect::<Vec<_>>()
                .join(","),
            Self::Worded(value, _) => value.raw(),
        }
    }

    /// As a number, for sorting and filtering.
    #[expect(
        clippy::cast_precision_loss,
        reason = "only compared; figures above 2^53 need not be told apart in the last digit"
    )]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) | Self::Time(value) => Some(*value as f64),
            Self::Uint(value) | Self::Size(value) | Self::Millis(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Worded(value, _) => value.number(),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::State(..)
            | Self::List(_)
            | Self::Rows(_)
            | Self::Pairs(_) => None,
        }
    }

    pub(crate) fn list<T: Into<Cell>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// A value with the words that a table has for it.
    pub(crate) fn worded(value: impl Into<Cell>, words: impl Into<String>) -> Self {
        Self::Worded(Box::new(value.into()), words.into())
    }

    /// What machines get of it.
    pub(crate) fn value(&self) -> &Self {
        if let Self::Worded(value, _) = self { value } else { self }
    }

    /// Text, with the wire's empty string for unknown.
    pub(crate) fn text_or_null(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, cell) in &self.0 {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Uint(value) | Self::Size(value) | Self::Millis(value) => {
                serializer.serialize_u64(*value)
            }
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::State(value, _) => serializer.serialize_str(value),
            Self::Time(at) => serializer.serialize_str(&text::rfc3339_ms(*at)),
            Self::List(cells) => cells.serialize(serializer),
            Self::Rows(rows) => {
                let mut list = serializer.serialize_seq(Some(rows.len()))?;
                for row in rows {
                    list.serialize_element(row)?;
                }
                list.end()
            }
            Self::Pairs(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, cell) in pairs {
                    map.serialize_entry(key, cell)?;
                }
                map.end()
            }
            Self::Worded(value, _) => value.serialize(serializer),
        }
    }
}

macro_rules! cell_from {
    ($($from:ty => |$value:ident| $into:expr;)*) => {
        $(impl From<$from> for Cell {
            fn from($value: $from) -> Self {
                $into
            }
        })*
    };
}

cell_from! {
    bool => |value| Self::Bool(value);
    i64 => |value| Self::Int(value);
    i32 => |value| Self::Int(value.into());
    u8 => |value| Self::Uint(value.into());
    u16 => |value| Self::Uint(value.into());
    u32 => |value| Self::Uint(value.into());
    u64 => |value| Self::Uint(value);
    usize => |value| Self::Uint(u64::try_from(value).unwrap_or(u64::MAX));
    f64 => |value| Self::Float(value);
    &str => |value| Self::Text(value.to_owned());
    String => |value| Self::Text(value);
    &String => |value| Self::Text(value.clone());
    Vec<Row> => |value| Self::Rows(value);
    &[u32] => |value| Self::list(value.iter().copied());
    &Vec<u32> => |value| Self::list(value.iter().copied());
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
