//! How a broker stands with its cluster, asked of others while it starts: which cluster is named by
//! `join`, whether this broker was unregistered, whether another process is this broker.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

use futures::future::join_all;
use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use kq_proto::cluster::v1::standing_response::Verdict;
use tokio::time::Instant;
use tonic::Status;

use super::ProcessError;
use crate::env;
use crate::grpc::Early;
use crate::ids::{ClusterId, Incarnation};
use crate::metadata::{TimestampMs, Utc};
use crate::peers::{channel_to, is_address};
use crate::raft::Controller;

/// How long one broker may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// How long those that are named may take to say which cluster they are.
const CLUSTER_WAIT: Duration = Duration::from_secs(1);
/// Most starts hear of their quorum sooner than this, and need not ask.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// How often it is asked again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Refuses what cannot be the address of a broker to join.
pub(super) fn verify_addresses(named: &[String]) -> Result<(), ProcessError> {
    match named.iter().find(|address| !is_address(address)) {
        Some(wrong) => {
            Err(ProcessError::Config(format!("join: '{wrong}' is not of the form host:port")))
        }
        None => Ok(()),
    }
}

/// Refuses to start on a directory of one cluster while another one is named to be joined. Where
/// nobody answers who is named, the directory counts.
pub(super) async fn verify_cluster(
    named: &[String],
    (own, node): (&ClusterId, u32),
) -> Result<(), ProcessError> {
    let request =
        v1::StandingRequest { cluster_id: own.0.clone(), broker: node, ..Default::default() };
    let request = &request;
    let asked = named.iter().map(|address| async move {
        let answer = tokio::time::timeout(CLUSTER_WAIT, ask(address, request.clone())).await;
        (address, answer.unwrap_or_else(|_| Err(Status::unavailable("no answer"))))
    });
    let answers = join_all(asked).await;
    let mut silent = Vec::new();
    for (address, answer) in &answers {
        match answer {
            Ok(answer) if answer.cluster_id != own.0 => {
                let theirs = &answer.cluster_id;
                return Err(ProcessError::Directories(format!(
                    "the data directory belongs to broker {node} of cluster {own}, but join names \
                     {address}, which is of cluster {theirs}: to join that one start with an empty \
                     data directory, to stay leave join out"
                )));
            }
            Ok(_) => {}
            Err(status) => silent.push(format!("{address}: {}", words_of(status))),
        }
    }
    if !silent.is_empty() && silent.len() == answers.len() {
        let why = silent.join("; ");
        tracing::warn!(
            cluster = %own, why,
            "nobody named by join tells its cluster: this broker goes on in its own"
        );
    }
    Ok(())
}

/// Asks the others, for as long as the quorum is not heard, whether this broker may take part at
/// all. Comes back when it may not, with why.
pub(super) async fn refusal(
    controller: &Controller,
    named: &[String],
    (life, patience): (Incarnation, Duration),
    early: &Early,
) -> ProcessError {
    tokio::time::sleep(FIRST_LOOK).await;
    let mut taken_since = None;
    loop {
        match verdict(controller, named, life).await {
            Some((Verdict::Unregistered, why)) => return ProcessError::Refused(why),
            Some((Verdict::Taken, why)) => {
                early.waits_for(format!("its number: {why}"));
                let first = taken_since.is_none();
                let since = *taken_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= patience {
                    return ProcessError::Refused(why);
                }
                if first {
                    tracing::warn!(why, "waiting for the other process to end");
                }
            }
            Some((Verdict::Unspecified, _)) | None => taken_since = None,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the first one says that knows; none if nobody does.
async fn verdict(
    controller: &Controller,
    named: &[String],
    life: Incarnation,
) -> Option<(Verdict, String)> {
    let (me, cluster) = (controller.broker(), controller.cluster_id());
    let members = controller.quorum().into_iter().filter(|it| it.broker != me);
    let known = members.filter_map(|it| controller.peers().address(it.broker));
    let addresses: BTreeSet<String> = known.chain(named.iter().cloned()).collect();
    let request = v1::StandingRequest {
        cluster_id: cluster.0.clone(),
        broker: me.0,
        incarnation: life.0.as_bytes().to_vec().into(),
    };
    for address in addresses {
        let asked = tokio::time::timeout(ANSWER_WAIT, ask(&address, request.clone())).await;
        let Ok(Ok(answer)) = asked else { continue };
        if answer.cluster_id == cluster.0 {
            let verdict = answer.verdict();
            return Some((verdict, told(verdict, &answer, me.0)));
        }
    }
    None
}

fn told(verdict: Verdict, answer: &v1::StandingResponse, me: u32) -> String {
    let cluster = &answer.cluster_id;
    let at = answer.since_at_ms.map(|at| Utc(TimestampMs(at)).to_string());
    match (verdict, at) {
        (Verdict::Unspecified, _) => String::new(),
        (Verdict::Unregistered, Some(at)) => format!(
            "broker {me} was unregistered from cluster {cluster} at {at} ({}): its data directory \
             is no part of the cluster any more; to take part again, start it with an empty data \
             directory and --join",
            answer.reason
        ),
        (Verdict::Unregistered, None) => format!(
            "broker {me} is neither registered in cluster {cluster} nor a member of its quorum: to \
             take part again, start it with an empty data directory and --join"
        ),
        (Verdict::Taken, at) => {
            let since = at.map(|at| format!(" since {at}")).unwrap_or_default();
            let place = if answer.address.is_empty() {
                "an unknown address"
            } else {
                answer.address.as_str()
            };
            format!(
                "broker {me} is registered already in cluster {cluster}: another process is this \
                 broker, at {place}{since}, and lives; stop that one, or start this one with an \
                 empty data directory of its own (a copy of a data directory is no second broker)"
            )
        }
    }
}

async fn ask(address: &str, request: v1::StandingRequest) -> Result<v1::StandingResponse, Status> {
    let channel = channel_to(address).ok_or_else(|| Status::invalid_argument("no address"))?;
    Ok(MembersClient::new(channel).standing(request).await?.into_inner())
}

/// Why somebody did not answer, in the words of what failed first.
pub(super) fn words_of(status: &Status) -> String {
    let mut cause = status.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| status.message().to_owned(), ToString::to_string)
}

/// The same of an address, after a look whether its name is known at all: what connects does not
/// tell in time.
pub(super) async fn why_silent(address: &str, status: &Status) -> String {
    match tokio::time::timeout(ANSWER_WAIT, env::resolve(address)).await {
        Ok(Err(err)) => format!("its name cannot be resolved: {err}"),
        Ok(Ok(())) | Err(_) => words_of(status),
    }
}
