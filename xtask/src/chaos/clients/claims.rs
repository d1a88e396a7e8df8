//! Asks each broker by itself what it leads, and in which epoch: `ListOffsets` for the earliest
//! offset, which only a leader answers, and at once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Shared, is_set, lock};
use crate::clock;

/// How often a broker is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A broker that was paused answers first thing when it goes on; that answer is the one wanted.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

const LIST_OFFSETS: i16 = 2;

/// The first version whose answers name the epoch.
const VERSION: i16 = 4;

const EARLIEST: i64 = -2;

/// What a partition takes in an answer: index, error, timestamp, offset, epoch.
const PARTITION_BYTES: usize = 4 + 2 + 8 + 8 + 4;

/// No answer is larger.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Asks one broker until told to end.
pub(super) fn watch_leader(shared: &Shared, broker: u32, address: &str) -> Result<()> {
    let topic = shared.target.topic;
    let request = request(topic, shared.target.partitions)?;
    let mut stream = None;
    while !is_set(&shared.reading_ends) {
        clock::pause(ASK_EVERY);
        // A broker that is gone for now leads nothing.
        let Ok(answer) = ask(&mut stream, address, &request) else {
            stream = None;
            continue;
        };
        for (partition, epoch) in led(&answer, topic).context("unreadable ListOffsets response")? {
            let fault = lock(&shared.leaders).note(broker, partition, epoch);
            if let Some(fault) = fault {
                shared.fault(&fault);
            }
        }
    }
    Ok(())
}

fn ask(stream: &mut Option<TcpStream>, address: &str, request: &[u8]) -> Result<Vec<u8>> {
    if stream.is_none() {
        let fresh = TcpStream::connect(address)?;
        fresh.set_nodelay(true)?;
        fresh.set_read_timeout(Some(ANSWER_WITHIN))?;
        *stream = Some(fresh);
    }
    let stream = stream.as_mut().context("no connection")?;
    stream.write_all(request)?;
    let mut length = [0_u8; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length))?;
    ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn request(topic: &str, partitions: i32) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    body.extend(LIST_OFFSETS.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    body.extend(7_i32.to_be_bytes()); // correlation id
    body.extend((-1_i16).to_be_bytes()); // no client id
    body.extend((-1_i32).to_be_bytes()); // a consumer
    body.push(0); // read uncommitted
    body.extend(1_i32.to_be_bytes());
    body.extend(i16::try_from(topic.len())?.to_be_bytes());
    body.extend(topic.as_bytes());
    body.extend(partitions.to_be_bytes());
    for partition in 0..partitions {
        body.extend(partition.to_be_bytes());
        body.extend((-1_i32).to_be_bytes()); // in whatever epoch
        body.extend(EARLIEST.to_be_bytes());
    }
    let mut frame = i32::try_from(body.len())?.to_be_bytes().to_vec();
    frame.append(&mut body);
    Ok(frame)
}

/// The partitions that whoever answered leads, with their epochs.
fn led(answer: &[u8], topic: &str) -> Option<Vec<(i32, u64)>> {
    // Correlation id, throttle time, one topic, its name, how many partitions.
    let partitions = answer.get(4 + 4 + 4 + 2 + topic.len() + 4..)?.chunks_exact(PARTITION_BYTES);
    if !partitions.remainder().is_empty() {
        return None;
    }
    let mut led = Vec::new();
    for partition in partitions {
        let (index, rest) = partition.split_first_chunk()?;
        let (error, rest) = rest.split_first_chunk()?;
        let (_, epoch) = rest.split_last_chunk()?;
        if i16::from_be_bytes(*error) == 0 {
            let epoch = u64::try_from(i32::from_be_bytes(*epoch)).ok()?;
            led.push((i32::from_be_bytes(*index), epoch));
        }
    }
    Some(led)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_partitions_without_an_error_are_led() {
        let mut answer = [0_u8; 12].to_vec();
        answer.extend([0, 1, b't', 0, 0, 0, 2]);
        for (index, error, epoch) in [(0_i32, 6_i16, -1_i32), (1, 0, 9)] {
            answer.extend(index.to_be_bytes());
            answer.extend(error.to_be_bytes());
            answer.extend([0xff; 16]);
            answer.extend(epoch.to_be_bytes());
        }
        assert_eq!(led(&answer, "t"), Some(vec![(1, 9)]));
        answer.pop();
        assert_eq!(led(&answer, "t"), None);
    }
}
