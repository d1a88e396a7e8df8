//! What a screen is about, where it is about one thing: by names that hold in any stream.

use kq_proto::admin::v1;

use super::RowKey;
use super::words::broker;

/// One thing of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The cluster as a whole.
    Cluster,
    /// A broker by its id.
    Broker(u32),
    /// A topic by its name.
    Topic(String),
    /// A partition by its topic and index.
    Partition(String, u32),
    /// A record by its topic, partition and offset.
    Record(String, u32, u64),
}

impl Subject {
    /// In words, not yet safe to show: `cluster`, `b3`, `orders`, `orders/3`, `orders/3@42`.
    pub fn words(&self) -> String {
        match self {
            Self::Cluster => "cluster".to_owned(),
            Self::Broker(id) => broker(*id),
            Self::Topic(topic) => topic.clone(),
            Self::Partition(topic, index) => format!("{topic}/{index}"),
            Self::Record(topic, index, offset) => format!("{topic}/{index}@{offset}"),
        }
    }

    /// Its topic, if it has one.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Self::Cluster | Self::Broker(_) => None,
            Self::Topic(topic) | Self::Partition(topic, _) | Self::Record(topic, _, _) => {
                Some(topic)
            }
        }
    }

    /// Its partition, if it is of one.
    pub const fn partition(&self) -> Option<u32> {
        match self {
            Self::Cluster | Self::Broker(_) | Self::Topic(_) => None,
            Self::Partition(_, index) | Self::Record(_, index, _) => Some(*index),
        }
    }

    /// What has the configuration of a row; none if the row is about nothing that has one.
    pub(super) fn configured(key: &RowKey) -> Option<Self> {
        match key {
            RowKey::Broker(id) | RowKey::Voter(id) => Some(Self::Broker(*id)),
            RowKey::Topic(name) | RowKey::Partition(name, _) => Some(Self::Topic(name.to_string())),
            RowKey::Owned(name, _) => Some(Self::Topic(name.clone())),
            RowKey::Alarm(_)
            | RowKey::Event(_)
            | RowKey::Group(_)
            | RowKey::Member(_)
            | RowKey::Nobody
            | RowKey::Plan(_)
            | RowKey::Config(_)
            | RowKey::Record(_)
            | RowKey::Line(_) => None,
        }
    }

    /// What has the records of a row; none if the row is about nothing that has some.
    pub(super) fn recorded(key: &RowKey) -> Option<Self> {
        match key {
            RowKey::Topic(name) => Some(Self::Topic(name.to_string())),
            RowKey::Partition(name, index) => Some(Self::Partition(name.to_string(), *index)),
            RowKey::Owned(name, index) => Some(Self::Partition(name.clone(), *index)),
            RowKey::Broker(_)
            | RowKey::Voter(_)
            | RowKey::Alarm(_)
            | RowKey::Event(_)
            | RowKey::Group(_)
            | RowKey::Member(_)
            | RowKey::Nobody
            | RowKey::Plan(_)
            | RowKey::Config(_)
            | RowKey::Record(_)
            | RowKey::Line(_) => None,
        }
    }

    /// As the control door names what has configuration.
    pub(super) fn resource(&self) -> v1::ConfigResource {
        let (kind, name) = match self {
            Self::Cluster => (v1::ResourceType::Cluster, String::new()),
            Self::Broker(id) => (v1::ResourceType::Broker, id.to_string()),
            Self::Topic(topic) | Self::Partition(topic, _) | Self::Record(topic, _, _) => {
                (v1::ResourceType::Topic, topic.clone())
            }
        };
        v1::ConfigResource { r#type: kind.into(), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_about_what_its_key_names() {
        let cases = [
            (RowKey::Broker(3), Some("b3"), None),
            (RowKey::Topic("orders".into()), Some("orders"), Some("orders")),
            (RowKey::Partition("orders".into(), 3), Some("orders"), Some("orders/3")),
            (RowKey::Owned("orders".into(), 3), Some("orders"), Some("orders/3")),
            (RowKey::Group("billing".into()), None, None),
        ];
        for (key, configured, recorded) in cases {
            let words = |it: Option<Subject>| it.map(|it| it.words());
            assert_eq!(words(Subject::configured(&key)).as_deref(), configured, "{key:?}");
            assert_eq!(words(Subject::recorded(&key)).as_deref(), recorded, "{key:?}");
        }
    }
}
