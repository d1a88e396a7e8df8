//! The bytes of kept minutes.
//!
//! ```text
//!   "KQMN"  version u16 | then for each minute:  length u32  crc32c u32  protobuf
//! ```
//! All big-endian. Names of groups stand in the minute in which they are first met; later ones name
//! them by number. What cannot be read any more ends the file: the rest is a shorter history, and
//! never an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;

use super::minutes::{GroupMinute, Minute};

const MAGIC: &[u8; 4] = b"KQMN";
const VERSION: u16 = 1;
/// Bytes before the first minute.
pub(crate) const HEADER_BYTES: usize = 6;
const FRAME_BYTES: usize = 8;
/// A minute of a hundred thousand groups is shorter.
const MINUTE_BYTES_MAX: usize = 64 << 20;

#[derive(Clone, PartialEq, Message)]
struct WireMinute {
    #[prost(uint32, tag = "1")]
    minute: u32,
    #[prost(uint64, tag = "2")]
    bytes_in: u64,
    #[prost(uint64, tag = "3")]
    bytes_out: u64,
    #[prost(uint32, tag = "4")]
    under_replicated: u32,
    #[prost(bool, tag = "5")]
    led: bool,
    /// Names that are new; they have the next numbers.
    #[prost(string, repeated, tag = "6")]
    names: Vec<String>,
    /// Of each group: its number, lag and members.
    #[prost(uint32, repeated, tag = "7")]
    groups: Vec<u32>,
    #[prost(uint64, repeated, tag = "8")]
    lag: Vec<u64>,
    #[prost(uint32, repeated, tag = "9")]
    members: Vec<u32>,
}

/// Numbers of groups in one file.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<Arc<str>, u32>);

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Its minutes, the oldest first.
    pub(crate) minutes: Vec<Minute>,
    /// The numbers that were given in it.
    pub(crate) names: Names,
    /// Bytes of it that could be read; behind them the next minute goes. Zero: it is none of ours.
    pub(crate) bytes: u64,
}

/// How a file begins.
pub(crate) fn header() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes
}

/// The bytes of the next minute of a file.
pub(crate) fn frame(it: &Minute, names: &mut Names) -> Vec<u8> {
    let mut wire = WireMinute {
        minute: it.minute,
        bytes_in: it.bytes_in,
        bytes_out: it.bytes_out,
        under_replicated: it.under_replicated,
        led: it.led,
        ..WireMinute::default()
    };
    for of in &it.groups {
        let next = u32::try_from(names.0.len()).unwrap_or(u32::MAX);
        let number = *names.0.entry(of.group.clone()).or_insert(next);
        if number == next {
            wire.names.push(of.group.to_string());
        }
        wire.groups.push(number);
        wire.lag.push(of.lag);
        wire.members.push(of.members);
    }
    let body = wire.encode_to_vec();
    let mut bytes = Vec::with_capacity(FRAME_BYTES + body.len());
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// All that can be read of a file.
pub(crate) fn read(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let Some(mut rest) = bytes.strip_prefix(header().as_slice()) else { return read };
    read.bytes = HEADER_BYTES as u64;
    let mut in_order: Vec<Arc<str>> = Vec::new();
    while let Some((body, behind)) = next_frame(rest) {
        let Ok(wire) = WireMinute::decode(body) else { break };
        let Some(minute) = minute_of(wire, &mut in_order) else { break };
        read.minutes.push(minute);
        read.bytes += (rest.len() - behind.len()) as u64;
        rest = behind;
    }
    read.names = Names((0..).zip(&in_order).map(|(number, name)| (name.clone(), number)).collect());
    read
}

fn next_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (body, behind) = rest.split_at_checked(length)?;
    let whole = length <= MINUTE_BYTES_MAX && crc32c::crc32c(body) == u32::from_be_bytes(*crc);
    whole.then_some((body, behind))
}

fn minute_of(wire: WireMinute, names: &mut Vec<Arc<str>>) -> Option<Minute> {
    names.extend(wire.names.into_iter().map(Arc::from));
    let figures = wire.lag.iter().zip(&wire.members);
    let groups = wire.groups.iter().zip(figures).map(|(number, (lag, members))| {
        let group = names.get(usize::try_from(*number).ok()?)?.clone();
        Some(GroupMinute { group, lag: *lag, members: *members })
    });
    Some(Minute {
        minute: wire.minute,
        bytes_in: wire.bytes_in,
        bytes_out: wire.bytes_out,
        under_replicated: wire.under_replicated,
        led: wire.led,
        groups: groups.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes() -> Vec<Minute> {
        let group = |name: &str, lag| GroupMinute { group: name.into(), lag, members: 3 };
        let minute = |minute, groups| Minute {
            minute,
            bytes_in: 1 << 40,
            bytes_out: 7,
            under_replicated: 2,
            led: true,
            groups,
        };
        vec![
            minute(5, vec![group("a", 1), group("b", 2)]),
            minute(6, vec![]),
            minute(7, vec![group("c", 9), group("a", 4)]),
        ]
    }

    #[test]
    fn a_file_cut_anywhere_is_a_shorter_history() {
        let mut names = Names::default();
        let mut bytes = header();
        let mut ends = vec![bytes.len()];
        for it in minutes() {
            bytes.extend(frame(&it, &mut names));
            ends.push(bytes.len());
        }
        for cut in 0..=bytes.len() {
            let found = read(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(found.minutes, minutes()[..whole.saturating_sub(1)], "cut at {cut}");
            let end = if whole == 0 { 0 } else { ends[whole - 1] };
            assert_eq!(found.bytes, end as u64);
        }
    }

    #[test]
    fn a_flipped_byte_ends_the_history_there() {
        let mut names = Names::default();
        let mut bytes = header();
        for it in minutes() {
            bytes.extend(frame(&it, &mut names));
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x08;
            let found = read(&damaged);
            assert!(found.minutes.len() < 3, "byte {at}");
            assert_eq!(found.minutes, minutes()[..found.minutes.len()]);
        }
    }

    #[test]
    fn a_file_goes_on_where_it_ended() {
        let mut names = Names::default();
        let mut bytes = header();
        bytes.extend(frame(&minutes()[0], &mut names));
        let mut found = read(&bytes);
        for it in &minutes()[1..] {
            bytes.extend(frame(it, &mut found.names));
        }
        assert_eq!(read(&bytes).minutes, minutes());
    }
}
