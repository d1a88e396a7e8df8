//! What runs in the shell: the pure side of the monitor, seen from outside.

use ratatui::buffer::Buffer;

use crate::model::{Effect, Event, Outcome};

/// A piece of work to be done beside the main loop.
pub type Work = Box<dyn FnOnce() -> Outcome + Send>;

/// Events in, effects and cells out.
pub trait App {
    /// Takes an event in; answers what is to be done.
    fn update(&mut self, event: Event) -> Vec<Effect>;

    /// Draws all of the buffer; answers what is to be done now that it is known what has room.
    fn draw(&mut self, buffer: &mut Buffer) -> Vec<Effect>;

    /// Whether the screen differs in a second though nothing happens.
    fn ages(&self) -> bool;

    /// What writes the screen into a file.
    fn export(&self, path: String, shown: &Buffer) -> Work;
}
