//! Every call says which cluster answers, and may say which one it is meant for.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use kq_proto::admin::{AdminError, CLUSTER_ID, EXPECTED_CLUSTER_ID};
use tonic::{Code, Status};

use crate::runtime::Node;

/// Refuses a call that is meant for another cluster, before anything is read or changed.
pub(super) async fn same_cluster(
    State(node): State<Arc<Node>>,
    request: Request,
    next: Next,
) -> Response {
    let image = node.image();
    let cluster_id = image.cluster_id().map_or("", |id| id.0.as_str());
    let expected = request.headers().get(EXPECTED_CLUSTER_ID);
    let mut response = match expected {
        Some(expected) if expected.as_bytes() != cluster_id.as_bytes() => {
            let named = String::from_utf8_lossy(expected.as_bytes()).into_owned();
            wrong_cluster(&named, cluster_id).into_http()
        }
        _ => next.run(request).await,
    };
    if let Ok(value) = HeaderValue::from_str(cluster_id) {
        response.headers_mut().insert(CLUSTER_ID, value);
    }
    response
}

fn wrong_cluster(expected: &str, found: &str) -> Status {
    let expected: String = expected.chars().filter(|it| !it.is_control()).take(64).collect();
    let message = format!("this is cluster {found}, the call is meant for {expected}");
    AdminError::new(Code::FailedPrecondition, "kq.WRONG_CLUSTER", message)
        .hint("check the address, or the cluster id that the context pins")
        .attribute("cluster_id", found)
        .into()
}
