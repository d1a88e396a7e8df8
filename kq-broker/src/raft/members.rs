//! Who is a member of the quorum: brokers taken in, voters made and removed, the lead handed over.
//!
//! ```text
//!   join ──> learner (hears everything) ──> voter, in pairs: 1 -> 3 -> 5 ──> learner ──> gone
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::{BasicNode, ChangeMembers, Instant as _, Membership};
use serde::{Deserialize, Serialize};

use super::controller::{Controller, broker_of, stopped};
use super::proposer::no_controller;
use super::types::{Raft, Types};
use super::votes;
use crate::controller::ControlError;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;
use crate::peers::Peers;
use tokio::sync::watch;

/// Entries that a member may lack and still count as caught up.
const LAG_MAX: u64 = 100;
/// A member that has not answered for so long is not counted on.
pub const SILENCE_MAX: Duration = Duration::from_secs(2);
/// How soon a voter that is counted on answers, and how often that is looked at.
const HEARD_WITHIN: Duration = Duration::from_secs(1);
const HEARD_LOOK: Duration = Duration::from_millis(50);
/// How long handing the lead over may take.
const TRANSFER_WAIT: Duration = Duration::from_secs(5);
/// How often the leader looks whether learners have caught up.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Who leads the quorum, as far as one member knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The broker; none while one is elected.
    pub leader: Option<BrokerId>,
    /// The raft term: the same broker leads anew in another one.
    pub term: u64,
}

/// A member of the quorum, as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Who.
    pub broker: BrokerId,
    /// Whether it votes; else it only listens.
    pub voter: bool,
    /// Where the quorum reaches it.
    pub address: String,
    /// The last entry it is known to hold; only the leader knows.
    pub matched: Option<u64>,
    /// How long ago it last answered; only the leader knows.
    pub answered: Option<Duration>,
}

impl MemberStatus {
    fn is_caught_up(&self, last: Option<u64>) -> bool {
        let lag = last.unwrap_or(0).saturating_sub(self.matched.unwrap_or(0));
        self.matched.is_some() && lag <= LAG_MAX && self.is_heard()
    }

    fn is_heard(&self) -> bool {
        self.answered.is_some_and(|ago| ago < SILENCE_MAX)
    }
}

impl Controller {
    /// The members of the quorum. Only on the leader it tells how far each of them is.
    pub fn quorum(&self) -> Vec<MemberStatus> {
        let receiver = self.inner.raft.metrics();
        let metrics = receiver.borrow_watched();
        let membership = metrics.membership_config.membership();
        let voters: BTreeSet<u64> = membership.voter_ids().collect();
        let me = u64::from(self.broker().0);
        let status = |(id, node): (&u64, &BasicNode)| {
            let replication = metrics.replication.as_ref();
            let heartbeat = metrics.heartbeat.as_ref();
            let matched = replication.and_then(|it| it.get(id).copied().flatten());
            let heard = heartbeat.and_then(|it| it.get(id).copied().flatten());
            let is_own = *id == me && replication.is_some();
            let own = is_own.then_some(Duration::ZERO);
            let own_end = metrics.last_log_index.filter(|_| is_own);
            Some(MemberStatus {
                broker: broker_of(*id)?,
                voter: voters.contains(id),
                address: node.addr.clone(),
                matched: own_end.or_else(|| matched.map(|it| it.index)),
                answered: own.or_else(|| heard.map(|at| at.elapsed())),
            })
        };
        membership.nodes().filter_map(status).collect()
    }

    /// The members by the log of this broker.
    pub(super) async fn membership(&self) -> Result<Membership<u64, BasicNode>, ControlError> {
        let raft = &self.inner.raft;
        let told = raft.with_raft_state(|it| it.membership_state.effective().membership().clone());
        told.await.map_err(|_| stopped())
    }

    /// Takes a broker with an empty directory in, as a learner; tells its number.
    pub async fn admit(
        &self,
        wanted: Option<BrokerId>,
        address: &str,
    ) -> Result<BrokerId, ControlError> {
        let _changing = self.inner.changing_members.lock().await;
        self.verify_leads()?;
        self.name_own_address().await?;
        let members = self.quorum();
        let broker = self.number_for(wanted, address, &members)?;
        if members.iter().any(|it| it.broker == broker) {
            // Its directory is empty: what it has ever promised or held is gone with its old one.
            self.dismiss(broker, "its data directory is new").await?;
        }
        let node = BasicNode::new(address);
        let added = self.inner.raft.add_learner(u64::from(broker.0), node, false);
        Box::pin(added).await.map_err(|err| change_error(&err))?;
        tracing::info!(%broker, address, "a broker joins the cluster");
        Ok(broker)
    }

    /// Makes a learner a voter.
    pub async fn add_voter(&self, broker: BrokerId, reason: &str) -> Result<(), ControlError> {
        let _changing = self.inner.changing_members.lock().await;
        self.verify_leads()?;
        let members = self.members_heard_anew(|it| it.voter || it.broker == broker).await;
        let Some(member) = members.iter().find(|it| it.broker == broker) else {
            return Err(refused(format!("broker {broker} is not a member of the quorum")));
        };
        if member.voter {
            return Ok(());
        }
        self.verify_counts(member)?;
        let is_counted = self.counted();
        votes::verify_majority_with(broker, &members, is_counted)?;
        self.inner.kept_out.lock().remove(&broker);
        self.make_voters(BTreeSet::from([broker]), reason).await
    }

    /// Makes a voter a learner, and keeps it one as long as this broker leads. Refuses if the voters
    /// that stay could not decide anything.
    pub async fn remove_voter(&self, broker: BrokerId, reason: &str) -> Result<(), ControlError> {
        let _changing = self.inner.changing_members.lock().await;
        self.verify_leads()?;
        let members = self.members_heard_anew(|it| it.voter).await;
        if !members.iter().any(|it| it.voter && it.broker == broker) {
            return Err(refused(format!("broker {broker} is not a voter of the quorum")));
        }
        self.verify_majority_without(broker, &members)?;
        if broker == self.broker() {
            return self.give_the_lead_away(&members).await;
        }
        self.inner.kept_out.lock().insert(broker);
        let change = ChangeMembers::RemoveVoters(BTreeSet::from([u64::from(broker.0)]));
        self.change(change, true).await?;
        self.note_voters(reason).await;
        Ok(())
    }

    /// The members, once those that are asked about have answered after this was asked, or have had
    /// the time to: who died a moment ago was heard a moment ago, and a change that counts on him
    /// never ends.
    async fn members_heard_anew(&self, asked: impl Fn(&MemberStatus) -> bool) -> Vec<MemberStatus> {
        let mut waited = Duration::ZERO;
        loop {
            let members = self.quorum();
            let answered = |it: &MemberStatus| it.answered.is_some_and(|ago| ago < waited);
            if HEARD_WITHIN <= waited || members.iter().filter(|it| asked(it)).all(answered) {
                return members;
            }
            tokio::time::sleep(HEARD_LOOK).await;
            waited += HEARD_LOOK;
        }
    }

    fn verify_majority_without(
        &self,
        broker: BrokerId,
        members: &[MemberStatus],
    ) -> Result<(), ControlError> {
        let verified = votes::verify_majority_without(broker, members, self.counted());
        let mut staying = members.iter().filter(|it| it.voter && it.broker != broker);
        let image = self.image();
        if verified.is_err() && staying.any(|it| it.answered.is_none() && !is_down(it, &image)) {
            return Err(no_controller("the leader of the quorum has not heard all voters yet"));
        }
        verified
    }

    /// Whom a change may count on, once they were heard anew.
    fn counted(&self) -> impl Fn(&MemberStatus) -> bool {
        let image = self.image();
        move |it| it.answered.is_some_and(|ago| ago < HEARD_WITHIN) && !is_down(it, &image)
    }

    /// Refuses a member that is to vote or to lead, and cannot: it is silent, or far behind.
    fn verify_counts(&self, member: &MemberStatus) -> Result<(), ControlError> {
        if !self.counted()(member) {
            return Err(votes::silent(member.broker));
        }
        if !member.is_caught_up(self.status().last_log_index) {
            let message = format!("broker {} has not caught up with the metadata", member.broker);
            return Err(refused(message).hint("kq-ctl quorum status shows how far it is"));
        }
        Ok(())
    }

    /// Who leads removes others, and is removed by the next leader: nobody leads without a vote.
    async fn give_the_lead_away(&self, members: &[MemberStatus]) -> Result<(), ControlError> {
        let last = self.status().last_log_index;
        let me = self.broker();
        let mut others = members.iter().filter(|it| it.voter && it.broker != me);
        let Some(next) = others.find(|it| it.is_caught_up(last)) else {
            return Err(refused(format!("nobody can lead the quorum in place of broker {me}")));
        };
        self.transfer_told(next.broker).await?;
        Err(no_controller(&format!("broker {} leads the quorum now", next.broker)))
    }

    /// Takes a broker out of the quorum that is gone for good. Refuses if the voters that stay could
    /// not decide anything.
    pub async fn forget(&self, broker: BrokerId, reason: &str) -> Result<(), ControlError> {
        let _changing = self.inner.changing_members.lock().await;
        self.verify_leads()?;
        let members = self.members_heard_anew(|it| it.voter).await;
        let Some(member) = members.iter().find(|it| it.broker == broker) else { return Ok(()) };
        if member.voter {
            self.verify_majority_without(broker, &members)?;
        }
        self.inner.kept_out.lock().remove(&broker);
        self.dismiss(broker, reason).await
    }

    /// Lets another voter lead; returns when it does.
    pub async fn transfer(&self, to: BrokerId) -> Result<(), ControlError> {
        self.verify_leads()?;
        if to == self.broker() {
            return Ok(());
        }
        // A lead that is offered to somebody who is gone is taken by anyone.
        let members = self.members_heard_anew(|it| it.broker == to).await;
        let Some(member) = members.iter().find(|it| it.voter && it.broker == to) else {
            return Err(refused(format!("broker {to} is not a voter of the quorum")));
        };
        self.verify_counts(member)?;
        let raft = &self.inner.raft;
        let told = raft.trigger().transfer_leader(u64::from(to.0)).await;
        told.map_err(|err| no_controller(&err.to_string()))?;
        let waiting = raft.wait(Some(TRANSFER_WAIT));
        let taken = waiting.current_leader(u64::from(to.0), "handed over").await;
        taken.map(drop).map_err(|_| refused(format!("broker {to} did not take the lead in time")))
    }

    /// Grows the voters towards so many, as long as this broker leads. Runs until the stop.
    pub async fn grow_voters(self, target: usize) {
        let mut server = self.inner.raft.server_metrics();
        loop {
            let has_learners = {
                let metrics = server.borrow_watched();
                metrics.membership_config.membership().learner_ids().next().is_some()
            };
            if self.is_leader() && has_learners {
                self.grow_once(target).await;
                tokio::time::sleep(LOOK_EVERY).await;
            } else if server.changed().await.is_err() {
                return;
            }
        }
    }

    async fn grow_once(&self, target: usize) {
        let _changing = self.inner.changing_members.lock().await;
        let (image, last) = (self.image(), self.status().last_log_index);
        let members = self.quorum();
        let (voters, learners): (Vec<_>, Vec<_>) = members.iter().partition(|it| it.voter);
        let kept_out = self.inner.kept_out.lock().clone();
        let ready = |it: &&&MemberStatus| {
            let stays =
                image.broker(it.broker).is_some_and(|it| it.may_lead() && it.cordon.is_none());
            stays && it.is_caught_up(last) && !kept_out.contains(&it.broker)
        };
        let ready: Vec<BrokerId> = learners.iter().filter(ready).map(|it| it.broker).collect();
        let more = choose_voters(voters.len(), &ready, target);
        if more.is_empty() {
            return;
        }
        tracing::info!(brokers = ?more, "become voters of the metadata quorum");
        let reason = format!("controller.voters is {target}");
        if let Err(err) = self.make_voters(more, &reason).await {
            tracing::info!(error = %err, "no new voters yet");
        }
    }

    async fn make_voters(
        &self,
        brokers: BTreeSet<BrokerId>,
        reason: &str,
    ) -> Result<(), ControlError> {
        let ids = brokers.iter().map(|it| u64::from(it.0)).collect();
        self.change(ChangeMembers::AddVoterIds(ids), true).await?;
        self.note_voters(reason).await;
        Ok(())
    }

    /// Removes a member altogether.
    async fn dismiss(&self, broker: BrokerId, reason: &str) -> Result<(), ControlError> {
        let id = u64::from(broker.0);
        let is_voter = self.status().voters.contains(&broker);
        if is_voter {
            self.change(ChangeMembers::RemoveVoters(BTreeSet::from([id])), true).await?;
            self.note_voters(reason).await;
        }
        self.change(ChangeMembers::RemoveNodes(BTreeSet::from([id])), false).await
    }

    /// The others reach this broker by the membership until its registration tells them more.
    async fn name_own_address(&self) -> Result<(), ControlError> {
        let (me, address) = (self.broker(), &self.inner.address);
        let is_named = self.quorum().iter().any(|it| it.broker == me && it.address == *address);
        if is_named || address.is_empty() {
            return Ok(());
        }
        let node = (u64::from(me.0), BasicNode::new(address));
        self.change(ChangeMembers::SetNodes(BTreeMap::from([node])), true).await
    }

    pub(super) async fn change(
        &self,
        change: ChangeMembers<u64, BasicNode>,
        retain: bool,
    ) -> Result<(), ControlError> {
        let changed = Box::pin(self.inner.raft.change_membership(change, retain)).await;
        changed.map(drop).map_err(|err| change_error(&err))
    }

    fn verify_leads(&self) -> Result<(), ControlError> {
        match self.leader() {
            Some(leader) if leader == self.broker() => Ok(()),
            Some(leader) => Err(no_controller(&format!("broker {leader} leads the quorum"))),
            None => Err(no_controller("the quorum elects one")),
        }
    }

    /// The number of a broker that comes with an empty directory.
    fn number_for(
        &self,
        wanted: Option<BrokerId>,
        address: &str,
        members: &[MemberStatus],
    ) -> Result<BrokerId, ControlError> {
        let image = self.image();
        // Whoever was there once and is elsewhere now is another one.
        let is_there = |it: &&MemberStatus| {
            self.peers().stated(it.broker).map_or(it.address == address, |at| at == address)
        };
        let there = members.iter().find(is_there);
        let Some(wanted) = wanted.or(there.map(|it| it.broker)) else {
            let members = members.iter().map(|it| it.broker.0);
            let known = members.chain(image.brokers().map(|it| it.id.0)).max();
            return Ok(BrokerId(known.unwrap_or(0).saturating_add(1)));
        };
        let lives_elsewhere = there.is_none_or(|it| it.broker != wanted) && image.is_live(wanted);
        if wanted == self.broker() || lives_elsewhere {
            let message = format!("broker {wanted} is up already: give this one another node.id");
            return Err(ControlError::new(ErrorCode::DuplicateBrokerRegistration, message));
        }
        Ok(wanted)
    }
}

/// Which learners become voters: as many as make the voters an odd number up to the target.
fn choose_voters(voters: usize, ready: &[BrokerId], target: usize) -> BTreeSet<BrokerId> {
    let possible = (voters + ready.len()).min(target);
    let odd = if possible.is_multiple_of(2) { possible.saturating_sub(1) } else { possible };
    ready.iter().copied().take(odd.saturating_sub(voters)).collect()
}

/// Has raft's clock tick as soon as there is more than one member, and tells where they are and who
/// of them leads.
pub(super) async fn follow_members(raft: Raft, peers: Peers, leads: watch::Sender<Leadership>) {
    let mut server = raft.server_metrics();
    let mut ticking = false;
    loop {
        let (nodes, now): (Vec<(u64, String)>, _) = {
            let metrics = server.borrow_watched();
            let membership = metrics.membership_config.membership();
            let nodes = membership.nodes().map(|(id, node)| (*id, node.addr.clone()));
            let leader = metrics.current_leader.and_then(broker_of);
            (nodes.collect(), Leadership { leader, term: metrics.vote.leader_id.term })
        };
        leads.send_if_modified(|known| std::mem::replace(known, now.clone()) != now);
        let wanted = nodes.len() > 1;
        if wanted != ticking {
            let config = raft.runtime_config();
            config.heartbeat(wanted);
            config.elect(wanted);
            config.tick(wanted);
            ticking = wanted;
        }
        peers.set_members(nodes.into_iter().filter_map(|(id, at)| Some((broker_of(id)?, at))));
        if server.changed().await.is_err() {
            return;
        }
    }
}

fn is_down(member: &MemberStatus, image: &MetadataImage) -> bool {
    image.broker(member.broker).is_some_and(|it| !it.may_lead())
}

pub(super) fn refused(message: String) -> ControlError {
    ControlError::new(ErrorCode::PolicyViolation, message)
}

fn change_error(err: &RaftError<Types, ClientWriteError<Types>>) -> ControlError {
    no_controller(&format!("the members of the quorum stay as they are: {err}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_grow_in_odd_numbers_up_to_the_target() {
        let choose = |voters, ready: &[u32], target| -> Vec<u32> {
            let ready: Vec<BrokerId> = ready.iter().copied().map(BrokerId).collect();
            choose_voters(voters, &ready, target).into_iter().map(|it| it.0).collect()
        };
        assert_eq!(choose(1, &[2], 3), Vec::<u32>::new());
        assert_eq!(choose(1, &[2, 3], 3), [2, 3]);
        assert_eq!(choose(1, &[2, 3, 4], 5), [2, 3]);
        assert_eq!(choose(3, &[4, 5, 6], 5), [4, 5]);
        assert_eq!(choose(2, &[7], 3), [7]);
        assert_eq!(choose(5, &[6, 7], 3), Vec::<u32>::new());
        assert_eq!(choose(1, &[2, 3], 1), Vec::<u32>::new());
    }
}
