//! `kq.admin.v1.Configs`.

mod elsewhere;

use std::collections::BTreeMap;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::configs_server::Configs;
use kq_proto::admin::v1::{self, ResourceType};
use tonic::{Request, Response, Status};

use super::Admin;
use super::answer::{Answer, find_topic, is_dry_run, unexpected};
use super::error::{bad_argument, of_control};
use super::passing::Asker;
use super::spare;
use crate::catalogue::{
    ConfigEntry, ConfigKey, ConfigSource, ConfigSources, ConfigType, StaticConfig, broker_keys,
    closest, describe_broker, describe_topic, topic_keys,
};
use crate::controller::{
    AlterOp, Command, ConfigAlteration, ConfigTarget, IncrementalAlter, Limits, Reply, Settings,
    TopicRef, Turn, decide,
};
use crate::ids::{self, BrokerId};
use crate::metadata::{Change, ConfigResource, MetadataImage};
use kq_proto::kafka::ErrorCode;

#[tonic::async_trait]
impl Configs for Admin {
    async fn describe(
        &self,
        request: Request<v1::DescribeConfigsRequest>,
    ) -> Answer<v1::DescribeConfigsResponse> {
        let asker = Asker::of(&request);
        let request = request.into_inner();
        let image = self.node.image();
        let mut answer = v1::DescribeConfigsResponse::default();
        for resource in request.resources {
            let target = target_of(&resource);
            let other = target.as_ref().ok().and_then(|it| self.other_broker(&image, it));
            if let Some(broker) = other.filter(|_| asker == Asker::Client) {
                let request = v1::DescribeConfigsRequest {
                    resources: vec![resource.clone()],
                    keys: request.keys.clone(),
                    ..request
                };
                match self.describe_other(broker, request).await {
                    Ok(told) => {
                        answer.resources.extend(told.resources);
                        answer.errors.extend(told.errors);
                    }
                    Err(err) => answer.errors.push(err.into_item(item_of(&resource))),
                }
                continue;
            }
            let entries = target.and_then(|it| self.entries((&image, &self.node.fixed), &it));
            match entries {
                Ok(entries) => {
                    let unknown = request.keys.iter().filter(|key| !has(&entries, key));
                    answer.errors.extend(unknown.map(|key| unknown_key(&resource, key)));
                    let wanted = |it: &&ConfigEntry| {
                        request.keys.is_empty() || request.keys.iter().any(|key| key == it.key.name)
                    };
                    let (docs, synonyms) = (request.with_docs, request.with_synonyms);
                    let entries =
                        entries.iter().filter(wanted).map(|it| entry_of(it, docs, synonyms));
                    answer.resources.push(v1::ResourceConfigs {
                        entries: entries.collect(),
                        resource: Some(resource),
                    });
                }
                Err(err) => answer.errors.push(err.into_item(item_of(&resource))),
            }
        }
        Ok(Response::new(answer))
    }

    async fn alter(
        &self,
        request: Request<v1::AlterConfigsRequest>,
    ) -> Answer<v1::AlterConfigsResponse> {
        let v1::AlterConfigsRequest { resources, intent } = request.into_inner();
        let mut answer = v1::AlterConfigsResponse::default();
        let mut asked = Vec::new();
        for alteration in resources {
            let resource = alteration.resource.clone().unwrap_or_default();
            match incremental(&alteration) {
                Ok(it) => asked.push((resource, it)),
                Err(err) => answer.errors.push(err.into_item(item_of(&resource))),
            }
        }
        let before = self.node.image();
        if asked.iter().any(|(_, it)| spare::concerns(it)) {
            // What the controller refuses, it says itself.
            if let Ok((_, after)) = self.imagine(&before, &command_of(&asked)) {
                asked.retain(|(resource, it)| {
                    let why = self.unsound_settings((&before, &after), it);
                    let sound = why.is_none();
                    answer.errors.extend(why.map(|it| it.into_item(item_of(resource))));
                    sound
                });
            }
        }
        if asked.is_empty() {
            return Ok(Response::new(answer));
        }
        let command = command_of(&asked);
        let (reply, after) = if is_dry_run(intent.as_ref()) {
            self.imagine(&before, &command)?
        } else {
            let reply = self.submit(intent.as_ref(), command).await?;
            (reply, self.node.image())
        };
        let Reply::ConfigsAltered(results) = reply else { return Err(unexpected()) };
        for ((resource, it), result) in asked.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    let changes = self.changes((&before, &after), &it.target).await?;
                    answer
                        .resources
                        .push(v1::AlteredResource { resource: Some(resource), changes });
                }
                Err(err) => answer.errors.push(of_control(&err).into_item(item_of(&resource))),
            }
        }
        Ok(Response::new(answer))
    }

    async fn list_resources(
        &self,
        request: Request<v1::ListConfigResourcesRequest>,
    ) -> Answer<v1::ListConfigResourcesResponse> {
        let wanted = request.into_inner().r#type;
        let image = self.node.image();
        let name_of = |resource: ConfigResource| match resource {
            ConfigResource::Topic(id) => {
                let name = image.topic_by_id(id).map(|it| it.name.to_string());
                (ResourceType::Topic, name.unwrap_or_default())
            }
            ConfigResource::Broker(id) => (ResourceType::Broker, id.to_string()),
            ConfigResource::Cluster => (ResourceType::Cluster, String::new()),
        };
        let resources = image
            .configured_resources()
            .map(name_of)
            .map(|(kind, name)| v1::ConfigResource { r#type: kind.into(), name })
            .filter(|it| wanted == 0 || it.r#type == wanted)
            .collect();
        Ok(Response::new(v1::ListConfigResourcesResponse { resources }))
    }
}

impl Admin {
    /// Every key of a resource, as it stands in an image, for a broker that was started with this.
    fn entries(
        &self,
        (image, fixed): (&MetadataImage, &StaticConfig),
        target: &ConfigTarget,
    ) -> Result<Vec<ConfigEntry>, AdminError> {
        match target {
            ConfigTarget::Topic(name) => {
                let topic = find_topic(image, &TopicRef::Name(name.clone()))?;
                let sources = ConfigSources::of(image, self.node.broker_id, fixed);
                Ok(describe_topic(&topic.configs, &sources))
            }
            ConfigTarget::Broker(name) if name.is_empty() => Ok(describe_cluster(image)),
            ConfigTarget::Broker(name) => {
                let id = name.parse().map(BrokerId).ok();
                let Some(broker) = id.and_then(|id| image.broker(id)) else {
                    let code = format!("kafka.{}", ErrorCode::BrokerIdNotRegistered.name());
                    let message = format!("no broker with id {name} is registered");
                    return Err(AdminError::new(tonic::Code::NotFound, code, message));
                };
                Ok(describe_broker(&ConfigSources::of(image, broker.id, fixed)))
            }
        }
    }

    /// The image as it would be after a command, and the controller's reply; nothing is changed.
    pub(super) fn imagine(
        &self,
        image: &MetadataImage,
        command: &Command,
    ) -> Result<(Reply, std::sync::Arc<MetadataImage>), Status> {
        let settings = Settings { fixed: self.node.fixed.clone(), limits: Limits::default() };
        let now = self.node.clock.now();
        let mut turn = Turn { now, ids: &mut ids::draw };
        let decision = decide(image, command, &settings, &mut turn)
            .map_err(|err| Status::from(of_control(&err)))?;
        let change = Change { time: now, reason: String::new(), records: decision.records };
        let next = image
            .apply(image.applied() + 1, &change)
            .map_err(|err| Status::internal(err.to_string()))?;
        Ok((decision.reply, std::sync::Arc::new(next)))
    }

    /// The keys whose value or source differs between two images.
    async fn changes(
        &self,
        (before, after): (&MetadataImage, &MetadataImage),
        target: &ConfigTarget,
    ) -> Result<Vec<v1::ConfigChange>, Status> {
        let fixed = self.fixed_of(before, target).await;
        let old = self.entries((before, &fixed), target)?;
        let new = self.entries((after, &fixed), target)?;
        let old: BTreeMap<&str, &ConfigEntry> = old.iter().map(|it| (it.key.name, it)).collect();
        let changed = new.iter().filter_map(|new| {
            let old = *old.get(new.key.name)?;
            let differs = old.value != new.value || old.source != new.source;
            differs.then(|| v1::ConfigChange {
                key: new.key.name.to_owned(),
                old_value: old.value.clone(),
                new_value: new.value.clone(),
                old_source: source_of(old.source).into(),
                new_source: source_of(new.source).into(),
            })
        });
        Ok(changed.collect())
    }
}

/// What is set for all brokers at once, and the default where nothing is.
fn describe_cluster(image: &MetadataImage) -> Vec<ConfigEntry> {
    let sources = ConfigSources {
        cluster: image.configs(&ConfigResource::Cluster),
        ..ConfigSources::default()
    };
    let dynamic: Vec<&str> =
        broker_keys().iter().filter(|key| !key.is_read_only()).map(|key| key.name).collect();
    describe_broker(&sources).into_iter().filter(|it| dynamic.contains(&it.key.name)).collect()
}

fn has(entries: &[ConfigEntry], key: &str) -> bool {
    entries.iter().any(|entry| entry.key.name == key)
}

fn unknown_key(resource: &v1::ConfigResource, key: &str) -> v1::ItemError {
    let is_topic = resource.r#type() == ResourceType::Topic;
    let keys = if is_topic { topic_keys() } else { broker_keys() };
    let message = format!("{} has no key '{key}'", item_of(resource).replacen(':', " ", 1));
    let error = AdminError::new(tonic::Code::NotFound, "kq.UNKNOWN_CONFIG_KEY", message);
    match closest(keys.iter().map(|it| it.name), key) {
        Some(closest) => error.hint(format!("did you mean '{closest}'?")).into_item(key),
        None => error.into_item(key),
    }
}

fn target_of(resource: &v1::ConfigResource) -> Result<ConfigTarget, AdminError> {
    match resource.r#type() {
        ResourceType::Topic => Ok(ConfigTarget::Topic(resource.name.clone())),
        ResourceType::Broker if resource.name.is_empty() => {
            Err(bad_argument("a broker is named by nothing: give its id"))
        }
        ResourceType::Broker => Ok(ConfigTarget::Broker(resource.name.clone())),
        ResourceType::Cluster => Ok(ConfigTarget::Broker(String::new())),
        ResourceType::Unspecified
        | ResourceType::BrokerLogger
        | ResourceType::Group
        | ResourceType::ClientMetrics => {
            let kind = kind_word(resource);
            let message = format!("configuration of a {kind} is not kept here");
            Err(AdminError::new(tonic::Code::Unimplemented, "kq.UNSUPPORTED", message)
                .hint("topic, broker and cluster have configuration"))
        }
    }
}

fn command_of(asked: &[(v1::ConfigResource, IncrementalAlter)]) -> Command {
    let resources = asked.iter().map(|(_, it)| it.clone()).collect();
    Command::IncrementalAlterConfigs { resources, validate_only: false }
}

fn incremental(it: &v1::ResourceAlteration) -> Result<IncrementalAlter, AdminError> {
    let resource = it.resource.as_ref().ok_or_else(|| bad_argument("a resource is missing"))?;
    let alteration = |it: &v1::ConfigAlteration| {
        let op = match it.op() {
            v1::AlterOp::Set => AlterOp::Set,
            v1::AlterOp::Unset => AlterOp::Delete,
            v1::AlterOp::Append => AlterOp::Append,
            v1::AlterOp::Subtract => AlterOp::Subtract,
            v1::AlterOp::Unspecified => {
                return Err(bad_argument(format!("nothing is said to be done with {}", it.key)));
            }
        };
        Ok(ConfigAlteration { key: it.key.clone(), op, value: it.value.clone() })
    };
    Ok(IncrementalAlter {
        target: target_of(resource)?,
        alterations: it.alterations.iter().map(alteration).collect::<Result<_, _>>()?,
    })
}

fn kind_word(resource: &v1::ConfigResource) -> String {
    let kind = resource.r#type().as_str_name();
    kind.strip_prefix("RESOURCE_TYPE_").unwrap_or(kind).to_lowercase().replace('_', "-")
}

fn item_of(resource: &v1::ConfigResource) -> String {
    let kind = kind_word(resource);
    if resource.name.is_empty() { kind } else { format!("{kind}:{}", resource.name) }
}

/// One key for the wire.
pub(super) fn entry_of(it: &ConfigEntry, with_doc: bool, with_synonyms: bool) -> v1::ConfigEntry {
    let key: &ConfigKey = it.key;
    let synonyms = it.synonyms.iter().map(|it| v1::ConfigSynonym {
        key: it.name.to_owned(),
        value: it.value.clone(),
        source: source_of(it.source).into(),
    });
    v1::ConfigEntry {
        key: key.name.to_owned(),
        value: it.value.clone(),
        source: source_of(it.source).into(),
        default_value: key.default.filter(|_| !key.sensitive).map(str::to_owned),
        r#type: type_of(key.kind).into(),
        sensitive: key.sensitive,
        read_only: key.is_read_only(),
        bounds: key.accepts.describe(key.kind),
        restart_required: key.is_read_only(),
        doc: if with_doc { key.doc.to_owned() } else { String::new() },
        synonyms: if with_synonyms { synonyms.collect() } else { Vec::new() },
    }
}

fn source_of(source: ConfigSource) -> v1::ConfigSource {
    match source {
        ConfigSource::DynamicTopic => v1::ConfigSource::DynamicTopic,
        ConfigSource::DynamicBroker => v1::ConfigSource::DynamicBroker,
        ConfigSource::DynamicCluster => v1::ConfigSource::DynamicCluster,
        ConfigSource::StaticBroker => v1::ConfigSource::StaticBroker,
        ConfigSource::Default => v1::ConfigSource::Default,
    }
}

fn type_of(kind: ConfigType) -> v1::ConfigType {
    match kind {
        ConfigType::Boolean => v1::ConfigType::Boolean,
        ConfigType::String => v1::ConfigType::String,
        ConfigType::Short => v1::ConfigType::Short,
        ConfigType::Int => v1::ConfigType::Int,
        ConfigType::Long => v1::ConfigType::Long,
        ConfigType::Double => v1::ConfigType::Double,
        ConfigType::List => v1::ConfigType::List,
    }
}
