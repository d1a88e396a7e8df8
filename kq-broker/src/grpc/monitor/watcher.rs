//! One watcher: waits for what there is to tell, and has its session make the frame.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::monitor::v1::{self, watch_request::Ask};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;
use tonic::{Status, Streaming};

use super::Watching;
use super::archive::Archive;
use super::rounds::Follow;
use super::sources::{News, Sources};
use crate::env;
use crate::grpc::error::bad_argument;
use crate::metadata::MetadataImage;
use crate::monitor::{History, Look, Moment, Pace, Session, Standing, Window};
use crate::raft::Leadership;
use crate::runtime::Node;

/// After so long without a frame one goes out that tells the time alone: a watcher tells calm from a
/// silent broker by it.
const BEATS_APART: Duration = Duration::from_secs(1);

/// A watcher, for as long as its stream lasts.
pub(super) struct Watcher {
    of: Watching,
    session: Session,
    sources: Sources,
    pace: Pace,
    /// None when the watcher asks nothing any more.
    asks: Option<Streaming<v1::WatchRequest>>,
    images: watch::Receiver<Arc<MetadataImage>>,
    leadership: watch::Receiver<Leadership>,
    /// What it looks at, if that is not now.
    past: Option<Moment>,
    /// Where it wants to go, and has not gone to yet: only the last of several.
    sought: Option<v1::Seek>,
    /// The past, once it has looked into it.
    archive: Option<Arc<Archive>>,
    /// What has to be done before it is told anything but the time.
    work: Option<JoinHandle<Done>>,
    /// When the newest frame went out, since the broker started.
    told_at: Duration,
    _place: OwnedSemaphorePermit,
}

/// What takes too long for a thread that others share.
enum Done {
    /// The history was gone through.
    Followed,
    /// It went to where it was asked to, and looks at this from now on, if anything moved.
    Landed(v1::Landing, Option<Moment>),
}

/// Why a watcher is told nothing more.
enum Ended {
    /// The broker stops.
    Stopping,
    /// It asks for what cannot be had.
    Refused(Status),
}

impl Watcher {
    pub(super) fn new(
        of: Watching,
        window: Window,
        asks: Streaming<v1::WatchRequest>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let node = Arc::clone(&of.admin.node);
        let mut sources = Sources::default();
        sources.attend(&of, &window);
        let session = Session::new(node.broker_id, node.fixed.clone(), window);
        Self {
            of,
            session,
            sources,
            pace: Pace::new(node.clock.elapsed()),
            asks: Some(asks),
            images: node.controller.subscribe(),
            leadership: node.controller.leadership(),
            past: None,
            sought: None,
            archive: None,
            work: None,
            told_at: node.clock.elapsed(),
            _place: place,
        }
    }

    fn node(&self) -> &Arc<Node> {
        &self.of.admin.node
    }

    fn elapsed(&self) -> Duration {
        self.node().clock.elapsed()
    }

    /// The next frame, once there is something to tell; none when the broker stops.
    pub(super) async fn next(&mut self) -> Option<Result<v1::WatchResponse, Status>> {
        loop {
            let waited = if self.work.is_none() { self.wait().await } else { Ok(()) };
            match waited {
                Ok(()) => {}
                Err(Ended::Stopping) => return None,
                Err(Ended::Refused(status)) => return Some(Err(status)),
            }
            let is_done = self.work_until(self.told_at + BEATS_APART).await?;
            let frame = if is_done { self.look() } else { None };
            if let Some(frame) = frame.or_else(|| self.beat()) {
                self.told_at = self.elapsed();
                return Some(Ok(frame));
            }
        }
    }

    fn beat(&self) -> Option<v1::WatchResponse> {
        let is_due = self.elapsed().saturating_sub(self.told_at) >= BEATS_APART;
        is_due.then(|| self.session.beat(self.node().clock.now().0))
    }

    /// Waits until a frame is due, and hears what is asked meanwhile.
    async fn wait(&mut self) -> Result<(), Ended> {
        let stopping = self.node().stopping.clone();
        loop {
            let due = self.pace.due().min(self.told_at + BEATS_APART);
            let wait = due.saturating_sub(self.elapsed());
            tokio::select! {
                biased;
                () = stopping.cancelled() => return Err(Ended::Stopping),
                ask = next_ask(&mut self.asks) => self.hear(ask).map_err(Ended::Refused)?,
                () = tokio::time::sleep(wait) => return Ok(()),
                changed = self.images.changed() => {
                    if changed.is_err() {
                        return Err(Ended::Stopping);
                    }
                    self.pace.changed(self.elapsed());
                }
                changed = self.leadership.changed() => {
                    if changed.is_err() {
                        return Err(Ended::Stopping);
                    }
                    self.pace.changed(self.elapsed());
                }
                news = self.sources.news() => match news {
                    News::Counters => self.pace.counted(self.elapsed()),
                    News::First => self.pace.asked(self.elapsed()),
                    News::More => {}
                },
            }
        }
    }

    fn hear(&mut self, asked: Option<v1::WatchRequest>) -> Result<(), Status> {
        let Some(asked) = asked else {
            // It listens on: who has asked once may close its side.
            self.asks = None;
            return Ok(());
        };
        match asked.ask {
            Some(Ask::Window(window)) => {
                let window = Window::new(window, Some(self.session.window().number()));
                let window = window.map_err(|err| bad_argument(err.to_string()))?;
                self.sources.attend(&self.of, &window);
                self.session.look_through(window);
            }
            Some(Ask::Seek(seek)) => self.sought = Some(seek),
            Some(Ask::Resume(_)) => {
                self.sought = None;
                self.past = None;
            }
            None => {
                let known = "a window, a seek and a resume are known here";
                return Err(bad_argument(format!(
                    "an ask is empty or of a kind that is not known: {known}"
                ))
                .into());
            }
        }
        self.pace.asked(self.elapsed());
        Ok(())
    }

    /// Does what takes long; whether all of it is done by then. None when the broker stops.
    async fn work_until(&mut self, due: Duration) -> Option<bool> {
        let stopping = self.node().stopping.clone();
        loop {
            self.work = self.work.take().or_else(|| self.open_archive()).or_else(|| self.go());
            let left = due.saturating_sub(self.elapsed());
            let Some(work) = &mut self.work else { return Some(true) };
            let done = tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                done = work => done,
                () = tokio::time::sleep(left) => return Some(false),
            };
            self.work = None;
            match done {
                Ok(Done::Followed) => {}
                Ok(Done::Landed(landing, moment)) => {
                    self.past = moment.or_else(|| self.past.take());
                    self.session.land(landing);
                }
                // The runtime does no more work: the broker stops.
                Err(_) => return None,
            }
        }
    }

    /// Has the history at hand where pages of it are wanted. The first time all of it is gone through.
    fn open_archive(&mut self) -> Option<JoinHandle<Done>> {
        let asked = self.session.window().asked();
        if asked.events.is_none() && asked.axis.is_none() {
            return None;
        }
        let archive = self.archive.get_or_insert_with(|| self.of.archive());
        let image = self.of.admin.node.image();
        if !archive.is_far_behind(&image) {
            archive.follow(&image);
            return None;
        }
        let archive = Arc::clone(archive);
        Some(env::spawn_blocking(move || {
            archive.follow(&image);
            Done::Followed
        }))
    }

    /// Goes to where it was asked to.
    fn go(&mut self) -> Option<JoinHandle<Done>> {
        let seek = self.sought.take()?;
        let archive = Arc::clone(self.archive.get_or_insert_with(|| self.of.archive()));
        let (image, now) = (self.node().image(), self.node().clock.now());
        Some(env::spawn_blocking(move || {
            let (landing, moment) = archive.seek(&image, &seek, now);
            Done::Landed(landing, moment)
        }))
    }

    /// Looks at everything, and makes the frame of what the watcher does not know of it.
    fn look(&mut self) -> Option<v1::WatchResponse> {
        let now = self.elapsed();
        self.pace.looked(now, self.sources.counts.is_some());
        self.leadership.mark_unchanged();
        let image = Arc::clone(&self.images.borrow_and_update());
        let moment = self.past.clone().unwrap_or_else(|| Moment::now(image));
        let standing = self.standing();
        let counts = self.sources.counts.as_ref().and_then(Follow::newest);
        let groups = self.sources.groups.as_ref().and_then(Follow::newest);
        let group = self.sources.group.as_ref().and_then(Follow::newest);
        let plans = self.sources.plans.as_ref().and_then(Follow::newest);
        let quorum = self.sources.quorum.as_ref().and_then(Follow::newest);
        self.sources.attend_curves(&self.of, self.session.window(), moment.as_of_ms);
        let curves = self.sources.curves.as_ref().and_then(Follow::newest);
        let newest = self.of.admin.node.image();
        let timeline = self.archive.as_ref().map(|it| it.timeline());
        let history = timeline.as_deref().map(|timeline| History { image: &newest, timeline });
        self.session.frame(&Look {
            now_ms: self.node().clock.now().0,
            moment: &moment,
            standing: &standing,
            counts: counts.as_ref(),
            groups: groups.as_ref(),
            group: group.as_ref(),
            plans: plans.as_ref(),
            quorum: quorum.as_ref(),
            history,
            curves: curves.as_ref(),
        })
    }

    fn standing(&self) -> Standing {
        let node = self.node();
        let status = node.controller.status();
        // In whole seconds: it is told again when it has grown by one.
        let stale = node.silence().map(|it| it.as_secs().saturating_mul(1_000));
        Standing { controller: status.leader, voters: status.voters, stale_ms: stale }
    }
}

/// What is asked next; none when nothing will be, and never where nothing can be.
async fn next_ask(asks: &mut Option<Streaming<v1::WatchRequest>>) -> Option<v1::WatchRequest> {
    match asks {
        // A connection that broke ends the stream from the other side.
        Some(asks) => asks.message().await.ok().flatten(),
        None => std::future::pending().await,
    }
}
