//! Records against the bytes that Kafka 4.1's own classes make of the same content (`vectors.txt`).

use expect_test::expect;

use super::super::{Key, decode_key};
use super::*;

/// Name, key and value of each vector.
fn vectors() -> Vec<(&'static str, Bytes, Option<Bytes>)> {
    let lines = include_str!("vectors.txt").lines();
    let split = |line: &'static str| {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let (key, value) = (words.next().unwrap(), words.next().unwrap());
        (name, unhex(key), (value != "-").then(|| unhex(value)))
    };
    lines.map(split).collect()
}

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> =
        text.chars().map(|it| u8::try_from(it.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|it| it.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

fn change(key: &Bytes, value: Option<&Bytes>) -> Result<Change, RecordError> {
    match decode_key(key)?.unwrap() {
        Key::Consumer(_, key) => Change::from_record(key, value),
        Key::Offset(..) | Key::Group(_) | Key::Undo(..) => panic!("no record of a consumer group"),
    }
}

#[test]
fn kafkas_bytes_are_read_and_written_again() {
    for (name, key, value) in vectors() {
        let change = change(&key, value.as_ref()).unwrap();
        let record = change.to_record(&"g".into());
        assert_eq!((record.key, record.value), (key, value), "{name}");
    }
}

#[test]
fn what_a_member_says_of_itself_comes_whole() {
    let of = |wanted: &str| {
        let found = vectors().into_iter().find(|(name, ..)| *name == wanted);
        let (_, key, value) = found.unwrap();
        change(&key, value.as_ref()).unwrap()
    };
    expect![[r#"Member(MemberId("m"), Some(Profile { instance: None, rack: None, client_id: "c", client_host: "/127.0.0.1", topics: {"a", "b"}, pattern: None, rebalance_timeout: 45s, assignor: None, classic: None }))"#]]
        .assert_eq(&format!("{:?}", of("member")));
    expect![[r#"Member(MemberId("m"), Some(Profile { instance: Some(InstanceId("i")), rack: Some("r"), client_id: "c", client_host: "/127.0.0.1", topics: {}, pattern: Some("a.*"), rebalance_timeout: 1ms, assignor: Some(Range), classic: Some(ClassicSide { session_timeout: 5s, protocols: [Protocol { name: "range", metadata: b"\x01\x02\x03" }] }) }))"#]]
        .assert_eq(&format!("{:?}", of("member-full")));
}

#[test]
fn every_cut_of_a_value_is_malformed() {
    for (name, key, value) in vectors() {
        let Some(value) = value else { continue };
        // The last byte may be the count of tagged fields, which some are read without.
        for len in 0..value.len() - 1 {
            assert!(change(&key, Some(&value.slice(..len))).is_err(), "{name} cut at {len}");
        }
    }
}

#[test]
fn a_count_beyond_the_bytes_allocates_nothing() {
    let (_, key, _) = vectors().into_iter().find(|(name, ..)| *name == "share").unwrap();
    let value = Bytes::from_static(b"\0\0\xff\xff\xff\xff\x0f");
    assert_eq!(change(&key, Some(&value)), Err(RecordError::Malformed { what: "share" }));
}

#[test]
fn a_value_of_a_later_version_is_refused() {
    let (_, key, _) = vectors().remove(0);
    let err = change(&key, Some(&Bytes::from_static(b"\0\x01\0\0\0\x01\0"))).unwrap_err();
    assert_eq!(err.to_string(), "epoch has version 1; versions up to 0 are understood");
}

#[test]
fn groups_of_later_kinds_are_left_alone() {
    for version in [9u8, 15, 17] {
        let key = Bytes::copy_from_slice(&[0, version, 0, 1, b'g']);
        assert_eq!(decode_key(&key), Ok(None));
    }
}
