//! `kafka-get-offsets`, `kafka-leader-election`, `kafka-reassign-partitions`, `kafka-log-dirs`,
//! `kafka-dump-log`, `kafka-metadata-quorum`

use super::flags::Fate::{Dropped, Refused, Used};
use super::flags::Takes::{Nothing, One};
use super::flags::{Flag, Given};
use super::groups::reached;
use super::line::{Line, Translated};
use super::no_equivalent;
use super::topics::named;
use crate::exit::Failure;

const GET_OFFSETS: &[Flag] = &[
    (&["--bootstrap-server", "--broker-list"], One, Used),
    (&["--command-config"], One, Used),
    (&["--topic"], One, Used),
    (&["--partitions"], One, Used),
    (&["--topic-partitions"], One, Used),
    (&["--time"], One, Used),
    (&["--exclude-internal-topics"], Nothing, Used),
];

pub(super) fn get_offsets(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-get-offsets", GET_OFFSETS, words)?;
    let at = match given.one("--time") {
        None | Some("-1" | "latest") => None,
        Some("-2" | "earliest") => Some("earliest".to_owned()),
        Some("-3" | "max-timestamp") => Some("max-timestamp".to_owned()),
        Some("-4" | "earliest-local" | "-5" | "latest-tiered") => {
            return Err(no_equivalent("kafka-get-offsets --time", "no records are kept elsewhere"));
        }
        Some(ms) => Some(format!("@{ms}")),
    };
    let line = Line::new("topic offsets");
    let (line, regex) = match (given.one("--topic-partitions"), given.one("--topic")) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("--topic-partitions and --topic contradict each other")
                .hint("leave one out"));
        }
        (Some(list), None) => (line.words(list.split(',').map(str::to_owned)), false),
        (None, Some(topic)) => match given.one("--partitions") {
            Some(partitions) => (line.word(format!("{topic}:{partitions}")), false),
            None => named(line, &[topic]),
        },
        (None, None) => {
            let internal = !given.has("--exclude-internal-topics");
            (line.flag("--match", "*").when(internal, "--internal"), false)
        }
    };
    given.has("--exclude-internal-topics");
    let line = line.maybe("--at", at);
    Ok(Translated::of([reached(line, &given)], given)?
        .note_if(regex, "--topic is a regular expression to Kafka; kq-ctl takes names, or --regex"))
}

const LEADER_ELECTION: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (&["--admin.config", "--command-config"], One, Used),
    (&["--election-type"], One, Used),
    (&["--topic"], One, Used),
    (&["--partition"], One, Used),
    (&["--all-topic-partitions"], Nothing, Used),
    (&["--path-to-json-file"], One, Refused("name the partitions, as orders/3 or orders/0,3")),
];

pub(super) fn leader_election(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-leader-election", LEADER_ELECTION, words)?;
    let kind = given.wanted("--election-type")?.to_lowercase();
    let unclean = kind == "unclean";
    let mut line = Line::new("leader elect");
    line = if given.has("--all-topic-partitions") {
        line.word("--all")
    } else {
        line.word(format!("{}/{}", given.wanted("--topic")?, given.wanted("--partition")?))
    };
    let line = line.flag("--type", kind).maybe("-b", given.one("--bootstrap-server"));
    let line = line.maybe("--command-config", given.one("--admin.config"));
    Ok(Translated::of([line], given)?.note_if(
        unclean,
        "kq-ctl tells what would be lost and asks; --confirm TOPIC/P answers beforehand",
    ))
}

const REASSIGN: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (
        &["--bootstrap-controller"],
        One,
        Refused("every broker answers; name one by --bootstrap-server"),
    ),
    (&["--command-config"], One, Used),
    (&["--execute"], Nothing, Used),
    (&["--verify"], Nothing, Used),
    (&["--generate"], Nothing, Used),
    (&["--cancel"], Nothing, Used),
    (&["--list"], Nothing, Used),
    (&["--reassignment-json-file"], One, Used),
    (&["--topics-to-move-json-file"], One, Used),
    (&["--broker-list"], One, Used),
    (&["--throttle"], One, Used),
    (&["--additional"], Nothing, Dropped("plans stand beside one another")),
    (&["--preserve-throttles"], Nothing, Dropped("a plan's rate ends with the plan")),
    (&["--timeout"], One, Dropped("")),
    (
        &["--disable-rack-aware"],
        Nothing,
        Dropped("racks are told of, and forbid nothing by --override KQ-S004"),
    ),
    (
        &["--replica-alter-log-dirs-throttle"],
        One,
        Refused("replicas do not move between directories"),
    ),
];

pub(super) fn reassign_partitions(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-reassign-partitions", REASSIGN, words)?;
    let bare = |command: &str| {
        Line::new(command)
            .maybe("-b", given.one("--bootstrap-server"))
            .maybe("--command-config", given.one("--command-config"))
    };
    let file = || given.wanted("--reassignment-json-file");
    let (line, note) = if given.has("--execute") {
        let throttle = given.one("--throttle").map(|it| format!("{it}B/s"));
        let line = bare("partition reassign").flag("--file", file()?);
        (
            line.maybe("--throttle", throttle).word("--yes"),
            "how far it is: kq-ctl plan list, kq-ctl plan status ID",
        )
    } else if given.has("--list") {
        (bare("plan list"), "")
    } else if given.has("--verify") {
        file()?;
        (
            bare("plan list").word("--all"),
            "kq-ctl plan status ID tells each move; no throttle is left to take away",
        )
    } else if given.has("--cancel") {
        let why = "kq-ctl plan cancel takes the id of the plan: kq-ctl plan list";
        return Err(no_equivalent("kafka-reassign-partitions --cancel by file", why));
    } else if given.has("--generate") {
        given.wanted("--topics-to-move-json-file")?;
        let brokers = given.wanted("--broker-list")?;
        let line = bare("partition reassign").flag("--to", brokers).word("--dry-run");
        (
            line,
            "name the topics of --topics-to-move-json-file behind 'reassign'; --plan-out FILE keeps the plan",
        )
    } else {
        return Err(Failure::usage("kafka-reassign-partitions wants to know what to do")
            .hint("--execute, --list, --verify, --generate or --cancel"));
    };
    let translated = Translated::of([line], given)?;
    Ok(if note.is_empty() { translated } else { translated.note(note) })
}

const LOG_DIRS: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (&["--command-config"], One, Used),
    (&["--describe"], Nothing, Used),
    (&["--broker-list"], One, Used),
    (&["--topic-list"], One, Used),
];

pub(super) fn log_dirs(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-log-dirs", LOG_DIRS, words)?;
    given.has("--describe");
    let topics = given.has("--topic-list");
    let line = Line::new("log dirs").maybe("--by", topics.then_some("topic"));
    let brokers = given.one("--broker-list").into_iter().flat_map(|it| it.split(','));
    let line = line.flags("--broker", brokers.map(str::to_owned));
    let translated = Translated::of([reached(line, &given)], given)?;
    Ok(translated.note_if(topics, "--topic-list: --filter 'TOPIC~^(a|b)$' shows only those topics"))
}

const DUMP_LOG: &[Flag] = &[
    (&["--files"], One, Used),
    (&["--print-data-log"], Nothing, Used),
    (&["--deep-iteration"], Nothing, Used),
    (&["--verify-index-only"], Nothing, Used),
    (&["--index-sanity-check"], Nothing, Used),
    (&["--max-message-size"], One, Dropped("")),
    (&["--max-bytes"], One, Dropped("--limit N bounds what is printed")),
    (&["--value-decoder-class"], One, Refused("values are printed as text, or as base64")),
    (&["--key-decoder-class"], One, Refused("keys are printed as text, or as base64")),
    (
        &["--offsets-decoder"],
        Nothing,
        Refused("kq-ctl group describe tells what the groups' records say"),
    ),
    (&["--transaction-log-decoder"], Nothing, Refused("there is no transaction log")),
    (&["--cluster-metadata-decoder"], Nothing, Refused("kq-ctl events tells the metadata log")),
    (&["--remote-log-metadata-decoder"], Nothing, Refused("no records are kept elsewhere")),
    (&["--share-group-state-decoder"], Nothing, Refused("there are no share groups")),
    (&["--skip-record-metadata"], Nothing, Dropped("")),
];

pub(super) fn dump_log(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-dump-log", DUMP_LOG, words)?;
    let verify = given.has("--verify-index-only") | given.has("--index-sanity-check");
    let records = given.has("--print-data-log") | given.has("--deep-iteration");
    let files: Vec<String> = given.wanted("--files")?.split(',').map(str::to_owned).collect();
    let line = |file: &String| {
        if verify {
            return Line::new("log verify").word(file);
        }
        Line::new("log dump").word(file).when(records, "--records")
    };
    Translated::of(files.iter().map(line), given)
}

const QUORUM: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (
        &["--bootstrap-controller"],
        One,
        Refused("every broker answers; name one by --bootstrap-server"),
    ),
    (&["--command-config"], One, Used),
    (&["--status"], Nothing, Used),
    (&["--replication"], Nothing, Used),
    (&["--human-readable"], Nothing, Dropped("")),
    (&["--controller-id"], One, Used),
    (&["--controller-directory-id"], One, Dropped("a vote goes by the id of its broker")),
];

pub(super) fn metadata_quorum(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kafka-metadata-quorum", QUORUM, words)?;
    given.has("--status");
    given.has("--replication");
    let line = match given.words.first().map(String::as_str) {
        Some("describe") => Line::new("quorum status"),
        Some("remove-controller") => {
            Line::new("quorum remove").word(given.wanted("--controller-id")?)
        }
        Some("add-controller") => {
            let why =
                "kq-ctl quorum add takes the id of a broker that is registered: kq-ctl broker list";
            return Err(no_equivalent("kafka-metadata-quorum add-controller", why));
        }
        _ => {
            return Err(Failure::usage("kafka-metadata-quorum wants to know what to do")
                .hint("describe --status, describe --replication, remove-controller"));
        }
    };
    Translated::of([reached(line, &given)], given)
}
