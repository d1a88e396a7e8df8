//! Moments as the screens write them and as users type them.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// In which zone times are shown; none = UTC, whose times end in `Z`.
pub type Zone<'a> = Option<&'a TimeZone>;

const DAY_MS: u64 = 86_400_000;
/// A moment of which all that may be written has a day before it.
const CHECKED_MS: i64 = 4_000_000_000_000;

/// What may be typed for a moment.
pub const ACCEPTED: &str = "accepted: -10m (also s, h, d), 12:01, 12:01:07, 2026-11-21T12:01, \
                            trouble, trouble after 12:01, live";

/// `12:04:31Z`.
pub fn clock(at_ms: i64, zone: Zone<'_>) -> String {
    written(at_ms, zone, "%H:%M:%S")
}

/// `12:01Z`.
pub fn minute(at_ms: i64, zone: Zone<'_>) -> String {
    written(at_ms, zone, "%H:%M")
}

/// `2026-11-21 12:04:31Z`.
pub fn day_clock(at_ms: i64, zone: Zone<'_>) -> String {
    written(at_ms, zone, "%Y-%m-%d %H:%M:%S")
}

/// With its day unless that is clear.
pub fn clock_near(at_ms: i64, age_ms: u64, zone: Zone<'_>) -> String {
    if age_ms < DAY_MS / 2 { clock(at_ms, zone) } else { day_clock(at_ms, zone) }
}

/// `12:01:07.024`, without a zone.
pub fn clock_ms(at_ms: i64, zone: Zone<'_>) -> String {
    let Some(zoned) = zoned(at_ms, zone) else { return "-".to_owned() };
    zoned.strftime("%H:%M:%S%.3f").to_string()
}

/// How far the clocks of a zone are before UTC, in milliseconds.
pub fn offset_ms(at_ms: i64, zone: Zone<'_>) -> i64 {
    zoned(at_ms, zone).map_or(0, |it| i64::from(it.offset().seconds()) * 1_000)
}

/// As kq-ctl takes it: `2026-11-21T12:01:07.024Z`.
pub fn rfc3339(at_ms: i64) -> String {
    zoned(at_ms, None)
        .map_or_else(|| "-".to_owned(), |it| it.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

fn written(at_ms: i64, zone: Zone<'_>, format: &str) -> String {
    let Some(zoned) = zoned(at_ms, zone) else { return "-".to_owned() };
    let z = if zone.is_none() { "Z" } else { "" };
    format!("{}{z}", zoned.strftime(format))
}

/// None for a time that no calendar has.
fn zoned(at_ms: i64, zone: Zone<'_>) -> Option<Zoned> {
    let zone = zone.cloned().unwrap_or(TimeZone::UTC);
    Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone))
}

/// What was typed for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// What is now.
    Live,
    /// A moment, in milliseconds since 1970.
    At(i64),
    /// Where the last trouble before a moment began, or the next one after it.
    Trouble {
        /// The moment, in milliseconds since 1970.
        from_ms: i64,
        /// After it instead of before.
        is_after: bool,
    },
}

/// Reads a moment. `-10m` counts from the moment that is shown, or from now; a time without a day is
/// the last such time.
pub fn parse(text: &str, now_ms: i64, zone: Zone<'_>) -> Result<Typed, String> {
    Origin { at_ms: now_ms, zone, is_recorded: false }.read(text)
}

/// Reads a moment of a recording, which has a time to come: `+10m` counts from the moment that is
/// shown as well, and a time without a day is the next to it on either side.
pub fn parse_recorded(text: &str, shown_ms: i64, zone: Zone<'_>) -> Result<Typed, String> {
    Origin { at_ms: shown_ms, zone, is_recorded: true }.read(text)
}

/// Whether something is written as moments are: then `parse` refuses at most when it is.
pub fn check(text: &str) -> Result<(), String> {
    Origin { at_ms: CHECKED_MS, zone: None, is_recorded: true }.read(text).map(drop)
}

/// From where moments are counted.
#[derive(Clone, Copy)]
struct Origin<'a> {
    at_ms: i64,
    zone: Zone<'a>,
    is_recorded: bool,
}

impl Origin<'_> {
    fn read(self, text: &str) -> Result<Typed, String> {
        let text = text.trim();
        if matches!(text, "live" | "now") {
            return Ok(Typed::Live);
        }
        if text == "trouble" {
            return Ok(Typed::Trouble { from_ms: self.at_ms, is_after: false });
        }
        for (word, is_after) in [("trouble after ", true), ("trouble before ", false)] {
            if let Some(moment) = text.strip_prefix(word) {
                return Ok(Typed::Trouble { from_ms: self.at(moment.trim())?, is_after });
            }
        }
        self.at(text).map(Typed::At)
    }

    /// A moment by its time, in milliseconds since 1970.
    fn at(self, text: &str) -> Result<i64, String> {
        let span = |it: &str| {
            let span = span_ms(it).ok_or_else(|| format!("'{text}' is no span; {ACCEPTED}"))?;
            Ok::<i64, String>(i64::try_from(span).unwrap_or(i64::MAX))
        };
        let at_ms = if let Some(back) = text.strip_prefix('-') {
            self.at_ms.saturating_sub(span(back)?)
        } else if let Some(on) = text.strip_prefix('+').filter(|_| self.is_recorded) {
            self.at_ms.saturating_add(span(on)?)
        } else {
            self.named(text).ok_or_else(|| format!("'{text}' is no moment; {ACCEPTED}"))?
        };
        if at_ms > self.at_ms && !self.is_recorded {
            let until = day_clock(self.at_ms, self.zone);
            return Err(format!("'{text}' has not come yet; accepted: up to {until}"));
        }
        if Timestamp::from_millisecond(at_ms).is_err() || at_ms < 0 {
            return Err(format!("'{text}' lies before 1970; {ACCEPTED}"));
        }
        Ok(at_ms)
    }

    fn named(self, text: &str) -> Option<i64> {
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Some(timestamp.as_millisecond());
        }
        let clock = text.strip_suffix('Z').unwrap_or(text);
        let zone = if clock == text { self.zone } else { None };
        let in_zone = |it: DateTime| {
            let zone = zone.cloned().unwrap_or(TimeZone::UTC);
            Some(it.to_zoned(zone).ok()?.timestamp().as_millisecond())
        };
        if text.contains(':')
            && !text.contains('-')
            && let Ok(time) = with_two_digits(clock).parse::<Time>()
        {
            let today = zoned(self.at_ms, zone)?.date();
            let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
            let times = days.into_iter().flatten().filter_map(|it| in_zone(it.to_datetime(time)));
            return if self.is_recorded {
                times.min_by_key(|it| it.abs_diff(self.at_ms))
            } else {
                times.filter(|it| *it <= self.at_ms).max()
            };
        }
        in_zone(clock.replace(' ', "T").parse::<DateTime>().ok()?)
    }
}

/// `8:46` as `08:46`.
fn with_two_digits(clock: &str) -> String {
    let is_short = clock.find(':') == Some(1);
    if is_short { format!("0{clock}") } else { clock.to_owned() }
}

/// A length of time as typed, in milliseconds: `500ms`, `10s`, `5m`, `2h`, `7d`, `1h30m`.
pub fn span_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|it: char| it.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => DAY_MS,
            "w" => 7 * DAY_MS,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(unit_ms)?)?;
        rest = next;
    }
    (!text.trim().is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T12:04:31Z.
    const NOW: i64 = 1_795_262_671_000;

    #[test]
    fn moments_are_read_as_they_are_typed() {
        let at = |text: &str| match parse(text, NOW, None) {
            Ok(Typed::At(at_ms)) => day_clock(at_ms, None),
            Ok(other) => format!("{other:?}"),
            Err(why) => why,
        };
        assert_eq!(at("-10m"), "2026-11-21 11:54:31Z");
        assert_eq!(at("-1h30m"), "2026-11-21 10:34:31Z");
        assert_eq!(at("12:01"), "2026-11-21 12:01:00Z");
        assert_eq!(at("8:46"), "2026-11-21 08:46:00Z");
        assert_eq!(at("23:59:10"), "2026-11-20 23:59:10Z");
        assert_eq!(at("2026-11-20T08:00"), "2026-11-20 08:00:00Z");
        assert_eq!(at("2026-11-20"), "2026-11-20 00:00:00Z");
        assert_eq!(at("2026-11-20T10:00:00+02:00"), "2026-11-20 08:00:00Z");
        assert_eq!(at("live"), "Live");
        assert!(at("2027-01-01").contains("has not come yet"));
        assert!(at("soon").contains(ACCEPTED));
        assert!(at("-").contains(ACCEPTED));
        assert!(at("-5x").contains(ACCEPTED));
    }

    #[test]
    fn trouble_is_looked_for_from_a_moment_on_or_back() {
        let trouble = |from_ms, is_after| Ok(Typed::Trouble { from_ms, is_after });
        assert_eq!(parse("trouble", NOW, None), trouble(NOW, false));
        assert_eq!(parse("trouble after 12:01", NOW, None), trouble(NOW - 211_000, true));
        assert_eq!(parse("trouble before -1h", NOW, None), trouble(NOW - 3_600_000, false));
        assert!(parse("trouble after soon", NOW, None).is_err_and(|why| why.contains(ACCEPTED)));
    }

    #[test]
    fn a_recording_has_a_time_to_come() {
        let at = |text: &str| match parse_recorded(text, NOW, None) {
            Ok(Typed::At(at_ms)) => day_clock(at_ms, None),
            other => format!("{other:?}"),
        };
        assert_eq!(at("+10m"), "2026-11-21 12:14:31Z");
        assert_eq!(at("12:30"), "2026-11-21 12:30:00Z");
        assert_eq!(at("11:59"), "2026-11-21 11:59:00Z");
        assert_eq!(at("00:01"), "2026-11-22 00:01:00Z", "nearer than the last one");
        assert_eq!(at("2027-01-01"), "2027-01-01 00:00:00Z");
        for text in ["-10m", "12:01", "2026-11-21T12:01", "live", "trouble after 12:01"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["soon", "", "-5x", "25:01", "12:1:1:1", "trouble after soon"] {
            assert!(check(text).is_err_and(|why| why.contains(ACCEPTED)), "{text}");
        }
    }

    #[test]
    fn a_local_time_is_read_in_its_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let typed = parse("14:00", NOW, Some(&zone)).unwrap();
        assert_eq!(typed, Typed::At(NOW - 271_000));
        assert_eq!(clock(NOW, Some(&zone)), "14:04:31");
        assert_eq!(clock_ms(NOW + 24, None), "12:04:31.024");
    }

    #[test]
    fn a_moment_that_no_calendar_has_is_a_dash() {
        assert_eq!((clock(i64::MAX, None), rfc3339(i64::MIN)), ("-".to_owned(), "-".to_owned()));
    }
}
