//! Configuration values: checked against the catalogue before they are committed.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::kafka::ErrorCode;

use super::command::{
    AlterConfigs, AlterOp, ConfigAlteration, ConfigTarget, IncrementalAlter, NewTopic, Reply,
};
use super::decide::Draft;
use super::error::{ControlError, Refused};
use super::leaders;
use super::plan::{self, RATE_KEYS};
use crate::canary;
use crate::catalogue::{
    ConfigKey, ConfigSources, ConfigType, EffectiveTopicConfig, broker_key, broker_keys, closest,
    topic_key, topic_keys, topic_value,
};
use crate::ids::BrokerId;
use crate::metadata::{ConfigMap, ConfigResource, MetadataRecord};

/// The values of a topic that is being created.
pub(super) fn of_new_topic(
    draft: &Draft<'_, '_>,
    new: &NewTopic,
) -> Result<ConfigMap, ControlError> {
    let mut values = ConfigMap::new();
    for (name, value) in &new.configs {
        let Some(value) = value else {
            let message = format!("Null value not supported for topic configs: {name}");
            return Err(ControlError::new(ErrorCode::InvalidConfig, message));
        };
        verify_value(draft, key_of_topic(name)?, value)?;
        values.insert(name.clone(), value.clone());
    }
    verify_together(draft, &values)?;
    Ok(values)
}

/// All values of each resource become the given ones.
pub(super) fn replace(draft: &mut Draft<'_, '_>, resources: &[AlterConfigs]) -> Reply {
    let twice = repeated(resources.iter().map(|it| &it.target));
    let replace_one = |it: &AlterConfigs| {
        verify_once(&twice, &it.target)?;
        let resource = find(draft, &it.target)?;
        let mut values = ConfigMap::new();
        for (name, value) in &it.values {
            let key = key_of(&resource, name)?;
            let Some(value) = value else {
                let message = format!("Null value not supported for: {name}");
                return Err(ControlError::new(ErrorCode::InvalidRequest, message));
            };
            verify_value(draft, key, value)?;
            values.insert(name.clone(), value.clone());
        }
        commit(draft, resource, values)
    };
    Reply::ConfigsAltered(resources.iter().map(replace_one).collect())
}

/// Single values of each resource change.
pub(super) fn alter(draft: &mut Draft<'_, '_>, resources: &[IncrementalAlter]) -> Reply {
    let twice = repeated(resources.iter().map(|it| &it.target));
    let alter_one = |it: &IncrementalAlter| {
        verify_once(&twice, &it.target)?;
        let resource = find(draft, &it.target)?;
        let mut values = draft.image.configs(&resource).as_ref().clone();
        let mut named = BTreeSet::new();
        for alteration in &it.alterations {
            if !named.insert(&alteration.key) {
                let message = format!("Config key {} is given more than once.", alteration.key);
                return Err(ControlError::new(ErrorCode::InvalidRequest, message));
            }
            alter_value(draft, &resource, &mut values, alteration)?;
        }
        commit(draft, resource, values)
    };
    Reply::ConfigsAltered(resources.iter().map(alter_one).collect())
}

fn alter_value(
    draft: &Draft<'_, '_>,
    resource: &ConfigResource,
    values: &mut ConfigMap,
    it: &ConfigAlteration,
) -> Result<(), ControlError> {
    let key = match key_of(resource, &it.key) {
        // A key that is no longer known can still be taken away.
        Err(_) if it.op == AlterOp::Delete && values.contains_key(&it.key) => {
            values.remove(&it.key);
            return Ok(());
        }
        found => found?,
    };
    if it.op == AlterOp::Delete {
        values.remove(&it.key);
        return Ok(());
    }
    let Some(given) = &it.value else {
        let message = format!("Null value not supported for: {}", it.key);
        return Err(ControlError::new(ErrorCode::InvalidRequest, message));
    };
    let value = if it.op == AlterOp::Set {
        given.clone()
    } else {
        let current = value_in_force(draft, resource, values, &it.key);
        edit_list(key, &current, it.op, given)?
    };
    verify_value(draft, key, &value)?;
    values.insert(it.key.clone(), value);
    Ok(())
}

/// Adds items to a list value or takes them away.
fn edit_list(
    key: &ConfigKey,
    current: &str,
    op: AlterOp,
    given: &str,
) -> Result<String, ControlError> {
    let (verb, name) =
        (if op == AlterOp::Append { "append to" } else { "subtract from" }, key.name);
    if key.kind != ConfigType::List {
        let message = format!("Can't {verb} config key {name}, because its type is not LIST.");
        return Err(ControlError::new(ErrorCode::InvalidConfig, message));
    }
    let split = |text: &str| {
        let items = text.split(',').map(|it| it.trim().to_owned());
        items.filter(|it| !it.is_empty()).collect::<Vec<_>>()
    };
    let mut items = split(current);
    for item in split(given) {
        items.retain(|it| op == AlterOp::Append || *it != item);
        if op == AlterOp::Append && !items.contains(&item) {
            items.push(item);
        }
    }
    Ok(items.join(","))
}

/// Records what differs from the values that stand.
fn commit(
    draft: &mut Draft<'_, '_>,
    resource: ConfigResource,
    values: ConfigMap,
) -> Result<(), ControlError> {
    if matches!(resource, ConfigResource::Topic(_)) {
        verify_together(draft, &values)?;
    }
    let old = draft.image.configs(&resource);
    let keys: BTreeSet<&String> = old.keys().chain(values.keys()).collect();
    let records: Vec<MetadataRecord> = keys
        .into_iter()
        .filter(|key| old.get(*key) != values.get(*key))
        .map(|key| MetadataRecord::ConfigChanged {
            resource: resource.clone(),
            key: key.clone(),
            value: values.get(key).cloned(),
        })
        .collect();
    let changes = |name: &str| {
        let is = |it: &MetadataRecord| matches!(it, MetadataRecord::ConfigChanged { key, .. } if key == name);
        records.iter().any(is)
    };
    let unclean = changes("unclean.leader.election.enable");
    let min_isr = changes("min.insync.replicas");
    let throttle = RATE_KEYS.into_iter().any(changes);
    let throttled = if throttle { plan::bounds_of_keys(draft) } else { BTreeMap::new() };
    if !records.is_empty() {
        draft.accept(records)?;
    }
    if throttle {
        plan::follow_keys(draft, &throttled)?;
    }
    if min_isr && !canary::is("elr_outlives_its_rule") {
        leaders::settle_elr(draft)?;
    }
    if unclean {
        leaders::elect_where(draft, |partition| partition.leader.is_none())?;
    }
    Ok(())
}

fn find(draft: &Draft<'_, '_>, target: &ConfigTarget) -> Result<ConfigResource, ControlError> {
    match target {
        ConfigTarget::Topic(name) => {
            let topic = draft.image.topic_by_name(name).ok_or_else(|| {
                let message = format!("Topic '{name}' does not exist.");
                ControlError::new(ErrorCode::UnknownTopicOrPartition, message)
            })?;
            Ok(ConfigResource::Topic(topic.id))
        }
        ConfigTarget::Broker(name) if name.is_empty() => Ok(ConfigResource::Cluster),
        ConfigTarget::Broker(name) => {
            let Ok(id) = name.parse().map(BrokerId) else {
                let message = format!("Broker id must be a number, but it is: {name}");
                return Err(ControlError::new(ErrorCode::InvalidRequest, message));
            };
            if draft.image.broker(id).is_none() {
                let message = format!("No broker with id {id} is registered.");
                return Err(ControlError::new(ErrorCode::BrokerIdNotRegistered, message));
            }
            Ok(ConfigResource::Broker(id))
        }
    }
}

fn key_of(resource: &ConfigResource, name: &str) -> Result<&'static ConfigKey, ControlError> {
    if matches!(resource, ConfigResource::Topic(_)) {
        return key_of_topic(name);
    }
    let key = broker_key(name).ok_or_else(|| unknown_key("broker", name, broker_keys()))?;
    if key.is_read_only() {
        let message = format!("Cannot update these configs dynamically: {name}");
        return Err(ControlError::new(ErrorCode::InvalidRequest, message)
            .hint("set it in the broker's configuration file and start it again"));
    }
    Ok(key)
}

fn key_of_topic(name: &str) -> Result<&'static ConfigKey, ControlError> {
    topic_key(name).ok_or_else(|| unknown_key("topic", name, topic_keys()))
}

fn unknown_key(kind: &str, name: &str, keys: &'static [ConfigKey]) -> ControlError {
    let message = format!("Unknown {kind} config name: {name}");
    let error = ControlError::new(ErrorCode::InvalidConfig, message).refused(Refused::UnknownKey);
    match closest(keys.iter().map(|key| key.name), name) {
        Some(closest) => error.hint(format!("did you mean '{closest}'?")),
        None => error,
    }
}

fn verify_value(draft: &Draft<'_, '_>, key: &ConfigKey, value: &str) -> Result<(), ControlError> {
    let max = draft.settings.limits.config_value_bytes_max;
    if value.len() > max {
        let message =
            format!("The value of {} has {} bytes, more than {max}.", key.name, value.len());
        return Err(ControlError::new(ErrorCode::InvalidConfig, message));
    }
    key.verify(value).map_err(|err| {
        let accepted = key.accepts.describe(key.kind);
        let told_already = err.why.contains(&accepted);
        let error = ControlError::new(ErrorCode::InvalidConfig, err.to_string());
        if told_already { error } else { error.hint(format!("accepted: {accepted}")) }
    })
}

/// Rules that hold between the values of one topic.
fn verify_together(draft: &Draft<'_, '_>, values: &ConfigMap) -> Result<(), ControlError> {
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    let all = EffectiveTopicConfig::resolve(values, &sources);
    if all.min_compaction_lag_ms > all.max_compaction_lag_ms {
        let message = format!(
            "conflict between min.compaction.lag.ms={} and max.compaction.lag.ms={}: the first \
             must not be larger",
            all.min_compaction_lag_ms, all.max_compaction_lag_ms
        );
        return Err(ControlError::new(ErrorCode::InvalidConfig, message));
    }
    Ok(())
}

/// The value a key has now, from wherever it comes.
fn value_in_force(
    draft: &Draft<'_, '_>,
    resource: &ConfigResource,
    values: &ConfigMap,
    name: &str,
) -> String {
    if let Some(value) = values.get(name) {
        return value.clone();
    }
    let fixed = &draft.settings.fixed;
    let cluster = ConfigSources::of_cluster(&draft.image, fixed);
    match resource {
        ConfigResource::Topic(_) => topic_value(values, &cluster, name).unwrap_or_default(),
        ConfigResource::Broker(id) => {
            let sources = ConfigSources::of(&draft.image, *id, fixed);
            sources.broker_value(name).map(|it| it.1).unwrap_or_default()
        }
        ConfigResource::Cluster => cluster.broker_value(name).map(|it| it.1).unwrap_or_default(),
    }
}

/// The targets that one request names more than once.
fn repeated<'a>(targets: impl Iterator<Item = &'a ConfigTarget>) -> BTreeSet<String> {
    let mut uses: BTreeMap<String, u32> = BTreeMap::new();
    for target in targets {
        *uses.entry(target.to_string()).or_default() += 1;
    }
    uses.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

fn verify_once(twice: &BTreeSet<String>, target: &ConfigTarget) -> Result<(), ControlError> {
    if twice.contains(&target.to_string()) {
        let message = format!("Each resource must appear at most once, found {target} again.");
        return Err(ControlError::new(ErrorCode::InvalidRequest, message));
    }
    Ok(())
}
