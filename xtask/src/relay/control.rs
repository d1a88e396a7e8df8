//! What the relay is told, and what it answers: one JSON document a line, over a unix socket.
//!
//! By hand: `echo '{"do":"cut","from":1}' | nc -NU relay.sock`.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::links::Span;

/// A relay on this machine answers at once or is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of one order.
const ORDER_BYTES_MAX: usize = 4096;

/// What the relay is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Bytes of these links stall.
    Cut(Span),
    /// Whatever was ruled for these links is over.
    Heal(Span),
    /// Bytes of these links are late and slow.
    Slow {
        #[serde(flatten)]
        span: Span,
        #[serde(default)]
        delay_ms: u64,
        #[serde(default)]
        bytes_per_second: Option<u64>,
    },
    /// Connections over these links are torn down.
    Reset(Span),
    /// Nothing: only tell.
    Show,
    /// End.
    Stop,
}

/// A link as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkView {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Where `from` dials `to`.
    pub(crate) port: u16,
    pub(crate) cut: bool,
    pub(crate) delay_ms: u64,
    pub(crate) bytes_per_second: Option<u64>,
    /// Those that `from` has dialled.
    pub(crate) connections: usize,
}

/// What comes back: why an order was refused, or the links after it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) links: Vec<LinkView>,
}

/// Gives an order to the relay behind that socket; the links as they are then.
pub(crate) fn ask(socket: &Path, order: Order) -> Result<Vec<LinkView>> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("no relay answers at {}", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let line = serde_json::to_string(&order)? + "\n";
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    let answer: Answer = serde_json::from_str(&answer).context("unreadable answer of the relay")?;
    match answer.error {
        None => Ok(answer.links),
        Some(error) => bail!("the relay refuses: {error}"),
    }
}

/// Someone who gives orders.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) stream: UnixStream,
    unread: Vec<u8>,
    pub(super) gone: bool,
}

impl Caller {
    pub(super) fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, unread: Vec::new(), gone: false })
    }

    /// The orders that have come whole.
    pub(super) fn orders(&mut self) -> Vec<Result<Order, String>> {
        let mut room = [0; ORDER_BYTES_MAX];
        match self.stream.read(&mut room) {
            Ok(0) => self.gone = true,
            Ok(count) => self.unread.extend_from_slice(room.get(..count).unwrap_or_default()),
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.gone = true,
        }
        let mut orders = Vec::new();
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let rest = self.unread.split_off(end + 1);
            let line = std::mem::replace(&mut self.unread, rest);
            orders.push(serde_json::from_slice(&line).map_err(|fault| fault.to_string()));
        }
        self.gone |= ORDER_BYTES_MAX < self.unread.len();
        orders
    }

    /// Answers; one who does not read it is let go, since the relay waits for nobody.
    pub(super) fn answer(&mut self, answer: &Answer) {
        let text = serde_json::to_string(answer).unwrap_or_default() + "\n";
        self.gone |= self.stream.write_all(text.as_bytes()).is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_plain_lines_of_json() {
        let of = |text| serde_json::from_str::<Order>(text).unwrap();
        assert_eq!(of(r#"{"do":"cut","from":1}"#), Order::Cut(Span::out_of(1)));
        assert_eq!(of(r#"{"do":"heal"}"#), Order::Heal(Span::ALL));
        let slow = Order::Slow { span: Span::into(2), delay_ms: 50, bytes_per_second: None };
        assert_eq!(of(r#"{"do":"slow","to":2,"delay_ms":50}"#), slow);
        assert_eq!(of(&serde_json::to_string(&slow).unwrap()), slow);
    }
}
