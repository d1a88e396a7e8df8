//! The other brokers: where each is reached, and one gRPC channel to each.
//!
//! An address comes from whoever knows best, in this order: the configuration
//! (`peer.addresses`), the place where the broker was met since it registered, its newest
//! registration, the membership of the metadata quorum, and what was told when this broker joined.

mod keeper;
mod pulse;
mod whois;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};

pub use keeper::SessionKeeper;
pub use pulse::{Pulse, PulseHandle};
pub use whois::{Answerer, who_is};

use crate::env::{self, TcpStream};
use crate::ids::BrokerId;
use crate::metadata::{self, MetadataImage};

/// How long a connection may take to stand.
const CONNECT_WAIT: Duration = Duration::from_secs(1);
/// How long a broker may take to accept a connection that asks whether it is there at all.
const PROBE_WAIT: Duration = Duration::from_millis(500);
/// Between two questions to a broker that accepts connections and closes them.
const PROBE_SPACING: Duration = Duration::from_millis(10);
/// A connection that carries no answer for this long is probed, then given up: without, one that
/// a network fault has cut would hold its channel for ever.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// What may be under way to a peer without its leave, of one call and of all.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// The same where nothing else is under way.
const WIDE_WINDOW_BYTES: u32 = 16 << 20;

/// The ways to other brokers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// As configured.
    fixed: BTreeMap<BrokerId, String>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    images: Option<watch::Receiver<Arc<MetadataImage>>>,
    met: BTreeMap<BrokerId, Met>,
    members: BTreeMap<BrokerId, String>,
    told: BTreeMap<BrokerId, String>,
    channels: BTreeMap<BrokerId, (String, Channel)>,
}

/// Where a broker answered by its number.
#[derive(Debug)]
struct Met {
    address: String,
    /// The end of the metadata log here at that time: a later registration is better news.
    since: u64,
}

impl Known {
    /// Where a broker is reached, by what was heard of it.
    fn stated(&self, broker: BrokerId) -> Option<String> {
        let image = self.images.as_ref().map(watch::Receiver::borrow);
        let registered = image.as_ref().and_then(|image| image.broker(broker));
        let is_newer = |met: &&Met| registered.is_none_or(|it| it.epoch.0 <= met.since);
        let met = self.met.get(&broker).filter(is_newer).map(|it| it.address.clone());
        let registered = || address_of(registered?.endpoints.first()?);
        let named = || self.members.get(&broker).or_else(|| self.told.get(&broker)).cloned();
        met.or_else(registered).or_else(named)
    }
}

impl Peers {
    /// Peers of which only these addresses are known.
    pub fn new(fixed: BTreeMap<BrokerId, String>) -> Self {
        Self { inner: Arc::new(Inner { fixed, known: Mutex::default() }) }
    }

    /// Registrations are looked up here from now on.
    pub fn follow(&self, images: watch::Receiver<Arc<MetadataImage>>) {
        self.inner.known.lock().images = Some(images);
    }

    /// The addresses that the membership of the quorum names; empty ones are none.
    pub fn set_members(&self, members: impl IntoIterator<Item = (BrokerId, String)>) {
        let members = members.into_iter().filter(|(_, address)| !address.is_empty());
        self.inner.known.lock().members = members.collect();
    }

    /// Takes an address in that somebody named.
    pub fn tell(&self, broker: BrokerId, address: &str) {
        if !address.is_empty() {
            self.inner.known.lock().told.insert(broker, address.to_owned());
        }
    }

    /// Takes in that a broker answered there, when the metadata log here ended at this entry.
    pub fn meet(&self, broker: BrokerId, address: &str, since: u64) {
        let met = Met { address: address.to_owned(), since };
        self.inner.known.lock().met.insert(broker, met);
    }

    /// Where a broker is dialled from here, as `host:port`.
    pub fn address(&self, broker: BrokerId) -> Option<String> {
        self.configured(broker).or_else(|| self.stated(broker))
    }

    /// Where `peer.addresses` says that a broker is reached.
    pub fn configured(&self, broker: BrokerId) -> Option<String> {
        self.inner.fixed.get(&broker).cloned()
    }

    /// Where a broker is reached by all that was heard of it: what is configured here is left out.
    pub fn stated(&self, broker: BrokerId) -> Option<String> {
        self.inner.known.lock().stated(broker)
    }

    /// Whether its machine says that nobody listens where this broker should: its process is gone.
    /// No answer at all says nothing. A process that is about to end may still accept, and closes
    /// that connection too: then it is asked again.
    pub async fn is_gone(&self, broker: BrokerId) -> bool {
        let Some(address) = self.address(broker) else { return false };
        let probed = tokio::time::timeout(PROBE_WAIT, async {
            loop {
                match TcpStream::connect(&address).await {
                    Err(err) => return err.kind() == std::io::ErrorKind::ConnectionRefused,
                    // Who lives waits for a first word.
                    Ok(accepted) => env::first_word(accepted).await,
                }
                tokio::time::sleep(PROBE_SPACING).await;
            }
        });
        probed.await.unwrap_or(false)
    }

    /// The channel to a broker, made at its first use; none if no address of it is known. It
    /// connects by itself whenever it is called and does not stand.
    pub fn channel(&self, broker: BrokerId) -> Option<Channel> {
        let address = self.address(broker)?;
        let mut known = self.inner.known.lock();
        if let Some((at, channel)) = known.channels.get(&broker)
            && *at == address
        {
            return Some(channel.clone());
        }
        let channel = channel_to(&address)?;
        known.channels.insert(broker, (address, channel.clone()));
        Some(channel)
    }
}

/// A channel of its own to an address; none if that is no address.
pub fn channel_to(address: &str) -> Option<Channel> {
    Some(env::connect_lazily(&endpoint(address)?))
}

/// The same, with room for much under way: for a way that is to be filled.
pub fn wide_channel_to(address: &str) -> Option<Channel> {
    let endpoint = endpoint(address)?
        .initial_stream_window_size(WIDE_WINDOW_BYTES)
        .initial_connection_window_size(WIDE_WINDOW_BYTES);
    Some(env::connect_lazily(&endpoint))
}

fn endpoint(address: &str) -> Option<Endpoint> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).ok()?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_WAIT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .tcp_nodelay(true);
    Some(endpoint)
}

/// An endpoint as an address to dial.
pub fn address_of(endpoint: &metadata::Endpoint) -> Option<String> {
    let metadata::Endpoint { host, port, .. } = endpoint;
    let literal = host.contains(':') && !host.starts_with('[');
    if host.is_empty() {
        return None;
    }
    Some(if literal { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// Whether a text has the form `host:port`.
pub fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// The addresses of `peer.addresses`: `2=host:port,3=host:port`.
pub fn parse_addresses(items: &[String]) -> Result<BTreeMap<BrokerId, String>, String> {
    let wrong = |item: &str| format!("peer.addresses: '{item}' is not of the form 2=host:port");
    let parse = |item: &String| {
        let (id, address) = item.split_once('=').ok_or_else(|| wrong(item))?;
        let id = id.trim().parse().map_err(|_| wrong(item))?;
        let address = address.trim();
        if !is_address(address) {
            return Err(wrong(item));
        }
        Ok((BrokerId(id), address.to_owned()))
    };
    items.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{BrokerRegistration, Change, MetadataRecord, TimestampMs};

    fn image_with(broker: u32, host: &str, port: u16) -> Arc<MetadataImage> {
        let mut change = Change::new(TimestampMs(1), "test");
        let registration = BrokerRegistration::at(BrokerId(broker), host, port);
        change.records.push(MetadataRecord::BrokerRegistered(registration));
        Arc::new(MetadataImage::default().apply(1, &change).unwrap())
    }

    #[test]
    fn the_better_source_of_an_address_wins() {
        let fixed = parse_addresses(&["4=relay:1".to_owned()]).unwrap();
        let peers = Peers::new(fixed);
        let two = BrokerId(2);
        assert_eq!(peers.address(two), None);
        peers.tell(two, "told:1");
        assert_eq!(peers.address(two).as_deref(), Some("told:1"));
        peers.set_members([(two, "member:1".to_owned()), (BrokerId(3), String::new())]);
        assert_eq!(peers.address(two).as_deref(), Some("member:1"));
        let (_changes, images) = watch::channel(image_with(2, "::1", 9_093));
        peers.follow(images);
        assert_eq!(peers.address(two).as_deref(), Some("[::1]:9093"));
        assert_eq!(peers.address(BrokerId(4)).as_deref(), Some("relay:1"));
        assert_eq!(peers.address(BrokerId(3)), None);
    }

    #[test]
    fn where_a_broker_was_met_counts_until_it_registers() {
        let peers = Peers::new(parse_addresses(&["4=relay:1".to_owned()]).unwrap());
        let (changes, images) = watch::channel(image_with(2, "old", 1));
        peers.follow(images);
        peers.meet(BrokerId(2), "new:1", 1);
        assert_eq!(peers.address(BrokerId(2)).as_deref(), Some("new:1"));
        let mut change = Change::new(TimestampMs(2), "test");
        let registration = BrokerRegistration::at(BrokerId(2), "newer", 1);
        change.records.push(MetadataRecord::BrokerRegistered(registration));
        let next = changes.borrow().apply(2, &change).unwrap();
        changes.send_replace(Arc::new(next));
        assert_eq!(peers.address(BrokerId(2)).as_deref(), Some("newer:1"));
        peers.meet(BrokerId(4), "met:1", 2);
        assert_eq!(peers.address(BrokerId(4)).as_deref(), Some("relay:1"));
        assert_eq!(peers.stated(BrokerId(4)).as_deref(), Some("met:1"));
    }

    /// A broker that accepts this many connections more, each of which it closes at once.
    async fn dying(accepts: usize) -> bool {
        let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peers = Peers::default();
        peers.tell(BrokerId(2), &door.local_addr().unwrap().to_string());
        let ends = async {
            for _ in 0..accepts {
                drop(door.accept().await);
            }
            drop(door);
        };
        tokio::join!(ends, peers.is_gone(BrokerId(2))).1
    }

    #[tokio::test]
    async fn a_broker_is_gone_once_nobody_listens_any_more() {
        assert!(dying(0).await);
        assert!(dying(3).await);
        assert!(!Peers::default().is_gone(BrokerId(2)).await, "no address is known");
    }

    #[tokio::test]
    async fn a_broker_that_keeps_a_connection_open_lives() {
        let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peers = Peers::default();
        peers.tell(BrokerId(2), &door.local_addr().unwrap().to_string());
        assert!(!peers.is_gone(BrokerId(2)).await);
    }

    #[test]
    fn addresses_that_say_no_port_or_broker_are_refused() {
        for wrong in ["host:1", "2=host", "two=host:1", "2=:1", "2=host:x"] {
            let err = parse_addresses(&[wrong.to_owned()]).unwrap_err();
            assert!(err.contains(wrong), "{err}");
        }
    }
}
