//! Which offsets a request is about, and where each is to be.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::offset_spec::{Named, Spec};
use kq_proto::admin::v1::{self, reset_target::To};
use tonic::Code;

use super::resolve::{Partitions, by_topic, item_of};
use super::view::View;
use crate::group::reset::Goal;
use crate::grpc::Admin;
use crate::grpc::error::{bad_argument, unknown_topic};
use crate::grpc::passing::Asker;

/// Where one offset is to be, and with what beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aim {
    pub(super) goal: Goal,
    pub(super) metadata: Option<String>,
    pub(super) leader_epoch: Option<i32>,
    /// The time of the record that was looked for.
    pub(super) found_at_ms: Option<i64>,
}

/// Where all of them are to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Aims {
    pub(super) of: BTreeMap<(String, u32), Aim>,
    /// By item.
    pub(super) errors: BTreeMap<String, v1::ItemError>,
    pub(super) notes: Vec<String>,
}

impl From<Goal> for Aim {
    fn from(goal: Goal) -> Self {
        Self { goal, metadata: None, leader_epoch: None, found_at_ms: None }
    }
}

impl Aims {
    pub(super) fn refuse(&mut self, item: impl Into<String>, error: AdminError) {
        let item = item.into();
        self.errors.insert(item.clone(), error.into_item(item));
    }

    fn all(of: impl IntoIterator<Item = (String, u32)>, goal: Goal) -> Self {
        Self { of: of.into_iter().map(|it| (it, goal.into())).collect(), ..Self::default() }
    }
}

impl Admin {
    /// What a request comes to, apart from where the logs begin and end.
    pub(super) async fn aims(
        &self,
        request: &v1::ProposeResetRequest,
        view: &View,
    ) -> Result<Aims, AdminError> {
        let to = request.target.as_ref().and_then(|it| it.to.as_ref());
        let to = to.ok_or_else(|| bad_argument("it is not said where the offsets are to be"))?;
        let wanted = self.wanted(request, view, matches!(to, To::Delete(_)))?;
        let mut aims = match to {
            To::At(spec) => self.aims_at(*spec, &wanted, view).await?,
            To::Current(_) => Aims::all(wanted.each(), Goal::Current),
            To::Shift(by) => Aims::all(wanted.each(), Goal::Shift(*by)),
            To::BeforeEnd(count) => {
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                Aims::all(wanted.each(), Goal::BeforeEnd(count))
            }
            To::Group(other) => self.aims_of_group(other, request, &wanted).await?,
            To::Exactly(list) => exactly(list, &wanted)?,
            To::Delete(_) => delete(&wanted, view),
            To::Undo(id) => self.aims_of_undo(&request.group, id).await?,
        };
        let strangers: Vec<_> = aims.of.keys().map(|it| it.0.clone()).collect();
        for topic in strangers.into_iter().collect::<BTreeSet<_>>() {
            // What is taken back was the group's business once.
            let may_be_new = request.allow_new_topics || matches!(to, To::Undo(_));
            if !may_be_new && !view.knows(&topic) {
                aims.of.retain(|key, _| key.0 != topic);
                aims.refuse(topic.clone(), stranger(&request.group, &topic));
            }
        }
        for (item, error) in wanted.errors {
            aims.refuse(item, error);
        }
        Ok(aims)
    }

    async fn aims_at(
        &self,
        spec: v1::OffsetSpec,
        wanted: &Wanted,
        view: &View,
    ) -> Result<Aims, AdminError> {
        let goal = match spec.spec {
            Some(Spec::Named(it)) if it == i32::from(Named::Earliest) => Goal::Earliest,
            Some(Spec::Named(it)) if it == i32::from(Named::Latest) => Goal::Latest,
            Some(Spec::Offset(it)) => Goal::Offset(i64::try_from(it).unwrap_or(i64::MAX)),
            Some(Spec::AtTimestampMs(at)) => {
                return Ok(self.aims_at_time(at, wanted, view).await);
            }
            Some(Spec::Named(_)) | None => {
                let message =
                    "no position to reset to; accepted: earliest, latest, an offset, a time";
                return Err(bad_argument(message));
            }
        };
        Ok(Aims::all(wanted.each(), goal))
    }

    async fn aims_at_time(&self, at: i64, wanted: &Wanted, view: &View) -> Aims {
        let is_future = view.at.wall_ms < at;
        let spec = v1::OffsetSpec { spec: Some(Spec::AtTimestampMs(at)) };
        let mut positions = self.positions(&wanted.partitions, spec).await;
        let mut aims = Aims::default();
        for key in wanted.each() {
            let Some(found) = positions.found.remove(&key) else { continue };
            let goal =
                Goal::Time { found: found.offset.and_then(|it| it.try_into().ok()), is_future };
            let aim = Aim { found_at_ms: found.timestamp_ms, ..Aim::from(goal) };
            aims.of.insert(key, aim);
        }
        aims.errors = positions.errors;
        if is_future && !aims.of.is_empty() {
            aims.notes.push("the time is yet to come: all go to the end".to_owned());
        }
        aims
    }

    /// Where another group is.
    async fn aims_of_group(
        &self,
        other: &str,
        request: &v1::ProposeResetRequest,
        wanted: &Wanted,
    ) -> Result<Aims, AdminError> {
        let asked = v1::GetOffsetsRequest {
            group: other.to_owned(),
            scope: request.scope.clone(),
            at: None,
        };
        // That group's coordinator may be another broker than this one.
        let answer = Box::pin(self.get_offsets(asked, Asker::Client)).await?;
        let is_wanted =
            |it: &v1::PartitionLag| wanted.is_open || wanted.names(&it.topic, it.partition);
        let mut aims = Aims::default();
        let mut without = 0_u32;
        for row in answer.offsets.into_iter().filter(is_wanted) {
            let Some(offset) = row.committed.and_then(|it| i64::try_from(it).ok()) else {
                without += 1;
                continue;
            };
            aims.of.insert((row.topic, row.partition), Goal::Offset(offset).into());
        }
        if without > 0 {
            aims.notes.push(format!(
                "{without} partitions are left out: {other} has committed nothing of them"
            ));
        }
        Ok(aims)
    }

    /// The partitions that a request names, as far as there are such.
    fn wanted(
        &self,
        request: &v1::ProposeResetRequest,
        view: &View,
        is_delete: bool,
    ) -> Result<Wanted, AdminError> {
        let image = self.node.image();
        let mut wanted = Wanted::default();
        let mut all_of = |topic: &str| {
            let there = image.topic_by_name(topic).map(|it| it.partition_count());
            let committed = view.offsets.keys().filter(|it| it.0 == topic).map(|it| it.1);
            let indexes: BTreeSet<u32> = match there {
                Some(count) if !is_delete => (0..count).collect(),
                _ if is_delete => committed.collect(),
                _ => return false,
            };
            wanted.add(topic, indexes);
            true
        };
        if request.all_topics {
            let topics = view.survey.as_ref().map(|it| it.topics.clone()).unwrap_or_default();
            // What is deleted cannot be read; it is left to a deletion of offsets.
            for topic in &topics {
                let _ = all_of(topic);
            }
        }
        let mut unknown = Vec::new();
        for topic in &request.scope {
            if topic.partitions.is_empty() && !all_of(&topic.topic) {
                unknown.push(topic.topic.clone());
            }
        }
        for topic in request.scope.iter().filter(|it| !it.partitions.is_empty()) {
            wanted.add(&topic.topic, topic.partitions.iter().copied());
        }
        for topic in unknown {
            let message = format!("topic '{topic}' does not exist");
            wanted.errors.push((topic, unknown_topic(message)));
        }
        wanted.is_open = request.scope.is_empty() && !request.all_topics;
        let to = request.target.as_ref().and_then(|it| it.to.as_ref());
        let may_be_open = matches!(to, Some(To::Exactly(_) | To::Undo(_) | To::Group(_)));
        if wanted.is_open && !may_be_open {
            return Err(bad_argument(
                "no topic is named: name topics, or ask for all of the group",
            ));
        }
        Ok(wanted)
    }
}

/// The partitions that are named.
#[derive(Debug, Default)]
struct Wanted {
    partitions: Partitions,
    /// None is named: all that the target is about.
    is_open: bool,
    errors: Vec<(String, AdminError)>,
}

impl Wanted {
    fn add(&mut self, topic: &str, indexes: impl IntoIterator<Item = u32>) {
        let mut indexes = indexes.into_iter().peekable();
        if indexes.peek().is_some() {
            self.partitions.entry(topic.to_owned()).or_default().extend(indexes);
        }
    }

    fn each(&self) -> impl Iterator<Item = (String, u32)> {
        super::resolve::each(&self.partitions)
    }

    fn names(&self, topic: &str, index: u32) -> bool {
        self.partitions.get(topic).is_some_and(|it| it.contains(&index))
    }
}

fn exactly(list: &v1::OffsetList, wanted: &Wanted) -> Result<Aims, AdminError> {
    let mut aims = Aims::default();
    for it in &list.offsets {
        if !wanted.is_open && !wanted.names(&it.topic, it.partition) {
            continue;
        }
        let key = (it.topic.clone(), it.partition);
        let offset = i64::try_from(it.offset).unwrap_or(i64::MAX);
        let aim = Aim { metadata: it.metadata.clone(), ..Aim::from(Goal::Offset(offset)) };
        if aims.of.insert(key.clone(), aim).is_some() {
            return Err(bad_argument(format!("{} stands there twice", item_of(&key))));
        }
    }
    Ok(aims)
}

fn delete(wanted: &Wanted, view: &View) -> Aims {
    let mut aims = Aims::default();
    for key in wanted.each() {
        if view.committed(&key).is_some() {
            aims.of.insert(key, Goal::Nowhere.into());
        } else {
            aims.refuse(item_of(&key), no_commit());
        }
    }
    aims
}

/// Nothing is committed where something has to be.
pub(super) fn no_commit() -> AdminError {
    let message = "nothing is committed of it";
    AdminError::new(Code::FailedPrecondition, "kq.NO_COMMIT", message)
        .hint("--to earliest, or another position that is not relative")
}

fn stranger(group: &str, topic: &str) -> AdminError {
    let message = format!("group {group} has nothing to do with topic '{topic}'");
    AdminError::new(Code::FailedPrecondition, "kq.NEW_TOPIC", message)
        .hint("--allow-new-topics if that is meant")
}

/// The partitions of aims, by topic.
pub(super) fn partitions_of(aims: &Aims) -> Partitions {
    by_topic(aims.of.keys().cloned())
}
