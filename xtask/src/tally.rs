//! What passed, what failed, what was skipped and why. The last line of every run of tests.

use std::time::Duration;

use anyhow::Result;

use crate::clock;
use crate::output::say;

/// Counts over all parts of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failures: Vec<String>,
    failed_elsewhere: u64,
    skipped: Vec<String>,
}

/// How a check ended that did not fail.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It holds; with figures worth a line, or an empty string.
    Passed(String),
    /// It could not be tried here, and why.
    Skipped(String),
}

/// A check that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    verdict: Result<Verdict>,
    took: Duration,
}

impl Ended {
    /// Runs a check.
    pub(crate) fn of(check: impl FnOnce() -> Result<Verdict>) -> Self {
        let start = clock::now();
        let verdict = check();
        Self { verdict, took: start.elapsed() }
    }
}

impl Tally {
    /// Runs one named check and prints its line.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<Verdict>) {
        self.take(name, Ended::of(check));
    }

    /// Takes a check that has ended elsewhere and prints its line.
    pub(crate) fn take(&mut self, name: &str, Ended { verdict, took }: Ended) {
        match verdict {
            Ok(Verdict::Passed(figures)) => self.pass(name, took, &figures),
            Ok(Verdict::Skipped(why)) => self.skip(name, &why),
            Err(fault) => self.fail(name, &format!("{fault:#}")),
        }
    }

    fn pass(&mut self, name: &str, took: Duration, figures: &str) {
        self.passed += 1;
        let colon = if figures.is_empty() { "" } else { ": " };
        say(format_args!("PASS {name} {:.1}s{colon}{figures}", took.as_secs_f64()));
    }

    /// A failure, told now and again at the end.
    pub(crate) fn fail(&mut self, name: &str, why: &str) {
        say(format_args!("FAIL {name}: {why}"));
        self.failures.push(format!("{name}: {why}"));
    }

    /// What could not be tried here.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        say(format_args!("SKIP {name}: {why}"));
        self.skipped.push(format!("{name}: {why}"));
    }

    /// Counts of a runner that printed its own lines.
    pub(crate) fn add(&mut self, counts: Counts) {
        self.passed += counts.passed;
        self.failed_elsewhere += counts.failed;
    }

    /// Repeats what must not be overlooked and prints the closing line; whether all is well.
    pub(crate) fn close(&self) -> bool {
        say("");
        for line in &self.skipped {
            say(format_args!("skipped: {line}"));
        }
        for line in &self.failures {
            say(format_args!("failed: {line}"));
        }
        let failed = self.failed_elsewhere + self.failures.len() as u64;
        say(format_args!("{} passed, {failed} failed", self.passed));
        failed == 0 && 0 < self.passed
    }
}

/// What another runner counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// Adds a line of `cargo test` ("test result: ok. 3 passed; 0 failed; ..") or of an
    /// outside suite ("3 passed, 0 failed, 1 skipped"); other lines count nothing.
    pub(crate) fn take_line(&mut self, line: &str) {
        let mut words = line.split([' ', ',', ';']).filter(|word| !word.is_empty());
        let summary = line.starts_with("test result: ")
            || words.next().is_some_and(|word| word.parse::<u64>().is_ok());
        if !summary {
            return;
        }
        let before = |what: &str| {
            let words: Vec<&str> =
                line.split([' ', ',', ';']).filter(|it| !it.is_empty()).collect();
            let at = words.iter().position(|word| *word == what)?;
            words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
        };
        if let (Some(passed), Some(failed)) = (before("passed"), before("failed")) {
            self.passed += passed;
            self.failed += failed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_kinds_are_counted() {
        let mut counts = Counts::default();
        counts.take_line("test result: ok. 12 passed; 1 failed; 0 ignored; 0 measured");
        counts.take_line("30 passed, 2 failed, 1 skipped");
        counts.take_line("PASS basics/all 3 passed, 1 failed inside a sentence");
        assert_eq!(counts, Counts { passed: 42, failed: 3 });
    }
}
