//! The cluster behind the control door of a kq broker.

use std::rc::Rc;
use std::time::Duration;

use kq_proto::admin::v1;
use kq_proto::client::{Asker, Connection, Options, asker};
use tokio_stream::StreamExt as _;
use tonic::{Response, Status};

use super::{Cluster, Replies, Reply, operations};

/// A cluster over the wire.
struct Grpc(Asker);

/// Reaches the first broker that answers.
pub(crate) fn connect(options: Options) -> Reply<'static, Rc<dyn Cluster>> {
    Box::pin(async move {
        let asker = Asker::reach(options).await?;
        Ok(Rc::new(Grpc(asker)) as Rc<dyn Cluster>)
    })
}

macro_rules! implement {
    ($($method:ident, $service:ident.$call:ident, $request:ident, $response:ident;)*) => {
        impl Cluster for Grpc {
            fn address(&self) -> String {
                self.0.connection().address().to_string()
            }

            fn cluster_id(&self) -> Option<String> {
                self.0.connection().cluster_id().map(str::to_owned)
            }

            fn stale_for(&self) -> Option<Duration> {
                self.0.connection().stale_for()
            }

            $(fn $method(&self, request: v1::$request) -> Reply<'_, v1::$response> {
                Box::pin(async move {
                    let call = |at: Connection| {
                        let request = request.clone();
                        async move { at.$service().$call(request).await }
                    };
                    Ok(self.0.ask(call).await?.into_inner())
                })
            })*

            fn fetch(&self, request: v1::FetchRequest) -> Reply<'_, Replies<v1::FetchResponse>> {
                Box::pin(async move {
                    let call = |at: Connection| {
                        let request = request.clone();
                        async move { at.record_stream().fetch(request).await }
                    };
                    Ok(self.stream(self.0.ask(call).await?))
                })
            }

            fn follow_events(
                &self,
                request: v1::FollowEventsRequest,
            ) -> Reply<'_, Replies<v1::FollowEventsResponse>> {
                Box::pin(async move {
                    let call = |at: Connection| {
                        let request = request.clone();
                        async move { at.event_stream().follow(request).await }
                    };
                    Ok(self.stream(self.0.ask(call).await?))
                })
            }
        }
    };
}
operations!(implement);

impl Grpc {
    fn stream<T: 'static>(&self, reply: Response<tonic::Streaming<T>>) -> Replies<T> {
        let connection = self.0.connection();
        let failed = move |status: Status| asker::failure(&connection, &status).into();
        Box::pin(reply.into_inner().map(move |item| item.map_err(&failed)))
    }
}
