//! A frame lent out to the codec and taken back whole, to be patched in place.
//!
//! The codec reads shared bytes. A produce request's records must become writable again without a
//! copy, so the frame goes into the shared bytes as their owner, and its owner's end brings it back
//! as soon as the last slice of it is gone.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

/// The place that a lent frame comes back to.
#[derive(Debug, Clone, Default)]
pub struct Lent(Arc<Mutex<Option<BytesMut>>>);

struct Owner {
    frame: BytesMut,
    home: Lent,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        *self.home.0.lock() = Some(std::mem::take(&mut self.frame));
    }
}

/// Lends a frame.
pub fn lend(frame: BytesMut) -> (Bytes, Lent) {
    let home = Lent::default();
    (Bytes::from_owner(Owner { frame, home: home.clone() }), home)
}

impl Lent {
    /// Takes the frame back in exchange for the last handle to it; none if a slice is still alive.
    pub fn take_back(self, whole: Bytes) -> Option<BytesMut> {
        drop(whole);
        self.0.lock().take()
    }
}

/// Where a slice lies in the whole that it was cut from.
pub fn range_in(whole: &Bytes, slice: &Bytes) -> Range<usize> {
    let start = (slice.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + slice.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_without_a_copy() {
        let frame = BytesMut::from(&b"header records tail"[..]);
        let address = frame.as_ptr();
        let (whole, lent) = lend(frame);
        let records = whole.slice(7..14);
        let range = range_in(&whole, &records);
        assert_eq!(range, 7..14);
        drop(records);
        let mut back = lent.take_back(whole).unwrap();
        assert_eq!(back.as_ptr(), address);
        assert_eq!(&back.split_off(7)[..7], b"records");
    }

    #[test]
    fn a_slice_that_lives_on_keeps_the_frame() {
        let (whole, lent) = lend(BytesMut::from(&b"abc"[..]));
        let kept = whole.slice(0..1);
        assert_eq!(lent.take_back(whole), None);
        assert_eq!(&kept[..], b"a");
    }
}
