//! What a translation prints is a command line of kq-ctl: each one of the recorded session is read by
//! the parser of kq-ctl itself.

use clap::Parser as _;

use super::words;
use crate::cli::Cli;

const KAFKA: &str = "kafka-consumer-groups --reset-offsets --group g --topic t";

#[test]
fn every_translated_line_is_one_of_kq_ctl() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/translate.session");
    let session = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = session.lines().filter(|it| it.starts_with("kq-ctl ")).collect();
    assert!(lines.len() > 50, "{} lines", lines.len());
    for line in lines {
        let words = words::split(line).unwrap();
        if let Err(error) = Cli::try_parse_from(&words) {
            panic!("{line}\n{error}");
        }
    }
}

#[test]
fn what_the_other_tool_would_refuse_is_no_line() {
    let line =
        |it: &str| super::translate(&words::split(it).unwrap()).map(|it| it.lines.join("\n"));
    for text in [
        "kcl group seek g --to 100 --execute",
        "kcl group seek g --to foo",
        "kcl group seek g --to end --to-group h",
        "rpk group seek g --to foo",
        "rpk group seek g --to -5",
        "rpk group seek g --to 100",
        "rpk topic create a -p many",
        &format!("{KAFKA} --to-datetime bogus"),
        &format!("{KAFKA} --to-datetime 1787392800000"),
        &format!("{KAFKA} --to-offset x"),
        &format!("{KAFKA} --shift-by x"),
    ] {
        let refused = line(text).unwrap_err();
        assert!(!refused.hint.is_empty(), "{text}: {refused:?}");
    }
}

#[test]
fn kcl_asks_unless_it_is_told_yes() {
    let line = |it: &str| super::translate(&words::split(it).unwrap()).unwrap().lines.join("\n");
    let reset = "kq-ctl offset reset g --all-topics --to=100";
    assert_eq!(line("kcl group seek g --to 100"), reset);
    assert_eq!(line("kcl group seek g --to 100 -y"), format!("{reset} --yes"));
    assert_eq!(line("kcl group seek g --to 100 -y --dry-run"), format!("{reset} --dry-run"));
}
