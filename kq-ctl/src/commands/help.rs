//! `kq-ctl help [COMMAND..]`, `kq-ctl help tree`

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::Cli;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, row};
use crate::schema::{COMMAND_TREE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A command, or 'tree' for all of them with their flags
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &COMMAND_TREE
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let mut root = Cli::command();
    root.build();
    let mut report = Report::new(&COMMAND_TREE);
    if args.words == ["tree"] {
        walk(&root, "kq-ctl", &mut report);
        return Ok(report);
    }
    let mut command = &mut root;
    for word in &args.words {
        command = command.find_subcommand_mut(word).ok_or_else(|| {
            Failure::new("kq.NOT_FOUND", format!("no command '{word}'")).hint("kq-ctl help tree")
        })?;
    }
    if session.view.format.is_table() {
        report.plain = Some(command.render_long_help().to_string());
    }
    let name = command.get_bin_name().unwrap_or("kq-ctl").to_owned();
    report.push(command_row(command, &name));
    Ok(report)
}

/// Verbs, and nouns that are commands themselves.
fn walk(command: &Command, name: &str, report: &mut Report) {
    let mut leaf = true;
    for sub in command.get_subcommands() {
        leaf = false;
        walk(sub, &format!("{name} {}", sub.get_name()), report);
    }
    if leaf {
        report.push(command_row(command, name));
    }
}

fn command_row(command: &Command, name: &str) -> Row {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    row! {
        command: name,
        about: about,
        args: shown.map(arg_row).collect::<Vec<_>>(),
    }
}

fn arg_row(arg: &Arg) -> Row {
    let takes_value = arg.get_action().takes_values();
    let names = arg.get_value_names().unwrap_or_default();
    let value = takes_value
        .then(|| names.iter().map(clap::builder::Str::as_str).collect::<Vec<_>>().join(" "));
    let name = arg.get_long().map_or_else(|| arg.get_id().to_string(), |long| format!("--{long}"));
    let many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
    let choices = if takes_value { arg.get_possible_values() } else { Vec::new() };
    row! {
        name: name,
        short: arg.get_short().map(|short| format!("-{short}")),
        value: value,
        required: arg.is_required_set(),
        repeatable: many || matches!(arg.get_action(), clap::ArgAction::Append),
        choices: Cell::list(choices.iter().map(|it| it.get_name().to_owned())),
        doc: arg.get_help().map(ToString::to_string),
    }
}
