//! `kq-ctl group list [GROUP..]`

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use kq_proto::admin::v1;

use super::named::{Named, list_groups};
use super::rows::{class_word, group_row, is_ill, type_word};
use crate::cli;
use crate::commands::shared::word;
use crate::exit::{Exit, Failure};
use crate::output::Report;
use crate::schema::{GROUP_LIST, Schema};
use crate::session::{Access, Session};

/// A word of a closed set of the wire.
macro_rules! wire_word {
    ($name:ident, $wire:ty, $prefix:literal) => {
        #[derive(Debug, Clone, Copy)]
        struct $name($wire);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let typed = text.to_lowercase().replace('-', "_");
                let all = (1..).map_while(|it| <$wire>::try_from(it).ok());
                let name = |it: $wire| word(it.as_str_name(), $prefix);
                let known: Vec<String> = all.clone().map(name).collect();
                let plain = |it: &str| it.replace('_', "");
                all.clone()
                    .find(|it| plain(&name(*it)) == plain(&typed))
                    .map(Self)
                    .ok_or_else(|| format!("accepted: {}", known.join(", ")))
            }
        }
    };
}
wire_word!(State, v1::GroupState, "GROUP_STATE_");
wire_word!(Type, v1::GroupType, "GROUP_TYPE_");
wire_word!(Class, v1::LagClass, "LAG_CLASS_");

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    /// Only groups in this state: empty, stable, preparing_rebalance, ..
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<State>,
    /// Only groups of this type: classic, consumer, share, streams
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    kind: Vec<Type>,
    /// Only groups on this topic
    #[arg(short, long, value_name = "TOPIC", add = crate::complete::topics())]
    topic: Vec<String>,
    /// Only groups that are more than N records behind, or of which that is not known
    #[arg(long, value_name = "N")]
    lag_over: Option<u64>,
    /// Only groups that have committed nothing for so long
    #[arg(long, value_name = "DURATION", value_parser = stale)]
    stale: Option<Duration>,
    /// Only groups of this class: ok, lagging, stalled, stopped, ..
    #[arg(long, value_name = "CLASS", value_delimiter = ',')]
    class: Vec<Class>,
    /// Only groups that are lagging, stalled, stopped, rewound or partial; end with 10 if there are any
    #[arg(long)]
    unhealthy: bool,
}

fn stale(text: &str) -> Result<Duration, String> {
    cli::duration(text).map_err(|_| format!("'{text}' is no duration; write 7d, 12h or 30m"))
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &GROUP_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let pattern = args.groups.pattern()?;
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::ListGroupsRequest {
        groups: args.groups.names(),
        states: args.state.iter().map(|it| it.0.into()).collect(),
        types: args.kind.iter().map(|it| it.0.into()).collect(),
        topics: args.topic.clone(),
        with_lag: true,
        page: None,
    };
    let answer = list_groups(cluster.as_ref(), request).await?;
    let now = session.now_ms();
    let fits = |it: &&v1::GroupSummary| pattern.accepts(&it.group) && wanted(args, it, now);
    let shown: Vec<&v1::GroupSummary> = answer.groups.iter().filter(fits).collect();
    let mut report = Report::new(&GROUP_LIST);
    report.extend(shown.iter().map(|it| group_row(it)));
    sum_up(&mut report, &shown);
    report.fail(answer.errors);
    let ill = shown.iter().any(|it| is_unhealthy(it));
    if args.unhealthy && ill && report.failures.is_empty() {
        report.exit = Some(Exit::No);
    }
    Ok(report)
}

pub(super) fn sum_up(report: &mut Report, groups: &[&v1::GroupSummary]) {
    let lags = groups.iter().filter_map(|it| it.lag.as_ref()).map(|it| it.lag);
    report.sum("group_count", groups.len());
    report.sum("lag", lags.sum::<u64>());
    report.sum("unhealthy_count", groups.iter().filter(|it| is_unhealthy(it)).count());
}

fn is_unhealthy(it: &v1::GroupSummary) -> bool {
    it.lag.as_ref().is_some_and(|it| is_ill(it.class()))
}

/// What the cluster is not asked to choose by.
fn wanted(args: &Args, it: &v1::GroupSummary, now_ms: i64) -> bool {
    let lag = it.lag.as_ref();
    let over = |bound: u64| lag.is_none_or(|it| it.lag > bound || it.partial_count > 0);
    let stale = |least: Duration| {
        let age = it.last_commit_at_ms.map(|at| now_ms.saturating_sub(at));
        age.is_none_or(|age| u128::try_from(age).unwrap_or(0) >= least.as_millis())
    };
    let class = lag.map_or(v1::LagClass::Unknown, v1::LagSummary::class);
    args.lag_over.is_none_or(over)
        && args.stale.is_none_or(stale)
        && (args.class.is_empty() || args.class.iter().any(|it| it.0 == class))
        && (!args.unhealthy || is_unhealthy(it))
}

/// In a sentence: `classic, stable, generation 812, 3 members; lag 1210377, lagging`.
pub(super) fn in_words(it: &v1::GroupSummary) -> String {
    let mut words = vec![
        type_word(it.r#type()).unwrap_or_default(),
        word(it.state().as_str_name(), "GROUP_STATE_").replace('_', " "),
    ];
    words.extend(it.generation.map(|number| format!("generation {number}")));
    let plural = if it.member_count == 1 { "" } else { "s" };
    words.push(format!("{} member{plural}", it.member_count));
    words.push(format!("coordinator broker {}", it.coordinator));
    let mut text = format!("{}: {}", it.group, words.join(", "));
    if let Some(lag) = &it.lag {
        let more = if lag.partial_count > 0 { " + ?" } else { "" };
        let _ = write!(text, "; lag {}{more}, {}", lag.lag, class_word(lag.class()));
    }
    text
}
