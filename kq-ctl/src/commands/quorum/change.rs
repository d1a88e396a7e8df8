//! What the verbs share that change the quorum.

use kq_proto::admin::v1;

use crate::cli;
use crate::exit::{Exit, Failure};
use crate::output::{Report, row};
use crate::schema::QUORUM_CHANGE;
use crate::session::{Access, Danger, Session};

/// A member of the quorum, and how it may be changed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Member {
    /// Broker id
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    pub(super) id: u32,
    /// Check everything and say what would be done, but do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// End with 10 if something changed, or with --dry-run would change
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    consent: cli::Consent,
}

/// Changes the quorum, with consent where there is a danger.
pub(super) async fn change(
    args: &Member,
    (deed, done): (v1::QuorumDeed, &str),
    danger: Option<Danger>,
    session: &Session,
) -> Result<Report, Failure> {
    let access = if args.dry_run { Access::Read } else { Access::Change };
    let cluster = session.cluster(access).await?;
    if let Some(danger) = danger.filter(|_| !args.dry_run) {
        session.consent(&args.consent, &danger).await?;
    }
    let request =
        v1::ChangeQuorumRequest { deed: deed.into(), broker: args.id, dry_run: args.dry_run };
    let changed = cluster.change_quorum(request).await?.changed;
    let status = match (changed, args.dry_run) {
        (false, _) => "unchanged".to_owned(),
        (true, false) => done.to_owned(),
        (true, true) => format!("would_be_{done}"),
    };
    let mut report = Report::new(&QUORUM_CHANGE);
    report.push(row! { broker: args.id, status: status });
    report.sum("changed_count", usize::from(changed));
    report.sum("dry_run", args.dry_run);
    report.exit = (args.exit_code && changed).then_some(Exit::No);
    Ok(report)
}
