//! A cluster, over one of its brokers at a time. When that one is gone the next is asked, with what is
//! on the screen; brokers that frames have named are known as well as those that were typed.
//!
//! A broker can lie: what is kept of its words is bounded, frames that are not taken stay with it, and
//! one that accepts and then says nothing is left.

mod known;

#[cfg(test)]
mod live_test;

use std::io;
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::client::{self, Address, Connection, Options};
use kq_proto::monitor::v1;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use self::known::Known;
use super::calls::{Reached, desk};
use super::{Answers, Asks, Calls, Feed};
use crate::model::{FeedAsk, FeedEvent};

/// Frames that wait to be taken; behind them the broker waits.
const FRAMES_MAX: usize = 4;
/// A larger frame is refused: a hundred thousand partitions are a fifth of it, and a liar can make a
/// hundred times as much of it in memory.
const FRAME_BYTES_MAX: usize = 32 << 20;
/// Who has told nothing at all by then is left.
const FIRST_FRAME: Duration = Duration::from_secs(30);
/// And who has told nothing since, for so long: a broker beats once a second.
const SILENCE: Duration = Duration::from_secs(5);
/// Between attempts, after the first one: twice as long each time, up to the bound.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Whoever was open for so long did answer: the next attempt is made at once again.
const STEADY: Duration = Duration::from_secs(1);
/// Of a broker's own words no more is shown.
const WORDS_MAX: usize = 300;

/// A cluster.
#[derive(Debug)]
pub struct Live {
    told: mpsc::Receiver<FeedEvent>,
    wishes: watch::Sender<Wishes>,
    calls: Calls,
    answers: Option<Answers>,
}

/// What is wanted: the newest of each kind, so that asks never pile up.
#[derive(Debug, Clone, Default, PartialEq)]
struct Wishes {
    window: Option<v1::Window>,
    moment: Option<v1::watch_request::Ask>,
}

impl Live {
    /// Begins to look for a broker, on a thread of its own. An error if there can be no thread.
    pub fn start(options: Options) -> io::Result<Self> {
        let (tell, told) = mpsc::channel(FRAMES_MAX);
        let (wishes, wanted) = watch::channel(Wishes::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (brokers, reached) =
            watch::channel(Reached { order: options.brokers.clone(), ..Reached::default() });
        let (desk, calls, answers) = desk(options.clone(), reached);
        let known = Known::new(&options.brokers);
        let watcher = Watcher { options, known, tell, wanted, brokers };
        std::thread::Builder::new().name("kq-feed".to_owned()).spawn(move || {
            runtime.block_on(Box::pin(async {
                // It ends with the runtime.
                tokio::spawn(desk.run());
                watcher.run().await;
            }));
        })?;
        Ok(Self { told, wishes, calls, answers: Some(answers) })
    }
}

impl Feed for Live {
    fn next(&mut self) -> Option<FeedEvent> {
        self.told.blocking_recv()
    }

    fn asks(&self) -> Asks {
        let wishes = self.wishes.clone();
        Asks::new(move |ask| wishes.send_modify(|it| it.take(ask)))
    }

    fn calls(&mut self) -> (Calls, Option<Answers>) {
        (self.calls.clone(), self.answers.take())
    }
}

impl Wishes {
    fn take(&mut self, ask: FeedAsk) {
        match ask {
            FeedAsk::Window(window) => self.window = Some(*window),
            FeedAsk::Seek(seek) => self.moment = Some(v1::watch_request::Ask::Seek(seek)),
            FeedAsk::Resume => self.moment = Some(v1::watch_request::Ask::Resume(v1::Resume {})),
            // What is now goes on at its own speed.
            FeedAsk::Speed(_) => {}
        }
    }

    /// What a broker has to be asked that was asked so much already.
    fn beyond(&self, asked: &Self) -> Vec<v1::WatchRequest> {
        let window = self.window.as_ref().filter(|_| self.window != asked.window);
        let moment = self.moment.as_ref().filter(|_| self.moment != asked.moment);
        let window = window.cloned().map(v1::watch_request::Ask::Window);
        let asks = window.into_iter().chain(moment.cloned());
        asks.map(|ask| v1::WatchRequest { ask: Some(ask) }).collect()
    }

    /// What the first broker and any other is asked first: a stream opens with an ask.
    fn opening(&self) -> Vec<v1::WatchRequest> {
        let window = v1::watch_request::Ask::Window(self.window.clone().unwrap_or_default());
        // Whoever looks at what is now has not to be brought back to it.
        let seek = self.moment.clone().filter(|it| matches!(it, v1::watch_request::Ask::Seek(_)));
        let asks = std::iter::once(window).chain(seek);
        asks.map(|ask| v1::WatchRequest { ask: Some(ask) }).collect()
    }
}

/// The thread's side.
struct Watcher {
    options: Options,
    known: Known,
    tell: mpsc::Sender<FeedEvent>,
    wanted: watch::Receiver<Wishes>,
    /// Whom calls go to, beside the stream.
    brokers: watch::Sender<Reached>,
}

/// Why a broker is watched no longer.
enum End {
    /// Nobody listens to us.
    Unheard,
    /// It is gone, or of no use; in words.
    Lost(String),
    /// No broker will be of any use; in words.
    Hopeless(String),
}

impl From<mpsc::error::SendError<FeedEvent>> for End {
    fn from(_: mpsc::error::SendError<FeedEvent>) -> Self {
        Self::Unheard
    }
}

impl Watcher {
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let told = match self.watch_one().await {
                End::Unheard => return,
                End::Lost(why) => FeedEvent::Lost { why },
                End::Hopeless(why) => FeedEvent::Ended { why },
            };
            let is_over = matches!(told, FeedEvent::Ended { .. });
            if self.tell.send(told).await.is_err() || is_over {
                return;
            }
            failures = if began.elapsed() > STEADY { 0 } else { failures + 1 };
            // Others may be up where one is down: nobody waits before all were asked once.
            if self.known.is_any_untried() {
                continue;
            }
            tokio::select! {
                () = sleep(pause(failures)) => {}
                () = self.tell.closed() => return,
            }
        }
    }

    async fn watch_one(&mut self) -> End {
        match self.open_and_watch().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn open_and_watch(&mut self) -> Result<std::convert::Infallible, End> {
        let brokers = self.known.in_order();
        let to = self.known.words();
        self.tell.send(FeedEvent::Opening { to }).await?;
        let options = Options { brokers, retry: None, ..self.options.clone() };
        let connection = tokio::select! {
            connected = client::connect(&options) => {
                connected.map_err(|error| self.unreached(&error))?
            }
            () = self.tell.closed() => return Err(End::Unheard),
        };
        let address = connection.address().clone();
        self.known.asks(&address);
        // One that has lost the controller is better than none, and worse than any other.
        let is_last = !self.known.is_any_untried();
        let connection = if is_last { connection.accepting_stale() } else { connection };
        let asked = self.wanted.borrow_and_update().clone();
        let (asks, frames) = open(&connection, &asked, self.options.call_timeout).await?;
        self.publish(&address);
        self.tell.send(FeedEvent::Open { to: address.to_string() }).await?;
        self.follow(&address, (asked, asks), frames).await
    }

    /// Calls go to the one that is watched first, then to the others.
    fn publish(&self, watched: &Address) {
        let others = self.known.all().into_iter().filter(|it| it != watched);
        let order = std::iter::once(watched.clone()).chain(others).collect();
        let reached = Reached { order, by_id: self.known.by_id(watched) };
        self.brokers.send_if_modified(|it| {
            let is_other = *it != reached;
            *it = reached;
            is_other
        });
    }

    fn unreached(&mut self, error: &client::ConnectError) -> End {
        for attempt in &error.attempts {
            self.known.asks(&attempt.address);
        }
        End::Lost(harmless(&error.to_string()))
    }

    /// Hands frames on and asks in, until one side ends.
    async fn follow(
        &mut self,
        watched: &Address,
        (mut asked, asks): (Wishes, mpsc::Sender<v1::WatchRequest>),
        mut frames: Streaming<v1::WatchResponse>,
    ) -> Result<std::convert::Infallible, End> {
        let told_by = sleep(FIRST_FRAME);
        tokio::pin!(told_by);
        let mut is_first = true;
        loop {
            tokio::select! {
                // Asks do not wait for a flood, and what has come is no silence, however late it is looked
                // at.
                biased;
                () = self.tell.closed() => return Err(End::Unheard),
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return Err(End::Unheard);
                    }
                    let wanted = self.wanted.borrow_and_update().clone();
                    for ask in wanted.beyond(&asked) {
                        if asks.send(ask).await.is_err() {
                            return Err(End::Lost("the broker takes no more asks".to_owned()));
                        }
                    }
                    asked = wanted;
                }
                frame = frames.message() => match frame {
                    Ok(Some(frame)) => {
                        if is_first {
                            self.known.answered();
                        }
                        is_first = false;
                        if self.known.learn(&frame) {
                            self.publish(watched);
                        }
                        self.tell.send(FeedEvent::Frame(Box::new(frame))).await?;
                        told_by.as_mut().reset(Instant::now() + SILENCE);
                    }
                    Ok(None) => return Err(End::Lost("the broker has ended the stream".to_owned())),
                    Err(status) => return Err(end_of(&AdminError::from_status(&status))),
                },
                () = &mut told_by => {
                    let why = if is_first { "accepts, but tells nothing" } else { "has fallen silent" };
                    return Err(End::Lost(format!("the broker {why}")));
                }
            }
        }
    }
}

async fn open(
    connection: &Connection,
    asked: &Wishes,
    bound: Duration,
) -> Result<(mpsc::Sender<v1::WatchRequest>, Streaming<v1::WatchResponse>), End> {
    let (asks, requests) = mpsc::channel(16);
    for ask in asked.opening() {
        // There is room for what opens a stream.
        let _ = asks.try_send(ask);
    }
    let mut client = connection.monitor_stream().max_decoding_message_size(FRAME_BYTES_MAX);
    match timeout(bound, client.watch(ReceiverStream::new(requests))).await {
        Ok(Ok(response)) => Ok((asks, response.into_inner())),
        Ok(Err(status)) => Err(end_of(&AdminError::from_status(&status))),
        Err(_) => Err(End::Lost("the broker accepts, but does not answer".to_owned())),
    }
}

fn end_of(error: &AdminError) -> End {
    let words = harmless(&error.message);
    if error.code == "kq.WRONG_CLUSTER" {
        return End::Hopeless(words);
    }
    if error.class == Code::Unimplemented {
        return End::Lost(format!("the broker cannot be watched: {words}"));
    }
    End::Lost(words)
}

/// A broker's words without what acts on a terminal, and not more than fits.
fn harmless(words: &str) -> String {
    words.chars().map(|it| if it.is_control() { ' ' } else { it }).take(WORDS_MAX).collect()
}

/// None after the first failure, then longer each time.
fn pause(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        more => PAUSE.saturating_mul(1 << (more - 2).min(8)).min(PAUSE_MAX),
    }
}
