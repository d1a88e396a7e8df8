//! What brokers are asked beside what they tell by themselves, and what they answer. A call leaves as
//! an effect with a number; its answers come back as events with that number.
//!
//! ```text
//!   Effect::Call { id, call } --> feed --> a broker --> Event::Answer(id, answer)
//!   a stream:                 ... Event::Answer(id, records) ... Event::Answer(id, Over | Refused)
//!   Effect::HangUp(id)        nothing more is wanted of that call: what was asked goes on there
//! ```
//! To add a call: a line in the table. Numbers in it are those of trace files and stay what they are.

use kq_proto::admin::{AdminError, v1};
use kq_proto::client::asker::got_no_answer;
use prost::Message;
use tonic::Code;

/// Every call once: its name and number, service and method, question and answer. `changes` are those
/// that carry an intent, and do something unless that is a dry run; `streams` answer until hung up.
macro_rules! calls {
    ($with:ident) => {
        $with! {
            reads {
                /// What a plan would do.
                ProposePlan = 1: plans.propose, ProposePlanRequest, ProposePlanResponse;
                /// How far a plan is.
                GetPlan = 2: plans.get, GetPlanRequest, GetPlanResponse;
                /// What other offsets would mean.
                ProposeReset = 3: offsets.propose_reset, ProposeResetRequest, ProposeResetResponse;
                /// What topics and brokers are configured to do.
                DescribeConfigs = 4: configs.describe, DescribeConfigsRequest, DescribeConfigsResponse;
                /// Partitions, closely.
                DescribePartitions = 5:
                    partitions.describe, DescribePartitionsRequest, DescribePartitionsResponse;
                /// Brokers, and who is given nothing new.
                ListBrokers = 6: brokers.list, ListBrokersRequest, ListBrokersResponse;
                /// Where logs begin and end.
                ListOffsets = 7: topics.list_offsets, ListOffsetsRequest, ListOffsetsResponse;
            }
            changes {
                /// Has a plan carried out.
                ApplyPlan = 20: plans.apply, ApplyPlanRequest, ApplyPlanResponse;
                /// Begins nothing more of a plan.
                PausePlan = 21: plans.pause, ChangePlanRequest, ChangePlanResponse;
                /// Goes on with a plan.
                ResumePlan = 22: plans.resume, ChangePlanRequest, ChangePlanResponse;
                /// Takes back what moves.
                CancelPlan = 23: plans.cancel, ChangePlanRequest, ChangePlanResponse;
                /// Sets how fast a plan copies.
                ThrottlePlan = 24: plans.throttle, ThrottlePlanRequest, ChangePlanResponse;
                /// Has other replicas lead.
                ElectLeaders = 25: leaders.elect, ElectLeadersRequest, ElectLeadersResponse;
                /// Writes other offsets.
                ApplyReset = 26: offsets.apply_reset, ApplyResetRequest, ApplyResetResponse;
                /// Lets brokers have new replicas again.
                UncordonBrokers = 27:
                    brokers.uncordon, UncordonBrokersRequest, UncordonBrokersResponse;
                /// Gives brokers no new replicas.
                CordonBrokers = 28: brokers.cordon, CordonBrokersRequest, CordonBrokersResponse;
            }
            streams {
                /// Records, as they come.
                Fetch = 40: record_stream.fetch, FetchRequest, FetchResponse;
            }
        }
    };
}
pub(crate) use calls;

macro_rules! declare {
    (
        reads { $($(#[$doc:meta])* $name:ident = $number:literal:
            $service:ident.$method:ident, $question:ident, $answer:ident;)* }
        changes { $($(#[$change_doc:meta])* $change:ident = $change_number:literal:
            $change_service:ident.$change_method:ident,
            $change_question:ident, $change_answer:ident;)* }
        streams { $($(#[$stream_doc:meta])* $stream:ident = $stream_number:literal:
            $stream_service:ident.$stream_method:ident,
            $stream_question:ident, $stream_answer:ident;)* }
    ) => {
        /// What a broker is asked.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(clippy::large_enum_variant, reason = "it travels in a box")]
        pub enum Call {
            $($(#[$doc])* $name(v1::$question),)*
            $($(#[$change_doc])* $change(v1::$change_question),)*
            $($(#[$stream_doc])* $stream(v1::$stream_question),)*
        }

        /// What it answers.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Answer {
            $($(#[$doc])* $name(v1::$answer),)*
            $($(#[$change_doc])* $change(v1::$change_answer),)*
            $($(#[$stream_doc])* $stream(v1::$stream_answer),)*
            /// No: nothing more comes.
            Refused(Refusal),
            /// A stream has come to its end.
            Over,
        }

        impl Call {
            /// Whether the cluster is another one afterwards.
            pub fn changes(&self) -> bool {
                match self {
                    $(Self::$change(it) => !it.intent.as_ref().is_some_and(|it| it.dry_run),)*
                    $(Self::$name(_) => false,)*
                    $(Self::$stream(_) => false,)*
                }
            }
        }

        impl Answer {
            /// As trace files have it: what it is, by its number, and its bytes.
            pub fn encode(&self) -> (u32, Vec<u8>) {
                match self {
                    $(Self::$name(it) => ($number, it.encode_to_vec()),)*
                    $(Self::$change(it) => ($change_number, it.encode_to_vec()),)*
                    $(Self::$stream(it) => ($stream_number, it.encode_to_vec()),)*
                    Self::Refused(it) => (REFUSED, it.encode_to_vec()),
                    Self::Over => (OVER, Vec::new()),
                }
            }

            /// Back from that; none of what this version does not know.
            pub fn decode(number: u32, bytes: &[u8]) -> Option<Self> {
                Some(match number {
                    $($number => Self::$name(v1::$answer::decode(bytes).ok()?),)*
                    $($change_number => Self::$change(v1::$change_answer::decode(bytes).ok()?),)*
                    $($stream_number => Self::$stream(v1::$stream_answer::decode(bytes).ok()?),)*
                    REFUSED => Self::Refused(Refusal::decode(bytes).ok()?),
                    OVER => Self::Over,
                    _ => return None,
                })
            }
        }

        #[cfg(test)]
        const NUMBERS: &[u32] = &[
            $($number,)* $($change_number,)* $($stream_number,)* REFUSED, OVER
        ];
    };
}

const REFUSED: u32 = 60;
const OVER: u32 = 61;

calls!(declare);

/// Why a call has no answer, in words. They are a broker's own: make them safe before they are shown.
#[derive(Clone, PartialEq, Message)]
pub struct Refusal {
    /// Stable: `kq.PROTECTED`; empty if nobody was asked.
    #[prost(string, tag = "1")]
    pub code: String,
    /// What was refused, or what became of the connection.
    #[prost(string, tag = "2")]
    pub message: String,
    /// What to try next; empty if there is nothing sensible to say.
    #[prost(string, tag = "3")]
    pub hint: String,
    /// Nobody answered: what was asked may have been done.
    #[prost(bool, tag = "4")]
    pub is_unsure: bool,
}

impl Call {
    /// The broker that alone knows the answer; none if any of them does. What a broker's own file and
    /// flags say is known to nobody else.
    pub fn broker(&self) -> Option<u32> {
        let Self::DescribeConfigs(it) = self else { return None };
        let [resource] = it.resources.as_slice() else { return None };
        let is_broker = resource.r#type() == v1::ResourceType::Broker;
        is_broker.then(|| resource.name.parse().ok()).flatten()
    }
}

impl Refusal {
    /// No broker was reached, and so none was asked.
    pub fn unreached(error: AdminError) -> Self {
        Self { is_unsure: false, ..error.into() }
    }

    /// Nobody was asked, for this reason.
    pub fn unasked(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// What it says, and what to try next.
    pub fn words(&self) -> String {
        let hint = if self.hint.is_empty() { String::new() } else { format!("; {}", self.hint) };
        format!("{}{hint}", self.message)
    }
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        let is_unsure = is_end_unknown(&error);
        Self { code: error.code, message: error.message, hint: error.hint, is_unsure }
    }
}

/// Whether what was asked may have been done though this says that it failed: nobody answered, or whoever
/// did does not know, or something between us and the broker has spoken in its place.
fn is_end_unknown(error: &AdminError) -> bool {
    let is_refusal = matches!(
        error.class,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
    );
    got_no_answer(error)
        || error.class == Code::DeadlineExceeded
        || matches!(error.code.as_str(), "kq.INTERNAL" | "kafka.UNKNOWN_SERVER_ERROR")
        || (error.code.starts_with("grpc.") && !is_refusal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_answer_has_a_number_of_its_own() {
        let numbers: BTreeSet<u32> = NUMBERS.iter().copied().collect();
        assert_eq!(numbers.len(), NUMBERS.len());
        for number in numbers {
            let answer = Answer::decode(number, &[]).unwrap();
            assert_eq!(answer.encode(), (number, Vec::new()));
        }
        assert_eq!(Answer::decode(59, &[]), None);
        assert_eq!(Answer::decode(1, &[0xff]), None);
    }

    #[test]
    fn only_what_is_no_dry_run_changes_anything() {
        let elect =
            |intent| Call::ElectLeaders(v1::ElectLeadersRequest { intent, ..Default::default() });
        let intent = |dry_run| Some(v1::Intent { dry_run, ..v1::Intent::default() });
        assert!(elect(None).changes());
        assert!(elect(intent(false)).changes());
        assert!(!elect(intent(true)).changes());
        assert!(!Call::ProposePlan(v1::ProposePlanRequest::default()).changes());
    }

    #[test]
    fn a_refusal_says_what_to_try_and_whether_it_may_be_done() {
        let error = AdminError::new(tonic::Code::Unavailable, "kq.UNREACHABLE", "lost b1");
        let refusal = Refusal::from(error.hint("look first"));
        assert_eq!((refusal.words().as_str(), refusal.is_unsure), ("lost b1; look first", true));
        let late = AdminError::new(tonic::Code::DeadlineExceeded, "kafka.REQUEST_TIMED_OUT", "b2");
        assert!(Refusal::from(late).is_unsure, "a coordinator that fell silent may have done it");
        let dead = AdminError::new(tonic::Code::Unavailable, "kq.UNREACHABLE", "cannot reach b1");
        assert!(!Refusal::unreached(dead).is_unsure, "who was never reached was never asked");
    }

    #[test]
    fn only_a_refusal_says_that_nothing_was_done() {
        let unknown = |class, code: &str| is_end_unknown(&AdminError::new(class, code, "why"));
        for code in ["kq.UNREACHABLE", "kq.DEADLINE"] {
            assert!(unknown(Code::Unavailable, code), "{code}");
        }
        assert!(unknown(Code::DeadlineExceeded, "kafka.REQUEST_TIMED_OUT"));
        assert!(unknown(Code::Internal, "kq.INTERNAL"));
        assert!(unknown(Code::Unavailable, "grpc.UNAVAILABLE"), "a proxy knows nothing");
        assert!(unknown(Code::ResourceExhausted, "grpc.RESOURCE_EXHAUSTED"), "too long an answer");
        assert!(!unknown(Code::PermissionDenied, "grpc.PERMISSION_DENIED"));
        assert!(!unknown(Code::Aborted, "kq.STALE_PLAN"));
        assert!(!unknown(Code::Unavailable, "kq.NO_CONTROLLER"));
        assert!(!unknown(Code::Unavailable, "kafka.COORDINATOR_NOT_AVAILABLE"));
    }
}
