//! The minutes that this broker keeps of itself: counted at the end of each, held in memory, and
//! written behind one another into a file, so that a restart finds them again.
//!
//! Nothing waits for that file, and nothing fails by it: what could not be written or read is a
//! shorter history.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kq_proto::monitor::v1::Curves;
use kq_storage::TimestampMs;
use kq_storage::vfs::{OpenMode, Vfs};
use parking_lot::Mutex;

use super::{Groups, Node, TopicCounts};
use crate::env;
use crate::monitor::minutes_file::{self, Names};
use crate::monitor::{GroupMinute, Minute, Minutes, MinutesAsked};

const FILE: &str = "minutes";
const MINUTE_MS: i64 = 60_000;
/// Before 2020 no clock of a broker was right: such minutes would take the place of true ones.
const BELIEVED_FROM_MS: i64 = 1_577_836_800_000;
/// Two looks that are further apart did not count one minute.
const LOOKS_APART_MAX: Duration = Duration::from_secs(75);

/// The kept minutes and their file.
#[derive(Debug)]
pub struct MinuteBook {
    fs: Arc<dyn Vfs>,
    path: PathBuf,
    /// The longest that the file gets before it is written anew.
    file_bytes_max: u64,
    /// Never held while a file is read or written: whoever asks waits for no disk.
    minutes: Mutex<Minutes>,
    written: Mutex<Written>,
}

/// How far the file goes.
#[derive(Debug, Default)]
struct Written {
    names: Names,
    /// Where the next minute goes; none if the file has to be written anew.
    end: Option<u64>,
}

impl MinuteBook {
    /// What the directory holds, and room for so many bytes in memory.
    pub fn open(fs: Arc<dyn Vfs>, dir: &Path, bytes_max: usize) -> Self {
        let path = dir.join(FILE);
        let file_bytes_max = 2 * bytes_max as u64;
        let (mut minutes, mut written) = (Minutes::new(bytes_max), Written::default());
        match read(fs.as_ref(), &path, 2 * file_bytes_max) {
            Ok(bytes) => {
                let found = minutes_file::read(&bytes);
                for minute in &found.minutes {
                    minutes.push(minute);
                }
                let end = Some(found.bytes).filter(|it| *it > 0);
                written = Written { names: found.names, end };
            }
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => {
                tracing::warn!(path = %path.display(), error = %err, "kept minutes are not read");
            }
        }
        let (minutes, written) = (Mutex::new(minutes), Mutex::new(written));
        Self { fs, path, file_bytes_max, minutes, written }
    }

    /// Keeps one more minute. Writes to a file: it may block.
    pub fn add(&self, minute: &Minute) {
        let mut written = self.written.lock();
        if !self.minutes.lock().push(minute) {
            return;
        }
        let end = match written.end.filter(|end| *end < self.file_bytes_max) {
            Some(end) => self.append(&mut written, minute, end),
            None => self.rewrite(&mut written),
        };
        match end {
            Ok(end) => written.end = Some(end),
            Err(err) => {
                tracing::debug!(path = %self.path.display(), error = %err, "a minute is not kept");
                written.end = None;
            }
        }
    }

    fn append(&self, written: &mut Written, minute: &Minute, end: u64) -> io::Result<u64> {
        let bytes = minutes_file::frame(minute, &mut written.names);
        let file = self.fs.open(&self.path, OpenMode::CreateOrOpen)?;
        file.write_all_at(&bytes, end)?;
        let end = end + bytes.len() as u64;
        // Behind it may stand what could not be read.
        if file.len()? > end {
            file.truncate(end)?;
        }
        Ok(end)
    }

    /// Writes what is kept now under another name, which then takes the place of the file.
    fn rewrite(&self, written: &mut Written) -> io::Result<u64> {
        written.names = Names::default();
        let mut bytes = minutes_file::header();
        let all = self.minutes.lock().all();
        for minute in &all {
            bytes.extend(minutes_file::frame(minute, &mut written.names));
        }
        let new = self.path.with_extension("new");
        let replaced = self.replace(&new, &bytes);
        if replaced.is_err() {
            // The next minute tries again; until then it takes no room.
            let _ = self.fs.remove_file(&new);
        }
        replaced.map(|()| bytes.len() as u64)
    }

    fn replace(&self, new: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = self.fs.open(new, OpenMode::CreateOrOpen)?;
        file.truncate(0)?;
        file.write_all_at(bytes, 0)?;
        self.fs.rename(new, &self.path)
    }

    /// This broker's share of the curves.
    pub fn curves(&self, asked: &MinutesAsked) -> Curves {
        self.minutes.lock().curves(asked)
    }

    /// The end of the newest minute in which this broker knew a controller.
    pub fn known_until(&self) -> Option<TimestampMs> {
        let minute = self.minutes.lock().newest_led()?;
        Some(TimestampMs((i64::from(minute) + 1) * MINUTE_MS))
    }
}

fn read(fs: &dyn Vfs, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = fs.open(path, OpenMode::Read)?;
    let bytes = usize::try_from(file.len()?.min(bytes_max)).unwrap_or(usize::MAX);
    let mut all = vec![0; bytes];
    file.read_exact_at(&mut all, 0)?;
    Ok(all)
}

/// Counts each minute at its end, until the broker stops.
pub(crate) async fn run(node: Arc<Node>, groups: Arc<Groups>) {
    let mut last: Option<(Duration, TopicCounts)> = None;
    loop {
        let into = node.clock.now().0.rem_euclid(MINUTE_MS);
        let wait = Duration::from_millis(u64::try_from(MINUTE_MS - into).unwrap_or(0));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = node.stopping.cancelled() => return,
        }
        let (at, counts) = (node.clock.elapsed(), total(&node));
        let before = last.replace((at, counts));
        let whole = |(was, _): &(Duration, TopicCounts)| at.saturating_sub(*was) < LOOKS_APART_MAX;
        let Some((_, before)) = before.filter(whole) else { continue };
        if node.clock.now().0 < BELIEVED_FROM_MS {
            continue;
        }
        let counted = count(&node, &groups, (before, counts));
        let book = Arc::clone(&node.minutes);
        // A process whose threads are gone counts no more.
        if env::spawn_blocking(move || book.add(&counted)).await.is_err() {
            return;
        }
    }
}

fn total(node: &Node) -> TopicCounts {
    let meters = node.partitions.meters();
    meters.iter().fold(TopicCounts::default(), |sum, (_, it)| sum.plus(it.counts()))
}

/// The minute that has just ended.
fn count(node: &Node, groups: &Groups, (before, now): (TopicCounts, TopicCounts)) -> Minute {
    let image = node.image();
    let partitions = image.topics().flat_map(|it| it.partitions.iter());
    let under_replicated = partitions.filter(|it| it.is_under_replicated()).count();
    let lags = groups.lags();
    // Of a group whose lag is known in part only, a sum would be a guess.
    let known = lags.iter().filter(|it| it.summary.partial_count == 0);
    let group = |it: &crate::group::GroupLag| GroupMinute {
        group: it.group.as_str().into(),
        lag: it.summary.lag,
        members: u32::try_from(it.member_count).unwrap_or(u32::MAX),
    };
    let ended = node.clock.now().0.saturating_sub(MINUTE_MS / 2).div_euclid(MINUTE_MS);
    Minute {
        minute: u32::try_from(ended).unwrap_or(0),
        bytes_in: now.bytes_in.saturating_sub(before.bytes_in),
        bytes_out: now.bytes_out.saturating_sub(before.bytes_out),
        under_replicated: u32::try_from(under_replicated).unwrap_or(u32::MAX),
        led: node.silence().is_none() && image.controller().is_some(),
        groups: known.map(group).collect(),
    }
}

#[cfg(test)]
mod tests {
    use kq_storage::sim::SimDisk;

    use super::*;

    fn minute(at: u32) -> Minute {
        let groups = vec![GroupMinute { group: "g".into(), lag: at.into(), members: 1 }];
        Minute { minute: at, bytes_in: 5, led: true, groups, ..Minute::default() }
    }

    fn told(book: &MinuteBook) -> (Vec<u32>, Vec<u64>) {
        let asked = MinutesAsked { from: 0, until: u32::MAX, groups: vec!["g".to_owned()] };
        let curves = book.curves(&asked);
        (curves.minutes, curves.groups.into_iter().flat_map(|it| it.lag).collect())
    }

    #[test]
    fn minutes_survive_a_restart_and_a_cut_file() {
        let disk: Arc<dyn Vfs> = Arc::new(SimDisk::new(1));
        let dir = Path::new("/data");
        disk.create_dir_all(dir).unwrap();
        let open = || MinuteBook::open(Arc::clone(&disk), dir, 1 << 20);
        let book = open();
        (1..=3).for_each(|at| book.add(&minute(at)));
        let book = open();
        assert_eq!(told(&book), (vec![1, 2, 3], vec![1, 2, 3]));
        assert_eq!(book.known_until(), Some(TimestampMs(4 * MINUTE_MS)));
        book.add(&minute(4));
        let file = disk.open(&dir.join(FILE), OpenMode::ReadWrite).unwrap();
        file.truncate(file.len().unwrap() - 1).unwrap();
        let book = open();
        assert_eq!(told(&book).0, [1, 2, 3]);
        book.add(&minute(6));
        assert_eq!(told(&open()), (vec![1, 2, 3, 6], vec![1, 2, 3, 6]));
    }

    #[test]
    fn a_file_of_minutes_stays_bounded() {
        let disk: Arc<dyn Vfs> = Arc::new(SimDisk::new(1));
        let dir = Path::new("/data");
        disk.create_dir_all(dir).unwrap();
        let book = MinuteBook::open(Arc::clone(&disk), dir, 2_048);
        for at in 1..2_000 {
            book.add(&minute(at));
            let file = disk.open(&dir.join(FILE), OpenMode::Read).unwrap();
            assert!(file.len().unwrap() < 4_200);
        }
        assert_eq!(told(&book), told(&MinuteBook::open(Arc::clone(&disk), dir, 2_048)));
    }

    #[test]
    fn a_file_of_somebody_else_is_replaced() {
        let disk: Arc<dyn Vfs> = Arc::new(SimDisk::new(1));
        let dir = Path::new("/data");
        disk.create_dir_all(dir).unwrap();
        let file = disk.open(&dir.join(FILE), OpenMode::CreateOrOpen).unwrap();
        file.write_all_at(b"none of ours", 0).unwrap();
        let book = MinuteBook::open(Arc::clone(&disk), dir, 4_096);
        assert_eq!(told(&book).0, [0_u32; 0]);
        book.add(&minute(9));
        assert_eq!(told(&MinuteBook::open(disk, dir, 4_096)).0, [9]);
    }
}
