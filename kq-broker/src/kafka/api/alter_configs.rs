//! `AlterConfigs` and `IncrementalAlterConfigs`: all values of a resource at once, or single ones.

use std::sync::Arc;

use kq_proto::kafka::messages::{alter_configs as whole, incremental_alter_configs as single};
use kq_proto::kafka::{ErrorCode, Str};

use super::control::{deadline, each_of, message};
use super::resource::target;
use crate::controller::{
    AlterConfigs, AlterOp, Command, ConfigAlteration, ControlError, IncrementalAlter, Reply,
};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for whole::AlterConfigsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move {
            let asked = self.resources.iter().map(replacement).collect();
            let validate_only = self.validate_only;
            let command = |resources| Command::AlterConfigs { resources, validate_only };
            let outcomes = submit(&door, asked, command).await;
            let answers = self.resources.into_iter().zip(outcomes).map(|(resource, outcome)| {
                let (error_code, error_message) = spoken(outcome);
                whole::AlterConfigsResourceResponse {
                    error_code,
                    error_message,
                    resource_type: resource.resource_type,
                    resource_name: resource.resource_name,
                }
            });
            let responses = answers.collect();
            whole::AlterConfigsResponse { responses, ..Default::default() }
        })
    }
}

impl Handle for single::IncrementalAlterConfigsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move {
            let asked = self.resources.iter().map(alteration).collect();
            let validate_only = self.validate_only;
            let command = |resources| Command::IncrementalAlterConfigs { resources, validate_only };
            let outcomes = submit(&door, asked, command).await;
            let answers = self.resources.into_iter().zip(outcomes).map(|(resource, outcome)| {
                let (error_code, error_message) = spoken(outcome);
                single::AlterConfigsResourceResponse {
                    error_code,
                    error_message,
                    resource_type: resource.resource_type,
                    resource_name: resource.resource_name,
                }
            });
            let responses = answers.collect();
            single::IncrementalAlterConfigsResponse { responses, ..Default::default() }
        })
    }
}

fn replacement(resource: &whole::AlterConfigsResource) -> Result<AlterConfigs, ControlError> {
    let values = resource.configs.iter();
    let values = values.map(|it| (it.name.to_string(), it.value.as_deref().map(str::to_owned)));
    let target = target(resource.resource_type, &resource.resource_name)?;
    Ok(AlterConfigs { target, values: values.collect() })
}

fn alteration(resource: &single::AlterConfigsResource) -> Result<IncrementalAlter, ControlError> {
    let target = target(resource.resource_type, &resource.resource_name)?;
    let alterations = resource.configs.iter().map(|it| {
        let op = AlterOp::from_wire(it.config_operation).ok_or_else(|| {
            let message = format!(
                "unknown operation {} on {}; 0 sets, 1 deletes, 2 appends, 3 subtracts",
                it.config_operation, it.name
            );
            ControlError::new(ErrorCode::InvalidRequest, message)
        })?;
        let value = it.value.as_deref().map(str::to_owned);
        Ok(ConfigAlteration { key: it.name.to_string(), op, value })
    });
    Ok(IncrementalAlter { target, alterations: alterations.collect::<Result<_, _>>()? })
}

/// Submits what is understood; what is not keeps its refusal and its place.
async fn submit<T>(
    door: &Door,
    asked: Vec<Result<T, ControlError>>,
    command: impl FnOnce(Vec<T>) -> Command,
) -> Vec<Result<(), ControlError>> {
    let mut outcomes = Vec::with_capacity(asked.len());
    let mut good = Vec::with_capacity(asked.len());
    for one in asked {
        outcomes.push(match one {
            Ok(one) => {
                good.push(one);
                Ok(())
            }
            Err(error) => Err(error),
        });
    }
    if good.is_empty() {
        return outcomes;
    }
    let count = good.len();
    let reply = door.submit(command(good), deadline(0)).await;
    let altered = each_of(reply, count, |reply| {
        if let Reply::ConfigsAltered(each) = reply { Some(each) } else { None }
    });
    let places = outcomes.iter_mut().filter(|it| it.is_ok());
    for (place, outcome) in places.zip(altered) {
        *place = outcome;
    }
    outcomes
}

fn spoken(outcome: Result<(), ControlError>) -> (ErrorCode, Option<Str>) {
    match outcome {
        Ok(()) => (ErrorCode::None, None),
        Err(error) => (error.code, message(&error)),
    }
}
