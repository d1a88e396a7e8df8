//! The one entry: command in, records and reply out.

use uuid::Uuid;

use super::command::{Command, Reply};
use super::error::ControlError;
use super::{broker, configs, partitions, topics};
use crate::catalogue::StaticConfig;
use crate::ids::{BrokerEpoch, TopicId};
use crate::metadata::{ApplyError, Change, MetadataImage, MetadataRecord, TimestampMs};
use kq_proto::kafka::ErrorCode;

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is to be committed; nothing when the command only asked, or changes nothing.
    pub records: Vec<MetadataRecord>,
    /// What is answered once it is.
    pub reply: Reply,
}

/// Bounds on everything that a command can make grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Partitions that one command may add.
    pub command_partitions_max: u32,
    /// Partitions of all topics together.
    pub cluster_partitions_max: u64,
    /// Topics or other items of one command.
    pub command_items_max: usize,
    /// Bytes of one configuration value.
    pub config_value_bytes_max: usize,
    /// Producer ids of one block.
    pub producer_id_block: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_partitions_max: kq_proto::admin::PARTITIONS_ADDED_MAX,
            cluster_partitions_max: 1_000_000,
            command_items_max: 10_000,
            config_value_bytes_max: 16 * 1_024,
            producer_id_block: 1_000,
        }
    }
}

/// What a controller goes by that is not in the image.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The values it was started with.
    pub fixed: StaticConfig,
    /// The bounds.
    pub limits: Limits,
}

/// What changes from one command to the next: the clock, and where fresh ids come from.
pub struct Turn<'a> {
    /// Now.
    pub now: TimestampMs,
    /// Draws an id that nobody has.
    pub ids: &'a mut (dyn FnMut() -> Uuid + Send),
}

/// Decides one command against one image.
pub fn decide(
    image: &MetadataImage,
    command: &Command,
    settings: &Settings,
    turn: &mut Turn<'_>,
) -> Result<Decision, ControlError> {
    verify_items(command, settings.limits.command_items_max)?;
    let mut draft = Draft::new(image, settings, turn);
    let (reply, validate_only) = match command {
        Command::RegisterBroker(it) => (broker::register(&mut draft, it)?, false),
        Command::FenceBroker { broker, fenced } => {
            (broker::fence(&mut draft, *broker, *fenced)?, false)
        }
        Command::CreateTopics { topics, validate_only } => {
            (topics::create(&mut draft, topics), *validate_only)
        }
        Command::DeleteTopics { topics, keep_for_ms, validate_only } => {
            (topics::delete(&mut draft, topics, *keep_for_ms), *validate_only)
        }
        Command::RestoreTopics { topics, validate_only } => {
            (topics::restore(&mut draft, topics), *validate_only)
        }
        Command::PurgeTopics { topics, validate_only } => {
            (topics::purge(&mut draft, topics), *validate_only)
        }
        Command::ProtectTopics { topics, protected, validate_only } => {
            (topics::protect(&mut draft, topics, *protected), *validate_only)
        }
        Command::CreatePartitions { topics, validate_only } => {
            (partitions::create(&mut draft, topics), *validate_only)
        }
        Command::AlterConfigs { resources, validate_only } => {
            (configs::replace(&mut draft, resources), *validate_only)
        }
        Command::IncrementalAlterConfigs { resources, validate_only } => {
            (configs::alter(&mut draft, resources), *validate_only)
        }
        Command::AllocateProducerIds { broker, epoch } => {
            (broker::allocate_producer_ids(&mut draft, *broker, *epoch)?, false)
        }
        Command::AlterPartitions { broker, epoch, partitions } => {
            (partitions::alter(&mut draft, (*broker, *epoch), partitions)?, false)
        }
        Command::Tick => (topics::tick(&mut draft)?, false),
    };
    let records = if validate_only { Vec::new() } else { draft.records };
    Ok(Decision { records, reply })
}

/// Refuses a command over so many items that deciding it would hold up all others.
fn verify_items(command: &Command, max: usize) -> Result<(), ControlError> {
    let items = match command {
        Command::CreateTopics { topics, .. } => topics.len(),
        Command::DeleteTopics { topics, .. }
        | Command::RestoreTopics { topics, .. }
        | Command::PurgeTopics { topics, .. }
        | Command::ProtectTopics { topics, .. } => topics.len(),
        Command::CreatePartitions { topics, .. } => topics.len(),
        Command::AlterConfigs { resources, .. } => resources.len(),
        Command::IncrementalAlterConfigs { resources, .. } => resources.len(),
        Command::AlterPartitions { .. }
        | Command::RegisterBroker(_)
        | Command::FenceBroker { .. }
        | Command::AllocateProducerIds { .. }
        | Command::Tick => 0,
    };
    if items <= max {
        return Ok(());
    }
    let message = format!("{items} items in one request are more than {max} at a time");
    Err(ControlError::new(ErrorCode::PolicyViolation, message).hint("ask in several requests"))
}

impl Command {
    /// Why it is sent, when the sender gives no reason.
    pub const fn usual_reason(&self) -> &'static str {
        match self {
            Self::RegisterBroker(_) => "broker started",
            Self::Tick => "its time was up",
            Self::AllocateProducerIds { .. } => "block used up",
            Self::AlterPartitions { .. } => "proposed by the leader",
            Self::FenceBroker { .. }
            | Self::CreateTopics { .. }
            | Self::DeleteTopics { .. }
            | Self::RestoreTopics { .. }
            | Self::PurgeTopics { .. }
            | Self::ProtectTopics { .. }
            | Self::CreatePartitions { .. }
            | Self::AlterConfigs { .. }
            | Self::IncrementalAlterConfigs { .. } => "asked by a client",
        }
    }
}

impl Reply {
    /// The reply once its records were committed at a raft index, which is where epochs come from.
    #[must_use]
    pub fn committed_at(self, index: u64) -> Self {
        if let Self::BrokerRegistered { .. } = self {
            return Self::BrokerRegistered { epoch: BrokerEpoch(index) };
        }
        self
    }
}

/// A decision in the making: the image as it would be if all accepted items were committed, so
/// that each item of a command sees those before it.
pub(super) struct Draft<'a, 't> {
    pub(super) image: MetadataImage,
    pub(super) settings: &'a Settings,
    pub(super) now: TimestampMs,
    pub(super) records: Vec<MetadataRecord>,
    partitions_before: u64,
    turn: &'a mut Turn<'t>,
}

impl<'a, 't> Draft<'a, 't> {
    fn new(image: &MetadataImage, settings: &'a Settings, turn: &'a mut Turn<'t>) -> Self {
        // Time never runs backwards in the history, whatever the clock does.
        let now = turn.now.max(image.changed_at());
        let partitions_before = image.partitions_total();
        let image = image.clone();
        Self { image, settings, now, records: Vec::new(), partitions_before, turn }
    }

    /// Partitions that the items accepted so far add.
    pub(super) fn partitions_added(&self) -> u64 {
        self.image.partitions_total().saturating_sub(self.partitions_before)
    }

    /// Takes an accepted item in.
    pub(super) fn accept(&mut self, records: Vec<MetadataRecord>) -> Result<(), ControlError> {
        let change = Change { time: self.now, reason: String::new(), records };
        self.image = self.image.apply(self.image.applied() + 1, &change).map_err(unfit)?;
        self.records.extend(change.records);
        Ok(())
    }

    /// An id that no topic has.
    pub(super) fn new_topic_id(&mut self) -> TopicId {
        loop {
            let id = TopicId((self.turn.ids)());
            // Zero stands for "no id" in the Kafka protocol, one for its metadata topic.
            if id.0.as_u128() > 1 && self.image.any_topic(id).is_none() {
                return id;
            }
        }
    }
}

/// A decision that its own image refuses is a fault of the controller, told as such.
fn unfit(err: ApplyError) -> ControlError {
    ControlError::new(ErrorCode::UnknownServerError, format!("the controller erred: {err}"))
}
