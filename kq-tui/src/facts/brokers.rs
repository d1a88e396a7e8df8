//! Brokers, as the frames tell them.

use std::collections::BTreeMap;

use kq_proto::admin::v1::BrokerState;
use kq_proto::monitor::v1;

use super::Rate;

/// One broker.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Broker {
    /// Its state as it was told.
    pub told: v1::BrokerState,
    /// None until it told.
    pub counters: Option<BrokerCounters>,
    /// Since when it does not tell its counters, in milliseconds since 1970; none while it does.
    pub silent_since_ms: Option<i64>,
    /// And why, in words; empty while it does tell.
    pub silent_why: String,
}

/// What a broker counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BrokerCounters {
    /// Bytes from producers.
    pub bytes_in: Rate,
    /// Records from producers.
    pub records_in: Rate,
    /// Bytes to readers.
    pub bytes_out: Rate,
    /// Bytes from its leaders, as a follower.
    pub replicated_bytes_in: Rate,
    /// When it started, in milliseconds since 1970.
    pub started_at_ms: i64,
    /// Of all its log directories that are online.
    pub disk_total_bytes: Option<u64>,
    /// Of them, free.
    pub disk_free_bytes: Option<u64>,
    /// Log directories that are offline.
    pub dirs_offline: u32,
    /// Connections of all protocols.
    pub connections: u32,
    /// Of the produce requests of the last ten seconds, in microseconds; none if there were none.
    pub produce_p99_us: Option<u64>,
    /// Of the fetch requests of the last ten seconds, in microseconds; none if there were none.
    pub fetch_p99_us: Option<u64>,
}

/// Brokers by their ids.
pub type Brokers = BTreeMap<u32, Broker>;

impl Broker {
    /// What it may do.
    pub fn state(&self) -> BrokerState {
        self.told.state()
    }

    /// Whether it takes part: everything but fenced and unknown.
    pub fn is_live(&self) -> bool {
        !matches!(self.state(), BrokerState::Fenced | BrokerState::Unspecified)
    }

    pub(super) fn count(&mut self, it: &v1::BrokerCounters, told_ms: i64) {
        let mut counters = self.counters.unwrap_or_default();
        if counters.started_at_ms != it.started_at_ms {
            counters = BrokerCounters { started_at_ms: it.started_at_ms, ..Default::default() };
        }
        counters.bytes_in.count(it.at_ms, it.bytes_in, told_ms);
        counters.records_in.count(it.at_ms, it.records_in, told_ms);
        counters.bytes_out.count(it.at_ms, it.bytes_out, told_ms);
        counters.replicated_bytes_in.count(it.at_ms, it.replicated_bytes_in, told_ms);
        counters.disk_total_bytes = it.disk_total_bytes;
        counters.disk_free_bytes = it.disk_free_bytes;
        counters.dirs_offline = it.dirs_offline;
        counters.connections = it.connections;
        counters.produce_p99_us = it.produce_p99_us;
        counters.fetch_p99_us = it.fetch_p99_us;
        self.counters = Some(counters);
    }

    /// Nobody tells its counters from now on.
    pub(super) fn interrupt(&mut self) {
        let Some(it) = &mut self.counters else { return };
        let rates =
            [&mut it.bytes_in, &mut it.records_in, &mut it.bytes_out, &mut it.replicated_bytes_in];
        rates.into_iter().for_each(Rate::interrupt);
    }
}

impl BrokerCounters {
    /// How full its disks are, in percent.
    pub fn disk_percent(&self) -> Option<u64> {
        let (total, free) = (self.disk_total_bytes?, self.disk_free_bytes?);
        total.saturating_sub(free).saturating_mul(100).checked_div(total)
    }
}
