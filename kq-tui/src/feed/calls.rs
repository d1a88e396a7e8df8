//! Calls beside the stream: each is asked of a broker that answers, with what the feed knows of
//! brokers, and never twice unless the one that was asked has refused before it did anything.

mod reached;

use std::collections::BTreeMap;

use kq_proto::admin::AdminError;
use kq_proto::client::{Asker, Connection, Options, asker};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub(super) use self::reached::Reached;
use crate::model::{Answer, Call, Refusal, calls};

/// Calls at a time; more are refused.
const CALLS_MAX: usize = 16;
/// Answers that wait to be taken; behind them brokers wait.
const ANSWERS_MAX: usize = 4;
/// Of a broker's own words no more is kept.
const WORDS_MAX: usize = 2_000;

/// The way in for calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Calls(Result<mpsc::UnboundedSender<Order>, &'static str>);

/// What is wanted.
#[derive(Debug)]
enum Order {
    Ask(u64, Box<Call>),
    HangUp(u64),
}

/// What comes back; whoever takes it may wait.
#[derive(Debug)]
pub struct Answers(mpsc::Receiver<(u64, Answer)>);

impl Answers {
    /// Waits for the next one. None if nothing will be answered any more.
    pub fn wait(&mut self) -> Option<(u64, Answer)> {
        self.0.blocking_recv()
    }
}

impl Calls {
    /// Nobody can be asked, for this reason.
    pub const fn none(why: &'static str) -> Self {
        Self(Err(why))
    }

    /// Asks, and does not wait for it. An error if nobody is there to be asked.
    pub fn ask(&self, id: u64, call: Box<Call>) -> Result<(), Refusal> {
        let orders = self.0.as_ref().map_err(|why| Refusal::unasked(*why))?;
        let gone = |_| Refusal::unasked("this cluster is not asked any more: start kq-tui again");
        orders.send(Order::Ask(id, call)).map_err(gone)
    }

    /// Wants no more answers of a call. What it asked for goes on where it was heard.
    pub fn hang_up(&self, id: u64) {
        if let Ok(orders) = &self.0 {
            // Who is not there answers nothing.
            let _ = orders.send(Order::HangUp(id));
        }
    }
}

/// Where calls are carried out: on the runtime of a feed.
#[derive(Debug)]
pub(super) struct Desk {
    options: Options,
    /// Brokers that can be asked.
    brokers: watch::Receiver<Reached>,
    orders: mpsc::UnboundedReceiver<Order>,
    tell: mpsc::Sender<(u64, Answer)>,
}

/// A desk, the way to it and the way back.
pub(super) fn desk(options: Options, brokers: watch::Receiver<Reached>) -> (Desk, Calls, Answers) {
    let (ask, orders) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::channel(ANSWERS_MAX);
    (Desk { options, brokers, orders, tell }, Calls(Ok(ask)), Answers(told))
}

impl Desk {
    /// Until nobody can ask any more. Must run on a runtime.
    pub(super) async fn run(mut self) {
        let mut running = BTreeMap::<u64, JoinHandle<()>>::new();
        while let Some(order) = self.orders.recv().await {
            running.retain(|_, it| !it.is_finished());
            match order {
                Order::HangUp(id) => {
                    if let Some(call) = running.remove(&id) {
                        call.abort();
                    }
                }
                Order::Ask(id, _) if running.len() >= CALLS_MAX => {
                    let why = "too many calls wait for an answer: ask again in a moment";
                    self.refuse(id, Refusal::unasked(why));
                }
                Order::Ask(id, call) => {
                    let whom = self.brokers.borrow().whom(&call);
                    match whom {
                        Err(refusal) => self.refuse(id, refusal),
                        Ok(brokers) => {
                            let options = Options { brokers, retry: None, ..self.options.clone() };
                            let line = Line { id, tell: self.tell.clone() };
                            running.insert(id, tokio::spawn(line.carry_out(options, *call)));
                        }
                    }
                }
            }
        }
        for call in running.into_values() {
            call.abort();
        }
    }

    /// Nobody is asked.
    fn refuse(&self, id: u64, refusal: Refusal) {
        let tell = self.tell.clone();
        tokio::spawn(async move {
            // Nobody may be there to hear it.
            let _ = tell.send((id, Answer::Refused(refusal))).await;
        });
    }
}

/// One call's way back.
struct Line {
    id: u64,
    tell: mpsc::Sender<(u64, Answer)>,
}

/// Why nothing more is told.
enum End {
    /// Nobody listens.
    Unheard,
    /// No answer.
    Refused(AdminError),
    /// Nobody was asked.
    Unreached(AdminError),
}

impl From<AdminError> for End {
    fn from(error: AdminError) -> Self {
        Self::Refused(error)
    }
}

impl Line {
    async fn carry_out(self, options: Options, call: Call) {
        let last = match self.ask(options, call).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Answer::Over,
            Err(End::Unheard) => return,
            Err(End::Refused(error)) => Answer::Refused(bounded(error.into())),
            Err(End::Unreached(error)) => Answer::Refused(bounded(Refusal::unreached(error))),
        };
        // Nobody may be there to hear it.
        let _ = self.say(last).await;
    }

    async fn say(&self, answer: Answer) -> Result<(), End> {
        self.tell.send((self.id, answer)).await.map_err(|_| End::Unheard)
    }
}

macro_rules! implement {
    (
        reads { $($(#[$doc:meta])* $name:ident = $number:literal:
            $service:ident.$method:ident, $question:ident, $answer:ident;)* }
        changes { $($(#[$change_doc:meta])* $change:ident = $change_number:literal:
            $change_service:ident.$change_method:ident,
            $change_question:ident, $change_answer:ident;)* }
        streams { $($(#[$stream_doc:meta])* $stream:ident = $stream_number:literal:
            $stream_service:ident.$stream_method:ident,
            $stream_question:ident, $stream_answer:ident;)* }
    ) => {
        impl Line {
            /// Asks; a stream's answers are told one by one. None when it is over.
            async fn ask(&self, options: Options, call: Call) -> Result<Option<Answer>, End> {
                let asker = Asker::reach(options).await.map_err(End::Unreached)?;
                match call {
                    $(Call::$name(request) => {
                        let call = |at: Connection| {
                            let request = request.clone();
                            async move { at.$service().$method(request).await }
                        };
                        Ok(Some(Answer::$name(asker.ask(call).await?.into_inner())))
                    })*
                    $(Call::$change(request) => {
                        let call = |at: Connection| {
                            let request = request.clone();
                            async move { at.$change_service().$change_method(request).await }
                        };
                        Ok(Some(Answer::$change(asker.ask(call).await?.into_inner())))
                    })*
                    $(Call::$stream(request) => {
                        let call = |at: Connection| {
                            let request = request.clone();
                            async move { at.$stream_service().$stream_method(request).await }
                        };
                        let mut answers = asker.ask(call).await?.into_inner();
                        loop {
                            match answers.message().await {
                                Ok(Some(answer)) => self.say(Answer::$stream(answer)).await?,
                                Ok(None) => return Ok(None),
                                Err(status) => {
                                    return Err(asker::failure(&asker.connection(), &status).into());
                                }
                            }
                        }
                    })*
                }
            }
        }
    };
}
calls!(implement);

/// A broker's words are as long as it likes.
fn bounded(mut refusal: Refusal) -> Refusal {
    for words in [&mut refusal.code, &mut refusal.message, &mut refusal.hint] {
        if let Some((at, _)) = words.char_indices().nth(WORDS_MAX) {
            words.truncate(at);
        }
    }
    refusal
}

#[cfg(test)]
#[path = "calls_test.rs"]
mod tests;
