//! The thread that sees the terminal and the signals, and ends the process by itself: whatever the
//! others are stuck in, no process is left behind without a terminal.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use super::queue::{Note, Queue};
use super::screen::Screen;

const SIGNALS: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH];

/// What is still to be done when the process ends by a signal or a fault: quickly, and without waiting.
pub type Farewell = Arc<dyn Fn() + Send + Sync>;

/// Sees the terminal and the signals.
pub struct Watchdog {
    screen: Arc<Screen>,
    queue: Arc<Queue>,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    farewell: Farewell,
}

impl Watchdog {
    /// From here on signals come to it.
    pub fn new(
        screen: Arc<Screen>,
        queue: Arc<Queue>,
        farewell: Farewell,
    ) -> std::io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, SIGNALS)?;
        Ok(Self { screen, queue, signals, farewell })
    }

    /// The thread: watches until the process ends.
    pub fn run(mut self) {
        loop {
            let is_gone = self.wait();
            for signal in self.signals.pending() {
                match signal {
                    SIGWINCH => self.tell(Note::Resized),
                    SIGTSTP => self.tell(Note::Suspend),
                    SIGCONT => self.tell(Note::Continued),
                    // As a shell says it of a process that the signal ended.
                    signal => self.end(128 + signal),
                }
            }
            if is_gone {
                self.end(128 + SIGHUP);
            }
        }
    }

    /// Whether the terminal is gone. No flag is asked for: that it hung up is always told.
    fn wait(&self) -> bool {
        let mut fds = [
            PollFd::new(&*self.screen, PollFlags::empty()),
            PollFd::new(self.signals.get_read(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => fds.first().is_some_and(|it| !it.revents().is_empty()),
            Err(Errno::INTR) => false,
            // Without sight there is nothing to watch for.
            Err(_) => true,
        }
    }

    /// A main loop that takes nothing must not hold up the end.
    fn tell(&self, note: Note) {
        self.queue.nudge(note);
    }

    fn end(&self, code: i32) -> ! {
        // The terminal first: a disk that hangs must not keep it.
        self.screen.leave();
        (self.farewell)();
        signal_hook::low_level::exit(code)
    }
}
