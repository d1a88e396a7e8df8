//! From arguments to exit code: reads the command line, settles the settings, runs the command, prints
//! its report. With `-o json` stdout gets exactly one document, whatever went wrong and however early.

use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Global, failure_of, format_of};
use crate::exit::{Exit, Failure};
use crate::output::{Envelope, Format, Output, Report, View, failure_words, render};
use crate::schema;
use crate::session::Session;
use crate::settings::{ColorMode, Settings, Sources, resolve};
use crate::world::World;

/// Runs one command line.
pub(crate) async fn run(args: Vec<OsString>, world: World, mut out: Output) -> Exit {
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => return unread(&error, &args, &world, &mut out),
    };
    let (cli, settings) = match settle(cli, &args, &world) {
        Ok(settled) => settled,
        Err(failure) => return fail_early(failure, &args, &world, &mut out),
    };
    out.quiet = cli.global.quiet;
    let schema = cli.noun.schema();
    let view = view(&cli.global, &settings, &world, &out);
    if cli.global.as_json_schema {
        let text = serde_json::to_string_pretty(&schema::json_schema(schema)).unwrap_or_default();
        return finish(out.data(format!("{text}\n").as_bytes()), Exit::Done, &mut out);
    }
    let session = Session::new(world, settings, view, out).following(cli.global.watch);
    let session = session.typed(&args);
    let checked = session.view.check(schema).and_then(|()| check_watch(&cli, &session.view));
    match (checked, cli.global.watch) {
        (Err(failure), _) => conclude(&cli, &session, Err(failure)),
        (Ok(()), Some(every)) if !goes_on(&cli, &session.view) && cli.noun.only_reads() => {
            watch(&cli, &session, every).await
        }
        (Ok(()), _) => {
            let result = attempt(&cli, &session).await;
            conclude(&cli, &session, result)
        }
    }
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = Cli::command().args_override_self(true).try_get_matches_from(args)?;
    Cli::from_arg_matches(&matches)
}

/// Settings, and the command line again with the context's defaults for this verb.
fn settle(cli: Cli, args: &[OsString], world: &World) -> Result<(Cli, Settings), Failure> {
    let sources = Sources::read(&cli.global.asked(), world.around(), cli.noun.is_local())?;
    let lookup = |name: &str| world.var(name);
    let settings = match resolve(&cli.global, &lookup, &sources) {
        Err(_) if cli.noun.mends_contexts() => without_context(&cli.global, &lookup, &sources)?,
        settled => settled?,
    };
    let path = cli.noun.path();
    let defaults = settings
        .context
        .as_ref()
        .and_then(|context| sources.user.contexts.get(&context.value))
        .and_then(|context| context.defaults.get(&path));
    let Some(defaults) = defaults else { return Ok((cli, settings)) };
    let args = with_defaults(args, &path, defaults);
    let cli = parse(&args).map_err(|error| {
        let failure = failure_of(&error, &args);
        let message = format!("defaults of '{path}' in the context: {}", failure.message);
        Failure { message, ..failure }
    })?;
    let settings = resolve(&cli.global, &lookup, &sources)?;
    Ok((cli, settings))
}

/// Commands that mend contexts must work while the chosen one is broken.
fn without_context(
    global: &Global,
    env: &dyn Fn(&str) -> Option<String>,
    sources: &Sources,
) -> Result<Settings, Failure> {
    let mut sources = sources.clone();
    (sources.user.current, sources.system.current) = (None, None);
    if let Some((_, project)) = &mut sources.project {
        project.context = None;
    }
    let global = Global { context: None, ..global.clone() };
    resolve(&global, &|name| env(name).filter(|_| name != "KQ_CONTEXT"), &sources)
}

/// Right behind the verb, so that what was typed comes later and wins.
fn with_defaults(args: &[OsString], path: &str, defaults: &[String]) -> Vec<OsString> {
    let mut at = 1;
    for word in path.split(' ') {
        let found = args.iter().skip(at).position(|arg| arg == word);
        at += found.map_or(0, |found| found + 1);
    }
    let (before, after) = args.split_at(at.min(args.len()));
    let defaults = defaults.iter().map(OsString::from);
    before.iter().cloned().chain(defaults).chain(after.iter().cloned()).collect()
}

fn view(global: &Global, settings: &Settings, world: &World, out: &Output) -> View {
    View {
        format: settings.output.value.clone(),
        columns: global.columns.clone(),
        sort: global.sort.clone(),
        filters: global.filter.clone(),
        headers: !global.no_headers,
        limit: global.limit.and_then(|limit| usize::try_from(limit).ok()),
        after: global.after.clone(),
        time: settings.time.value,
        bytes: settings.bytes.value,
        color_stdout: color(settings.color.value, out.stdout_tty, world),
        color_stderr: color(settings.color.value, out.stderr_tty, world),
        now_ms: (world.now_ms)(),
    }
}

/// Each stream on its own: a pipe gets no colour because the other stream is a terminal.
fn color(mode: ColorMode, tty: bool, world: &World) -> bool {
    match mode {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto => {
            let forced = world.var("CLICOLOR_FORCE").is_some_and(|value| value != "0");
            let dumb = world.var("TERM").is_some_and(|term| term == "dumb");
            world.var("NO_COLOR").is_none() && (forced || (tty && !dumb))
        }
    }
}

fn check_watch(cli: &Cli, view: &View) -> Result<(), Failure> {
    let Some(every) = cli.global.watch else { return Ok(()) };
    let path = cli.noun.path();
    if path == "events" {
        return Ok(());
    }
    if !cli.noun.only_reads() {
        return Err(Failure::usage(format!("'{path}' cannot be watched: it does not only read"))
            .hint("leave --watch out"));
    }
    if view.format.is_document() {
        let name = view.format.name();
        return Err(Failure::usage(format!("-o {name} is one document and cannot be watched"))
            .hint("-o jsonl"));
    }
    if every < Duration::from_millis(100) {
        return Err(Failure::usage("--watch: too often; write 100ms or more"));
    }
    Ok(())
}

/// Commands that go on by themselves under `--watch`, and end.
fn goes_on(cli: &Cli, view: &View) -> bool {
    cli.noun.path() == "plan status" && view.format.is_table()
}

async fn attempt(cli: &Cli, session: &Session) -> Result<Report, Failure> {
    let began = session.now_ms();
    let result = tokio::select! {
        biased;
        result = cli.noun.run(session) => result,
        failure = session.interrupted() => Err(failure),
    };
    if cli.global.verbose > 0 {
        session.tell_way(began);
    }
    session.warn_if_stale();
    session.verify_cluster()?;
    result
}

/// Again and again, on a cleared screen if there is one.
async fn watch(cli: &Cli, session: &Session, every: Duration) -> Exit {
    loop {
        let result = attempt(cli, session).await;
        let interrupted = matches!(&result, Err(failure) if failure.exit == Exit::Interrupted);
        if session.out.borrow().stdout_tty && session.view.format.is_table() && !interrupted {
            let cleared = session.out.borrow_mut().data(b"\x1b[H\x1b[2J");
            if let Err(failure) = cleared {
                return failure.exit;
            }
        }
        let exit = conclude(cli, session, result);
        if interrupted || matches!(exit, Exit::PipeClosed | Exit::Usage) {
            return exit;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            failure = session.interrupted() => return failure.exit,
        }
    }
}

/// Prints a report, or a failure in the form that was asked for.
fn conclude(cli: &Cli, session: &Session, result: Result<Report, Failure>) -> Exit {
    let mut report = match result {
        Ok(report) => report,
        Err(failure) if failure.exit == Exit::PipeClosed => return Exit::PipeClosed,
        Err(failure) => {
            let mut report = Report::new(cli.noun.schema());
            report.exit = Some(failure.exit);
            report.failures.push(failure);
            report
        }
    };
    for failure in &mut report.failures {
        failure.advise(&cli.noun.path());
    }
    let exit = report.exit();
    let mut out = session.out.borrow_mut();
    let printed = print(report, &session.view, &session.envelope(), &mut out);
    let exit = |lost| if lost && exit == Exit::Done { Exit::NotFound } else { exit };
    printed.map_or_else(|failure| unprinted(&failure, &mut out), exit)
}

/// What was to be printed is lost; a reader who has gone knows that himself.
fn unprinted(failure: &Failure, out: &mut Output) -> Exit {
    if failure.exit != Exit::PipeClosed {
        out.errors(&failure_words(failure, false));
    }
    failure.exit
}

/// Whether `--after` led nowhere.
fn print(
    mut report: Report,
    view: &View,
    envelope: &Envelope,
    out: &mut Output,
) -> Result<bool, Failure> {
    if out.quiet {
        report.notes.clear();
    }
    let rendered = render(report, view, envelope);
    out.data(rendered.stdout.as_bytes())?;
    out.flush()?;
    out.errors(&rendered.stderr);
    Ok(rendered.lost)
}

fn finish(result: Result<(), Failure>, exit: Exit, out: &mut Output) -> Exit {
    let printed = result.and_then(|()| out.flush());
    printed.map_or_else(|failure| unprinted(&failure, out), |()| exit)
}

/// A command line that is no command: help, version, or a mistake.
fn unread(error: &clap::Error, args: &[OsString], world: &World, out: &mut Output) -> Exit {
    let color = color(ColorMode::Auto, out.stdout_tty, world);
    let styled = error.render();
    let text = if color { styled.ansi().to_string() } else { styled.to_string() };
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return finish(out.data(text.as_bytes()), Exit::Done, out);
    }
    let no_verb = kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if no_verb && !wanted_format(args, world).is_document() {
        out.errors(&text);
        return Exit::Usage;
    }
    fail_early(failure_of(error, args), args, world, out)
}

/// A failure before there are settings.
fn fail_early(failure: Failure, args: &[OsString], world: &World, out: &mut Output) -> Exit {
    let format = wanted_format(args, world);
    let exit = failure.exit;
    if !format.is_document() {
        out.errors(&failure_words(&failure, color(ColorMode::Auto, out.stderr_tty, world)));
        return exit;
    }
    let mut report = Report::new(&schema::ERROR);
    report.failures.push(failure);
    let envelope = Envelope { at_ms: (world.now_ms)(), ..Envelope::default() };
    let printed = print(report, &View::plain(format), &envelope, out);
    printed.map_or_else(|failure| unprinted(&failure, out), |_| exit)
}

/// As far as it can be told from a command line that could not be read.
fn wanted_format(args: &[OsString], world: &World) -> Format {
    format_of(args)
        .or_else(|| world.var("KQ_OUTPUT").and_then(|text| text.parse().ok()))
        .unwrap_or_default()
}
