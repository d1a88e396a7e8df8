//! The thread that reads the terminal, and does nothing else.

use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::clock::Clock;
use super::decode::{Decoder, Told};
use super::queue::{Note, Queue};
use super::screen::Screen;
use super::writer::Writer;

/// Who is told what was read.
#[derive(Debug, Clone)]
pub struct Input {
    /// The terminal.
    pub screen: Arc<Screen>,
    /// The main loop.
    pub queue: Arc<Queue>,
    /// Who waits for answers of the terminal.
    pub writer: Arc<Writer>,
    /// What time it is.
    pub clock: Clock,
}

impl Input {
    /// Reads until the terminal is gone or nobody listens. That it is gone the watchdog sees for
    /// itself: whatever hangs here holds up nothing.
    pub fn run(self) {
        let mut decoder = Decoder::default();
        let mut bytes = [0; 1024];
        loop {
            let now_ms = self.clock.uptime_ms();
            let timeout = decoder.deadline_ms().map(|at| at.saturating_sub(now_ms));
            let told = match self.wait(timeout) {
                Ok(true) => match self.screen.read(&mut bytes) {
                    Ok(0) => return,
                    Ok(read) => {
                        let bytes = bytes.get(..read).unwrap_or_default();
                        decoder.take(bytes, self.clock.uptime_ms())
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(_) => return,
                },
                Ok(false) => decoder.expire(self.clock.uptime_ms()),
                Err(Errno::INTR) => continue,
                Err(_) => return,
            };
            if !told.into_iter().all(|it| self.tell(it)) {
                return;
            }
        }
    }

    /// Whether there is something to read, within milliseconds.
    fn wait(&self, timeout_ms: Option<u64>) -> Result<bool, Errno> {
        // One more, so that a deadline is over when it is looked at.
        let timeout = timeout_ms.map(|it| Duration::from_millis(it + 1));
        let timeout = timeout.and_then(|it| Timespec::try_from(it).ok());
        let mut fds = [PollFd::new(&*self.screen, PollFlags::IN)];
        Ok(poll(&mut fds, timeout.as_ref())? > 0)
    }

    fn tell(&self, told: Told) -> bool {
        match told {
            Told::Event(event) => self.queue.push(Note::Input(event)),
            Told::Answer => {
                self.writer.answered();
                true
            }
        }
    }
}
