//! `kq-ctl group wait GROUP.. --for CONDITION`

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kq_proto::admin::v1;

use super::named::Named;
use super::rows::{class_word, severity};
use crate::cli;
use crate::commands::shared::word;
use crate::commands::waiting::{Subject, Wait, Waiting};
use crate::exit::Failure;
use crate::output::{Report, duration_text};
use crate::schema::{GROUP_WAIT, Schema};
use crate::session::{Access, Session};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It has no members.
    Empty,
    /// Every member has its share.
    Stable,
    /// Stable in a generation that comes after this one.
    StableAfter(Option<i32>),
    LagAtMost(u64),
    TimeLagBelow(u64),
    Class(v1::LagClass),
}

const ACCEPTED: &str = "accepted: empty, stable, lag<=100, time-lag<30s, class=ok";

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| ACCEPTED.to_owned());
        match text {
            "empty" => return Ok(Self::Empty),
            "stable" => return Ok(Self::Stable),
            _ => {}
        }
        if let Some(bound) = text.strip_prefix("lag<=") {
            return number(bound).map(Self::LagAtMost);
        }
        if let Some(bound) = text.strip_prefix("lag<") {
            let below = number(bound)?.checked_sub(1);
            return below
                .map(Self::LagAtMost)
                .ok_or_else(|| "no lag is below 0; write lag<=0".into());
        }
        if let Some(bound) = text.strip_prefix("time-lag<") {
            let bound = cli::duration(bound)?;
            return Ok(Self::TimeLagBelow(u64::try_from(bound.as_millis()).unwrap_or(u64::MAX)));
        }
        let class = text.strip_prefix("class=").ok_or_else(|| ACCEPTED.to_owned())?;
        let classes = (1..).map_while(|it| v1::LagClass::try_from(it).ok());
        let found = classes.clone().find(|it| class_word(*it) == class);
        found.map(Self::Class).ok_or_else(|| {
            let known: Vec<&str> = classes.map(class_word).collect();
            format!("'{class}' is no class; accepted: {}", known.join(", "))
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Stable | Self::StableAfter(_) => f.write_str("stable"),
            Self::LagAtMost(bound) => write!(f, "lag<={bound}"),
            Self::TimeLagBelow(bound) => write!(f, "time-lag<{}", duration_text(*bound)),
            Self::Class(class) => write!(f, "class={}", class_word(*class)),
        }
    }
}

impl Condition {
    /// Of members, or of what they have read.
    fn wants_lag(self) -> bool {
        matches!(self, Self::LagAtMost(_) | Self::TimeLagBelow(_) | Self::Class(_))
    }

    fn look(self, group: &str) -> String {
        if self.wants_lag() {
            format!("kq-ctl group lag {group}")
        } else {
            format!("kq-ctl group describe {group} --members")
        }
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    /// empty, stable, lag<=100, time-lag<30s, class=ok
    #[arg(long = "for", value_name = "CONDITION")]
    condition: Condition,
    #[command(flatten)]
    wait: Wait,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &GROUP_WAIT
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    until(&groups, args.condition, args.wait.bound(session), session).await
}

/// Waits until a group that was made to rebalance is stable again.
pub(super) async fn until_settled(
    group: &str,
    since: Option<i32>,
    bound: Duration,
    session: &Session,
) -> Result<Report, Failure> {
    until(&[group.to_owned()], Condition::StableAfter(since), bound, session).await
}

/// Waits until all groups meet the condition.
pub(crate) async fn until(
    groups: &[String],
    condition: Condition,
    bound: Duration,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let subject = |name: &String| Subject {
        name: name.clone(),
        called: format!("group '{name}'"),
        look: condition.look(name),
    };
    let waiting = Waiting {
        schema: &GROUP_WAIT,
        field: "group",
        condition: condition.to_string(),
        subjects: groups.iter().map(subject).collect(),
        resume: format!("kq-ctl group wait {} --for '{condition}'", groups.join(" ")),
    };
    let request =
        v1::DescribeGroupsRequest { groups: groups.to_vec(), with_lag: condition.wants_lag() };
    let look = async || {
        let answer = cluster.describe_groups(request.clone()).await?;
        groups.iter().map(|name| lack(name, condition, &answer)).collect()
    };
    waiting.until(bound, session, look).await
}

/// What a group lacks. One that is not there will not come by waiting; who cannot tell may tell later.
fn lack(
    name: &str,
    condition: Condition,
    answer: &v1::DescribeGroupsResponse,
) -> Result<Option<String>, Failure> {
    let summaries = answer.groups.iter().filter_map(|it| it.summary.as_ref());
    let Some(group) = summaries.clone().find(|it| it.group == name) else {
        let error = answer.errors.iter().find(|it| it.item == name);
        return match error.cloned().map(Failure::from) {
            Some(failure) if !failure.retriable => Err(failure),
            Some(failure) => Ok(Some(failure.message)),
            None => Ok(Some("nothing is told of it".to_owned())),
        };
    };
    Ok(match condition {
        Condition::Empty => {
            let plural = if group.member_count == 1 { "" } else { "s" };
            (group.state() != v1::GroupState::Empty)
                .then(|| format!("it has {} member{plural}", group.member_count))
        }
        Condition::Stable => unstable(group),
        Condition::StableAfter(since) => {
            let same = group.generation == since;
            unstable(group).or_else(|| same.then(|| "it has not rebalanced yet".to_owned()))
        }
        Condition::LagAtMost(_) | Condition::TimeLagBelow(_) | Condition::Class(_) => {
            lag_lack(group.lag.as_ref(), condition)
        }
    })
}

fn unstable(group: &v1::GroupSummary) -> Option<String> {
    let state = word(group.state().as_str_name(), "GROUP_STATE_").replace('_', " ");
    (group.state() != v1::GroupState::Stable).then(|| format!("it is {state}"))
}

/// What is not known does not meet anything.
fn lag_lack(lag: Option<&v1::LagSummary>, condition: Condition) -> Option<String> {
    let unknown = || Some("its lag is not known".to_owned());
    let Some(lag) = lag else { return unknown() };
    match condition {
        Condition::LagAtMost(bound) if lag.partial_count == 0 => {
            (lag.lag > bound).then(|| format!("its lag is {}", lag.lag))
        }
        Condition::TimeLagBelow(bound) if lag.partial_count == 0 => match lag.time_lag_ms {
            Some(ms) => (ms >= bound)
                .then(|| format!("its oldest unread record is {} old", duration_text(ms))),
            None => unknown(),
        },
        Condition::Class(class) => {
            let is_met = lag.class() == class && severity(class) > 0;
            (!is_met).then(|| format!("it is {}", class_word(lag.class())))
        }
        Condition::LagAtMost(_)
        | Condition::TimeLagBelow(_)
        | Condition::Empty
        | Condition::Stable
        | Condition::StableAfter(_) => unknown(),
    }
}
