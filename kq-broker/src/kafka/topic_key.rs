//! How a request names a topic: by name, or in newer versions by id.

use kq_proto::kafka::{ErrorCode, Str};
use uuid::Uuid;

use crate::ids::{PartitionId, PartitionIndex, TopicId};
use crate::metadata::MetadataImage;

/// A topic as a client names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKey {
    /// By name.
    Name(Str),
    /// By id.
    Id(TopicId),
}

impl TopicKey {
    /// The id from the version on that has ids, before that the name.
    pub fn new(by_id: bool, name: &Str, id: Uuid) -> Self {
        if by_id { Self::Id(TopicId(id)) } else { Self::Name(name.clone()) }
    }

    /// The same, without keeping the request's memory alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Name(name) => Self::Name(name.detached()),
            Self::Id(id) => Self::Id(*id),
        }
    }

    /// The name for a response: empty where ids are used.
    pub fn name(&self) -> Str {
        match self {
            Self::Name(name) => name.clone(),
            Self::Id(_) => Str::EMPTY,
        }
    }

    /// The id for a response: zero where names are used.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Name(_) => Uuid::nil(),
            Self::Id(id) => id.0,
        }
    }

    /// Which partition of which topic that is now.
    pub fn partition(&self, image: &MetadataImage, index: i32) -> Result<PartitionId, ErrorCode> {
        let topic = match self {
            Self::Name(name) => {
                let topic = image.topic_by_name(name);
                topic.ok_or(ErrorCode::UnknownTopicOrPartition)?.id
            }
            Self::Id(id) => image.topic_by_id(*id).ok_or(ErrorCode::UnknownTopicId)?.id,
        };
        let index = PartitionIndex::from_wire(index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        Ok(PartitionId { topic, index })
    }
}
