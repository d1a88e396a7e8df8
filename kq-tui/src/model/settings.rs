//! What the monitor is told at its start and keeps to.

use jiff::tz::TimeZone;

/// Where frames come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// A cluster.
    #[default]
    Live,
    /// A file that was recorded.
    Recording,
    /// Made up from a seed.
    Demo,
}

/// How to treat the cluster, and how to show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// The context of the configuration, or how the cluster was named otherwise.
    pub context: String,
    /// What a line of kq-ctl has to say to mean the same cluster, argument by argument: nothing where
    /// it is the context in use.
    pub reach: Vec<String>,
    /// Where frames come from.
    pub source: Source,
    /// Nothing may be changed here.
    pub read_only: bool,
    /// That was asked for with `--read-only`, whatever the context says.
    pub read_only_asked: bool,
    /// What loses something wants the context's name typed.
    pub protected: bool,
    /// Nothing but ASCII is drawn.
    pub ascii: bool,
    /// The name of the colours.
    pub theme: String,
    /// No colours at all.
    pub no_color: bool,
    /// Times are shown as UTC at first, not as local ones.
    pub utc: bool,
    /// Where local time is; none = nowhere else than UTC.
    pub zone: Option<TimeZone>,
}
