//! A cluster as kq-tui shows it to a script: one frame, or sentences as things happen.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock;
use crate::programs::Programs;
use crate::run::capture;

/// Large enough for every column and row that a check asks for.
const SIZE: &str = "200x60";

/// One frame of a screen as lines of ASCII, of now or of a moment as `--at` takes it.
pub(super) fn frame(
    programs: &Programs,
    bootstrap: &str,
    screen: &str,
    at: Option<&str>,
) -> Result<Vec<String>> {
    let mut tui = Command::new(&programs.tui);
    tui.args(["--brokers", bootstrap, "--once", "--screen", screen]);
    tui.args(["--ascii", "--utc", "--size", SIZE]).stdin(Stdio::null());
    if let Some(at) = at {
        tui.args(["--at", at]);
    }
    Ok(capture(&mut tui)?.lines().map(str::to_owned).collect())
}

/// The rows of a frame's table, in words: those between the line of headers and the line below.
pub(super) fn rows(frame: &[String], first_header: &str) -> Vec<Vec<String>> {
    let words = |line: &String| -> Vec<String> {
        let line = line.strip_prefix('>').unwrap_or(line);
        line.split_whitespace().map(str::to_owned).collect()
    };
    let is_header = |line: &&String| words(line).first().is_some_and(|it| it == first_header);
    let after = frame.iter().skip_while(|it| !is_header(it)).skip(1);
    after.take_while(|it| !it.starts_with("---")).map(words).filter(|it| !it.is_empty()).collect()
}

/// A sentence, and when it was read.
#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) words: String,
    /// In milliseconds since 1970.
    pub(super) at_ms: i64,
}

/// A sentence without the time before it, as in `2026-11-21 12:04:31Z Broker 3 is fenced.`
fn timeless(line: &str) -> &str {
    let is_time = |it: &str| it.starts_with(|first: char| first.is_ascii_digit()) && it.len() == 19;
    line.split_once("Z ").filter(|(at, _)| is_time(at)).map_or(line, |(_, words)| words)
}

/// kq-tui that tells in sentences what happens, until this goes.
pub(super) struct Sentences {
    child: Child,
    told: Receiver<Sentence>,
    /// Everything that was read so far.
    pub(super) read: Vec<String>,
}

impl Sentences {
    /// Begins to listen.
    pub(super) fn start(programs: &Programs, bootstrap: &str) -> Result<Self> {
        let mut tui = Command::new(&programs.tui);
        tui.args(["--brokers", bootstrap, "--plain"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = tui.spawn().context("cannot start kq-tui")?;
        let stdout = child.stdout.take().context("kq-tui without stdout")?;
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for words in BufReader::new(stdout).lines().map_while(Result::ok) {
                let at_ms = clock::unix_ms();
                let words = timeless(&words).to_owned();
                if tell.send(Sentence { words, at_ms }).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, told, read: Vec::new() })
    }

    /// Waits for a sentence.
    pub(super) fn wait_for(
        &mut self,
        what: &str,
        patience: Duration,
        is_it: impl Fn(&str) -> bool,
    ) -> Result<Sentence> {
        let deadline = clock::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            let Ok(sentence) = self.told.recv_timeout(left) else {
                bail!("kq-tui did not say {what}, but:\n{}", self.read.join("\n"))
            };
            self.read.push(sentence.words.clone());
            if is_it(&sentence.words) {
                return Ok(sentence);
            }
        }
    }

    /// The first such sentence among those that were not read yet and those that come until then.
    pub(super) fn heard(
        &mut self,
        within: Duration,
        is_it: impl Fn(&str) -> bool,
    ) -> Result<Option<String>> {
        let deadline = clock::now() + within;
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            let words = match self.told.recv_timeout(left) {
                Ok(sentence) => sentence.words,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => bail!("kq-tui ended"),
            };
            self.read.push(words.clone());
            if is_it(&words) {
                return Ok(Some(words));
            }
        }
    }
}

impl Drop for Sentences {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_read_without_its_time() {
        assert_eq!(
            timeless("2026-11-21 12:04:31Z 3 of 3 brokers are up."),
            "3 of 3 brokers are up."
        );
        assert_eq!(timeless("Broker 3 is fenced."), "Broker 3 is fenced.");
    }

    #[test]
    fn a_table_is_read_from_a_frame() {
        let frame = "kq a > group\n---\n GROUP   CLASS   RECORDS\n> b-1    NO COMMITS 3\n  c-2    OK 0\n\n---\n d";
        let lines: Vec<String> = frame.lines().map(str::to_owned).collect();
        let rows = rows(&lines, "GROUP");
        assert_eq!(rows, [vec!["b-1", "NO", "COMMITS", "3"], vec!["c-2", "OK", "0"]]);
    }
}
