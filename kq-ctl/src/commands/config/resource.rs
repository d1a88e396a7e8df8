//! What configuration belongs to, as typed: `topic orders`, `broker 1`, `cluster`.

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::commands::shared::word;
use crate::exit::Failure;

/// What can have configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Topic,
    Broker,
    /// Defaults of all brokers.
    Cluster,
    BrokerLogger,
    Group,
    ClientMetrics,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Resource {
    /// What it belongs to
    #[arg(value_enum, value_name = "TYPE")]
    pub(crate) kind: Kind,
}

impl Kind {
    pub(crate) fn wire(self) -> v1::ResourceType {
        match self {
            Self::Topic => v1::ResourceType::Topic,
            Self::Broker => v1::ResourceType::Broker,
            Self::Cluster => v1::ResourceType::Cluster,
            Self::BrokerLogger => v1::ResourceType::BrokerLogger,
            Self::Group => v1::ResourceType::Group,
            Self::ClientMetrics => v1::ResourceType::ClientMetrics,
        }
    }

    /// The first word after the type is a name, except for the cluster, which has none.
    pub(crate) fn split(
        self,
        words: &[String],
    ) -> Result<(v1::ConfigResource, &[String]), Failure> {
        if self == Self::Cluster {
            return Ok((self.resource(""), words));
        }
        match words.split_first() {
            Some((name, rest)) => Ok((self.resource(name), rest)),
            None => Err(Failure::usage("a name is missing")
                .hint("write TYPE NAME, as topic orders or broker 1")),
        }
    }

    pub(crate) fn resource(self, name: &str) -> v1::ConfigResource {
        v1::ConfigResource { r#type: self.wire().into(), name: name.to_owned() }
    }
}

pub(super) fn kind_word(resource: &v1::ConfigResource) -> String {
    word(resource.r#type().as_str_name(), "RESOURCE_TYPE_")
}

/// Where a value comes from, in words.
pub(crate) fn source_word(source: i32) -> String {
    let source = v1::ConfigSource::try_from(source).unwrap_or_default();
    if source == v1::ConfigSource::Unspecified {
        return "unknown".to_owned();
    }
    word(source.as_str_name(), "CONFIG_SOURCE_")
}

/// Entries of one resource. Keys that it does not have are told.
pub(super) async fn entries(
    cluster: &dyn Cluster,
    resource: v1::ConfigResource,
    keys: &[String],
    with_docs: bool,
) -> Result<(Vec<v1::ConfigEntry>, Vec<Failure>), Failure> {
    let request = v1::DescribeConfigsRequest {
        resources: vec![resource.clone()],
        keys: keys.to_vec(),
        with_docs,
        with_synonyms: with_docs,
    };
    let answer = cluster.describe_configs(request).await?;
    let failures = answer.errors.into_iter().map(|error| told(error, &resource));
    let entries: Vec<v1::ConfigEntry> =
        answer.resources.into_iter().flat_map(|resource| resource.entries).collect();
    Ok((entries, failures.collect()))
}

/// What was wrong with configuration, and the command that shows what is right.
pub(crate) fn told(error: v1::ItemError, resource: &v1::ConfigResource) -> Failure {
    let hint = error.hint.clone();
    let failure = Failure::from(error);
    if !["kq.UNKNOWN_CONFIG_KEY", "kafka.INVALID_CONFIG"].contains(&failure.code.as_str()) {
        return failure;
    }
    let name = if resource.name.is_empty() { String::new() } else { format!(" {}", resource.name) };
    let look = format!("kq-ctl config describe {}{name} shows all keys", kind_word(resource));
    let hint = if hint.is_empty() { look } else { format!("{} {look}", ended(&hint)) };
    Failure { hint, ..failure }
}

fn ended(hint: &str) -> String {
    if hint.ends_with(['?', ';', '.']) { hint.to_owned() } else { format!("{hint};") }
}
