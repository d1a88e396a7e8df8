//! `kq-ctl quorum status`

use kq_proto::admin::v1;

use crate::commands::shared::time_cell;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, Tone, row};
use crate::schema::{QUORUM_STATUS, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &QUORUM_STATUS
}

pub(crate) async fn run(_: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let answer = cluster.quorum_status(v1::QuorumStatusRequest {}).await?;
    let mut report = Report::new(&QUORUM_STATUS);
    report.extend(answer.members.iter().map(|it| member_row(it, answer.term)));
    report.sum("leader", answer.leader);
    report.sum("term", answer.term);
    report.sum("last_index", answer.last_index);
    report.sum("applied_index", answer.applied_index);
    report.sum("snapshot_index", answer.snapshot_index);
    report.sum("answered_by", answer.answered_by);
    if answer.leader.is_none() {
        report.note(
            "nobody leads the quorum: nothing can be changed until a majority of voters is there",
        );
    }
    Ok(report)
}

fn member_row(it: &v1::QuorumMember, term: u64) -> Row {
    let role = match it.role() {
        v1::QuorumRole::Unspecified => Cell::Null,
        v1::QuorumRole::Leader => Cell::State("leader", Tone::Good),
        v1::QuorumRole::Voter => Cell::State("voter", Tone::Plain),
        v1::QuorumRole::Learner => Cell::State("learner", Tone::Plain),
    };
    row! {
        broker: it.broker,
        role: role,
        live: it.live,
        epoch: term,
        end_index: it.end_index,
        lag: it.lag,
        last_contact: time_cell(it.last_contact_at_ms),
        directory: it.directory.clone(),
    }
}
