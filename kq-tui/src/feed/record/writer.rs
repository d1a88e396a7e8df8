//! Writing a recording, while its feed is watched.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use kq_proto::monitor::v1;
use prost::Message as _;

use super::entry::{BLOCK_BYTES_MAX, Entry};
use super::{HEADER_BYTES, MAGIC, Moment, Told, VERSION};
use crate::facts::Facts;
use crate::model::FeedEvent;

/// A seek has to read no more than so much of time.
const KEY_EVERY_MS: i64 = 60_000;
/// What a block holds at most: what is lost if the process is killed.
const BLOCK_MS: i64 = 2_000;
const BLOCK_BYTES: usize = 256 << 10;
const BLOCK_MOMENTS: u16 = 1_000;
/// Fast, and a tenth of what it packs.
const LEVEL: i32 = 3;

/// A recording that is being written.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    facts: Facts,
    block: Block,
    last_ms: i64,
    keyed_ms: Option<i64>,
    /// What frames tell of; none before it is known.
    window: Option<Box<v1::Window>>,
    /// What the next frame and all that follow tell of, if that is another one.
    next_window: Option<Box<v1::Window>>,
}

/// What was not written yet.
#[derive(Debug, Default)]
struct Block {
    data: Vec<u8>,
    first_ms: i64,
    moments: u16,
    is_key: bool,
}

impl Recorder {
    /// A new file that only its owner reads. An error if there is one of that name.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend([0; 4]);
        file.write_all(&header)?;
        Ok(Self {
            file,
            facts: Facts::default(),
            block: Block::default(),
            last_ms: i64::MIN,
            keyed_ms: None,
            window: None,
            next_window: None,
        })
    }

    /// Takes in what was told at a moment, in milliseconds since 1970, by a clock that never goes back;
    /// one that does stands still here. Of a window that is looked through the next frame is the first.
    pub fn take(&mut self, event: &FeedEvent, at_ms: i64) -> io::Result<()> {
        let at_ms = at_ms.max(self.last_ms);
        self.last_ms = at_ms;
        if let FeedEvent::Looked(window) = event {
            self.next_window = Some(window.clone());
            return Ok(());
        }
        let Some(told) = Told::of(event) else { return self.flush() };
        let mut window = None;
        if let Told::Frame(frame) = &told {
            if frame.whole || self.wants_key(at_ms) {
                self.flush()?;
                self.begin_anew(frame.whole, at_ms);
            }
            self.facts.apply((**frame).clone());
            window = self.window_of(frame.whole);
        }
        let is_lost = matches!(told, Told::Lost(_));
        self.push(&Moment { at_ms, told: Some(told), is_key: false, window });
        let is_full = is_lost
            || self.block.data.len() >= BLOCK_BYTES
            || self.block.moments >= BLOCK_MOMENTS
            || at_ms.saturating_sub(self.block.first_ms) >= BLOCK_MS;
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Writes what was not written yet.
    pub fn flush(&mut self) -> io::Result<()> {
        let block = std::mem::take(&mut self.block);
        if block.moments == 0 {
            return Ok(());
        }
        let packed = zstd::bulk::compress(&block.data, LEVEL)?;
        let too_large = || io::Error::other("a frame is too large to be recorded");
        let fits = |it: &[u8]| u32::try_from(it.len()).ok().filter(|it| *it <= BLOCK_BYTES_MAX);
        let entry = Entry {
            data_crc: crc32c::crc32c(&packed),
            packed_bytes: fits(&packed).ok_or_else(too_large)?,
            unpacked_bytes: fits(&block.data).ok_or_else(too_large)?,
            first_ms: block.first_ms,
            span_ms: u32::try_from(self.last_ms.abs_diff(block.first_ms)).unwrap_or(u32::MAX),
            moments: block.moments,
            is_key: block.is_key,
        };
        let mut bytes = entry.to_bytes().to_vec();
        bytes.extend(packed);
        self.file.write_all(&bytes)
    }

    /// What stands beside a frame: the window if it is another one now. Whoever begins with a whole
    /// frame has to be told in any case.
    fn window_of(&mut self, is_whole: bool) -> Option<Box<v1::Window>> {
        let next = self.next_window.take();
        let is_due = is_whole || next.is_some();
        self.window = next.or_else(|| self.window.take());
        self.window.clone().filter(|_| is_due)
    }

    fn wants_key(&self, at_ms: i64) -> bool {
        self.keyed_ms.is_none_or(|keyed| at_ms.saturating_sub(keyed) >= KEY_EVERY_MS)
    }

    /// Begins a block that can be read without those before it.
    fn begin_anew(&mut self, is_whole: bool, at_ms: i64) {
        self.keyed_ms = Some(at_ms);
        self.block.is_key = true;
        if !is_whole && self.facts.now_ms.is_some() {
            // What comes with the next frame is told by that, not by this one.
            let told = Some(Told::Frame(Box::new(self.facts.whole_frame())));
            self.push(&Moment { at_ms, told, is_key: true, window: self.window.clone() });
        }
    }

    fn push(&mut self, moment: &Moment) {
        if self.block.moments == 0 {
            self.block.first_ms = moment.at_ms;
        }
        self.block.data.extend(moment.encode_length_delimited_to_vec());
        self.block.moments = self.block.moments.saturating_add(1);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Whoever has to know whether it was written calls it before.
        let _ = self.flush();
    }
}
