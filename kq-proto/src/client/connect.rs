//! Finding a broker that accepts. The first address gets a head start; each further one is tried as
//! soon as the one before refuses or stays silent, so that one dead broker costs no waiting and a
//! dead cluster is told at once, by name and cause.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::{Channel, Endpoint, Uri};

use super::{Address, Connection, Options};

/// A broker that has not accepted by then has company.
const HEAD_START: Duration = Duration::from_millis(150);
/// Between rounds over all brokers, when retries were asked for.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// A connection that carries no answer for this long is probed, then given up.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// One broker that did not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The broker.
    pub address: Address,
    /// Why, in words.
    pub cause: String,
}

/// No broker accepted.
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

/// Connects to the first broker that accepts.
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
    let deadline = Instant::now() + options.connect_timeout;
    let (address, stream) = race(options, deadline).await?;
    let channel = channel(&address, stream, options).await.map_err(|error| ConnectError {
        attempts: vec![Attempt { address: address.clone(), cause: root_cause(&error) }],
    })?;
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

/// Runs the attempts, each with a head start on the next.
async fn race(options: &Options, deadline: Instant) -> Result<(Address, TcpStream), ConnectError> {
    let mut waiting = options.brokers.iter().cloned();
    let mut running = JoinSet::new();
    let mut attempts = Vec::new();
    loop {
        let started = match waiting.next() {
            Some(address) => {
                running.spawn(attempt(address, deadline));
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
                // A cancelled or panicked attempt is one that did not accept.
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

async fn attempt(address: Address, deadline: Instant) -> Result<(Address, TcpStream), Attempt> {
    match timeout_at(deadline, open(&address)).await {
        Ok(Ok(stream)) => Ok((address, stream)),
        Ok(Err(error)) => Err(Attempt { cause: describe(&error), address }),
        Err(_) => Err(Attempt { cause: "no answer in time".to_owned(), address }),
    }
}

async fn open(address: &Address) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host(), address.port())).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// HTTP/2 over the stream that won; a later reconnect goes to the same broker.
async fn channel(
    address: &Address,
    stream: TcpStream,
    options: &Options,
) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_timeout(options.connect_timeout);
    let first = Arc::new(Mutex::new(Some(stream)));
    let address = address.clone();
    let connector = tower::service_fn(move |_: Uri| {
        let ready = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let address = address.clone();
        async move {
            let stream = match ready {
                Some(stream) => stream,
                None => open(&address).await?,
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

    #[tokio::test]
    async fn a_dead_first_broker_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive: Address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let options = Options::new(vec![refusing(), alive.clone()]);
        let connection = connect(&options).await.unwrap();
        assert_eq!(connection.address(), &alive);
    }

    #[tokio::test]
    async fn no_broker_at_all_is_an_error() {
        let error = connect(&Options::new(Vec::new())).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot reach the cluster: no broker is named");
    }
}
