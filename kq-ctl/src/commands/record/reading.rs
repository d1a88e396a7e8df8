//! A stream of records that goes on at the next leader where it was broken off, without a gap and
//! without a record twice. Every partition has its position here, so all that a broker loses is asked
//! for again from there.

use std::rc::Rc;
use std::time::Duration;

use kq_proto::admin::v1;
use kq_proto::admin::v1::offset_spec::Spec;
use tokio_stream::StreamExt as _;

use crate::cluster::{Cluster, Replies};
use crate::exit::{Exit, Failure};
use crate::session::{Access, Session};

/// Between two attempts to go on.
const PAUSE: Duration = Duration::from_millis(200);

/// A fetch under way.
pub(super) struct Reading<'a> {
    session: &'a Session,
    cluster: Rc<dyn Cluster>,
    left: Left,
    answers: Option<Replies<v1::FetchResponse>>,
    /// Since when nothing has come, and why.
    broken: Option<(i64, Failure)>,
}

/// What is still to be read: partitions at their positions, and how many records at most.
struct Left {
    request: v1::FetchRequest,
    is_bounded: bool,
    /// Something has come. What could not even begin is told at once.
    has_begun: bool,
}

impl<'a> Reading<'a> {
    /// Begins; nothing is asked yet.
    pub(super) fn new(
        request: v1::FetchRequest,
        cluster: Rc<dyn Cluster>,
        session: &'a Session,
    ) -> Self {
        let is_bounded = 0 < request.record_count_max;
        let left = Left { request, is_bounded, has_begun: false };
        Self { session, cluster, left, answers: None, broken: None }
    }

    /// What comes next; nothing once all is read. A failure is one that going on does not help.
    pub(super) async fn next(&mut self) -> Option<Result<v1::FetchResponse, Failure>> {
        loop {
            let answer = match &mut self.answers {
                Some(answers) => answers.next().await?,
                None => match self.begin().await {
                    Ok(answers) => {
                        self.answers = Some(answers);
                        continue;
                    }
                    Err(failure) => Err(failure),
                },
            };
            match answer {
                Ok(mut answer) => {
                    let lost = self.left.take(&mut answer);
                    if !answer.records.is_empty() || !answer.progress.is_empty() {
                        self.broken = None;
                    }
                    if let Some(failure) = lost
                        && let Err(failure) = self.pause(failure).await
                    {
                        return Some(Err(failure));
                    }
                    return Some(Ok(answer));
                }
                Err(failure) => {
                    if let Err(failure) = self.pause(failure).await {
                        return Some(Err(failure));
                    }
                    // Whoever was asked may be gone; any other will do.
                    if let Ok(cluster) = self.session.cluster_again(Access::Read).await {
                        self.cluster = cluster;
                    }
                }
            }
        }
    }

    async fn begin(&self) -> Result<Replies<v1::FetchResponse>, Failure> {
        self.cluster.fetch(self.left.request.clone()).await
    }

    /// Waits a moment before the next attempt; gives up what does not pass, or lasts too long.
    async fn pause(&mut self, failure: Failure) -> Result<(), Failure> {
        self.answers = None;
        let now = self.session.now_ms();
        let (since, _) = self.broken.get_or_insert((now, failure.clone()));
        let patience = self.session.settings.timeout.value;
        let may_pass = failure.retriable || failure.exit == Exit::Unreachable;
        if !may_pass || !self.left.has_begun || patience <= self.session.elapsed(*since) {
            return Err(failure);
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

impl Left {
    /// Moves positions on; what a leader has lost is kept out of the answer's errors.
    fn take(&mut self, answer: &mut v1::FetchResponse) -> Option<Failure> {
        self.has_begun |= !answer.records.is_empty() || !answer.progress.is_empty();
        for record in &answer.records {
            self.move_to((&record.topic, record.partition), record.offset.saturating_add(1));
        }
        if self.is_bounded {
            let count = answer.records.len() as u64;
            self.request.record_count_max = self.request.record_count_max.saturating_sub(count);
        }
        for it in &answer.progress {
            self.move_to((&it.topic, it.partition), it.next_offset);
        }
        let finished: Vec<String> = answer
            .progress
            .iter()
            .filter(|it| it.finished)
            .map(|it| format!("{}/{}", it.topic, it.partition))
            .collect();
        let (lost, told): (Vec<_>, Vec<_>) = std::mem::take(&mut answer.errors)
            .into_iter()
            .partition(|it| it.retriable && self.has_begun);
        let is_over =
            |name: &String| finished.contains(name) || told.iter().any(|error| error.item == *name);
        self.request.partitions.retain(|it| !is_over(&format!("{}/{}", it.topic, it.partition)));
        answer.errors = told;
        let all_read = self.is_bounded && self.request.record_count_max == 0;
        lost.into_iter().next().filter(|_| !all_read).map(Failure::from)
    }

    fn move_to(&mut self, (topic, partition): (&str, u32), next: u64) {
        let is_it = |it: &&mut v1::FetchPartition| it.topic == topic && it.partition == partition;
        if let Some(it) = self.request.partitions.iter_mut().find(is_it) {
            it.from = Some(v1::OffsetSpec { spec: Some(Spec::Offset(next)) });
        }
    }
}

#[cfg(test)]
mod tests {
    use kq_proto::admin::v1::{FetchPartition, FetchProgress, FetchResponse, ItemError, Record};

    use super::*;

    fn left(count_max: u64) -> Left {
        let partition = |partition| FetchPartition {
            topic: "t".to_owned(),
            partition,
            ..FetchPartition::default()
        };
        let request = v1::FetchRequest {
            partitions: vec![partition(0), partition(1)],
            record_count_max: count_max,
            ..v1::FetchRequest::default()
        };
        Left { request, is_bounded: 0 < count_max, has_begun: false }
    }

    fn record(partition: u32, offset: u64) -> Record {
        Record { topic: "t".to_owned(), partition, offset, ..Record::default() }
    }

    fn error(item: &str, retriable: bool) -> ItemError {
        ItemError { item: item.to_owned(), retriable, ..ItemError::default() }
    }

    /// Partitions and where they go on; `-` where they were told to begin.
    fn shown(left: &Left) -> String {
        let at = |it: &FetchPartition| match it.from.as_ref().and_then(|it| it.spec.as_ref()) {
            Some(Spec::Offset(offset)) => offset.to_string(),
            Some(_) | None => "-".to_owned(),
        };
        let all = left.request.partitions.iter().map(|it| format!("{}@{}", it.partition, at(it)));
        all.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_lost_leader_is_asked_for_what_comes_after_the_last_record() {
        let mut left = left(0);
        let mut answer = FetchResponse {
            records: vec![record(0, 7), record(1, 3), record(0, 9)],
            errors: vec![error("t/0", true)],
            ..FetchResponse::default()
        };
        assert!(left.take(&mut answer).is_some());
        assert_eq!((shown(&left).as_str(), answer.errors.len()), ("0@10 1@4", 0));
    }

    #[test]
    fn what_could_not_even_begin_is_told() {
        let mut left = left(0);
        let mut answer =
            FetchResponse { errors: vec![error("t/0", true)], ..FetchResponse::default() };
        assert!(left.take(&mut answer).is_none());
        assert_eq!((shown(&left).as_str(), answer.errors.len()), ("1@-", 1));
    }

    #[test]
    fn what_is_finished_or_refused_is_not_asked_for_again() {
        let mut left = left(0);
        let finished = FetchProgress {
            topic: "t".to_owned(),
            partition: 0,
            next_offset: 5,
            finished: true,
            ..FetchProgress::default()
        };
        let mut answer = FetchResponse {
            progress: vec![finished],
            errors: vec![error("t/1", false)],
            ..FetchResponse::default()
        };
        assert!(left.take(&mut answer).is_none());
        assert_eq!((shown(&left).as_str(), answer.errors.len()), ("", 1));
    }

    #[test]
    fn a_bound_is_kept_over_every_attempt() {
        let mut left = left(3);
        let broken = |records| FetchResponse {
            records,
            errors: vec![error("t/1", true)],
            ..FetchResponse::default()
        };
        assert!(left.take(&mut broken(vec![record(0, 0), record(0, 1)])).is_some());
        assert_eq!(left.request.record_count_max, 1);
        assert!(left.take(&mut broken(vec![record(0, 2)])).is_none(), "all is read");
    }
}
