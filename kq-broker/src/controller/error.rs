//! A refusal: Kafka's code for the data door, words and a remedy for the operator.

use std::borrow::Cow;
use std::fmt;

use kq_proto::kafka::ErrorCode;
use serde::{Deserialize, Serialize};

/// Refusals that Kafka has no code of its own for, told apart for kq's own clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    /// As the Kafka code says.
    Plain,
    /// The topic is protected.
    Protected,
    /// The name, or one that is the same in metrics, belongs to another topic.
    NameReserved,
    /// The topic is not one that waits for its purge.
    NotDeleted,
    /// No configuration key has that name.
    UnknownKey,
    /// Leaders are frozen where they are.
    Frozen,
    /// The broker still lives or still holds replicas.
    BrokerInUse,
    /// A plan breaks rules that were not overridden.
    Interlock,
    /// What a plan saw has changed since.
    StalePlan,
    /// There is no such plan.
    UnknownPlan,
    /// The plan has ended.
    PlanEnded,
    /// The voters that stay would be no majority of those that decide.
    Majority,
    /// No controller leads right now.
    NoController,
    /// The deadline passed; whether the command took effect is not known.
    Deadline,
    /// The metadata log cannot be written any more.
    Storage,
}

impl Refused {
    /// The stable code of kq's own clients; none where Kafka's name is the code.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Protected => Some("kq.PROTECTED"),
            Self::NameReserved => Some("kq.EXISTS"),
            Self::NotDeleted => Some("kq.NOT_DELETED"),
            Self::UnknownKey => Some("kq.UNKNOWN_CONFIG_KEY"),
            Self::Frozen => Some("kq.LEADERS_FROZEN"),
            Self::BrokerInUse => Some("kq.BROKER_IN_USE"),
            Self::Interlock => Some("kq.INTERLOCK"),
            Self::StalePlan => Some("kq.STALE_PLAN"),
            Self::UnknownPlan => Some("kq.UNKNOWN_PLAN"),
            Self::PlanEnded => Some("kq.PLAN_ENDED"),
            Self::Majority => Some("KQ-S009"),
            Self::NoController => Some("kq.NO_CONTROLLER"),
            Self::Deadline => Some("kq.DEADLINE"),
            Self::Storage => Some("kq.METADATA_OFFLINE"),
        }
    }
}

/// Why a command, or one item of it, was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlError {
    /// Kafka's code.
    #[serde(with = "code_number")]
    pub code: ErrorCode,
    /// What was refused, the value at fault, what is accepted.
    pub message: String,
    /// What to try next.
    pub hint: Option<Cow<'static, str>>,
    /// The finer reason.
    pub refused: Refused,
}

impl ControlError {
    /// A refusal with a code of Kafka's.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, refused: Refused::Plain }
    }

    /// Adds what to try next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the finer reason.
    #[must_use]
    pub fn refused(mut self, refused: Refused) -> Self {
        self.refused = refused;
        self
    }

    /// The stable code that kq's own clients see: `kafka.TOPIC_ALREADY_EXISTS`, `kq.PROTECTED`.
    pub fn stable_code(&self) -> Cow<'static, str> {
        match self.refused.code() {
            Some(code) => code.into(),
            None => format!("kafka.{}", self.code.name()).into(),
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.stable_code())
    }
}

impl std::error::Error for ControlError {}

/// Error codes travel between brokers by their number.
mod code_number {
    use kq_proto::kafka::ErrorCode;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(code: &ErrorCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i16(code.code())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ErrorCode, D::Error> {
        i16::deserialize(from).map(ErrorCode::from_code)
    }
}
