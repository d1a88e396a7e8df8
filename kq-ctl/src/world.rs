//! What a command finds around itself: environment, clock, terminal, the way to a cluster. Tests make
//! a small world of their own.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use kq_proto::client::settings::Surroundings;

use crate::cluster::{self, Connector};

/// Input that may be read on another thread.
pub(crate) type Input = Box<dyn BufRead + Send>;

/// A variable by name.
pub(crate) type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// Comes true at Ctrl-C.
pub(crate) type Interrupt = Pin<Box<dyn Future<Output = ()>>>;

/// Whether somebody accepts connections at an address within a bound; otherwise why not.
pub(crate) type Reach =
    Box<dyn Fn(String, Duration) -> Pin<Box<dyn Future<Output = Result<(), String>>>>>;

/// The surroundings of a command.
pub(crate) struct World {
    pub(crate) env: Lookup,
    pub(crate) cwd: PathBuf,
    /// Where the machine itself is looked at.
    pub(crate) host_root: PathBuf,
    /// Settings of the whole machine.
    pub(crate) system_config: PathBuf,
    pub(crate) now_ms: Box<dyn Fn() -> i64>,
    pub(crate) stdin: RefCell<Option<Input>>,
    pub(crate) stdin_tty: bool,
    pub(crate) connect: Connector,
    pub(crate) reach: Reach,
    pub(crate) interrupt: Box<dyn Fn() -> Interrupt>,
}

impl World {
    /// The surroundings of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            env: Box::new(|name| std::env::var(name).ok()),
            cwd: std::env::current_dir().unwrap_or_default(),
            host_root: PathBuf::from("/"),
            system_config: PathBuf::from("/etc/kq/config.toml"),
            now_ms: Box::new(|| jiff::Timestamp::now().as_millisecond()),
            stdin: RefCell::new(Some(Box::new(BufReader::new(io::stdin())))),
            stdin_tty: io::stdin().is_terminal(),
            connect: Box::new(cluster::connect),
            reach: Box::new(|address, bound| Box::pin(dial(address, bound))),
            interrupt: Box::new(|| {
                Box::pin(async {
                    // Without a handler Ctrl-C ends the process, which is as good.
                    if tokio::signal::ctrl_c().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                })
            }),
        }
    }

    /// What settings are found by.
    pub(crate) fn around(&self) -> Surroundings<'_> {
        Surroundings { env: &*self.env, cwd: &self.cwd, system_config: &self.system_config }
    }

    /// A variable that is set to something.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }
}

async fn dial(address: String, bound: Duration) -> Result<(), String> {
    match tokio::time::timeout(bound, tokio::net::TcpStream::connect(&address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string().to_lowercase()),
        Err(_) => Err(format!("no answer within {} ms", bound.as_millis())),
    }
}
