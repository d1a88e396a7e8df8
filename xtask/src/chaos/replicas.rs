//! D4: the logs of all replicas of a partition, byte for byte, up to the high watermark.
//!
//! Segments may begin at different offsets on different brokers, so batches are compared, in
//! order, whatever file they lie in.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// What stands before the part of a batch that its length counts.
const HEAD_BYTES: usize = 12;

/// Where the number of its records less one stands, behind the head.
const LAST_OFFSET_DELTA: std::ops::Range<usize> = 11..15;

/// No batch is larger.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// One batch as it lies on disk.
#[derive(Debug, PartialEq, Eq)]
struct Batch {
    base: u64,
    next: u64,
    bytes: Vec<u8>,
}

/// The batches of one replica, over all its segments.
struct Replica {
    dir: PathBuf,
    /// Segments that are still to be read, the next one last.
    segments: Vec<PathBuf>,
    open: Option<BufReader<File>>,
}

impl Replica {
    /// The replica of a partition below a broker's data directory.
    fn open(data_dir: &Path, topic: &str, partition: i32) -> Result<Self> {
        let logs = data_dir.join("logs");
        let prefix = format!("{topic}-{partition}.");
        let entries =
            fs::read_dir(&logs).with_context(|| format!("cannot read {}", logs.display()));
        let dirs: Vec<PathBuf> = entries?
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .map(|entry| entry.path())
            .collect();
        let [dir] = dirs.as_slice() else {
            bail!("{} folders of {topic}-{partition} in {}", dirs.len(), logs.display());
        };
        let mut segments: Vec<PathBuf> = fs::read_dir(dir)?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "log"))
            .collect();
        segments.sort();
        segments.reverse();
        Ok(Self { dir: dir.clone(), segments, open: None })
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            if let Some(file) = &mut self.open
                && let Some(batch) =
                    read_batch(file).with_context(|| format!("in {}", self.dir.display()))?
            {
                return Ok(Some(batch));
            }
            let Some(path) = self.segments.pop() else { return Ok(None) };
            let file =
                File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
            self.open = Some(BufReader::new(file));
        }
    }
}

/// The next batch of a segment; none at its end.
fn read_batch(file: &mut impl Read) -> Result<Option<Batch>> {
    let mut head = [0; HEAD_BYTES];
    match file.read_exact(&mut head) {
        Ok(()) => {}
        Err(fault) if fault.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(fault) => return Err(fault.into()),
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let (base, length) = head.split_at(8);
    let (base, length) = (number(base), usize::try_from(number(length))?);
    ensure!(length <= BATCH_BYTES_MAX, "a batch of {length} bytes at offset {base}");
    let mut bytes = head.to_vec();
    bytes.resize(HEAD_BYTES + length, 0);
    let body = bytes.get_mut(HEAD_BYTES..).unwrap_or_default();
    file.read_exact(body).context("a segment ends inside a batch")?;
    let delta = body.get(LAST_OFFSET_DELTA).context("a batch too short for its header")?;
    let next = base + number(delta) + 1;
    Ok(Some(Batch { base, next, bytes }))
}

/// Compares the replicas of a partition on stopped brokers; how many bytes are equal.
pub(super) fn compare(
    data_dirs: &[&Path],
    topic: &str,
    partition: i32,
    high_watermark: u64,
) -> Result<u64> {
    let mut replicas: Vec<Replica> =
        data_dirs.iter().map(|dir| Replica::open(dir, topic, partition)).collect::<Result<_>>()?;
    let (mut at, mut equal) = (0, 0);
    while at < high_watermark {
        let mut batches = Vec::new();
        for replica in &mut replicas {
            let batch = replica.next()?.with_context(|| {
                format!(
                    "D4: {} ends at {at}, below the high watermark {high_watermark}",
                    replica.dir.display()
                )
            })?;
            batches.push(batch);
        }
        let Some((first, others)) = batches.split_first() else { break };
        for (other, replica) in others.iter().zip(replicas.iter().skip(1)) {
            if first != other {
                bail!(
                    "D4: {topic}-{partition}: {} has offsets {}..{}, {} has {}..{}, or other \
                     bytes",
                    replicas.first().map(|it| it.dir.display()).context("no replicas")?,
                    first.base,
                    first.next,
                    replica.dir.display(),
                    other.base,
                    other.next
                );
            }
        }
        equal += first.bytes.len() as u64;
        at = first.next;
    }
    Ok(equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(base: u64, records: u32, filler: u8) -> Vec<u8> {
        let mut body = vec![0; 11];
        body.extend((records - 1).to_be_bytes());
        body.extend([filler; 9]);
        let length = u32::try_from(body.len()).unwrap();
        [base.to_be_bytes().to_vec(), length.to_be_bytes().to_vec(), body].concat()
    }

    /// A data directory with one partition, its segments named by their first offsets.
    fn broker(segments: &[(u64, Vec<Vec<u8>>)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("logs/t-0.abc");
        fs::create_dir_all(&dir).unwrap();
        for (base, batches) in segments {
            fs::write(dir.join(format!("{base:020}.log")), batches.concat()).unwrap();
        }
        home
    }

    fn compared(brokers: &[&tempfile::TempDir], high_watermark: u64) -> Result<u64, String> {
        let dirs: Vec<&Path> = brokers.iter().map(|it| it.path()).collect();
        compare(&dirs, "t", 0, high_watermark).map_err(|fault| format!("{fault:#}"))
    }

    #[test]
    fn equal_logs_may_have_other_segments() {
        let (a, b) = (batch(0, 3, 1), batch(3, 1, 2));
        let one = broker(&[(0, vec![a.clone(), b.clone()])]);
        let two = broker(&[(0, vec![a.clone()]), (3, vec![b.clone()])]);
        assert_eq!(compared(&[&one, &two], 4), Ok((a.len() + b.len()) as u64));
    }

    #[test]
    fn another_byte_below_the_high_watermark_is_found() {
        let one = broker(&[(0, vec![batch(0, 3, 1), batch(3, 1, 2)])]);
        let two = broker(&[(0, vec![batch(0, 3, 1), batch(3, 1, 9)])]);
        assert!(compared(&[&one, &two], 4).unwrap_err().contains("D4"));
        assert!(compared(&[&one, &two], 3).is_ok());
    }

    #[test]
    fn a_log_that_ends_too_early_is_found() {
        let one = broker(&[(0, vec![batch(0, 3, 1), batch(3, 1, 2)])]);
        let two = broker(&[(0, vec![batch(0, 3, 1)])]);
        assert!(compared(&[&one, &two], 4).unwrap_err().contains("ends at 3"));
    }
}
