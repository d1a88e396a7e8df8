//! What is shown on stderr while something takes more than a second.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

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

/// One line of [`Bars`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) permille: u64,
    pub(crate) words: String,
}

/// Several things that go on at a time. Drawn only when something is shown: no animation, so that a
/// slow line keeps up.
pub(crate) struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    parts: Vec<(String, ProgressBar)>,
}

impl Bars {
    /// None where there is no terminal, or no bars are wanted.
    pub(crate) fn new(style: ProgressStyle, out: &Output) -> Option<Self> {
        let on_terminal = out.stderr_tty && !out.quiet;
        let wanted = matches!(style, ProgressStyle::Auto | ProgressStyle::Bar);
        if !(on_terminal && wanted) {
            return None;
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(4));
        let whole = all.add(part_bar());
        Some(Self { all, whole, parts: Vec::new() })
    }

    /// The whole in the first line, parts below; a part that is not named any more is gone.
    pub(crate) fn show(&mut self, whole: &Bar, parts: &[Bar]) {
        set(&self.whole, whole);
        let all = &self.all;
        self.parts.retain(|(name, bar)| {
            let stays = parts.iter().any(|it| it.name == *name);
            if !stays {
                all.remove(bar);
            }
            stays
        });
        for it in parts {
            let known = self.parts.iter().position(|(name, _)| *name == it.name);
            let at = known.unwrap_or_else(|| {
                self.parts.push((it.name.clone(), all.add(part_bar())));
                self.parts.len() - 1
            });
            if let Some((_, bar)) = self.parts.get(at) {
                set(bar, it);
            }
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // A terminal that is gone needs no clearing.
        let _ = self.all.clear();
    }
}

fn set(bar: &ProgressBar, to: &Bar) {
    bar.set_prefix(harmless(&to.name));
    bar.set_message(harmless(&to.words));
    bar.set_position(to.permille.min(1_000));
    bar.tick();
}

fn part_bar() -> ProgressBar {
    let bar = ProgressBar::new(1_000);
    let template =
        indicatif::ProgressStyle::with_template("{prefix:16!} {bar:12} {percent:>3}% {wide_msg}");
    if let Ok(template) = template {
        bar.set_style(template);
    }
    bar
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
