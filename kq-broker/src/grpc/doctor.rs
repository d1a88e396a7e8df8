//! What is wrong, what will be, and what costs without need: one function per check, over one image
//! and what the brokers told.

mod brokers;
mod compaction;
mod topics;

use kq_proto::admin::v1::{self, Finding, Severity};
use tonic::Status;

use super::Admin;
use super::error::bad_argument;
use super::gather::Wanted;
use super::health::{reasons, shorten};
use super::shape::Shapes;
use crate::raft::{ControllerStatus, MemberStatus};

/// What the checks look at.
struct Exam {
    shapes: Shapes,
    status: ControllerStatus,
    /// Of the quorum, as its leader sees them.
    members: Vec<MemberStatus>,
    now_ms: i64,
    /// Live brokers that did not answer.
    silent: Vec<u32>,
}

/// What a check needs besides the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Image,
    /// Every live broker's answer.
    Answers,
}

/// One check.
struct Check {
    id: &'static str,
    title: &'static str,
    needs: Needs,
    find: fn(&Exam) -> Vec<Finding>,
}

const CHECKS: &[Check] = &[
    check("D001", "partitions offline", Needs::Image, |it| known(it, "D001")),
    check("D002", "partitions under min ISR", Needs::Image, |it| known(it, "D002")),
    check("D003", "partitions at min ISR", Needs::Image, |it| known(it, "D003")),
    check("D004", "replication factor without spare", Needs::Image, topics::no_spare),
    check("D005", "replicas all in one rack", Needs::Image, topics::one_rack),
    check("D006", "leaders unevenly spread", Needs::Image, brokers::leader_skew),
    check("D007", "preferred leader off", Needs::Image, topics::not_preferred),
    check("D009", "moves that stand still", Needs::Image, topics::stuck_moves),
    check("D015", "disks nearly full", Needs::Answers, |it| known(it, "D015")),
    check("D016", "log directories offline", Needs::Answers, |it| known(it, "D016")),
    check("D017", "clocks that differ", Needs::Answers, brokers::clock_skew),
    check("D019", "mixed versions", Needs::Answers, brokers::mixed_versions),
    check("D020", "voters of the quorum", Needs::Image, brokers::voters),
    check(
        "D021",
        "leaders of the quorum that come and go",
        Needs::Image,
        brokers::controller_churn,
    ),
    check("D022", "replicas that come and go", Needs::Image, topics::isr_churn),
    check("D023", "unclean election enabled", Needs::Image, topics::unclean),
    check("D024", "compaction stalled", Needs::Answers, compaction::stalled),
    check("D025", "segments too small", Needs::Image, topics::small_segments),
    check("D030", "partitions under-replicated", Needs::Image, |it| known(it, "D030")),
    check("D031", "brokers fenced", Needs::Image, |it| known(it, "D031")),
    check("D032", "partitions that cannot be served", Needs::Answers, |it| known(it, "D032")),
    check("D033", "controller out of reach", Needs::Image, |it| known(it, "D033")),
    check("D034", "brokers that do not answer", Needs::Image, |it| known(it, "D034")),
];

const fn check(
    id: &'static str,
    title: &'static str,
    needs: Needs,
    find: fn(&Exam) -> Vec<Finding>,
) -> Check {
    Check { id, title, needs, find }
}

impl Admin {
    pub(super) async fn examine(
        &self,
        request: v1::DoctorRequest,
    ) -> Result<v1::DoctorResponse, Status> {
        let named = request.checks.iter().chain(&request.skip);
        if let Some(unknown) = named.into_iter().find(|id| !CHECKS.iter().any(|it| it.id == **id)) {
            let ids: Vec<&str> = CHECKS.iter().map(|it| it.id).collect();
            let message = format!("there is no check '{unknown}'");
            return Err(bad_argument(message).hint(format!("one of: {}", ids.join(", "))).into());
        }
        let exam = self.exam().await;
        let wanted = |it: &&Check| {
            let asked = |ids: &[String]| ids.iter().any(|id| id == it.id);
            (request.checks.is_empty() || asked(&request.checks)) && !asked(&request.skip)
        };
        let mut answer = v1::DoctorResponse::default();
        for check in CHECKS.iter().filter(wanted) {
            answer.findings.extend((check.find)(&exam));
            answer.checks.push(v1::DoctorCheck {
                id: check.id.to_owned(),
                title: check.title.to_owned(),
                incomplete: exam.gap(check.needs),
            });
        }
        (answer.findings, answer.omitted_count) =
            shorten(answer.findings, request.per_check_max, |it| (it.severity, &it.check));
        Ok(answer)
    }

    async fn exam(&self) -> Exam {
        let mut shapes = self.shapes();
        shapes.figures = self.all_figures(Wanted::Brokers).await;
        Exam {
            silent: shapes.silent().map(|id| id.0).collect(),
            status: self.node.controller.status(),
            members: self.node.controller.describe_quorum().await,
            now_ms: self.node.clock.now().0,
            shapes,
        }
    }
}

impl Exam {
    /// What a check could not look at.
    fn gap(&self, needs: Needs) -> String {
        if needs == Needs::Image || self.silent.is_empty() {
            return String::new();
        }
        let ids: Vec<String> = self.silent.iter().map(ToString::to_string).collect();
        format!("brokers {} did not answer", ids.join(", "))
    }
}

/// What `cluster health` says of a check.
fn known(exam: &Exam, id: &str) -> Vec<Finding> {
    let rows = reasons(&exam.shapes).into_iter().filter(|it| it.check == id);
    rows.map(|it| Finding {
        check: it.check,
        severity: it.severity,
        subject: it.subject,
        what: title_of(id).to_owned(),
        evidence: it.what,
        fix: it.fix,
        safe: false,
    })
    .collect()
}

fn title_of(id: &str) -> &'static str {
    match id {
        "D001" => "nobody leads it",
        "D002" => "acks=all is refused",
        "D003" => "one loss away from refusing acks=all",
        "D015" => "its disk is nearly full",
        "D016" => "a log directory is offline",
        "D030" => "not all replicas are in sync",
        "D031" => "it is fenced",
        "D033" => "it has lost the controller",
        "D034" => "it does not answer",
        _ => "a broker cannot serve it",
    }
}

fn finding(
    (check, severity): (&str, Severity),
    subject: impl Into<String>,
    (what, evidence): (&str, String),
    fix: impl Into<String>,
) -> Finding {
    Finding {
        check: check.to_owned(),
        severity: severity.into(),
        subject: subject.into(),
        what: what.to_owned(),
        evidence,
        fix: fix.into(),
        safe: false,
    }
}
