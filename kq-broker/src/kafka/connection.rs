//! One client's connection: requests in, responses out in the order of their requests.
//!
//! ```text
//!   frames ──> serve ──┬─ done at once ──────────────┐
//!                      └─ waits (acks=all, long poll)│
//!              in flight  [ waits | done | waits ]   │
//!                           front first, never past it ──> outbound ──> socket
//! ```
//! Several requests are in flight at once. One task drives all of it: a request that completes at
//! once costs neither a task nor a timer, and one that waits is polled here when it is woken.
//!
//! A client that closes its side has left, whether it closed the other one or not: no Kafka client
//! closes only one. What waits for an answer is dropped then, and this is noticed also while nothing is
//! read because enough is in flight. A request that stands alone is carried through: it changes
//! the cluster, and it ends by itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;

use super::answer::{Answer, Outcome};
use super::connections::Slot;
use super::frame::{Frame, FrameMemory, FrameReader};
use super::in_flight::InFlight;
use super::outbound::Outbound;
use super::pipeline::Pipelines;
use super::transport::Transport;

/// Response bytes in memory above which no more requests are taken up, whether they wait for the
/// socket or for the answer to an earlier request.
const OUT_BYTES_MAX: usize = 1 << 20;
/// Request bytes in flight above which no more requests are taken up.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;
/// Frames taken up before the task gives way to others.
const TURN_FRAMES_MAX: usize = 128;

/// Who is on the other side.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The address of ours that it reached.
    pub local: SocketAddr,
    /// What it calls its software, once it said so.
    pub software: Option<(String, String)>,
    /// What its producers have on their way behind a refusal.
    pub pipelines: Pipelines,
    /// Nothing else of it is on hand or has come behind the request that is served.
    pub is_lone: bool,
}

/// Answers requests. The broker's dispatch, or an echo in tests.
pub trait Serve: Send + Sync + 'static {
    /// Takes up one request.
    fn serve(&self, peer: &mut Peer, frame: Frame) -> Answer;
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The client closed it.
    #[error("closed by the client")]
    ByClient,
    /// The client's bytes make no sense; the reason names them.
    #[error("{0}")]
    Refused(String),
    /// Its client is to ask another broker.
    #[error("sent to another broker")]
    SentElsewhere,
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Bounds of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The largest request.
    pub frame_bytes_max: usize,
    /// Requests that are taken up before the first of them is answered.
    pub in_flight_max: usize,
}

/// The state of one connection.
pub struct Connection<T, S> {
    transport: T,
    serve: Arc<S>,
    peer: Peer,
    slot: Arc<Slot>,
    frames: FrameReader,
    in_flight: InFlight,
    in_flight_max: usize,
    out: Outbound,
}

/// What a connection is made of.
#[derive(Debug)]
pub struct Parts<T, S> {
    /// The stream.
    pub transport: T,
    /// What answers.
    pub serve: Arc<S>,
    /// Who asks.
    pub peer: Peer,
    /// Where the sweeper sees how long this connection may rest.
    pub slot: Arc<Slot>,
}

impl<T: Transport, S: Serve> Connection<T, S> {
    /// A connection whose first bytes have been read already.
    pub fn new(parts: Parts<T, S>, first: BytesMut, bounds: Bounds, memory: FrameMemory) -> Self {
        let Parts { transport, serve, peer, slot } = parts;
        Self {
            transport,
            serve,
            peer,
            slot,
            frames: FrameReader::new(first, bounds.frame_bytes_max, memory),
            in_flight: InFlight::default(),
            in_flight_max: bounds.in_flight_max,
            out: Outbound::default(),
        }
    }

    /// Serves until the connection ends.
    pub async fn run(mut self) -> (Peer, Ended) {
        let ended = std::future::poll_fn(|cx| self.poll(cx)).await;
        (self.peer, ended)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let polled = self.drive(cx);
        if polled.is_pending() {
            self.report();
        }
        polled
    }

    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut turn_frames = 0;
        loop {
            if let Err(ended) = self.poll_in_flight(cx) {
                return self.end(cx, ended);
            }
            match self.take_frames(&mut turn_frames) {
                // A request that waits must be polled once, or nothing would ever wake this task.
                Ok(true) => continue,
                Ok(false) => {}
                Err(ended) => return self.end(cx, ended),
            }
            let may_take = self.may_take();
            if let Poll::Ready(Err(e)) = self.out.poll_flush(cx, &mut self.transport) {
                return Poll::Ready(e.into());
            }
            if !self.may_take() {
                let left = self.may_give_up() && self.transport.poll_left(cx).is_ready();
                return if left { Poll::Ready(Ended::ByClient) } else { Poll::Pending };
            }
            if !may_take {
                // What was sent has made room: frames that are here come before those that are not,
                // for a client that waits for its answers sends no more.
                continue;
            }
            if turn_frames >= TURN_FRAMES_MAX {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.frames.poll_fill(cx, &mut self.transport) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ended::ByClient),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(e)) => return Poll::Ready(e.into()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The last words of a connection: what is answered already goes out if the socket takes it.
    fn end(&mut self, cx: &mut Context<'_>, ended: Ended) -> Poll<Ended> {
        let _ = self.out.poll_flush(cx, &mut self.transport);
        Poll::Ready(ended)
    }

    fn may_take(&self) -> bool {
        !self.in_flight.is_closed()
            && self.in_flight.len() < self.in_flight_max
            && self.in_flight.waiting_bytes() < IN_FLIGHT_BYTES_MAX
            && self.out.held_bytes() + self.in_flight.answered_bytes() < OUT_BYTES_MAX
    }

    /// Whether something waits that is of no use once the client has left.
    fn may_give_up(&self) -> bool {
        !self.in_flight.is_empty() && !self.in_flight.one_stands_alone()
    }

    /// Takes up the frames that are here; true if one of them has to be polled.
    fn take_frames(&mut self, taken: &mut usize) -> Result<bool, Ended> {
        let mut waits = false;
        while self.may_take() && *taken < TURN_FRAMES_MAX {
            let taken_now = self.frames.take().map_err(|e| Ended::Refused(e.to_string()))?;
            let Some(frame) = taken_now else { break };
            *taken += 1;
            self.slot.received();
            let bytes = frame.bytes.len();
            self.peer.is_lone = self.in_flight.is_empty() && self.frames.is_empty();
            match self.serve.serve(&mut self.peer, frame) {
                Answer::Now(outcome) => self.done(outcome)?,
                Answer::Later(work) => {
                    waits = true;
                    self.in_flight.wait(work, bytes);
                }
                Answer::Alone(work) => {
                    waits = true;
                    self.in_flight.wait_alone(work, bytes);
                }
            }
        }
        Ok(waits)
    }

    fn done(&mut self, outcome: Outcome) -> Result<(), Ended> {
        if self.in_flight.is_empty() {
            return self.send(outcome);
        }
        self.in_flight.answered(outcome);
        Ok(())
    }

    fn send(&mut self, outcome: Outcome) -> Result<(), Ended> {
        match outcome {
            Outcome::Reply(response) => response.queue(&mut self.out),
            Outcome::Last(response) => {
                response.queue(&mut self.out);
                return Err(Ended::SentElsewhere);
            }
            Outcome::Silent => {}
            Outcome::Close(reason) => return Err(Ended::Refused(reason)),
        }
        Ok(())
    }

    /// Polls the requests that were woken, then sends those at the front that are done.
    fn poll_in_flight(&mut self, cx: &Context<'_>) -> Result<(), Ended> {
        self.in_flight.poll(cx);
        while let Some(outcome) = self.in_flight.pop_done() {
            self.send(outcome)?;
        }
        Ok(())
    }

    /// Tells the sweeper what this connection waits for.
    fn report(&self) {
        let waits = !self.in_flight.is_empty();
        if !self.frames.is_empty() && self.may_take() {
            self.slot.receiving(self.frames.arrived(), waits);
        } else if waits {
            self.slot.serving();
        } else {
            self.slot.idle();
        }
    }
}
