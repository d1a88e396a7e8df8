//! Stands between a client and a broker, and counts what the broker says.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};

/// A door of its own to a broker.
#[derive(Debug)]
pub(super) struct Meter {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Meter {
    /// Opens the door to the first of these addresses.
    pub(super) fn before(brokers: &str) -> Result<Self> {
        let broker = brokers.split(',').next().unwrap_or(brokers).to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
        let address = listener.local_addr()?;
        let meter = Self { address, bytes: Arc::default(), is_over: Arc::default() };
        let (bytes, is_over) = (Arc::clone(&meter.bytes), Arc::clone(&meter.is_over));
        thread::spawn(move || {
            for client in listener.incoming() {
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                // Who cannot be connected is turned away, and says so.
                drop(client.and_then(|it| join(it, &broker, &bytes)));
            }
        });
        Ok(meter)
    }

    /// Where clients are to connect.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Bytes that the broker has said to clients so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // So that the door is looked at once more.
        drop(TcpStream::connect(self.address));
    }
}

fn join(client: TcpStream, broker: &str, bytes: &Arc<AtomicU64>) -> std::io::Result<()> {
    let broker = TcpStream::connect(broker)?;
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    let (from_client, to_broker) = (client.try_clone()?, broker.try_clone()?);
    let unseen = Arc::default();
    thread::spawn(move || pass(from_client, to_broker, &unseen));
    let bytes = Arc::clone(bytes);
    thread::spawn(move || pass(broker, client, &bytes));
    Ok(())
}

/// Hands on what comes until either side is gone.
fn pass(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicU64) {
    let mut some = [0; 16_384];
    loop {
        let read = match from.read(&mut some) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        bytes.fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        if to.write_all(some.get(..read).unwrap_or_default()).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_broker_says_is_counted() {
        let broker = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let meter = Meter::before(&broker.local_addr().unwrap().to_string()).unwrap();
        let mut client = TcpStream::connect(meter.address()).unwrap();
        client.write_all(b"ask").unwrap();
        let (mut served, _) = broker.accept().unwrap();
        let mut asked = [0; 3];
        served.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"ask");
        served.write_all(b"answer").unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap();
        assert_eq!((&answer, meter.bytes()), (b"answer", 6));
    }
}
