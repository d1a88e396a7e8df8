//! What reached the monitor, written down, so that a fault can be seen again: a session is the list of
//! its events. After each drawing the checksum of what was drawn follows, so that a replay tells
//! where it differs.
//!
//! ```text
//! file = "KQTUITRC", u32 format | item | item | ..
//! item = u32 length | u32 CRC-32C | protobuf
//! ```

mod item;
mod reader;

#[cfg(test)]
mod trace_test;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message as _;
use ratatui::buffer::Buffer;

pub use item::Item;
pub use reader::{Replayed, read, replay};

use crate::model::Event;

const MAGIC: &[u8; 8] = b"KQTUITRC";
const VERSION: u32 = 1;

/// Nobody who has to end waits longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// A file that events are written to. Cheap to clone: whoever brings it to its end has one too.
#[derive(Debug, Clone)]
pub struct Trace {
    /// None once it could not be written.
    file: Arc<Mutex<Option<BufWriter<File>>>>,
}

impl Trace {
    /// A new file that only its owner reads. An error if there is one of that name.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut file = BufWriter::new(file);
        file.write_all(MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        Ok(Self { file: Arc::new(Mutex::new(Some(file))) })
    }

    /// Writes an event down.
    pub fn event(&mut self, event: &Event) {
        self.put(&Item::of(event));
    }

    /// Writes down what was drawn. What was written so far is on its way to the disk then.
    pub fn drawn(&mut self, buffer: &Buffer) {
        self.put(&Item::drawn(checksum(buffer)));
        write_out(&mut self.file.lock());
    }

    /// Writes what was not written yet, if that needs no waiting.
    pub fn flush(&self) {
        if let Some(mut file) = self.file.try_lock_for(PATIENCE) {
            write_out(&mut file);
        }
    }

    fn put(&mut self, item: &Item) {
        let mut kept = self.file.lock();
        let Some(file) = kept.as_mut() else { return };
        let data = item.encode_to_vec();
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(crc32c::crc32c(&data).to_le_bytes());
        bytes.extend(data);
        // A full disk ends the trace, never the watching.
        if file.write_all(&bytes).is_err() {
            *kept = None;
        }
    }
}

fn write_out(file: &mut Option<BufWriter<File>>) {
    if file.as_mut().is_some_and(|it| it.flush().is_err()) {
        *file = None;
    }
}

/// Of all that can be seen: characters, colours, attributes.
pub fn checksum(buffer: &Buffer) -> u32 {
    crc32c::crc32c(&super::encode::difference(None, buffer))
}
