//! `--local`: how this machine is set up, as far as that matters to a broker's logs (D029).
//!
//! Only what a broker really uses is looked at. It maps no files into memory, so `vm.max_map_count` says
//! nothing about it; and it has the kernel write back early by its own syncs, so that a large
//! `vm.dirty_ratio` does no harm, while a small one makes appends wait for the disk.

use std::fs;
use std::path::{Path, PathBuf};

use kq_proto::admin::v1::{Finding, Severity};

/// The file that a broker holds open in each of its log directories.
const LOCK_FILE: &str = ".lock";
/// The name of the process.
const BROKER: &str = "kq-broker";
/// Descriptors that a broker keeps for other things than logs, of which those have half the rest.
const RESERVED_FILES: u64 = 128;
/// A log that is written to has a segment and two indexes open.
const FILES_OF_LOG: u64 = 3;
/// Above this the kernel prefers to swap a broker out to letting go of pages of files.
const SWAPPINESS_MAX: u64 = 10;
/// A partition has up to 4 MiB unsynced; sixteen of them must fit, or appends wait for the disk.
const DIRTY_BYTES_MIN: u64 = 64 << 20;

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) findings: Vec<Finding>,
    pub(super) unseen: Vec<String>,
}

/// Where a directory is mounted, and how.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    point: PathBuf,
    kind: String,
    /// Those of this mount and those of the file system.
    options: Vec<String>,
}

/// Looks at the machine whose root directory is given.
pub(super) fn look(root: &Path) -> Machine {
    let mut machine = Machine::default();
    machine.look_at_memory(root);
    let brokers = brokers(root);
    if brokers.is_empty() {
        machine.unseen.push(format!("no {BROKER} runs on this machine"));
    }
    for pid in brokers {
        machine.look_at_broker(&root.join(format!("proc/{pid}")), pid);
    }
    machine
}

impl Machine {
    fn find(
        &mut self,
        severity: Severity,
        subject: &str,
        (what, evidence): (&str, String),
        fix: impl Into<String>,
    ) {
        self.findings.push(Finding {
            check: super::HOST.to_owned(),
            severity: severity.into(),
            subject: subject.to_owned(),
            what: what.to_owned(),
            evidence,
            fix: fix.into(),
            safe: false,
        });
    }

    fn look_at_memory(&mut self, root: &Path) {
        let host = "this machine";
        let swaps = fs::read_to_string(root.join("proc/swaps")).unwrap_or_default();
        match number(&root.join("proc/sys/vm/swappiness")) {
            None => self.unseen.push("vm.swappiness cannot be read".to_owned()),
            Some(value) if SWAPPINESS_MAX < value && swaps.lines().nth(1).is_some() => {
                let what = "the kernel swaps a broker out to keep pages of files";
                let evidence = format!("vm.swappiness={value}, and there is swap");
                self.find(Severity::Warn, host, (what, evidence), "sysctl -w vm.swappiness=1");
            }
            Some(_) => {}
        }
        let thp = |file| root.join("sys/kernel/mm/transparent_hugepage").join(file);
        let chosen = |file| {
            let text = fs::read_to_string(thp(file)).unwrap_or_default();
            let choice = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
            choice.map(|(word, _)| word.to_owned())
        };
        if chosen("enabled").as_deref() == Some("always") {
            let defrag = chosen("defrag").unwrap_or_default();
            let stalls = defrag == "always";
            let severity = if stalls { Severity::Warn } else { Severity::Info };
            let what = if stalls {
                "a broker stalls while the kernel makes huge pages for it"
            } else {
                "huge pages for every process: a broker takes more memory than it uses"
            };
            let evidence = format!("transparent_hugepage: enabled=always, defrag={defrag}");
            let fix = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
            self.find(severity, host, (what, evidence), fix);
        }
        if let Some((bytes, how)) = dirty_bound(root).filter(|it| it.0 < DIRTY_BYTES_MIN) {
            let what = "appends wait for the disk: the kernel holds few unwritten bytes";
            let evidence = format!("{how}, which is {} MiB", bytes >> 20);
            self.find(Severity::Warn, host, (what, evidence), "sysctl -w vm.dirty_ratio=20");
        }
    }

    fn look_at_broker(&mut self, proc: &Path, pid: u32) {
        let subject = format!("process {pid}");
        let Some(dirs) = log_dirs(proc) else {
            self.unseen
                .push(format!("{subject} is another user's: run it as root or as that user"));
            return;
        };
        let allowed = open_files_max(proc);
        let logs: u64 = dirs.iter().map(|dir| logs_in(dir)).sum();
        let room = allowed.map(|it| it.saturating_sub(RESERVED_FILES) / 2);
        if let (Some(allowed), Some(room)) = (allowed, room)
            && room < logs * FILES_OF_LOG
        {
            let what = "files are closed and opened again all the time";
            let evidence = format!(
                "{logs} logs have up to {} files open, but it may open {allowed}, half of them for logs",
                logs * FILES_OF_LOG
            );
            let fix = format!("LimitNOFILE={} or ulimit -n", fitting(logs));
            self.find(Severity::Warn, &subject, (what, evidence), fix);
        }
        let mounts = fs::read_to_string(proc.join("mountinfo")).unwrap_or_default();
        let mounts: Vec<Mount> = mounts.lines().filter_map(mount_of).collect();
        let mut seen = Vec::new();
        for dir in &dirs {
            let fits = |it: &&Mount| dir.starts_with(&it.point);
            // Of two mounts on one place the later hides the earlier.
            let mount = mounts.iter().filter(fits).max_by_key(|it| it.point.components().count());
            if let Some(mount) = mount.filter(|it| !seen.contains(&&it.point)) {
                seen.push(&mount.point);
                self.look_at_mount(&format!("{subject}, {}", dir.display()), mount);
            }
        }
    }

    fn look_at_mount(&mut self, subject: &str, mount: &Mount) {
        let has = |option: &str| mount.options.iter().any(|it| it == option);
        let (kind, point) = (mount.kind.as_str(), mount.point.display());
        let evidence = |what: &str| format!("{point} is {what}");
        if ["tmpfs", "ramfs"].contains(&kind) {
            let what = "its records are gone when the machine starts anew";
            let fix = "put log.dirs on a disk";
            self.find(Severity::Error, subject, (what, evidence(kind)), fix);
            return;
        }
        if ["nobarrier", "barrier=0", "volatile"].into_iter().any(has) {
            let what = "a power cut can take back what was synced";
            let option = ["nobarrier", "barrier=0", "volatile"].into_iter().find(|it| has(it));
            let evidence = evidence(&format!("{kind} with {}", option.unwrap_or_default()));
            self.find(Severity::Error, subject, (what, evidence), "mount it without that option");
        }
        if kind.starts_with("nfs") || ["cifs", "smb3", "9p"].contains(&kind) {
            let what = "it is on a network file system: a sync is as good as the server's word";
            let fix = "put log.dirs on a disk of this machine";
            self.find(Severity::Warn, subject, (what, evidence(kind)), fix);
        }
        if has("sync") {
            let what = "each write waits for the disk, and syncs are made of many";
            let fix = format!("mount -o remount,async {point}");
            let evidence = evidence(&format!("{kind} with sync"));
            self.find(Severity::Warn, subject, (what, evidence), fix);
        }
        if !["relatime", "noatime", "ro"].into_iter().any(has) {
            let what = "each read of a segment writes its access time";
            let fix = format!("mount -o remount,noatime {point}");
            let evidence = evidence(&format!("{kind} without noatime or relatime"));
            self.find(Severity::Info, subject, (what, evidence), fix);
        }
    }
}

/// The processes that are brokers, by their ids.
fn brokers(root: &Path) -> Vec<u32> {
    let is_broker = |pid: &u32| {
        let name = fs::read_to_string(root.join(format!("proc/{pid}/comm")));
        name.is_ok_and(|it| it.trim_end() == BROKER)
    };
    let mut pids: Vec<u32> =
        names_in(&root.join("proc")).filter_map(|it| it.parse().ok()).filter(is_broker).collect();
    pids.sort_unstable();
    pids
}

/// The directories whose lock a process holds; none if it may not be looked at.
fn log_dirs(proc: &Path) -> Option<Vec<PathBuf>> {
    let open = fs::read_dir(proc.join("fd")).ok()?;
    let files = open.filter_map(|it| fs::read_link(it.ok()?.path()).ok());
    let locks = files.filter(|it| it.file_name().is_some_and(|name| name == LOCK_FILE));
    let mut dirs: Vec<PathBuf> = locks.filter_map(|it| it.parent().map(Path::to_owned)).collect();
    dirs.sort();
    dirs.dedup();
    Some(dirs)
}

/// The logs in a directory: each is one by the name `topic-0.` and the topic's id.
fn logs_in(dir: &Path) -> u64 {
    let is_log = |name: &String| {
        let parts = name.rsplit_once('-').and_then(|(_, rest)| rest.split_once('.'));
        parts.is_some_and(|(index, id)| index.parse::<u32>().is_ok() && id.len() == 32)
    };
    names_in(dir).filter(is_log).count() as u64
}

fn names_in(dir: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|it| it.ok()?.file_name().into_string().ok())
}

fn open_files_max(proc: &Path) -> Option<u64> {
    let limits = fs::read_to_string(proc.join("limits")).ok()?;
    let line = limits.lines().find_map(|it| it.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A limit under which so many logs stay open, with room to grow, as people write it.
fn fitting(logs: u64) -> u64 {
    (2 * FILES_OF_LOG * logs + RESERVED_FILES).saturating_mul(2).next_power_of_two()
}

/// How many unwritten bytes the kernel holds before it has writers wait, and what says so.
fn dirty_bound(root: &Path) -> Option<(u64, String)> {
    let setting = |name: &str| number(&root.join("proc/sys/vm").join(name));
    if let Some(bytes) = setting("dirty_bytes").filter(|it| *it > 0) {
        return Some((bytes, format!("vm.dirty_bytes={bytes}")));
    }
    let ratio = setting("dirty_ratio")?;
    let memory = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = memory.lines().find_map(|it| it.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    let bytes = kib.saturating_mul(1_024) / 100 * ratio;
    Some((bytes, format!("vm.dirty_ratio={ratio} of {} MiB that are available", kib >> 10)))
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// One line of `mountinfo`: fields, a dash, the file system's fields.
fn mount_of(line: &str) -> Option<Mount> {
    let (mount, system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(4);
    let point = PathBuf::from(mount.next()?.replace("\\040", " "));
    let own = mount.next()?;
    let mut system = system.split(' ');
    let kind = system.next()?.to_owned();
    let of_system = system.nth(1).unwrap_or_default();
    let options = own.split(',').chain(of_system.split(',')).map(str::to_owned).collect();
    Some(Mount { point, kind, options })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine with one broker, whose logs lie in `data`, mounted as the line says.
    fn machine(mount: &str, settings: &[(&str, &str)], logs: u32) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/7/comm", "kq-broker\n");
        put("proc/8/comm", "bash\n");
        put(
            "proc/7/limits",
            "Limit  Soft  Hard\nMax open files            1024      4096    files\n",
        );
        let point = data.display();
        put(
            "proc/7/mountinfo",
            &format!(
                "27 1 254:0 / / rw,relatime - ext4 /dev/a rw\n28 27 254:1 / {point} {mount}\n"
            ),
        );
        put("proc/sys/vm/swappiness", "60\n");
        put("proc/sys/vm/dirty_ratio", "20\n");
        put("proc/sys/vm/dirty_bytes", "0\n");
        put("proc/meminfo", "MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n");
        put("proc/swaps", "Filename Type Size\n");
        for (path, text) in settings {
            put(path, text);
        }
        fs::create_dir_all(root.path().join("proc/7/fd")).unwrap();
        symlink(data.join(LOCK_FILE), root.path().join("proc/7/fd/9")).unwrap();
        for log in 0..logs {
            fs::create_dir_all(data.join(format!("orders-{log}.{log:032x}"))).unwrap();
        }
        fs::create_dir_all(data.join("__quorum")).unwrap();
        let found = look(root.path());
        assert_eq!(found.unseen, [""; 0]);
        let line = |it: &Finding| {
            let text = format!(
                "{} {}: {} ({}) -> {}",
                it.severity, it.subject, it.what, it.evidence, it.fix
            );
            text.replace(&root.path().display().to_string(), "")
        };
        found.findings.iter().map(line).collect()
    }

    const WELL: &str = "rw,noatime - xfs /dev/b rw";

    #[test]
    fn a_machine_that_is_set_up_well_is_left_alone() {
        assert_eq!(machine(WELL, &[], 100), [""; 0]);
    }

    #[test]
    fn settings_of_memory_that_hurt_a_log_are_told() {
        let swap = ("proc/swaps", "Filename Type Size\n/dev/c partition 9\n");
        let thp = "sys/kernel/mm/transparent_hugepage/enabled";
        let huge = (thp, "[always] madvise never\n");
        let defrag = ("sys/kernel/mm/transparent_hugepage/defrag", "[always] defer never\n");
        let dirty = ("proc/sys/vm/dirty_bytes", "1048576\n");
        let found = machine(WELL, &[swap, huge, defrag, dirty], 0);
        expect_test::expect![[r#"
            2 this machine: the kernel swaps a broker out to keep pages of files (vm.swappiness=60, and there is swap) -> sysctl -w vm.swappiness=1
            2 this machine: a broker stalls while the kernel makes huge pages for it (transparent_hugepage: enabled=always, defrag=always) -> echo madvise > /sys/kernel/mm/transparent_hugepage/enabled
            2 this machine: appends wait for the disk: the kernel holds few unwritten bytes (vm.dirty_bytes=1048576, which is 1 MiB) -> sysctl -w vm.dirty_ratio=20"#]].assert_eq(&found.join("\n"));
        assert_eq!(machine(WELL, &[(thp, "always [madvise] never\n")], 0), [""; 0]);
    }

    #[test]
    fn too_few_open_files_are_told_with_a_number_that_fits() {
        expect_test::expect!["2 process 7: files are closed and opened again all the time (150 logs have up to 450 files open, but it may open 1024, half of them for logs) -> LimitNOFILE=4096 or ulimit -n"].assert_eq(&machine(WELL, &[], 150).join("\n"));
    }

    #[test]
    fn mounts_that_hurt_a_log_are_told() {
        let mounts = [
            "rw - tmpfs tmpfs rw",
            "rw,noatime - ext4 /dev/b rw,nobarrier",
            "rw,sync - ext4 /dev/b rw,sync",
            "rw,relatime - nfs4 server:/x rw",
        ];
        let found: Vec<String> = mounts.iter().flat_map(|it| machine(it, &[], 0)).collect();
        expect_test::expect![[r#"
            3 process 7, /data: its records are gone when the machine starts anew (/data is tmpfs) -> put log.dirs on a disk
            3 process 7, /data: a power cut can take back what was synced (/data is ext4 with nobarrier) -> mount it without that option
            2 process 7, /data: each write waits for the disk, and syncs are made of many (/data is ext4 with sync) -> mount -o remount,async /data
            1 process 7, /data: each read of a segment writes its access time (/data is ext4 without noatime or relatime) -> mount -o remount,noatime /data
            2 process 7, /data: it is on a network file system: a sync is as good as the server's word (/data is nfs4) -> put log.dirs on a disk of this machine"#]].assert_eq(&found.join("\n"));
    }

    #[test]
    fn what_cannot_be_looked_at_is_said() {
        let root = tempfile::tempdir().unwrap();
        let found = look(root.path());
        assert_eq!(
            found.unseen,
            ["vm.swappiness cannot be read", "no kq-broker runs on this machine"]
        );
        fs::create_dir_all(root.path().join("proc/7")).unwrap();
        fs::write(root.path().join("proc/7/comm"), "kq-broker\n").unwrap();
        assert!(look(root.path()).unseen.iter().any(|it| it.contains("another user's")));
    }
}
