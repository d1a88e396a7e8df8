//! The command line of xtask, declared once.

mod sim;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::sim::{SimArgs, Suite};

use crate::cluster::BASE_PORT;

/// Chores of the repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
pub(crate) struct Xtask {
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

/// One chore a variant.
#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// A live cluster to look at: topics, a workload, a broker that dies and returns; Ctrl-C ends it
    Demo(DemoArgs),
    /// Local clusters of real broker processes
    Cluster {
        #[command(subcommand)]
        verb: ClusterVerb,
    },
    /// Unit, doc and crash tests, real processes, real clients
    Test(TestArgs),
    /// The crash suite on the simulated disk, and the model of a cluster under faults
    #[command(alias = "crash")]
    Sim(SimArgs),
    /// Whole brokers in a simulated network, on simulated disks, through storms of faults
    Turmoil(TurmoilArgs),
    /// Planted bugs: each must make the crash suite, the model or the whole brokers fail
    Canary(CanaryArgs),
    /// The fuzz targets, each for a bounded time; needs cargo-fuzz and a nightly toolchain
    Fuzz(FuzzArgs),
    /// Real brokers under kills, pauses, lost networks and power cuts; checks every record after
    Chaos(ChaosArgs),
    /// What kq costs, each figure beside the raw operation it is made of
    Bench(BenchArgs),
    /// An outside black-box suite against a running cluster
    Compat(CompatArgs),
    /// Everything that a change must pass, as the CI runs it
    Ci(CiArgs),
    /// Rewrite what can be rewritten: format, and lints with a machine-made fix
    Fix,
    /// House rules that no lint knows: layers, sizes, names in the documents
    Tidy,
    /// The relay between the brokers of a cluster, which `cluster up` starts
    #[command(hide = true)]
    Relay(RelayArgs),
}

/// Which cluster.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// The cluster's name
    #[arg(long, default_value = "local", value_parser = cluster_name)]
    pub(crate) name: String,
}

/// Which brokers of which cluster.
#[derive(Debug, Args)]
pub(crate) struct Which {
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<u32>,
    #[command(flatten)]
    pub(crate) at: At,
}

/// Which way a network is lost, seen from a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// What is sent to it
    In,
    /// What it sends
    Out,
}

/// What to do with a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterVerb {
    /// Start one and wait until it is ready; prints its bootstrap address
    Up(UpArgs),
    /// Stop it and remove its data
    Down {
        #[command(flatten)]
        at: At,
        /// Leave the data for the next `up`
        #[arg(long)]
        keep_data: bool,
    },
    /// What runs where
    Status {
        #[command(flatten)]
        at: At,
        #[arg(short, long, value_enum, default_value_t = Format::Table)]
        output: Format,
    },
    /// One broker more, which joins the others
    Add {
        /// Its rack [default: the next one in turn]
        #[arg(long)]
        rack: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// SIGKILL brokers
    Kill(Which),
    /// SIGSTOP brokers
    Pause(Which),
    /// SIGCONT brokers
    Resume(Which),
    /// Stop brokers if they run and start them again on their data
    Restart(Which),
    /// Lose the network between a broker and the others; clients still reach it
    PartitionOff {
        id: u32,
        /// Lose only what it sends (out) or what is sent to it (in)
        #[arg(long, value_enum, value_name = "WAY")]
        one_way: Option<Way>,
        /// Only between it and this one
        #[arg(long, value_name = "ID")]
        from: Option<u32>,
        #[command(flatten)]
        at: At,
    },
    /// Make the network between a broker and the others slow
    Slow {
        id: u32,
        /// How much later bytes arrive, each way
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "0s")]
        delay: Duration,
        /// Bytes a second between it and each other, each way
        #[arg(long, value_name = "BYTES")]
        rate: Option<u64>,
        #[command(flatten)]
        at: At,
    },
    /// Give a broker, or all, their network back
    Heal {
        id: Option<u32>,
        #[command(flatten)]
        at: At,
    },
    /// Print a broker's log
    Logs {
        id: u32,
        /// Go on until the broker ends
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        at: At,
    },
}

/// Arguments of `cluster up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) at: At,
    /// How many brokers [default: 1, or as many as the stopped cluster of that name has]
    #[arg(long)]
    pub(crate) brokers: Option<u32>,
    /// Racks that the brokers take in turn [default: a,b,c when there are several brokers]
    #[arg(long, value_name = "RACK", value_delimiter = ',')]
    pub(crate) racks: Vec<String>,
    /// The port of broker 1; broker N listens N - 1 further up
    #[arg(long, default_value_t = BASE_PORT)]
    pub(crate) base_port: u16,
    /// Optimised binaries
    #[arg(long)]
    pub(crate) release: bool,
    /// A key of the broker's configuration, its value as in TOML (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,
}

/// Arguments of `relay`.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Where orders come in
    pub(crate) socket: PathBuf,
    /// The port of broker 1; broker N listens N - 1 further up
    pub(crate) base_port: u16,
    /// Brokers between which it relays at most
    pub(crate) brokers: u32,
}

/// How a status is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For eyes
    Table,
    /// For scripts
    Json,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End by itself after this time, as in 10s or 2m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) length: Option<Duration>,
    /// How many brokers
    #[arg(long, default_value_t = 3)]
    pub(crate) brokers: u32,
    /// The port of broker 1 [default: 9092, or a free one when that is taken]
    #[arg(long)]
    pub(crate) base_port: Option<u16>,
    /// What kq-ctl tells, once a second, in place of kq-tui
    #[arg(long)]
    pub(crate) text: bool,
    /// Optimised binaries
    #[arg(long)]
    pub(crate) release: bool,
}

/// Arguments of `test`.
#[derive(Debug, Args, Default)]
pub(crate) struct TestArgs {
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
    /// Only checks of real processes and clients whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) check: Option<String>,
    /// Also watch 100,000 partitions for so long [default: 60]
    #[arg(long, value_name = "MINUTES", num_args = 0..=1, default_missing_value = "60")]
    pub(crate) nightly: Option<f64>,
}

/// A part of the test run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// `cargo test --workspace`: unit, doc and crash tests, tidy
    Rust,
    /// Real broker processes under kills, a full disk and power cuts
    Processes,
    /// Real Kafka clients
    Clients,
}

/// Arguments of `turmoil`.
#[derive(Debug, Default, Args)]
pub(crate) struct TurmoilArgs {
    /// How many runs [default: 30]
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<u64>,
    /// Beginning with this seed
    #[arg(long, value_name = "SEED")]
    pub(crate) from: Option<u64>,
    /// How many of them are made a second time, to see that a seed has one course [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) twice: Option<u64>,
    /// One run, with all that happens in it
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
}

/// Arguments of `canary`.
#[derive(Debug, Args)]
pub(crate) struct CanaryArgs {
    /// Only this one
    pub(crate) name: Option<String>,
}

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// Only this target
    pub(crate) target: Option<String>,
    /// How long each target runs
    #[arg(long = "for", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) length: Duration,
}

/// Arguments of `chaos`.
#[derive(Debug, Args)]
pub(crate) struct ChaosArgs {
    /// How long things go wrong; with plans, less than one carries out one of each way to move
    #[arg(long, default_value_t = 2.0, value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Another course than all kinds of faults
    #[arg(long, value_enum)]
    pub(crate) scenario: Option<Scenario>,
    /// What is drawn; the same seed strikes at the same times [default: another one each time]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many brokers
    #[arg(long, default_value_t = 3)]
    pub(crate) brokers: u32,
    /// How long each cut of `--scenario one-way` lasts
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "20s")]
    pub(crate) cut: Duration,
    /// Leave the power of their disks alone; without root that is so anyway
    #[arg(long)]
    pub(crate) no_power_cuts: bool,
    /// A key of the brokers' configuration, its value as in TOML (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,
    /// Optimised binaries
    #[arg(long)]
    pub(crate) release: bool,
}

/// A course of faults that is not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Each broker in turn sends into the void for a while (--cut), then hears nothing for as
    /// long; writes must go on. It has a length of its own
    OneWay,
    /// All brokers lose their power at once, again and again (without root they are killed)
    PowerCuts,
    /// One more broker; rebalance, reassign, copies, drain, decommission, each with the controller
    /// killed in its middle, each undone. It has a length of its own
    Plans,
    /// Each broker in turn is restarted when `kq-ctl broker restart-check` lets it, round after
    /// round; the stall of each move of a leader is told, and judged with --release
    Rolling,
    /// The coordinator of a consumer group is killed, restarted, moved, again and again
    Groups,
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneWay => "one-way",
            Self::PowerCuts => "power-cuts",
            Self::Plans => "plans",
            Self::Rolling => "rolling",
            Self::Groups => "groups",
        }
    }
}

impl ChaosArgs {
    /// How long things go wrong.
    #[cfg(feature = "bench")]
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Only these lines: produce, small, lz4, single, consume, acks, steady, append, start,
    /// partitions, connections, replicated, replicated-acks, failover, reassignment,
    /// reassignment-throttled, frames, watching, monitor
    #[arg(long, value_name = "LINE", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// The same load on another broker that runs: its address and its process ids
    #[arg(long, value_name = "BOOTSTRAP,PID..")]
    pub(crate) against: Option<String>,
    /// One JSON document in place of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// An eighth of the load, once in place of five times: to see that it runs, not to judge by
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Arguments of `compat`.
#[derive(Debug, Args)]
pub(crate) struct CompatArgs {
    /// The suite: a folder with run.py and requirements.txt
    #[arg(long, value_name = "DIR")]
    pub(crate) suite: PathBuf,
    /// The cluster, as host:port; without it, clusters of the suite's own
    pub(crate) bootstrap: Option<String>,
    #[command(flatten)]
    pub(crate) three: ThreeArgs,
    /// Further arguments for the suite, after --
    #[arg(last = true)]
    pub(crate) rest: Vec<String>,
}

/// Arguments of `ci`.
#[derive(Debug, Args)]
pub(crate) struct CiArgs {
    /// An outside black-box suite to run as well, on clusters of its own
    #[arg(long, value_name = "DIR")]
    pub(crate) suite: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) three: ThreeArgs,
    /// Its arguments for the run on one broker, after --
    #[arg(last = true, requires = "suite")]
    pub(crate) suite_args: Vec<String>,
}

/// What an outside suite is to run on three brokers.
#[derive(Debug, Args)]
pub(crate) struct ThreeArgs {
    /// The suite's arguments, separated by spaces, for a run on three brokers as well
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, requires = "suite")]
    pub(crate) on_three: Option<String>,
    /// Its arguments for a run on the same three while they are killed and started again in turn
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, requires = "suite")]
    pub(crate) under_kills: Option<String>,
    /// Its arguments for a run on the same three after the first of them was killed
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, requires = "suite")]
    pub(crate) on_two_of_three: Option<String>,
}

impl ThreeArgs {
    /// Whether three brokers are needed at all.
    pub(crate) fn is_empty(&self) -> bool {
        let all = [&self.on_three, &self.under_kills, &self.on_two_of_three];
        all.iter().all(|line| line.is_none())
    }
}

fn cluster_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || !text.chars().all(plain) {
        return Err("letters, digits, - and _ make a name".to_owned());
    }
    Ok(text.to_owned())
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// A time as people write it: a number and one of ms, s, m, h.
fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let number: u64 = digits.parse().map_err(|_| "expected a time such as 10s or 2m")?;
    let millis = match unit {
        "ms" => Some(number),
        "s" | "" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(format!("{unit} is no unit of time here; ms, s, m and h are")),
    };
    millis.map(Duration::from_millis).ok_or_else(|| "the time is too long".to_owned())
}

/// A part of an hour, or some hours.
fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse::<f64>().map_err(|_| "expected a number of minutes")?;
    if !(0.01..=10_000.0).contains(&minutes) {
        return Err("expected 0.01 to 10000 minutes".to_owned());
    }
    Ok(minutes)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_declaration_holds_together() {
        Xtask::command().debug_assert();
    }

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("10 parsecs").is_err());
        assert!(duration("99999999999999999999h").is_err());
        assert!(duration("9999999999999999999h").is_err());
    }

    #[test]
    fn a_name_cannot_leave_the_folder_of_clusters() {
        assert!(cluster_name("../x").is_err());
        assert!(cluster_name("ci-1").is_ok());
    }
}
