//! `kq.admin.v1.Offsets`: what groups have committed.

use kq_proto::admin::v1;
use kq_proto::admin::v1::offsets_server::Offsets;
use tonic::Request;

use super::Admin;
use super::answer::Answer;
use super::groups::unsupported;

#[tonic::async_trait]
impl Offsets for Admin {
    async fn get(&self, _: Request<v1::GetOffsetsRequest>) -> Answer<v1::GetOffsetsResponse> {
        Err(unsupported("telling committed offsets").into())
    }

    async fn propose_reset(
        &self,
        _: Request<v1::ProposeResetRequest>,
    ) -> Answer<v1::ProposeResetResponse> {
        Err(unsupported("a reset of offsets").into())
    }

    async fn apply_reset(
        &self,
        _: Request<v1::ApplyResetRequest>,
    ) -> Answer<v1::ApplyResetResponse> {
        Err(unsupported("a reset of offsets").into())
    }

    async fn list_undo(&self, _: Request<v1::ListUndoRequest>) -> Answer<v1::ListUndoResponse> {
        Err(unsupported("undoing changes of offsets").into())
    }
}
