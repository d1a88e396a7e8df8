//! `kq.monitor.v1`: watchers, and what brokers count for one another.
//!
//! ```text
//!   watcher --Watch--> Watcher --.                      images of the metadata, as they come
//!   watcher --Watch--> Watcher --+--> Hub ------------> one Sample of each other broker
//!   broker  --Sample----------------> Sampler <------'  one look a second at the own partitions
//!                        '---> Rounds of groups, plans and the quorum
//! ```
//! What is behind the watchers runs once for all of them, from when the first one wants it until the
//! last one is gone. What a watcher is told is decided by `crate::monitor`. A stream makes its next
//! frame when the connection can take it, so nothing is kept for who reads slowly.

mod archive;
mod curves;
mod demand;
mod hub;
mod look_ups;
mod merged;
mod peer;
mod rounds;
mod sampler;
mod sources;
mod watcher;

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::QuorumStatusResponse;
use kq_proto::monitor::v1::monitor_server::Monitor;
use kq_proto::monitor::v1::{self, watch_request::Ask};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_stream::Stream;
use tonic::{Code, Request, Response, Status, Streaming};

use self::archive::Archive;
use self::hub::Hub;
use self::rounds::Rounds;
use self::sampler::Sampler;
use self::watcher::Watcher;
use super::Admin;
use super::error::bad_argument;
use crate::monitor::{GroupRows, Window, minutes_asked};

/// Streams of samples at a time: many more than brokers that ask for one each.
const SAMPLES_MAX: usize = 1_000;
/// How long a watcher may take to say what it wants.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// Serves watchers and the brokers that sample this one. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Watching {
    admin: Admin,
    sampler: Arc<Sampler>,
    hub: Arc<Hub>,
    groups: Arc<Rounds<GroupRows>>,
    plans: Arc<Rounds<v1::Plans>>,
    quorum: Arc<Rounds<QuorumStatusResponse>>,
    /// While somebody looks into it.
    archive: Arc<Mutex<Weak<Archive>>>,
    /// One for each watcher that may come.
    places: Arc<Semaphore>,
    /// One for each stream of samples.
    samples: Arc<Semaphore>,
}

type Frames<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Watching {
    pub(super) fn new(admin: Admin) -> Self {
        let sampler = Sampler::new(Arc::clone(&admin.node));
        let hub = Hub::new(Arc::clone(&admin.node), Arc::clone(&sampler));
        let places = Arc::new(Semaphore::new(admin.node.config.watchers_max));
        Self {
            admin,
            sampler,
            hub,
            groups: Arc::default(),
            plans: Arc::default(),
            quorum: Arc::default(),
            archive: Arc::default(),
            places,
            samples: Arc::new(Semaphore::new(SAMPLES_MAX)),
        }
    }

    /// The past, for as long as the answer is kept.
    fn archive(&self) -> Arc<Archive> {
        let mut known = self.archive.lock();
        known.upgrade().unwrap_or_else(|| {
            let archive = Arc::new(Archive::default());
            *known = Arc::downgrade(&archive);
            archive
        })
    }

    fn is_sampled_enough(&self) -> AdminError {
        let message = format!(
            "broker {} is sampled by {SAMPLES_MAX} streams, and each broker needs one",
            self.admin.node.broker_id
        );
        AdminError::new(Code::ResourceExhausted, "kq.TOO_MANY_SAMPLES", message)
            .hint("Watch tells an operator all that Sample tells a broker")
    }

    fn is_full(&self) -> AdminError {
        let max = self.admin.node.config.watchers_max;
        let message = format!(
            "broker {} serves {max} watchers, and monitor.watchers.max lets it serve no more",
            self.admin.node.broker_id
        );
        AdminError::new(Code::ResourceExhausted, "kq.TOO_MANY_WATCHERS", message)
            .hint("watch through another broker")
    }
}

#[tonic::async_trait]
impl Monitor for Watching {
    type WatchStream = Frames<v1::WatchResponse>;
    type SampleStream = Frames<v1::SampleResponse>;

    async fn watch(
        &self,
        request: Request<Streaming<v1::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| self.is_full())?;
        let mut asks = request.into_inner();
        let first = tokio::time::timeout(FIRST_WAIT, asks.message()).await;
        let first = first.map_err(|_| no_window("nothing was asked for in time"))??;
        let window = match first.and_then(|it| it.ask) {
            Some(Ask::Window(window)) => Window::new(window, None),
            Some(Ask::Seek(_) | Ask::Resume(_)) => {
                return Err(no_window("there is no window yet").into());
            }
            None => return Err(no_window("the first ask is empty").into()),
        };
        let window = window.map_err(|err| bad_argument(err.to_string()))?;
        let watcher = Watcher::new(self.clone(), window, asks, place);
        let frames = futures::stream::unfold(Some(Box::new(watcher)), |watcher| async {
            let mut watcher = watcher?;
            match watcher.next().await? {
                Ok(frame) => Some((Ok(frame), Some(watcher))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(frames)))
    }

    async fn minutes(
        &self,
        request: Request<v1::MinutesRequest>,
    ) -> Result<Response<v1::MinutesResponse>, Status> {
        let asked = minutes_asked(request.into_inner());
        let asked = asked.map_err(|err| bad_argument(err.to_string()))?;
        let curves = Some(self.admin.node.minutes.curves(&asked));
        Ok(Response::new(v1::MinutesResponse { curves }))
    }

    async fn sample(
        &self,
        request: Request<v1::SampleRequest>,
    ) -> Result<Response<Self::SampleStream>, Status> {
        let place = Arc::clone(&self.samples).try_acquire_owned();
        let place = place.map_err(|_| self.is_sampled_enough())?;
        let followed = self.sampler.follow(request.into_inner().partitions);
        let stopping = self.admin.node.stopping.clone();
        let samples = futures::stream::unfold(
            (followed, stopping, place),
            |(mut followed, stopping, place)| async {
                let told = tokio::select! {
                    () = stopping.cancelled() => return None,
                    told = followed.next() => told?,
                };
                Some((Ok(told), (followed, stopping, place)))
            },
        );
        Ok(Response::new(Box::pin(samples)))
    }
}

/// A watcher that begins with something else than a window.
fn no_window(why: &str) -> AdminError {
    bad_argument(format!("{why}: the first ask of a watcher is a window"))
}
