//! The raw operations that a broker is made of, without a broker.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::fs::sendfile;

use super::report::figure;
use super::subject::{scratch, thread_cpu};
use crate::clock;

/// Bytes that are moved at one time: what a client puts into one request.
const CHUNK_BYTES: usize = 1 << 20;

/// A request of a few names.
const SHORT_BYTES: usize = 64;

/// How many of them are answered.
const ANSWERS: u32 = 4_000;

/// How often a short operation is timed.
const SHORT_TIMES: usize = 400;

fn pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

/// Takes so much memory for a file and gives it back. A virtual machine has it from its host
/// then: to get it costs several times the copy into it, and would be told as the broker's cost.
pub(super) fn warm_memory(bytes: u64) -> Result<()> {
    let path = scratch()?.join("memory.floor");
    let file = File::create(&path)?;
    let chunk = vec![7_u8; CHUNK_BYTES];
    for at in (0..bytes).step_by(CHUNK_BYTES) {
        file.write_all_at(&chunk, at)?;
    }
    Ok(fs::remove_file(&path)?)
}

/// Processor seconds a GB of recv + crc32c + write: the least that a broker does on produce.
pub(super) fn receive_check_write(bytes: u64) -> Result<f64> {
    let (mut client, mut server) = pair()?;
    let sender = thread::spawn(move || -> std::io::Result<()> {
        let chunk = vec![7_u8; CHUNK_BYTES];
        for _ in 0..bytes / CHUNK_BYTES as u64 {
            client.write_all(&chunk)?;
        }
        Ok(())
    });
    let path = scratch()?.join("produce.floor");
    let file = File::create(&path)?;
    let start = thread_cpu()?;
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    let (mut at, mut sum) = (0_u64, 0_u32);
    while server.read_exact(&mut chunk).is_ok() {
        sum ^= crc32c::crc32c(&chunk);
        file.write_all_at(&chunk, at)?;
        at += CHUNK_BYTES as u64;
    }
    let used = thread_cpu()?.saturating_sub(start);
    std::hint::black_box(sum);
    drop(sender.join());
    fs::remove_file(&path)?;
    Ok(used.as_secs_f64() / figure(at) * 1e9)
}

/// Processor microseconds of a thread that takes a short request and answers it, when one comes every
/// so often: the least that a heartbeat costs whoever hears it.
pub(super) fn answer_micros(every: Duration) -> Result<f64> {
    let (mut client, mut server) = pair()?;
    let asker = thread::spawn(move || -> std::io::Result<()> {
        let mut answer = [0_u8; SHORT_BYTES];
        for _ in 0..ANSWERS {
            client.write_all(&[7; SHORT_BYTES])?;
            client.read_exact(&mut answer)?;
            clock::pause(every);
        }
        Ok(())
    });
    let start = thread_cpu()?;
    let mut request = [0_u8; SHORT_BYTES];
    let mut count = 0;
    while server.read_exact(&mut request).is_ok() {
        server.write_all(&request)?;
        count += 1;
    }
    let used = thread_cpu()?.saturating_sub(start);
    drop(asker.join());
    Ok(used.as_secs_f64() * 1e6 / figure(count))
}

/// Seconds that it takes to bring so many bytes from a file in the page cache through a loopback
/// connection into another file, which is on stable storage then.
pub(super) fn copy_seconds(bytes: u64) -> Result<f64> {
    let (from, to) = (scratch()?.join("copy-from.floor"), scratch()?.join("copy-to.floor"));
    let writer = File::create(&from)?;
    let chunk = vec![7_u8; CHUNK_BYTES];
    for at in (0..bytes).step_by(CHUNK_BYTES) {
        writer.write_all_at(&chunk, at)?;
    }
    writer.sync_data()?;
    let source = File::open(&from)?;
    let (client, mut server) = pair()?;
    let start = clock::now();
    let sender = thread::spawn(move || -> std::io::Result<()> {
        let mut at = 0;
        while at < bytes && sendfile(&client, &source, Some(&mut at), CHUNK_BYTES)? > 0 {}
        Ok(())
    });
    let file = File::create(&to)?;
    let (mut chunk, mut at) = (chunk, 0);
    while let Ok(read @ 1..) = server.read(&mut chunk) {
        file.write_all_at(chunk.get(..read).unwrap_or_default(), at)?;
        at += read as u64;
    }
    file.sync_data()?;
    let took = start.elapsed();
    drop(sender.join());
    fs::remove_file(&from)?;
    fs::remove_file(&to)?;
    Ok(took.as_secs_f64())
}

/// What bare sendfile from the page cache does: processor seconds a GB, and GB a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sendfile {
    pub(super) cpu_per_gb: f64,
    pub(super) gb_per_second: f64,
}

pub(super) fn send_from_page_cache(bytes: u64) -> Result<Sendfile> {
    let path = scratch()?.join("consume.floor");
    let file_bytes = 256 << 20;
    let writer = File::create(&path)?;
    let chunk = vec![7_u8; CHUNK_BYTES];
    for at in (0..file_bytes).step_by(CHUNK_BYTES) {
        writer.write_all_at(&chunk, at)?;
    }
    let file = File::open(&path)?;
    let (client, server) = pair()?;
    let reader = thread::spawn(move || super::raw::drain(client));
    let start_cpu = thread_cpu()?;
    let start = clock::now();
    let mut sent = 0_u64;
    while sent < bytes {
        let mut at = sent % file_bytes;
        let room = usize::try_from(file_bytes - at)?.min(CHUNK_BYTES);
        sent += sendfile(&server, &file, Some(&mut at), room)? as u64;
    }
    let used = thread_cpu()?.saturating_sub(start_cpu);
    drop(server);
    let took = {
        drop(reader.join());
        start.elapsed()
    };
    fs::remove_file(&path)?;
    let gb = figure(sent) / 1e9;
    Ok(Sendfile { cpu_per_gb: used.as_secs_f64() / gb, gb_per_second: gb / took.as_secs_f64() })
}

/// Microseconds of write + fdatasync of one small record at the end of a growing file: middle one.
///
/// They begin at the pace of the line that stands over this floor: a processor and a disk that rest
/// in between take longer than those that are kept busy.
pub(super) fn sync_micros(record_bytes: usize, pace: Duration) -> Result<f64> {
    let path = scratch()?.join("sync.floor");
    let file = File::create(&path)?;
    let record = vec![7_u8; record_bytes];
    let mut took = Vec::with_capacity(SHORT_TIMES);
    for number in 0..SHORT_TIMES {
        clock::pause(pace);
        let start = clock::now();
        file.write_all_at(&record, (number * record_bytes) as u64)?;
        file.sync_data()?;
        took.push(micros(start.elapsed()));
    }
    fs::remove_file(&path)?;
    Ok(super::report::median(took))
}

/// A time in microseconds, with what is below them.
pub(super) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
