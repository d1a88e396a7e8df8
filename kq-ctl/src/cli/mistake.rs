//! What is wrong with a command line, in the words of every other refusal: what was wrong, which value,
//! what is accepted, what to do next. Clap finds the mistakes; this tells them.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _};

use super::Cli;
use crate::exit::{Failure, split_advice};

/// Words that other tools have for our verbs.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("add", &["create", "produce"]),
    ("cat", &["consume"]),
    ("change", &["alter", "set"]),
    ("drop", &["delete"]),
    ("edit", &["alter"]),
    ("get", &["describe"]),
    ("info", &["describe", "status"]),
    ("inspect", &["describe"]),
    ("ls", &["list"]),
    ("make", &["create"]),
    ("modify", &["alter"]),
    ("new", &["create"]),
    ("put", &["produce", "set"]),
    ("read", &["consume", "get"]),
    ("remove", &["delete", "unset"]),
    ("reset", &["unset"]),
    ("rm", &["delete"]),
    ("send", &["produce"]),
    ("show", &["describe"]),
    ("tail", &["consume"]),
    ("undelete", &["restore"]),
    ("update", &["alter", "set"]),
    ("write", &["produce"]),
];

type Tell = fn(&Place, &clap::Error) -> Option<Failure>;

/// Who tells which kind of mistake; all others are told by their first line.
const TELLERS: &[(ErrorKind, Tell)] = &[
    (ErrorKind::InvalidSubcommand, Place::no_verb),
    (ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, |place, _| Some(place.verb_missing())),
    (ErrorKind::MissingSubcommand, |place, _| Some(place.verb_missing())),
    (ErrorKind::UnknownArgument, Place::unknown_argument),
    (ErrorKind::MissingRequiredArgument, Place::missing),
    (ErrorKind::InvalidValue, Place::bad_value),
    (ErrorKind::ValueValidation, Place::bad_value),
    (ErrorKind::ArgumentConflict, |_, error| conflict(error)),
];

/// A mistake as a failure of ours.
pub(crate) fn failure_of(error: &clap::Error, args: &[OsString]) -> Failure {
    let mut root = Cli::command();
    root.build();
    let place = Place::of(root, args);
    let teller = TELLERS.iter().find(|(kind, _)| *kind == error.kind());
    let told = teller.and_then(|(_, tell)| tell(&place, error));
    told.unwrap_or_else(|| Failure::usage(first_line(error)).hint(place.help()))
}

/// Clap's message without its prefix, usage and tips.
fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let message: Vec<&str> =
        text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    message.join(" ").trim_start_matches("error: ").to_owned()
}

/// The command that was meant, as far as it was named.
struct Place {
    command: Command,
    /// As typed: `kq-ctl topic list`.
    path: String,
}

impl Place {
    fn of(root: Command, args: &[OsString]) -> Self {
        let mut place = Self { path: root.get_name().to_owned(), command: root };
        for word in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
            if let Some(sub) = place.command.find_subcommand(word).cloned() {
                place.path = format!("{} {}", place.path, sub.get_name());
                place.command = sub;
            }
        }
        place
    }

    fn help(&self) -> String {
        format!("{} --help", self.path)
    }

    fn verbs(&self) -> Vec<&str> {
        let shown = self.command.get_subcommands().filter(|sub| !sub.is_hide_set());
        shown.map(Command::get_name).collect()
    }

    fn verb_missing(&self) -> Failure {
        let what = if self.path.contains(' ') { "a verb" } else { "a command" };
        Failure::usage(format!("'{}' wants {what}", self.path))
            .hint(format!("one of: {}", self.verbs().join(", ")))
    }

    fn no_verb(&self, error: &clap::Error) -> Option<Failure> {
        let typed = text(error, ContextKind::InvalidSubcommand)?;
        let verbs = self.verbs();
        let alike = texts(error, ContextKind::SuggestedSubcommand);
        let near = verbs.iter().find(|verb| alike.iter().any(|it| it == **verb));
        let meant = SYNONYMS.iter().find(|(word, _)| *word == typed).map(|(_, meant)| *meant);
        let meant = meant.unwrap_or_default().iter().find(|verb| verbs.contains(*verb));
        let guess = match meant.or(near) {
            Some(verb) => format!("did you mean '{} {verb}'? ", self.path),
            None => String::new(),
        };
        Some(
            Failure::usage(format!("'{}' has no command '{typed}'", self.path))
                .hint(format!("{guess}one of: {}", verbs.join(", "))),
        )
    }

    fn unknown_argument(&self, error: &clap::Error) -> Option<Failure> {
        let typed = text(error, ContextKind::InvalidArg)?;
        if !typed.starts_with('-') {
            return Some(
                Failure::usage(format!("'{}' takes no further argument '{typed}'", self.path))
                    .hint(self.usage()),
            );
        }
        let near = texts(error, ContextKind::SuggestedArg).into_iter().next();
        let guess = near.map(|near| format!("{near}, or ")).unwrap_or_default();
        Some(
            Failure::usage(format!("'{}' has no flag '{typed}'", self.path))
                .hint(format!("{guess}{}", self.help())),
        )
    }

    fn missing(&self, error: &clap::Error) -> Option<Failure> {
        let wanted = texts(error, ContextKind::InvalidArg);
        if wanted.is_empty() {
            return None;
        }
        Some(
            Failure::usage(format!("'{}' wants {}", self.path, wanted.join(" and ")))
                .hint(self.usage()),
        )
    }

    fn bad_value(&self, error: &clap::Error) -> Option<Failure> {
        let arg = text(error, ContextKind::InvalidArg)?;
        let value = text(error, ContextKind::InvalidValue)?;
        let why = error.source().map(ToString::to_string).unwrap_or_default();
        let (what, advice) = split_advice(&why);
        let choices = texts(error, ContextKind::ValidValue);
        let advice = match (advice, choices.is_empty()) {
            ("", false) => format!("one of: {}", choices.join(", ")),
            ("", true) => self.help(),
            (advice, _) => advice.to_owned(),
        };
        let message = match (value.as_str(), what) {
            ("", "") => format!("{arg} wants a value"),
            (value, "") => format!("{arg}: '{value}' is not accepted"),
            (value, what) if what.contains(value) => format!("{arg}: {what}"),
            (value, what) => format!("{arg}: '{value}': {what}"),
        };
        Some(Failure::usage(message).hint(advice))
    }

    /// `kq-ctl topic create [OPTIONS] <NAME>...`
    fn usage(&self) -> String {
        let usage = self.command.clone().render_usage().to_string();
        let line = usage.lines().next().unwrap_or_default();
        line.trim_start_matches("Usage: ").to_owned()
    }
}

fn conflict(error: &clap::Error) -> Option<Failure> {
    let arg = text(error, ContextKind::InvalidArg)?;
    let others = texts(error, ContextKind::PriorArg);
    if others.is_empty() {
        return None;
    }
    Some(
        Failure::usage(format!("{arg} and {} contradict each other", others.join(", ")))
            .hint("leave one out"),
    )
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    texts(error, kind).into_iter().next()
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
