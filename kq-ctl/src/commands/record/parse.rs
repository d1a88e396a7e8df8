//! `-f` of produce: how a line becomes a record. `%k\t%v\n` splits at literals; `json` and `jsonl` read
//! the objects that consume prints; `hex` reads key, tab, value in hex.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kq_proto::admin::v1::{Header, NewRecord};
use serde::Deserialize;

use super::format::escape;

/// How input becomes records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// Each line is a value.
    Lines,
    /// Parts of a line between literals.
    Parts(Vec<Part>),
    /// An object per line.
    Json,
    Hex,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(Vec<u8>),
    Key,
    Value,
    Partition,
    Timestamp,
}

impl std::str::FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" | "jsonl" => return Ok(Self::Json),
            "hex" => return Ok(Self::Hex),
            _ => {}
        }
        // A line ends where lines end, said or unsaid.
        let text = text.strip_suffix("\\n").unwrap_or(text);
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => {
                    let part = match chars.next() {
                        Some('k') => Part::Key,
                        Some('v' | 's') => Part::Value,
                        Some('p') => Part::Partition,
                        Some('T') => Part::Timestamp,
                        Some('%') => {
                            literal.push(b'%');
                            continue;
                        }
                        _ => return Err("accepted: %k %v %p %T %%, json, jsonl, hex".to_owned()),
                    };
                    push_literal(&mut parts, &mut literal)?;
                    parts.push(part);
                }
                '\\' => literal.extend(escape(&mut chars)?),
                c => literal.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        if !parts.contains(&Part::Value) {
            return Err("the format has no %v".to_owned());
        }
        Ok(Self::Parts(parts))
    }
}

/// Two fields without anything between them cannot be told apart.
fn push_literal(parts: &mut Vec<Part>, literal: &mut Vec<u8>) -> Result<(), String> {
    if literal.is_empty() {
        return match parts.last() {
            None | Some(Part::Literal(_)) => Ok(()),
            Some(_) => Err("two fields need something between them, as in '%k\\t%v'".to_owned()),
        };
    }
    parts.push(Part::Literal(std::mem::take(literal)));
    Ok(())
}

impl Input {
    /// One line without its end; what is wrong with it, if anything.
    pub(crate) fn record(&self, line: &[u8]) -> Result<NewRecord, String> {
        match self {
            Self::Lines => {
                Ok(NewRecord { value: Some(line.to_vec().into()), ..NewRecord::default() })
            }
            Self::Parts(parts) => split(parts, line),
            Self::Json => object(line),
            Self::Hex => hex_line(line),
        }
    }
}

fn split(parts: &[Part], line: &[u8]) -> Result<NewRecord, String> {
    let mut record = NewRecord::default();
    let mut rest = line;
    let mut parts = parts.iter().peekable();
    while let Some(part) = parts.next() {
        if let Part::Literal(literal) = part {
            rest = rest.strip_prefix(literal.as_slice()).ok_or_else(|| missing(literal))?;
            continue;
        }
        let field = match parts.peek() {
            Some(Part::Literal(literal)) => {
                let at = find(rest, literal).ok_or_else(|| missing(literal))?;
                let (field, after) = rest.split_at(at);
                rest = after;
                field
            }
            _ => std::mem::take(&mut rest),
        };
        assign(&mut record, part, field)?;
    }
    if rest.is_empty() {
        Ok(record)
    } else {
        Err("there is text behind the format's end".to_owned())
    }
}

fn assign(record: &mut NewRecord, part: &Part, field: &[u8]) -> Result<(), String> {
    let text = || String::from_utf8_lossy(field).into_owned();
    match part {
        Part::Key => record.key = Some(field.to_vec().into()),
        Part::Value => record.value = Some(field.to_vec().into()),
        Part::Partition => {
            let partition = text().parse();
            record.partition =
                Some(partition.map_err(|_| format!("'{}' is no partition", text()))?);
        }
        Part::Timestamp => {
            let at = text().parse();
            record.timestamp_ms = Some(at.map_err(|_| format!("'{}' is no time", text()))?);
        }
        Part::Literal(_) => {}
    }
    Ok(())
}

fn missing(literal: &[u8]) -> String {
    format!("'{}' is missing", String::from_utf8_lossy(literal).escape_debug())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len().max(1)).position(|window| window == needle)
}

/// The fields of consume's objects; others are let pass, so that its output is input.
#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    key: Option<Text>,
    #[serde(default)]
    value: Option<Text>,
    #[serde(default)]
    key_encoding: Option<String>,
    #[serde(default)]
    value_encoding: Option<String>,
    #[serde(default)]
    partition: Option<u32>,
    #[serde(default)]
    timestamp: Option<Text>,
    #[serde(default)]
    headers: Vec<ObjectHeader>,
}

#[derive(Deserialize)]
struct ObjectHeader {
    key: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    value_encoding: Option<String>,
}

/// Text, or any other value as its JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Other(serde_json::Value),
}

impl Text {
    fn into_string(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Other(value) => value.to_string(),
        }
    }
}

fn object(line: &[u8]) -> Result<NewRecord, String> {
    let object: Object = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let bytes = |text: Option<String>, encoding: Option<&str>| {
        text.map(|text| match encoding {
            Some("base64") => STANDARD.decode(&text).map_err(|error| format!("base64: {error}")),
            None | Some("utf8") => Ok(text.into_bytes()),
            Some(other) => Err(format!("encoding '{other}': accepted: utf8, base64")),
        })
        .transpose()
        .map(|bytes| bytes.map(bytes::Bytes::from))
    };
    let mut headers = Vec::new();
    for header in object.headers {
        let value = bytes(header.value, header.value_encoding.as_deref())?;
        headers.push(Header { key: header.key, value });
    }
    let timestamp =
        object.timestamp.map(|at| crate::spec::instant(&at.into_string())).transpose()?;
    Ok(NewRecord {
        partition: object.partition,
        key: bytes(object.key.map(Text::into_string), object.key_encoding.as_deref())?,
        value: bytes(object.value.map(Text::into_string), object.value_encoding.as_deref())?,
        headers,
        timestamp_ms: timestamp,
    })
}

fn hex_line(line: &[u8]) -> Result<NewRecord, String> {
    let text = std::str::from_utf8(line).map_err(|_| "no hex".to_owned())?;
    let (key, value) = text.split_once('\t').unwrap_or(("-", text));
    let bytes = |text: &str| match text {
        "-" => Ok(None),
        _ => unhex(text).map(Some).ok_or_else(|| format!("'{}' is no hex", text.escape_debug())),
    };
    Ok(NewRecord {
        key: bytes(key)?.map(Into::into),
        value: bytes(value)?.map(Into::into),
        ..NewRecord::default()
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, line: &str) -> Result<(Option<String>, Option<String>), String> {
        let record = format.parse::<Input>()?.record(line.as_bytes())?;
        let text = |bytes: Option<bytes::Bytes>| {
            bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok((text(record.key), text(record.value)))
    }

    #[test]
    fn fields_are_split_at_literals() {
        let both = Ok((Some("a".to_owned()), Some("b\tc".to_owned())));
        assert_eq!(read(r"%k\t%v\n", "a\tb\tc"), both);
        assert!(read(r"%k\t%v", "no tab").is_err());
        assert!(read("%k%v", "ab").is_err());
        assert!(read("%k", "a").is_err());
    }

    #[test]
    fn json_reads_what_consume_prints() {
        let line =
            r#"{"topic":"t","offset":1,"key":null,"value":"aGk=","value_encoding":"base64"}"#;
        assert_eq!(read("json", line), Ok((None, Some("hi".to_owned()))));
        assert_eq!(read("json", r#"{"value":{"a":1}}"#), Ok((None, Some(r#"{"a":1}"#.to_owned()))));
        assert!(read("json", "{").is_err());
    }

    #[test]
    fn hex_knows_null_and_refuses_odd_digits() {
        assert_eq!(read("hex", "-\t6869"), Ok((None, Some("hi".to_owned()))));
        assert!(read("hex", "686").is_err());
        assert!(read("hex", "zz").is_err());
    }
}
