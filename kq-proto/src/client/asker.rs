//! Asking a cluster, call by call: whoever is starting or has lost the controller is passed over, for
//! it has refused before it did anything; a call that got no answer is not repeated, for it may have
//! been heard. Says of every failure what became of the connection and what to try next.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tonic::{Code, Response, Status};

use super::{Address, ConnectError, Connection, Options, connect};
use crate::admin::{AdminError, STALE, STARTING};

/// A cluster that is asked over one of its brokers, and over another one in its place if that is
/// starting, silent, or has lost the controller.
#[derive(Debug)]
pub struct Asker {
    options: Options,
    at: Mutex<At>,
}

#[derive(Debug)]
struct At {
    connection: Connection,
    /// The last call got no answer: the next one looks for a broker that gives one.
    is_silent: bool,
    /// Those that cannot answer.
    asked: Vec<Address>,
    /// The first one that has lost the controller.
    lost: Option<Connection>,
}

impl Asker {
    /// Reaches the first broker that answers.
    pub async fn reach(options: Options) -> Result<Self, AdminError> {
        let connection = connect(&options).await.map_err(|error| unreached(&error))?;
        let at = At { connection, is_silent: false, asked: Vec::new(), lost: None };
        Ok(Self { options, at: at.into() })
    }

    /// The broker that is asked.
    pub fn connection(&self) -> Connection {
        self.at().connection.clone()
    }

    /// Asks, and asks another broker while the one that was asked is starting or has lost the
    /// controller.
    pub async fn ask<T, F>(&self, call: impl Fn(Connection) -> F) -> Result<Response<T>, AdminError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.pass_over_the_silent().await?;
        loop {
            let connection = self.connection();
            match call(connection.clone()).await {
                Ok(reply) => {
                    connection.observe(reply.metadata());
                    return Ok(reply);
                }
                Err(status) if has_code(&status, STARTING) => {
                    let Some(next) = self.another(&connection).await else {
                        return Err(starting(&connection, &status));
                    };
                    self.at().connection = next;
                }
                Err(status) if has_code(&status, STALE) && connection.accepts_stale() => {
                    return Err(no_news(&status));
                }
                Err(status) if has_code(&status, STALE) => {
                    connection.observe(status.metadata());
                    let next = self.instead_of(connection).await;
                    self.at().connection = next;
                }
                Err(status) => {
                    let error = failure(&connection, &status);
                    self.at().is_silent = got_no_answer(&error);
                    return Err(error);
                }
            }
        }
    }

    /// Who goes on to another call, as waits do, asks whoever answers now.
    async fn pass_over_the_silent(&self) -> Result<(), AdminError> {
        if self.at().is_silent {
            let options = Options { retry: None, ..self.options.clone() };
            let next = connect(&options).await.map_err(|error| unreached(&error))?;
            let mut at = self.at();
            at.connection = next;
            at.is_silent = false;
        }
        Ok(())
    }

    /// A broker that was not asked yet; the first that lost the controller, as it is, if there is no
    /// other.
    async fn instead_of(&self, lost: Connection) -> Connection {
        let next = self.another(&lost).await;
        let first = self.at().lost.get_or_insert(lost).clone();
        next.unwrap_or_else(|| first.accepting_stale())
    }

    /// A broker that was not asked yet.
    async fn another(&self, asked: &Connection) -> Option<Connection> {
        let brokers = {
            let mut at = self.at();
            at.asked.push(asked.address().clone());
            self.options.brokers.iter().filter(|it| !at.asked.contains(it)).cloned().collect()
        };
        connect(&Options { brokers, retry: None, ..self.options.clone() }).await.ok()
    }

    fn at(&self) -> MutexGuard<'_, At> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nobody answered: what was asked may have been done nevertheless.
pub fn got_no_answer(error: &AdminError) -> bool {
    matches!(error.code.as_str(), "kq.UNREACHABLE" | "kq.DEADLINE")
}

fn has_code(status: &Status, code: &str) -> bool {
    AdminError::from_status(status).code == code
}

/// Nothing was asked of anybody.
fn unreached(error: &ConnectError) -> AdminError {
    let message = error.to_string();
    if error.is_mute() {
        AdminError::new(Code::DeadlineExceeded, "kq.DEADLINE", message).hint(
            "nothing was asked of it: name the other brokers too, by --brokers, or raise --timeout",
        )
    } else {
        AdminError::new(Code::Unavailable, "kq.UNREACHABLE", message)
            .hint("check --brokers and that a broker runs there, or wait with --retry-connect 30s")
    }
    .retriable()
}

/// No other broker is named, or none is reached.
fn starting(connection: &Connection, status: &Status) -> AdminError {
    let error = AdminError::from_status(status);
    let message = format!("{}: {}", connection.address(), error.message);
    AdminError::new(Code::Unavailable, STARTING, message)
        .hint("name the other brokers too, by --brokers, or ask again in a moment")
        .retriable()
}

/// Some questions are answered by nobody who has lost the controller.
fn no_news(status: &Status) -> AdminError {
    AdminError::from_status(status)
        .hint("name the other brokers too, by --brokers; kq-ctl cluster health")
        .retriable()
}

/// A refusal in the cluster's words, or what became of the connection in ours.
pub fn failure(connection: &Connection, status: &Status) -> AdminError {
    let error = AdminError::from_status(status);
    if !error.code.starts_with("grpc.") {
        return error;
    }
    let at = connection.address();
    let code = status.code();
    let expired = code == Code::Cancelled && status.message().contains("Timeout expired");
    if code == Code::DeadlineExceeded || expired {
        return deadline(at);
    }
    if code == Code::Unimplemented {
        let message = format!("{at} does not have this operation");
        return AdminError::new(Code::Unknown, "kq.UNSUPPORTED", message)
            .hint("compare 'kq-ctl --version' with the broker's, in 'kq-ctl cluster describe'");
    }
    if matches!(code, Code::OutOfRange | Code::ResourceExhausted) {
        let message = format!("{at}: {}", status.message());
        return AdminError::new(Code::Unknown, error.code, message)
            .hint("send or ask for less at once");
    }
    if is_of_transport(status) {
        // Who has never answered may not be a broker at all.
        let known = connection.cluster_id().is_some();
        let what = if known { "lost" } else { "no gRPC answer from" };
        let lost = format!("{what} {at}: {}", cause(status));
        return AdminError::new(Code::Unavailable, "kq.UNREACHABLE", lost)
            .hint(format!("check that {at} is a kq broker and that it still runs"))
            .retriable();
    }
    AdminError { message: format!("{at}: {}", status.message()), ..error }
}

fn deadline(at: &Address) -> AdminError {
    let message = format!("{at} did not answer in time");
    AdminError::new(Code::DeadlineExceeded, "kq.DEADLINE", message)
        .hint(
            "what was asked may still be done there; look before you repeat it, or raise --timeout",
        )
        .retriable()
}

/// True if the status was made here, from an error of the connection.
fn is_of_transport(status: &Status) -> bool {
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
}

/// The innermost cause, which is the one that an operator can act on.
fn cause(status: &Status) -> String {
    let mut error: &dyn std::error::Error = status;
    while let Some(deeper) = error.source() {
        error = deeper;
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
