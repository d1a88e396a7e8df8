//! Flags that every command has, and groups of flags that several have.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kq_proto::client::settings::Asked;
pub(crate) use kq_proto::client::settings::{duration, timeout};

use crate::output::{ByteStyle, Filter, Format, FormatParser, ProgressStyle, TimeStyle};
use crate::settings::ColorMode;

const CONNECTION: &str = "Connection";
const OUTPUT: &str = "Output";

/// Every command has these.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// Brokers to begin with; any one of them suffices [env: KQ_BROKERS]
    #[arg(short, long, value_name = "HOST:PORT,..", global = true, help_heading = CONNECTION)]
    #[arg(value_delimiter = ',', aliases = ["bootstrap-server", "bootstrap-servers"])]
    pub(crate) brokers: Option<Vec<String>>,
    /// Context of the configuration file to use [env: KQ_CONTEXT]
    #[arg(short = 'C', long, value_name = "NAME", global = true, help_heading = CONNECTION)]
    pub(crate) context: Option<String>,
    /// Configuration file, instead of ~/.config/kq/config.toml [env: KQ_CONFIG]
    #[arg(long, value_name = "FILE", global = true, help_heading = CONNECTION)]
    pub(crate) config: Option<PathBuf>,
    /// Kafka .properties file; bootstrap.servers is read from it
    #[arg(long, value_name = "FILE", global = true, hide = true)]
    pub(crate) command_config: Option<PathBuf>,
    /// Deadline of each call, or of a whole wait [env: KQ_TIMEOUT] [default: 15s]
    #[arg(long, value_name = "DURATION", global = true, help_heading = CONNECTION)]
    #[arg(value_parser = timeout, allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) timeout: Option<Duration>,
    /// Bound on finding a broker that accepts [env: KQ_CONNECT_TIMEOUT] [default: 3s]
    #[arg(long, value_name = "DURATION", global = true, help_heading = CONNECTION)]
    #[arg(value_parser = timeout, allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) connect_timeout: Option<Duration>,
    /// Go on trying for this long if all brokers refuse; otherwise fail at once
    /// [env: KQ_RETRY_CONNECT]
    #[arg(long, value_name = "DURATION", global = true, help_heading = CONNECTION)]
    #[arg(value_parser = duration, allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) retry_connect: Option<Duration>,

    /// How to print items [env: KQ_OUTPUT] [default: table]
    #[arg(short, long, value_name = "FORMAT", global = true, help_heading = OUTPUT)]
    #[arg(value_parser = FormatParser)]
    pub(crate) output: Option<Format>,
    /// Columns to print, by header or field name
    #[arg(long, value_name = "A,B", global = true, help_heading = OUTPUT)]
    #[arg(value_delimiter = ',', hide_short_help = true)]
    pub(crate) columns: Option<Vec<String>>,
    /// Sort by column; with '-' descending
    #[arg(long, value_name = "[-]COLUMN", global = true, help_heading = OUTPUT)]
    #[arg(value_delimiter = ',', allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) sort: Vec<String>,
    /// Print only items that meet a condition, as SIZE>10GiB or TOPIC~^team-
    #[arg(long, value_name = "CONDITION", global = true, help_heading = OUTPUT)]
    #[arg(hide_short_help = true)]
    pub(crate) filter: Vec<Filter>,
    /// Print no header
    #[arg(long, global = true, help_heading = OUTPUT, hide_short_help = true)]
    pub(crate) no_headers: bool,
    /// Print at most N items and the cursor of the next
    #[arg(long, value_name = "N", global = true, help_heading = OUTPUT, hide_short_help = true)]
    #[arg(value_parser = super::items, allow_negative_numbers = true)]
    pub(crate) limit: Option<u64>,
    /// Begin after this item, as told by --limit
    #[arg(long, value_name = "CURSOR", global = true, help_heading = OUTPUT)]
    #[arg(hide_short_help = true)]
    pub(crate) after: Option<String>,
    /// How to print times in tables and tsv [env: KQ_TIME] [default: rfc3339]
    #[arg(long, value_enum, value_name = "STYLE", global = true, help_heading = OUTPUT)]
    #[arg(hide_short_help = true)]
    pub(crate) time: Option<TimeStyle>,
    /// How to print sizes in tables [env: KQ_BYTES] [default: human]
    #[arg(long, value_enum, value_name = "STYLE", global = true, help_heading = OUTPUT)]
    #[arg(hide_short_help = true)]
    pub(crate) bytes: Option<ByteStyle>,
    /// When to colour; NO_COLOR and CLICOLOR_FORCE are honoured [env: KQ_COLOR] [default: auto]
    #[arg(long, value_enum, value_name = "WHEN", global = true, help_heading = OUTPUT)]
    #[arg(hide_short_help = true)]
    pub(crate) color: Option<ColorMode>,
    /// How to show what takes more than a second, on stderr [env: KQ_PROGRESS] [default: auto]
    #[arg(long, value_enum, value_name = "STYLE", global = true, help_heading = OUTPUT)]
    #[arg(hide_short_help = true)]
    pub(crate) progress: Option<ProgressStyle>,
    /// Say nothing but data and errors
    #[arg(short, long, global = true, help_heading = OUTPUT, hide_short_help = true)]
    pub(crate) quiet: bool,
    /// Say on stderr which brokers were meant, who answered and how long it took
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = OUTPUT)]
    #[arg(hide_short_help = true)]
    pub(crate) verbose: u8,
    /// Repeat a command that only reads, every 2s unless told otherwise
    #[arg(short, long, value_name = "EVERY", num_args = 0..=1, default_missing_value = "2s")]
    #[arg(require_equals = true, value_parser = duration, global = true)]
    #[arg(help_heading = OUTPUT, hide_short_help = true)]
    pub(crate) watch: Option<Duration>,
    /// Print the JSON Schema of this command's output and exit
    #[arg(long, global = true, help_heading = OUTPUT, hide_short_help = true)]
    pub(crate) as_json_schema: bool,
}

/// Commands that change something have these.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Change {
    /// Check everything and say what would be done, but do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// End with 10 if something changed, or with --dry-run would change
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Why; kept with the change and shown by 'events'
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// How consent is given beforehand.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Consent {
    /// Do not ask
    #[arg(short, long, aliases = ["execute", "no-confirm"])]
    pub(crate) yes: bool,
    /// Consent by name: of the topic, or of a protected context
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
}

/// Commands that choose among many have these.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Select {
    /// Only names that match, with * ? [..]
    #[arg(long = "match", value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Only names in which this is found
    #[arg(long, value_name = "RE")]
    pub(crate) regex: Option<String>,
    /// Also what belongs to the cluster itself
    #[arg(long)]
    pub(crate) internal: bool,
}

impl Global {
    /// What was typed of the cluster.
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            brokers: self.brokers.clone(),
            context: self.context.clone(),
            config: self.config.clone(),
            command_config: self.command_config.clone(),
        }
    }
}

/// The format asked for on a command line that could not be read.
pub(crate) fn format_of(args: &[OsString]) -> Option<Format> {
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    let mut found = None;
    while let Some(arg) = args.next() {
        let value = match arg {
            "--" => break,
            "-o" | "--output" => args.next(),
            _ => arg.strip_prefix("--output=").or_else(|| {
                arg.strip_prefix("-o").map(|rest| rest.strip_prefix('=').unwrap_or(rest))
            }),
        };
        found = value.and_then(|value| value.parse().ok()).or(found);
    }
    found
}
