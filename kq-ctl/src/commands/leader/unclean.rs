//! Elections by which records may vanish: what would vanish is told first, consented to, and then
//! exactly that is done.

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use super::elect::{Answers, ask, tell};
use super::is_change;
use crate::cli::Consent;
use crate::cluster::Cluster;
use crate::commands::loss::{Estimate, Loss, Losses, describe, estimate};
use crate::commands::place::name_of;
use crate::commands::shared::in_chunks;
use crate::exit::Failure;
use crate::output::Report;
use crate::session::{Danger, Session};

/// An election as it was asked for.
pub(super) struct Asked<'a> {
    pub(super) request: v1::ElectLeadersRequest,
    pub(super) partitions: Vec<v1::PartitionRef>,
    pub(super) consent: &'a Consent,
}

/// Tells what would be elected and lost, and elects that once the operator has named it.
pub(super) async fn elect(
    asked: &Asked<'_>,
    (cluster, session): (&dyn Cluster, &Session),
    report: &mut Report,
) -> Result<(), Failure> {
    let intent = asked.request.intent.clone().unwrap_or_default();
    let tried = v1::Intent { dry_run: true, ..intent.clone() };
    let tried = v1::ElectLeadersRequest { intent: Some(tried), ..asked.request.clone() };
    let (would, stopped) = ask(&tried, &asked.partitions, cluster, session).await;
    let elected: Vec<&v1::ElectedLeader> =
        would.leaders.iter().filter(|it| is_change(it)).collect();
    let losses = losses(&elected, cluster, session).await?;
    for it in &elected {
        let name = name(it);
        if let (Some(loss), Some(from)) = (losses.get(&name), it.new_leader) {
            session.say(&loss.note(&name, from));
        }
    }
    if intent.dry_run || elected.is_empty() || stopped.is_some() {
        tell((would, stopped), &losses, true, report);
        return Ok(());
    }
    session.consent(asked.consent, &danger(asked, &elected, &losses)).await?;
    let done = as_told(asked, &elected, (cluster, session)).await;
    let (mut answers, stopped) = done;
    answers.leaders.extend(would.leaders.iter().filter(|it| !is_change(it)).cloned());
    answers.leaders.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    answers.errors.extend(would.errors);
    tell((answers, stopped), &losses, false, report);
    Ok(())
}

/// Elects those, and nobody else, whom the operator was told of.
async fn as_told(
    asked: &Asked<'_>,
    elected: &[&v1::ElectedLeader],
    (cluster, session): (&dyn Cluster, &Session),
) -> Answers {
    let mut by_leader: BTreeMap<Option<u32>, Vec<v1::PartitionRef>> = BTreeMap::new();
    for it in elected {
        by_leader.entry(it.new_leader).or_default().push(place(it));
    }
    let mut all = v1::ElectLeadersResponse::default();
    for (leader, partitions) in by_leader {
        let request =
            v1::ElectLeadersRequest { designate: leader, all: false, ..asked.request.clone() };
        let (answers, stopped) = ask(&request, &partitions, cluster, session).await;
        all.leaders.extend(answers.leaders);
        all.errors.extend(answers.errors);
        if stopped.is_some() {
            return (all, stopped);
        }
    }
    (all, None)
}

/// What would vanish of each.
async fn losses(
    elected: &[&v1::ElectedLeader],
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<Losses, Failure> {
    let places: Vec<v1::PartitionRef> = elected.iter().map(|it| place(it)).collect();
    let mut details = BTreeMap::new();
    let call = async |partitions| describe(partitions, cluster).await;
    let stopped = in_chunks(session, "counting", &places, call, |answer| {
        for it in answer.partitions {
            let row = it.row.as_ref();
            let index = row.and_then(|it| it.partition.as_ref()).map_or(0, |it| it.index);
            let topic = row.map(|it| it.topic.clone()).unwrap_or_default();
            details.insert(format!("{topic}/{index}"), it);
        }
    });
    if let Some(failure) = stopped.await {
        return Err(failure);
    }
    let loss = |it: &&v1::ElectedLeader| {
        let (name, from) = (name(it), it.new_leader?);
        let counted = details.get(&name).and_then(|it| estimate(it, from, &name).ok());
        Some((name, counted.unwrap_or_else(|| Estimate::uncounted(from))))
    };
    Ok(elected.iter().filter_map(loss).collect())
}

fn place(it: &v1::ElectedLeader) -> v1::PartitionRef {
    v1::PartitionRef { topic: it.topic.clone(), partition: it.partition }
}

fn name(it: &v1::ElectedLeader) -> String {
    name_of(&place(it))
}

/// What acknowledged records are worth is the operator's to say: he names what he means.
fn danger(asked: &Asked<'_>, elected: &[&v1::ElectedLeader], losses: &Losses) -> Danger {
    let word = match asked.partitions.as_slice() {
        _ if asked.request.all => "all".to_owned(),
        [one] => name_of(one),
        many => many.len().to_string(),
    };
    let what = match elected {
        [one] => {
            let words = losses.get(&name(one)).map(|it| it.words.as_str()).unwrap_or_default();
            let leader = one.new_leader.unwrap_or_default();
            format!("let broker {leader} lead {}, by which {words} vanish", name(one))
        }
        many => {
            format!(
                "let replicas lead {} partitions, by which {} vanish",
                many.len(),
                in_all(losses)
            )
        }
    };
    Danger { what, word: Some(word) }
}

fn in_all(losses: &Losses) -> String {
    let known: u64 = losses.values().map(|it| it.known).fold(0, u64::saturating_add);
    let open = losses.values().filter(|it| it.loss == Loss::Unknown).count();
    match open {
        0 => format!("{known} records"),
        open => {
            format!("at least {known} records, and of {open} partitions nobody can say how many,")
        }
    }
}
