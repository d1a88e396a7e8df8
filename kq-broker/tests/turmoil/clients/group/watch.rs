//! Whoever looks at a group from outside: what it has committed, all the time, and how it
//! stands where no storm is.

use kq_proto::kafka::messages::{ConsumerGroupDescribeRequest, DescribeGroupsRequest};
use kq_proto::kafka::{ErrorCode, Str};

use super::commits::fetch;
use super::desk::Desk;
use super::{ANSWER_MAX, Club};
use crate::clients::{Ground, Phase, SLOTS};
use crate::groups::Described;

/// Asks again and again.
pub(super) async fn watch(ground: &Ground, club: Club) {
    let mut desk = Desk::new(ground, club);
    loop {
        ground.pause(400).await;
        // What cannot be told now is told the next time.
        drop(fetch(&mut desk, &SLOTS, None).await);
        let is_calm = ground.phase.get() != Phase::Storm;
        let described = match club {
            Club::Classic if is_calm => describe_classic(&mut desk).await,
            Club::Consumer if is_calm => describe_consumer(&mut desk).await,
            Club::Classic | Club::Consumer => None,
        };
        ground.book.borrow_mut().describes(club.name(), described.unwrap_or_default());
    }
}

async fn describe_classic(desk: &mut Desk<'_>) -> Option<Described> {
    const VERSION: i16 = 5;
    let name = Str::from_static(desk.club.name());
    let request = DescribeGroupsRequest { groups: vec![name], ..Default::default() };
    if !desk.find().await {
        return None;
    }
    let answer = desk.ask(VERSION, &request, ANSWER_MAX).await?;
    let group = answer.groups.into_iter().next()?;
    desk.heed(group.error_code);
    let members = group.members.iter().map(|it| it.member_id.as_str().to_owned()).collect();
    let described = Described { state: group.group_state.as_str().to_owned(), members };
    (group.error_code == ErrorCode::None).then_some(described)
}

/// Of the members those that are at the group's epoch.
async fn describe_consumer(desk: &mut Desk<'_>) -> Option<Described> {
    const VERSION: i16 = 0;
    let name = Str::from_static(desk.club.name());
    let request = ConsumerGroupDescribeRequest { group_ids: vec![name], ..Default::default() };
    if !desk.find().await {
        return None;
    }
    let answer = desk.ask(VERSION, &request, ANSWER_MAX).await?;
    let group = answer.groups.into_iter().next()?;
    desk.heed(group.error_code);
    let members = group.members.iter().filter(|it| it.member_epoch == group.group_epoch);
    let members = members.map(|it| it.member_id.as_str().to_owned()).collect();
    let described = Described { state: group.group_state.as_str().to_owned(), members };
    (group.error_code == ErrorCode::None).then_some(described)
}
