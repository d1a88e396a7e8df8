//! What brokers say to one another beside the Kafka protocol: generated types of `kq.cluster.v1`.
//! Not here: who serves it and who calls it (both the broker).

/// Generated from `proto/kq/cluster/v1/*.proto`.
pub mod v1 {
    #![expect(
        missing_docs,
        clippy::pedantic,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code; the .proto files carry the documentation"
    )]
    tonic::include_proto!("kq.cluster.v1");
}
