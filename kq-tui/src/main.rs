//! kq-tui: watch a kq cluster.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use kq_tui::args::Args;
use kq_tui::exit::{Exit, Failure};
use kq_tui::feed::record::Recorder;
use kq_tui::feed::{Feed, Script, Tape, Tee};
use kq_tui::lines::How;
use kq_tui::model::{Outcome, Source};
use kq_tui::monitor::Monitor;
use kq_tui::once::Once;
use kq_tui::shell::clock::Clock;
use kq_tui::shell::queue::{Note, Queue};
use kq_tui::shell::screen::Screen;
use kq_tui::shell::terminal::Run;
use kq_tui::shell::trace::Trace;
use kq_tui::start::{Start, made, recording};
use kq_tui::{lines, output};

/// For who has no terminal that shows screens.
const INSTEAD: &str = "--plain prints sentences, --once one frame";

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return ExitCode::from(output::explain(&error)),
    };
    match run(&args) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if failure.exit != Exit::PipeClosed {
                output::complain(&failure);
            }
            ExitCode::from(failure.exit.code())
        }
    }
}

fn run(args: &Args) -> Result<u8, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let start = Start::settle(args, &env)?;
    let clock = Clock::start();
    if args.once {
        let printed = once(args, &start, clock)?;
        output::print(printed.as_bytes())?;
        return Ok(Exit::Done.code());
    }
    if !args.plain {
        // Before any file is begun.
        verify_terminal()?;
    }
    let queue = Arc::new(Queue::default());
    let (feed, tape) = feed(args, &start, clock, &queue)?;
    if args.plain {
        let is_recording = start.settings.source == Source::Recording;
        lines::run(feed, clock, How { is_recording, is_recorded: tape.is_some() })?;
        return Ok(Exit::Done.code());
    }
    interactive(args, start, (clock, queue), (feed, tape))
}

fn once(args: &Args, start: &Start, clock: Clock) -> Result<String, Failure> {
    let monitor = Monitor::new(start.settings.clone());
    let once = Once::new(monitor, args, output::size())?;
    if let Some(path) = &args.replay {
        return once.of_recording(&recording(path)?);
    }
    if let Some(made) = made(args) {
        return once.of_script(Script::new(made));
    }
    if start.settings.source == Source::Live {
        start.reach()?;
    }
    once.of_feed(start.feed(args, clock)?, clock, start.timeout)
}

/// The feed, recorded if that was asked for.
fn feed(
    args: &Args,
    start: &Start,
    clock: Clock,
    queue: &Arc<Queue>,
) -> Result<(Box<dyn Feed>, Option<Tape>), Failure> {
    let feed = start.feed(args, clock)?;
    let Some(path) = &args.record else { return Ok((feed, None)) };
    let recorder = Recorder::create(path).map_err(|error| unwritable(path, &error))?;
    let queue = Arc::clone(queue);
    // No effect has this number: the model only says what the words say.
    let failed = move |why| {
        queue.push(Note::Done(u64::MAX, Outcome::Failed(why)));
    };
    let tee = Tee::new(feed, recorder, clock, Box::new(failed));
    let tape = tee.tape();
    Ok((Box::new(tee), Some(tape)))
}

fn interactive(
    args: &Args,
    start: Start,
    (clock, queue): (Clock, Arc<Queue>),
    (feed, tape): (Box<dyn Feed>, Option<Tape>),
) -> Result<u8, Failure> {
    let trace = args
        .trace
        .as_ref()
        .map(|path| Trace::create(path).map_err(|error| unwritable(path, &error)));
    let term = std::env::var("TERM").unwrap_or_default();
    let last = tape.clone();
    let run = Run {
        app: Monitor::new(start.settings),
        feed,
        clock,
        queue,
        trace: trace.transpose()?,
        is_in_screen: term.starts_with("screen") && std::env::var_os("TMUX").is_none(),
        farewell: Arc::new(move || {
            if let Some(tape) = &tape {
                tape.flush();
            }
        }),
    };
    let code = run.run().map_err(|error| unusable(&error));
    if let Some(tape) = last {
        tape.flush();
    }
    code
}

/// Whether there is a terminal that shows screens.
fn verify_terminal() -> Result<(), Failure> {
    if std::env::var("TERM").is_ok_and(|it| it == "dumb") {
        return Err(Failure::usage("TERM=dumb: this terminal shows no screens").hint(INSTEAD));
    }
    Screen::open().map(drop).map_err(|error| unusable(&error))
}

fn unusable(error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot use the terminal: {error}")).hint(INSTEAD)
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
}
