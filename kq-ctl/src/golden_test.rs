//! Sessions as operators see them: each file under `tests/golden/` is a list of command lines with what
//! they printed and how they ended, run against the cluster in memory.
//!
//! ```text
//! $ kq-ctl topic list -o name
//! orders
//! ```
//! Lines that begin with `! ` went to stderr, `? N` is the exit code unless 0. A line `< text` before
//! a command is what it reads from stdin, `@ env KEY=VALUE`, `@ tty`, `@ groups`, `@ fence 3`, `@ behind 2 10`,
//! `@ stale 12` and `@ refuse CODE` change the world from there on. `HOME/` is a directory of the
//! session, `\e` the escape character. `UPDATE_EXPECT=1 cargo test -p kq-ctl` rewrites them all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::CommandFactory as _;

use crate::app;
use crate::cli::Cli;
use crate::cluster::Cluster;
use crate::cluster::fake::{BEGINNING_MS, Fake, State};
use crate::exit::{Failure, LOOK_AROUND};
use crate::output::Output;
use crate::world::World;

/// A stream that the test reads afterwards.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

struct Player {
    state: Rc<RefCell<State>>,
    env: BTreeMap<String, String>,
    home: tempfile::TempDir,
    tty: bool,
    stdin: String,
}

impl Player {
    fn new() -> Self {
        Self {
            state: Rc::default(),
            env: BTreeMap::new(),
            home: tempfile::tempdir().unwrap(),
            tty: false,
            stdin: String::new(),
        }
    }

    fn world(&mut self) -> World {
        let (env, state) = (self.env.clone(), Rc::clone(&self.state));
        let home = self.home.path().display().to_string();
        let stdin = std::mem::take(&mut self.stdin);
        let began = tokio::time::Instant::now();
        World {
            env: Box::new(move |name| match name {
                "HOME" => Some(home.clone()),
                _ => env.get(name).cloned(),
            }),
            cwd: self.home.path().to_owned(),
            host_root: self.home.path().join("host"),
            system_config: PathBuf::from("/nowhere/kq.toml"),
            now_ms: Box::new(move || {
                BEGINNING_MS + i64::try_from(began.elapsed().as_millis()).unwrap()
            }),
            stdin: RefCell::new(Some(Box::new(Cursor::new(stdin.into_bytes())))),
            stdin_tty: self.tty,
            connect: Box::new(move |options| {
                let down = options.brokers.iter().all(|it| it.host() == "down");
                let cluster: Rc<dyn Cluster> = Rc::new(Fake(Rc::clone(&state)));
                let refused = || {
                    Failure::new("kq.UNREACHABLE", "cannot reach down:9092: connection refused")
                        .hint("another broker")
                };
                Box::pin(std::future::ready(if down { Err(refused()) } else { Ok(cluster) }))
            }),
            reach: Box::new(|address, _| {
                let up = address != "127.0.0.1:9093";
                let answer = if up { Ok(()) } else { Err("connection refused".to_owned()) };
                Box::pin(std::future::ready(answer))
            }),
            interrupt: Box::new(|| Box::pin(std::future::pending())),
        }
    }

    /// Runs a command line; what it printed, in the form of the files.
    fn run(&mut self, line: &str) -> String {
        let (data, said) = (Buffer::default(), Buffer::default());
        let mut out = Output::new(Box::new(data.clone()), Box::new(said.clone()));
        out.stdout_tty = self.tty;
        let home = format!("{}/", self.home.path().display());
        let line = line.replace("\\e", "\x1b").replace("HOME/", &home);
        let line_words = words(&line).into_iter().map(Into::into).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let exit =
            runtime.block_on(async { Box::pin(app::run(line_words, self.world(), out)).await });
        let mut text = data.text();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str("\\\n");
        }
        for line in said.text().lines() {
            text.push_str(format!("! {line}").trim_end());
            text.push('\n');
        }
        if exit.code() != 0 {
            let _ = writeln!(text, "? {}", exit.code());
        }
        visible(&text.replace(&self.home.path().display().to_string(), "HOME"))
    }

    fn set(&mut self, words: &str) {
        match words.split_once(' ').unwrap_or((words, "")) {
            ("env", pair) => {
                let (key, value) = pair.split_once('=').unwrap();
                self.env.insert(key.to_owned(), value.to_owned());
            }
            ("tty", _) => self.tty = true,
            ("groups", _) => self.state.borrow_mut().bring_groups(),
            ("behind", words) => {
                let (id, records) = words.split_once(' ').unwrap();
                let (id, records) = (id.parse().unwrap(), records.parse().unwrap());
                let mut state = self.state.borrow_mut();
                state.fenced.retain(|it| *it != id);
                state.behind.insert(id, records);
            }
            ("fence", id) => self.state.borrow_mut().fenced.push(id.parse().unwrap()),
            ("stale", seconds) => {
                let stale = std::time::Duration::from_secs(seconds.parse().unwrap());
                self.state.borrow_mut().stale_for = Some(stale);
            }
            ("refuse", code) => {
                self.state.borrow_mut().refuses = Some(Box::leak(code.to_owned().into_boxed_str()));
            }
            ("file", path_and_text) => {
                let (path, text) = path_and_text.split_once(' ').unwrap();
                let path = self.home.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text.replace("\\n", "\n")).unwrap();
            }
            (other, _) => panic!("no such directive: @ {other}"),
        }
    }
}

/// Files of text stay text: control characters become escapes.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '\x1b' => shown.push_str("\\e"),
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => {
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// As a shell splits: single quotes keep what is between them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (nth, part) in line.split('\'').enumerate() {
        if nth % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Plays a file from its commands, ignoring what it says was printed.
fn play(script: &str) -> String {
    let mut player = Player::new();
    let mut text = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let _ = write!(text, "{line}\n{}", player.run(command));
        } else if let Some(input) = line.strip_prefix("< ") {
            player.stdin.push_str(&input.replace("\\n", "\n"));
            player.stdin.push('\n');
            let _ = writeln!(text, "{line}");
        } else if let Some(directive) = line.strip_prefix("@ ") {
            player.set(directive);
            let _ = writeln!(text, "{line}");
        } else if line.starts_with("# ") {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{line}");
        }
    }
    text
}

/// Refusals without a next step, or without one of their own.
fn speechless(session: &str) -> Vec<&str> {
    let lines: Vec<&str> = session.lines().collect();
    let starts = |line: &&str, word: &str| line.starts_with(word);
    let silent = lines.iter().enumerate().filter(|(at, line)| {
        let rest = lines.iter().skip(at + 1).take_while(|it| starts(it, "! "));
        let mut rest = rest.take_while(|it| !starts(it, "! error:"));
        starts(line, "! error:")
            && !rest.any(|it| starts(it, "!   try:") && !it.contains(LOOK_AROUND))
    });
    silent.map(|(_, line)| *line).collect()
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn sessions_print_what_their_files_say() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "session"));
    files.sort();
    assert!(!files.is_empty());
    let mut silent = Vec::new();
    for path in files {
        let script = std::fs::read_to_string(&path).unwrap();
        let session = play(&script);
        expect_test::expect_file![&path].assert_eq(&session);
        silent.extend(speechless(&session).into_iter().map(str::to_owned));
    }
    assert_eq!(silent, [""; 0], "each refusal says what to try next");
}

/// Help of every verb without what all commands share, which `kq-ctl --help` shows.
#[test]
fn help_pages_say_what_their_files_say() {
    fn walk(command: &clap::Command, name: &str, pages: &mut BTreeMap<String, String>) {
        let subs: Vec<&clap::Command> = command.get_subcommands().collect();
        let shared = |arg: &clap::Arg| !subs.is_empty() || arg.get_help_heading().is_none();
        let page = command
            .clone()
            .mut_args(|arg| {
                let hide = arg.is_global_set() && !shared(&arg);
                if hide { arg.hide(true) } else { arg }
            })
            .term_width(100)
            .render_long_help()
            .to_string();
        let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
        pages.insert(name.to_owned(), lines.join("\n") + "\n");
        for sub in subs {
            walk(sub, &format!("{name}-{}", sub.get_name()), pages);
        }
    }
    let mut root = Cli::command();
    root.build();
    let mut pages = BTreeMap::new();
    walk(&root, "kq-ctl", &mut pages);
    for (name, page) in pages {
        let path = golden().join("help").join(format!("{name}.txt"));
        expect_test::expect_file![&path].assert_eq(&page);
    }
}

#[test]
fn the_command_tree_is_sound() {
    Cli::command().debug_assert();
}
