//! The model and the view as one: what the shell runs.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use ratatui::buffer::Buffer;

use crate::model::{Effect, Event, Mode, Outcome, Settings, State, update};
use crate::shell::app::{App, Work};
use crate::view::{self, encode};

/// The monitor, without the world around it.
#[derive(Debug)]
pub struct Monitor {
    /// All that it remembers.
    pub state: State,
}

impl Monitor {
    /// As it begins.
    pub fn new(settings: Settings) -> Self {
        Self { state: State::new(settings) }
    }
}

impl App for Monitor {
    fn update(&mut self, event: Event) -> Vec<Effect> {
        update(&mut self.state, event)
    }

    fn draw(&mut self, buffer: &mut Buffer) -> Vec<Effect> {
        let hits = view::draw(&self.state, buffer.area, buffer);
        // What has room is known now, and with it what the feed is to be asked for.
        let mut effects = self.state.drawn(hits);
        let uptime_ms = self.state.uptime_ms;
        effects.extend(update(&mut self.state, Event::Tick { uptime_ms }));
        effects
    }

    fn ages(&self) -> bool {
        match self.state.mode() {
            Mode::Replay { speed: 0, .. } | Mode::Replay { ended: true, .. } => {
                self.state.said.is_some()
            }
            Mode::Replay { .. }
            | Mode::Live { .. }
            | Mode::Paused { .. }
            | Mode::Seeking { .. }
            | Mode::Past { .. }
            | Mode::Lost { .. } => true,
        }
    }

    fn export(&self, path: String, shown: &Buffer) -> Work {
        // What is shown has the line that the path was typed into; it is gone by now.
        let mut buffer = Buffer::empty(shown.area);
        let _ = view::draw(&self.state, shown.area, &mut buffer);
        let text = encoded(&self.state, &buffer, form_of(&path));
        Box::new(move || match write(Path::new(&path), &text) {
            Ok(()) => Outcome::Well(format!("written to {path}")),
            Err(error) => Outcome::Failed(format!("cannot write {path}: {error}")),
        })
    }
}

/// How a frame can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Characters alone.
    Text,
    /// Characters with the colours of a terminal.
    Ansi,
    /// A picture.
    Svg,
    /// Fields for machines.
    Json,
}

/// A frame in that form.
pub fn encoded(state: &State, buffer: &Buffer, form: Form) -> String {
    match form {
        Form::Text => encode::text(buffer),
        Form::Ansi => encode::ansi(buffer),
        Form::Svg => encode::svg(buffer),
        Form::Json => view::sheet::json(state),
    }
}

fn form_of(path: &str) -> Form {
    match Path::new(path).extension().and_then(|it| it.to_str()) {
        Some("json") => Form::Json,
        Some("svg") => Form::Svg,
        Some("ansi" | "ans") => Form::Ansi,
        Some(_) | None => Form::Text,
    }
}

/// Nothing is written over.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}
