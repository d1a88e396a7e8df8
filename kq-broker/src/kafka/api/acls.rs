//! ACLs and SCRAM credentials: answered as Kafka answers without an authorizer, so that clients hear
//! why and do not hang.

use std::sync::Arc;

use kq_proto::kafka::Str;
use kq_proto::kafka::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
};
use kq_proto::kafka::messages::create_acls::{
    AclCreationResult, CreateAclsRequest, CreateAclsResponse,
};
use kq_proto::kafka::messages::delete_acls::{
    DeleteAclsFilterResult, DeleteAclsRequest, DeleteAclsResponse,
};
use kq_proto::kafka::messages::describe_acls::{DescribeAclsRequest, DescribeAclsResponse};
use kq_proto::kafka::messages::describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
};

use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle, SECURITY_DISABLED};
use crate::kafka::door::Door;

const CODE: kq_proto::kafka::ErrorCode = SECURITY_DISABLED.0;

const MESSAGE: Option<Str> = Some(Str::from_static(SECURITY_DISABLED.1));

impl Handle for DescribeAclsRequest {
    fn handle(self, _: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let error_code = CODE;
        let error_message = Some(Str::from_static("No Authorizer is configured on the broker"));
        let response = DescribeAclsResponse { error_code, error_message, ..Default::default() };
        call.answer::<Self>(&response)
    }
}

impl Handle for CreateAclsRequest {
    fn handle(self, _: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let refused = |_: &_| AclCreationResult { error_code: CODE, error_message: MESSAGE };
        let results = self.creations.iter().map(refused).collect();
        call.answer::<Self>(&CreateAclsResponse { results, ..Default::default() })
    }
}

impl Handle for DeleteAclsRequest {
    fn handle(self, _: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let refused = |_: &_| DeleteAclsFilterResult {
            error_code: CODE,
            error_message: MESSAGE,
            ..Default::default()
        };
        let filter_results = self.filters.iter().map(refused).collect();
        call.answer::<Self>(&DeleteAclsResponse { filter_results, ..Default::default() })
    }
}

impl Handle for DescribeUserScramCredentialsRequest {
    fn handle(self, _: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let (error_code, error_message) = (CODE, MESSAGE);
        call.answer::<Self>(&DescribeUserScramCredentialsResponse {
            error_code,
            error_message,
            ..Default::default()
        })
    }
}

impl Handle for AlterUserScramCredentialsRequest {
    fn handle(self, _: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let deletions = self.deletions.into_iter().map(|it| it.name);
        let users = deletions.chain(self.upsertions.into_iter().map(|it| it.name));
        let refused = |user| AlterUserScramCredentialsResult {
            user,
            error_code: CODE,
            error_message: MESSAGE,
        };
        let results = users.map(refused).collect();
        call.answer::<Self>(&AlterUserScramCredentialsResponse { results, ..Default::default() })
    }
}
