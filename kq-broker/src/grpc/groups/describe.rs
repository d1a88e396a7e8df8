//! All about groups that are named.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;

use super::lag::GroupRows;
use super::{lag_words, words};
use crate::group::{GroupId, Now};
use crate::grpc::Admin;
use crate::grpc::passing::{Asker, Elsewhere, passed_on};
use crate::ids::BrokerId;

impl Admin {
    pub(in crate::grpc) async fn describe_groups(
        &self,
        request: v1::DescribeGroupsRequest,
        asker: Asker,
    ) -> v1::DescribeGroupsResponse {
        let mut answer = v1::DescribeGroupsResponse::default();
        let coordinated = self.by_coordinator(request.groups.clone(), asker);
        for (there, groups) in coordinated.there {
            let theirs = v1::DescribeGroupsRequest { groups, ..request.clone() };
            let told = there.describe(theirs).await;
            answer.groups.extend(told.groups);
            answer.errors.extend(told.errors);
        }
        for name in coordinated.own {
            match self.describe_group(&GroupId::from(name.as_str()), request.with_lag).await {
                Ok((described, silent)) => {
                    answer.groups.push(described);
                    answer.errors.extend(silent.into_iter().map(lag_words::silent_leader));
                }
                Err(err) => answer.errors.push(err.into_item(name)),
            }
        }
        let place = |name: &str| request.groups.iter().position(|it| it == name);
        let name = |it: &v1::GroupDescription| it.summary.as_ref().and_then(|it| place(&it.group));
        answer.groups.sort_by_key(name);
        answer
    }

    /// Also tells which leaders did not say how far it is behind in what they lead.
    async fn describe_group(
        &self,
        group: &GroupId,
        with_lag: bool,
    ) -> Result<(v1::GroupDescription, Vec<BrokerId>), AdminError> {
        let host = self.shard_of(group).await?;
        let clock = self.node.clock;
        let now = Now { uptime: clock.elapsed(), wall_ms: clock.now().0 };
        let (survey, members, undos) = host.look(|shard| {
            let undos: Vec<_> = shard.undos_of(group).map(|it| self.undo_summary(it)).collect();
            (shard.survey(group), shard.survey_members(group, now), undos)
        });
        let survey = survey.ok_or_else(|| words::unknown_group(group.as_str()))?;
        let mut summary = words::summary(&survey, self.node.broker_id);
        let (mut partitions, mut silent) = (Vec::new(), Vec::new());
        if with_lag {
            let own = [(group.clone(), host)];
            let (looked, unheard) = self.look_at(&own, |_, _| true).await;
            for GroupRows { rows, members, .. } in looked {
                summary.lag = Some(self.lag_summary(&rows));
                summary.windowless_count = lag_words::unwatched(&rows);
                partitions = self.lag_rows(group, &rows, &members);
            }
            silent = unheard;
        }
        let described = v1::GroupDescription {
            summary: Some(summary),
            members: members.iter().map(|it| words::member(it, now.wall_ms)).collect(),
            partitions,
            undos,
        };
        Ok((described, silent))
    }
}

impl Elsewhere {
    /// What another coordinator tells of its groups, or that it tells nothing.
    async fn describe(&self, request: v1::DescribeGroupsRequest) -> v1::DescribeGroupsResponse {
        let groups = request.groups.clone();
        match self.groups().describe(passed_on(request)).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                let err = self.silent_coordinator(&status);
                let errors = groups.into_iter().map(|it| err.clone().into_item(it)).collect();
                v1::DescribeGroupsResponse { errors, ..v1::DescribeGroupsResponse::default() }
            }
        }
    }
}
