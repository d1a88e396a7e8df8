//! `kq-ctl broker wait ID.. --for CONDITION`

use std::str::FromStr;
use std::time::Duration;

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::commands::place::list_partitions;
use crate::commands::waiting::{Subject, Wait, Waiting};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{Schema, WAIT};
use crate::session::{Access, Session};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It holds no replica.
    Drained,
    /// It is alive, and all its replicas are in sync.
    CaughtUp,
    /// It is registered and not fenced.
    Alive,
    /// `broker restart-check` finds nothing.
    RestartSafe,
}

impl Condition {
    fn word(self) -> &'static str {
        match self {
            Self::Drained => "drained",
            Self::CaughtUp => "caught-up",
            Self::Alive => "alive",
            Self::RestartSafe => "restart-safe",
        }
    }

    fn look(self, id: u32) -> String {
        match self {
            Self::Drained => format!("kq-ctl broker drain {id} --dry-run"),
            Self::CaughtUp => format!("kq-ctl partition list --broker {id}"),
            Self::Alive => "kq-ctl broker list".to_owned(),
            Self::RestartSafe => format!("kq-ctl broker restart-check {id}"),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Drained, Self::CaughtUp, Self::Alive, Self::RestartSafe];
        let found = all.into_iter().find(|it| it.word() == text);
        found.ok_or_else(|| "accepted: drained, caught-up, alive, restart-safe".to_owned())
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Broker ids
    #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    ids: Vec<u32>,
    /// drained, caught-up, alive, restart-safe
    #[arg(long = "for", value_name = "CONDITION")]
    condition: Condition,
    #[command(flatten)]
    wait: Wait,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &WAIT
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    until(&args.ids, args.condition, args.wait.bound(session), session).await
}

/// Waits until all brokers meet the condition.
pub(crate) async fn until(
    ids: &[u32],
    condition: Condition,
    bound: Duration,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let subject = |id: &u32| Subject {
        name: format!("broker {id}"),
        called: format!("broker {id}"),
        look: condition.look(*id),
    };
    let typed: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let waiting = Waiting {
        schema: &WAIT,
        field: "subject",
        condition: condition.word().to_owned(),
        subjects: ids.iter().map(subject).collect(),
        resume: format!("kq-ctl broker wait {} --for {}", typed.join(" "), condition.word()),
    };
    let look = async || {
        let mut lacks = Vec::new();
        for id in ids {
            lacks.push(lack(*id, condition, cluster.as_ref()).await?);
        }
        Ok(lacks)
    };
    waiting.until(bound, session, look).await
}

/// What a broker lacks; nothing if the condition holds.
async fn lack(
    id: u32,
    condition: Condition,
    cluster: &dyn Cluster,
) -> Result<Option<String>, Failure> {
    let request = v1::ListBrokersRequest { ids: vec![id], with_figures: false };
    let answer = cluster.list_brokers(request).await?;
    let Some(broker) = answer.brokers.first() else {
        // A broker that has yet to join is waited for; of any other nothing can come true.
        return match answer.errors.into_iter().next() {
            Some(error) if condition != Condition::Alive => Err(error.into()),
            _ => Ok(Some("it has not registered".to_owned())),
        };
    };
    let alive = broker.state() == v1::BrokerState::Running;
    Ok(match condition {
        Condition::Drained => (broker.replica_count > 0).then(|| {
            format!("it holds {} replicas and leads {}", broker.replica_count, broker.leader_count)
        }),
        Condition::Alive => (!alive).then(|| "it is not alive".to_owned()),
        Condition::CaughtUp if !alive => Some("it is not alive".to_owned()),
        Condition::CaughtUp => behind(id, cluster).await?,
        Condition::RestartSafe => {
            let answer = cluster.restart_check(v1::RestartCheckRequest { broker: id }).await?;
            answer.risks.first().map(|first| {
                let place = match (&first.topic, first.partition) {
                    (Some(topic), Some(partition)) => format!("{topic}/{partition}"),
                    _ => "the quorum".to_owned(),
                };
                let more = answer.risks.len() - 1;
                let more = if more > 0 { format!(" ({more} more)") } else { String::new() };
                format!("{place}: {}{more}", first.why)
            })
        }
    })
}

async fn behind(id: u32, cluster: &dyn Cluster) -> Result<Option<String>, Failure> {
    let request = v1::ListPartitionsRequest {
        replica_on: vec![id],
        include_internal: true,
        ..v1::ListPartitionsRequest::default()
    };
    let rows = list_partitions(cluster, request).await?.partitions;
    let out =
        |row: &&v1::PartitionRow| row.partition.as_ref().is_some_and(|it| !it.isr.contains(&id));
    let count = rows.iter().filter(out).count();
    Ok((count > 0).then(|| format!("{count} of its {} replicas are not in sync", rows.len())))
}
