//! `kafka-consumer-groups`

use std::fmt::Write as _;

use super::flags::Fate::{Dropped, Refused, Used};
use super::flags::Takes::{Maybe, Nothing, One};
use super::flags::{Flag, Given};
use super::line::{Line, Translated};
use super::seek::Place;
use crate::exit::Failure;

const TOOL: &str = "kafka-consumer-groups";

const FLAGS: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (&["--command-config"], One, Used),
    (&["--list"], Nothing, Used),
    (&["--describe"], Nothing, Used),
    (&["--delete"], Nothing, Used),
    (&["--delete-offsets"], Nothing, Used),
    (&["--reset-offsets"], Nothing, Used),
    (&["--validate-regex"], One, Refused("the expression is checked when a member subscribes")),
    (&["--group"], One, Used),
    (&["--all-groups"], Nothing, Used),
    (&["--topic"], One, Used),
    (&["--all-topics"], Nothing, Used),
    (&["--members"], Nothing, Used),
    (&["--offsets"], Nothing, Used),
    (&["--verbose"], Nothing, Used),
    (&["--state"], Maybe, Used),
    (&["--type"], One, Used),
    (&["--timeout"], One, Used),
    (&["--dry-run"], Nothing, Used),
    (&["--execute"], Nothing, Used),
    (&["--export"], Nothing, Used),
    (&["--to-earliest"], Nothing, Used),
    (&["--to-latest"], Nothing, Used),
    (&["--to-current"], Nothing, Used),
    (&["--to-offset"], One, Used),
    (&["--to-datetime"], One, Used),
    (&["--by-duration"], One, Used),
    (&["--shift-by"], One, Used),
    (&["--from-file"], One, Used),
    (&["--delete-topic"], Nothing, Dropped("")),
];

/// What is done, by the flag that says so.
pub(super) type Mode = fn(Given) -> Result<Translated, Failure>;

pub(super) fn translate(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse(TOOL, FLAGS, words)?;
    let modes: &[(&'static str, Mode)] = &[
        ("--list", list),
        ("--describe", describe),
        ("--delete", delete),
        ("--delete-offsets", delete_offsets),
        ("--reset-offsets", reset_offsets),
    ];
    let mut chosen = modes.iter().filter(|(name, _)| given.has(name));
    match (chosen.next(), chosen.next()) {
        (Some((_, mode)), None) => mode(given),
        (Some((a, _)), Some((b, _))) => {
            Err(Failure::usage(format!("{TOOL} takes {a} or {b}, not both")).hint("leave one out"))
        }
        (None, _) => Err(Failure::usage(format!("{TOOL} wants to know what to do"))
            .hint("--list, --describe, --delete, --delete-offsets or --reset-offsets")),
    }
}

/// Which cluster, and how long to wait, as every mode has it.
pub(super) fn reached(line: Line, given: &Given) -> Line {
    let timeout = given.one("--timeout").map(|ms| format!("{ms}ms"));
    line.maybe("-b", given.one("--bootstrap-server"))
        .maybe("--command-config", given.one("--command-config"))
        .maybe("--timeout", timeout)
}

/// The groups that are named, or all of them.
fn groups(line: Line, given: &Given) -> Result<Line, Failure> {
    if given.has("--all-groups") {
        return Ok(line.flag("--match", "*"));
    }
    given.wanted("--group")?;
    Ok(line.words(given.all("--group")))
}

fn list(given: Given) -> Result<Translated, Failure> {
    let mut line = Line::new("group list");
    let filtered = given.has("--state") || given.has("--type");
    // An empty --state or --type only adds the column, which stands there anyway.
    line = line.maybe("--state", given.one("--state").map(states));
    line = line.maybe("--type", given.one("--type").map(str::to_lowercase));
    if !filtered {
        line = line.flag("-o", "name");
    }
    Translated::of([reached(line, &given)], given)
}

/// Kafka writes `PreparingRebalance`.
fn states(text: &str) -> String {
    let words = text.split(',').map(|state| {
        let mut word = String::new();
        for letter in state.trim().chars() {
            if letter.is_uppercase() && !word.is_empty() {
                word.push('_');
            }
            word.extend(letter.to_lowercase());
        }
        word
    });
    words.collect::<Vec<_>>().join(",")
}

fn describe(given: Given) -> Result<Translated, Failure> {
    let line = groups(Line::new("group describe"), &given)?;
    let verbose = given.has("--verbose");
    let members = given.has("--members");
    let line = line.when(members && !verbose, "--members");
    let line = line.when(members && verbose, "--assignments");
    let line = line.when(given.has("--state"), "--state");
    let line = if verbose && !members { line.flag("-o", "wide") } else { line };
    given.has("--offsets");
    Translated::of([reached(line, &given)], given)
}

fn delete(given: Given) -> Result<Translated, Failure> {
    let line = groups(Line::new("group delete"), &given)?.word("--yes");
    let translated = Translated::of([reached(line, &given)], given)?;
    Ok(translated.note("without --yes kq-ctl asks first; kq-ctl offset export GROUP > FILE keeps what was committed"))
}

fn delete_offsets(given: Given) -> Result<Translated, Failure> {
    given.wanted("--group")?;
    given.wanted("--topic")?;
    let line = Line::new("offset delete").words(given.all("--group"));
    let line = line.flags("-t", given.all("--topic")).word("--yes");
    Translated::of([reached(line, &given)], given)
}

fn reset_offsets(given: Given) -> Result<Translated, Failure> {
    let mut line = groups(Line::new("offset reset"), &given)?;
    line = line.when(given.has("--all-topics"), "--all-topics");
    line = line.flags("-t", given.all("--topic"));
    let Place { spec, note } = target(&given)?;
    line = line.word(format!("--to={spec}"));
    let executes = given.has("--execute");
    let only_shown = given.has("--dry-run") || !executes;
    if given.has("--export") {
        line = line.word("--export").when(!only_shown, "--yes");
    } else {
        line = line.word(if only_shown { "--dry-run" } else { "--yes" });
    }
    // Kafka makes the group and takes any topic; kq-ctl wants to be told.
    line = line.word("--new-group").word("--allow-new-topics");
    let translated = Translated::of([reached(line, &given)], given)?;
    let translated = translated
        .note_if(only_shown && !executes, "without --execute nothing is changed, as with Kafka's tool")
        .note("--new-group and --allow-new-topics: Kafka makes a group and takes a topic by any name, a typo too")
        .note_if(executes, "taken back by kq-ctl offset undo; a group with members is refused unless --live");
    Ok(note.into_iter().fold(translated, Translated::note))
}

/// The one position that is named, in kq's words.
fn target(given: &Given) -> Result<Place, Failure> {
    let plain = |name: &'static str, word: &str| given.has(name).then(|| Place::new(word));
    let all = [
        plain("--to-earliest", "earliest"),
        plain("--to-latest", "latest"),
        plain("--to-current", "current"),
        given.one("--to-offset").map(offset).transpose()?,
        given.one("--to-datetime").map(datetime).transpose()?,
        duration(given)?.map(|it| Place::new(format!("@-{it}"))),
        given.one("--shift-by").map(shift).transpose()?,
        given.one("--from-file").map(|it| Place::new(format!("file:{it}"))),
    ];
    let mut named = all.into_iter().flatten();
    match (named.next(), named.next()) {
        (Some(place), None) => Ok(place),
        (Some(a), Some(b)) => {
            Err(Failure::usage(format!("{} and {}: {TOOL} takes one position", a.spec, b.spec))
                .hint("leave one out"))
        }
        (None, _) => Err(Failure::usage(format!("{TOOL} --reset-offsets wants a position")).hint(
            "--to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, \
             --shift-by or --from-file",
        )),
    }
}

/// Kafka's tool goes to the nearest offset that there is.
fn offset(text: &str) -> Result<Place, Failure> {
    match text.parse::<i64>() {
        Ok(below) if below < 0 => Ok(Place::noted(
            "earliest",
            format!("--to-offset {below}: what lies before the log is its earliest offset"),
        )),
        Ok(offset) => Ok(Place::new(offset.to_string())),
        Err(_) => Err(Failure::usage(format!("'{text}' is no offset")).hint(
            "--to-offset N, a whole number; --shift-by N or -N counts from what is committed",
        )),
    }
}

fn shift(text: &str) -> Result<Place, Failure> {
    match text.parse::<i64>() {
        Ok(by) => Ok(Place::new(format!("{by:+}"))),
        Err(_) => Err(Failure::usage(format!("'{text}' is no whole number"))
            .hint("--shift-by N goes on, --shift-by -N goes back")),
    }
}

/// Kafka takes a time without a zone for UTC.
fn datetime(text: &str) -> Result<Place, Failure> {
    if text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(Place::new(format!("@{text}")));
    }
    let in_utc = format!("{text}Z");
    if text.parse::<jiff::civil::DateTime>().is_ok() && in_utc.parse::<jiff::Timestamp>().is_ok() {
        let note = "--to-datetime: a time without a zone is UTC to Kafka's tool";
        return Ok(Place::noted(format!("@{in_utc}"), note));
    }
    Err(Failure::usage(format!("'{text}' is no time"))
        .hint("--to-datetime 2026-08-22T10:00:00.000, in UTC unless a zone follows"))
}

fn duration(given: &Given) -> Result<Option<String>, Failure> {
    let Some(text) = given.one("--by-duration") else { return Ok(None) };
    let ms = crate::spec::iso_duration::milliseconds(text).map_err(Failure::usage)?;
    Ok(Some(whole_duration(ms)))
}

/// In whole units, so that nothing is rounded away.
pub(super) fn whole_duration(ms: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (mut left, mut words) = (ms, String::new());
    for (unit, size) in UNITS {
        if left >= size {
            let _ = write!(words, "{}{unit}", left / size);
            left %= size;
        }
    }
    if words.is_empty() { "0s".to_owned() } else { words }
}
