//! After the storm: whether all is well again, and what everyone then holds.

use kq_broker::ids::{BrokerId, PartitionId};
use kq_broker::metadata::PartitionImage;

use crate::broker::{Broker, Role};
use crate::world::World;

impl World {
    /// L2: the full ISR is back, everyone holds the same, and no producer waits.
    pub(crate) fn is_well(&self) -> bool {
        self.ailment().is_none()
    }

    fn ailment(&self) -> Option<String> {
        let Some(of) = self.partition() else { return Some("there is no topic".to_owned()) };
        let Some(image) = self.control.image.partition(of) else {
            return Some("there is no partition".to_owned());
        };
        if image.leader.is_none() || image.handover.is_some() {
            return Some(format!("it is not led in peace: {image:?}"));
        }
        if let Some((plan, it)) = self.control.image.plan_of(of) {
            return Some(format!("plan {} is under way: {it:?}, {image:?}", plan.id));
        }
        if !image.adding.is_empty() || !image.removing.is_empty() {
            return Some(format!("nobody ends its reassignment: {image:?}"));
        }
        if image.isr.len() != image.replicas.len() {
            return Some(format!("not everyone is in sync: {image:?}"));
        }
        if !self.clients.is_answered(of) {
            return Some("a producer waits for its answer".to_owned());
        }
        let left_over =
            |it: &&Broker| !image.replicas.contains(&it.id) && it.disk.logs.contains_key(&of);
        if let Some(broker) = self.brokers.values().find(left_over) {
            return Some(format!("{} keeps a replica that is not its own any more", broker.id));
        }
        image.replicas.iter().find_map(|id| self.ailment_of(*id, of, image))
    }

    fn ailment_of(&self, id: BrokerId, of: PartitionId, image: &PartitionImage) -> Option<String> {
        let broker = self.brokers.get(&id)?;
        let replica = broker.process.as_ref().and_then(|it| it.replicas.get(&of));
        let (Some(replica), Some(log)) = (replica, broker.disk.logs.get(&of)) else {
            return Some(format!("{id} has no replica"));
        };
        let (epoch, high_watermark) = match &replica.role {
            Role::Leader(leader) => (leader.epoch(), leader.high_watermark()),
            Role::Follower(follower) => (follower.leader_epoch(), follower.high_watermark()),
        };
        if epoch != image.leader_epoch {
            return Some(format!("{id} is in epoch {epoch}, not {}", image.leader_epoch));
        }
        let (end, hw, all) = (log.end(), high_watermark.offset().0, self.checks.committed(of));
        (end != all || hw != all)
            .then(|| format!("{id} ends at {end} with high watermark {hw} of {all}"))
    }

    pub(crate) fn judge(&mut self) {
        if let Some(what) = self.ailment() {
            self.fail("WellAfterFaults", what);
            return;
        }
        let Some(of) = self.partition() else { return };
        for id in self.control.image.partition(of).map(|it| it.replicas.clone()).unwrap_or_default()
        {
            self.check_holder(id, of, "at the end");
        }
        self.check_all_acked(of);
    }
}
