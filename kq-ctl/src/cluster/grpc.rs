//! The cluster behind the control door of a kq broker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use kq_proto::admin::{AdminError, STALE, STARTING, v1};
use kq_proto::client::{self, Address, ConnectError, Connection, Options};
use tokio_stream::StreamExt as _;
use tonic::{Code, Response, Status};

use super::{Cluster, Replies, Reply, operations};
use crate::exit::{Exit, Failure};

/// A broker that was reached, and another one in its place if it is starting or has lost the
/// controller.
struct Grpc {
    connection: RefCell<Connection>,
    /// The last call got no answer: the next one looks for a broker that gives one.
    is_silent: Cell<bool>,
    options: Options,
    /// Those that cannot answer.
    asked: RefCell<Vec<Address>>,
    /// The first one that has lost the controller.
    lost: RefCell<Option<Connection>>,
}

/// Reaches the first broker that answers.
pub(crate) fn connect(options: Options) -> Reply<'static, Rc<dyn Cluster>> {
    Box::pin(async move {
        let connection = client::connect(&options).await.map_err(|error| unreached(&error))?;
        let (is_silent, asked, lost) = Default::default();
        let connection = connection.into();
        Ok(Rc::new(Grpc { connection, is_silent, options, asked, lost }) as Rc<dyn Cluster>)
    })
}

/// Nothing was asked of anybody.
fn unreached(error: &ConnectError) -> Failure {
    let (code, hint) = if error.is_mute() {
        let hint =
            "nothing was asked of it: name the other brokers too, by --brokers, or raise --timeout";
        ("kq.DEADLINE", hint)
    } else {
        let hint = "check --brokers and that a broker runs there, or wait with --retry-connect 30s";
        ("kq.UNREACHABLE", hint)
    };
    Failure { retriable: true, ..Failure::new(code, error.to_string()) }.hint(hint)
}

macro_rules! implement {
    ($($method:ident, $service:ident.$call:ident, $request:ident, $response:ident;)*) => {
        impl Cluster for Grpc {
            fn address(&self) -> String {
                self.connection.borrow().address().to_string()
            }

            fn cluster_id(&self) -> Option<String> {
                self.connection.borrow().cluster_id().map(str::to_owned)
            }

            fn stale_for(&self) -> Option<Duration> {
                self.connection.borrow().stale_for()
            }

            $(fn $method(&self, request: v1::$request) -> Reply<'_, v1::$response> {
                Box::pin(async move {
                    let call = async |at: Connection| at.$service().$call(request.clone()).await;
                    Ok(self.ask(call).await?.into_inner())
                })
            })*

            fn fetch(&self, request: v1::FetchRequest) -> Reply<'_, Replies<v1::FetchResponse>> {
                Box::pin(async move {
                    let call = async |at: Connection| at.record_stream().fetch(request.clone()).await;
                    Ok(self.stream(self.ask(call).await?))
                })
            }

            fn follow_events(
                &self,
                request: v1::FollowEventsRequest,
            ) -> Reply<'_, Replies<v1::FollowEventsResponse>> {
                Box::pin(async move {
                    let call =
                        async |at: Connection| at.event_stream().follow(request.clone()).await;
                    Ok(self.stream(self.ask(call).await?))
                })
            }
        }
    };
}
operations!(implement);

impl Grpc {
    /// Asks, and asks another broker while the one that was asked is starting or has lost the
    /// controller: it has refused before it did anything.
    async fn ask<T>(
        &self,
        call: impl AsyncFn(Connection) -> Result<Response<T>, Status>,
    ) -> Result<Response<T>, Failure> {
        self.pass_over_the_silent().await?;
        loop {
            let connection = self.connection.borrow().clone();
            match call(connection.clone()).await {
                Ok(reply) => {
                    connection.observe(reply.metadata());
                    return Ok(reply);
                }
                Err(status) if has_code(&status, STARTING) => {
                    let Some(next) = self.another(&connection).await else {
                        return Err(starting(&connection, &status));
                    };
                    self.connection.replace(next);
                }
                Err(status) if has_code(&status, STALE) && connection.accepts_stale() => {
                    return Err(no_news(&status));
                }
                Err(status) if has_code(&status, STALE) => {
                    connection.observe(status.metadata());
                    let next = self.instead_of(connection).await;
                    self.connection.replace(next);
                }
                Err(status) => {
                    let failure = failure(&connection, &status);
                    self.is_silent
                        .set(matches!(failure.code.as_ref(), "kq.UNREACHABLE" | "kq.DEADLINE"));
                    return Err(failure);
                }
            }
        }
    }

    /// A call that got no answer is not repeated, for it may have been heard. But who goes on to
    /// another one, as waits do, asks whoever answers now.
    async fn pass_over_the_silent(&self) -> Result<(), Failure> {
        if self.is_silent.get() {
            let options = Options { retry: None, ..self.options.clone() };
            let next = client::connect(&options).await.map_err(|error| unreached(&error))?;
            self.connection.replace(next);
            self.is_silent.set(false);
        }
        Ok(())
    }

    /// A broker that was not asked yet; the first that lost the controller, as it is, if there is no
    /// other.
    async fn instead_of(&self, lost: Connection) -> Connection {
        let next = self.another(&lost).await;
        let first = self.lost.borrow_mut().get_or_insert(lost).clone();
        next.unwrap_or_else(|| first.accepting_stale())
    }

    /// A broker that was not asked yet.
    async fn another(&self, asked: &Connection) -> Option<Connection> {
        self.asked.borrow_mut().push(asked.address().clone());
        let asked = self.asked.borrow().clone();
        let brokers = self.options.brokers.iter().filter(|it| !asked.contains(it));
        let brokers = brokers.cloned().collect();
        client::connect(&Options { brokers, retry: None, ..self.options.clone() }).await.ok()
    }

    fn stream<T: 'static>(&self, reply: Response<tonic::Streaming<T>>) -> Replies<T> {
        let connection = self.connection.borrow().clone();
        Box::pin(
            reply
                .into_inner()
                .map(move |item| item.map_err(|status| failure(&connection, &status))),
        )
    }
}

fn has_code(status: &Status, code: &str) -> bool {
    AdminError::from_status(status).code == code
}

/// No other broker is named, or none is reached.
fn starting(connection: &Connection, status: &Status) -> Failure {
    let error = AdminError::from_status(status);
    let message = format!("{}: {}", connection.address(), error.message);
    Failure { retriable: true, ..Failure::new(STARTING, message) }
        .hint("name the other brokers too, by --brokers, or ask again in a moment")
}

/// Some questions are answered by nobody who has lost the controller.
fn no_news(status: &Status) -> Failure {
    Failure { retriable: true, ..AdminError::from_status(status).into() }
        .hint("name the other brokers too, by --brokers; kq-ctl cluster health")
}

/// A refusal in the cluster's words, or what became of the connection in ours.
fn failure(connection: &Connection, status: &Status) -> Failure {
    let error = AdminError::from_status(status);
    if !error.code.starts_with("grpc.") {
        return error.into();
    }
    let at = connection.address();
    let code = status.code();
    let expired = code == Code::Cancelled && status.message().contains("Timeout expired");
    if code == Code::DeadlineExceeded || expired {
        return deadline(at);
    }
    if code == Code::Unimplemented {
        return Failure::unsupported(format!("{at} does not have this operation"))
            .hint("compare 'kq-ctl --version' with the broker's, in 'kq-ctl cluster describe'");
    }
    if matches!(code, Code::OutOfRange | Code::ResourceExhausted) {
        return Failure::new(error.code, format!("{at}: {}", status.message()))
            .hint("send or ask for less at once");
    }
    if is_of_transport(status) {
        // Who has never answered may not be a broker at all.
        let known = connection.cluster_id().is_some();
        let what = if known { "lost" } else { "no gRPC answer from" };
        let lost = format!("{what} {at}: {}", cause(status));
        return Failure { retriable: true, ..Failure::new("kq.UNREACHABLE", lost) }
            .hint(format!("check that {at} is a kq broker and that it still runs"));
    }
    Failure { message: format!("{at}: {}", status.message()), ..error.into() }
}

fn deadline(at: &Address) -> Failure {
    Failure {
        exit: Exit::Deadline,
        retriable: true,
        ..Failure::new("kq.DEADLINE", format!("{at} did not answer in time"))
    }
    .hint("what was asked may still be done there; look before you repeat it, or raise --timeout")
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
