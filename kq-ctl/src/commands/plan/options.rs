//! Flags that every verb has which makes a plan: bounds, rate, rules, and what is done with it.

use std::path::PathBuf;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_throttle::Rate;
pub(crate) use kq_proto::client::typed::throttle;

use crate::cli;
use crate::commands::waiting::Wait;

/// Bounds of a plan.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Bounds {
    /// Brokers that may get replicas; all if none is named
    #[arg(long, value_name = "ID,..", value_delimiter = ',', allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    only_brokers: Vec<u32>,
    /// Brokers that may not
    #[arg(long, value_name = "ID,..", value_delimiter = ',', allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    exclude_brokers: Vec<u32>,
    /// Copy at most so much, as 500GiB; what does not fit is left out
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_bytes: Option<u64>,
    /// Bytes a second that each broker may fill replicas with, as 50MiB/s; auto = four fifths of what
    /// the narrowest link or disk was measured to spare; off = as fast as it goes
    #[arg(long, value_name = "RATE|auto|off", value_parser = throttle)]
    throttle: Option<v1::PlanThrottle>,
    /// Moves at a time that one broker may receive
    #[arg(long, value_name = "N", value_parser = cli::whole(1..=10_000_u32))]
    #[arg(allow_negative_numbers = true)]
    concurrency: Option<u32>,
    /// Moves at a time
    #[arg(long, value_name = "N", value_parser = cli::whole(1..=100_000_u32))]
    #[arg(allow_negative_numbers = true)]
    batch: Option<u32>,
    /// How full a disk may get at the peak, in percent
    #[arg(long, value_name = "PERCENT", value_parser = cli::whole(1..=100_u32))]
    #[arg(allow_negative_numbers = true)]
    disk_percent_max: Option<u32>,
    /// A rule that is not to stop the plan, as KQ-S004; may be given again
    #[arg(long = "override", value_name = "RULE", value_parser = rule)]
    overrides: Vec<String>,
    /// Leave out the moves that break rules and the partitions that no broker can take a replica of,
    /// say why of each, and plan the others
    #[arg(long)]
    skip_unsafe: bool,
}

/// What is made even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Objective {
    /// Bytes of replicas
    Bytes,
    /// Replicas
    Count,
    /// Preferred leaders
    Leaders,
}

impl Objective {
    pub(crate) fn wire(self) -> v1::plan_goal::Objective {
        match self {
            Self::Bytes => v1::plan_goal::Objective::Bytes,
            Self::Count => v1::plan_goal::Objective::Count,
            Self::Leaders => v1::plan_goal::Objective::Leaders,
        }
    }
}

/// What is done with a plan.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Outcome {
    /// Keep the plan in a file instead of carrying it out; 'plan apply FILE' does that
    #[arg(long, value_name = "FILE")]
    pub(crate) plan_out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wait: Wait,
    #[command(flatten)]
    pub(crate) change: cli::Change,
}

impl Bounds {
    pub(crate) fn options(&self, scope: Vec<v1::PlanScope>) -> v1::PlanOptions {
        v1::PlanOptions {
            scope,
            brokers: self.only_brokers.clone(),
            exclude_brokers: self.exclude_brokers.clone(),
            bytes_max: self.max_bytes,
            throttle: self.throttle,
            concurrency: self.concurrency,
            batch: self.batch,
            overrides: self.overrides.clone(),
            skip_unsafe: self.skip_unsafe,
            disk_percent_max: self.disk_percent_max,
            typed: String::new(),
        }
    }
}

/// As it is typed.
pub(crate) fn throttle_words(throttle: Option<&v1::PlanThrottle>) -> Option<String> {
    match throttle?.rate.as_ref()? {
        Rate::Off(_) => Some("off".to_owned()),
        Rate::Auto(_) => Some("auto".to_owned()),
        Rate::BytesPerSecond(rate) => {
            Some(format!("{}/s", crate::output::bytes_text(*rate, crate::output::ByteStyle::Human)))
        }
    }
}

fn size(text: &str) -> Result<u64, String> {
    let size: Result<bytesize::ByteSize, _> = text.parse();
    size.map(|it| it.as_u64()).map_err(|_| format!("'{text}' is no size: write 10GiB"))
}

pub(crate) fn rule(text: &str) -> Result<String, String> {
    let text = text.to_uppercase();
    let number = text.strip_prefix("KQ-S").and_then(|it| it.parse::<u32>().ok());
    match number {
        Some(1..=12) if text.len() == 7 => Ok(text),
        _ => Err("accepted: KQ-S001 to KQ-S012, one at a time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_overridden_by_their_ids_only() {
        assert_eq!(rule("kq-s004").as_deref(), Ok("KQ-S004"));
        for text in ["all", "KQ-S013", "KQ-S4", "S004"] {
            assert!(rule(text).is_err(), "{text}");
        }
    }
}
