//! What became of the metadata quorum, kept in the history beside the entries of its log that made
//! it so: those know no reason, and nobody but raft reads them.

use serde::{Deserialize, Serialize};

use super::command::Reply;
use super::decide::Draft;
use super::error::ControlError;
use crate::ids::BrokerId;
use crate::metadata::{MetadataRecord, TimestampMs};

/// Since when a broker knew of nobody who leads the quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnledSince {
    /// Since this moment.
    Moment(TimestampMs),
    /// Since before it started at this moment. It had known of somebody then, if it knows when; or
    /// the history tells of something later.
    Start(TimestampMs, Option<TimestampMs>),
}

/// What is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuorumNote {
    /// Who votes now.
    Voters(Vec<BrokerId>),
    /// The lead was handed over on purpose.
    Transferred {
        /// Who led.
        from: BrokerId,
        /// Who leads.
        to: BrokerId,
    },
}

/// Voters are told once, whoever tells them.
pub(super) fn note(draft: &mut Draft<'_, '_>, it: &QuorumNote) -> Result<Reply, ControlError> {
    let record = match it {
        QuorumNote::Voters(voters) => {
            let mut voters = voters.clone();
            voters.sort_unstable();
            if draft.image.voters() == voters {
                return Ok(Reply::Done);
            }
            MetadataRecord::VotersChanged { voters }
        }
        QuorumNote::Transferred { from, to } => {
            MetadataRecord::QuorumTransferred { from: *from, to: *to }
        }
    };
    draft.accept(vec![record])?;
    Ok(Reply::Done)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::controller::{Command, Settings, Turn, decide};
    use crate::metadata::{Change, MetadataImage, TimestampMs};

    #[test]
    fn voters_are_told_once_and_transfers_each_time() {
        let mut image = MetadataImage::default();
        let mut told = |note: QuorumNote| {
            let turn = &mut Turn { now: TimestampMs(1), ids: &mut || Uuid::from_u128(9) };
            let command = Command::NoteQuorum(note);
            let decided = decide(&image, &command, &Settings::default(), turn).unwrap();
            let change = Change { records: decided.records, ..Change::new(TimestampMs(1), "") };
            image = image.apply(image.applied() + 1, &change).unwrap();
            change.records.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let voters = |ids: &[u32]| QuorumNote::Voters(ids.iter().copied().map(BrokerId).collect());
        assert_eq!(told(voters(&[3, 1, 2])), ["voters [1,2,3]"]);
        assert_eq!(told(voters(&[1, 2, 3])), [""; 0]);
        assert_eq!(told(voters(&[1, 2])), ["voters [1,2]"]);
        let over = QuorumNote::Transferred { from: BrokerId(1), to: BrokerId(2) };
        for _ in 0..2 {
            assert_eq!(told(over.clone()), ["broker 1 handed the quorum over to broker 2"]);
        }
    }
}
