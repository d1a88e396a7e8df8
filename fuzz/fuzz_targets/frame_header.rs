//! A frame's length and the request header behind it.
#![no_main]

use bytes::Bytes;
use kq_proto::kafka::{FRAME_PREFIX_BYTES, Reader, RequestHeader, Writer, frame_length};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((prefix, rest)) = data.split_first_chunk::<FRAME_PREFIX_BYTES>() else { return };
    let _ = frame_length(*prefix, 1 << 20);
    let bytes = Bytes::copy_from_slice(rest);
    let mut reader = Reader::new(&bytes);
    if let Ok(header) = RequestHeader::parse(&mut reader) {
        header.encode(&mut Writer::new()).expect("a header that was read can be written");
    }
});
