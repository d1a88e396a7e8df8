//! A broker's side of its session: one stream of beats to whoever leads the quorum, a new
//! registration when the old one was fenced, and the way out in order.

use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::controller::Command;
use crate::ids::{BrokerEpoch, BrokerId};
use crate::metadata::BrokerRegistration;
use crate::raft::{Controller, Leadership};

/// How long a registration or a wish may look for a leader.
const ASK_WAIT: Duration = Duration::from_secs(3);
/// Beats that may wait for the connection.
const BEATS_WAITING_MAX: usize = 2;

/// What a leader says to beats.
type Answers = Streaming<v1::BeatAnswer>;

/// How far the way out is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// None: it goes on.
    Stay,
    /// Its leaders are to be moved away.
    Stop,
    /// It is done.
    Leave,
}

/// Sends the beats.
#[derive(Debug)]
pub struct Pulse {
    controller: Controller,
    registration: BrokerRegistration,
    interval: Duration,
    session: Duration,
    wish: watch::Receiver<Wish>,
}

/// Tells a pulse what is wanted of it.
#[derive(Debug)]
pub struct PulseHandle {
    wish: watch::Sender<Wish>,
    task: tokio::task::JoinHandle<()>,
}

/// Why beats to one leader end.
enum Ended {
    /// Another one leads, or this one is out of reach.
    Leader,
    /// The stream to the leader broke.
    Broken,
    /// The farewell was sent.
    Left,
}

impl Pulse {
    /// Starts the beats of a broker that has registered: so often, in a session of that length.
    pub fn start(
        controller: Controller,
        registration: BrokerRegistration,
        (interval, session): (Duration, Duration),
    ) -> PulseHandle {
        let (wish, wished) = watch::channel(Wish::Stay);
        // This process lives on, and with it all that it wrote.
        let registration = BrokerRegistration { resumed_cleanly: true, ..registration };
        let pulse = Self { controller, registration, interval, session, wish: wished };
        PulseHandle { wish, task: tokio::spawn(pulse.run()) }
    }

    async fn run(mut self) {
        let mut leadership = self.controller.leadership();
        loop {
            let ended = self.attend(&mut leadership).await;
            // A farewell that nobody hears is not said twice.
            if matches!(ended, Ended::Left) || *self.wish.borrow() == Wish::Leave {
                return;
            }
            tokio::select! {
                changed = leadership.changed() => if changed.is_err() { return },
                changed = self.wish.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    /// Is there for whoever leads, until that changes.
    async fn attend(&mut self, leadership: &mut watch::Receiver<Leadership>) -> Ended {
        let Some(leader) = leadership.borrow_and_update().leader else {
            return if *self.wish.borrow() == Wish::Leave { Ended::Left } else { Ended::Leader };
        };
        if leader == self.controller.broker() {
            return self.lead(leadership).await;
        }
        let ended = self.beat_to(leader, leadership).await;
        if matches!(ended, Ended::Broken) && self.controller.peers().is_gone(leader).await {
            self.controller.succeed(leader).await;
        }
        ended
    }

    /// The registration that counts, by the image here.
    fn epoch(&self) -> BrokerEpoch {
        let image = self.controller.image();
        image.broker(self.controller.broker()).map(|it| it.epoch).unwrap_or_default()
    }

    fn is_fenced(&self) -> bool {
        !self.controller.image().is_live(self.controller.broker())
    }

    async fn register(&self) {
        tracing::info!("registering again: this broker was fenced and lives");
        let command = Command::RegisterBroker(self.registration.clone());
        if let Err(err) = self.controller.submit(command, ASK_WAIT).await {
            tracing::info!(error = %err, "not registered yet");
        }
    }

    /// Who leads needs no connection to itself.
    async fn lead(&mut self, leadership: &mut watch::Receiver<Leadership>) -> Ended {
        let me = self.controller.broker();
        let mut images = self.controller.subscribe();
        loop {
            let wish = *self.wish.borrow_and_update();
            match wish {
                Wish::Leave => return Ended::Left,
                Wish::Stop => {
                    let command = Command::BeginShutdown { broker: me, epoch: self.epoch() };
                    if let Err(err) = self.controller.submit(command, ASK_WAIT).await {
                        tracing::info!(error = %err, "leaders do not move yet");
                    }
                }
                Wish::Stay if self.is_fenced() => self.register().await,
                Wish::Stay => {}
            }
            let again = async {
                if wish == Wish::Stay {
                    // It looks again when something has changed.
                    let _ = images.wait_for(|image| !image.is_live(me)).await;
                }
                tokio::time::sleep(self.interval).await;
            };
            tokio::select! {
                () = again => {}
                changed = self.wish.changed() => if changed.is_err() { return Ended::Left },
                ended = moves_on(leadership, me) => return ended,
            }
        }
    }

    /// Beats to a leader until another one leads or the stream breaks. It is broken from here when
    /// no beat is answered for a session: who is heard and hears nothing would else stay in service
    /// and hold up all that waits for its word.
    async fn beat_to(
        &mut self,
        leader: BrokerId,
        leadership: &mut watch::Receiver<Leadership>,
    ) -> Ended {
        let Some(channel) = self.controller.peers().channel(leader) else { return Ended::Leader };
        let (beats, outgoing) = mpsc::channel(BEATS_WAITING_MAX);
        // The first beat opens the stream; the answer to the call comes with it.
        if beats.try_send(self.beat(Some(self.controller.route_to(leader)))).is_err() {
            return Ended::Leader;
        }
        let mut client = MembersClient::new(channel);
        let opened = client.heartbeat(ReceiverStream::new(outgoing));
        let Ok(Ok(opened)) = tokio::time::timeout(ASK_WAIT, opened).await else {
            return Ended::Leader;
        };
        let mut answers = opened.into_inner();
        let mut answered = Instant::now();
        let mut every = tokio::time::interval(self.interval);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        every.tick().await;
        loop {
            let wish = *self.wish.borrow_and_update();
            if wish == Wish::Leave {
                self.say_farewell(beats, answers).await;
                return Ended::Left;
            }
            tokio::select! {
                answer = timeout_at(answered + self.session, answers.next()) => {
                    let Ok(Some(Ok(answer))) = answer else { return Ended::Broken };
                    self.heed(answer).await;
                    answered = Instant::now();
                }
                _ = every.tick() => if beats.try_send(self.beat(None)).is_err() {
                    return Ended::Broken;
                },
                changed = self.wish.changed() => match changed {
                    // At once, not at the next beat.
                    Ok(()) => drop(beats.try_send(self.beat(None))),
                    Err(_) => return Ended::Left,
                },
                ended = moves_on(leadership, leader) => return ended,
            }
        }
    }

    async fn say_farewell(&self, beats: mpsc::Sender<v1::Beat>, mut answers: Answers) {
        let farewell = v1::Beat { farewell: true, ..self.beat(None) };
        let sent = beats.send(farewell).await;
        drop(beats);
        // The leader closes the stream when it has heard it.
        let closed = async { while answers.next().await.is_some() {} };
        let heard = tokio::time::timeout(ASK_WAIT, closed).await;
        tracing::debug!(sent = sent.is_ok(), heard = heard.is_ok(), "farewell");
    }

    fn beat(&self, route: Option<v1::Route>) -> v1::Beat {
        let stopping = *self.wish.borrow() != Wish::Stay;
        v1::Beat { route, broker_epoch: self.epoch().0, stopping, farewell: false }
    }

    async fn heed(&self, answer: v1::BeatAnswer) {
        if answer.register && *self.wish.borrow() == Wish::Stay {
            self.register().await;
        }
    }
}

/// Resolves when this broker leads no more, or when the controller has stopped.
async fn moves_on(leadership: &mut watch::Receiver<Leadership>, from: BrokerId) -> Ended {
    let moved = leadership.wait_for(|it| it.leader != Some(from)).await.map(drop);
    if moved.is_err() { Ended::Left } else { Ended::Leader }
}

impl PulseHandle {
    /// Asks for this broker's leaders to be moved away; the image will show that they were.
    pub fn wish_to_stop(&self) {
        self.wish.send_replace(Wish::Stop);
    }

    /// Says farewell: what follows is no failure.
    pub async fn leave(self) {
        self.wish.send_replace(Wish::Leave);
        let mut task = self.task;
        if tokio::time::timeout(ASK_WAIT * 2, &mut task).await.is_err() {
            task.abort();
        }
    }

    /// Ends the beats without a word.
    pub fn abandon(self) {
        self.task.abort();
    }
}
