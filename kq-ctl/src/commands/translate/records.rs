//! `kafka-console-producer`, `kafka-console-consumer`, `kafka-delete-records`

use super::flags::Fate::{Dropped, Refused, Used};
use super::flags::Takes::{Nothing, One};
use super::flags::{Flag, Given};
use super::groups::reached;
use super::line::{Line, Translated};
use super::no_equivalent;
use crate::exit::Failure;

const OF_CLIENT: &str = "kq-ctl is no Kafka client and has none of its properties";
const FORMATS: &str = "kq-ctl prints by -f, as in '%t/%p@%o %k %v\\n'";

const PRODUCER: &[Flag] = &[
    (&["--bootstrap-server", "--broker-list"], One, Used),
    (&["--topic"], One, Used),
    (&["--property", "--reader-property"], One, Used),
    (&["--compression-codec"], One, Used),
    (&["--request-required-acks"], One, Used),
    (&["--sync"], Nothing, Dropped("")),
    (&["--batch-size"], One, Dropped("")),
    (&["--timeout"], One, Dropped("lines are sent as they come")),
    (&["--message-send-max-retries"], One, Dropped("")),
    (&["--retry-backoff-ms"], One, Dropped("")),
    (&["--max-block-ms"], One, Dropped("--timeout bounds a call of kq-ctl")),
    (&["--max-memory-bytes"], One, Dropped("")),
    (&["--max-partition-memory-bytes"], One, Dropped("")),
    (&["--metadata-expiry-ms"], One, Dropped("")),
    (&["--request-timeout-ms"], One, Dropped("--timeout bounds a call of kq-ctl")),
    (&["--socket-buffer-size"], One, Dropped("")),
    (&["--producer-property", "--command-property"], One, Refused(OF_CLIENT)),
    (&["--producer.config", "--command-config"], One, Refused(OF_CLIENT)),
    (&["--line-reader"], One, Refused("kq-ctl reads by -f, as in '%k\\t%v\\n', json, jsonl, hex")),
    (
        &["--reader-config"],
        One,
        Refused("kq-ctl reads by -f, as in '%k\\t%v\\n', json, jsonl, hex"),
    ),
];

pub(super) fn producer(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-console-producer", PRODUCER, words)?;
    let acks = match given.one("--request-required-acks") {
        None => None,
        Some("all" | "-1") => Some("all"),
        Some("1") => Some("leader"),
        Some("0") => Some("none"),
        Some(other) => {
            return Err(Failure::usage(format!("--request-required-acks {other} is unknown"))
                .hint("all, 1 or 0"));
        }
    };
    let line = Line::new("record produce")
        .word(given.wanted("--topic")?)
        .maybe("--acks", acks)
        .maybe("-z", given.one("--compression-codec"))
        .maybe("-f", key_format(&given.all("--property"))?);
    let line = line.maybe("-b", given.one("--bootstrap-server"));
    Translated::of([line], given)
}

/// `parse.key=true` and its separator as a format.
fn key_format(properties: &[&str]) -> Result<Option<String>, Failure> {
    let (mut has_key, mut separator) = (false, "\\t".to_owned());
    for property in properties {
        match property.split_once('=').unwrap_or((property, "")) {
            ("parse.key", value) => has_key = value == "true",
            ("key.separator", value) => separator = value.replace('\t', "\\t"),
            ("ignore.error", _) => {}
            (other, _) => {
                let what = format!("kafka-console-producer --property {other}");
                return Err(no_equivalent(
                    &what,
                    "kq-ctl reads by -f: '%k\\t%v\\n', json, jsonl, hex",
                ));
            }
        }
    }
    Ok(has_key.then(|| format!("%k{separator}%v\\n")))
}

const CONSUMER: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (&["--topic"], One, Used),
    (&["--from-beginning"], Nothing, Used),
    (&["--partition"], One, Used),
    (&["--offset"], One, Used),
    (&["--max-messages"], One, Used),
    (&["--isolation-level"], One, Used),
    (&["--property", "--formatter-property"], One, Used),
    (&["--timeout-ms"], One, Used),
    (&["--skip-message-on-error"], Nothing, Dropped("")),
    (&["--enable-systest-events"], Nothing, Dropped("")),
    (&["--group"], One, Refused("kq-ctl reads without a group and commits nothing")),
    (&["--include", "--whitelist"], One, Refused("kq-ctl reads topics by their names")),
    (&["--consumer-property", "--command-property"], One, Refused(OF_CLIENT)),
    (&["--consumer.config", "--command-config"], One, Refused(OF_CLIENT)),
    (&["--formatter"], One, Refused(FORMATS)),
    (&["--formatter-config"], One, Refused(FORMATS)),
    (&["--key-deserializer"], One, Refused(FORMATS)),
    (&["--value-deserializer"], One, Refused(FORMATS)),
];

pub(super) fn consumer(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-console-consumer", CONSUMER, words)?;
    let offset = match given.one("--offset") {
        Some(offset) => Some(offset.to_owned()),
        None => given.has("--from-beginning").then(|| "earliest".to_owned()),
    };
    given.has("--from-beginning");
    let isolation = match given.one("--isolation-level") {
        Some("read_committed") => "committed",
        // Kafka's tool shows everything unless it is told otherwise; kq-ctl does not.
        _ => "uncommitted",
    };
    let ends = given.has("--timeout-ms");
    let line = Line::new("record consume")
        .word(given.wanted("--topic")?)
        .maybe("-p", given.one("--partition"))
        .maybe("-s", offset)
        .maybe("-n", given.one("--max-messages"))
        .when(ends, "-e")
        .flag("--isolation", isolation)
        .maybe("-f", print_format(&given.all("--property"))?)
        .maybe("-b", given.one("--bootstrap-server"));
    Ok(Translated::of([line], given)?.note_if(
        ends,
        "--timeout-ms: -e stops at the end that each partition has now, and waits for nothing",
    ))
}

/// `print.key=true` and the like, in the order in which Kafka prints them.
fn print_format(properties: &[&str]) -> Result<Option<String>, Failure> {
    let (mut separator, mut wanted) = ("\\t".to_owned(), vec!["print.value"]);
    for property in properties {
        let (name, value) = property.split_once('=').unwrap_or((property, ""));
        let known = [
            "print.timestamp",
            "print.partition",
            "print.offset",
            "print.headers",
            "print.key",
            "print.value",
        ];
        match (name, known.into_iter().find(|it| *it == name)) {
            ("key.separator", _) => separator = value.replace('\t', "\\t"),
            (_, Some(known)) if value == "true" => wanted.push(known),
            (_, Some(known)) => wanted.retain(|it| *it != known),
            (other, None) => {
                let what = format!("kafka-console-consumer --property {other}");
                return Err(no_equivalent(&what, FORMATS));
            }
        }
    }
    let order = [
        ("print.timestamp", "%T"),
        ("print.partition", "%p"),
        ("print.offset", "%o"),
        ("print.headers", "%h"),
        ("print.key", "%k"),
        ("print.value", "%v"),
    ];
    let parts: Vec<&str> =
        order.iter().filter(|(name, _)| wanted.contains(name)).map(|(_, code)| *code).collect();
    Ok((parts != ["%v"]).then(|| format!("{}\\n", parts.join(&separator))))
}

const DELETE: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (&["--command-config"], One, Used),
    (&["--offset-json-file"], One, Used),
];

pub(super) fn delete_records(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-delete-records", DELETE, words)?;
    given.wanted("--offset-json-file")?;
    reached(Line::new("record"), &given);
    Err(no_equivalent(
        "kafka-delete-records",
        "kq-ctl deletes no single records; retention.ms of the topic bounds how long they stay",
    ))
}
