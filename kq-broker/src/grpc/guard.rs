//! Every call says which cluster answers, and may say which one it is meant for. A broker that has
//! lost the controller says so too, and answers only who knows how to take that.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use kq_proto::admin::{ACCEPT_STALE, AdminError, CLUSTER_ID, EXPECTED_CLUSTER_ID, STALE, STALE_MS};
use tonic::{Code, Status};

use super::error::lost_words;
use crate::runtime::Node;

/// What reads or changes a cluster; reflection and health speak of the process alone.
const ADMIN: &str = "/kq.admin.v1.";

/// A gate: what was true once opens it to nobody.
const RESTART_CHECK: &str = "/kq.admin.v1.Brokers/RestartCheck";

/// Refuses a call that is meant for another cluster, or that would be answered by what may be long
/// untrue, before anything is read or changed.
pub(super) async fn admit(State(node): State<Arc<Node>>, request: Request, next: Next) -> Response {
    let image = node.image();
    let cluster_id = image.cluster_id().map_or("", |id| id.0.as_str());
    let silence = node.silence();
    let refusal = wrong_cluster(request.headers(), cluster_id)
        .or_else(|| silence.filter(|_| !accepts_stale(&request)).map(|it| stale(&node, it)));
    let mut response = match refusal {
        Some(refusal) => refusal.into_http(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(cluster_id) {
        headers.insert(CLUSTER_ID, value);
    }
    if let Some(silence) = silence {
        let silence_ms = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        headers.insert(HeaderName::from_static(STALE_MS), silence_ms.into());
    }
    response
}

fn accepts_stale(request: &Request) -> bool {
    let path = request.uri().path();
    !path.starts_with(ADMIN)
        || (path != RESTART_CHECK && request.headers().contains_key(ACCEPT_STALE))
}

fn stale(node: &Node, silence: Duration) -> Status {
    AdminError::new(Code::Unavailable, STALE, lost_words(node.broker_id, silence))
        .hint(format!(
            "ask another broker, or take what this one remembers by the header {ACCEPT_STALE}; no \
             restart is judged by that"
        ))
        .into()
}

fn wrong_cluster(headers: &HeaderMap, found: &str) -> Option<Status> {
    let expected = headers.get(EXPECTED_CLUSTER_ID)?;
    if expected.as_bytes() == found.as_bytes() {
        return None;
    }
    let expected = String::from_utf8_lossy(expected.as_bytes());
    let expected: String = expected.chars().filter(|it| !it.is_control()).take(64).collect();
    let message = format!("this is cluster {found}, the call is meant for {expected}");
    let refusal = AdminError::new(Code::FailedPrecondition, "kq.WRONG_CLUSTER", message)
        .hint("check the address, or the cluster id that the context pins")
        .attribute("cluster_id", found);
    Some(refusal.into())
}
