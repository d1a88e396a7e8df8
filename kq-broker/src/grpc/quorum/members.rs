//! Members of the quorum: how each stands, and what may be done with it.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tonic::Code;

use super::super::error::of_control;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;
use crate::raft::{
    MemberStatus, QuorumChange, SILENCE_MAX, silent, verify_majority_with, verify_majority_without,
};

/// A member, with how far it is behind the end of the leader's log.
pub(super) fn row(
    it: &MemberStatus,
    leader: Option<BrokerId>,
    image: &MetadataImage,
    (end, now): (Option<u64>, i64),
) -> v1::QuorumMember {
    let role = match it.voter {
        _ if leader == Some(it.broker) => v1::QuorumRole::Leader,
        true => v1::QuorumRole::Voter,
        false => v1::QuorumRole::Learner,
    };
    let ago_ms = it.answered.and_then(|ago| i64::try_from(ago.as_millis()).ok());
    v1::QuorumMember {
        broker: it.broker.0,
        role: role.into(),
        directory: image.broker(it.broker).map(|it| it.directory.to_string()),
        live: image.is_live(it.broker),
        end_index: it.matched,
        lag: it.matched.and_then(|matched| Some(end?.saturating_sub(matched))),
        last_contact_at_ms: ago_ms.map(|ago| now.saturating_sub(ago)),
    }
}

/// Whether a change has anything to do; an error says why it must not be made.
pub(super) fn verify(
    change: QuorumChange,
    members: &[MemberStatus],
    leader: Option<BrokerId>,
    image: &MetadataImage,
) -> Result<bool, AdminError> {
    let broker = change.broker();
    let Some(member) = members.iter().find(|it| it.broker == broker) else {
        let message = format!("broker {broker} is not a member of the quorum");
        return Err(AdminError::new(Code::NotFound, "kq.NOT_FOUND", message)
            .hint("kq-ctl quorum status shows its members; a broker becomes one by --join"));
    };
    let is_heard = |it: &MemberStatus| is_heard(it, image);
    let done = |verified: Result<(), _>| verified.map(|()| true).map_err(|err| of_control(&err));
    match change {
        QuorumChange::AddVoter(_) if member.voter => Ok(false),
        QuorumChange::AddVoter(_) => done(verify_majority_with(broker, members, is_heard)),
        QuorumChange::RemoveVoter(_) if !member.voter => Ok(false),
        QuorumChange::RemoveVoter(_) => done(verify_majority_without(broker, members, is_heard)),
        QuorumChange::Forget(_) if member.voter => {
            done(verify_majority_without(broker, members, is_heard))
        }
        QuorumChange::Forget(_) => Ok(true),
        QuorumChange::Transfer(_) if leader == Some(broker) => Ok(false),
        QuorumChange::Transfer(_) if member.voter && !is_heard(member) => done(Err(silent(broker))),
        QuorumChange::Transfer(_) if member.voter => Ok(true),
        QuorumChange::Transfer(_) => {
            let message = format!("broker {broker} has no vote, so it cannot lead the quorum");
            Err(AdminError::new(Code::FailedPrecondition, "kq.NOT_A_VOTER", message)
                .hint(format!("kq-ctl quorum add {broker}")))
        }
    }
}

/// Who died a moment ago was heard a moment ago: that it is fenced is known sooner. And a new leader
/// has heard nobody yet, though they live.
fn is_heard(member: &MemberStatus, image: &MetadataImage) -> bool {
    let known = image.broker(member.broker);
    match member.answered {
        Some(ago) => ago < SILENCE_MAX && known.is_none_or(|it| it.may_lead()),
        None => image.is_live(member.broker),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn member(id: u32, voter: bool, answered_ms: Option<u64>) -> MemberStatus {
        MemberStatus {
            broker: BrokerId(id),
            voter,
            address: String::new(),
            matched: None,
            answered: answered_ms.map(Duration::from_millis),
        }
    }

    #[test]
    fn a_removal_that_would_lose_the_majority_is_refused() {
        let all =
            [member(1, true, Some(0)), member(2, true, Some(90)), member(3, true, Some(9_000))];
        let image = MetadataImage::default();
        let remove = |id| {
            let broker = BrokerId(id);
            verify(QuorumChange::RemoveVoter(broker), &all, Some(BrokerId(1)), &image)
        };
        let refused = remove(2).unwrap_err();
        assert_eq!(refused.code, "KQ-S009");
        assert!(refused.message.contains("1 of 2 voters"), "{}", refused.message);
        assert_eq!(remove(3).ok(), Some(true));
        assert_eq!(remove(7).unwrap_err().code, "kq.NOT_FOUND");
        let alone = [member(1, true, Some(0)), member(2, false, Some(0))];
        let remove = |id| {
            let broker = BrokerId(id);
            verify(QuorumChange::RemoveVoter(broker), &alone, None, &image)
        };
        assert_eq!(remove(1).unwrap_err().code, "KQ-S009");
        assert_eq!(remove(2).ok(), Some(false));
    }

    #[test]
    fn only_voters_can_lead_and_only_learners_gain_a_vote() {
        let all = [member(1, true, Some(0)), member(2, true, Some(0)), member(4, false, Some(0))];
        let image = MetadataImage::default();
        let ask = |change: fn(BrokerId) -> QuorumChange, id| {
            let broker = BrokerId(id);
            verify(change(broker), &all, Some(BrokerId(1)), &image).ok()
        };
        let (add, transfer) = (QuorumChange::AddVoter, QuorumChange::Transfer);
        assert_eq!((ask(add, 4), ask(add, 2)), (Some(true), Some(false)));
        assert_eq!((ask(transfer, 2), ask(transfer, 1)), (Some(true), Some(false)));
        assert_eq!(ask(transfer, 4), None);
        let all = [member(1, true, Some(0)), member(2, true, Some(9_000)), member(4, false, None)];
        for change in [QuorumChange::Transfer(BrokerId(2)), QuorumChange::AddVoter(BrokerId(4))] {
            let refused = verify(change, &all, Some(BrokerId(1)), &image).unwrap_err();
            assert_eq!(refused.code, "KQ-S009", "{change:?}");
        }
    }
}
