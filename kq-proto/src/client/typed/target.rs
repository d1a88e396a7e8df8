//! Where committed offsets are to be, as typed behind `offset reset --to`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Position;
use super::position::unitless;
use crate::admin::v1::offset_spec::{Named, Spec};
use crate::admin::v1::reset_target::To;
use crate::admin::v1::{OffsetList, OffsetSpec};

/// A position of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A position of the log.
    Position(Position),
    /// Where it is; at the end where nothing was committed.
    Current,
    /// So many on, or back.
    Shift(i64),
    /// Where this group is.
    Group(String),
    /// What this file says.
    File(PathBuf),
}

impl Target {
    /// For the wire; `list` is what the file says.
    pub fn wire(&self, now_ms: i64, list: impl FnOnce(&Path) -> OffsetList) -> To {
        match self {
            Self::Position(Position::BeforeEnd(n)) => To::BeforeEnd(*n),
            Self::Position(position) => To::At(position.wire(now_ms)),
            Self::Current => To::Current(true),
            Self::Shift(by) => To::Shift(*by),
            Self::Group(name) => To::Group(name.clone()),
            Self::File(path) => To::Exactly(list(path)),
        }
    }

    /// True if the instant lies ahead: nothing is that young.
    pub fn is_future(&self, now_ms: i64) -> bool {
        let Self::Position(position @ (Position::At(_) | Position::Ago(_))) = self else {
            return false;
        };
        matches!(position.wire(now_ms), OffsetSpec { spec: Some(Spec::AtTimestampMs(at)) } if at > now_ms)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(f, "{position}"),
            Self::Current => f.write_str("current"),
            Self::Shift(by) => write!(f, "{by:+}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "current" {
            return Ok(Self::Current);
        }
        if let Some(name) = text.strip_prefix("group:").filter(|it| !it.is_empty()) {
            return Ok(Self::Group(name.to_owned()));
        }
        if let Some(path) = text.strip_prefix("file:").filter(|it| !it.is_empty()) {
            return Ok(Self::File(PathBuf::from(path)));
        }
        if let Some(digits) = text.strip_prefix(['+', '-']) {
            let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
            let shift = is_number.then(|| text.parse().ok()).flatten();
            return shift.map(Self::Shift).ok_or_else(|| refused(text));
        }
        if let Some(why) = unitless(text) {
            return Err(why);
        }
        match text.parse::<Position>() {
            // Nobody means these by a place to go on from, and none of them is one.
            Ok(Position::Named(Named::MaxTimestamp | Named::LastStable | Named::LogEnd))
            | Err(_) => Err(refused(text)),
            Ok(position) => Ok(Self::Position(position)),
        }
    }
}

fn refused(text: &str) -> String {
    format!(
        "'{text}' is no position; accepted: earliest, latest, current, N, +N, -N, end-N, \
         @2026-08-22T10:00:00Z, @MILLISECONDS, @-2h, group:G, file:F"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> To {
        text.parse::<Target>().unwrap().wire(10_000, |_| OffsetList::default())
    }

    #[test]
    fn every_position_of_a_group_has_its_place_on_the_wire() {
        let at = |spec| To::At(OffsetSpec { spec: Some(spec) });
        assert_eq!(wire("earliest"), at(Spec::Named(Named::Earliest.into())));
        assert_eq!(wire("latest"), at(Spec::Named(Named::Latest.into())));
        assert_eq!(wire("42"), at(Spec::Offset(42)));
        assert_eq!(wire("@-3s"), at(Spec::AtTimestampMs(7_000)));
        assert_eq!(wire("@17"), at(Spec::AtTimestampMs(17)));
        assert_eq!(wire("current"), To::Current(true));
        assert_eq!((wire("+5"), wire("-5")), (To::Shift(5), To::Shift(-5)));
        assert_eq!(wire("end-10"), To::BeforeEnd(10));
        assert_eq!(wire("group:a:b"), To::Group("a:b".to_owned()));
        assert_eq!(wire("file:x.csv"), To::Exactly(OffsetList::default()));
    }

    #[test]
    fn what_is_no_position_of_a_group_is_refused() {
        for text in [
            "",
            "yesterday",
            "+",
            "-",
            "+x",
            "--5",
            "+-5",
            "1.5",
            "-1.5",
            "end-",
            "group:",
            "file:",
            "@",
            "max-timestamp",
            "+9223372036854775808",
        ] {
            let why = text.parse::<Target>().unwrap_err();
            assert!(why.contains("is no position; accepted: earliest"), "{why}");
        }
    }

    #[test]
    fn a_time_ago_wants_a_unit() {
        let why = "@-1".parse::<Target>().unwrap_err();
        assert_eq!(why, "'@-1' has no unit; accepted: @-1h, @-1m, @-1s");
    }

    #[test]
    fn only_an_instant_that_lies_ahead_is_future() {
        let is_future = |text: &str| text.parse::<Target>().unwrap().is_future(10_000);
        assert!(is_future("@10001"));
        assert!(!is_future("@10000") && !is_future("@-1s") && !is_future("99999"));
    }
}
