//! Whether the quorum can do with a vote less, or with one more. Pure: who is heard is an argument.

use super::MemberStatus;
use super::members::refused;
use crate::controller::{ControlError, Refused};
use crate::ids::BrokerId;

/// Refuses to go on without a voter if most of the others are silent (KQ-S009).
pub fn verify_majority_without(
    broker: BrokerId,
    members: &[MemberStatus],
    is_heard: impl Fn(&MemberStatus) -> bool,
) -> Result<(), ControlError> {
    let staying = members.iter().filter(|it| it.voter && it.broker != broker);
    let (heard, silent): (Vec<_>, Vec<_>) = staying.partition(|it| is_heard(it));
    let total = heard.len() + silent.len();
    if heard.len() * 2 > total {
        return Ok(());
    }
    let (message, hint) = if let Some(first) = silent.first() {
        let names: Vec<String> = silent.iter().map(|it| it.broker.to_string()).collect();
        let message = format!(
            "refused by KQ-S009: without broker {broker} only {} of {total} voters answer, which \
             is no majority; silent: {}",
            heard.len(),
            names.join(", ")
        );
        let wait = format!("kq-ctl broker wait {} --for alive", first.broker);
        (message, format!("start the silent voters, then {wait}"))
    } else {
        let message = format!("broker {broker} is the only voter: the quorum would be gone");
        (message, "kq-ctl quorum add ID gives another broker a vote first".to_owned())
    };
    Err(refused(message).refused(Refused::Majority).hint(hint))
}

/// Refuses a further voter if most of all of them with it are silent, or it is itself (KQ-S009).
pub fn verify_majority_with(
    broker: BrokerId,
    members: &[MemberStatus],
    is_heard: impl Fn(&MemberStatus) -> bool,
) -> Result<(), ControlError> {
    let all = members.iter().filter(|it| it.voter || it.broker == broker);
    let (heard, quiet): (Vec<_>, Vec<_>) = all.partition(|it| is_heard(it));
    if quiet.iter().any(|it| it.broker == broker) {
        return Err(silent(broker));
    }
    let total = heard.len() + quiet.len();
    let Some(first) = quiet.first().filter(|_| heard.len() * 2 <= total) else { return Ok(()) };
    let names: Vec<String> = quiet.iter().map(|it| it.broker.to_string()).collect();
    let message = format!(
        "refused by KQ-S009: with broker {broker} there are {total} voters, of which only {} answer, \
         which is no majority; silent: {}",
        heard.len(),
        names.join(", ")
    );
    let wait = format!("kq-ctl broker wait {} --for alive", first.broker);
    Err(refused(message)
        .refused(Refused::Majority)
        .hint(format!("start the silent voters, then {wait}")))
}

/// Why a member that does not answer may neither vote nor lead.
pub fn silent(broker: BrokerId) -> ControlError {
    let message = format!(
        "refused by KQ-S009: broker {broker} does not answer: its vote would count and never be given"
    );
    refused(message)
        .refused(Refused::Majority)
        .hint(format!("start it, then kq-ctl broker wait {broker} --for alive"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn member(id: u32, voter: bool) -> MemberStatus {
        MemberStatus {
            broker: BrokerId(id),
            voter,
            address: String::new(),
            matched: Some(9),
            answered: Some(Duration::ZERO),
        }
    }

    #[test]
    fn a_vote_that_cannot_be_given_is_refused() {
        let members = [member(1, true), member(2, true), member(3, true), member(4, false)];
        let add = |heard: &[u32]| {
            let verified =
                verify_majority_with(BrokerId(4), &members, |it| heard.contains(&it.broker.0));
            verified.err().map(|err| err.message)
        };
        assert_eq!(add(&[1, 2, 4]), None);
        assert!(add(&[1, 2]).unwrap().contains("broker 4 does not answer"));
        assert!(add(&[1, 4]).unwrap().contains("there are 4 voters, of which only 2 answer"));
    }
}
