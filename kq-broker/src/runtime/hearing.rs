//! Whom this broker hears, and what it does when that is nobody: the shell of [`CutOff`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;

use super::Node;
use crate::ids::BrokerId;
use crate::replica::{CutOff, Heard};

/// What is heard of followers, and what this broker takes itself for.
#[derive(Debug)]
pub struct Hearing {
    me: BrokerId,
    /// When each last showed that it hears what this broker says.
    followers: Mutex<BTreeMap<BrokerId, Duration>>,
    /// Whether there is a verdict, so that those who write pay nothing for asking.
    has_verdict: AtomicBool,
    cut_off: Mutex<Option<CutOff>>,
}

impl Hearing {
    pub(super) fn new(me: BrokerId) -> Self {
        Self {
            me,
            followers: Mutex::default(),
            has_verdict: AtomicBool::new(false),
            cut_off: Mutex::default(),
        }
    }

    /// A follower goes on with its fetch session, so that the answer before has reached it. What is
    /// heard of one that begins a session says nothing of that.
    pub fn heard(&self, follower: BrokerId, now: Duration) {
        self.followers.lock().insert(follower, now);
    }

    /// Whether others may lead what this broker led.
    pub fn is_cut_off(&self) -> bool {
        self.has_verdict.load(Ordering::Acquire)
    }

    /// Whether somebody else may lead a partition that this broker leads with such an ISR.
    pub(super) fn may_be_led_elsewhere(&self, isr: &[BrokerId]) -> bool {
        let judge = |it: &CutOff| it.may_be_led_elsewhere(self.me, isr);
        self.is_cut_off() && self.cut_off.lock().as_ref().is_some_and(judge)
    }

    /// Takes over what this broker takes itself for; true if that is news.
    pub(super) fn conclude(&self, verdict: Option<CutOff>) -> bool {
        let mut cut_off = self.cut_off.lock();
        self.has_verdict.store(verdict.is_some(), Ordering::Release);
        let is_news = *cut_off != verdict;
        *cut_off = verdict;
        is_news
    }

    fn followers(&self, now: Duration) -> BTreeMap<BrokerId, Duration> {
        let followers = self.followers.lock();
        followers.iter().map(|(id, at)| (*id, now.saturating_sub(*at))).collect()
    }
}

/// Looks several times a session, until the broker stops.
pub(super) async fn run(node: Arc<Node>) {
    let session = session(&node);
    let pause = Duration::from_millis(node.config.heartbeat_ms).min(session / 4);
    loop {
        node.standstill.tick(node.clock.elapsed());
        let verdict = judge(&node).await;
        let is_cut_off = verdict.is_some();
        if node.partitions.conclude(verdict) {
            if is_cut_off {
                tracing::warn!("cut off: others may lead what this broker led, it refuses writes");
            } else {
                tracing::info!("cut off no longer");
            }
        }
        tokio::select! {
            () = node.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is heard now. Whether the others are there at all is asked only in a silence.
async fn judge(node: &Node) -> Option<CutOff> {
    node.silence()?;
    let voters = node.controller.status().voters;
    let others = voters.iter().copied().filter(|id| *id != node.broker_id);
    let probe = async |id| (id, node.controller.peers().is_gone(id).await);
    let probed = join_all(others.map(probe)).await;
    let gone = probed.into_iter().filter_map(|(id, is_gone)| is_gone.then_some(id)).collect();
    let heard = Heard {
        me: node.broker_id,
        silence: node.controller.silence(),
        session: session(node),
        voters: &voters,
        gone: &gone,
        followers: &node.partitions.hearing().followers(node.clock.elapsed()),
    };
    heard.judge()
}

fn session(node: &Node) -> Duration {
    Duration::from_millis(node.config.session_ms)
}
