//! Which names a topic can have: Kafka's rules, since names become directories and metrics.

use kq_proto::kafka::ErrorCode;

use super::error::{ControlError, Refused};
use crate::metadata::{MetadataImage, Utc};

/// The longest name, so that the partition's directory name fits in 255 bytes.
const NAME_BYTES_MAX: usize = 249;

/// Checks a name by itself.
pub fn verify_topic_name(name: &str) -> Result<(), ControlError> {
    let why = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        "it cannot be \".\" or \"..\"".to_owned()
    } else if name.len() > NAME_BYTES_MAX {
        format!("the length of '{}…' is longer than the maximum allowed length 249", clip(name))
    } else if !name.bytes().all(is_name_byte) {
        format!(
            "'{}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
            clip(name)
        )
    } else {
        return Ok(());
    };
    let message = format!("Topic name is invalid: {why}");
    Err(ControlError::new(ErrorCode::InvalidTopicException, message)
        .hint("use 1 to 249 letters, digits, dots, underscores and hyphens"))
}

/// Checks that a name is free, also of near twins and of topics that wait for their purge.
pub(super) fn verify_name_is_free(image: &MetadataImage, name: &str) -> Result<(), ControlError> {
    if let Some(holder) = image.name_holder(name) {
        let Some(deletion) = &holder.soft_deletion else {
            let message = format!("Topic '{name}' already exists.");
            return Err(ControlError::new(ErrorCode::TopicAlreadyExists, message));
        };
        let message = format!(
            "Topic '{name}' was deleted and is kept until {}: its name stays reserved for it.",
            Utc(deletion.purge_at)
        );
        return Err(ControlError::new(ErrorCode::TopicAlreadyExists, message)
            .refused(Refused::NameReserved)
            .hint(format!(
                "kq-ctl topic restore {name} brings it back, kq-ctl topic purge {name} frees its name"
            )));
    }
    if let Some(twin) = image.colliding_topic(name) {
        let message = format!("Topic '{name}' collides with existing topic: {}", twin.name);
        return Err(ControlError::new(ErrorCode::InvalidTopicException, message)
            .refused(Refused::NameReserved)
            .hint("another name: those that differ only in '.' and '_' are one name in metrics"));
    }
    Ok(())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// The beginning of a name that is not to be trusted, fit for an error message.
fn clip(name: &str) -> String {
    name.chars().take(32).map(|it| if it.is_control() { '?' } else { it }).collect()
}
