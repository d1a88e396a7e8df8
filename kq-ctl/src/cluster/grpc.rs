//! The cluster behind the control door of a kq broker.

use std::rc::Rc;

use kq_proto::admin::{AdminError, v1};
use kq_proto::client::{self, Connection, Options};
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};

use super::{Cluster, Replies, Reply, operations};
use crate::exit::{Exit, Failure};

/// A broker that was reached.
struct Grpc(Connection);

/// Reaches the first broker that accepts.
pub(crate) fn connect(options: Options) -> Reply<'static, Rc<dyn Cluster>> {
    Box::pin(async move {
        let connection = client::connect(&options).await.map_err(|error| {
            Failure { retriable: true, ..Failure::new("kq.UNREACHABLE", error.to_string()) }.hint(
                "check --brokers and that a broker runs there, or wait with --retry-connect 30s",
            )
        })?;
        Ok(Rc::new(Grpc(connection)) as Rc<dyn Cluster>)
    })
}

macro_rules! implement {
    ($($method:ident, $service:ident.$call:ident, $request:ident, $response:ident;)*) => {
        impl Cluster for Grpc {
            fn address(&self) -> String {
                self.0.address().to_string()
            }

            fn cluster_id(&self) -> Option<String> {
                self.0.cluster_id().map(str::to_owned)
            }

            $(fn $method(&self, request: v1::$request) -> Reply<'_, v1::$response> {
                Box::pin(async move {
                    let reply = self.0.$service().$call(request).await;
                    let reply = reply.map_err(|status| self.failure(&status))?;
                    self.0.observe(reply.metadata());
                    Ok(reply.into_inner())
                })
            })*

            fn fetch(&self, request: v1::FetchRequest) -> Reply<'_, Replies<v1::FetchResponse>> {
                Box::pin(async move {
                    let reply = self.0.record_stream().fetch(request).await;
                    self.stream(reply)
                })
            }

            fn follow_events(
                &self,
                request: v1::FollowEventsRequest,
            ) -> Reply<'_, Replies<v1::FollowEventsResponse>> {
                Box::pin(async move {
                    let reply = self.0.event_stream().follow(request).await;
                    self.stream(reply)
                })
            }
        }
    };
}
operations!(implement);

impl Grpc {
    fn stream<T: 'static>(
        &self,
        reply: Result<tonic::Response<tonic::Streaming<T>>, Status>,
    ) -> Result<Replies<T>, Failure> {
        let reply = reply.map_err(|status| self.failure(&status))?;
        self.0.observe(reply.metadata());
        let this = Self(self.0.clone());
        Ok(Box::pin(
            reply.into_inner().map(move |item| item.map_err(|status| this.failure(&status))),
        ))
    }

    /// A refusal in the cluster's words, or what became of the connection in ours.
    fn failure(&self, status: &Status) -> Failure {
        let error = AdminError::from_status(status);
        if !error.code.starts_with("grpc.") {
            return error.into();
        }
        let at = self.0.address();
        let code = status.code();
        let expired = code == Code::Cancelled && status.message().contains("Timeout expired");
        if code == Code::DeadlineExceeded || expired {
            return self.deadline();
        }
        if code == Code::Unimplemented {
            return Failure::unsupported(format!("{at} does not have this operation")).hint(
                "compare 'kq-ctl --version' with the broker's, in 'kq-ctl cluster describe'",
            );
        }
        if matches!(code, Code::OutOfRange | Code::ResourceExhausted) {
            return Failure::new(error.code, format!("{at}: {}", status.message()))
                .hint("send or ask for less at once");
        }
        if is_of_transport(status) {
            // Who has never answered may not be a broker at all.
            let known = self.0.cluster_id().is_some();
            let what = if known { "lost" } else { "no gRPC answer from" };
            let lost = format!("{what} {at}: {}", cause(status));
            return Failure { retriable: true, ..Failure::new("kq.UNREACHABLE", lost) }
                .hint(format!("check that {at} is a kq broker and that it still runs"));
        }
        Failure { message: format!("{at}: {}", status.message()), ..error.into() }
    }

    fn deadline(&self) -> Failure {
        Failure {
            exit: Exit::Deadline,
            retriable: true,
            ..Failure::new("kq.DEADLINE", format!("{} did not answer in time", self.0.address()))
        }
        .hint(
            "what was asked may still be done there; look before you repeat it, or raise --timeout",
        )
    }
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
