//! Every response body: the first two bytes choose the API and the version.
#![no_main]

use bytes::Bytes;
use kq_proto::kafka::API_SHAPES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[api, version], body)) = data.split_first_chunk::<2>() else { return };
    let shape = &API_SHAPES[usize::from(api) % API_SHAPES.len()];
    let _ = (shape.check_response)(&Bytes::copy_from_slice(body), i16::from(version));
});
