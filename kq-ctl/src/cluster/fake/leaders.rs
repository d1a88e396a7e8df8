//! Leaders and who may lead, in the cluster in memory; brokers that come and go.

#![expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "every operation has the shape of a call that can fail"
)]

use kq_proto::admin::v1;

use super::{BEGINNING_MS, State, error, no_topic};
use crate::exit::Failure;

type Answer<T> = Result<T, Failure>;

impl State {
    pub(crate) fn elect_leaders(
        &mut self,
        request: v1::ElectLeadersRequest,
    ) -> Answer<v1::ElectLeadersResponse> {
        let mut answer = v1::ElectLeadersResponse::default();
        let intent = request.intent.clone().unwrap_or_default();
        let mut wanted = request.partitions.clone();
        if request.all {
            for (name, topic) in &self.topics {
                let indexes = 0..u32::try_from(topic.partitions.len()).unwrap();
                wanted.extend(
                    indexes.map(|partition| v1::PartitionRef { topic: name.clone(), partition }),
                );
            }
        }
        for it in wanted {
            let item = format!("{}/{}", it.topic, it.partition);
            match self.elect(&it, &request) {
                Ok(row) if request.all && row.outcome() == v1::ElectionOutcome::Unchanged => {}
                Ok(row) => {
                    if let Some(leader) = row.new_leader.filter(|_| !intent.dry_run) {
                        self.moved.insert((it.topic.clone(), it.partition), leader);
                    }
                    answer.leaders.push(row);
                }
                Err(error) => answer.errors.push(v1::ItemError { item, ..error }),
            }
        }
        Ok(answer)
    }

    fn elect(
        &self,
        it: &v1::PartitionRef,
        request: &v1::ElectLeadersRequest,
    ) -> Result<v1::ElectedLeader, v1::ItemError> {
        let topic = self.topics.get(&it.topic).ok_or_else(|| no_topic(&it.topic))?;
        let isr = self.isr(topic);
        let old = self.leader(&it.topic, topic, it.partition);
        let unclean = request.r#type() == v1::ElectionType::Unclean;
        if unclean && let Some(leader) = old {
            let message = format!("broker {leader} leads; an unclean election is for no leader");
            return Err(error("", "kafka.ELECTION_NOT_NEEDED", message, ""));
        }
        let least = self.behind.iter().min_by_key(|it| it.1).map(|it| *it.0).filter(|_| unclean);
        let new = request.designate.or(isr.first().copied()).or(least).unwrap_or(1);
        if !unclean && !isr.contains(&new) {
            let message = format!("broker {new} is not in sync, or may not lead");
            return Err(error("", "kafka.PREFERRED_LEADER_NOT_AVAILABLE", message, ""));
        }
        let frozen = self.policies.get(&it.topic).and_then(|(_, freeze)| freeze.as_ref());
        if let Some(freeze) = frozen.filter(|_| old != Some(new)) {
            let reason = &freeze.reason;
            let message = format!(
                "the leaders of topic '{}' are frozen until it is lifted: {reason}",
                it.topic
            );
            let hint = format!("kq-ctl leader policy unfreeze {} lets them move", it.topic);
            return Err(error("", "kq.LEADERS_FROZEN", message, &hint));
        }
        let outcome = if old == Some(new) {
            v1::ElectionOutcome::Unchanged
        } else {
            v1::ElectionOutcome::Elected
        };
        Ok(v1::ElectedLeader {
            topic: it.topic.clone(),
            partition: it.partition,
            old_leader: old,
            new_leader: Some(new),
            outcome: outcome.into(),
        })
    }

    fn told(&self, topic: Option<&str>) -> v1::TopicLeaderPolicy {
        let standing = |name: &str| self.policies.get(name).cloned().unwrap_or_default();
        let (said, freeze) = standing(topic.unwrap_or(""));
        let (of_all, freeze_of_all) = standing("");
        let mut force = said.clone();
        force.prefer = force.prefer.or(of_all.prefer);
        force.auto_balance = force.auto_balance.or(of_all.auto_balance).or(Some(false));
        force.moves_per_minute = force.moves_per_minute.or(of_all.moves_per_minute).or(Some(60));
        if force.unclean() == v1::UncleanPolicy::Unspecified {
            force.set_unclean(v1::UncleanPolicy::Manual);
        }
        v1::TopicLeaderPolicy {
            topic: topic.map(str::to_owned),
            said: Some(said),
            in_force: Some(force),
            freeze: freeze.or(freeze_of_all),
        }
    }

    pub(crate) fn leader_policies(
        &mut self,
        request: v1::GetLeaderPoliciesRequest,
    ) -> Answer<v1::GetLeaderPoliciesResponse> {
        let mut answer = v1::GetLeaderPoliciesResponse::default();
        if request.with_cluster {
            answer.policies.push(self.told(None));
        }
        for name in self.topics.keys() {
            if request.topics.is_empty() || request.topics.contains(name) {
                answer.policies.push(self.told(Some(name)));
            }
        }
        let unknown = request.topics.iter().filter(|name| !self.topics.contains_key(*name));
        answer.errors = unknown.map(|name| no_topic(name)).collect();
        Ok(answer)
    }

    /// Changes each target, and tells it as it stands then.
    fn change(
        &mut self,
        targets: Option<v1::PolicyTargets>,
        intent: Option<&v1::Intent>,
        change: impl Fn(&mut v1::LeaderPolicy, &mut Option<v1::LeaderFreeze>),
    ) -> (Vec<v1::ChangedPolicy>, Vec<v1::ItemError>) {
        let targets = targets.unwrap_or_default();
        let dry_run = intent.is_some_and(|it| it.dry_run);
        let (mut policies, mut errors) = (Vec::new(), Vec::new());
        let mut names = targets.topics;
        if targets.cluster {
            names.insert(0, String::new());
        }
        for name in names {
            if !name.is_empty() && !self.topics.contains_key(&name) {
                errors.push(no_topic(&name));
                continue;
            }
            let old = self.policies.get(&name).cloned().unwrap_or_default();
            let (mut policy, mut freeze) = old.clone();
            change(&mut policy, &mut freeze);
            let changed = (policy.clone(), freeze.clone()) != old;
            if !dry_run {
                self.policies.insert(name.clone(), (policy, freeze));
            }
            let told = self.told(Some(name.as_str()).filter(|it| !it.is_empty()));
            policies.push(v1::ChangedPolicy { policy: Some(told), changed });
        }
        (policies, errors)
    }

    pub(crate) fn set_leader_policy(
        &mut self,
        request: v1::SetLeaderPolicyRequest,
    ) -> Answer<v1::SetLeaderPolicyResponse> {
        let wanted = request.change.unwrap_or_default();
        let (policies, errors) =
            self.change(request.targets, request.intent.as_ref(), |policy, _| {
                if wanted.unclean() != v1::UncleanPolicy::Unspecified {
                    policy.set_unclean(wanted.unclean());
                }
                policy.prefer = wanted.prefer.clone().or(policy.prefer.take());
                policy.avoid = wanted.avoid.clone().or(policy.avoid.take());
                policy.auto_balance = wanted.auto_balance.or(policy.auto_balance);
                policy.pins.extend(wanted.pins.clone());
                policy.pins.retain(|at, _| !request.unpin.contains(at));
                if request.unset.iter().any(|it| it == "prefer") {
                    policy.prefer = None;
                }
            });
        Ok(v1::SetLeaderPolicyResponse { policies, errors })
    }

    pub(crate) fn freeze_leaders(
        &mut self,
        request: v1::FreezeLeadersRequest,
    ) -> Answer<v1::FreezeLeadersResponse> {
        let intent = request.intent.unwrap_or_default();
        let until = request.for_ms.map(|ms| BEGINNING_MS + i64::try_from(ms).unwrap());
        let freeze = v1::LeaderFreeze {
            reason: intent.reason.clone(),
            since_at_ms: BEGINNING_MS,
            until_at_ms: until,
            of_cluster: false,
        };
        let (policies, errors) = self.change(request.targets, Some(&intent), |_, standing| {
            *standing = Some(freeze.clone());
        });
        Ok(v1::FreezeLeadersResponse { policies, errors })
    }

    pub(crate) fn unfreeze_leaders(
        &mut self,
        request: v1::UnfreezeLeadersRequest,
    ) -> Answer<v1::UnfreezeLeadersResponse> {
        let (policies, errors) =
            self.change(request.targets, request.intent.as_ref(), |_, standing| *standing = None);
        Ok(v1::UnfreezeLeadersResponse { policies, errors })
    }

    pub(crate) fn cordon_brokers(
        &mut self,
        request: v1::CordonBrokersRequest,
    ) -> Answer<v1::CordonBrokersResponse> {
        let mut answer = v1::CordonBrokersResponse::default();
        let is_dry = request.intent.is_some_and(|it| it.dry_run);
        for broker in request.brokers {
            let cordon = v1::Cordon { decommission: request.decommission, ..Default::default() };
            let changed = !self.cordoned.contains_key(&broker);
            if !is_dry {
                self.cordoned.entry(broker).or_insert(cordon);
            }
            answer.brokers.push(v1::BrokerChange { broker, changed });
        }
        Ok(answer)
    }

    pub(crate) fn uncordon_brokers(
        &mut self,
        request: v1::UncordonBrokersRequest,
    ) -> Answer<v1::UncordonBrokersResponse> {
        let mut answer = v1::UncordonBrokersResponse::default();
        for broker in request.brokers {
            if (1..=4).contains(&broker) {
                let changed = self.cordoned.remove(&broker).is_some();
                answer.brokers.push(v1::BrokerChange { broker, changed });
            } else {
                answer.errors.push(super::partitions::no_broker(broker));
            }
        }
        Ok(answer)
    }

    pub(crate) fn unregister_brokers(
        &mut self,
        request: v1::UnregisterBrokersRequest,
    ) -> Answer<v1::UnregisterBrokersResponse> {
        let mut answer = v1::UnregisterBrokersResponse::default();
        for broker in request.brokers {
            if self.fenced.contains(&broker) {
                answer.brokers.push(v1::BrokerChange { broker, changed: true });
            } else {
                let message = format!("broker {broker} lives");
                let item = format!("broker {broker}");
                answer.errors.push(error(&item, "kq.BROKER_IN_USE", message, ""));
            }
        }
        Ok(answer)
    }
}
