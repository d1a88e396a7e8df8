//! Refusals of the controller and of partitions, as the control door tells them.

use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::kafka::ErrorCode;
use tonic::Code;

use crate::controller::{ControlError, Refused};
use crate::ids::BrokerId;
use crate::runtime::PartitionError;

/// A refusal of the controller.
pub(super) fn of_control(err: &ControlError) -> AdminError {
    let mut error =
        AdminError::new(class_of(err.code), err.stable_code(), in_house_style(&err.message));
    if let Some(hint) = &err.hint {
        error = error.hint(hint.clone());
    }
    let retriable = err.code.is_retriable() && err.code != ErrorCode::UnknownTopicOrPartition;
    if retriable || err.refused == Refused::NoController {
        error = error.retriable();
    }
    error
}

/// A refusal of a partition.
pub(super) fn of_partition(err: &PartitionError) -> AdminError {
    let code = err.code();
    let error = AdminError::new(
        class_of(code),
        format!("kafka.{}", code.name()),
        in_house_style(&err.to_string()),
    );
    if code.is_retriable() { error.retriable() } else { error }
}

/// A topic or partition that is not there.
pub(super) fn unknown_topic(message: impl Into<String>) -> AdminError {
    AdminError::new(Code::NotFound, "kafka.UNKNOWN_TOPIC_OR_PARTITION", message)
        .hint("kq-ctl topic list shows what there is")
}

/// What a broker says of itself that has lost the controller.
pub(super) fn lost_words(broker: BrokerId, silence: Duration) -> String {
    let seconds = silence.as_secs();
    format!(
        "broker {broker} has heard nothing of the controller for {seconds} s: what it tells may be old"
    )
}

/// An argument that makes no sense.
pub(super) fn bad_argument(message: impl Into<String>) -> AdminError {
    AdminError::new(Code::InvalidArgument, "kq.USAGE", message)
}

/// Kafka's messages are sentences; kq's begin low and end without a full stop.
fn in_house_style(message: &str) -> String {
    let message = message.strip_suffix('.').unwrap_or(message);
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}

fn class_of(code: ErrorCode) -> Code {
    use ErrorCode as Kafka;
    const NOT_FOUND: &[Kafka] = &[
        Kafka::UnknownTopicOrPartition,
        Kafka::UnknownTopicId,
        Kafka::BrokerIdNotRegistered,
        Kafka::ResourceNotFound,
    ];
    const INVALID: &[Kafka] = &[
        Kafka::InvalidTopicException,
        Kafka::InvalidPartitions,
        Kafka::InvalidReplicationFactor,
        Kafka::InvalidReplicaAssignment,
        Kafka::InvalidConfig,
        Kafka::InvalidRequest,
        Kafka::InvalidRecord,
        Kafka::MessageTooLarge,
    ];
    const REFUSED: &[Kafka] = &[
        Kafka::PolicyViolation,
        Kafka::TopicDeletionDisabled,
        Kafka::NotEnoughReplicas,
        Kafka::ReassignmentInProgress,
        Kafka::NoReassignmentInProgress,
    ];
    const CLASSES: &[(&[Kafka], Code)] = &[
        (&[Kafka::TopicAlreadyExists], Code::AlreadyExists),
        (&[Kafka::OffsetOutOfRange], Code::OutOfRange),
        (&[Kafka::InvalidUpdateVersion], Code::Aborted),
        (&[Kafka::RequestTimedOut], Code::DeadlineExceeded),
        (NOT_FOUND, Code::NotFound),
        (INVALID, Code::InvalidArgument),
        (REFUSED, Code::FailedPrecondition),
        (&[Kafka::KafkaStorageError], Code::Unavailable),
    ];
    let known = CLASSES.iter().find(|(codes, _)| codes.contains(&code));
    let otherwise = if code.is_retriable() { Code::Unavailable } else { Code::Internal };
    known.map_or(otherwise, |(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_low_and_end_without_a_full_stop() {
        assert_eq!(in_house_style("Topic 'A' already exists."), "topic 'A' already exists");
        assert_eq!(in_house_style("ISR is small"), "ISR is small");
        assert_eq!(in_house_style(""), "");
    }

    #[test]
    fn a_refusal_keeps_its_stable_code_and_its_hint() {
        let refused = ControlError::new(ErrorCode::PolicyViolation, "Topic 'a' is protected.")
            .refused(Refused::Protected)
            .hint("lift it");
        let error = of_control(&refused);
        assert_eq!((error.code.as_str(), error.hint.as_str()), ("kq.PROTECTED", "lift it"));
        assert_eq!(error.class, Code::FailedPrecondition);
        assert!(!error.retriable);
    }
}
