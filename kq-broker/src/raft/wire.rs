//! openraft's messages as those of `kq.cluster.v1`, and back.

use bytes::Bytes;
use kq_proto::cluster::v1;
use kq_proto::cluster::v1::append_response::Outcome;
use openraft::alias::CommittedLeaderIdOf;
use openraft::impls::leader_id_std::LeaderId;
use openraft::raft::{AppendEntriesResponse, VoteRequest, VoteResponse};
use tonic::Status;

use super::entry::{decode_entry, encode_entry};
use super::types::{Entry, LogId, Types, Vote};

/// The largest part of a message.
pub(super) const PART_BYTES: usize = 1 << 20;
/// The largest append at a time, its first entry excepted.
const APPEND_BYTES_MAX: usize = 8 << 20;

/// A message that is not one of the quorum's.
pub(super) fn malformed(what: &str) -> Status {
    Status::invalid_argument(format!("a message of the metadata quorum lacks {what}"))
}

pub(super) fn id_to_wire(id: &LogId) -> v1::LogId {
    v1::LogId { term: id.leader_id.term, index: id.index }
}

pub(super) fn id_from_wire(id: v1::LogId) -> LogId {
    LogId { leader_id: CommittedLeaderIdOf::<Types>::new(id.term), index: id.index }
}

pub(super) fn vote_to_wire(vote: &Vote) -> v1::Ballot {
    v1::Ballot {
        term: vote.leader_id.term,
        voter: vote.leader_id.voted_for,
        committed: vote.committed,
    }
}

pub(super) fn vote_from_wire(ballot: Option<v1::Ballot>) -> Result<Vote, Status> {
    let it = ballot.ok_or_else(|| malformed("its ballot"))?;
    let leader_id = LeaderId { term: it.term, voted_for: it.voter };
    Ok(Vote { leader_id, committed: it.committed })
}

/// The parts of an append, and the last entry in them: the rest goes with the next.
pub(super) fn append_to_parts(
    head: v1::AppendHead,
    entries: &[Entry],
) -> (Vec<v1::AppendPart>, Option<LogId>, usize) {
    let mut parts = vec![v1::AppendPart { head: Some(head), ..Default::default() }];
    let (mut last, mut sent, mut in_part) = (None, 0, 0);
    for entry in entries {
        let mut bytes = Bytes::from(encode_entry(entry));
        if sent > 0 && sent + bytes.len() > APPEND_BYTES_MAX {
            break;
        }
        sent += bytes.len();
        last = Some(entry.log_id);
        if bytes.len() > PART_BYTES {
            while !bytes.is_empty() {
                let piece = bytes.split_to(bytes.len().min(PART_BYTES));
                let piece_ends = bytes.is_empty();
                parts.push(v1::AppendPart { piece, piece_ends, ..Default::default() });
            }
            in_part = PART_BYTES;
            continue;
        }
        if in_part + bytes.len() > PART_BYTES {
            parts.push(v1::AppendPart::default());
            in_part = 0;
        }
        in_part += bytes.len();
        if let Some(part) = parts.last_mut() {
            part.entries.push(bytes);
        }
    }
    (parts, last, sent)
}

/// Puts the entries of an append together again, part by part.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) entries: Vec<Entry>,
    piece: Vec<u8>,
    bytes: usize,
}

impl Collected {
    /// Takes a part in. An append is never larger than its sender makes it.
    pub(super) fn take(&mut self, part: v1::AppendPart) -> Result<(), Status> {
        /// One entry of the log, and all that may come with it.
        const BYTES_MAX: usize = (64 << 20) + APPEND_BYTES_MAX;
        let arrived: usize = part.entries.iter().map(Bytes::len).sum();
        self.bytes += arrived + part.piece.len();
        if self.bytes > BYTES_MAX {
            return Err(Status::out_of_range("an append of the metadata quorum is too large"));
        }
        self.piece.extend_from_slice(&part.piece);
        if part.piece_ends {
            let whole = std::mem::take(&mut self.piece);
            self.push(&whole)?;
        }
        part.entries.iter().try_for_each(|bytes| self.push(bytes))
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let entry = decode_entry(bytes).map_err(|err| Status::invalid_argument(err.to_string()))?;
        self.entries.push(entry);
        Ok(())
    }
}

pub(super) fn append_response_to_wire(answer: &AppendEntriesResponse<Types>) -> v1::AppendResponse {
    let (outcome, last, ballot) = match answer {
        AppendEntriesResponse::Success => (Outcome::Success, None, None),
        AppendEntriesResponse::PartialSuccess(last) => (Outcome::Partial, last.as_ref(), None),
        AppendEntriesResponse::Conflict => (Outcome::Conflict, None, None),
        AppendEntriesResponse::HigherVote(vote) => (Outcome::HigherBallot, None, Some(vote)),
    };
    v1::AppendResponse {
        outcome: outcome.into(),
        last: last.map(id_to_wire),
        ballot: ballot.map(vote_to_wire),
    }
}

pub(super) fn append_response_from_wire(
    answer: v1::AppendResponse,
) -> Result<AppendEntriesResponse<Types>, Status> {
    match answer.outcome() {
        Outcome::Success => Ok(AppendEntriesResponse::Success),
        Outcome::Partial => {
            Ok(AppendEntriesResponse::PartialSuccess(answer.last.map(id_from_wire)))
        }
        Outcome::Conflict => Ok(AppendEntriesResponse::Conflict),
        Outcome::HigherBallot => {
            Ok(AppendEntriesResponse::HigherVote(vote_from_wire(answer.ballot)?))
        }
        Outcome::Unspecified => Err(malformed("its outcome")),
    }
}

pub(super) fn vote_request_to_wire(
    route: v1::Route,
    request: &VoteRequest<Types>,
    pre_vote: bool,
) -> v1::VoteRequest {
    v1::VoteRequest {
        route: Some(route),
        ballot: Some(vote_to_wire(&request.vote)),
        last: request.last_log_id.as_ref().map(id_to_wire),
        leadership_transfer: request.leadership_transfer,
        pre_vote,
    }
}

pub(super) fn vote_request_from_wire(it: v1::VoteRequest) -> Result<VoteRequest<Types>, Status> {
    Ok(VoteRequest {
        vote: vote_from_wire(it.ballot)?,
        last_log_id: it.last.map(id_from_wire),
        leadership_transfer: it.leadership_transfer,
    })
}

pub(super) fn vote_response_to_wire(answer: &VoteResponse<Types>) -> v1::VoteResponse {
    v1::VoteResponse {
        ballot: Some(vote_to_wire(&answer.vote)),
        granted: answer.vote_granted,
        last: answer.last_log_id.as_ref().map(id_to_wire),
    }
}

pub(super) fn vote_response_from_wire(
    answer: v1::VoteResponse,
) -> Result<VoteResponse<Types>, Status> {
    Ok(VoteResponse {
        vote: vote_from_wire(answer.ballot)?,
        vote_granted: answer.granted,
        last_log_id: answer.last.map(id_from_wire),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use openraft::EntryPayload;

    use super::super::types::Proposal;
    use super::*;
    use crate::metadata::{Change, TimestampMs};

    fn entry(index: u64, bytes: usize) -> Entry {
        let change = Change::new(TimestampMs(1), "x".repeat(bytes));
        let payload = EntryPayload::Normal(Proposal::new(Arc::new(change), Some(index)));
        Entry { log_id: id_from_wire(v1::LogId { term: 1, index }), payload }
    }

    #[test]
    fn appends_of_all_sizes_come_together_again() {
        let small = PART_BYTES / 3;
        for sizes in [&[0_usize, 10][..], &[small; 5], &[5, 3 * PART_BYTES, 5, 2 * PART_BYTES]] {
            let entries: Vec<Entry> = (7..).zip(sizes).map(|(at, len)| entry(at, *len)).collect();
            let (parts, last, sent) = append_to_parts(v1::AppendHead::default(), &entries);
            assert_eq!(last, entries.last().map(|it| it.log_id));
            assert!(sent >= sizes.iter().sum());
            let mut collected = Collected::default();
            for part in parts {
                assert!(part.piece.len() <= PART_BYTES);
                collected.take(part).unwrap();
            }
            assert_eq!(collected.entries, entries);
        }
    }

    #[test]
    fn an_append_that_would_be_too_large_leaves_entries_for_the_next() {
        let entries = [entry(1, APPEND_BYTES_MAX - 200), entry(2, 400), entry(3, 1)];
        let (_, last, _) = append_to_parts(v1::AppendHead::default(), &entries);
        assert_eq!(last, Some(entries[0].log_id));
        let mut collected = Collected::default();
        let part = v1::AppendPart { piece: vec![0; PART_BYTES].into(), ..Default::default() };
        let refused = (0..100).find_map(|_| collected.take(part.clone()).err());
        assert!(refused.is_some());
    }
}
