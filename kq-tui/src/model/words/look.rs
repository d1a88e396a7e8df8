//! What there is to say of a configuration, or of records that are read.

use kq_proto::admin::v1::{ConfigEntry, ConfigType};

use crate::model::configs::{differs, is_set, source_word};
use crate::model::tail::Phase;
use crate::model::{Link, Screen, Source, State};
use crate::text::{grouped, plural, safe};

/// What is shown in the place of a value that is withheld.
pub const HIDDEN: &str = "(hidden)";

/// Why a screen that asks brokers shows nothing; none if it is another one.
pub fn absence(state: &State) -> Option<String> {
    let screen = state.place.screen;
    if !screen.is_asked_for() {
        return None;
    }
    let what = if screen == Screen::Configs { "a configuration is" } else { "records are" };
    let source = match state.settings.source {
        Source::Live => None,
        Source::Recording => Some("a recording"),
        Source::Demo => Some("the demo"),
    };
    if let Some(source) = source {
        return Some(format!("{what} not in {source}: only a cluster can be asked"));
    }
    if state.moment_asked().is_some() {
        return Some(format!("{what} not kept of the past; L goes back to what is now"));
    }
    if !state.table.filter.is_empty() && state.table.total > 0 {
        return None;
    }
    if screen == Screen::Record {
        return Some("it is not kept here any more: y gives the line that shows it".to_owned());
    }
    let failure = match (screen, &state.tail.phase) {
        (Screen::Configs, _) => state.configs.failure.as_deref(),
        (_, Phase::Broken(why)) => Some(why.as_str()),
        _ => None,
    };
    Some(match (failure, &state.link) {
        (Some(why), _) => safe(why).into_owned(),
        (None, Link::Open(_)) if screen == Screen::Configs && state.configs.is_told => {
            "it has no keys".to_owned()
        }
        (None, Link::Open(_)) if screen == Screen::Configs => "asked for it".to_owned(),
        (None, Link::Open(_)) if state.tail.phase == Phase::Following => {
            "no record yet: new ones show as they come".to_owned()
        }
        (None, Link::Open(_)) => "asked where it ends".to_owned(),
        (None, Link::Opening(_) | Link::Lost(_) | Link::Ended(_)) => {
            "no broker to be asked".to_owned()
        }
    })
}

/// How the tail is, in a line, and whether something is wrong.
pub fn standing(state: &State) -> (String, bool) {
    let tail = &state.tail;
    let mut parts = Vec::new();
    let partitions = u64::try_from(tail.places.reading.len()).unwrap_or(u64::MAX);
    let (word, is_wrong) = match &tail.phase {
        Phase::Idle | Phase::Ends => ("looks for the end".to_owned(), false),
        Phase::Following if tail.follows => {
            (format!("follows {}", plural(partitions, "partition")), false)
        }
        Phase::Following => {
            (format!("reads {}; G follows", plural(partitions, "partition")), false)
        }
        Phase::Broken(why) => (format!("broken off: {}", safe(why)), true),
    };
    parts.push(word);
    parts.push(format!("{} came", grouped(tail.came_count())));
    for (count, words) in [
        (tail.beside_count(), "of them wait: Space shows them"),
        (tail.dropped_count(), "older ones let go"),
        (tail.passed_count(), "passed over, too fast to be read"),
    ] {
        if count > 0 {
            parts.push(format!("{} {words}", grouped(count)));
        }
    }
    let failures = tail.places.failures.iter();
    parts.extend(failures.map(|(item, why)| format!("{}: {}", safe(item), safe(why))));
    let is_wrong = is_wrong || !tail.places.failures.is_empty();
    (parts.join(", "), is_wrong)
}

/// What there is to say of a key: what it does, what it takes, where its value comes from.
pub fn config(it: &ConfigEntry) -> Vec<String> {
    let value =
        |it: Option<&str>| it.map_or_else(|| "nothing".to_owned(), |it| safe(it).into_owned());
    let shown = if it.sensitive { HIDDEN.to_owned() } else { value(it.value.as_deref()) };
    let from = match source_word(it.source()) {
        "default" => "by default".to_owned(),
        word => {
            format!("set for the {}", if word == "static" { "broker by its start" } else { word })
        }
    };
    let default = match differs(it) {
        Some(true) => format!("; the default is {}", value(it.default_value.as_deref())),
        Some(false) if is_set(it) => "; so is the default".to_owned(),
        Some(false) | None => String::new(),
    };
    let mut sentences = vec![format!("{} = {shown}, {from}{default}.", safe(&it.key))];
    if !it.doc.is_empty() {
        sentences.push(safe(&it.doc).into_owned());
    }
    let mut takes = kind_words(it.r#type()).to_owned();
    if !it.bounds.is_empty() {
        takes = format!("{takes}, {}", safe(&it.bounds));
    }
    let change = match (it.restart_required, it.read_only) {
        (true, _) => "a change takes force when the broker starts again",
        (false, true) => "it cannot be changed",
        (false, false) => "a change takes force at once",
    };
    sentences.push(format!("It takes {takes}; {change}."));
    if it.synonyms.len() > 1 && !it.sensitive {
        let looked = it.synonyms.iter().map(|of| {
            format!(
                "{} {} = {}",
                source_word(of.source()),
                safe(&of.key),
                value(of.value.as_deref())
            )
        });
        sentences
            .push(format!("Looked for in this order: {}.", looked.collect::<Vec<_>>().join("; ")));
    }
    sentences
}

const fn kind_words(kind: ConfigType) -> &'static str {
    match kind {
        ConfigType::Boolean => "true or false",
        ConfigType::String => "a text",
        ConfigType::Int | ConfigType::Short | ConfigType::Long => "a whole number",
        ConfigType::Double => "a number",
        ConfigType::List => "a list",
        ConfigType::Class => "a name of a class",
        ConfigType::Password => "a secret",
        ConfigType::Unspecified => "a value",
    }
}
