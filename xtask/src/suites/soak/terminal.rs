//! A terminal that nobody looks at: it answers what terminals answer, and counts what is written.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::clock::poll_until;

/// As many cells as a large screen has.
const SIZE: Winsize = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
/// The question whether all was shown, and its answer.
const QUESTION: &[u8] = b"\x1b[5n";
const ANSWER: &[u8] = b"\x1b[0n";
const PATIENCE: Duration = Duration::from_secs(10);

/// A program in a terminal of its own, until this goes.
pub(super) struct Terminal {
    child: Child,
    master: File,
    bytes: Arc<AtomicU64>,
}

impl Terminal {
    /// Starts it as the leader of a session.
    pub(super) fn start(program: &Path, args: &[&str]) -> Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        tcsetwinsize(&master, SIZE)?;
        let path = ptsname(&master, Vec::new())?.into_string().context("a terminal's name")?;
        let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits())?;
        let slave = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
        let child = Command::new("setsid")
            .arg("-c")
            .arg(program)
            .args(args)
            .env("TERM", "xterm-256color")
            .stdin(slave)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start setsid")?;
        let master = File::from(master);
        let bytes = Arc::new(AtomicU64::new(0));
        let (screen, count) = (master.try_clone()?, Arc::clone(&bytes));
        std::thread::spawn(move || answer(screen, &count));
        Ok(Self { child, master, bytes })
    }

    /// The process: setsid becomes the program.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes that were written to it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Types.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.master.write_all(bytes).context("cannot type")
    }

    /// How it has ended, in words.
    pub(super) fn end(&mut self) -> String {
        match self.child.try_wait() {
            Ok(Some(status)) => format!("kq-tui has ended with {status}"),
            _ => "kq-tui cannot be looked at".to_owned(),
        }
    }

    /// Types `q`, and waits until it has ended.
    pub(super) fn quit(mut self) -> Result<()> {
        self.write(b"q")?;
        let ended = poll_until(PATIENCE, || self.child.try_wait().ok().flatten());
        let status = ended.context("q does not end it")?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads until nobody has the terminal open any more.
fn answer(mut screen: File, count: &AtomicU64) {
    let mut held = Vec::new();
    let mut bytes = [0; 16_384];
    while let Ok(read @ 1..) = screen.read(&mut bytes) {
        count.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        held.extend_from_slice(bytes.get(..read).unwrap_or_default());
        let questions = held.windows(QUESTION.len()).filter(|it| *it == QUESTION).count();
        // A question may be cut by the end of what was read; a whole one is longer than what stays.
        held.drain(..held.len().saturating_sub(QUESTION.len() - 1));
        if screen.write_all(&ANSWER.repeat(questions)).is_err() {
            return;
        }
    }
}
