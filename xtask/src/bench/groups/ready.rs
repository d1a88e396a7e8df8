//! Until a broker answers for groups that nobody has asked for before.

use std::time::Duration;

use anyhow::{Context, Result};
use kq_proto::kafka::messages::find_coordinator::FindCoordinatorRequest;
use kq_proto::kafka::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use kq_proto::kafka::{ErrorCode, Str};

use super::wire::Connection;
use crate::clock;

/// The versions that are spoken: the first that take many groups at once.
pub(super) const FIND: i16 = 4;
pub(super) const FETCH: i16 = 8;

/// How many groups are asked about in one request.
pub(super) const AT_A_TIME: usize = 500;

/// Far longer than the topic of offsets takes to be made.
const READY_MAX: Duration = Duration::from_secs(30);

/// Looks for the coordinator of each group, which makes the topic of offsets where there is none, and
/// waits until the broker answers for all of them.
pub(super) fn await_served(connection: &mut Connection, groups: &[Str]) -> Result<()> {
    for some in groups.chunks(AT_A_TIME) {
        let served = clock::poll_until(READY_MAX, || {
            is_served(connection, some).map(|it| it.then_some(())).transpose()
        });
        served.context("groups that nobody answers for")??;
    }
    Ok(())
}

fn is_served(connection: &mut Connection, groups: &[Str]) -> Result<bool> {
    let found = connection.ask(FIND, &find(groups.to_vec()))?;
    if found.coordinators.iter().any(|it| it.error_code != ErrorCode::None) {
        return Ok(false);
    }
    let told = connection.ask(FETCH, &fetch_all(groups))?;
    Ok(told.groups.iter().all(|it| it.error_code == ErrorCode::None))
}

/// Who coordinates these groups?
pub(super) fn find(groups: Vec<Str>) -> FindCoordinatorRequest {
    FindCoordinatorRequest { coordinator_keys: groups, ..FindCoordinatorRequest::default() }
}

/// All committed offsets of these groups.
pub(super) fn fetch_all(groups: &[Str]) -> OffsetFetchRequest {
    let of = |group: &Str| OffsetFetchRequestGroup {
        group_id: group.clone(),
        topics: None,
        ..OffsetFetchRequestGroup::default()
    };
    OffsetFetchRequest { groups: groups.iter().map(of).collect(), ..OffsetFetchRequest::default() }
}
