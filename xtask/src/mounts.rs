//! File systems of one's own, to be filled up or to lose their power. All of it needs root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::output;
use crate::run::{capture, find, root, target};

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) dir: PathBuf,
    image: Option<PathBuf>,
}

impl Mount {
    /// One in memory, of a bounded size.
    pub(crate) fn tmpfs(name: &str, bytes: u64) -> Result<Self> {
        let dir = mount_point(name)?;
        let size = format!("size={bytes}");
        capture(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&dir))?;
        Ok(Self { dir, image: None })
    }

    /// An ext4 of its own in a file, on a loop device.
    pub(crate) fn ext4(name: &str, bytes: u64) -> Result<Self> {
        let dir = mount_point(name)?;
        let image = dir.with_extension("img");
        fs::File::create(&image)
            .and_then(|file| file.set_len(bytes))
            .with_context(|| format!("cannot create {}", image.display()))?;
        capture(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let mount = Self { dir, image: Some(image) };
        mount.attach()?;
        Ok(mount)
    }

    fn attach(&self) -> Result<()> {
        let image = self.image.as_deref().unwrap_or(Path::new("tmpfs"));
        capture(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&self.dir)).map(|_| ())
    }

    fn detach(&self) -> Result<()> {
        capture(Command::new("umount").arg(&self.dir)).map(|_| ())
    }

    /// Takes the power of an ext4: what was not synced is gone. Whoever writes to it must be held
    /// before and killed after. Where the power goes nothing runs on, and could else hear of a
    /// sync that the kernel reports as done after it gave the journal up.
    pub(crate) fn cut_power(&self, python: &Path) -> Result<()> {
        let script = root().join("tests/clients/power_cut.py");
        capture(Command::new(python).arg(script).arg(&self.dir)).map(|_| ())
    }

    /// Gives it back what is on the disk, as after a start of the machine.
    pub(crate) fn remount(&self) -> Result<()> {
        self.detach()?;
        self.attach()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(fault) = self.detach() {
            output::note(format_args!("{} stays mounted: {fault:#}", self.dir.display()));
        }
        if let Some(image) = &self.image {
            drop(fs::remove_file(image));
        }
    }
}

/// Why no file system can be mounted here.
pub(crate) fn cannot_mount(tools: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root to mount a file system".to_owned());
    }
    let missing = tools.iter().find(|tool| find(tool).is_none())?;
    Some(format!("{missing} is not installed"))
}

/// A folder for mounts of one check, empty, whatever a run that broke off left there.
fn mount_point(name: &str) -> Result<PathBuf> {
    let dir = target().join("mounts").join(name);
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let here = dir.display().to_string();
    if mounts.lines().any(|line| line.split(' ').nth(1) == Some(here.as_str())) {
        capture(Command::new("umount").arg(&dir))?;
    }
    Ok(dir)
}
