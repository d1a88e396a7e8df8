//! A terminal for a program: keys in, bytes out, which are counted.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::screen::Screen;
use crate::clock;

/// A program in a terminal of its own, which ends with this.
#[derive(Debug)]
pub(super) struct Terminal {
    master: OwnedFd,
    /// Held, so that the terminal is there before and behind its program.
    _slave: File,
    child: Child,
    screen: Screen,
    bytes: u64,
}

impl Terminal {
    /// Starts a program as the leader of a session whose terminal this is.
    pub(super) fn start(program: &Path, args: &[&str], size: (u16, u16)) -> Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&master, rustix::fs::OFlags::NONBLOCK)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?.into_string()?;
        let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits())?;
        let slave = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
        let (ws_col, ws_row) = size;
        tcsetwinsize(&master, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 })?;
        let child = Command::new("setsid")
            .arg("-c")
            .arg(program)
            .args(args)
            .env("TERM", "xterm-256color")
            .stdin(slave.try_clone()?)
            .stdout(slave.try_clone()?)
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {} by setsid", program.display()))?;
        Ok(Self { master, _slave: slave, child, screen: Screen::default(), bytes: 0 })
    }

    /// The id of the program, as setsid became it.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes that the program has written so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first line of what is shown.
    pub(super) fn first_line(&self) -> String {
        self.screen.first_line()
    }

    /// Types; a terminal's queue has room for far more than what is typed here.
    pub(super) fn type_in(&self, keys: &str) -> Result<()> {
        let written = rustix::io::write(&self.master, keys.as_bytes())?;
        ensure!(written == keys.len(), "the terminal takes no more keys");
        Ok(())
    }

    /// Reads what comes for so long.
    pub(super) fn read_for(&mut self, time: Duration) -> Result<()> {
        let until = clock::now() + time;
        loop {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Ok(());
            }
            self.read_once(left)?;
        }
    }

    /// Waits for bytes and reads them; whether some came in time.
    pub(super) fn read_once(&mut self, within: Duration) -> Result<bool> {
        let within = Timespec::try_from(within)?;
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut fds, Some(&within))? == 0 {
            return Ok(false);
        }
        let mut bytes = [0; 16_384];
        let read = match rustix::io::read(&self.master, &mut bytes[..]) {
            Ok(read) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
            Err(error) => return Err(error).context("cannot read from the terminal"),
        };
        self.bytes += u64::try_from(read)?;
        let seen = bytes.get(..read).unwrap_or_default();
        for answer in self.screen.take(seen) {
            self.type_in(&answer)?;
        }
        Ok(read != 0)
    }

    /// Reads until the first line is as wanted.
    pub(super) fn await_line(
        &mut self,
        what: &str,
        within: Duration,
        seen: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let until = clock::now() + within;
        while !seen(&self.first_line()) {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                bail!("no {what} within {within:?}; its first line: {}", self.first_line());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("no {what}: it ended with {status}");
            }
            self.read_once(left.min(Duration::from_secs(1)))?;
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
