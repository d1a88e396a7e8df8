//! All open connections: how many there may be, and how long each may rest.
//!
//! There is no timer per connection. Each leaves a deadline in its [`Slot`]; one sweeper looks at
//! them once a second and ends what is overdue.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// A frame that has begun to arrive has this long, and a second more for each
/// [`FRAME_BYTES_PER_S_MIN`] that came.
const FRAME_S_MAX: u64 = 10;
/// The slowest client that is waited for.
const FRAME_BYTES_PER_S_MIN: u64 = 8 << 10;

/// Bounds on connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Open at once.
    pub connections_max: usize,
    /// Open at once from one address.
    pub connections_per_ip_max: usize,
    /// How long a connection may be silent.
    pub idle_max: Duration,
}

/// Why a new connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The broker has as many as it may.
    #[error("{0} connections are open, as many as max.connections allows")]
    Full(usize),
    /// This address has as many as it may.
    #[error("{open} connections are open from {ip}, as many as max.connections.per.ip allows")]
    FullForIp {
        /// The address.
        ip: IpAddr,
        /// Its connections.
        open: usize,
    },
}

/// What one connection tells the sweeper. Written by its task alone.
#[derive(Debug)]
pub struct Slot {
    now_s: Arc<AtomicU64>,
    idle_s: u64,
    /// The second in which this connection is overdue.
    deadline_s: AtomicU64,
    /// The second in which the frame that is arriving began, or [`NEVER`].
    frame_since_s: AtomicU64,
    serving: AtomicBool,
}

const NEVER: u64 = u64::MAX;

impl Slot {
    fn new(now_s: Arc<AtomicU64>, idle_s: u64) -> Self {
        let slot = Self {
            now_s,
            idle_s,
            deadline_s: AtomicU64::new(NEVER),
            frame_since_s: AtomicU64::new(NEVER),
            serving: AtomicBool::new(false),
        };
        slot.idle();
        slot
    }

    /// The connection waits for its client.
    pub fn idle(&self) {
        self.serving.store(false, Ordering::Relaxed);
        self.frame_since_s.store(NEVER, Ordering::Relaxed);
        let deadline_s = self.now_s.load(Ordering::Relaxed).saturating_add(self.idle_s);
        self.deadline_s.store(deadline_s, Ordering::Relaxed);
    }

    /// The client waits for the connection, or it looks after its time itself.
    pub fn serving(&self) {
        self.received();
        self.deadline_s.store(NEVER, Ordering::Relaxed);
    }

    /// A frame of which this many bytes are here is still arriving, perhaps while the client `waits`
    /// for answers to those before. That lends it no time: it holds memory that all share.
    pub fn receiving(&self, arrived: usize, waits: bool) {
        self.serving.store(waits, Ordering::Relaxed);
        let mut since_s = self.frame_since_s.load(Ordering::Relaxed);
        if since_s == NEVER {
            since_s = self.now_s.load(Ordering::Relaxed);
            self.frame_since_s.store(since_s, Ordering::Relaxed);
        }
        let earned_s = arrived as u64 / FRAME_BYTES_PER_S_MIN;
        self.deadline_s.store(since_s + FRAME_S_MAX + earned_s, Ordering::Relaxed);
    }

    /// A frame has arrived whole and is taken up now.
    pub fn received(&self) {
        self.serving.store(true, Ordering::Relaxed);
        self.frame_since_s.store(NEVER, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Open {
    ip: IpAddr,
    slot: Arc<Slot>,
    task: Option<AbortHandle>,
}

#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    open: BTreeMap<u64, Open>,
    per_ip: BTreeMap<IpAddr, usize>,
}

/// The broker's connections.
#[derive(Debug)]
pub struct Connections {
    limits: ConnectionLimits,
    now_s: Arc<AtomicU64>,
    table: Mutex<Table>,
}

impl Connections {
    /// None open.
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, now_s: Arc::default(), table: Mutex::default() })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.table.lock().open.len()
    }

    /// Whether any client waits for an answer.
    pub fn is_serving(&self) -> bool {
        self.table.lock().open.values().any(|it| it.slot.serving.load(Ordering::Relaxed))
    }

    /// Counts a new connection in, until the result is dropped.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<Admitted, Refusal> {
        let mut table = self.table.lock();
        if table.open.len() >= self.limits.connections_max {
            return Err(Refusal::Full(table.open.len()));
        }
        let of_ip = table.per_ip.entry(ip).or_default();
        if *of_ip >= self.limits.connections_per_ip_max {
            return Err(Refusal::FullForIp { ip, open: *of_ip });
        }
        *of_ip += 1;
        let id = table.next_id;
        table.next_id += 1;
        let idle_s = self.limits.idle_max.as_secs().max(1);
        let slot = Arc::new(Slot::new(Arc::clone(&self.now_s), idle_s));
        table.open.insert(id, Open { ip, slot: Arc::clone(&slot), task: None });
        Ok(Admitted { id, slot, connections: Arc::clone(self) })
    }

    /// Says which task can be ended when the connection is overdue. It may have ended by now.
    pub fn started(&self, id: u64, task: AbortHandle) {
        if let Some(open) = self.table.lock().open.get_mut(&id) {
            open.task = Some(task);
        }
    }

    /// Lets one second pass; ends overdue connections and returns how many.
    pub fn tick(&self) -> usize {
        let now_s = self.now_s.fetch_add(1, Ordering::Relaxed) + 1;
        self.end_where(|slot| slot.deadline_s.load(Ordering::Relaxed) <= now_s)
    }

    /// Ends connections on which nobody waits for an answer; returns how many.
    pub fn end_resting(&self) -> usize {
        self.end_where(|slot| !slot.serving.load(Ordering::Relaxed))
    }

    /// Ends all of them; returns how many.
    pub fn end_all(&self) -> usize {
        self.end_where(|_| true)
    }

    fn end_where(&self, ends: impl Fn(&Slot) -> bool) -> usize {
        let table = self.table.lock();
        let overdue = table.open.values().filter(|open| ends(&open.slot));
        overdue.filter_map(|open| open.task.as_ref()).map(AbortHandle::abort).count()
    }

    fn leave(&self, id: u64) {
        let mut table = self.table.lock();
        let Some(open) = table.open.remove(&id) else { return };
        if let Some(of_ip) = table.per_ip.get_mut(&open.ip) {
            *of_ip -= 1;
            if *of_ip == 0 {
                table.per_ip.remove(&open.ip);
            }
        }
    }
}

/// A connection that was let in. Dropping it counts the connection out.
#[derive(Debug)]
pub struct Admitted {
    /// Its number, never used again.
    pub id: u64,
    /// Its deadline.
    pub slot: Arc<Slot>,
    connections: Arc<Connections>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn connections() -> Arc<Connections> {
        Connections::new(ConnectionLimits {
            connections_max: 3,
            connections_per_ip_max: 2,
            idle_max: Duration::from_mins(1),
        })
    }

    #[test]
    fn one_address_cannot_take_all_connections() {
        let all = connections();
        let first = all.admit(A).unwrap();
        let _second = all.admit(A).unwrap();
        assert_eq!(all.admit(A).unwrap_err(), Refusal::FullForIp { ip: A, open: 2 });
        let _third = all.admit(B).unwrap();
        assert_eq!(all.admit(B).unwrap_err(), Refusal::Full(3));
        drop(first);
        assert!(all.admit(A).is_ok(), "a closed connection makes room");
        assert_eq!(all.count(), 2);
    }

    fn overdue_after(slot: &Slot) -> u64 {
        slot.deadline_s.load(Ordering::Relaxed) - slot.now_s.load(Ordering::Relaxed)
    }

    #[test]
    fn a_frame_in_dribbles_is_given_little_time() {
        let all = connections();
        let one = all.admit(A).unwrap();
        assert_eq!(overdue_after(&one.slot), 60);
        one.slot.receiving(1, false);
        all.tick();
        one.slot.receiving(2, false);
        assert_eq!(overdue_after(&one.slot), 9, "a byte more earns no time");
        one.slot.receiving(80 << 10, false);
        assert_eq!(overdue_after(&one.slot), 19, "ten times the slowest rate earns ten seconds");
        one.slot.received();
        one.slot.receiving(3, false);
        assert_eq!(overdue_after(&one.slot), 10, "the next frame starts anew");
    }

    #[test]
    fn a_request_being_served_is_never_overdue() {
        let all = connections();
        let one = all.admit(A).unwrap();
        one.slot.serving();
        assert_eq!(one.slot.deadline_s.load(Ordering::Relaxed), NEVER);
        one.slot.idle();
        assert_eq!(overdue_after(&one.slot), 60);
    }

    #[tokio::test]
    async fn the_sweeper_ends_what_is_overdue() {
        let all = connections();
        let one = all.admit(A).unwrap();
        let id = one.id;
        one.slot.receiving(1, false);
        let task = tokio::spawn(async move {
            let _held = one;
            std::future::pending::<()>().await;
        });
        all.started(id, task.abort_handle());
        for _ in 0..9 {
            assert_eq!(all.tick(), 0);
        }
        assert_eq!(all.tick(), 1);
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(all.count(), 0);
    }
}
