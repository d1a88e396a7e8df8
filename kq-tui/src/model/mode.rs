//! In which time the screen is, in words: whoever looks must never take the past for now.

use super::moment::{self, Zone};
use crate::text::span_text;

/// Whose moment is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What is now.
    Live {
        /// The cluster's clock, in milliseconds since 1970; none before the first frame.
        at_ms: Option<i64>,
    },
    /// What was now when it was held.
    Paused {
        /// That moment.
        at_ms: i64,
        /// So long ago, in milliseconds.
        age_ms: u64,
    },
    /// Still what is now: a moment of the past was asked for, and is on its way.
    Seeking {
        /// That moment; none where it is known only when it is found.
        to_ms: Option<i64>,
    },
    /// A moment that was asked for, and is shown.
    Past {
        /// That moment.
        at_ms: i64,
        /// So long ago, in milliseconds.
        age_ms: u64,
        /// So many times as fast as it was, if it plays.
        speed: Option<u32>,
    },
    /// A recording.
    Replay {
        /// The moment in it; none before the first frame.
        at_ms: Option<i64>,
        /// So many times as fast as it was; 0 = it stands.
        speed: u32,
        /// It has come to its end.
        ended: bool,
    },
    /// Nothing has been heard.
    Lost {
        /// For so long, in milliseconds.
        for_ms: u64,
        /// The last that was told.
        at_ms: Option<i64>,
    },
}

impl Mode {
    /// The word alone.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live { .. } => "LIVE",
            Self::Paused { .. } => "PAUSED",
            Self::Seeking { .. } => "SEEKING",
            Self::Past { .. } => "PAST",
            Self::Replay { .. } => "REPLAY",
            Self::Lost { .. } => "LOST",
        }
    }

    /// Whether what is shown is what is now, so that something may be done about it.
    pub const fn is_now(self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// As the first line says it: `LIVE 12:04:31Z`, `* PAST 12:01:07Z, 3m24s ago *`, `LOST 12 s`.
    pub fn words(self, zone: Zone<'_>) -> String {
        let word = self.word();
        match self {
            Self::Live { at_ms: None } => "LIVE, no data yet".to_owned(),
            Self::Live { at_ms: Some(at_ms) } => format!("LIVE {}", moment::clock(at_ms, zone)),
            Self::Paused { at_ms, age_ms } => {
                let clock = moment::clock(at_ms, zone);
                format!("* {word} {clock}, {} ago *", span_text(age_ms))
            }
            Self::Seeking { to_ms: None } => "seeking ..".to_owned(),
            Self::Seeking { to_ms: Some(to_ms) } => {
                format!("seeking {} ..", moment::clock(to_ms, zone))
            }
            Self::Past { at_ms, age_ms, speed } => {
                let when = moment::clock_near(at_ms, age_ms, zone);
                let plays = speed.map(|it| format!(", plays x{it}")).unwrap_or_default();
                format!("* {word} {when}, {} ago{plays} *", span_text(age_ms))
            }
            Self::Replay { at_ms: None, .. } => "REPLAY, no data yet".to_owned(),
            Self::Replay { at_ms: Some(at_ms), speed, ended } => {
                let when = moment::day_clock(at_ms, zone);
                match (ended, speed) {
                    (true, _) => format!("* {word} {when}, its end *"),
                    (false, 0) => format!("* {word} {when}, stands *"),
                    (false, speed) => format!("* {word} {when} x{speed} *"),
                }
            }
            Self::Lost { for_ms, at_ms: None } => format!("{word} {}", span_text(for_ms)),
            Self::Lost { for_ms, at_ms: Some(at_ms) } => {
                let clock = moment::clock(at_ms, zone);
                format!("{word} {}, last {clock}", span_text(for_ms))
            }
        }
    }
}
