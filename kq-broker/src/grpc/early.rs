//! The router of a broker from its first moment: what brokers ask of one another is answered while
//! it still starts, everything else once it serves.
//!
//! ```text
//!   kq.cluster.v1 ──> QuorumDoor, Members      the quorum needs them before there is one
//!   all else      ──> the router of a node, once there is one; until then: 503
//! ```

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kq_proto::admin::{AdminError, STARTING};
use parking_lot::Mutex;
use tokio::sync::SetOnce;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::ServiceExt as _;

use super::members::Members;
use crate::peers::SessionKeeper;
use crate::raft::QuorumDoor;

/// What a broker can say of itself before it serves.
#[derive(Debug, Default)]
pub struct Early {
    quorum: QuorumDoor,
    sessions: Arc<SetOnce<Arc<SessionKeeper>>>,
    /// What it waits for.
    waits_for: Mutex<String>,
    late: SetOnce<Router>,
}

impl Early {
    /// The router for the one port.
    pub fn router(self: &Arc<Self>) -> Router {
        let mut routes = Routes::builder();
        routes
            .add_service(self.quorum.service())
            .add_service(Members::new(self.quorum.clone(), Arc::clone(&self.sessions)).service());
        let early = Arc::clone(self);
        let rest = move |request| Arc::clone(&early).answer(request);
        routes.routes().into_axum_router().fallback(rest)
    }

    /// What the other members of the quorum call.
    pub fn quorum(&self) -> &QuorumDoor {
        &self.quorum
    }

    /// Beats of other brokers are heard here from now on.
    pub fn keep_sessions(&self, keeper: Arc<SessionKeeper>) {
        // Set once in the life of a broker; a second time changes nothing.
        let _ = self.sessions.set(keeper);
    }

    /// Says what the start waits for.
    pub fn waits_for(&self, what: impl Into<String>) {
        *self.waits_for.lock() = what.into();
    }

    /// The broker serves: this router answers all that is not for the quorum.
    pub fn serve(&self, router: Router) {
        // A broker serves once; a second time changes nothing.
        let _ = self.late.set(router);
    }

    async fn answer(self: Arc<Self>, request: Request) -> Response {
        let Some(router) = self.late.get() else { return self.starting(&request) };
        let answered = router.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }

    fn starting(&self, request: &Request) -> Response {
        let waits_for = self.waits_for.lock().clone();
        let kind = request.headers().get(header::CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            let why = format!("this broker is starting: it waits for {waits_for}");
            let refusal = AdminError::new(Code::Unavailable, STARTING, why)
                .hint("ask another broker, or the same one in a moment");
            return Status::from(refusal).into_http();
        }
        if request.uri().path() == "/healthz" {
            return "ok\n".into_response();
        }
        let why = format!("starting: waiting for {waits_for}\n");
        (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_starting_says_so_by_a_code() {
        let early = Early::default();
        early.waits_for("a leader of the metadata quorum");
        let mut request = Request::default();
        let kind = header::HeaderValue::from_static("application/grpc");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        let answer = early.starting(&request);
        let refusal = AdminError::from_status(&Status::from_header_map(answer.headers()).unwrap());
        assert_eq!(refusal.code, STARTING);
        assert!(refusal.message.ends_with("it waits for a leader of the metadata quorum"));
    }
}
