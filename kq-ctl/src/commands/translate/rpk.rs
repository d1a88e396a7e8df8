//! `rpk`

use super::flags::Fate::{Dropped, Refused, Used};
use super::flags::Takes::{Nothing, One};
use super::flags::{Flag, Given};
use super::line::{Line, Translated};
use super::seek;
use crate::exit::Failure;

const NO_AUTH: &str = "brokers of kq take plain connections so far";

const FLAGS: &[Flag] = &[
    (&["--brokers"], One, Used),
    (&["-X", "--config-opt"], One, Used),
    (&["--profile"], One, Dropped("kq-ctl chooses a cluster by -C CONTEXT")),
    (&["--config"], One, Dropped("kq-ctl context add keeps brokers under a name")),
    (&["-v", "--verbose"], Nothing, Used),
    (&["--user"], One, Refused(NO_AUTH)),
    (&["--password"], One, Refused(NO_AUTH)),
    (&["--sasl-mechanism"], One, Refused(NO_AUTH)),
    (&["--tls-enabled"], Nothing, Refused(NO_AUTH)),
    (&["--format"], One, Used),
    (&["-f"], One, Used),
    (&["-d", "--detailed", "--dry", "--delete"], Nothing, Used),
    (&["-i", "--internal"], Nothing, Used),
    (&["-r", "--regex"], Nothing, Used),
    (&["--replicas"], One, Used),
    (&["-p", "--partitions"], One, Used),
    (&["--print-partitions"], Nothing, Used),
    (&["-c", "--topic-config"], One, Used),
    (&["--print-configs"], Nothing, Used),
    (&["-a", "--print-all"], Nothing, Used),
    (&["-s", "--print-summary"], Nothing, Used),
    (&["--if-not-exists"], Nothing, Used),
    (&["--set"], One, Used),
    (&["--append"], One, Used),
    (&["--subtract"], One, Used),
    (&["--delete-config"], One, Used),
    (&["-n", "--num"], One, Used),
    (&["--force"], Nothing, Dropped("")),
    (&["-k", "--key"], One, Used),
    (&["-H", "--header"], One, Used),
    (&["-z", "--compression"], One, Used),
    (&["--acks"], One, Used),
    (&["-Z", "--tombstone"], Nothing, Used),
    (&["-o", "--offset"], One, Used),
    (&["-g", "--group"], One, Refused("kq-ctl reads without a group and commits nothing")),
    (&["--print-commits"], Nothing, Used),
    (&["--print-lag-per-topic"], Nothing, Used),
    (&["--to"], One, Used),
    (&["--to-group"], One, Used),
    (&["--to-file"], One, Used),
    (&["--topics", "-t", "--topic"], One, Used),
    (&["--allow-new-topics"], Nothing, Used),
    (&["--from-file"], One, Used),
    (&["-w", "--watch"], Nothing, Used),
    (&["-e", "--exit-when-healthy"], Nothing, Used),
];

/// Flags whose short form means another thing in some commands.
fn table(noun: &str, verb: &str) -> Vec<Flag> {
    let special: &[Flag] = match (noun, verb) {
        ("topic", "create") => &[(&["-r", "--replicas"], One, Used)],
        ("topic", "describe") => &[
            (&["-p", "--print-partitions"], Nothing, Used),
            (&["-c", "--print-configs"], Nothing, Used),
        ],
        ("topic", "alter-config") => &[
            (&["-s", "--set"], One, Used),
            (&["-d", "--delete"], One, Used),
            (&["--dry"], Nothing, Used),
        ],
        ("topic", "add-partitions") => &[(&["-f", "--force"], Nothing, Dropped(""))],
        ("topic", "consume" | "produce") => &[(&["-f", "--format"], One, Used)],
        ("group", "describe") => &[
            (&["-c", "--print-commits"], Nothing, Used),
            (&["-t", "--print-lag-per-topic"], Nothing, Used),
        ],
        _ => &[],
    };
    let is_new = |flag: &&Flag| {
        !flag.0.iter().any(|name| special.iter().any(|(names, ..)| names.contains(name)))
    };
    special.iter().chain(FLAGS.iter().filter(is_new)).copied().collect()
}

pub(super) fn translate(words: &[String]) -> Result<Translated, Failure> {
    // The first two words without a dash are noun and verb, wherever global flags stand.
    let plain = Given::parse("rpk", FLAGS, words);
    let bare: Vec<String> = match &plain {
        Ok(given) => given.words.clone(),
        Err(_) => words.iter().filter(|it| !it.starts_with('-')).cloned().collect(),
    };
    let noun = singular(bare.first().map_or("", String::as_str));
    let verb = bare.get(1).map_or("", String::as_str);
    let given = Given::parse("rpk", &table(noun, verb), words)?;
    let names: Vec<String> = given.words.iter().skip(2).cloned().collect();
    match (noun, verb) {
        ("topic", "list" | "ls") => topic_list(given, &names),
        ("topic", "describe" | "info") => topic_describe(given, names),
        ("topic", "create") => topic_create(given, names),
        ("topic", "delete") => topic_delete(given, &names),
        ("topic", "alter-config") => alter_config(given, names),
        ("topic", "add-partitions") => add_partitions(given, names),
        ("topic", "produce") => produce(given, names),
        ("topic", "consume") => consume(given, names),
        ("group", "list" | "ls") => group_list(given),
        ("group", "describe") => group_describe(given, &names),
        ("group", "delete") => group_delete(given, names),
        ("group", "seek") => group_seek(given, names),
        ("group", "offset-delete") => offset_delete(given, names),
        ("cluster", "health") => cluster_health(given),
        ("cluster", "info" | "metadata") => cluster_info(given),
        _ => Err(Failure::usage(format!(
            "no line is known for '{}'",
            format!("rpk {noun} {verb}").trim_end()
        ))
        .hint(
            "rpk topic list|describe|create|delete|alter-config|add-partitions|produce|consume, \
             rpk group list|describe|delete|seek|offset-delete, rpk cluster health|info",
        )),
    }
}

fn singular(noun: &str) -> &str {
    match noun {
        "topics" => "topic",
        "groups" => "group",
        other => other,
    }
}

/// Which cluster.
fn reached(line: Line, given: &Given) -> Line {
    given.has("-v");
    let by_x = given.all("-X").into_iter().find_map(|it| it.strip_prefix("brokers="));
    line.maybe("-b", given.one("--brokers").or(by_x))
}

/// Names, or regular expressions when `-r` says so.
fn named(line: Line, given: &Given, names: &[String]) -> Line {
    if given.has("-r") && !names.is_empty() {
        return line.flag("--regex", format!("^({})$", names.join("|")));
    }
    line.words(names.iter().cloned())
}

fn topic_list(given: Given, names: &[String]) -> Result<Translated, Failure> {
    let line = named(Line::new("topic list"), &given, names);
    let line = line.when(given.has("-i"), "--internal");
    let line = if given.has("-d") { line.flag("-o", "wide") } else { line };
    Translated::of([reached(line, &given)], given)
}

fn topic_describe(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let all = given.has("-a");
    let line = Line::new("topic describe").words(names);
    let line = line.when(given.has("-p") || given.has("--print-partitions") || all, "--partitions");
    let line = line.when(given.has("-c") || given.has("--print-configs") || all, "--configs");
    given.has("-s");
    Translated::of([reached(line, &given)], given)
}

fn topic_create(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let line = Line::new("topic create")
        .words(names)
        .maybe("-p", given.one("-p"))
        .maybe("-r", given.one("-r").or(given.one("--replicas")))
        .flags("-c", given.all("-c"))
        .when(given.has("--if-not-exists"), "--if-not-exists")
        .when(given.has("-d"), "--dry-run");
    Translated::of([reached(line, &given)], given)
}

fn topic_delete(given: Given, names: &[String]) -> Result<Translated, Failure> {
    let line = named(Line::new("topic delete"), &given, names).word("--yes");
    Ok(Translated::of([reached(line, &given)], given)?
        .note("the topics can be brought back by kq-ctl topic restore until their time is up"))
}

fn alter_config(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let line = Line::new("topic alter")
        .words(names)
        .flags("--set", given.all("-s"))
        .flags("--append", given.all("--append"))
        .flags("--subtract", given.all("--subtract"))
        .flags("--unset", given.all("-d"))
        .when(given.has("--dry"), "--dry-run");
    Translated::of([reached(line, &given)], given)
}

fn add_partitions(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let more = given.wanted("-n")?;
    let line = Line::new("topic alter").words(names).flag("-p", format!("+{more}"));
    Translated::of([reached(line, &given)], given)
}

fn produce(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let acks = given.one("--acks").map(|it| match it {
        "-1" => "all",
        "1" => "leader",
        "0" => "none",
        other => other,
    });
    let headers: Vec<String> =
        given.all("-H").into_iter().map(|it| it.replacen(':', "=", 1)).collect();
    let line = Line::new("record produce")
        .words(names)
        .maybe("-k", given.one("-k"))
        .flags("-H", headers)
        .maybe("-p", given.one("-p"))
        .maybe("-z", given.one("-z"))
        .maybe("-f", given.one("-f"))
        .maybe("--acks", acks)
        .when(given.has("-Z"), "--tombstone");
    Translated::of([reached(line, &given)], given)
}

fn consume(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let offset = given.one("-o").map(|it| match it {
        "start" | "oldest" => "earliest".to_owned(),
        "end" | "newest" => "latest".to_owned(),
        other => other.to_owned(),
    });
    // rpk begins at the start unless it is told otherwise.
    let offset = offset.unwrap_or_else(|| "earliest".to_owned());
    let line = Line::new("record consume").words(names);
    let line = line
        .flags("-p", given.all("-p").into_iter().flat_map(|it| it.split(',')).map(str::to_owned));
    let line = line.flag("-s", offset).maybe("-n", given.one("-n")).maybe("-f", given.one("-f"));
    Translated::of([reached(line, &given)], given)
}

fn group_list(given: Given) -> Result<Translated, Failure> {
    Translated::of([reached(Line::new("group list"), &given)], given)
}

fn group_describe(given: Given, names: &[String]) -> Result<Translated, Failure> {
    let line = named(Line::new("group describe"), &given, names);
    let summary = given.has("-s");
    let line = line.when(summary, "--state");
    given.has("-c");
    let per_topic = given.has("-t");
    Ok(Translated::of([reached(line, &given)], given)?
        .note_if(per_topic, "by topic: kq-ctl topic lag TOPIC tells it of every group"))
}

fn group_delete(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let line = Line::new("group delete").words(names).word("--yes");
    Ok(Translated::of([reached(line, &given)], given)?
        .note("kq-ctl offset export GROUP > FILE keeps what was committed"))
}

fn group_seek(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let (line, note) = seek::of_rpk(&given, names)?;
    let translated = Translated::of([reached(line, &given)], given)?
        .note("taken back by kq-ctl offset undo; a group with members is refused unless --live");
    Ok(note.into_iter().fold(translated, Translated::note))
}

fn offset_delete(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let line =
        Line::new("offset delete").words(names).flags("-t", seek::topics(&given)).word("--yes");
    Translated::of([reached(line, &given)], given)
}

fn cluster_health(given: Given) -> Result<Translated, Failure> {
    let until = given.has("-e");
    let watch = given.has("-w");
    let line = if until {
        Line::new("cluster wait").flag("--for", "healthy")
    } else {
        Line::new("cluster health")
    };
    let line = line.when(watch && !until, "--watch");
    Translated::of([reached(line, &given)], given)
}

fn cluster_info(given: Given) -> Result<Translated, Failure> {
    let lines = [Line::new("cluster describe"), Line::new("broker list")];
    let lines = lines.map(|it| reached(it, &given));
    Translated::of(lines, given)
}
