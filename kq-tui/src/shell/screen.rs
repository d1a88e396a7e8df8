//! The terminal: taken over with all its modes at once, and given back with all of them at once,
//! whatever happened between and whoever notices. Every mode that is ever set is named here.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, QueueSelector, Termios};
use rustix::termios::{tcflush, tcgetattr, tcgetwinsize, tcsetattr};

/// The terminal that controls the process, whatever its streams are.
const PATH: &str = "/dev/tty";

/// Alternate screen, no cursor, pastes told as such.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// A sequence that was cut is ended first (CAN). Then everything goes off that was ever on, and what
/// a program before us may have left on: synchronized output, the reports of mouse and focus, pastes.
const LEAVE: &[u8] = b"\x18\x1b[?2026l\x1b[0m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\
    \x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// Buttons and wheel, in numbers without bounds.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Nobody waits longer for the terminal when it is given back.
const PATIENCE: Duration = Duration::from_millis(200);
/// Written at once; between two of them it can be given back.
const PART_BYTES: usize = 4096;
/// Nobody has a larger terminal; who says so is wrong.
const COLUMNS_MAX: u16 = 1_000;
const ROWS_MAX: u16 = 500;

/// The terminal of this process.
#[derive(Debug)]
pub struct Screen {
    tty: File,
    /// How it was; none while it is not ours.
    before: Mutex<Option<Termios>>,
    writing: Mutex<()>,
    is_leaving: AtomicBool,
}

impl Screen {
    /// Finds the terminal. An error if the process has none.
    pub fn open() -> io::Result<Self> {
        let tty = OpenOptions::new().read(true).write(true).open(PATH)?;
        Ok(Self {
            tty,
            before: Mutex::new(None),
            writing: Mutex::new(()),
            is_leaving: AtomicBool::new(false),
        })
    }

    /// Takes it over. How it is now is how it will be given back: somebody may have changed that
    /// while we stood still.
    pub fn enter(&self) -> io::Result<()> {
        let mut before = self.before.lock();
        if before.is_none() {
            *before = Some(tcgetattr(&self.tty)?);
        }
        if let Some(cooked) = before.as_ref() {
            let mut raw = cooked.clone();
            raw.make_raw();
            tcsetattr(&self.tty, OptionalActions::Now, &raw)?;
        }
        // What was typed before was not meant for what comes now.
        let _ = tcflush(&self.tty, QueueSelector::IFlush);
        self.is_leaving.store(false, Ordering::Release);
        drop(before);
        self.write(ENTER)
    }

    /// Gives it back, from any thread and at any time; once, however many do so. A terminal that
    /// takes nothing is not waited for.
    pub fn leave(&self) {
        let Some(mut before) = self.before.try_lock_for(PATIENCE) else { return };
        let Some(cooked) = before.take() else { return };
        self.is_leaving.store(true, Ordering::Release);
        let writing = self.writing.try_lock_for(PATIENCE);
        Self::write_leaving();
        let _ = tcflush(&self.tty, QueueSelector::IFlush);
        // There is nobody to tell that a terminal is gone.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &cooked);
        drop(writing);
    }

    /// Writes all of it, unless the terminal is being given back meanwhile.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(PART_BYTES) {
            let writing = self.writing.lock();
            let mut rest = part;
            while !rest.is_empty() {
                if self.is_leaving.load(Ordering::Acquire) {
                    return Ok(());
                }
                match rustix::io::write(&self.tty, rest) {
                    Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(rustix::io::Errno::AGAIN) => self.wait_for_room()?,
                    Err(error) => return Err(error.into()),
                }
            }
            drop(writing);
        }
        Ok(())
    }

    /// Reads what was typed; waits for it.
    pub fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.tty, into)?)
    }

    /// Columns and rows; a side may be zero.
    pub fn size(&self) -> (u16, u16) {
        match tcgetwinsize(&self.tty) {
            Ok(size) => (size.ws_col.min(COLUMNS_MAX), size.ws_row.min(ROWS_MAX)),
            Err(_) => (0, 0),
        }
    }

    /// What turns the reports of the mouse on or off.
    pub const fn mouse(is_on: bool) -> &'static [u8] {
        if is_on { MOUSE_ON } else { MOUSE_OFF }
    }

    fn wait_for_room(&self) -> io::Result<()> {
        poll(&mut [PollFd::new(&self.tty, PollFlags::OUT)], None)?;
        Ok(())
    }

    /// By a description of its own that never blocks: others may use ours, and a thread may hang in
    /// it.
    fn write_leaving() {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Ok(tty) = rustix::fs::open(PATH, flags, Mode::empty()) else { return };
        let patience = Timespec::try_from(PATIENCE).ok();
        let mut rest = LEAVE;
        while !rest.is_empty() {
            match rustix::io::write(&tty, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    let room = poll(&mut [PollFd::new(&tty, PollFlags::OUT)], patience.as_ref());
                    if !matches!(room, Ok(1..)) {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }
}

impl AsFd for Screen {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }
}
