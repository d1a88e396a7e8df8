//! `group seek` of rpk and of kcl. The flags are alike, but what stands behind `--to` is not: to rpk a
//! bare number is a time, to kcl it is an offset and a time stands behind `@`. And rpk does it at once,
//! while kcl shows what would change and asks.

use super::flags::Given;
use super::groups::whole_duration;
use super::line::Line;
use super::no_equivalent;
use crate::exit::Failure;

/// A position in kq's words, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) spec: String,
    pub(super) note: Option<String>,
}

impl Place {
    pub(super) fn new(spec: impl Into<String>) -> Self {
        Self { spec: spec.into(), note: None }
    }

    pub(super) fn noted(spec: impl Into<String>, note: impl Into<String>) -> Self {
        Self { spec: spec.into(), note: Some(note.into()) }
    }
}

/// The line of rpk.
pub(super) fn of_rpk(given: &Given, names: Vec<String>) -> Result<(Line, Option<String>), Failure> {
    let (line, note) = seek(given, names, rpk_place)?;
    Ok((line.word("--yes"), note))
}

/// The line of kcl.
pub(super) fn of_kcl(given: &Given, names: Vec<String>) -> Result<(Line, Option<String>), Failure> {
    let (line, note) = seek(given, names, kcl_place)?;
    let (shows, agrees) = (given.has("--dry"), given.has("-y"));
    Ok((line.when(shows, "--dry-run").when(agrees && !shows, "--yes"), note))
}

fn seek(
    given: &Given,
    names: Vec<String>,
    place: fn(&str) -> Result<Place, Failure>,
) -> Result<(Line, Option<String>), Failure> {
    let at = given.one("--to").map(place).transpose()?;
    let group = given.one("--to-group").map(|it| Place::new(format!("group:{it}")));
    let file = given.one("--to-file").map(|it| Place::new(format!("file:{it}")));
    let by_file = file.is_some();
    let mut given_places = [at, group, file].into_iter().flatten();
    let place = match (given_places.next(), given_places.next()) {
        (Some(place), None) => place,
        (Some(_), Some(_)) => {
            return Err(Failure::usage("seek takes one position")
                .hint("one of --to, --to-group and --to-file"));
        }
        (None, _) => {
            return Err(Failure::usage("seek wants a position")
                .hint("--to start, end or a time, --to-group, --to-file"));
        }
    };
    let topics = topics(given);
    let all = topics.is_empty() && !by_file;
    let line = Line::new("offset reset")
        .words(names)
        .flags("-t", topics)
        .when(all, "--all-topics")
        .word(format!("--to={}", place.spec))
        .when(given.has("--allow-new-topics"), "--allow-new-topics");
    Ok((line, place.note))
}

/// `a,b` are two topics, `a:0,1` is one with two partitions.
pub(super) fn topics(given: &Given) -> Vec<String> {
    let of = |it: &str| -> Vec<String> {
        if it.contains(':') {
            vec![it.to_owned()]
        } else {
            it.split(',').map(str::to_owned).collect()
        }
    };
    given.all("--topics").into_iter().flat_map(of).collect()
}

/// Start, end or a time, whose unit rpk tells by the count of its digits.
fn rpk_place(text: &str) -> Result<Place, Failure> {
    match text {
        "start" => Ok(Place::new("earliest")),
        "end" => Ok(Place::new("latest")),
        _ => match milliseconds(text, &[10]) {
            Some(ms) => Ok(Place::new(format!("@{ms}"))),
            None => Err(Failure::usage(format!("'{text}' is no position of rpk")).hint(
                "start, end, or a time since 1970 with 10 digits (s), 13 (ms) or 19 (ns); for \
                 offsets: kq-ctl offset reset --to N, +N or -N",
            )),
        },
    }
}

/// A time since 1970 as milliseconds: digits in as many places as seconds may have, 13 of milliseconds,
/// or 19 of nanoseconds.
fn milliseconds(text: &str, seconds: &[usize]) -> Option<u64> {
    let number: u64 = digits(text)?.parse().ok()?;
    match text.len() {
        13 => Some(number),
        19 => Some(number / 1_000_000),
        count => seconds.contains(&count).then_some(number.checked_mul(1_000)?),
    }
}

fn digits(text: &str) -> Option<&str> {
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then_some(text)
}

/// Digits that an offset can have.
fn offset(text: &str) -> Option<u64> {
    digits(text)?.parse().ok().filter(|it| i64::try_from(*it).is_ok())
}

fn kcl_place(text: &str) -> Result<Place, Failure> {
    let unknown = || {
        Failure::usage(format!("'{text}' is no position of kcl")).hint(
            "start, end, N, +N, -N, or @TIME: @-2h, @2026-08-22, @2026-08-22T10:00:00Z, or since \
             1970 with 9 or 10 digits (s), 13 (ms) or 19 (ns)",
        )
    };
    if let Some(time) = text.strip_prefix('@') {
        return kcl_time(time).ok_or_else(unknown);
    }
    if let Some(by) = text.strip_prefix(['+', '-']) {
        return offset(by).map(|_| Place::new(text)).ok_or_else(unknown);
    }
    if let Some(count) = text.strip_prefix("end-") {
        let note = format!("kcl reads {text} and goes to the end; kq-ctl goes {count} before it");
        let count = offset(count).ok_or_else(unknown)?;
        return Ok(Place::noted(format!("end-{count}"), note));
    }
    if let Some(count) = text.strip_prefix("start+") {
        offset(count).ok_or_else(unknown)?;
        let why = "kcl reads it and goes to the start, and kq-ctl counts from the end only (end-N)";
        return Err(no_equivalent(&format!("kcl --to {text}"), why).hint("--to start, or N"));
    }
    match text {
        "start" => Ok(Place::new("earliest")),
        "end" => Ok(Place::new("latest")),
        // With nothing behind the colon it is no range.
        _ => offset(text.strip_suffix(':').unwrap_or(text))
            .map(|it| Place::new(it.to_string()))
            .ok_or_else(unknown),
    }
}

/// What stands behind `@`.
fn kcl_time(text: &str) -> Option<Place> {
    let text = text.strip_suffix(':').unwrap_or(text);
    if text == "end" {
        return Some(Place::new("latest"));
    }
    if let Some(ago) = text.strip_prefix('-') {
        return Some(Place::new(format!("@-{}", whole_duration(go_duration(ago)?))));
    }
    if let Some(ms) = milliseconds(text, &[9, 10]) {
        return Some(Place::new(format!("@{ms}")));
    }
    // A day begins in UTC for kcl, and where the operator is for kq-ctl.
    if text.parse::<jiff::civil::Date>().is_ok() && text.len() == "2026-08-22".len() {
        return Some(Place::new(format!("@{text}T00:00:00Z")));
    }
    if text.parse::<jiff::Timestamp>().is_ok() {
        return Some(Place::new(format!("@{text}")));
    }
    let ahead = text.strip_prefix('+').unwrap_or(text);
    // Nothing is that young.
    go_duration(ahead).map(|_| Place::noted("latest", format!("@{text} lies ahead: the end")))
}

/// A duration as Go writes it, and with days: `1h30m`, `2d`, `1.5h`. In milliseconds.
fn go_duration(text: &str) -> Option<u64> {
    const UNITS: [(&str, u128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ];
    const DIGITS_MAX: usize = 18;
    let (mut rest, mut ns) = (text, 0_u128);
    loop {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let (number, behind) = rest.split_at(end);
        let (unit, size) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let written = format!("{whole}{part}");
        if DIGITS_MAX < written.len() {
            return None;
        }
        let parts = 10_u128.pow(u32::try_from(part.len()).ok()?);
        ns += digits(&written)?.parse::<u128>().ok()? * size / parts;
        rest = behind.strip_prefix(unit)?;
        if rest.is_empty() {
            return u64::try_from(ns / 1_000_000).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_a_time_to_rpk_and_an_offset_to_kcl() {
        for (text, rpk, kcl) in [
            ("start", Some("earliest"), Some("earliest")),
            ("end", Some("latest"), Some("latest")),
            ("1787392800", Some("@1787392800000"), Some("1787392800")),
            ("1787392800000", Some("@1787392800000"), Some("1787392800000")),
            ("1787392800000000000", Some("@1787392800000"), Some("1787392800000000000")),
            ("100", None, Some("100")),
            ("100:", None, Some("100")),
            ("+5", None, Some("+5")),
            ("-5", None, Some("-5")),
            ("end-100", None, Some("end-100")),
            ("start+100", None, None),
            ("100:200", None, None),
            (":end", None, None),
            ("--5", None, None),
            ("-1h", None, None),
            ("foo", None, None),
            ("", None, None),
            ("99999999999999999999", None, None),
        ] {
            let read = |place: fn(&str) -> Result<Place, Failure>| place(text).ok();
            assert_eq!(read(rpk_place).map(|it| it.spec).as_deref(), rpk, "rpk {text}");
            assert_eq!(read(kcl_place).map(|it| it.spec).as_deref(), kcl, "kcl {text}");
        }
    }

    #[test]
    fn a_time_of_kcl_stands_behind_an_at() {
        for (text, spec) in [
            ("@-1h", Some("@-1h")),
            ("@-1.5h", Some("@-1h30m")),
            ("@-2d12h", Some("@-2d12h")),
            ("@-1500us", Some("@-1ms")),
            ("@+1h", Some("latest")),
            ("@1h", Some("latest")),
            ("@end", Some("latest")),
            ("@2026-08-22", Some("@2026-08-22T00:00:00Z")),
            ("@2026-08-22T10:00:00Z", Some("@2026-08-22T10:00:00Z")),
            ("@2026-08-22T12:00:00.5+02:00:", Some("@2026-08-22T12:00:00.5+02:00")),
            ("@787392800", Some("@787392800000")),
            ("@1787392800", Some("@1787392800000")),
            ("@1787392800000", Some("@1787392800000")),
            ("@100", None),
            ("@-1", None),
            ("@-", None),
            ("@", None),
            ("@bogus", None),
            ("@1h:2h", None),
        ] {
            assert_eq!(kcl_place(text).ok().map(|it| it.spec).as_deref(), spec, "{text}");
        }
    }
}
