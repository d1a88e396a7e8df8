//! What operators did to consumer groups, kept in the history of the cluster: the groups' own log has
//! it too, but forgets, and nobody but their coordinators reads it.

use serde::{Deserialize, Serialize};

use super::command::Reply;
use super::decide::Draft;
use super::error::ControlError;
use crate::metadata::{MetadataRecord, clip};

/// Letters of a group's name, and of what was done, that are kept.
const WORDS_MAX: usize = 300;

/// What is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupNote {
    /// Which group.
    pub group: String,
    /// What was done, in words.
    pub deed: String,
}

/// It is done already, so nothing is refused.
pub(super) fn note(draft: &mut Draft<'_, '_>, all: &[GroupNote]) -> Result<Reply, ControlError> {
    let record = |it: &GroupNote| MetadataRecord::GroupOperated {
        group: clip(&it.group, WORDS_MAX),
        deed: clip(&it.deed, WORDS_MAX),
    };
    draft.accept(all.iter().map(record).collect())?;
    Ok(Reply::Done)
}
