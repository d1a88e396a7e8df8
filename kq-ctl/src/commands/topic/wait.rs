//! `kq-ctl topic wait NAME.. --for CONDITION`

use std::str::FromStr;
use std::time::Duration;

use kq_proto::admin::v1;

use crate::commands::shared::by_name;
use crate::commands::waiting::{Subject, Wait, Waiting};
use crate::exit::Failure;
use crate::output::{Report, bytes_text};
use crate::schema::{Schema, TOPIC_WAIT};
use crate::session::{Access, Session};

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Exists,
    Absent,
    /// Every replica is in the ISR.
    InSync,
    /// Every partition has a leader.
    Leader,
    /// Every partition accepts acks=all.
    MinIsr,
    SizeBelow(u64),
    SizeAbove(u64),
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = |text: &str| {
            text.parse::<bytesize::ByteSize>()
                .map(|size| size.as_u64())
                .map_err(|_| format!("'{text}' is no size: write 10GiB"))
        };
        match text {
            "exists" => Ok(Self::Exists),
            "absent" => Ok(Self::Absent),
            "in-sync" => Ok(Self::InSync),
            "leader" => Ok(Self::Leader),
            "min-isr" => Ok(Self::MinIsr),
            _ => match (text.strip_prefix("size<"), text.strip_prefix("size>")) {
                (Some(bound), _) => size(bound).map(Self::SizeBelow),
                (_, Some(bound)) => size(bound).map(Self::SizeAbove),
                (None, None) => Err("accepted: exists, absent, in-sync, leader, min-isr, \
                                     size<10GiB, size>10GiB"
                    .to_owned()),
            },
        }
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Names of topics
    #[arg(value_name = "NAME", required = true, add = crate::complete::topics())]
    names: Vec<String>,
    /// exists, absent, in-sync, leader, min-isr, size<10GiB, size>10GiB
    #[arg(long = "for", value_name = "CONDITION")]
    condition: Condition,
    #[command(flatten)]
    wait: Wait,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_WAIT
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    until(&args.names, &args.condition, args.wait.bound(session), session).await
}

/// Waits until all topics meet the condition; which did not, and why, if the time is up.
pub(crate) async fn until(
    names: &[String],
    condition: &Condition,
    bound: Duration,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::DescribeTopicsRequest {
        topics: names.iter().map(|name| by_name(name)).collect(),
        with_configs: false,
    };
    let subject = |name: &String| Subject {
        name: name.clone(),
        called: format!("topic '{name}'"),
        look: look(condition, name),
    };
    let waiting = Waiting {
        schema: &TOPIC_WAIT,
        field: "topic",
        condition: word(condition),
        subjects: names.iter().map(subject).collect(),
        resume: format!("kq-ctl topic wait {} --for {}", names.join(" "), word(condition)),
    };
    let look = async || {
        let answer = cluster.describe_topics(request.clone()).await?;
        Ok(names.iter().map(|name| lack(name, condition, &answer)).collect())
    };
    waiting.until(bound, session, look).await
}

/// Where to see why.
fn look(condition: &Condition, name: &str) -> String {
    match condition {
        Condition::Exists | Condition::Absent => "kq-ctl topic list".to_owned(),
        Condition::InSync
        | Condition::Leader
        | Condition::MinIsr
        | Condition::SizeBelow(_)
        | Condition::SizeAbove(_) => format!("kq-ctl topic describe {name}"),
    }
}

/// What a topic lacks; nothing if the condition holds.
fn lack(name: &str, condition: &Condition, answer: &v1::DescribeTopicsResponse) -> Option<String> {
    let found = answer
        .topics
        .iter()
        .find(|topic| topic.summary.as_ref().is_some_and(|summary| summary.name == name));
    let Some(topic) = found else {
        return (*condition != Condition::Absent).then(|| "it does not exist".to_owned());
    };
    let count = |lacking: &dyn Fn(&v1::PartitionDescription) -> bool, what: &str| {
        let count = topic.partitions.iter().filter(|it| lacking(it)).count();
        (count > 0).then(|| format!("{count} of {} partitions {what}", topic.partitions.len()))
    };
    match condition {
        Condition::Exists => None,
        Condition::Absent => Some("it still exists".to_owned()),
        Condition::Leader => count(&|it| it.leader.is_none(), "have no leader"),
        Condition::InSync => count(
            &|it| it.leader.is_none() || it.isr.len() < it.replicas.len(),
            "have replicas out of sync",
        ),
        Condition::MinIsr => count(
            &|it| matches!(it.health(), v1::Health::UnderMinIsr | v1::Health::Offline),
            "refuse acks=all",
        ),
        Condition::SizeBelow(bound) => size_lack(topic, |size| size < *bound),
        Condition::SizeAbove(bound) => size_lack(topic, |size| size > *bound),
    }
}

fn size_lack(topic: &v1::TopicDescription, met: impl Fn(u64) -> bool) -> Option<String> {
    match topic.summary.as_ref().and_then(|summary| summary.size_bytes) {
        Some(size) if met(size) => None,
        Some(size) => Some(format!("it has {}", bytes_text(size, crate::output::ByteStyle::Human))),
        None => Some("its size is unknown".to_owned()),
    }
}

fn word(condition: &Condition) -> String {
    match condition {
        Condition::Exists => "exists".to_owned(),
        Condition::Absent => "absent".to_owned(),
        Condition::InSync => "in-sync".to_owned(),
        Condition::Leader => "leader".to_owned(),
        Condition::MinIsr => "min-isr".to_owned(),
        Condition::SizeBelow(bound) => format!("size<{bound}"),
        Condition::SizeAbove(bound) => format!("size>{bound}"),
    }
}
