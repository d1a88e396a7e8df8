//! `kq-ctl group lag GROUP.. --over N|5m`

use std::fmt::{self, Write as _};
use std::str::FromStr;

use kq_proto::admin::v1;

use super::named::{Named, group_lag};
use super::rows::{
    bare_host, catch_up_cell, class_cell, class_word, is_ill, is_never, place, rate_cell, sum_cell,
};
use crate::cli;
use crate::commands::shared::time_cell;
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, Row, duration_text, rfc3339, row};
use crate::schema::{GROUP_LAG, Schema};
use crate::session::{Access, Session};

/// How far behind is too far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Records(u64),
    /// Of the oldest record that was not read, in milliseconds.
    Age(u64),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(records) = text.parse() {
            return Ok(Self::Records(records));
        }
        let age = cli::duration(text);
        let age =
            age.map_err(|_| "accepted: a number of records, or a duration as 5m".to_owned())?;
        Ok(Self::Age(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(records) => write!(f, "{records}"),
            Self::Age(ms) => f.write_str(&duration_text(*ms)),
        }
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    /// End with 10 if a group is more than so many records, or so old a record, behind; also if that
    /// is not known
    #[arg(long, value_name = "N|DURATION")]
    over: Option<Bound>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &GROUP_LAG
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let request = v1::GroupLagRequest { groups: groups.clone(), ..v1::GroupLagRequest::default() };
    let answer = group_lag(cluster.as_ref(), request).await?;
    let mut report = Report::new(&GROUP_LAG);
    let mut over_count = 0_u64;
    let place = |name: &str| groups.iter().position(|it| it == name);
    let mut told = answer.groups;
    told.sort_by_key(|it| place(&it.group));
    let mut failures = Vec::new();
    for it in &told {
        let lag = it.lag.clone().unwrap_or_default();
        let over = args.over.map(|bound| over(&lag, bound));
        report.push(lag_row(&it.group, &lag, over.as_ref().map(Option::is_some)));
        for line in in_words(&it.group, &lag, &answer.partitions) {
            report.note(line);
        }
        if let Some(why) = over.flatten() {
            over_count += 1;
            let hint = format!("kq-ctl group describe {} --only-lagging", it.group);
            failures.push(Failure::new("kq.LAG", why).about(it.group.clone()).hint(hint));
        }
    }
    report.sum("over_count", over_count);
    let unanswered = !answer.errors.is_empty();
    report.fail(answer.errors);
    report.failures.extend(failures);
    if over_count > 0 && !unanswered {
        report.exit = Some(Exit::No);
    }
    Ok(report)
}

fn lag_row(group: &str, it: &v1::LagSummary, over: Option<bool>) -> Row {
    row! {
        group: group,
        class: class_cell(it.class()),
        lag: sum_cell(it),
        time_lag_ms: it.time_lag_ms.map(Cell::Millis),
        produced_per_second: it.produced_per_second.map(rate_cell),
        consumed_per_second: it.consumed_per_second.map(rate_cell),
        catch_up_ms: it.catch_up.as_ref().map(catch_up_cell),
        slowest: it.slowest.as_ref().map(place),
        why: Cell::text_or_null(it.why.as_str()),
        expired: it.expired,
        partial_count: it.partial_count,
        class_since: time_cell(it.class_since_at_ms),
        lag_is_bound: it.lag_is_bound,
        catch_up_never: is_never(it.catch_up.as_ref()),
        over: over,
    }
}

/// Why a group is over the bound. What is not known may be: a check must not pass on ignorance.
fn over(it: &v1::LagSummary, bound: Bound) -> Option<String> {
    let unknown = || {
        let count = it.partial_count;
        let of = match count {
            0 => String::new(),
            1 => " on 1 partition".to_owned(),
            _ => format!(" on {count} partitions"),
        };
        Some(format!("its lag{of} is not known, and may be over {bound}"))
    };
    match bound {
        Bound::Records(most) if it.lag > most => {
            Some(format!("{} records are not read, over {bound}", it.lag))
        }
        Bound::Age(most) => match it.time_lag_ms {
            Some(age) if age > most => {
                Some(format!("oldest unread record is {} old, over {bound}", duration_text(age)))
            }
            Some(_) if it.partial_count == 0 => None,
            _ => unknown(),
        },
        Bound::Records(_) => {
            if it.partial_count > 0 {
                unknown()
            } else {
                None
            }
        }
    }
}

/// What an operator asks next about a group that needs him.
fn in_words(group: &str, it: &v1::LagSummary, partitions: &[v1::PartitionLag]) -> Vec<String> {
    let mut words = Vec::new();
    if !is_ill(it.class()) {
        return words;
    }
    let since = it.class_since_at_ms.map(|at| format!(" since {}", rfc3339(at)));
    let mut line = format!("{group} is {}{}", class_word(it.class()), since.unwrap_or_default());
    if let (Some(out), Some(come)) = (it.consumed_per_second, it.produced_per_second) {
        let _ = write!(line, ": {come:.0}/s come in, {out:.0}/s are committed");
    }
    words.push(line);
    if let Some(slowest) = &it.slowest {
        words.push(slowest_words(group, slowest, it.lag, partitions));
    }
    words
}

fn slowest_words(
    group: &str,
    slowest: &v1::PartitionRef,
    whole: u64,
    partitions: &[v1::PartitionLag],
) -> String {
    let mut line = format!("slowest: {}", place(slowest));
    let found = partitions.iter().find(|it| {
        (it.group.as_str(), it.topic.as_str(), it.partition)
            == (group, slowest.topic.as_str(), slowest.partition)
    });
    let Some(found) = found else { return line };
    if let Some(lag) = found.lag {
        let _ = write!(line, ", {lag} records");
        let share = u128::from(lag) * 100;
        if let Some(percent) = share.checked_div(u128::from(whole)) {
            let _ = write!(line, ", {percent} % of the lag");
        }
    }
    match (&found.member, &found.host) {
        (Some(member), Some(host)) => {
            let _ = write!(line, ", member {member} on {}", bare_host(host));
        }
        (Some(member), None) => {
            let _ = write!(line, ", member {member}");
        }
        (None, _) => line.push_str(", which nobody owns"),
    }
    line
}
