//! Reading a trace, and going through it again.

use std::fs;
use std::io;
use std::path::Path;

use prost::Message as _;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Item, MAGIC, VERSION, checksum};
use crate::model::Event;
use crate::shell::app::App;

/// How a trace went the second time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events.
    pub events: usize,
    /// Drawings.
    pub drawings: usize,
    /// The first drawing that differs from the first time, counted from 1.
    pub differs_at: Option<usize>,
}

/// The items of a trace; of one that was cut, those before the cut.
pub fn read(path: &Path) -> io::Result<Vec<Item>> {
    let bytes = fs::read(path)?;
    let foreign = || io::Error::other("it is no trace of this version of kq-tui");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(foreign)?;
    let mut rest = rest.strip_prefix(&VERSION.to_le_bytes()).ok_or_else(foreign)?;
    let mut items = Vec::new();
    while let Some((item, after)) = next(rest) {
        items.push(item);
        rest = after;
    }
    Ok(items)
}

fn next(bytes: &[u8]) -> Option<(Item, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (crc, rest) = rest.split_first_chunk()?;
    let (data, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    if crc32c::crc32c(data) != u32::from_le_bytes(*crc) {
        return None;
    }
    Some((Item::decode(data).ok()?, rest))
}

/// Goes through all of it again and compares each drawing.
pub fn replay(items: Vec<Item>, app: &mut impl App) -> Replayed {
    let mut replayed = Replayed::default();
    let mut size = Rect::default();
    for event in items.into_iter().filter_map(Item::into_event) {
        match event {
            Ok(event) => {
                replayed.events += 1;
                if let Event::Resize { columns, rows } = event {
                    size = Rect::new(0, 0, columns, rows);
                }
                // What it wants done was done then.
                drop(app.update(event));
            }
            Err(was) => {
                replayed.drawings += 1;
                let mut buffer = Buffer::empty(size);
                drop(app.draw(&mut buffer));
                if checksum(&buffer) != was && replayed.differs_at.is_none() {
                    replayed.differs_at = Some(replayed.drawings);
                }
            }
        }
    }
    replayed
}
