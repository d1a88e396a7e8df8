//! Plans in committed changes.

use std::sync::Arc;

use super::super::event::{Detail, EventKind, Subject};
use super::super::image::MetadataImage;
use super::super::plan::{Lease, MoveState, PlanImage, PlanStart, PlanState, PlanStep};
use super::super::record::{List, clip};
use super::{ApplyError, DETAIL_CHARS_MAX, Stamp};
use crate::ids::{PartitionId, PlanId};

impl MetadataImage {
    pub(super) fn start_plan(&mut self, stamp: &Stamp, it: &PlanStart) -> Result<(), ApplyError> {
        if self.plans.contains_key(&it.id) {
            return Err(ApplyError::PlanExists(it.id));
        }
        let plan = PlanImage::new(it, stamp.time, stamp.reason.clone());
        self.plans.insert(it.id, Arc::new(plan));
        let detail = format!("{}, {} moves, {}", it.verb, it.moves.len(), it.lease);
        self.record_event(
            stamp,
            EventKind::PlanStarted,
            Subject::Plan(it.id),
            Detail::text(&detail),
        );
        Ok(())
    }

    pub(super) fn change_plan(
        &mut self,
        stamp: &Stamp,
        (id, state): (PlanId, PlanState),
        lease: Lease,
    ) -> Result<(), ApplyError> {
        let plan = Arc::make_mut(self.plans.get_mut(&id).ok_or(ApplyError::UnknownPlan(id))?);
        let (old_state, old_lease) = (plan.state, plan.lease);
        plan.state = state;
        plan.lease = lease;
        plan.ended_at = (!state.is_active()).then_some(stamp.time);
        let detail = match (old_state == state, old_lease == lease) {
            (true, _) => lease.to_string(),
            (false, true) => state.to_string(),
            (false, false) => format!("{state}, {lease}"),
        };
        let ended = !state.is_active();
        let kind = if ended { EventKind::PlanEnded } else { EventKind::PlanChanged };
        self.record_event(stamp, kind, Subject::Plan(id), Detail::text(&detail));
        if ended {
            self.forget_plans();
        }
        Ok(())
    }

    pub(super) fn step_plan(&mut self, stamp: &Stamp, it: &PlanStep) -> Result<(), ApplyError> {
        let PartitionId { topic, index } = it.partition;
        let plan = self.plans.get_mut(&it.plan).ok_or(ApplyError::UnknownPlan(it.plan))?;
        let plan = Arc::make_mut(plan);
        let before = plan.move_of(it.partition).map(|it| it.state);
        if !plan.take_on(it, stamp.time) {
            return Err(ApplyError::UnknownPlan(it.plan));
        }
        let planned = plan.move_of(it.partition).map(|it| it.planned.clone()).unwrap_or_default();
        // That a leader is asked again is an event of its partition already.
        if before == Some(it.state) {
            return Ok(());
        }
        let (from, to) = (List(&planned.from), List(&planned.to));
        let mut detail = match it.state {
            MoveState::Waiting | MoveState::Moving => format!("moving {from} to {to}"),
            MoveState::Done => format!("moved {from} to {to}"),
            MoveState::Returning => format!("going back to {from}"),
            MoveState::Returned => format!("back at {from}"),
            MoveState::Skipped => format!("not moved to {to}"),
            MoveState::Failed => format!("not moved from {from} to {to}"),
        };
        if !it.why.is_empty() {
            detail = format!("{detail}: {}", it.why);
        }
        let name =
            self.any_topic(topic).map_or_else(|| topic.to_string().into(), |it| it.name.clone());
        let detail = clip(&format!("plan {}: {detail}", it.plan), DETAIL_CHARS_MAX);
        let subject = Subject::Partition(name, index);
        self.record_event(stamp, EventKind::ReplicasMoved, subject, Detail::text(&detail));
        Ok(())
    }
}
