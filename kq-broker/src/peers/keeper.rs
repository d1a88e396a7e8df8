//! The leader's side of sessions: hears the beats of all brokers and has those fenced that fell
//! silent. The decisions are in [`Sessions`]; here are its clock, its streams and its commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kq_proto::cluster::v1;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tonic::Status;

use crate::controller::{
    BeatEnd, BeatStream, Command, Fence, FenceReason, Refused, Sessions, UnledSince, may_stop,
};
use crate::ids::{BrokerEpoch, BrokerId};
use crate::metadata::{BrokerImage, BrokerState, MetadataImage, TimestampMs};
use crate::raft::{Controller, Leadership};
use crate::runtime::Clock;

/// How often it is tried again to move the leaders of a broker away that wants to stop.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How often it is tried again to tell who leads.
const TELL_AGAIN: Duration = Duration::from_millis(100);

/// Keeps the sessions while this broker leads the quorum.
#[derive(Debug)]
pub struct SessionKeeper {
    controller: Controller,
    clock: Clock,
    sessions: Mutex<Sessions>,
    streams: AtomicU64,
    /// When a controller was last known before this process started, as far as it was written down.
    known_before: Option<TimestampMs>,
}

impl SessionKeeper {
    /// A keeper that has heard of nobody.
    pub fn new(
        controller: Controller,
        session: Duration,
        clock: Clock,
        known_before: Option<TimestampMs>,
    ) -> Arc<Self> {
        let sessions = Mutex::new(Sessions::new(controller.broker(), session));
        Arc::new(Self { controller, clock, sessions, streams: AtomicU64::new(0), known_before })
    }

    /// Watches over the brokers whenever this one leads, until the controller stops.
    pub async fn run(self: Arc<Self>) {
        let mut leadership = self.controller.leadership();
        loop {
            let led = leadership.borrow_and_update().clone();
            if led.leader == Some(self.controller.broker()) {
                self.lead(&mut leadership, &led).await;
                self.sessions.lock().end();
                // A controller that has stopped while it led says so by its end alone.
                if leadership.has_changed().is_err() {
                    return;
                }
            } else if leadership.changed().await.is_err() {
                return;
            }
        }
    }

    /// Keeps sessions until somebody else leads, or this one again but later.
    async fn lead(
        self: &Arc<Self>,
        leadership: &mut watch::Receiver<Leadership>,
        led: &Leadership,
    ) {
        let mut images = self.controller.subscribe();
        self.update(&mut images);
        tokio::spawn(Arc::clone(self).begin(led.term));
        loop {
            let next = self.sessions.lock().next_end();
            let wait = next.map(|at| at.saturating_sub(self.clock.elapsed()));
            tokio::select! {
                changed = leadership.changed() => {
                    if changed.is_err() || *leadership.borrow_and_update() != *led {
                        return;
                    }
                }
                changed = images.changed() => match changed {
                    Ok(()) => self.update(&mut images),
                    Err(_) => return,
                },
                () = sleep_or_never(wait) => self.fence_expired(),
            }
        }
    }

    fn update(&self, images: &mut watch::Receiver<Arc<MetadataImage>>) {
        let image = Arc::clone(&images.borrow_and_update());
        let live = image.live_brokers().map(|it| (it.id, it.epoch));
        self.sessions.lock().update(live, self.clock.elapsed());
    }

    fn fence_expired(self: &Arc<Self>) {
        let overdue = self.sessions.lock().expired(self.clock.elapsed());
        for it in overdue {
            self.fence(it);
        }
    }

    fn fence(self: &Arc<Self>, it: Fence) {
        let keeper = Arc::clone(self);
        let Fence { broker, epoch, why } = it;
        tokio::spawn(async move {
            let command = Command::FenceBroker { broker, epoch: Some(epoch), why };
            match keeper.controller.submit_as_leader(command).await {
                Ok(_) if why == FenceReason::ControlledShutdown => {
                    tracing::info!(%broker, "a broker has stopped");
                }
                Ok(_) => tracing::warn!(%broker, %why, "a broker is fenced"),
                // Who leads no more hears the streams of all others break.
                Err(err) => tracing::debug!(%broker, error = %err, "not fenced"),
            }
        });
    }

    /// Looks who is gone, for which brokers wait. The history is told meanwhile: until all who live
    /// have said a word this lead may be over, and nobody would read of it.
    async fn begin(self: Arc<Self>, term: u64) {
        tokio::join!(self.probe_silent(), self.tell_lead(term));
    }

    /// Tells the history who leads and who votes, unless the lead is lost before that.
    async fn tell_lead(&self, term: u64) {
        let broker = self.controller.broker();
        let led = Leadership { leader: Some(broker), term };
        let leadership = self.controller.leadership();
        let unled = Some(self.unled_before(term));
        while let Err(err) =
            self.controller.submit_as_leader(Command::TakeLead { broker, term, unled }).await
        {
            let passes = err.refused == Refused::NoController && !self.controller.is_stopped();
            if !passes || *leadership.borrow() != led {
                tracing::info!(term, error = %err, "the history does not tell of this lead");
                return;
            }
            tokio::time::sleep(TELL_AGAIN).await;
        }
        self.controller.note_voters("").await;
    }

    /// Since when this broker knew of nobody who led, before it did.
    fn unled_before(&self, term: u64) -> UnledSince {
        let now = self.clock.now();
        let ago = |span: Duration| {
            let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            TimestampMs(now.0.saturating_sub(ms))
        };
        match self.controller.led_before(term) {
            Some(span) => UnledSince::Moment(ago(span)),
            None => UnledSince::Start(ago(self.clock.elapsed()), self.known_before),
        }
    }

    /// A new leader asks those that it hears nothing of whether anybody is there: a machine that
    /// runs answers at once that nobody listens, and a whole session would be lost by waiting.
    async fn probe_silent(self: &Arc<Self>) {
        let silent: Vec<BrokerId> = self.sessions.lock().silent().collect();
        let peers = self.controller.peers();
        let probe = async |broker| (broker, peers.is_gone(broker).await);
        let mut probes: FuturesUnordered<_> = silent.into_iter().map(probe).collect();
        while let Some((broker, gone)) = probes.next().await {
            if !gone {
                continue;
            }
            let image = self.controller.image();
            let wished = image.broker(broker).is_some_and(|it| it.state == BrokerState::Stopping);
            let fence = self.sessions.lock().refused(broker, wished, self.clock.elapsed());
            if let Some(fence) = fence {
                self.fence(fence);
            }
        }
    }

    /// Whether a broker has a stream of beats here.
    #[cfg(test)]
    pub fn hears(&self, broker: BrokerId) -> bool {
        let sessions = self.sessions.lock();
        sessions.next_end().is_some() && sessions.silent().all(|it| it != broker)
    }

    /// Hears one broker until its stream ends, and answers every beat.
    pub async fn listen(
        self: Arc<Self>,
        (broker, first): (BrokerId, v1::Beat),
        mut beats: impl Stream<Item = Result<v1::Beat, Status>> + Unpin,
        answers: mpsc::Sender<Result<v1::BeatAnswer, Status>>,
    ) {
        let stream = BeatStream(self.streams.fetch_add(1, Ordering::Relaxed));
        let mut leadership = self.controller.leadership();
        let (mut next, mut asked_at) = (Some(first), None);
        let end = loop {
            let Some(beat) = next else { break BeatEnd::Broken };
            if beat.farewell {
                break BeatEnd::Farewell;
            }
            let answer = self.hear(broker, stream, &beat, &mut asked_at);
            if answers.send(Ok(answer)).await.is_err() {
                break BeatEnd::Broken;
            }
            next = tokio::select! {
                beat = beats.next() => beat.and_then(Result::ok),
                () = ceases_to_lead(&mut leadership, self.controller.broker()) => return,
            };
        };
        let now = self.clock.elapsed();
        let fence = self.sessions.lock().ended(broker, stream, (end, now));
        if let Some(fence) = fence {
            self.fence(fence);
        }
    }

    fn hear(
        &self,
        broker: BrokerId,
        stream: BeatStream,
        beat: &v1::Beat,
        asked_at: &mut Option<Duration>,
    ) -> v1::BeatAnswer {
        let (epoch, now) = (BrokerEpoch(beat.broker_epoch), self.clock.elapsed());
        self.sessions.lock().beat((broker, epoch), stream, now);
        self.controller.note_beat(broker);
        let image = self.controller.image();
        let is_done = beat.stopping && may_stop(&image, broker);
        if beat.stopping && !is_done && asked_at.is_none_or(|at| at + ASK_AGAIN <= now) {
            *asked_at = Some(now);
            let controller = self.controller.clone();
            tokio::spawn(async move {
                let command = Command::BeginShutdown { broker, epoch };
                if let Err(err) = controller.submit_as_leader(command).await {
                    tracing::info!(%broker, error = %err, "its leaders do not move yet");
                }
            });
        }
        // Not by the sessions: a new leader may not keep any yet.
        let lost = |it: &Arc<BrokerImage>| it.epoch > epoch || it.epoch == epoch && !it.is_live();
        let register = image.broker(broker).is_some_and(lost);
        v1::BeatAnswer { register }
    }
}

async fn ceases_to_lead(leadership: &mut watch::Receiver<Leadership>, me: BrokerId) {
    // An error is the end of the controller, and so of its lead.
    let _ = leadership.wait_for(|it| it.leader != Some(me)).await;
}

async fn sleep_or_never(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
