//! `kq-ctl topic wait NAME.. --for CONDITION`

use std::str::FromStr;
use std::time::Duration;

use kq_proto::admin::v1;

use crate::cli;
use crate::commands::shared::by_name;
use crate::exit::{Exit, Failure};
use crate::output::{Report, bytes_text, row};
use crate::schema::{Schema, TOPIC_WAIT};
use crate::session::{Access, Session};
use crate::settings::Origin;

/// Between two looks; grows up to the second.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

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

/// Commands that can wait for their effect have this.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Wait {
    /// Wait until it is true everywhere, up to DURATION (otherwise --timeout)
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "0s", value_parser = cli::duration)]
    pub(crate) wait: Option<Duration>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_WAIT
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let bound = args.wait.wait.unwrap_or_else(|| {
        // Without a word about it a wait has no end.
        match &session.settings.timeout {
            timeout if timeout.origin == Origin::Default => Duration::MAX,
            timeout => timeout.value,
        }
    });
    until(&args.names, &args.condition, bound, session).await
}

/// Waits until all topics meet the condition; which did not, and why, if the time is up.
pub(crate) async fn until(
    names: &[String],
    condition: &Condition,
    bound: Duration,
    session: &Session,
) -> Result<Report, Failure> {
    let bound = if bound.is_zero() { session.settings.timeout.value } else { bound };
    let cluster = session.cluster(Access::Read).await?;
    session.on_interrupt(format!(
        "kq-ctl topic wait {} --for {}",
        names.join(" "),
        word(condition)
    ));
    let request = v1::DescribeTopicsRequest {
        topics: names.iter().map(|name| by_name(name)).collect(),
        with_configs: false,
    };
    let began = session.now_ms();
    let mut progress = session.progress("waiting", u64::try_from(names.len()).ok());
    let mut pause = PAUSE;
    loop {
        let answer = cluster.describe_topics(request.clone()).await?;
        let missing: Vec<Option<String>> =
            names.iter().map(|name| lack(name, condition, &answer)).collect();
        let elapsed = session.elapsed(began);
        let met = missing.iter().filter(|it| it.is_none()).count();
        if met == names.len() || bound <= elapsed {
            return Ok(outcome(names, condition, missing, elapsed));
        }
        let words = missing.iter().flatten().next().cloned().unwrap_or_default();
        progress.at(
            elapsed,
            u64::try_from(met).unwrap_or(0),
            &words,
            &mut session.out.borrow_mut(),
        );
        tokio::time::sleep(pause.min(bound.saturating_sub(elapsed))).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn outcome(
    names: &[String],
    condition: &Condition,
    missing: Vec<Option<String>>,
    elapsed: Duration,
) -> Report {
    let mut report = Report::new(&TOPIC_WAIT);
    for (name, why) in names.iter().zip(missing) {
        if let Some(why) = &why {
            let message = format!("topic '{name}' does not meet '{}' yet: {why}", word(condition));
            report.failures.push(
                Failure::new("kq.DEADLINE", message)
                    .about(name.clone())
                    .hint(format!("look with {}, or raise --timeout", look(condition, name))),
            );
        }
        let met = why.is_none();
        report.push(row! { topic: name, condition: word(condition), met: met, why: why });
    }
    report.sum(
        "waited_ms",
        crate::output::Cell::Millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
    );
    if !report.failures.is_empty() {
        report.exit = Some(Exit::Deadline);
    }
    report
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
