//! `kq-ctl cluster doctor`, `kq-ctl doctor`

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, Row, row};
use crate::schema::{DOCTOR, Schema};
use crate::session::{Access, Session};

/// The check that is made from here: the cluster cannot know what its clients can reach.
const UNREACHABLE: &str = "D026";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Warnings and errors
    Warn,
    /// Errors only
    Error,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Only these checks
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    check: Vec<String>,
    /// Not these checks
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    skip: Vec<String>,
    /// End with 10 if there is a finding at least as grave
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "warn")]
    fail_on: FailOn,
    /// At most N findings of one check; 0 = all
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    per_check: u32,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &DOCTOR
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let of_cluster = |ids: &[String]| -> Vec<String> {
        ids.iter().map(|id| id.to_uppercase()).filter(|id| id != UNREACHABLE).collect()
    };
    let named = |ids: &[String]| ids.iter().any(|id| id.eq_ignore_ascii_case(UNREACHABLE));
    let from_here = (args.check.is_empty() || named(&args.check)) && !named(&args.skip);
    let mut answer = v1::DoctorResponse::default();
    if args.check.is_empty() || !of_cluster(&args.check).is_empty() {
        let request = v1::DoctorRequest {
            checks: of_cluster(&args.check),
            skip: of_cluster(&args.skip),
            per_check_max: args.per_check,
        };
        answer = cluster.doctor(request).await?;
    }
    if from_here {
        answer.findings.extend(unreachable(cluster.as_ref(), session).await?);
        answer.findings.sort_by_key(|it| std::cmp::Reverse(it.severity));
        answer.checks.push(v1::DoctorCheck {
            id: UNREACHABLE.to_owned(),
            title: "advertised listeners unreachable from here".to_owned(),
            incomplete: String::new(),
        });
    }
    Ok(report(args, &answer, session.view.format.is_table()))
}

fn report(args: &Args, answer: &v1::DoctorResponse, in_words: bool) -> Report {
    let mut report = Report::new(&DOCTOR);
    report.extend(answer.findings.iter().map(finding_row));
    let mut checks: Vec<&v1::DoctorCheck> = answer.checks.iter().collect();
    checks.sort_by_key(|it| &it.id);
    report.sum("finding_count", answer.findings.len());
    report.sum("omitted_count", answer.omitted_count);
    report.sum("checks", Cell::list(checks.iter().map(|it| it.id.as_str())));
    for check in checks.iter().filter(|it| !it.incomplete.is_empty()) {
        report.note(format!("{} is incomplete: {}", check.id, check.incomplete));
    }
    if answer.omitted_count > 0 {
        report.note(format!("{} more findings: --per-check 0", answer.omitted_count));
    }
    let bar = match args.fail_on {
        FailOn::Warn => v1::Severity::Warn,
        FailOn::Error => v1::Severity::Error,
    };
    if answer.findings.iter().any(|it| bar <= it.severity()) {
        report.exit = Some(Exit::No);
    } else if in_words && answer.findings.is_empty() {
        report.note(format!("nothing found by {} checks", checks.len()));
    }
    report
}

fn finding_row(it: &v1::Finding) -> Row {
    row! {
        check: &it.check,
        severity: super::severity_cell(it.severity()),
        subject: &it.subject,
        what: &it.what,
        evidence: Cell::text_or_null(it.evidence.as_str()),
        fix: Cell::text_or_null(it.fix.as_str()),
    }
}

/// Brokers whose addresses, as they tell clients, nobody answers on.
async fn unreachable(
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<Vec<v1::Finding>, Failure> {
    let brokers = cluster.list_brokers(v1::ListBrokersRequest::default()).await?.brokers;
    let mut findings = Vec::new();
    for broker in brokers.iter().filter(|it| it.state() == v1::BrokerState::Running) {
        let own = format!("{}:{}", broker.host, broker.port);
        let listed = broker.endpoints.iter().map(|it| format!("{}:{}", it.host, it.port));
        let mut addresses: Vec<String> = listed.collect();
        if addresses.is_empty() {
            addresses.push(own);
        }
        for address in addresses {
            let bound = session.settings.connect_timeout.value;
            let Err(why) = (session.world.reach)(address.clone(), bound).await else { continue };
            findings.push(v1::Finding {
                check: UNREACHABLE.to_owned(),
                severity: v1::Severity::Error.into(),
                subject: format!("broker {}", broker.id),
                what: "clients here cannot reach the address it advertises".to_owned(),
                evidence: format!("{address}: {why}"),
                fix: format!("kq-ctl config get broker {} advertised.listeners", broker.id),
            });
        }
    }
    Ok(findings)
}
