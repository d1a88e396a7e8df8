//! `kq.admin.v1.Offsets`: what groups have committed, and changes of it.
//!
//! ```text
//!   propose --> the coordinator: what is committed, who is at work
//!           --> the leaders: where logs begin and end, where a time is  ==> rows, absolute offsets
//!   apply   --> the coordinator: is it still so? then one write, with what takes it back
//! ```

mod apply;
#[cfg(test)]
mod apply_test;
mod get;
#[cfg(test)]
mod offset_admin_test;
mod propose;
mod resolve;
mod target;
mod times;
mod undo;
mod view;

use kq_proto::admin::v1;
use kq_proto::admin::v1::offsets_server::Offsets;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
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
        request: Request<v1::ApplyResetRequest>,
    ) -> Answer<v1::ApplyResetResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.apply_offsets(request.into_inner(), asker).await?))
    }

    async fn list_undo(
        &self,
        request: Request<v1::ListUndoRequest>,
    ) -> Answer<v1::ListUndoResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.list_undos(request.into_inner(), asker).await))
    }
}
