//! Watching a cluster: generated types of `kq.monitor.v1`. Not here: who serves it (the broker) and
//! who watches (kq-tui).

/// Generated from `proto/kq/monitor/v1/*.proto`.
pub mod v1 {
    #![expect(
        missing_docs,
        clippy::pedantic,
        clippy::large_enum_variant,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code; the .proto files carry the documentation"
    )]
    tonic::include_proto!("kq.monitor.v1");
}
