//! The records that reading goes on with when a plan is carried out: which they are, and of when.

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::admin::v1;

use crate::group::reset::Row;
use crate::group::{LagQuestions, TopicPartition};
use crate::grpc::Admin;

/// A row of a plan in the making.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) row: Row,
    pub(super) shown: v1::ResetRow,
}

impl Planned {
    /// Where a record is looked for, unless it was found already.
    fn question(&self) -> Option<(TopicPartition, u64)> {
        let to = self.shown.to.filter(|_| self.shown.to_at_ms.is_none())?;
        let partition = i32::try_from(self.shown.partition).ok()?;
        let topic = Arc::from(self.shown.topic.as_str());
        Some((TopicPartition { topic, partition }, to))
    }
}

impl Admin {
    /// Asks leaders for the first record at or above each new offset. What they do not tell stays
    /// empty: a plan does not wait for it.
    pub(super) async fn add_times(&self, rows: &mut [Planned]) {
        let unread: BTreeSet<_> = rows.iter().filter_map(Planned::question).collect();
        let topics = unread.iter().map(|(it, _)| Arc::clone(&it.topic)).collect();
        let questions = LagQuestions { topics, unread };
        if questions.unread.is_empty() {
            return;
        }
        let told = self.node.ask_leaders(&questions, true).await;
        let unread = self.node.unreads(&questions, &told);
        for planned in rows {
            let told = planned.question().and_then(|it| unread.get(&it));
            let Some((offset, at_ms)) = told.and_then(|it| it.found) else { continue };
            if let Ok(offset) = i64::try_from(offset) {
                planned.row.next_is(offset);
            }
            planned.shown.note.clone_from(&planned.row.note);
            planned.shown.to_at_ms = at_ms;
        }
    }
}
