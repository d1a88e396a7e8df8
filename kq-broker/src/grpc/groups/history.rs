//! What operators do to groups, in the history of the cluster.

use std::time::Duration;

use crate::controller::{Command, GroupNote};
use crate::grpc::Admin;

/// How long the history is waited for.
const NOTE_WAIT: Duration = Duration::from_secs(5);

impl Admin {
    /// Keeps in the history what was done to a group. It is done whether or not that succeeds: a warning
    /// where the history does not tell of it.
    pub(in crate::grpc) async fn note_group(
        &self,
        group: &str,
        deed: String,
        reason: &str,
    ) -> Option<String> {
        let command = Command::NoteGroup(GroupNote { group: group.to_owned(), deed });
        let noted = self.node.controller.submit_for(reason.to_owned(), command, NOTE_WAIT).await;
        let err = noted.err()?;
        tracing::warn!(%group, error = %err, "the history does not tell what was done to a group");
        Some(format!("kq-ctl events does not tell of it: {err}"))
    }
}
