//! Finding a broker that answers. The first address gets a head start; each further one is tried as
//! soon as the one before refuses or stays silent, so that one dead broker costs no waiting and a
//! dead cluster is told at once, by name and cause.
//!
//! The system accepts connections for a process that is stopped or stuck, so that says nothing. A
//! broker answers when it greets (HTTP/2 begins with the settings of either side), before anything
//! is asked of it: whoever is passed over was asked nothing, so nothing is ever asked twice.

mod greeting;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::{Channel, Endpoint, Uri};

use self::greeting::Greeted;
use super::{Address, Connection, Options};

/// A broker that has not answered by then has company.
const HEAD_START: Duration = Duration::from_millis(150);
/// Between rounds over all brokers, when retries were asked for.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// A connection that carries no answer for this long is probed, then given up.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// One broker that did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The broker.
    pub address: Address,
    /// Why, in words.
    pub cause: String,
    /// Its machine took the connection, and nothing was heard until the time was up.
    pub is_mute: bool,
}

/// No broker answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    /// Every broker tried in the last round.
    pub attempts: Vec<Attempt>,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attempts.is_empty() {
            return write!(f, "cannot reach the cluster: no broker is named");
        }
        write!(f, "cannot reach ")?;
        for (nth, attempt) in self.attempts.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {}", attempt.address, attempt.cause)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectError {}

impl ConnectError {
    /// Whether a broker may be there that needs more time.
    pub fn is_mute(&self) -> bool {
        self.attempts.iter().any(|it| it.is_mute)
    }
}

/// Connects to the first broker that answers.
pub async fn connect(options: &Options) -> Result<Connection, ConnectError> {
    let give_up = options.retry.map(|retry| Instant::now() + retry);
    loop {
        match connect_once(options).await {
            Ok(connection) => return Ok(connection),
            Err(error) if give_up.is_none_or(|at| Instant::now() + RETRY_PAUSE > at) => {
                return Err(error);
            }
            Err(_) => sleep(RETRY_PAUSE).await,
        }
    }
}

async fn connect_once(options: &Options) -> Result<Connection, ConnectError> {
    let (address, channel) = race(options).await?;
    Ok(Connection {
        channel,
        address,
        call_timeout: options.call_timeout,
        // An id that is no header value is no cluster's id either; the check against the reply's
        // header still finds the mismatch.
        expected_cluster_id: options.expected_cluster_id.as_ref().and_then(|id| id.parse().ok()),
        accepts_stale: false,
        learnt: Arc::default(),
    })
}

/// How long a broker may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// To be connected to.
    connect: Duration,
    /// To greet, both together: as long as it might take to answer a call.
    greet: Duration,
}

/// Runs the attempts, each with a head start on the next.
async fn race(options: &Options) -> Result<(Address, Channel), ConnectError> {
    let patience = Patience { connect: options.connect_timeout, greet: options.call_timeout };
    let mut waiting = options.brokers.iter().cloned();
    let mut running = JoinSet::new();
    let mut attempts = Vec::new();
    loop {
        let started = match waiting.next() {
            Some(address) => {
                running.spawn(attempt(address, patience));
                true
            }
            None => false,
        };
        let head_start =
            async { if started { sleep(HEAD_START).await } else { std::future::pending().await } };
        tokio::select! {
            done = running.join_next() => match done {
                Some(Ok(Ok(winner))) => return Ok(winner),
                Some(Ok(Err(failed))) => attempts.push(failed),
                // A cancelled or panicked attempt is one that did not answer.
                Some(Err(_)) => {}
                None => {
                    attempts.sort_by_key(|failed: &Attempt| {
                        options.brokers.iter().position(|broker| *broker == failed.address)
                    });
                    return Err(ConnectError { attempts });
                }
            },
            () = head_start => {}
        }
    }
}

async fn attempt(address: Address, patience: Patience) -> Result<(Address, Channel), Attempt> {
    let failed = |cause: String| Attempt { address: address.clone(), cause, is_mute: false };
    let began = Instant::now();
    let stream = match timeout_at(began + patience.connect, open(&address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(failed(describe(&error))),
        Err(_) => return Err(failed("no answer in time".to_owned())),
    };
    match timeout_at(began + patience.greet, greet(&address, stream, patience)).await {
        Ok(Ok(channel)) => Ok((address, channel)),
        Ok(Err(cause)) => Err(failed(format!("no gRPC answer: {cause}"))),
        Err(_) => {
            let cause = "it takes connections, but did not answer in time".to_owned();
            Err(Attempt { is_mute: true, ..failed(cause) })
        }
    }
}

async fn open(address: &Address) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host(), address.port())).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// HTTP/2 over the stream, once the other side has said its first word.
async fn greet(
    address: &Address,
    stream: TcpStream,
    patience: Patience,
) -> Result<Channel, String> {
    let (stream, heard) = Greeted::new(stream);
    let channel = channel(address, stream, patience).await.map_err(|it| root_cause(&it))?;
    match heard.await {
        Ok(Ok(())) => Ok(channel),
        Ok(Err(error)) => Err(describe(&error)),
        Err(oneshot::error::RecvError { .. }) => Err("the connection was given up".to_owned()),
    }
}

/// The channel uses the stream first; a later reconnect goes to the same broker.
async fn channel(
    address: &Address,
    stream: Greeted,
    patience: Patience,
) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_timeout(patience.connect);
    let first = Arc::new(Mutex::new(Some(stream)));
    let address = address.clone();
    let connector = tower::service_fn(move |_: Uri| {
        let ready = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let address = address.clone();
        async move {
            let stream = match ready {
                Some(stream) => stream,
                None => Greeted::new(open(&address).await?).0,
            };
            Ok::<_, io::Error>(TokioIo::new(stream))
        }
    });
    endpoint.connect_with_connector(connector).await
}

/// The words of the system without its error number.
fn describe(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return "connection refused".to_owned();
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
    match text.strip_prefix("failed to lookup address information: ") {
        Some(cause) => format!("cannot resolve the name: {cause}"),
        None => text,
    }
}

fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    fn refusing() -> Address {
        // Bound and dropped: nobody listens there now.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string().parse().unwrap()
    }

    #[tokio::test]
    async fn all_refusing_brokers_are_named_at_once() {
        let (first, second) = (refusing(), refusing());
        let options = Options::new(vec![first.clone(), second.clone()]);
        let began = Instant::now();
        let error = connect(&options).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot reach {first}: connection refused, {second}: connection refused")
        );
        assert!(began.elapsed() < Duration::from_millis(100), "took {:?}", began.elapsed());
    }

    /// The settings that HTTP/2 begins with, all of them left as they are.
    const GREETING: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

    /// Whoever connects there hears this, and the connection stays.
    fn saying(words: &'static [u8]) -> Address {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let _ = stream.write_all(words);
                kept.push(stream);
            }
        });
        address
    }

    /// The system takes connections there, and nobody sees them: as of a process that is stopped.
    fn stopped() -> (TcpListener, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_dead_first_broker_is_passed_over() {
        let alive = saying(GREETING);
        let options = Options::new(vec![refusing(), alive.clone()]);
        let connection = connect(&options).await.unwrap();
        assert_eq!(connection.address(), &alive);
    }

    #[tokio::test]
    async fn a_broker_that_never_greets_is_passed_over() {
        let (_held, mute) = stopped();
        let alive = saying(GREETING);
        let options = Options::new(vec![mute, alive.clone()]);
        let connection = connect(&options).await.unwrap();
        assert_eq!(connection.address(), &alive);
    }

    #[tokio::test]
    async fn a_broker_that_hangs_up_is_passed_over() {
        let (listener, rude) = stopped();
        std::thread::spawn(move || listener.incoming().for_each(drop));
        let alive = saying(GREETING);
        let connection = connect(&Options::new(vec![rude.clone(), alive.clone()])).await.unwrap();
        assert_eq!(connection.address(), &alive);
        let error = connect(&Options::new(vec![rude])).await.unwrap_err();
        assert!(error.to_string().contains(": no gRPC answer: "), "{error}");
        assert!(!error.is_mute());
    }

    #[tokio::test]
    async fn mute_brokers_are_told_from_dead_ones() {
        let (_held, mute) = stopped();
        let dead = refusing();
        let options = Options {
            call_timeout: Duration::from_millis(200),
            ..Options::new(vec![mute.clone(), dead.clone()])
        };
        let error = connect(&options).await.unwrap_err();
        let told = format!(
            "cannot reach {mute}: it takes connections, but did not answer in time, \
             {dead}: connection refused"
        );
        assert_eq!((error.to_string(), error.is_mute()), (told, true));
    }

    #[tokio::test]
    async fn no_broker_at_all_is_an_error() {
        let error = connect(&Options::new(Vec::new())).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot reach the cluster: no broker is named");
    }
}
