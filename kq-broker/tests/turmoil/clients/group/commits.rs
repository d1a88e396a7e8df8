//! Committing offsets and asking for them, as members of both protocols and outsiders do.

use std::collections::BTreeMap;

use kq_proto::kafka::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kq_proto::kafka::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
};
use kq_proto::kafka::messages::{OffsetCommitRequest, OffsetFetchRequest};
use kq_proto::kafka::{ErrorCode, Str};

use super::desk::Desk;
use super::{ANSWER_MAX, Club};
use crate::groups::{Identity, Ticket, Told};
use crate::history::Slot;

/// How often a commit is sent whose answer does not come.
pub(super) const SENDINGS_MAX: u32 = 3;

/// Commits, and does so again where no answer comes; the last code, none if there was no answer.
pub(super) async fn commit(
    desk: &mut Desk<'_>,
    who: &Identity,
    to: &BTreeMap<Slot, i64>,
    sendings: u32,
) -> Option<ErrorCode> {
    // The consumer protocol needs the last version; the others are in use as well.
    let version = match desk.club {
        Club::Classic => 8,
        Club::Consumer => 9,
    };
    let ground = desk.ground;
    let ticket = ground.book.borrow_mut().begin_commit(who, to);
    let request = request(who, ticket, to);
    let mut code = None;
    for _ in 0..sendings {
        if !desk.find().await {
            continue;
        }
        let asked = ground.book.borrow_mut().send_commit(who.group, ticket);
        let answer = desk.ask(version, &request, ANSWER_MAX).await;
        let partitions = answer.iter().flat_map(|it| &it.topics).flat_map(|it| &it.partitions);
        let codes = || partitions.clone().map(|it| it.error_code);
        code = codes().find(|it| *it != ErrorCode::None).or_else(|| codes().next());
        let mut history = ground.history.borrow_mut();
        ground.book.borrow_mut().end_commit((who, ticket), asked, code, &mut history);
        drop(history);
        if let Some(code) = code {
            desk.heed(code);
            if desk.host().is_some() {
                return Some(code);
            }
        }
    }
    code
}

fn request(who: &Identity, ticket: Ticket, to: &BTreeMap<Slot, i64>) -> OffsetCommitRequest {
    let topics = to.iter().map(|(slot, offset)| OffsetCommitRequestTopic {
        name: Str::from_static(slot.topic),
        partitions: vec![OffsetCommitRequestPartition {
            partition_index: slot.index,
            committed_offset: *offset,
            committed_metadata: Some(Str::from(ticket.to_string())),
            ..OffsetCommitRequestPartition::default()
        }],
    });
    OffsetCommitRequest {
        group_id: Str::from_static(who.group),
        generation_id_or_member_epoch: who.generation,
        member_id: Str::from(&who.member),
        group_instance_id: who.instance.as_ref().map(Str::from),
        topics: topics.collect(),
        ..OffsetCommitRequest::default()
    }
}

/// Asks how far the group is; `reader` is a member of a consumer group and its epoch. The error is
/// the code of the answer, none if there was no answer.
pub(super) async fn fetch(
    desk: &mut Desk<'_>,
    slots: &[Slot],
    reader: Option<(&str, i32)>,
) -> Result<BTreeMap<Slot, i64>, Option<ErrorCode>> {
    const VERSION: i16 = 9;
    let (ground, club) = (desk.ground, desk.club);
    let request = question(club, slots, reader);
    if !desk.find().await {
        return Err(None);
    }
    let lead = ground.lead_of_offsets(club.partition());
    let is_lead = lead.is_some_and(|it| Some(it.host().as_str()) == desk.host());
    let asked = ground.book.borrow_mut().moment();
    let answer = desk.ask(VERSION, &request, ANSWER_MAX).await.ok_or(None)?;
    let group = answer.groups.into_iter().next().ok_or(None)?;
    if group.error_code != ErrorCode::None {
        desk.heed(group.error_code);
        return Err(Some(group.error_code));
    }
    let is_current = is_lead && ground.lead_of_offsets(club.partition()) == lead;
    let mut history = ground.history.borrow_mut();
    let mut book = ground.book.borrow_mut();
    let told = told(&group);
    for slot in slots {
        let told = told.get(slot).copied();
        book.fetched((club.name(), *slot), (asked, is_current), told, &mut history);
    }
    if let Some(lead) = lead.filter(|_| is_current)
        && book.is_read_back_first(club.name(), lead.epoch)
    {
        history.count("read back", 1);
        history.note(format_args!("{} is read back from {lead:?}: {told:?}", club.name()));
    }
    Ok(told.into_iter().map(|(slot, it)| (slot, it.offset)).collect())
}

fn question(club: Club, slots: &[Slot], reader: Option<(&str, i32)>) -> OffsetFetchRequest {
    let topics = slots.iter().map(|slot| OffsetFetchRequestTopics {
        name: Str::from_static(slot.topic),
        partition_indexes: vec![slot.index],
    });
    let group = OffsetFetchRequestGroup {
        group_id: Str::from_static(club.name()),
        member_id: reader.map(|(member, _)| Str::from(member)),
        member_epoch: reader.map_or(-1, |(_, epoch)| epoch),
        topics: Some(topics.collect()),
    };
    OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() }
}

/// What is committed. Where the ticket is none that anybody wrote, it is one that nobody knows.
fn told(group: &OffsetFetchResponseGroup) -> BTreeMap<Slot, Told> {
    let mut told = BTreeMap::new();
    for topic in &group.topics {
        let slot = crate::clients::SLOTS.into_iter().find(|it| topic.name == it.topic);
        for partition in topic.partitions.iter().filter(|it| 0 <= it.committed_offset) {
            let Some(slot) = slot else { continue };
            let ticket = partition.metadata.as_ref().and_then(|it| it.parse().ok()).unwrap_or(0);
            let slot = Slot { index: partition.partition_index, ..slot };
            told.insert(slot, Told { offset: partition.committed_offset, ticket });
        }
    }
    told
}
