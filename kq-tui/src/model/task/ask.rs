//! What the cluster is asked first: what it would do. Nothing of this changes anything.

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_goal::{Drain, Goal, Objective};
use kq_proto::client::typed::{Target, throttle};

use super::Aim;
use crate::model::{Call, State, ctl};

impl Aim {
    /// The question. An error in words if what was typed says nothing.
    pub(super) fn proposal(&self, state: &State, how: &str) -> Result<Call, String> {
        let intent = Some(intent(true));
        Ok(match self {
            Self::Elect(places) => elect(places, intent),
            Self::Drain(id) => {
                let goal = Goal::Drain(Drain { broker: *id, leaders_only: false });
                plan(goal, Vec::new(), ctl::of_task(state, self, how))
            }
            Self::Undrain(id) => {
                Call::UncordonBrokers(v1::UncordonBrokersRequest { brokers: vec![*id], intent })
            }
            Self::Reset { group, scope } => {
                let (target, live) = read_target(how)?;
                Call::ProposeReset(v1::ProposeResetRequest {
                    group: group.clone(),
                    scope: by_topic(scope),
                    all_topics: scope.is_empty(),
                    live,
                    target: Some(v1::ResetTarget {
                        to: Some(target.wire(state.now_ms(), |_| v1::OffsetList::default())),
                    }),
                    typed: target.to_string(),
                    ..v1::ProposeResetRequest::default()
                })
            }
            Self::Balance(scope) => {
                let of = |(topic, partitions): (&String, &Vec<u32>)| v1::PlanScope {
                    topic: topic.clone(),
                    partitions: partitions.clone(),
                };
                let goal = Goal::Balance(Objective::Bytes.into());
                plan(goal, scope.iter().map(of).collect(), ctl::of_task(state, self, how))
            }
            Self::Steer(plan) => steer(&plan.id, how, true)?,
        })
    }
}

/// What every change carries.
pub(super) fn intent(dry_run: bool) -> v1::Intent {
    v1::Intent { reason: "asked in kq-tui".to_owned(), dry_run }
}

pub(super) fn elect(places: &[(String, u32)], intent: Option<v1::Intent>) -> Call {
    let place = |(topic, partition): &(String, u32)| v1::PartitionRef {
        topic: topic.clone(),
        partition: *partition,
    };
    Call::ElectLeaders(v1::ElectLeadersRequest {
        partitions: places.iter().map(place).collect(),
        r#type: v1::ElectionType::Preferred.into(),
        intent,
        ..v1::ElectLeadersRequest::default()
    })
}

fn plan(goal: Goal, scope: Vec<v1::PlanScope>, typed: String) -> Call {
    Call::ProposePlan(v1::ProposePlanRequest {
        goal: Some(v1::PlanGoal { goal: Some(goal) }),
        options: Some(v1::PlanOptions { scope, typed, ..v1::PlanOptions::default() }),
    })
}

/// A target as kq-ctl takes it, and whether members are put out.
pub(super) fn read_target(how: &str) -> Result<(Target, bool), String> {
    let mut words = how.split_whitespace();
    let target = words.next().ok_or("earliest, latest, @-2h or another one of the above")?;
    let live = match (words.next(), words.next()) {
        (None, _) => false,
        (Some("--live"), None) => true,
        (Some(word), _) => return Err(format!("'{word}' is not known here; accepted: --live")),
    };
    let target = target.parse::<Target>()?;
    if let Target::File(_) = target {
        return Err("a file is read by kq-ctl alone".to_owned());
    }
    Ok((target, live))
}

fn by_topic(scope: &[(String, u32)]) -> Vec<v1::TopicPartitions> {
    let mut topics: Vec<v1::TopicPartitions> = Vec::new();
    for (topic, partition) in scope {
        match topics.iter_mut().find(|it| it.topic == *topic) {
            Some(it) => it.partitions.push(*partition),
            None => topics
                .push(v1::TopicPartitions { topic: topic.clone(), partitions: vec![*partition] }),
        }
    }
    topics
}

/// How a plan goes on.
pub(super) fn steer(id: &str, how: &str, dry_run: bool) -> Result<Call, String> {
    let intent = Some(intent(dry_run));
    let request = || v1::ChangePlanRequest { id: id.to_owned(), intent: intent.clone() };
    let words: Vec<&str> = how.split_whitespace().collect();
    match words.as_slice() {
        ["pause"] => Ok(Call::PausePlan(request())),
        ["resume"] => Ok(Call::ResumePlan(request())),
        ["cancel"] => Ok(Call::CancelPlan(request())),
        ["throttle", rate] => Ok(Call::ThrottlePlan(v1::ThrottlePlanRequest {
            id: id.to_owned(),
            throttle: Some(throttle(rate)?),
            intent,
        })),
        [] | ["throttle"] => Err("throttle 50MB/s, pause, resume or cancel".to_owned()),
        [word, ..] => Err(format!(
            "'{word}' is not known here; accepted: throttle RATE|auto|off, pause, resume, cancel"
        )),
    }
}
