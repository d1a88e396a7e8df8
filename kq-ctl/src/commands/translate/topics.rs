//! `kafka-topics`

use super::flags::Fate::{Dropped, Refused, Used};
use super::flags::Takes::{Nothing, One};
use super::flags::{Flag, Given};
use super::groups::{Mode, reached};
use super::line::{Line, Translated};
use crate::exit::Failure;

const TOOL: &str = "kafka-topics";

const FLAGS: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (&["--command-config"], One, Used),
    (&["--list"], Nothing, Used),
    (&["--create"], Nothing, Used),
    (&["--describe"], Nothing, Used),
    (&["--alter"], Nothing, Used),
    (&["--delete"], Nothing, Used),
    (&["--topic"], One, Used),
    (&["--topic-id"], One, Used),
    (&["--partitions"], One, Used),
    (&["--replication-factor"], One, Used),
    (&["--replica-assignment"], One, Used),
    (&["--config"], One, Used),
    (&["--delete-config"], One, Refused("kafka-configs --alter --delete-config does it")),
    (&["--if-exists"], Nothing, Used),
    (&["--if-not-exists"], Nothing, Used),
    (&["--exclude-internal"], Nothing, Used),
    (&["--under-replicated-partitions"], Nothing, Used),
    (&["--unavailable-partitions"], Nothing, Used),
    (&["--under-min-isr-partitions"], Nothing, Used),
    (&["--at-min-isr-partitions"], Nothing, Used),
    (&["--topics-with-overrides"], Nothing, Used),
    (&["--partition-size-limit-per-response"], One, Dropped("")),
    (&["--zookeeper"], One, Refused("there is no ZooKeeper; name a broker by --bootstrap-server")),
];

pub(super) fn translate(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse(TOOL, FLAGS, words)?;
    let modes: &[(&'static str, Mode)] = &[
        ("--list", list),
        ("--create", create),
        ("--describe", describe),
        ("--alter", alter),
        ("--delete", delete),
    ];
    let chosen = modes.iter().find(|(name, _)| given.has(name));
    let (_, mode) = chosen.ok_or_else(|| {
        Failure::usage(format!("{TOOL} wants to know what to do"))
            .hint("--list, --create, --describe, --alter or --delete")
    })?;
    mode(given)
}

/// Kafka takes names for regular expressions everywhere but in --create.
pub(super) fn named(line: Line, names: &[&str]) -> (Line, bool) {
    let is_plain = |it: &&str| it.chars().all(|c| c.is_ascii_alphanumeric() || "._-,".contains(c));
    if names.iter().all(is_plain) {
        let each = names.iter().flat_map(|it| it.split(',')).map(str::trim);
        return (line.words(each.filter(|it| !it.is_empty())), false);
    }
    // A comma is an alternative to Kafka.
    let alternatives = names.join("|").replace(',', "|");
    (line.flag("--regex", format!("^({alternatives})$")), true)
}

const REGEX: &str = "--topic is a regular expression to Kafka; kq-ctl takes names, or --regex";

fn list(given: Given) -> Result<Translated, Failure> {
    let (line, regex) = named(Line::new("topic list"), &given.all("--topic"));
    let line = line.when(!given.has("--exclude-internal"), "--internal").flag("-o", "name");
    Ok(Translated::of([reached(line, &given)], given)?.note_if(regex, REGEX))
}

fn create(given: Given) -> Result<Translated, Failure> {
    let line = Line::new("topic create").word(given.wanted("--topic")?);
    let line = line
        .maybe("-p", given.one("--partitions"))
        .maybe("-r", given.one("--replication-factor"))
        .flags("-c", given.all("--config"))
        .flags("--assignment", assignments(given.one("--replica-assignment")))
        .when(given.has("--if-not-exists"), "--if-not-exists");
    Translated::of([reached(line, &given)], given)
}

/// `0:1,1:2` is partition 0 on 0 and 1, partition 1 on 1 and 2.
fn assignments(text: Option<&str>) -> Vec<String> {
    let partitions = text.into_iter().flat_map(|it| it.split(',')).enumerate();
    partitions.map(|(nth, brokers)| format!("{nth}:{}", brokers.replace(':', ","))).collect()
}

fn describe(given: Given) -> Result<Translated, Failure> {
    let filters: &[(&'static str, &str)] = &[
        ("--under-replicated-partitions", "--under-replicated"),
        ("--unavailable-partitions", "--offline"),
        ("--under-min-isr-partitions", "--under-min-isr"),
        ("--at-min-isr-partitions", "--at-min-isr"),
        ("--topics-with-overrides", "--overridden"),
    ];
    let filtered: Vec<&str> =
        filters.iter().filter(|(name, _)| given.has(name)).map(|(_, flag)| *flag).collect();
    let internal = !given.has("--exclude-internal");
    given.has("--if-exists");
    if !filtered.is_empty() {
        let (line, regex) = named(Line::new("topic list"), &given.all("--topic"));
        let line = line.words(filtered).when(internal, "--internal");
        let translated = Translated::of([reached(line, &given)], given)?;
        return Ok(translated
            .note("the partitions themselves: kq-ctl partition list --unhealthy")
            .note_if(regex, REGEX));
    }
    let line = Line::new("topic describe");
    if let Some(id) = given.one("--topic-id") {
        let line = line.flag("--id", id).word("--configs");
        return Translated::of([reached(line, &given)], given);
    }
    let topics = given.all("--topic");
    let (line, regex) = if topics.is_empty() {
        (line.flag("--match", "*").when(internal, "--internal"), false)
    } else {
        named(line, &topics)
    };
    let line = line.word("--partitions").word("--configs");
    Ok(Translated::of([reached(line, &given)], given)?.note_if(regex, REGEX))
}

fn alter(given: Given) -> Result<Translated, Failure> {
    given.wanted("--topic")?;
    let (line, regex) = named(Line::new("topic alter"), &given.all("--topic"));
    let line = line
        .flag("-p", given.wanted("--partitions")?)
        .when(given.has("--if-exists"), "--if-exists");
    Ok(Translated::of([reached(line, &given)], given)?.note_if(regex, REGEX))
}

fn delete(given: Given) -> Result<Translated, Failure> {
    given.wanted("--topic")?;
    let (line, regex) = named(Line::new("topic delete"), &given.all("--topic"));
    let line = line.when(given.has("--if-exists"), "--if-exists").word("--yes");
    let translated = Translated::of([reached(line, &given)], given)?;
    Ok(translated
        .note("the topic can be brought back by kq-ctl topic restore until its time is up")
        .note_if(regex, REGEX))
}
