//! What a handler gives back for one request.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;

use super::outbound::{Outbound, Part};

/// A handler's work that is not done yet.
pub type Work = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One response, length first.
#[derive(Debug, Clone)]
pub enum Response {
    /// All of it in one piece.
    Whole(Bytes),
    /// Pieces in order, some of them regions of log files.
    Parts(Vec<Part>),
}

impl Response {
    /// How many bytes of the stream it makes.
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Parts(parts) => parts.iter().map(Part::len).sum(),
        }
    }

    /// Bytes of it that occupy memory.
    fn held_bytes(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Parts(parts) => parts.iter().map(Part::held_bytes).sum(),
        }
    }

    /// True for a response without a byte, which no API has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Queues the response behind those before it.
    pub fn queue(self, out: &mut Outbound) {
        match self {
            Self::Whole(bytes) => out.push(Part::Bytes(bytes)),
            Self::Parts(parts) => parts.into_iter().for_each(|part| out.push(part)),
        }
    }
}

/// How a request ended.
#[derive(Debug)]
pub enum Outcome {
    /// The client gets this.
    Reply(Response),
    /// The client gets this, and the connection ends: it is to ask another broker. Clients ask the one
    /// that they are connected to for as long as it answers.
    Last(Response),
    /// The client asked for no answer.
    Silent,
    /// The connection ends: the protocol has no other way to say this. The reason is for the log.
    Close(String),
}

impl Outcome {
    /// The same as the last word of its connection.
    #[must_use]
    pub fn and_end(self) -> Self {
        match self {
            Self::Reply(response) => Self::Last(response),
            other @ (Self::Last(_) | Self::Silent | Self::Close(_)) => other,
        }
    }

    /// Bytes of the response.
    pub fn len(&self) -> usize {
        match self {
            Self::Reply(response) | Self::Last(response) => response.len(),
            Self::Silent | Self::Close(_) => 0,
        }
    }

    /// Bytes of the response that occupy memory.
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Reply(response) | Self::Last(response) => response.held_bytes(),
            Self::Silent | Self::Close(_) => 0,
        }
    }

    /// True when no response is sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the connection does with a request's outcome.
pub enum Answer {
    /// It is there already.
    Now(Outcome),
    /// It comes; later requests of the connection may be taken up meanwhile.
    Later(Work),
    /// It comes, and nothing else of this connection is taken up before it: the request changes what
    /// later ones see.
    Alone(Work),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(outcome) => f.debug_tuple("Now").field(outcome).finish(),
            Self::Later(_) => f.write_str("Later"),
            Self::Alone(_) => f.write_str("Alone"),
        }
    }
}
