//! Who coordinates: looked up inside the brokers, which no client can, to know whose answers must be
//! up to date.

use kq_broker::ids::PartitionIndex;
use kq_broker::runtime::OFFSETS_TOPIC;

use crate::clients::Ground;

/// Who leads a partition of the topic of offsets, in the newest epoch that was ever seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lead {
    pub(crate) epoch: u32,
    broker: u32,
}

impl Lead {
    /// The broker's host.
    pub(super) fn host(self) -> String {
        format!("broker-{}", self.broker)
    }
}

impl Ground {
    /// Looks who leads the partitions of the topic of offsets, as each broker has heard.
    pub(crate) fn look_at_leads(&self) {
        let mut leads = self.leads.borrow_mut();
        for node in self.seats.iter().filter_map(|it| it.node()) {
            let image = node.image();
            let Some(topic) = image.topic_by_name(OFFSETS_TOPIC) else { continue };
            for (PartitionIndex(index), partition) in topic.partitions() {
                let Some(leader) = partition.leader else { continue };
                let heard = Lead { epoch: partition.leader_epoch.0, broker: leader.0 };
                let lead = leads.entry(index).or_insert(heard);
                *lead = heard.max(*lead);
            }
        }
    }

    /// Who leads such a partition now.
    pub(super) fn lead_of_offsets(&self, partition: u32) -> Option<Lead> {
        self.look_at_leads();
        self.leads.borrow().get(&partition).copied()
    }
}
