//! Hostile bytes: no decoder panics, and none allocates by more than the bytes that are there.

#![expect(unsafe_code, reason = "counting allocations takes a global allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Debug;

use bytes::Bytes;

use super::catalogue::API_SHAPES;
use super::field::Form;
use super::frame::frame_length;
use super::header::RequestHeader;
use super::message::{Message, Request};
use super::messages::{FetchRequest, JoinGroupRequest, MetadataResponse, ProduceRequest};
use super::reader::Reader;
use super::sample::{Dice, Sample};
use super::writer::Writer;

thread_local! {
    static IN_USE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// Counts, per thread, the bytes in use and their peak.
struct Counting;

fn took(bytes: usize) {
    let in_use = IN_USE.get().saturating_add(bytes);
    IN_USE.set(in_use);
    PEAK.set(PEAK.get().max(in_use));
}

fn gave(bytes: usize) {
    IN_USE.set(IN_USE.get().saturating_sub(bytes));
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as this function's own contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: as this function's own contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most that reading a body may have in use, by its length.
fn allowance(length: usize) -> usize {
    64 * length + 4096
}

/// Runs one decoder and checks what it had in use at its peak.
fn bounded(what: &str, body: &Bytes, decode: impl FnOnce(&Bytes)) {
    let before = IN_USE.get();
    PEAK.set(before);
    decode(body);
    let used = PEAK.get() - before;
    let allowed = allowance(body.len());
    assert!(used <= allowed, "{what}: {used} bytes in use for {}: {body:02x?}", body.len());
}

fn throw_at_every_decoder(body: &Bytes) {
    for shape in API_SHAPES {
        for version in shape.versions.clone() {
            let name = shape.key.name();
            bounded(name, body, |body| _ = (shape.check_request)(body, version));
            bounded(name, body, |body| _ = (shape.check_response)(body, version));
        }
    }
    bounded("header", body, |body| drop(RequestHeader::parse(&mut Reader::new(body))));
}

#[test]
fn random_bytes_never_panic_nor_allocate_beyond_their_length() {
    let mut dice = Dice::new(7);
    for round in 0..400 {
        let length = dice.below(if round % 4 == 0 { 600 } else { 40 });
        throw_at_every_decoder(&Bytes::from(dice.bytes(length)));
    }
}

#[test]
fn repeated_small_bytes_never_allocate_beyond_their_length() {
    for byte in [0u8, 1, 2, 3, 0x7f, 0x80, 0xff] {
        for length in [1, 17, 300, 3000] {
            throw_at_every_decoder(&Bytes::from(vec![byte; length]));
        }
    }
}

#[test]
fn a_huge_claimed_count_is_refused_before_room_is_made() {
    // Produce 3: no transactional id, acks 1, timeout, then i32::MAX topics.
    let body = [&[0xff, 0xff, 0, 1, 0, 0, 0, 0][..], &i32::MAX.to_be_bytes()].concat();
    bounded("Produce", &Bytes::from(body), |body| {
        let error = ProduceRequest::decode_all(body, 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "reading ProduceRequest.topic_data: 2147483647 elements do not fit into the 0 bytes left"
        );
    });
}

fn mutate(body: &[u8], dice: &mut Dice) -> Bytes {
    let mut body = body.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(body.len() + 1);
        match dice.below(5) {
            0 => body.truncate(at),
            1 => body.insert(at, dice.bytes(1)[0]),
            2 if at < body.len() => drop(body.remove(at)),
            _ if at < body.len() => body[at] ^= 1 << dice.below(8),
            _ => body.extend(dice.bytes(3)),
        }
    }
    Bytes::from(body)
}

/// What can be read can be written, and reads the same again.
fn assert_survives_writing<M: Message + PartialEq + Debug>(message: &M, version: i16) {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    let again = writer.into_bytes().unwrap();
    assert_eq!(M::decode_all(&again, version).as_ref(), Ok(message), "{} v{version}", M::NAME);
}

fn throw_mutants<M: Message + Sample + PartialEq + Debug>() {
    for version in M::VERSIONS {
        let form = Form { version, flexible: M::is_flexible(version), nullable: false };
        for seed in 0..20 {
            let mut dice = Dice::new(seed);
            let mut writer = Writer::new();
            M::sample(&mut dice, form).encode(&mut writer, version).unwrap();
            let body = writer.into_bytes().unwrap();
            for _ in 0..20 {
                let mutant = mutate(&body, &mut dice);
                bounded(M::NAME, &mutant, |body| drop(M::decode_all(body, version)));
                if let Ok(message) = M::decode_all(&mutant, version) {
                    assert_survives_writing(&message, version);
                }
            }
        }
    }
}

macro_rules! mutants_of {
    ($($name:ident)+) => {
        fn throw_all_mutants() {
            $(
                throw_mutants::<super::messages::$name>();
                throw_mutants::<<super::messages::$name as Request>::Response>();
            )+
        }
    };
}

mutants_of! {
    ApiVersionsRequest
    MetadataRequest
    ProduceRequest
    FetchRequest
    ListOffsetsRequest
    InitProducerIdRequest
    CreateTopicsRequest
    FindCoordinatorRequest
    DescribeTopicPartitionsRequest
    DescribeClusterRequest
    OffsetForLeaderEpochRequest
    DeleteTopicsRequest
    CreatePartitionsRequest
    DescribeConfigsRequest
    AlterConfigsRequest
    IncrementalAlterConfigsRequest
    DeleteRecordsRequest
    DescribeLogDirsRequest
    AlterReplicaLogDirsRequest
    ListConfigResourcesRequest
    DescribeAclsRequest
    CreateAclsRequest
    DeleteAclsRequest
    DescribeUserScramCredentialsRequest
    AlterUserScramCredentialsRequest
    SaslHandshakeRequest
    SaslAuthenticateRequest
    AlterPartitionReassignmentsRequest
    ListPartitionReassignmentsRequest
    ElectLeadersRequest
    DescribeQuorumRequest
    DescribeProducersRequest
    DescribeTransactionsRequest
    ListTransactionsRequest
    UnregisterBrokerRequest
    UpdateFeaturesRequest
    JoinGroupRequest
    SyncGroupRequest
    HeartbeatRequest
    LeaveGroupRequest
    OffsetCommitRequest
    OffsetFetchRequest
    OffsetDeleteRequest
    ListGroupsRequest
    DescribeGroupsRequest
    DeleteGroupsRequest
    ConsumerGroupHeartbeatRequest
    ConsumerGroupDescribeRequest
    AddPartitionsToTxnRequest
    AddOffsetsToTxnRequest
    EndTxnRequest
    TxnOffsetCommitRequest
    WriteTxnMarkersRequest
}

#[test]
fn mutated_bodies_never_panic_nor_allocate_beyond_their_length() {
    throw_all_mutants();
}

#[test]
fn every_truncation_of_a_body_is_refused() {
    fn check<M: Message + Sample>() {
        for version in M::VERSIONS {
            let form = Form { version, flexible: M::is_flexible(version), nullable: false };
            let mut writer = Writer::new();
            M::sample(&mut Dice::new(3), form).encode(&mut writer, version).unwrap();
            let body = writer.into_bytes().unwrap();
            for length in 0..body.len() {
                let cut = body.slice(..length);
                assert!(M::decode_all(&cut, version).is_err(), "{} v{version}", M::NAME);
            }
        }
    }
    check::<ProduceRequest>();
    check::<FetchRequest>();
    check::<MetadataResponse>();
    check::<JoinGroupRequest>();
}

#[test]
fn random_frame_prefixes_are_judged_without_panic() {
    let mut dice = Dice::new(11);
    for _ in 0..10_000 {
        let prefix: [u8; 4] = dice.bytes(4).try_into().unwrap();
        if let Ok(length) = frame_length(prefix, 1 << 20) {
            assert!((1..=1 << 20).contains(&length));
        }
    }
}
