//! `kq-ctl cluster wait --for CONDITION`

use std::str::FromStr;

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::commands::waiting::{Subject, Wait, Waiting};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{Schema, WAIT};
use crate::session::{Access, Session};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `cluster health` finds nothing of weight.
    Healthy,
    /// So many brokers are alive, or more.
    Brokers(u32),
    /// Somebody leads the metadata quorum.
    Controller,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |text: &str| text.trim_start_matches('=').parse().ok();
        match text {
            "healthy" => Ok(Self::Healthy),
            "controller" => Ok(Self::Controller),
            _ => text
                .strip_prefix("brokers")
                .and_then(|rest| rest.strip_prefix(">=").or_else(|| rest.strip_prefix('=')))
                .and_then(count)
                .map(Self::Brokers)
                .ok_or_else(|| "accepted: healthy, brokers=3, controller".to_owned()),
        }
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// healthy, brokers=3 (or more), controller
    #[arg(long = "for", value_name = "CONDITION")]
    condition: Condition,
    #[command(flatten)]
    wait: Wait,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &WAIT
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let (condition, look) = match args.condition {
        Condition::Healthy => ("healthy".to_owned(), "kq-ctl cluster health"),
        Condition::Brokers(count) => (format!("brokers={count}"), "kq-ctl broker list"),
        Condition::Controller => ("controller".to_owned(), "kq-ctl quorum status"),
    };
    let waiting = Waiting {
        schema: &WAIT,
        field: "subject",
        resume: format!("kq-ctl cluster wait --for {condition}"),
        condition,
        subjects: vec![Subject {
            name: "cluster".to_owned(),
            called: "the cluster".to_owned(),
            look: look.to_owned(),
        }],
    };
    let look = async || Ok(vec![lack(args.condition, cluster.as_ref()).await?]);
    waiting.until(args.wait.bound(session), session, look).await
}

async fn lack(condition: Condition, cluster: &dyn Cluster) -> Result<Option<String>, Failure> {
    if condition == Condition::Healthy {
        let health = cluster.cluster_health(v1::ClusterHealthRequest { per_check_max: 0 }).await?;
        let grave = |it: &&v1::HealthReason| it.severity() > v1::Severity::Info;
        let first = health.reasons.iter().find(grave);
        return Ok(first.filter(|_| !health.healthy).map(|it| {
            let more = health.reasons.len() - 1;
            let more = if more > 0 { format!(" ({more} more)") } else { String::new() };
            format!("{}: {}{more}", it.subject, it.what)
        }));
    }
    let about = cluster.describe_cluster(v1::DescribeClusterRequest {}).await?;
    if let Some(stale) = cluster.stale_for() {
        let at = cluster.address();
        let ago = crate::output::duration_text(stale.as_secs().saturating_mul(1_000));
        return Ok(Some(format!("{at} lost the controller {ago} ago and knows no better")));
    }
    let running = about.broker_running_count;
    Ok(match condition {
        Condition::Brokers(count) => (running < count).then(|| format!("{running} are alive")),
        Condition::Controller => {
            about.controller.is_none().then(|| "nobody leads the metadata quorum".to_owned())
        }
        Condition::Healthy => None,
    })
}
