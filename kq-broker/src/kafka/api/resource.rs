//! Kinds of things that have a configuration, by their numbers in the protocol.

use kq_proto::kafka::ErrorCode;

use crate::controller::{ConfigTarget, ControlError};

/// A topic.
pub const TOPIC: i8 = 2;
/// A broker, or all of them.
pub const BROKER: i8 = 4;
/// A broker's log levels.
pub const BROKER_LOGGER: i8 = 8;
/// A subscription to clients' metrics.
pub const CLIENT_METRICS: i8 = 16;
/// A group.
pub const GROUP: i8 = 32;

/// What an alteration is aimed at.
pub(super) fn target(kind: i8, name: &str) -> Result<ConfigTarget, ControlError> {
    match kind {
        TOPIC => Ok(ConfigTarget::Topic(name.to_owned())),
        BROKER => Ok(ConfigTarget::Broker(name.to_owned())),
        other => Err(ControlError::new(
            ErrorCode::InvalidRequest,
            format!("resource type {other} cannot be altered, only topics (2) and brokers (4)"),
        )),
    }
}
