//! `kq.admin.v1.Leaders`.

mod elect;
mod policy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kq_proto::admin::v1;
use kq_proto::admin::v1::leaders_server::Leaders;
use tonic::{Request, Response, Status};

use super::Admin;
use super::answer::{Answer, is_dry_run, unexpected};
use super::brokers::unknown_broker;
use super::error::{bad_argument, of_control, unknown_topic};
use crate::controller::{Command, PolicyTarget, Reply, TopicRef};
use crate::ids::BrokerId;
use crate::metadata::{BrokerImage, MetadataImage};

#[tonic::async_trait]
impl Leaders for Admin {
    async fn list(
        &self,
        request: Request<v1::ListLeadersRequest>,
    ) -> Answer<v1::ListLeadersResponse> {
        let asked: BTreeSet<u32> = request.into_inner().brokers.into_iter().collect();
        let image = self.node.image();
        let unknown = asked.iter().filter(|id| image.broker(BrokerId(**id)).is_none());
        let errors = unknown.map(|id| unknown_broker(*id).into_item(format!("broker {id}")));
        let (mut brokers, leaderless_count) = spread(&image);
        brokers.retain(|it| asked.is_empty() || asked.contains(&it.broker));
        Ok(Response::new(v1::ListLeadersResponse {
            brokers,
            errors: errors.collect(),
            leaderless_count,
        }))
    }

    async fn elect(
        &self,
        request: Request<v1::ElectLeadersRequest>,
    ) -> Answer<v1::ElectLeadersResponse> {
        Ok(Response::new(self.elect_leaders(request.into_inner()).await?))
    }

    async fn get_policies(
        &self,
        request: Request<v1::GetLeaderPoliciesRequest>,
    ) -> Answer<v1::GetLeaderPoliciesResponse> {
        Ok(Response::new(self.leader_policies(&request.into_inner())))
    }

    async fn set_policy(
        &self,
        request: Request<v1::SetLeaderPolicyRequest>,
    ) -> Answer<v1::SetLeaderPolicyResponse> {
        let request = request.into_inner();
        let targets = request.targets.unwrap_or_default();
        let command = Command::SetLeaderPolicy {
            targets: targets_of(&targets)?,
            change: policy::change_of(
                request.change.unwrap_or_default(),
                &request.unset,
                &request.unpin,
            )?,
            validate_only: is_dry_run(request.intent.as_ref()),
        };
        let (policies, errors) =
            self.change_policies(&targets, request.intent.as_ref(), command).await?;
        Ok(Response::new(v1::SetLeaderPolicyResponse { policies, errors }))
    }

    async fn freeze(
        &self,
        request: Request<v1::FreezeLeadersRequest>,
    ) -> Answer<v1::FreezeLeadersResponse> {
        let v1::FreezeLeadersRequest { targets, for_ms, intent } = request.into_inner();
        if intent.as_ref().is_none_or(|it| it.reason.trim().is_empty()) {
            let error = bad_argument("a freeze needs a reason, which the refused will read");
            return Err(error.hint("give --reason").into());
        }
        let targets = targets.unwrap_or_default();
        let command = Command::FreezeLeaders {
            targets: targets_of(&targets)?,
            for_ms,
            validate_only: is_dry_run(intent.as_ref()),
        };
        let (policies, errors) = self.change_policies(&targets, intent.as_ref(), command).await?;
        Ok(Response::new(v1::FreezeLeadersResponse { policies, errors }))
    }

    async fn unfreeze(
        &self,
        request: Request<v1::UnfreezeLeadersRequest>,
    ) -> Answer<v1::UnfreezeLeadersResponse> {
        let v1::UnfreezeLeadersRequest { targets, intent } = request.into_inner();
        let targets = targets.unwrap_or_default();
        let command = Command::UnfreezeLeaders {
            targets: targets_of(&targets)?,
            validate_only: is_dry_run(intent.as_ref()),
        };
        let (policies, errors) = self.change_policies(&targets, intent.as_ref(), command).await?;
        Ok(Response::new(v1::UnfreezeLeadersResponse { policies, errors }))
    }
}

impl Admin {
    /// Changes policies, and tells each as it stands then.
    async fn change_policies(
        &self,
        targets: &v1::PolicyTargets,
        intent: Option<&v1::Intent>,
        command: Command,
    ) -> Result<(Vec<v1::ChangedPolicy>, Vec<v1::ItemError>), Status> {
        let reply = self.submit(intent, command).await?;
        let Reply::PoliciesSet(results) = reply else { return Err(unexpected()) };
        let shapes = self.shapes();
        let cluster = targets.cluster.then_some(None);
        let names = cluster.into_iter().chain(targets.topics.iter().map(Some));
        let (mut policies, mut errors) = (Vec::new(), Vec::new());
        for (name, result) in names.zip(results) {
            let topic = name.and_then(|name| shapes.image.topic_by_name(name));
            match result {
                Ok(changed) => policies.push(v1::ChangedPolicy {
                    policy: Some(policy::told(&shapes, topic.map(|it| &**it))),
                    changed,
                }),
                Err(err) => {
                    let item = name.map_or("all topics", String::as_str);
                    errors.push(of_control(&err).into_item(item));
                }
            }
        }
        Ok((policies, errors))
    }

    fn leader_policies(
        &self,
        request: &v1::GetLeaderPoliciesRequest,
    ) -> v1::GetLeaderPoliciesResponse {
        let shapes = self.shapes();
        let mut answer = v1::GetLeaderPoliciesResponse::default();
        if request.with_cluster {
            answer.policies.push(policy::told(&shapes, None));
        }
        if request.topics.is_empty() {
            let topics = shapes.image.topics().filter(|it| !it.is_internal());
            answer.policies.extend(topics.map(|it| policy::told(&shapes, Some(it))));
        }
        for name in &request.topics {
            if let Some(topic) = shapes.image.topic_by_name(name) {
                answer.policies.push(policy::told(&shapes, Some(topic)));
            } else {
                let message = format!("topic '{name}' does not exist");
                answer.errors.push(unknown_topic(message).into_item(name));
            }
        }
        answer
    }
}

/// In the order of the answer: all topics first.
fn targets_of(targets: &v1::PolicyTargets) -> Result<Vec<PolicyTarget>, Status> {
    let cluster = targets.cluster.then_some(PolicyTarget::Cluster);
    let topics = targets.topics.iter().map(|it| PolicyTarget::Topic(TopicRef::Name(it.clone())));
    let targets: Vec<PolicyTarget> = cluster.into_iter().chain(topics).collect();
    if targets.is_empty() {
        return Err(bad_argument("no topic is named, and not all of them either").into());
    }
    Ok(targets)
}

/// How leadership is spread over all brokers, and how many partitions nobody leads.
fn spread(image: &MetadataImage) -> (Vec<v1::BrokerLeaders>, u32) {
    let row = |it: &Arc<BrokerImage>| v1::BrokerLeaders {
        broker: it.id.0,
        rack: it.rack.clone(),
        live: it.is_live(),
        ..v1::BrokerLeaders::default()
    };
    let mut rows: BTreeMap<BrokerId, v1::BrokerLeaders> =
        image.brokers().map(|it| (it.id, row(it))).collect();
    let mut leaderless = 0;
    for partition in image.topics().flat_map(|it| &it.partitions) {
        let preferred = partition.replicas.first().copied();
        leaderless += u32::from(partition.leader.is_none());
        for id in &partition.replicas {
            let Some(row) = rows.get_mut(id) else { continue };
            let (leads, is_preferred) = (partition.leader == Some(*id), preferred == Some(*id));
            row.replica_count += 1;
            row.leader_count += u32::from(leads);
            row.preferred_count += u32::from(is_preferred);
            row.preferred_led_count += u32::from(leads && is_preferred);
        }
    }
    (rows.into_values().collect(), leaderless)
}
