//! The forms of the protocol by example: frames, headers, varints, tags, holes, versions.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use expect_test::{Expect, expect};

use super::*;
use crate::kafka::messages::{
    ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, FetchRequest, FetchResponse,
    MetadataRequest, ProduceResponse,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[track_caller]
fn refused<T: std::fmt::Debug>(got: Result<T, DecodeError>, want: Expect) {
    want.assert_eq(&got.unwrap_err().to_string());
}

#[test]
fn frame_lengths_outside_the_limit_are_refused() {
    assert_eq!(frame_length(100i32.to_be_bytes(), 100), Ok(100));
    assert_eq!(
        frame_length(101i32.to_be_bytes(), 100),
        Err(FrameError::TooLarge { length: 101, max: 100 })
    );
    assert_eq!(frame_length([0; 4], 100), Err(FrameError::Empty));
    assert_eq!(frame_length([0xff; 4], 100), Err(FrameError::Negative(-1)));
}

#[test]
fn varints_round_trip_at_every_width() {
    for value in [0, 1, 127, 128, 16_383, 16_384, 1 << 21, (1 << 28) - 1, 1 << 28, u32::MAX] {
        let mut writer = Writer::new();
        writer.unsigned_varint(value);
        let bytes = writer.into_bytes().unwrap();
        assert_eq!(Reader::new(&bytes).unsigned_varint(), Ok(value));
    }
}

#[test]
fn padded_and_over_long_varints_are_refused() {
    for bytes in [&[0x80, 0x00][..], &[0xff, 0xff, 0xff, 0xff, 0x1f], &[0x80; 6]] {
        let bytes = Bytes::copy_from_slice(bytes);
        assert_eq!(Reader::new(&bytes).unsigned_varint(), Err(Malformed::Varint.into()));
    }
}

#[test]
fn a_flexible_request_header_ends_with_tags() {
    let body = ApiVersionsRequest {
        client_software_name: Str::from_static("kq"),
        client_software_version: Str::from_static("1"),
    };
    let client = Str::from_static("me");
    let frame = request_frame(7, 3, Some(&client), &body).unwrap().into_bytes().unwrap();
    expect!["00000013001200030000000700026d6500036b71023100"].assert_eq(&hex(&frame));
}

#[test]
fn the_response_to_api_versions_never_has_header_tags() {
    let body = ApiVersionsResponse::default();
    let frame = response_frame::<ApiVersionsRequest>(9, 3, &body).unwrap().into_bytes().unwrap();
    assert_eq!(hex(&frame[..8]), "0000000c00000009");
    let mut reader = Reader::new(&frame);
    reader.int32().unwrap();
    let header = ResponseHeader::parse(&mut reader, ApiKey::ApiVersions, 3).unwrap();
    assert_eq!(header.correlation_id, 9);
    assert_eq!(ApiVersionsResponse::decode(&mut reader, 3), Ok(body));
}

#[test]
fn headers_of_unknown_apis_are_named() {
    let bytes = Bytes::from_static(&[0x7f, 0, 0, 1, 0, 0, 0, 1, 0, 0]);
    let error = RequestHeader::parse(&mut Reader::new(&bytes)).unwrap_err();
    assert_eq!(error.to_string(), "API key 32512 (version 1) does not exist");
}

#[test]
fn request_headers_round_trip() {
    for (api_key, api_version) in [(ApiKey::Fetch, 11), (ApiKey::Fetch, 12)] {
        for client_id in [None, Some(Str::from_static("c"))] {
            let header = RequestHeader { api_key, api_version, correlation_id: -5, client_id };
            let mut writer = Writer::new();
            header.encode(&mut writer).unwrap();
            let bytes = writer.into_bytes().unwrap();
            let mut reader = Reader::new(&bytes);
            assert_eq!(RequestHeader::parse(&mut reader), Ok(header));
            reader.finish().unwrap();
        }
    }
}

#[test]
fn tags_must_ascend_and_fill_their_size() {
    let tags = |bytes: &'static [u8]| {
        Reader::new(&Bytes::from_static(bytes)).tagged(|tag, r| {
            if tag == 0 {
                r.int8()?;
            }
            Ok(tag == 0)
        })
    };
    tags(&[2, 0, 1, 5, 9, 2, 0xaa, 0xbb]).unwrap();
    refused(tags(&[2, 9, 0, 9, 0]), expect!["tag 9 repeats or is out of order"]);
    refused(tags(&[2, 9, 0, 3, 0]), expect!["tag 3 repeats or is out of order"]);
    refused(tags(&[1, 0, 2, 5, 5]), expect!["1 bytes follow the end"]);
    refused(tags(&[1, 9, 7, 1]), expect!["7 bytes are needed and 1 are left"]);
}

#[test]
fn null_and_bad_text_name_their_field() {
    // Fetch 4 with one topic whose name is null, then not UTF-8.
    let head = [0u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let fetch = |tail: &[u8]| {
        let body = Bytes::from([&head[..], tail, &[0; 8]].concat());
        FetchRequest::decode_all(&body, 4)
    };
    refused(
        fetch(&[0xff, 0xff]),
        expect!["reading FetchTopic.topic: null where a value is required"],
    );
    refused(fetch(&[0, 1, 0xff]), expect!["reading FetchTopic.topic: text is not UTF-8"]);
    refused(fetch(&[0xff, 0xfe]), expect!["reading FetchTopic.topic: negative length -2"]);
}

#[test]
fn versions_outside_the_range_are_refused_both_ways() {
    let body = Bytes::new();
    refused(FetchRequest::decode_all(&body, 3), expect!["version 3 does not exist"]);
    let written = FetchRequest::default().encode(&mut Writer::new(), 99);
    assert_eq!(written, Err(EncodeError::Version(99)));
}

#[test]
fn a_set_field_that_the_version_lacks_is_refused_unless_ignorable() {
    let mut request = FetchRequest { session_id: 5, ..FetchRequest::default() };
    request.encode(&mut Writer::new(), 4).unwrap();
    request.forgotten_topics_data = vec![messages::fetch::ForgottenTopic::default()];
    let error = request.encode(&mut Writer::new(), 4).unwrap_err();
    assert_eq!(
        error.to_string(),
        "FetchRequest.forgotten_topics_data is set, and version 4 lacks it"
    );
}

#[test]
fn defaults_are_kafkas() {
    let request = FetchRequest::default();
    assert_eq!((request.max_bytes, request.session_epoch), (i32::MAX, -1));
    assert_eq!(MetadataRequest::default().topics, Some(Vec::new()));
    assert_eq!(CreateTopicsRequest::default().timeout_ms, 60_000);
}

#[test]
fn long_tagged_values_get_a_size_of_two_bytes() {
    let endpoint = messages::produce::NodeEndpoint {
        host: Str::from("h".repeat(300)),
        ..messages::produce::NodeEndpoint::default()
    };
    let response = ProduceResponse { node_endpoints: vec![endpoint], ..ProduceResponse::default() };
    let mut writer = Writer::new();
    response.encode(&mut writer, 10).unwrap();
    let bytes = writer.into_bytes().unwrap();
    assert_eq!(ProduceResponse::decode_all(&bytes, 10), Ok(response));
}

#[test]
fn records_leave_holes_that_rejoin_to_the_inline_frame() {
    let blobs = [Bytes::from_static(b"first"), Bytes::from_static(b"the second one")];
    let response = |records: &dyn Fn(usize) -> Records| FetchResponse {
        responses: vec![messages::fetch::FetchableTopicResponse {
            partitions: (0..2)
                .map(|index| messages::fetch::PartitionData {
                    records: Some(records(index)),
                    ..messages::fetch::PartitionData::default()
                })
                .collect(),
            ..messages::fetch::FetchableTopicResponse::default()
        }],
        ..FetchResponse::default()
    };
    let inline = response(&|index| Records::Inline(blobs[index].clone()));
    let holes = response(&|index| Records::Hole { index, length: blobs[index].len() });
    for version in [4, 11, 12, 17] {
        let whole = response_frame::<FetchRequest>(1, version, &inline).unwrap();
        let parts = response_frame::<FetchRequest>(1, version, &holes).unwrap();
        let parts = parts.into_parts().unwrap();
        assert_eq!(parts.iter().filter(|it| matches!(it, Part::Records(_))).count(), 2);
        let mut rejoined = BytesMut::new();
        for part in parts {
            match part {
                Part::Buffer(bytes) => rejoined.extend_from_slice(&bytes),
                Part::Records(index) => rejoined.extend_from_slice(&blobs[index]),
            }
        }
        assert_eq!(rejoined.freeze(), whole.into_bytes().unwrap());
    }
}

#[test]
fn decoded_records_share_the_memory_of_their_frame() {
    let response = FetchResponse {
        responses: vec![messages::fetch::FetchableTopicResponse {
            partitions: vec![messages::fetch::PartitionData {
                records: Some(Records::Inline(Bytes::from_static(b"batch"))),
                ..messages::fetch::PartitionData::default()
            }],
            ..messages::fetch::FetchableTopicResponse::default()
        }],
        ..FetchResponse::default()
    };
    let mut writer = Writer::new();
    response.encode(&mut writer, 12).unwrap();
    let bytes = writer.into_bytes().unwrap();
    let read = FetchResponse::decode_all(&bytes, 12).unwrap();
    let records = read.responses[0].partitions[0].records.clone().unwrap();
    let records = records.into_bytes().unwrap();
    assert!(bytes.as_ptr_range().contains(&records.as_ptr()));
}

#[test]
fn tables_and_headers_agree_on_flexible_versions() {
    for shape in API_SHAPES {
        assert_eq!(shape.flexible_from, shape.key.flexible_from(), "{}", shape.key);
    }
}

#[test]
fn unknown_error_codes_read_as_unknown_server_error() {
    assert_eq!(ErrorCode::from_code(9999), ErrorCode::UnknownServerError);
    for &code in ErrorCode::ALL {
        assert_eq!(ErrorCode::from_code(code.code()), code);
    }
    assert!(ErrorCode::NotLeaderOrFollower.is_retriable());
    assert!(!ErrorCode::MessageTooLarge.is_retriable());
}
