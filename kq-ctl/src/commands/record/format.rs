//! `-f` of consume: kcat's format string. `%t` topic, `%p` partition, `%o` offset, `%k` key, `%s` or
//! `%v` value, `%T` timestamp, `%h` headers, `%K` `%S` `%V` lengths, `\n` `\t` `\0` `\xHH`, `%%`.

use std::str::FromStr;

use kq_proto::admin::v1::{Header, Record};

/// How a record becomes bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordFormat(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Topic,
    Partition,
    Offset,
    Key,
    Value,
    KeyLength,
    ValueLength,
    Timestamp,
    Headers,
    HexKey,
    HexValue,
}

impl RecordFormat {
    /// The value alone, a line each.
    pub(crate) fn values() -> Self {
        Self(vec![Part::Value, Part::Literal(b"\n".to_vec())])
    }

    /// Key and value in hex.
    pub(crate) fn hex() -> Self {
        let literal = |text: &[u8]| Part::Literal(text.to_vec());
        Self(vec![Part::HexKey, literal(b"\t"), Part::HexValue, literal(b"\n")])
    }

    pub(crate) fn write(&self, record: &Record, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Topic => out.extend_from_slice(record.topic.as_bytes()),
                Part::Partition => number(record.partition, out),
                Part::Offset => number(record.offset, out),
                Part::Timestamp => number(record.timestamp_ms, out),
                Part::Key => out.extend_from_slice(record.key.as_deref().unwrap_or_default()),
                Part::Value => out.extend_from_slice(record.value.as_deref().unwrap_or_default()),
                Part::KeyLength => length(record.key.as_deref(), out),
                Part::ValueLength => length(record.value.as_deref(), out),
                Part::Headers => headers(&record.headers, out),
                Part::HexKey => hex(record.key.as_deref(), out),
                Part::HexValue => hex(record.value.as_deref(), out),
            }
        }
    }
}

fn number(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

/// -1 for null, as kcat has it.
fn length(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => number(bytes.len(), out),
        None => out.extend_from_slice(b"-1"),
    }
}

fn headers(headers: &[Header], out: &mut Vec<u8>) {
    for (nth, header) in headers.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        out.extend_from_slice(header.key.as_bytes());
        out.push(b'=');
        out.extend_from_slice(header.value.as_deref().unwrap_or(b"NULL"));
    }
}

fn hex(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => bytes.iter().for_each(|byte| {
            out.extend_from_slice(format!("{byte:02x}").as_bytes());
        }),
        None => out.push(b'-'),
    }
}

impl FromStr for RecordFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => {
                    let part = part(chars.next())?;
                    if let Part::Literal(bytes) = part {
                        literal.extend(bytes);
                    } else {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                        parts.push(part);
                    }
                }
                '\\' => literal.extend(escape(&mut chars)?),
                c => literal.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        parts.push(Part::Literal(literal));
        Ok(Self(parts))
    }
}

fn part(c: Option<char>) -> Result<Part, String> {
    Ok(match c {
        Some('%') => Part::Literal(b"%".to_vec()),
        Some('t') => Part::Topic,
        Some('p') => Part::Partition,
        Some('o') => Part::Offset,
        Some('k') => Part::Key,
        Some('v' | 's') => Part::Value,
        Some('K') => Part::KeyLength,
        Some('S' | 'V') => Part::ValueLength,
        Some('T') => Part::Timestamp,
        Some('h') => Part::Headers,
        other => {
            let found = other.map(String::from).unwrap_or_default();
            return Err(format!(
                "'%{found}' means nothing; accepted: %t %p %o %k %v %T %h %K %V %%"
            ));
        }
    })
}

/// What follows a backslash, for formats of consuming and producing alike.
pub(super) fn escape(chars: &mut std::str::Chars<'_>) -> Result<Vec<u8>, String> {
    Ok(match chars.next() {
        Some('n') => b"\n".to_vec(),
        Some('t') => b"\t".to_vec(),
        Some('r') => b"\r".to_vec(),
        Some('0') => b"\0".to_vec(),
        Some('\\') => b"\\".to_vec(),
        Some('x') => {
            let digits: String = chars.by_ref().take(2).collect();
            let byte = u8::from_str_radix(&digits, 16);
            vec![byte.map_err(|_| format!("'\\x{digits}' is no byte: write \\x1f"))?]
        }
        other => {
            let found = other.map(String::from).unwrap_or_default();
            return Err(format!("'\\{found}' means nothing; accepted: \\n \\t \\r \\0 \\xHH \\\\"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            topic: "orders".to_owned(),
            partition: 3,
            offset: 42,
            timestamp_ms: 17,
            key: Some(b"k".as_slice().into()),
            headers: vec![Header { key: "h".to_owned(), value: Some(b"1".as_slice().into()) }],
            ..Record::default()
        }
    }

    fn written(format: &str) -> String {
        let mut out = Vec::new();
        format.parse::<RecordFormat>().unwrap().write(&record(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn kcat_format_strings_work_unchanged() {
        assert_eq!(
            written(r"%t/%p@%o %T %k=%s (%K,%S) %h%%\x21\n"),
            "orders/3@42 17 k= (1,-1) h=1%!\n"
        );
    }

    #[test]
    fn an_unknown_letter_is_refused() {
        assert!("%q".parse::<RecordFormat>().is_err());
        assert!("%".parse::<RecordFormat>().is_err());
        assert!(r"\q".parse::<RecordFormat>().is_err());
        assert!(r"\xg1".parse::<RecordFormat>().is_err());
    }
}
