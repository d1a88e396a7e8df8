//! `ListGroups`: the groups that this broker coordinates.

use std::sync::Arc;

use kq_proto::kafka::Str;
use kq_proto::kafka::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use super::groups::text;
use crate::group::GroupListing;
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for ListGroupsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        Answer::Later(Box::pin(async move {
            let hosts = match door.groups().all().await {
                Ok(hosts) => hosts,
                Err(error_code) => {
                    let refused = ListGroupsResponse { error_code, ..Default::default() };
                    return call.reply::<Self>(&refused);
                }
            };
            let mut groups = Vec::new();
            for host in hosts {
                host.look(|shard| {
                    let wanted = shard.list().filter(|it| is_wanted(&self, it));
                    groups.extend(wanted.map(|it| describe(&it)));
                });
            }
            call.reply::<Self>(&ListGroupsResponse { groups, ..Default::default() })
        }))
    }
}

/// Empty filters let all through.
fn is_wanted(request: &ListGroupsRequest, group: &GroupListing) -> bool {
    let lets = |filter: &[Str], word: &str| {
        filter.is_empty() || filter.iter().any(|it| it.eq_ignore_ascii_case(word))
    };
    lets(&request.states_filter, group.state.name())
        && lets(&request.types_filter, group.group_type.name())
}

fn describe(group: &GroupListing) -> ListedGroup {
    ListedGroup {
        group_id: text(group.group.as_str()),
        protocol_type: text(&group.protocol_type),
        group_state: Str::from_static(group.state.name()),
        group_type: Str::from_static(group.group_type.name()),
    }
}
