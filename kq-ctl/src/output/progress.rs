//! What is shown on stderr while something takes more than a second.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::Output;
use super::text::{duration, harmless};

/// `--progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressStyle {
    /// A bar on a terminal, nothing elsewhere.
    #[default]
    Auto,
    Bar,
    /// A line every few seconds.
    Plain,
    /// The same as JSON.
    Json,
    None,
}

/// Below this nobody wonders.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// Between two lines.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// Where a long operation stands. The caller tells the time.
pub(crate) struct Progress {
    style: ProgressStyle,
    what: String,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    said: Duration,
}

impl Progress {
    pub(crate) fn new(style: ProgressStyle, what: &str, total: Option<u64>, out: &Output) -> Self {
        let bar = out.stderr_tty && !out.quiet;
        let auto = if bar { ProgressStyle::Bar } else { ProgressStyle::None };
        let style = if style == ProgressStyle::Auto { auto } else { style };
        Self { style, what: harmless(what), total, bar: None, said: Duration::ZERO }
    }

    /// Tells how much is done after that time, in `words`.
    pub(crate) fn at(&mut self, elapsed: Duration, done: u64, words: &str, out: &mut Output) {
        if elapsed < SHOWN_AFTER {
            return;
        }
        match self.style {
            ProgressStyle::Bar | ProgressStyle::Auto => {
                let bar = self.bar.get_or_insert_with(|| bar(self.total));
                bar.set_message(format!("{} {}", self.what, harmless(words)));
                bar.set_position(done);
                bar.tick();
            }
            ProgressStyle::Plain => {
                if !self.due(elapsed) {
                    return;
                }
                let after = duration(millis(elapsed));
                out.errors(&format!("{}: {} after {after}", self.what, harmless(words)));
            }
            ProgressStyle::Json => {
                if !self.due(elapsed) {
                    return;
                }
                let line = serde_json::json!({
                    "progress": self.what,
                    "done": done,
                    "total": self.total,
                    "message": words,
                    "elapsed_ms": millis(elapsed),
                });
                out.errors(&super::text::harmless_json(line.to_string()));
            }
            ProgressStyle::None => {}
        }
    }

    fn due(&mut self, elapsed: Duration) -> bool {
        let due = self.said.is_zero() || self.said + LINE_EVERY <= elapsed;
        if due {
            self.said = elapsed;
        }
        due
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = indicatif::ProgressStyle::with_template("{msg} {wide_bar} {percent}%");
    match (total, template) {
        (Some(_), Ok(template)) => bar.set_style(template),
        _ => bar.enable_steady_tick(Duration::from_millis(120)),
    }
    bar
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
