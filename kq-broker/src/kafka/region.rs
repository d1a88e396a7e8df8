//! Record batches where they lie in a log file, and whether the page cache has them.

use std::io;

use bytes::{Bytes, BytesMut};
use rustix::io::{Errno, ReadWriteFlags};

pub use crate::runtime::FileRegion as Region;

/// A region's stretch that is asked after in one go, and then sent.
const STRETCH_BYTES: usize = 1 << 20;
/// Distance of the bytes that are asked after; read-ahead makes what lies between all but certain.
const PROBE_BYTES: usize = 256 << 10;
/// Read at once while a stretch is brought into the page cache.
const WARM_BYTES: usize = 64 << 10;

/// Reads the first `len` bytes of a region. May wait for the disk.
pub fn copy(region: &Region, len: usize) -> io::Result<Bytes> {
    let mut bytes = BytesMut::zeroed(len.min(region.len));
    region.file.read_exact_at(&mut bytes, region.position)?;
    Ok(bytes.freeze())
}

/// Reads a whole region out of the page cache; none if some of it is not there.
pub fn copy_cached(region: &Region) -> io::Result<Option<Bytes>> {
    let Some(file) = region.file.as_fd() else { return copy(region, region.len).map(Some) };
    let mut bytes = BytesMut::zeroed(region.len);
    let mut slices = [io::IoSliceMut::new(&mut bytes)];
    match rustix::io::preadv2(file, &mut slices, region.position, ReadWriteFlags::NOWAIT) {
        Ok(read) if read == region.len => Ok(Some(bytes.freeze())),
        Ok(_) | Err(Errno::AGAIN) => Ok(None),
        // A file system that cannot tell is read as it is.
        Err(Errno::OPNOTSUPP) => copy(region, region.len).map(Some),
        Err(error) => Err(error.into()),
    }
}

/// The part of a region that [`is_cached`] and [`warm`] speak of.
pub fn stretch(region: &Region) -> Region {
    Region { len: region.len.min(STRETCH_BYTES), ..region.clone() }
}

/// Whether a stretch can be sent without waiting for the disk.
pub fn is_cached(stretch: &Region) -> bool {
    let last = stretch.len.saturating_sub(1);
    let mut probes = (0..last).step_by(PROBE_BYTES).chain([last]);
    probes.all(|at| is_byte_cached(stretch, stretch.position + at as u64))
}

fn is_byte_cached(region: &Region, at: u64) -> bool {
    let Some(file) = region.file.as_fd() else { return true };
    let mut byte = [0];
    let mut slices = [io::IoSliceMut::new(&mut byte)];
    // Any other error shows itself when the bytes are sent.
    rustix::io::preadv2(file, &mut slices, at, ReadWriteFlags::NOWAIT) != Err(Errno::AGAIN)
}

/// Brings a stretch into the page cache. Blocks.
pub fn warm(region: &Region) -> io::Result<()> {
    let mut buffer = vec![0; WARM_BYTES];
    let (mut at, until) = (region.position, region.position + region.len as u64);
    while at < until {
        let read = region.file.read_at(&mut buffer, at)?;
        if read == 0 {
            break;
        }
        at += read as u64;
    }
    Ok(())
}
