//! The throttle as Kafka's tools know it (KIP-73): rates in broker keys, which a client sets before it
//! reassigns and takes away afterwards. Here they are the lease of the plan: it ends with the plan,
//! whether or not the keys are taken away.

use std::collections::BTreeMap;

use super::super::decide::Draft;
use super::super::error::ControlError;
use super::reassign::VERB;
use crate::catalogue::ConfigSources;
use crate::ids::{BrokerId, PlanId};
use crate::metadata::{Lease, MetadataRecord, PlanImage, PlannedMove, Throttle};

const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
const LEADER_RATE: &str = "leader.replication.throttled.rate";

/// The keys that a plan of Kafka's clients takes its throttle from.
pub(in crate::controller) const RATE_KEYS: [&str; 2] = [FOLLOWER_RATE, LEADER_RATE];

/// The least rate of the brokers that these moves copy from and to.
pub(super) fn lease_of_keys<'a>(
    draft: &Draft<'_, '_>,
    moves: impl Iterator<Item = &'a PlannedMove>,
) -> Lease {
    let rate = |broker: BrokerId, key: &str| {
        let sources = ConfigSources::of(&draft.image, broker, &draft.settings.fixed);
        sources.broker_number(key).and_then(|rate| u64::try_from(rate).ok())
    };
    let least = moves
        .filter(|it| it.adding().next().is_some())
        .filter_map(|it| {
            let receive = it.adding().filter_map(|to| rate(to, FOLLOWER_RATE));
            let send = it.from.iter().filter_map(|from| rate(*from, LEADER_RATE));
            receive.chain(send).min()
        })
        .min();
    let throttle = least.map_or(Throttle::Off, Throttle::Rate);
    Lease { throttle, bytes_per_second: least }
}

/// What the keys say for each plan of Kafka's clients that has not ended.
pub(in crate::controller) fn bounds_of_keys(draft: &Draft<'_, '_>) -> BTreeMap<PlanId, Lease> {
    let plans = draft.image.active_plans().into_iter().filter(|it| &*it.verb == VERB);
    plans.map(|it| (it.id, lease_of_keys(draft, left(it)))).collect()
}

/// Gives each plan its new throttle for which the keys now say something else than before. Where
/// they say the same, what an operator set by `kq-ctl plan throttle` stays.
pub(in crate::controller) fn follow_keys(
    draft: &mut Draft<'_, '_>,
    before: &BTreeMap<PlanId, Lease>,
) -> Result<(), ControlError> {
    let mut records = Vec::new();
    for (id, lease) in bounds_of_keys(draft) {
        let Some(plan) = draft.image.plan(id) else { continue };
        if before.get(&id) != Some(&lease) && plan.lease != lease {
            records.push(MetadataRecord::PlanChanged { plan: id, state: plan.state, lease });
        }
    }
    if records.is_empty() { Ok(()) } else { draft.accept(records) }
}

fn left(plan: &PlanImage) -> impl Iterator<Item = &PlannedMove> {
    plan.under_way().chain(plan.waiting()).map(|it| &it.planned)
}
