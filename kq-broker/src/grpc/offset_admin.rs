//! `kq.admin.v1.Offsets`: what groups have committed, and changes of it.
//!
//! ```text
//!   propose --> the coordinator: what is committed, who is at work
//!           --> the leaders: where logs begin and end, where a time is  ==> rows, absolute offsets
//! ```

mod get;
#[cfg(test)]
mod offset_admin_test;
mod propose;
mod resolve;
mod target;
mod view;

use kq_proto::admin::v1;
use kq_proto::admin::v1::offsets_server::Offsets;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
use super::groups::unsupported;
use super::passing::Asker;

#[tonic::async_trait]
impl Offsets for Admin {
    async fn get(&self, request: Request<v1::GetOffsetsRequest>) -> Answer<v1::GetOffsetsResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.get_offsets(request.into_inner(), asker).await?))
    }

    async fn propose_reset(
        &self,
        request: Request<v1::ProposeResetRequest>,
    ) -> Answer<v1::ProposeResetResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.propose_offsets(request.into_inner(), asker).await?))
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
