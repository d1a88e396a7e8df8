//! What another broker is configured to do: only it knows its file, its flags and its variables.

use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::configs_client::ConfigsClient;
use kq_proto::admin::v1::{self, ConfigSource, ResourceType};
use tonic::{Code, Response};

use crate::catalogue::StaticConfig;
use crate::controller::ConfigTarget;
use crate::grpc::Admin;
use crate::grpc::passing::passed_on_for;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;

/// How long it may take to tell.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

impl Admin {
    /// The other broker that a target names; none if it is this one, no broker, or not registered.
    pub(super) fn other_broker(
        &self,
        image: &MetadataImage,
        target: &ConfigTarget,
    ) -> Option<BrokerId> {
        let ConfigTarget::Broker(name) = target else { return None };
        let broker = image.broker(BrokerId(name.parse().ok()?))?.id;
        (broker != self.node.broker_id).then_some(broker)
    }

    /// Has another broker tell of itself, or says that it does not answer.
    pub(super) async fn describe_other(
        &self,
        broker: BrokerId,
        request: v1::DescribeConfigsRequest,
    ) -> Result<v1::DescribeConfigsResponse, AdminError> {
        let silent = || {
            let message = "it does not answer, and only it knows how it was started";
            AdminError::new(Code::Unavailable, "kafka.BROKER_NOT_AVAILABLE", message)
                .hint(format!("kq-ctl broker describe {broker}"))
                .retriable()
        };
        let channel = self.node.controller.peers().channel(broker).ok_or_else(silent)?;
        let mut client = ConfigsClient::new(channel);
        let answer = client.describe(passed_on_for(request, ANSWER_WAIT));
        let answer = tokio::time::timeout(ANSWER_WAIT, answer).await.map_err(|_| silent())?;
        answer.map(Response::into_inner).map_err(|_| silent())
    }

    /// What a broker was started with. Nothing of another one that does not answer.
    pub(super) async fn fixed_of(
        &self,
        image: &MetadataImage,
        target: &ConfigTarget,
    ) -> StaticConfig {
        let Some(broker) = self.other_broker(image, target) else { return self.node.fixed.clone() };
        let resource =
            v1::ConfigResource { r#type: ResourceType::Broker.into(), name: broker.0.to_string() };
        let request = v1::DescribeConfigsRequest {
            resources: vec![resource],
            with_synonyms: true,
            ..v1::DescribeConfigsRequest::default()
        };
        let told = self.describe_other(broker, request).await.unwrap_or_default();
        let entries = told.resources.into_iter().flat_map(|it| it.entries);
        let fixed = |it: v1::ConfigSynonym| {
            (it.source() == ConfigSource::StaticBroker).then_some((it.key, it.value?))
        };
        let values = entries.flat_map(|it| it.synonyms).filter_map(fixed);
        StaticConfig::new(values).unwrap_or_default()
    }
}
