//! What time brings: leaders go back to where they are preferred, freezes end.

use super::decide::Draft;
use super::error::ControlError;
use super::leader_policy::LeaderRules;
use super::leaders::Seat;
use crate::catalogue::ConfigSources;
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::{MetadataImage, MetadataRecord, PolicyScope, TimestampMs, TopicImage};

/// Lifts the freezes whose time is up.
pub(super) fn thaw(draft: &mut Draft<'_, '_>) -> Result<(), ControlError> {
    let now = draft.now;
    let ended = |it: &&std::sync::Arc<TopicImage>| {
        it.freeze.as_ref().is_some_and(|freeze| !freeze.holds_at(now))
    };
    let topics = draft.image.all_topics().filter(ended).map(|it| PolicyScope::Topic(it.id));
    let all = draft.image.freeze().filter(|it| !it.holds_at(now)).map(|_| PolicyScope::Cluster);
    let records: Vec<MetadataRecord> =
        topics.chain(all).map(|scope| MetadataRecord::LeadersUnfrozen { scope }).collect();
    if records.is_empty() { Ok(()) } else { draft.accept(records) }
}

/// Asks leaders to hand over to more wanted replicas, as many as the rates allow since the last
/// time; tells how many.
pub(super) fn balance(draft: &mut Draft<'_, '_>) -> Result<usize, ControlError> {
    let image = &draft.image;
    let sources = ConfigSources::of_cluster(image, &draft.settings.fixed);
    let mut records = Vec::new();
    for topic in image.topics() {
        let said = topic.leader_policy.auto_balance.or(image.leader_policy().auto_balance);
        let frozen = image.freeze_of(topic).is_some_and(|it| it.holds_at(draft.now));
        if said != Some(true) || frozen {
            continue;
        }
        let rules = LeaderRules::of(image, topic, &sources);
        let allowed = allowance(image, &rules, draft.now);
        for (index, now) in topic.partitions() {
            if records.len() >= allowed {
                break;
            }
            let id = PartitionId { topic: topic.id, index };
            let seat = Seat { image, rules: &rules, id, now, gone: None };
            records.extend(
                improvement(&seat).and_then(|to| seat.hand_over(to)).map(|now| seat.record(now)),
            );
        }
    }
    let moves = records.len();
    if moves > 0 {
        let summary =
            MetadataRecord::LeadersBalanced { moves: u32::try_from(moves).unwrap_or(u32::MAX) };
        records.insert(0, summary);
        draft.accept(records)?;
    }
    Ok(moves)
}

/// A replica that should lead and does not, though it could.
fn improvement(seat: &Seat<'_>) -> Option<BrokerId> {
    let leader = seat.now.leader.filter(|_| seat.now.handover.is_none())?;
    // The usual case by far, found without sorting anything.
    let plain =
        seat.rules.prefer.is_empty() && seat.rules.avoid.is_empty() && seat.rules.pins.is_empty();
    if plain && seat.now.replicas.first() == Some(&leader) {
        return None;
    }
    seat.best_in_sync().filter(|to| *to != leader)
}

/// How many leaders may move now: what the rate gives for the time since some moved last, and
/// never more than for a minute.
fn allowance(image: &MetadataImage, rules: &LeaderRules, now: TimestampMs) -> usize {
    let passed_ms = now.0.saturating_sub(image.balanced_at().0).clamp(0, 60_000);
    let moves = i64::from(rules.moves_per_minute).saturating_mul(passed_ms) / 60_000;
    usize::try_from(moves).unwrap_or(0)
}
