//! Lines of kq-ctl that do what a task does.

use super::{Line, places};
use crate::model::task::Aim;
use crate::model::{RowKey, State};

/// What an operator may do to what is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Have the preferred replicas lead.
    Elect,
    /// Take everything off a broker, or let it have replicas again.
    Drain,
    /// Set the offsets of a group.
    Reset,
    /// Spread replicas evenly.
    Plan,
    /// Throttle, pause, resume or cancel a plan.
    Steer,
}

impl Deed {
    /// What it is, as a sentence begins with it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Elect => "an election",
            Self::Drain => "draining a broker",
            Self::Reset => "a reset of offsets",
            Self::Plan => "a rebalance",
            Self::Steer => "to steer a plan",
        }
    }
}

/// A line that is to be run next, on the same cluster.
pub fn next(state: &State, verb: &str, names: &[&str]) -> String {
    Line::new(state, verb).args(names.iter().copied()).text
}

/// The line that does the same; it asks before it does it.
pub fn of_task(state: &State, aim: &Aim, how: &str) -> String {
    match aim {
        Aim::Elect(them) => with_places(Line::new(state, "leader elect"), them).text,
        Aim::Drain(id) => Line::new(state, "broker drain").arg(&id.to_string()).text,
        Aim::Undrain(id) => {
            let told = state.facts.brokers.get(id).and_then(|it| it.told.cordon.as_ref());
            let leaves = told.is_some_and(|it| it.decommission);
            let verb = if leaves { "broker recommission" } else { "broker undrain" };
            Line::new(state, verb).arg(&id.to_string()).text
        }
        Aim::Reset { group, scope } => {
            let line = Line::new(state, "offset reset").named("--group", group);
            let line = if scope.is_empty() {
                line.arg("--all-topics")
            } else {
                let of = |(topic, index): &(String, u32)| format!("{topic}:{index}");
                scope.iter().map(of).fold(line, |it, of| it.flag("--topic", &of))
            };
            let mut words = how.split_whitespace();
            let line = line.flag("--to", words.next().unwrap_or("latest"));
            words.fold(line, Line::arg).text
        }
        Aim::Balance(scope) if scope.is_empty() => Line::new(state, "cluster rebalance").text,
        Aim::Balance(scope) => {
            let all = |(topic, indexes): (&String, &Vec<u32>)| {
                let indexes: Vec<String> = indexes.iter().map(ToString::to_string).collect();
                if indexes.is_empty() {
                    topic.clone()
                } else {
                    format!("{topic}/{}", indexes.join(","))
                }
            };
            let names: Vec<String> = scope.iter().map(all).collect();
            Line::new(state, "cluster rebalance").args(names.iter().map(String::as_str)).text
        }
        Aim::Steer(plan) => {
            let mut words = how.split_whitespace();
            let verb = format!("plan {}", words.next().unwrap_or("pause"));
            Line::new(state, &verb).args(std::iter::once(plan.id.as_str()).chain(words)).text
        }
    }
}

fn with_places(line: Line, them: &[(String, u32)]) -> Line {
    let rows: Vec<RowKey> = them
        .iter()
        .map(|(topic, index)| RowKey::Partition(topic.as_str().into(), *index))
        .collect();
    line.args(places(&rows).iter().map(String::as_str))
}
