//! `kcl`

use super::flags::Fate::{Dropped, Used};
use super::flags::Takes::{Nothing, One};
use super::flags::{Flag, Given};
use super::line::{Line, Translated};
use super::seek;
use crate::exit::Failure;

const FLAGS: &[Flag] = &[
    (&["-B", "--bootstrap-servers"], One, Used),
    (&["-X"], One, Used),
    (&["-C", "--profile"], One, Dropped("kq-ctl chooses a cluster by -C CONTEXT")),
    (&["--config-path"], One, Dropped("kq-ctl context add keeps brokers under a name")),
    (&["--format"], One, Used),
    (&["-j", "--as-json", "--dump-json"], Nothing, Used),
    (&["-v", "--verbose"], Nothing, Used),
    (&["-d", "--detailed"], Nothing, Used),
    (&["-i", "--internal"], Nothing, Used),
    (&["-p", "--num-partitions"], One, Used),
    (&["-r", "--replication-factor"], One, Used),
    (&["-k", "--kv", "--config"], One, Used),
    (&["--dry", "--dry-run"], Nothing, Used),
    (&["-y", "--yes"], Nothing, Used),
    (&["--to"], One, Used),
    (&["--to-group"], One, Used),
    (&["--to-file"], One, Used),
    (&["--topics", "-t", "--topic"], One, Used),
    (&["--allow-new-topics"], Nothing, Used),
];

pub(super) fn translate(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse("kcl", FLAGS, words)?;
    let path: Vec<&str> = given.words.iter().map(String::as_str).collect();
    let (noun, verb, rest) = match path.as_slice() {
        // Older versions keep all of this below `admin`.
        ["admin", noun, verb, rest @ ..] | [noun, verb, rest @ ..] => (*noun, *verb, rest),
        [noun] => (*noun, "", [].as_slice()),
        [] => ("", "", [].as_slice()),
    };
    let names: Vec<String> = rest.iter().map(|it| (*it).to_owned()).collect();
    match (noun, verb) {
        ("topic" | "topics", "list" | "ls") => topic_list(given, names),
        ("topic" | "topics", "create") => topic_create(given, names),
        ("topic" | "topics", "delete") => topic_delete(given, names),
        ("group" | "groups", "list" | "ls") => plain(Line::new("group list"), given),
        ("group" | "groups", "describe") => group_describe(given, names),
        ("group" | "groups", "delete") => {
            plain(Line::new("group delete").words(names).word("--yes"), given)
        }
        ("group" | "groups", "seek") => {
            let (line, note) = seek::of_kcl(&given, names)?;
            Ok(note.into_iter().fold(plain(line, given)?, Translated::note))
        }
        ("group" | "groups", "offset-delete") => {
            let line = Line::new("offset delete").words(names).flags("-t", seek::topics(&given));
            plain(line.word("--yes"), given)
        }
        _ => Err(Failure::usage(format!(
            "no line is known for '{}'",
            format!("kcl {noun} {verb}").trim_end()
        ))
        .hint("kcl topic list|create|delete, kcl group list|describe|seek|delete|offset-delete")),
    }
}

fn plain(line: Line, given: Given) -> Result<Translated, Failure> {
    let by_x = given.all("-X").into_iter().find_map(|it| it.strip_prefix("seed_brokers="));
    let line = line.maybe("-b", given.one("-B").or(by_x));
    let line = if given.has("-j") { line.flag("-o", "json") } else { line };
    let line = line.maybe("-o", given.one("--format"));
    Translated::of([line], given)
}

fn topic_list(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let line = Line::new("topic list").words(names).when(given.has("-i"), "--internal");
    let line = if given.has("-d") { line.flag("-o", "wide") } else { line };
    plain(line, given)
}

fn topic_create(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let line = Line::new("topic create")
        .words(names)
        .maybe("-p", given.one("-p"))
        .maybe("-r", given.one("-r"))
        .flags("-c", given.all("-k"))
        .when(given.has("--dry"), "--dry-run");
    plain(line, given)
}

fn topic_delete(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    plain(Line::new("topic delete").words(names).word("--yes"), given)
}

fn group_describe(given: Given, names: Vec<String>) -> Result<Translated, Failure> {
    let wide = given.has("-v");
    let line = Line::new("group describe").words(names);
    plain(if wide { line.flag("-o", "wide") } else { line }, given)
}
