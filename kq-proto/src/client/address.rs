//! `HOST`, `HOST:PORT`, `[V6]:PORT`: where a broker listens, as typed by an operator.

use std::fmt;
use std::str::FromStr;

use super::PORT;

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    host: String,
    port: u16,
}

/// Why text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing before the port.
    #[error("'{0}' names no host: write HOST:PORT")]
    NoHost(String),
    /// Not a number between 1 and 65535.
    #[error("'{0}' has no valid port: write HOST:PORT with a port from 1 to 65535")]
    BadPort(String),
    /// More than one colon outside brackets.
    #[error("'{0}' is ambiguous: write an IPv6 address in brackets, as [::1]:9092")]
    Ambiguous(String),
    /// A space, a slash or a control character.
    #[error("'{0}' is no host: write HOST:PORT without a scheme, spaces or slashes")]
    BadHost(String),
}

impl Address {
    /// Name or IP address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (host, port) = split(text)?;
        if host.is_empty() {
            return Err(AddressError::NoHost(text.to_owned()));
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/\\@,'\"".contains(c)) {
            return Err(AddressError::BadHost(text.escape_debug().to_string()));
        }
        let port = match port {
            None => PORT,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| AddressError::BadPort(text.to_owned()))?,
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

fn split(text: &str) -> Result<(&str, Option<&str>), AddressError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) =
            rest.split_once(']').ok_or_else(|| AddressError::Ambiguous(text.to_owned()))?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(AddressError::Ambiguous(text.to_owned())),
        };
    }
    if text.contains("://") {
        return Err(AddressError::BadHost(text.escape_debug().to_string()));
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, port)) if port.contains(':') => Err(AddressError::Ambiguous(text.to_owned())),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(texts: &[&str], want: Expect) {
        let lines: Vec<String> = texts
            .iter()
            .map(|text| match text.parse::<Address>() {
                Ok(address) => format!("{text} -> {address}"),
                Err(error) => format!("{text} -> {error}"),
            })
            .collect();
        want.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn addresses_are_read_as_operators_type_them() {
        check(
            &["kq1", "kq1:9093", " 10.0.0.1:1 ", "[::1]", "[::1]:9093"],
            expect![[r#"
                kq1 -> kq1:9092
                kq1:9093 -> kq1:9093
                 10.0.0.1:1  -> 10.0.0.1:1
                [::1] -> [::1]:9092
                [::1]:9093 -> [::1]:9093"#]],
        );
    }

    #[test]
    fn what_is_no_address_says_what_is_accepted() {
        check(
            &["", ":9092", "kq1:", "kq1:0", "kq1:99999", "::1", "http://kq1:9092", "a b:1", "[::1"],
            expect![[r#"
                 -> '' names no host: write HOST:PORT
                :9092 -> ':9092' names no host: write HOST:PORT
                kq1: -> 'kq1:' has no valid port: write HOST:PORT with a port from 1 to 65535
                kq1:0 -> 'kq1:0' has no valid port: write HOST:PORT with a port from 1 to 65535
                kq1:99999 -> 'kq1:99999' has no valid port: write HOST:PORT with a port from 1 to 65535
                ::1 -> '::1' is ambiguous: write an IPv6 address in brackets, as [::1]:9092
                http://kq1:9092 -> 'http://kq1:9092' is no host: write HOST:PORT without a scheme, spaces or slashes
                a b:1 -> 'a b:1' is no host: write HOST:PORT without a scheme, spaces or slashes
                [::1 -> '[::1' is ambiguous: write an IPv6 address in brackets, as [::1]:9092"#]],
        );
    }
}
