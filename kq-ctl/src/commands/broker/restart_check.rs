//! `kq-ctl broker restart-check ID`

use kq_proto::admin::v1;

use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, Row, Tone, row};
use crate::schema::{RESTART_CHECK, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Broker id
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    id: u32,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &RESTART_CHECK
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let answer = cluster.restart_check(v1::RestartCheckRequest { broker: args.id }).await?;
    let mut report = Report::new(&RESTART_CHECK);
    report.extend(answer.risks.iter().map(risk_row));
    report.sum("safe", answer.safe);
    report.sum("risk_count", answer.risks.len());
    report.sum("leader_count", answer.leader_count);
    report.sum("replica_count", answer.replica_count);
    if !answer.safe {
        report.exit = Some(Exit::No);
        let wait = format!(
            "to wait until it is safe: kq-ctl broker wait {} --for restart-safe --timeout 10m",
            args.id
        );
        report.note(wait);
    } else if session.view.format.is_table() {
        report.note(format!(
            "broker {} can be restarted: others stand in for its {} replicas, {} of them led by it",
            args.id, answer.replica_count, answer.leader_count
        ));
    }
    Ok(report)
}

pub(crate) fn risk_word(kind: v1::RiskKind) -> Cell {
    let (word, tone) = match kind {
        v1::RiskKind::Unspecified => return Cell::Null,
        v1::RiskKind::OneReplica => ("one_replica", Tone::Bad),
        v1::RiskKind::Offline => ("offline", Tone::Bad),
        v1::RiskKind::UnderMinIsr => ("under_min_isr", Tone::Bad),
        v1::RiskKind::AcksOneLoss => ("acks_one_loss", Tone::Warn),
        v1::RiskKind::NoQuorum => ("no_quorum", Tone::Bad),
    };
    Cell::State(word, tone)
}

fn risk_row(risk: &v1::RestartRisk) -> Row {
    row! {
        topic: risk.topic.clone(),
        partition: risk.partition,
        risk: risk_word(risk.kind()),
        why: &risk.why,
        until: &risk.until,
    }
}
