//! Compaction in the cluster in memory: asked for once, and done by the next look.

use kq_proto::admin::v1::{self, CompactionState};

use super::{State, error, no_topic};
use crate::exit::Failure;

impl State {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every operation has the shape of a call that can fail"
    )]
    pub(crate) fn compact_topics(
        &mut self,
        request: v1::CompactTopicsRequest,
    ) -> Result<v1::CompactTopicsResponse, Failure> {
        let dry_run = request.intent.is_some_and(|it| it.dry_run);
        let mut answer = v1::CompactTopicsResponse::default();
        for asked in request.topics {
            let name = asked.topic;
            let Some(topic) = self.topics.get(&name) else {
                answer.errors.push(no_topic(&name));
                continue;
            };
            let policy = topic.configs.get("cleanup.policy").map_or("delete", String::as_str);
            if !policy.contains("compact") {
                let why =
                    format!("topic '{name}' is not compacted: its cleanup.policy is {policy}");
                let hint = format!("kq-ctl topic alter {name} --append cleanup.policy=compact");
                answer.errors.push(error(&name, "kq.NOT_COMPACTED", why, &hint));
                continue;
            }
            for partition in 0..u32::try_from(topic.partitions.len()).unwrap() {
                if !asked.partitions.is_empty() && !asked.partitions.contains(&partition) {
                    continue;
                }
                let is_done = self.compacted.contains(&(name.clone(), partition));
                let state = match (is_done, dry_run) {
                    (true, _) => CompactionState::Clean,
                    (false, true) => CompactionState::Dirty,
                    (false, false) => CompactionState::Queued,
                };
                if !dry_run {
                    self.compacted.insert((name.clone(), partition));
                }
                answer.replicas.push(v1::ReplicaCompaction {
                    topic: name.clone(),
                    partition,
                    broker: 1,
                    leads: true,
                    state: state.into(),
                    dirty_bytes: if is_done { 0 } else { 3 << 20 },
                    clean_bytes: 1 << 20,
                    cleaned_offset: if is_done { 400 } else { 100 },
                    cleanable_offset: 400,
                    ..v1::ReplicaCompaction::default()
                });
            }
        }
        Ok(answer)
    }
}
