//! `kq-ctl cluster doctor`, `kq-ctl doctor`

mod fix;
mod host;

use kq_proto::admin::v1;

use crate::cli;
use crate::cluster::Cluster;
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, Row, row};
use crate::schema::{DOCTOR, DOCTOR_FIX, Schema};
use crate::session::{Access, Session};

/// The checks that are made from here: the cluster cannot know what its clients can reach, nor how the
/// machines are set up that it runs on.
const UNREACHABLE: &str = "D026";
const HOST: &str = "D029";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Warnings and errors
    Warn,
    /// Errors only
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Fix {
    /// What can harm nothing and can be undone: preferred leaders lead again (D007)
    Safe,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Only these checks
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    check: Vec<String>,
    /// Not these checks
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    skip: Vec<String>,
    /// Also look at this machine and the brokers that run on it (D029)
    #[arg(long)]
    local: bool,
    /// End with 10 if there is a finding at least as grave, with --fix one that is left
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "warn")]
    fail_on: FailOn,
    /// At most N findings of one check; 0 = all
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    per_check: u32,
    /// Do what helps, as far as it is of this sort; the rest is shown
    #[arg(long, value_enum, value_name = "SORT")]
    fix: Option<Fix>,
    #[command(flatten)]
    change: cli::Change,
}

impl Args {
    /// Whether it only looks.
    pub(crate) fn only_reads(&self) -> bool {
        self.fix.is_none()
    }

    /// Whether a check was asked for, by name or by naming none.
    fn wants(&self, check: &str) -> bool {
        let named = |ids: &[String]| ids.iter().any(|id| id.eq_ignore_ascii_case(check));
        (self.check.is_empty() || named(&self.check)) && !named(&self.skip)
    }

    fn bar(&self) -> v1::Severity {
        match self.fail_on {
            FailOn::Warn => v1::Severity::Warn,
            FailOn::Error => v1::Severity::Error,
        }
    }

    fn verify(&self) -> Result<(), Failure> {
        let it = &self.change;
        let flags = [
            ("--dry-run", it.dry_run),
            ("--exit-code", it.exit_code),
            ("--reason", it.reason.is_some()),
            ("--yes", it.consent.yes),
            ("--confirm", it.consent.confirm.is_some()),
        ];
        if let (None, Some((flag, _))) = (self.fix, flags.iter().find(|(_, given)| *given)) {
            return Err(Failure::usage(format!(
                "{flag} is for --fix, and without that nothing is changed"
            ))
            .hint("kq-ctl doctor --fix safe --dry-run"));
        }
        if !self.local && self.check.iter().any(|id| id.eq_ignore_ascii_case(HOST)) {
            return Err(Failure::usage(format!("{HOST} looks at the machine that kq-ctl runs on"))
                .hint(format!("kq-ctl doctor --local --check {HOST}, on a broker's machine")));
        }
        Ok(())
    }
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.fix.is_some() { &DOCTOR_FIX } else { &DOCTOR }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    args.verify()?;
    let access = if args.fix.is_some() { args.change.access() } else { Access::Read };
    let cluster = session.cluster(access).await?;
    let answer = examine(args, cluster.as_ref(), session).await?;
    match args.fix {
        Some(Fix::Safe) => fix::run(args, answer, cluster.as_ref(), session).await,
        None => Ok(report(args, &answer, session.view.format.is_table())),
    }
}

/// Makes all checks, there and here.
async fn examine(
    args: &Args,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<v1::DoctorResponse, Failure> {
    let here = [UNREACHABLE, HOST];
    let of_cluster = |ids: &[String]| -> Vec<String> {
        ids.iter().map(|id| id.to_uppercase()).filter(|id| !here.contains(&id.as_str())).collect()
    };
    let mut answer = v1::DoctorResponse::default();
    if args.check.is_empty() || !of_cluster(&args.check).is_empty() {
        let request = v1::DoctorRequest {
            checks: of_cluster(&args.check),
            skip: of_cluster(&args.skip),
            // What is not told cannot be mended.
            per_check_max: if args.fix.is_some() { 0 } else { args.per_check },
        };
        answer = cluster.doctor(request).await?;
    }
    if args.wants(UNREACHABLE) {
        answer.findings.extend(unreachable(cluster, session).await?);
        answer.checks.push(v1::DoctorCheck {
            id: UNREACHABLE.to_owned(),
            title: "advertised listeners unreachable from here".to_owned(),
            incomplete: String::new(),
        });
    }
    if args.local && args.wants(HOST) {
        let machine = host::look(&session.world.host_root);
        answer.findings.extend(machine.findings);
        answer.checks.push(v1::DoctorCheck {
            id: HOST.to_owned(),
            title: "settings of this machine unfriendly to a log".to_owned(),
            incomplete: machine.unseen.join("; "),
        });
    }
    answer.findings.sort_by_key(|it| std::cmp::Reverse(it.severity));
    answer.checks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(answer)
}

fn report(args: &Args, answer: &v1::DoctorResponse, in_words: bool) -> Report {
    let mut report = Report::new(&DOCTOR);
    report.extend(answer.findings.iter().map(finding_row));
    report.sum("finding_count", answer.findings.len());
    sum_up(&mut report, answer);
    if answer.findings.iter().any(|it| args.bar() <= it.severity()) {
        report.exit = Some(Exit::No);
    } else if in_words && answer.findings.is_empty() {
        report.note(nothing_found(answer.checks.len()));
    }
    report
}

fn nothing_found(checks: usize) -> String {
    format!("nothing found by {checks} check{}", if checks == 1 { "" } else { "s" })
}

/// What was looked at, and what was left out.
fn sum_up(report: &mut Report, answer: &v1::DoctorResponse) {
    report.sum("omitted_count", answer.omitted_count);
    report.sum("checks", Cell::list(answer.checks.iter().map(|it| it.id.as_str())));
    for check in answer.checks.iter().filter(|it| !it.incomplete.is_empty()) {
        report.note(format!("{} is incomplete: {}", check.id, check.incomplete));
    }
    if answer.omitted_count > 0 {
        report.note(format!("{} more findings: --per-check 0", answer.omitted_count));
    }
}

fn finding_row(it: &v1::Finding) -> Row {
    row! {
        check: &it.check,
        severity: super::severity_cell(it.severity()),
        subject: &it.subject,
        what: &it.what,
        evidence: Cell::text_or_null(it.evidence.as_str()),
        fix: Cell::text_or_null(it.fix.as_str()),
        safe: it.safe,
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
                safe: false,
            });
        }
    }
    Ok(findings)
}
