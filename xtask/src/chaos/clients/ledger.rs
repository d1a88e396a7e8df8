//! What producers were told, and what members of the group did.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::chaos::history::{Placed, Stamp};
use crate::chaos::windows::{Calm, Window};
use crate::clock;

/// What producers were told.
#[derive(Debug)]
pub(in crate::chaos) struct Ledger {
    /// By partition, in the order of acknowledgements.
    pub(in crate::chaos) acked: Vec<Vec<Placed>>,
    /// How many records were sent, by partition and producer.
    pub(in crate::chaos) sent: Vec<BTreeMap<u32, u64>>,
    /// From the begin on.
    whole: Window,
    /// Opened and closed by whoever wants to know of some time.
    window: Window,
}

impl Ledger {
    pub(super) fn begin(partitions: usize) -> Self {
        let now = clock::now();
        Self {
            acked: vec![Vec::new(); partitions],
            sent: vec![BTreeMap::new(); partitions],
            whole: Window::open(partitions, now),
            window: Window::open(partitions, now),
        }
    }

    /// The longest time in which a partition had no acknowledgement.
    pub(in crate::chaos) fn longest_stall(&self) -> Duration {
        self.whole.longest()
    }

    /// What was since the last call, and begins anew.
    pub(super) fn turn_window(&mut self) -> Calm {
        let now = clock::now();
        let fresh = Window::open(self.acked.len(), now);
        std::mem::replace(&mut self.window, fresh).close(now)
    }

    /// A record that was sent then is acknowledged now.
    pub(super) fn note_acked(&mut self, partition: usize, offset: i64, sent: (Stamp, Instant)) {
        let now = clock::now();
        let (stamp, at) = sent;
        let latency = now.saturating_duration_since(at);
        self.whole.acked(partition, latency, now);
        self.window.acked(partition, latency, now);
        // Of a record whose own answer was lost, librdkafka knows by a later one's that it is
        // there, but not where. That it is there once is judged with all that were sent.
        if let (Some(acked), Ok(offset)) = (self.acked.get_mut(partition), u64::try_from(offset)) {
            acked.push((offset, stamp));
        }
    }
}
