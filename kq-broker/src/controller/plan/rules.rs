//! The twelve interlocks: what must not happen to a cluster by way of a plan.
//!
//! Each rule is a function from the cluster and the plan to findings. A finding either breaks the
//! rule, and the plan is refused unless that rule is overridden by name, or is only told. Rule ids
//! are part of the contract with scripts.

mod bounds;
mod cluster;
#[cfg(test)]
mod rates_test;
mod replicas;
#[cfg(test)]
mod rules_test;
mod sync;

use std::fmt;
use std::str::FromStr;

use super::moves::Plan;
use super::view::View;
use crate::ids::PartitionId;

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The partition at fault; none when it is a broker or the cluster.
    pub partition: Option<PartitionId>,
    /// What is at fault, as operators name it: `payments/7`, `broker 4`, `cluster`.
    pub subject: String,
    /// Why, with figures.
    pub cause: String,
    /// True if the plan must not run; false if it is only worth knowing.
    pub breaks: bool,
    /// Commands that get on, the best first.
    pub next: Vec<String>,
}

/// What one rule says of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which rule.
    pub rule: RuleId,
    /// What it found; nothing when the plan passes.
    pub findings: Vec<Finding>,
    /// Whether the operator overrode it.
    pub overridden: bool,
}

/// How a rule stands to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to say.
    Pass,
    /// Worth knowing.
    Warn,
    /// Broken.
    Break,
}

type Judge = fn(&View<'_>, &Plan) -> Vec<Finding>;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $text:literal $short:literal $judge:path),* $(,)?) => {
        /// The rules, by their ids.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleId {
            $($(#[$doc])* $name,)*
        }

        impl RuleId {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its id, as scripts see it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What it guards, in a few words.
            pub const fn guards(self) -> &'static str {
                match self {
                    $(Self::$name => $short,)*
                }
            }

            fn judge(self) -> Judge {
                match self {
                    $(Self::$name => $judge,)*
                }
            }
        }
    };
}

rules! {
    /// At some step the live ISR would fall below `min.insync.replicas`.
    S001 "KQ-S001" "min.insync.replicas" sync::below_min_isr,
    /// Fewer replicas in the end than `min.insync.replicas`, or no spare one.
    S002 "KQ-S002" "replication factor" replicas::too_few,
    /// A replica would go to a broker that is dead, fenced, draining or decommissioned.
    S003 "KQ-S003" "target broker" replicas::unfit_target,
    /// All replicas in one rack while more exist.
    S004 "KQ-S004" "racks" replicas::one_rack,
    /// A disk over its bound at the peak.
    S005 "KQ-S005" "disk" bounds::disk,
    /// The last in-sync replica would be removed.
    S006 "KQ-S006" "last in-sync replica" sync::last_in_sync,
    /// The partition moves already.
    S007 "KQ-S007" "already moving" replicas::already_moving,
    /// What the plan saw has changed.
    S008 "KQ-S008" "stale plan" cluster::stale,
    /// The quorum would lose its majority.
    S009 "KQ-S009" "quorum" cluster::quorum,
    /// More traffic than a link or disk was measured to carry.
    S010 "KQ-S010" "bandwidth" bounds::bandwidth,
    /// Too many leaders would move at once.
    S011 "KQ-S011" "leaders at once" bounds::leaders_at_once,
    /// Partitions are offline or below `min.insync.replicas` already.
    S012 "KQ-S012" "cluster health" cluster::unhealthy,
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no rule: expected KQ-S001 to KQ-S012")]
pub struct UnknownRule(String);

impl FromStr for RuleId {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let found = Self::ALL.iter().find(|it| it.as_str().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| UnknownRule(text.chars().take(40).collect()))
    }
}

impl RuleId {
    /// Whether an operator may run a plan in spite of it. A stale plan is made anew instead.
    pub const fn may_be_overridden(self) -> bool {
        !matches!(self, Self::S008)
    }
}

impl Verdict {
    /// How the rule stands to the plan.
    pub fn outcome(&self) -> Outcome {
        if self.findings.iter().any(|it| it.breaks) {
            Outcome::Break
        } else if self.findings.is_empty() {
            Outcome::Pass
        } else {
            Outcome::Warn
        }
    }

    /// Whether it forbids the plan.
    pub fn refuses(&self) -> bool {
        self.outcome() == Outcome::Break && !self.overridden
    }
}

/// All verdicts on a plan, in the order of the rules.
pub(super) fn judge(view: &View<'_>, plan: &Plan) -> Vec<Verdict> {
    let verdict = |rule: &RuleId| Verdict {
        rule: *rule,
        findings: rule.judge()(view, plan),
        overridden: rule.may_be_overridden() && plan.options.overrides.contains(rule),
    };
    RuleId::ALL.iter().map(verdict).collect()
}

impl Finding {
    fn of_cluster(cause: String) -> Self {
        let subject = "cluster".to_owned();
        Self { partition: None, subject, cause, breaks: true, next: Vec::new() }
    }

    fn of_broker(id: crate::ids::BrokerId, cause: String) -> Self {
        Self { subject: format!("broker {id}"), ..Self::of_cluster(cause) }
    }

    fn of_move(it: &super::moves::Move, cause: String) -> Self {
        let subject = it.name.clone();
        Self { partition: Some(it.partition), subject, ..Self::of_cluster(cause) }
    }

    fn told(self) -> Self {
        Self { breaks: false, ..self }
    }

    fn next(mut self, command: impl Into<Option<String>>) -> Self {
        self.next.extend(command.into());
        self
    }
}

impl Plan {
    /// The command to run again.
    fn same(&self) -> &str {
        if self.typed.is_empty() { "<same command>" } else { &self.typed }
    }

    /// The command to run again with another value of one of its flags.
    fn with(&self, flag: &str, value: &str) -> String {
        let mut words: Vec<&str> = Vec::new();
        let mut given = self.same().split(' ');
        while let Some(word) = given.next() {
            let rest = word.strip_prefix(flag);
            match rest {
                Some("") => drop(given.next()),
                Some(rest) if rest.starts_with('=') => {}
                Some(_) | None => words.push(word),
            }
        }
        format!("{} {flag} {value}", words.join(" "))
    }

    /// The command that finds another broker, if the planner chooses brokers.
    fn elsewhere(&self, than: crate::ids::BrokerId) -> Option<String> {
        self.chooses.then(|| format!("{} --exclude-brokers {than}", self.same()))
    }
}
