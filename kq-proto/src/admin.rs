//! The control door's contract: generated types of `kq.admin.v1` and the shape of its errors.
//! Not here: who serves it (the broker) and who calls it (`client`).

mod error;

pub use error::{AdminError, DOMAIN};

/// Header of every reply: the id of the cluster that answered.
pub const CLUSTER_ID: &str = "kq-cluster-id";

/// Header of a request that must reach one cluster and no other.
pub const EXPECTED_CLUSTER_ID: &str = "kq-expected-cluster-id";

/// Header of a request that may be answered by a broker which has lost the controller: what it tells
/// can be old. Without it such a broker refuses with [`STALE`].
pub const ACCEPT_STALE: &str = "kq-accept-stale";

/// Header of a reply by a broker that has lost the controller: for how long, in milliseconds.
pub const STALE_MS: &str = "kq-stale-ms";

/// Code of the refusal of a broker that has lost the controller. Nothing was done: another broker
/// may know better.
pub const STALE: &str = "kq.STALE";

/// Code of the refusal of a broker that does not serve yet. Nothing was done: ask another one.
pub const STARTING: &str = "kq.STARTING";

/// Partitions that one change may add to the cluster.
pub const PARTITIONS_ADDED_MAX: u32 = 10_000;

/// Descriptors of `kq.admin.v1`, `kq.monitor.v1` and their imports, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kq_doors.bin"));

/// Generated from `proto/kq/admin/v1/*.proto`.
pub mod v1 {
    #![expect(
        missing_docs,
        clippy::pedantic,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code; the .proto files carry the documentation"
    )]
    tonic::include_proto!("kq.admin.v1");
}
