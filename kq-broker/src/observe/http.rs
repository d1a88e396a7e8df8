//! What `GET` brings: `/metrics`, `/healthz` and `/readyz`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::runtime::Node;

/// The routes, to be merged with those of the control door.
pub fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(node)
}

async fn metrics(State(node): State<Arc<Node>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], node.metrics.encode())
}

/// Ready while clients are served: from the first image in files until the broker begins to stop.
async fn ready(State(node): State<Arc<Node>>) -> impl IntoResponse {
    if node.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    let offline = node.partitions.log_dirs().iter().filter_map(|dir| dir.offline());
    let reasons: Vec<String> = offline.map(ToString::to_string).collect();
    if !reasons.is_empty() && reasons.len() == node.partitions.log_dirs().len() {
        return (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n");
    }
    (StatusCode::OK, "ready\n".to_owned())
}
