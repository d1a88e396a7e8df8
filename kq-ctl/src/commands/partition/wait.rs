//! `kq-ctl partition wait TOPIC/P.. --for CONDITION`

use std::str::FromStr;

use kq_proto::admin::v1;

use crate::commands::place::{Place, expand, list_partitions, name_of};
use crate::commands::waiting::{Subject, Wait, Waiting};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{Schema, WAIT};
use crate::session::{Access, Session};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Every replica is in the ISR.
    InSync,
    /// Somebody leads.
    Leader,
    /// The preferred leader leads.
    Preferred,
    /// acks=all is accepted.
    MinIsr,
    /// No replica is being moved.
    Settled,
}

impl Condition {
    fn word(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Leader => "leader",
            Self::Preferred => "preferred",
            Self::MinIsr => "min-isr",
            Self::Settled => "settled",
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::InSync, Self::Leader, Self::Preferred, Self::MinIsr, Self::Settled];
        let found = all.into_iter().find(|it| it.word() == text);
        found.ok_or_else(|| {
            let words: Vec<&str> = all.iter().map(|it| it.word()).collect();
            format!("accepted: {}", words.join(", "))
        })
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Partitions, as orders/3 or orders/0,3; all of a topic if no index is given
    #[arg(value_name = "TOPIC/P", required = true, add = crate::complete::topics())]
    places: Vec<Place>,
    /// in-sync, leader, preferred, min-isr, settled (no replica is being moved)
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
    let (partitions, errors) = expand(&args.places, cluster.as_ref()).await?;
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let names: Vec<String> = partitions.iter().map(name_of).collect();
    let subject = |name: &String| Subject {
        name: name.clone(),
        called: name.clone(),
        look: format!("kq-ctl partition describe {name}"),
    };
    let waiting = Waiting {
        schema: &WAIT,
        field: "subject",
        condition: args.condition.word().to_owned(),
        subjects: names.iter().map(subject).collect(),
        resume: format!(
            "kq-ctl partition wait {} --for {}",
            names.join(" "),
            args.condition.word()
        ),
    };
    let topics = args.places.iter().map(|it| it.topic.clone()).collect();
    let request = v1::ListPartitionsRequest { topics, ..v1::ListPartitionsRequest::default() };
    let look = async || {
        let rows = list_partitions(cluster.as_ref(), request.clone()).await?.partitions;
        Ok(partitions.iter().map(|it| lack(args.condition, it, &rows)).collect())
    };
    waiting.until(args.wait.bound(session), session, look).await
}

/// What a partition lacks; nothing if the condition holds.
fn lack(
    condition: Condition,
    wanted: &v1::PartitionRef,
    rows: &[v1::PartitionRow],
) -> Option<String> {
    let of_topic = rows.iter().filter(|row| row.topic == wanted.topic);
    let mut found = of_topic.filter_map(|row| row.partition.as_ref());
    let Some(it) = found.find(|it| it.index == wanted.partition) else {
        return Some("it does not exist".to_owned());
    };
    let list = |ids: &[u32]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let isr = || format!("replicas [{}], isr [{}]", list(&it.replicas), list(&it.isr));
    match condition {
        Condition::InSync => (it.leader.is_none() || it.isr.len() < it.replicas.len()).then(isr),
        Condition::Leader => it.leader.is_none().then(|| it.why.clone()),
        Condition::Preferred => (it.leader != it.preferred_leader).then(|| match it.leader {
            Some(leader) => format!("{leader} leads"),
            None => "nobody leads".to_owned(),
        }),
        Condition::MinIsr => {
            let refuses = matches!(it.health(), v1::Health::UnderMinIsr | v1::Health::Offline);
            refuses.then(|| it.why.clone())
        }
        Condition::Settled => (!it.adding.is_empty() || !it.removing.is_empty())
            .then(|| format!("adding [{}], removing [{}]", list(&it.adding), list(&it.removing))),
    }
}
