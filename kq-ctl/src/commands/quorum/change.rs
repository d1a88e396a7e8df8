//! What the verbs share that change the quorum.

use kq_proto::admin::v1;

use crate::cli;
use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::QUORUM_CHANGE;
use crate::session::{Danger, Session};

/// A member of the quorum, and how it may be changed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Member {
    /// Broker id
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    pub(super) id: u32,
    #[command(flatten)]
    pub(super) change: cli::Change,
}

/// Changes the quorum, with consent where there is a danger.
pub(super) async fn change(
    args: &Member,
    (deed, done): (v1::QuorumDeed, &str),
    danger: Option<Danger>,
    session: &Session,
) -> Result<Report, Failure> {
    let Member { id, change } = args;
    let cluster = session.cluster(change.access()).await?;
    if let Some(danger) = danger.filter(|_| !change.dry_run) {
        session.consent(&change.consent, &danger).await?;
    }
    let v1::Intent { reason, dry_run } = change.intent();
    let request = v1::ChangeQuorumRequest { deed: deed.into(), broker: *id, dry_run, reason };
    let changed = cluster.change_quorum(request).await?.changed;
    let status = if changed { change.status(done) } else { "unchanged".to_owned() };
    let mut report = Report::new(&QUORUM_CHANGE);
    report.push(row! { broker: *id, status: status });
    change.conclude(&mut report, usize::from(changed));
    Ok(report)
}
