//! One partition: who leads, who is in sync, what its leader counted.

use std::sync::Arc;

use super::Rate;

/// Which partition: its topic's number in this stream, and its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The number of its topic.
    pub topic: u32,
    /// Its index.
    pub index: u32,
}

/// How a partition is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Nobody leads it: it can be neither read nor written.
    Offline,
    /// Fewer are in sync than `min.insync.replicas`: acks=all is refused.
    UnderMin,
    /// As many are in sync as must be, and not all: with one less, acks=all is refused.
    AtMin,
    /// Not all are in sync.
    UnderReplicated,
    /// Replicas are being moved, and nothing is wrong.
    Moving,
    /// Another replica leads than the preferred one.
    NotPreferred,
    /// As it should be.
    Ok,
}

impl Health {
    /// Every one, the worst first.
    pub const ALL: [Self; 7] = [
        Self::Offline,
        Self::UnderMin,
        Self::AtMin,
        Self::UnderReplicated,
        Self::Moving,
        Self::NotPreferred,
        Self::Ok,
    ];

    /// The word that screens show.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offline => "OFFLINE",
            Self::UnderMin => "<MIN",
            Self::AtMin => "MIN",
            Self::UnderReplicated => "URP",
            Self::Moving => "moving",
            Self::NotPreferred => "not pref",
            Self::Ok => "ok",
        }
    }

    /// Whether a replica is out of sync that should be in it.
    pub const fn is_ill(self) -> bool {
        matches!(self, Self::Offline | Self::UnderMin | Self::AtMin | Self::UnderReplicated)
    }
}

/// What a reassignment does to a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moving {
    /// Replicas that it adds.
    pub adding: Vec<u32>,
    /// Replicas that it will take away.
    pub removing: Vec<u32>,
}

/// What the leader counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counters {
    /// The log start offset.
    pub start_offset: u64,
    /// The high watermark.
    pub high_watermark: u64,
    /// Bytes of the leader's log.
    pub size_bytes: u64,
    /// The log end offset, and the records that come in.
    pub end_offset: Rate,
}

/// A follower that lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Which broker.
    pub broker: u32,
    /// Records that it lacks.
    pub records: u64,
    /// When it last held everything, in milliseconds since 1970.
    pub caught_up_at_ms: Option<i64>,
}

/// One partition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Partition {
    /// Who leads.
    pub leader: Option<u32>,
    /// Since which leader epoch.
    pub leader_epoch: u32,
    /// Who holds it, the preferred leader first.
    pub replicas: Arc<[u32]>,
    /// Bit N: the Nth replica is in the ISR.
    pub in_sync: u64,
    /// Since when it is so, in milliseconds since 1970.
    pub changed_at_ms: Option<i64>,
    /// Set while replicas are being moved.
    pub moving: Option<Box<Moving>>,
    /// None until its leader told.
    pub counters: Option<Counters>,
    /// Followers that lack something, as the leader told with the counters.
    pub behind: Box<[Behind]>,
}

impl Partition {
    /// It is not counted from now on.
    pub(super) fn interrupt(&mut self) {
        if let Some(counters) = &mut self.counters {
            counters.end_offset.interrupt();
        }
    }

    /// The replicas in the ISR, in the order of replicas.
    pub fn isr(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_sync(true)
    }

    /// The replicas that are not in the ISR and not being added either.
    pub fn out(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_sync(false).filter(|id| !self.is_adding(*id))
    }

    /// The preferred leader.
    pub fn preferred(&self) -> Option<u32> {
        self.replicas.first().copied()
    }

    /// How it is, where so many replicas must be in sync for a write with acks=all.
    pub fn health(&self, min_insync_replicas: u32) -> Health {
        let isr = self.in_sync.count_ones();
        let is_under = self.out().next().is_some();
        if self.leader.is_none() {
            Health::Offline
        } else if isr < min_insync_replicas {
            Health::UnderMin
        } else if is_under && isr == min_insync_replicas {
            Health::AtMin
        } else if is_under {
            Health::UnderReplicated
        } else if self.moving.is_some() {
            Health::Moving
        } else if self.leader == self.preferred() {
            Health::Ok
        } else {
            Health::NotPreferred
        }
    }

    /// Since when it is as ill as it is, in milliseconds since 1970. Of others brokers keep no such time.
    pub fn ill_since_ms(&self, min_insync_replicas: u32) -> Option<i64> {
        self.changed_at_ms.filter(|_| self.health(min_insync_replicas).is_ill())
    }

    /// What a follower lacks, if it lacks something and its leader told.
    pub fn behind_of(&self, broker: u32) -> Option<&Behind> {
        self.behind.iter().find(|it| it.broker == broker)
    }

    /// A replica that is out, and of which the leader tells nothing: it has not heard of it since it
    /// leads.
    pub fn unheard(&self) -> Option<u32> {
        self.leader?;
        self.out().find(|id| self.behind_of(*id).is_none())
    }

    /// About so many bytes a record takes; none while that is not known.
    pub fn bytes_per_record(&self) -> Option<u64> {
        let counters = self.counters?;
        let records = counters.end_offset.value()?.checked_sub(counters.start_offset)?;
        counters.size_bytes.checked_div(records)
    }

    fn by_sync(&self, wanted: bool) -> impl Iterator<Item = u32> + '_ {
        let is_in = move |at: usize| {
            u32::try_from(at).ok().and_then(|at| self.in_sync.checked_shr(at)).unwrap_or(0) & 1 == 1
        };
        self.replicas.iter().enumerate().filter(move |it| is_in(it.0) == wanted).map(|it| *it.1)
    }

    fn is_adding(&self, broker: u32) -> bool {
        self.moving.as_ref().is_some_and(|it| it.adding.contains(&broker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(leader: Option<u32>, in_sync: u64) -> Partition {
        Partition { leader, in_sync, replicas: [3, 1, 2].into(), ..Partition::default() }
    }

    #[test]
    fn health_is_the_worst_that_is_true() {
        let cases = [
            (partition(None, 0b111), Health::Offline),
            (partition(Some(3), 0b001), Health::UnderMin),
            (partition(Some(3), 0b011), Health::AtMin),
            (partition(Some(3), 0b111), Health::Ok),
            (partition(Some(1), 0b111), Health::NotPreferred),
        ];
        for (partition, health) in cases {
            assert_eq!(partition.health(2), health, "{partition:?}");
        }
        assert_eq!(partition(Some(3), 0b011).health(1), Health::UnderReplicated);
    }

    #[test]
    fn who_is_not_ill_is_so_since_nobody_knows_when() {
        let since = |leader, in_sync| {
            let changed_at_ms = Some(7);
            Partition { changed_at_ms, ..partition(Some(leader), in_sync) }.ill_since_ms(2)
        };
        assert_eq!([since(3, 0b011), since(1, 0b111)], [Some(7), None]);
    }

    #[test]
    fn a_replica_that_is_being_added_is_not_missed() {
        let moving = Moving { adding: vec![2], removing: vec![1] };
        let moved = Partition { moving: Some(Box::new(moving)), ..partition(Some(3), 0b011) };
        assert_eq!(moved.health(2), Health::Moving);
        assert_eq!(moved.out().count(), 0);
    }

    #[test]
    fn what_a_new_leader_has_not_heard_of_lacks_nobody_knows_what() {
        let out = partition(Some(3), 0b101);
        assert_eq!(out.unheard(), Some(1));
        let behind = Behind { broker: 1, records: 7, caught_up_at_ms: None };
        let heard = Partition { behind: [behind].into(), ..out };
        assert_eq!(heard.unheard(), None);
        assert_eq!(partition(None, 0b101).unheard(), None, "nobody leads");
    }

    #[test]
    fn more_than_sixty_four_replicas_are_no_fault() {
        let replicas: Vec<u32> = (0..100).collect();
        let wide = Partition {
            leader: Some(0),
            in_sync: u64::MAX,
            replicas: replicas.into(),
            ..Partition::default()
        };
        assert_eq!((wide.isr().count(), wide.out().count()), (64, 36));
    }
}
