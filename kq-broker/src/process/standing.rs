//! How a broker stands with its cluster, asked of others while it starts: which cluster is named by
//! `join`, whether this broker was unregistered, whether another process is this broker. With the
//! question it tells where it is now, and with the answer it hears where the others are.

use std::collections::BTreeSet;
use std::convert::Infallible;
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
use crate::ids::{BrokerId, ClusterId, Incarnation};
use crate::metadata::{TimestampMs, Utc};
use crate::peers::{channel_to, is_address};
use crate::raft::Controller;

/// How long one broker may take to answer: it looks for this one meanwhile.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// How long those that are named may take to say which cluster they are.
const CLUSTER_WAIT: Duration = Duration::from_secs(1);
/// Most starts hear of their quorum sooner than this, and need not ask.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// How often it is asked again.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often the same obstacle is told.
const TELL_EVERY: Duration = Duration::from_mins(1);

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

/// A broker that asks how it stands, and whom it asks beside the members that it knows of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) controller: &'a Controller,
    pub(super) named: &'a [String],
    pub(super) life: Incarnation,
}

impl Asker<'_> {
    /// Where the others may be.
    fn addresses(&self) -> BTreeSet<String> {
        let (me, peers) = (self.controller.broker(), self.controller.peers());
        let members = self.controller.quorum().into_iter().filter(|it| it.broker != me);
        let known = members.filter_map(|it| peers.address(it.broker));
        known.chain(self.named.iter().cloned()).collect()
    }

    /// Tells all others where this broker is, hears from them where the others are, and how it
    /// stands.
    async fn ask_all(&self, addresses: &BTreeSet<String>) -> Vec<v1::StandingResponse> {
        let (me, cluster) = (self.controller.broker(), self.controller.cluster_id());
        let request = v1::StandingRequest {
            cluster_id: cluster.0.clone(),
            broker: me.0,
            incarnation: self.life.0.as_bytes().to_vec().into(),
            address: self.controller.own_address().to_owned(),
        };
        let asked = addresses.iter().map(|address| {
            let request = request.clone();
            async move { tokio::time::timeout(ANSWER_WAIT, ask(address, request)).await.ok()?.ok() }
        });
        let answers = join_all(asked).await.into_iter().flatten();
        let is_of_others = |it: &v1::StandingResponse| {
            it.cluster_id == cluster.0 && it.broker.is_none_or(|broker| broker != me.0)
        };
        let answers: Vec<v1::StandingResponse> = answers.filter(is_of_others).collect();
        let members = answers.iter().flat_map(|it| &it.members);
        let members: BTreeSet<(u32, &str)> =
            members.map(|it| (it.broker, it.address.as_str())).collect();
        let found = members
            .into_iter()
            .map(|(broker, address)| self.controller.find((BrokerId(broker), None), address));
        join_all(found).await;
        answers
    }
}

/// Tells the others where this broker is and asks whether it may take part at all, for as long as
/// the quorum is not heard. Comes back when it may not, with why.
pub(super) async fn refusal(asker: &Asker<'_>, patience: Duration, early: &Early) -> ProcessError {
    if !asker.controller.is_moved() {
        tokio::time::sleep(FIRST_LOOK).await;
    }
    let (mut taken_since, mut obstacle) = (None, Obstacle::default());
    loop {
        let addresses = asker.addresses();
        let answers = asker.ask_all(&addresses).await;
        match verdict(asker.controller.broker(), &answers) {
            Some((Verdict::Unregistered, why)) => return ProcessError::Refused(why),
            Some((_, why)) => {
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
            None => taken_since = None,
        }
        if let Some(why) = obstacle_of(&addresses, &answers) {
            obstacle.tell(why, early);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Tells the others where this broker is, whenever they may not know: until it has registered, the
/// next leader of the quorum may be one that has not heard of it.
pub(super) async fn announce(asker: &Asker<'_>) -> Infallible {
    loop {
        if asker.controller.is_moved() || asker.controller.silence() >= FIRST_LOOK {
            asker.ask_all(&asker.addresses()).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What keeps a broker out by any answer; none if nothing does.
fn verdict(me: BrokerId, answers: &[v1::StandingResponse]) -> Option<(Verdict, String)> {
    let says = |verdict| answers.iter().find(move |it| it.verdict() == verdict);
    let out = says(Verdict::Unregistered).or_else(|| says(Verdict::Taken))?;
    Some((out.verdict(), told(out.verdict(), out, me.0)))
}

/// Why the others may not find this broker, nor it them.
fn obstacle_of(addresses: &BTreeSet<String>, answers: &[v1::StandingResponse]) -> Option<String> {
    if addresses.is_empty() {
        return None;
    }
    if answers.is_empty() {
        let known: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let known = known.join(", ");
        return Some(format!(
            "nobody of the cluster answers at {known}; if all others are elsewhere now, name one of \
             them with join, or where each is with peer.addresses"
        ));
    }
    let doubts = answers.iter().filter(|it| !it.doubt.is_empty());
    let doubts: Vec<String> = doubts
        .map(|it| match it.broker {
            Some(broker) => format!("broker {broker} does not look for it here: {}", it.doubt),
            None => it.doubt.clone(),
        })
        .collect();
    (!doubts.is_empty()).then(|| doubts.join("; "))
}

/// What was last told of that.
#[derive(Debug, Default)]
struct Obstacle {
    told: Option<(String, Instant)>,
}

impl Obstacle {
    /// Tells what is new, and once in a while what stays.
    fn tell(&mut self, why: String, early: &Early) {
        early.waits_for(format!("the metadata quorum: {why}"));
        let is_told = |(told, at): &(String, Instant)| *told == why && at.elapsed() < TELL_EVERY;
        if !self.told.as_ref().is_some_and(is_told) {
            tracing::warn!(why, "this broker and its quorum do not find one another");
            self.told = Some((why, Instant::now()));
        }
    }
}

fn told(verdict: Verdict, answer: &v1::StandingResponse, me: u32) -> String {
    let cluster = &answer.cluster_id;
    let at = answer.since_at_ms.map(|at| Utc(TimestampMs(at)).to_string());
    match (verdict, at) {
        (Verdict::Unspecified | Verdict::Unknown, _) => String::new(),
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
