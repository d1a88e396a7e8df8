//! A terminal for a process: keys in, a grid of characters out. It answers what terminals answer, and
//! waits for what is to be seen, never for a time.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, Termios, Winsize, tcgetattr, tcsetattr,
    tcsetwinsize,
};

use super::grid::Grid;

/// Whatever is awaited comes much sooner, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process in a terminal of its own.
pub(crate) struct Pty {
    master: Option<OwnedFd>,
    slave: File,
    child: Child,
    pub(crate) grid: Grid,
    pub(crate) out: Vec<u8>,
    /// Whether it answers what terminals answer.
    pub(crate) answers: bool,
}

impl Pty {
    /// Starts a command as the leader of a session whose terminal this is.
    pub(crate) fn start(command: &[&str], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        // Neither side ever waits for the other inside a call.
        rustix::fs::fcntl_setfl(&master, rustix::fs::OFlags::NONBLOCK).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = {
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap();
            OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap()
        };
        let child = Command::new("setsid")
            .arg("-c")
            .args(command)
            .envs(env.iter().copied())
            .stdin(slave.try_clone().unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (grid, out) = (Grid::default(), Vec::new());
        let pty = Self { master: Some(master), slave, child, grid, out, answers: true };
        pty.resize(size);
        pty
    }

    pub(crate) fn resize(&self, (columns, rows): (u16, u16)) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(self.master(), size).unwrap();
    }

    /// Types bytes, and reads meanwhile what comes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = &rest[..rest.len().min(512)];
            assert!(self.turn(PollFlags::OUT | PollFlags::IN), "the terminal takes nothing");
            // A terminal's queue is small: a part is written as far as there is room.
            match rustix::io::write(self.master(), part) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::AGAIN) => {}
                Err(error) => panic!("cannot type: {error}"),
            }
        }
    }

    /// Reads until something can be seen.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, seen: impl Fn(&Self) -> bool) {
        while !seen(self) {
            assert!(self.turn(PollFlags::IN), "{what}; seen:\n{}", self.grid.text());
        }
    }

    /// Reads until a text can be seen.
    #[track_caller]
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(text, |pty| pty.grid.text().contains(text));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// What was written to the terminal, for whoever reads it instead of this grid; waits for it up to
    /// so many milliseconds.
    pub(crate) fn take(&self, wait_ms: u64) -> Vec<u8> {
        let wait = Timespec::try_from(Duration::from_millis(wait_ms)).unwrap();
        let mut fds = [PollFd::new(self.master(), PollFlags::IN)];
        let mut bytes = vec![0; 16_000];
        let is_ready = poll(&mut fds, Some(&wait)).unwrap() > 0;
        let read = if is_ready { rustix::io::read(self.master(), &mut bytes[..]) } else { Ok(0) };
        bytes.truncate(read.unwrap_or(0));
        bytes
    }

    /// Types a few bytes, for which there is room.
    pub(crate) fn write(&self, bytes: &[u8]) {
        assert_eq!(rustix::io::write(self.master(), bytes), Ok(bytes.len()));
    }

    /// Closes the terminal, as when a connection is lost.
    pub(crate) fn hang_up(&mut self) {
        self.master = None;
    }

    /// The exit code, once the process has ended, which it has to do within a bound.
    #[track_caller]
    pub(crate) fn exit_code(&mut self, bound: Duration) -> Option<i32> {
        let process = pidfd_open(self.pid(), PidfdFlags::empty()).unwrap();
        let bound = Timespec::try_from(bound).unwrap();
        loop {
            let mut fds = vec![PollFd::new(&process, PollFlags::IN)];
            if let Some(master) = &self.master {
                fds.push(PollFd::new(master, PollFlags::IN));
            }
            assert!(poll(&mut fds, Some(&bound)).unwrap() > 0, "it is still there");
            let has_ended = !fds[0].revents().is_empty();
            let is_readable = fds.get(1).is_some_and(|it| it.revents().contains(PollFlags::IN));
            drop(fds);
            if is_readable {
                self.read();
            } else if has_ended {
                return self.child.wait().unwrap().code();
            }
        }
    }

    /// Reads until the process has stopped.
    pub(crate) fn wait_until_stopped(&mut self) {
        let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
        let short = Timespec::try_from(Duration::from_millis(5)).unwrap();
        let is_stopped =
            |pid| waitpid(Some(pid), options).unwrap().is_some_and(|(_, status)| status.stopped());
        let mut has_stopped = false;
        for _ in 0..10_000 {
            has_stopped |= is_stopped(self.pid());
            let mut fds = [PollFd::new(self.master(), PollFlags::IN)];
            if poll(&mut fds, Some(&short)).unwrap() > 0 {
                self.read();
            } else if has_stopped {
                return;
            }
        }
        panic!("it does not stop");
    }

    /// How the terminal is set, of what can be set.
    pub(crate) fn modes(&self) -> (InputModes, OutputModes, LocalModes) {
        let it = self.termios();
        (it.input_modes, it.output_modes, it.local_modes)
    }

    /// Sets the terminal otherwise.
    pub(crate) fn set_modes(&self, change: impl Fn(&mut Termios)) {
        let mut termios = self.termios();
        change(&mut termios);
        tcsetattr(&self.slave, OptionalActions::Now, &termios).unwrap();
    }

    /// What was left on by what was written to the terminal.
    pub(crate) fn left_on(&self) -> Vec<&'static str> {
        let text = String::from_utf8_lossy(&self.out).into_owned();
        let modes = ["1049", "1000", "1002", "1003", "1006", "2004", "1004", "2026"];
        let mut on: Vec<&'static str> = modes
            .into_iter()
            .filter(|mode| {
                text.rfind(&format!("\x1b[?{mode}h")) > text.rfind(&format!("\x1b[?{mode}l"))
            })
            .collect();
        if text.rfind("\x1b[?25l") > text.rfind("\x1b[?25h") {
            on.push("no cursor");
        }
        on
    }

    fn termios(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn master(&self) -> &OwnedFd {
        self.master.as_ref().unwrap()
    }

    /// Waits for the terminal, and reads what there is to read. False if nothing happens.
    fn turn(&mut self, flags: PollFlags) -> bool {
        let patience = Timespec::try_from(PATIENCE).unwrap();
        let mut fds = [PollFd::new(self.master(), flags)];
        let is_ready = poll(&mut fds, Some(&patience)).unwrap() > 0;
        let flags = fds[0].revents();
        if flags.contains(PollFlags::IN) {
            self.read();
        }
        is_ready && (flags.contains(PollFlags::IN) || !flags.contains(PollFlags::HUP))
    }

    fn read(&mut self) {
        let mut bytes = [0; 16_000];
        let Ok(read) = rustix::io::read(self.master(), &mut bytes[..]) else { return };
        self.out.extend_from_slice(&bytes[..read]);
        let answers = self.grid.take(&bytes[..read]);
        for answer in answers.into_iter().filter(|_| self.answers) {
            // An answer that has no room is lost, as with any terminal.
            let _ = rustix::io::write(self.master(), answer.as_bytes());
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
