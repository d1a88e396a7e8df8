//! The command line.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments of arguments are help texts, which have no markup"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use kq_proto::client::settings::{Asked, duration, timeout};

use crate::model::Screen;
use crate::view::theme::NAMES;

const CONNECTION: &str = "Connection";
const SOURCE: &str = "Instead of a cluster";
const OUTPUT: &str = "Instead of the terminal";

/// Watch a kq cluster: its partitions, ISR churn and consumer lag, now and at any past moment.
///
/// Press ? for the keys. Without a flag it watches the cluster that kq-ctl speaks to.
#[derive(Debug, Clone, Parser)]
#[command(name = "kq-tui", version, max_term_width = 100)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// Brokers to begin with; any one of them suffices [env: KQ_BROKERS]
    #[arg(short, long, value_name = "HOST:PORT,..", help_heading = CONNECTION)]
    #[arg(value_delimiter = ',', aliases = ["bootstrap-server", "bootstrap-servers"])]
    pub brokers: Option<Vec<String>>,
    /// Context of the configuration file to use [env: KQ_CONTEXT]
    #[arg(short = 'C', long, value_name = "NAME", help_heading = CONNECTION)]
    pub context: Option<String>,
    /// Configuration file, instead of ~/.config/kq/config.toml [env: KQ_CONFIG]
    #[arg(long, value_name = "FILE", help_heading = CONNECTION)]
    pub config: Option<PathBuf>,
    /// Kafka .properties file; bootstrap.servers is read from it
    #[arg(long, value_name = "FILE", hide = true)]
    pub command_config: Option<PathBuf>,
    /// Deadline of each call, and of --once [env: KQ_TIMEOUT] [default: 15s]
    #[arg(long, value_name = "DURATION", help_heading = CONNECTION, value_parser = timeout)]
    #[arg(allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
    /// Bound on finding a broker that accepts [env: KQ_CONNECT_TIMEOUT] [default: 3s]
    #[arg(long, value_name = "DURATION", help_heading = CONNECTION, value_parser = timeout)]
    #[arg(allow_hyphen_values = true)]
    pub connect_timeout: Option<Duration>,
    /// With --once, go on trying for this long if all refuse [env: KQ_RETRY_CONNECT]
    #[arg(long, value_name = "DURATION", help_heading = CONNECTION, value_parser = duration)]
    #[arg(allow_hyphen_values = true)]
    pub retry_connect: Option<Duration>,
    /// Refuse everything that changes the cluster, whatever the context says
    #[arg(long, help_heading = CONNECTION)]
    pub read_only: bool,

    /// Play a recording
    #[arg(long, value_name = "FILE", help_heading = SOURCE)]
    pub replay: Option<PathBuf>,
    /// Watch a made-up cluster; the same number makes the same one
    #[arg(long, value_name = "SEED", help_heading = SOURCE, conflicts_with = "replay")]
    pub demo: Option<u64>,
    /// With --demo, so many partitions, or a few more [default: 63]
    #[arg(long, value_name = "N", help_heading = SOURCE, requires = "demo", default_value_t = 0)]
    #[arg(hide_default_value = true, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub partitions: u32,
    /// Record what is watched, on the screen or in sentences; the file must not exist
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    pub record: Option<PathBuf>,

    /// Print one frame and end
    #[arg(long, help_heading = OUTPUT, conflicts_with = "plain")]
    pub once: bool,
    /// With --once, the screen to print
    #[arg(long, value_name = "SCREEN", help_heading = OUTPUT, requires = "once")]
    #[arg(value_parser = screen)]
    pub screen: Option<Screen>,
    /// With --screen members, the group; with tail, the topic or partition (as orders/3); with configs,
    /// the topic or broker (as b1), else the cluster
    #[arg(long, value_name = "NAME", help_heading = OUTPUT, requires = "screen")]
    pub of: Option<String>,
    /// With --once, the moment to print: -10m, 12:01, 2026-11-21T12:01, trouble, trouble after 12:01
    #[arg(long, value_name = "TIME", help_heading = OUTPUT, requires = "once")]
    #[arg(allow_hyphen_values = true)]
    pub at: Option<String>,
    /// With --once, how to print it
    #[arg(short, long, value_name = "FORMAT", help_heading = OUTPUT, requires = "once")]
    pub output: Option<Output>,
    /// With --once, columns and rows [default: the terminal's, or 80x24]
    #[arg(long, value_name = "COLUMNSxROWS", help_heading = OUTPUT, requires = "once")]
    #[arg(value_parser = size)]
    pub size: Option<(u16, u16)>,
    /// Print a sentence for each change, and nothing else: for screen readers and logs
    #[arg(long, help_heading = OUTPUT)]
    pub plain: bool,

    /// Draw with ASCII alone
    #[arg(long)]
    pub ascii: bool,
    /// Colours; NO_COLOR is honoured
    #[arg(long, value_name = "NAME", value_parser = NAMES)]
    pub theme: Option<String>,
    /// Show times as UTC at first
    #[arg(long)]
    pub utc: bool,
    /// Write everything that reaches the monitor to a file, records that were looked at too, for a
    /// report of a fault
    #[arg(long, value_name = "FILE", conflicts_with_all = ["once", "plain"])]
    pub trace: Option<PathBuf>,
}

/// How to print a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Characters alone.
    #[default]
    Text,
    /// Characters with the colours of a terminal.
    Ansi,
    /// A picture.
    Svg,
    /// What the table has, by fields, for machines.
    Json,
}

impl Args {
    /// What was typed of the cluster.
    pub fn asked(&self) -> Asked {
        Asked {
            brokers: self.brokers.clone(),
            context: self.context.clone(),
            config: self.config.clone(),
            command_config: self.command_config.clone(),
        }
    }
}

fn screen(text: &str) -> Result<Screen, String> {
    // Of records those that are there already are one frame.
    let asked = [Screen::Members, Screen::Configs, Screen::Tail];
    let screens = Screen::TABS.into_iter().chain(asked);
    let screens: Vec<Screen> = screens.collect();
    let found = screens.iter().find(|it| {
        it.name() == text
            || it.word() == text
            || it.digit().is_some_and(|it| text == it.to_string())
    });
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = screens.iter().map(|it| it.name()).collect();
        format!("accepted: {}", names.join(", "))
    })
}

/// Sides of a frame that is printed; what is larger was typed by mistake.
const SIDE_MAX: u16 = 1_000;

fn size(text: &str) -> Result<(u16, u16), String> {
    let refusal = || format!("write COLUMNSxROWS, as 120x40, up to {SIDE_MAX}x{SIDE_MAX}");
    let (columns, rows) = text.split_once('x').ok_or_else(refusal)?;
    let side = |text: &str| text.parse().ok().filter(|it| (1..=SIDE_MAX).contains(it));
    side(columns).zip(side(rows)).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_need_one_another_say_so() {
        let parse = |line: &str| Args::try_parse_from(line.split(' '));
        let once = parse("kq-tui --once --screen churn --size 120x40 -o ansi").unwrap();
        assert_eq!(once.screen, Some(Screen::Churn));
        assert_eq!((once.size, once.output), (Some((120, 40)), Some(Output::Ansi)));
        assert_eq!(parse("kq-tui --once --at -10m").unwrap().at.as_deref(), Some("-10m"));
        assert!(parse("kq-tui --once --screen members --of billing").is_ok());
        for line in [
            "--once --screen record",
            "--once --of billing",
            "--at 12:01",
            "--once --plain",
            "--once --size 0x9",
            "--screen churn",
            "--once --record a",
            "--once --trace a",
            "--plain --trace a",
        ] {
            assert!(parse(&format!("kq-tui {line}")).is_err(), "{line}");
        }
    }
}
