//! `kq-ctl translate 'LINE'`: a command line of Kafka's tools, rpk or kcl as one or more of kq-ctl.
//! Nothing is run, and no cluster is asked.

mod configs;
mod flags;
mod groups;
mod kcl;
mod line;
mod others;
mod records;
mod rpk;
mod seek;
mod topics;
#[cfg(test)]
mod translate_test;
mod words;

use std::ffi::OsString;

use clap::Parser as _;

use crate::cli::{Cli, failure_of};
use crate::exit::Failure;
use crate::output::{Cell, Report, row};
use crate::schema::{Schema, TRANSLATION};
use crate::session::Session;

use self::line::Translated;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The line, in quotes
    #[arg(value_name = "LINE", required_unless_present = "words", conflicts_with = "words")]
    line: Option<String>,
    /// Or its words, as they are
    #[arg(value_name = "WORD", last = true)]
    words: Vec<String>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TRANSLATION
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, _: &Session) -> Result<Report, Failure> {
    let words = match &args.line {
        Some(line) => words::split(line)?,
        None => args.words.clone(),
    };
    let translated = translate(&words)?;
    let notes = || Cell::list(translated.notes.iter());
    let mut report = Report::new(&TRANSLATION);
    report.extend(translated.lines.iter().map(|it| row! { line: it, notes: notes() }));
    report.plain = Some(translated.lines.join("\n") + "\n");
    translated.notes.iter().for_each(|it| report.note(it));
    Ok(report)
}

/// How one tool's words are translated.
type Tool = fn(&[String]) -> Result<Translated, Failure>;

const TOOLS: &[(&str, Tool)] = &[
    ("kafka-configs", configs::translate),
    ("kafka-console-consumer", records::consumer),
    ("kafka-console-producer", records::producer),
    ("kafka-consumer-groups", groups::translate),
    ("kafka-delete-records", records::delete_records),
    ("kafka-dump-log", others::dump_log),
    ("kafka-get-offsets", others::get_offsets),
    ("kafka-leader-election", others::leader_election),
    ("kafka-log-dirs", others::log_dirs),
    ("kafka-metadata-quorum", others::metadata_quorum),
    ("kafka-reassign-partitions", others::reassign_partitions),
    ("kafka-topics", topics::translate),
    ("kcl", kcl::translate),
    ("rpk", rpk::translate),
];

fn translate(words: &[String]) -> Result<Translated, Failure> {
    let known = || TOOLS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let Some((tool, rest)) = words.split_first() else {
        return Err(Failure::usage("the line is empty").hint(format!("one of: {}", known())));
    };
    let name = tool.rsplit(['/', '\\']).next().unwrap_or(tool);
    let name = name.strip_suffix(".sh").or_else(|| name.strip_suffix(".bat")).unwrap_or(name);
    let found = TOOLS.iter().find(|(known, _)| *known == name);
    let Some((_, translate)) = found else {
        return Err(Failure::usage(format!("'{name}' is no tool whose lines are known"))
            .hint(format!("one of: {}", known())));
    };
    let translated = translate(rest)?;
    translated.lines.iter().try_for_each(|it| readable(it))?;
    Ok(translated)
}

/// Refuses a line that kq-ctl would refuse for the values in it, with what is accepted there.
fn readable(line: &str) -> Result<(), Failure> {
    let words = words::split(line)?;
    let args: Vec<OsString> = words.iter().map(OsString::from).collect();
    match Cli::try_parse_from(&args) {
        Ok(_) => Ok(()),
        Err(error) => Err(failure_of(&error, &args)),
    }
}

/// What has no counterpart, and why.
fn no_equivalent(what: &str, why: &str) -> Failure {
    Failure::new("kq.NO_EQUIVALENT", format!("{what} has no counterpart: {why}"))
        .hint("kq-ctl help shows what there is")
}
