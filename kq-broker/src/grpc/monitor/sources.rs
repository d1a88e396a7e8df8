//! What one watcher follows, by its window.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::admin::v1::QuorumStatusResponse;
use kq_proto::monitor::v1;

use super::Watching;
use super::curves::CurvesAsked;
use super::rounds::{Follow, Pace, Rounds, changed};
use crate::monitor::{Counts, GroupRows, Window};

/// Between two rounds of whatever is looked up.
const ROUND: Duration = Duration::from_secs(1);
/// The same of what is counted by the minute.
const CURVES_ROUND: Duration = Duration::from_secs(15);

/// What is followed for one watcher; none of what it does not want.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) counts: Option<Follow<Counts>>,
    with_partitions: bool,
    pub(super) groups: Option<Follow<GroupRows>>,
    /// The group that is open: nobody else may look at the same one.
    pub(super) group: Option<Follow<v1::GroupState>>,
    open: String,
    pub(super) plans: Option<Follow<v1::Plans>>,
    pub(super) quorum: Option<Follow<QuorumStatusResponse>>,
    /// The minutes of this window and moment: nobody else may look at the same ones.
    pub(super) curves: Option<Follow<v1::Curves>>,
    curves_asked: Option<CurvesAsked>,
}

/// What has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Counters, which come together.
    Counters,
    /// Something that the watcher has waited for since it asked.
    First,
    /// What can wait for the next counters.
    More,
}

impl Sources {
    /// Follows what a window wants and nothing else.
    pub(super) fn attend(&mut self, of: &Watching, window: &Window) {
        let (asked, with_partitions) = (window.asked(), window.wants_partitions());
        if !window.wants_counters() {
            self.counts = None;
        } else if self.counts.is_none() || self.with_partitions != with_partitions {
            // The new one comes before the old one goes: nothing stops in between.
            self.counts = Some(of.hub.follow(with_partitions));
        }
        self.with_partitions = with_partitions;
        keep(&mut self.groups, asked.groups, || {
            let admin = of.admin.clone();
            let sample = Duration::from_millis(of.admin.node.config.group_lag_sample_ms);
            // A class that is told early is shown early.
            let pace = Pace { least: ROUND, most: sample.max(ROUND) };
            of.groups.follow(pace, move |before| {
                let admin = admin.clone();
                async move { admin.group_rows(before.as_deref()).await }
            })
        });
        keep(&mut self.plans, asked.plans, || {
            let admin = of.admin.clone();
            of.plans.follow(ROUND, move |_| {
                let admin = admin.clone();
                async move { v1::Plans { plans: Box::pin(admin.plan_rows()).await } }
            })
        });
        keep(&mut self.quorum, asked.quorum, || {
            let admin = of.admin.clone();
            of.quorum.follow(ROUND, move |_| {
                let admin = admin.clone();
                async move { Box::pin(admin.quorum_status()).await }
            })
        });
        if self.open != asked.group {
            self.open.clone_from(&asked.group);
            self.group = (!self.open.is_empty()).then(|| open(of, &self.open));
        }
    }

    /// Follows the curves that a window wants at a moment.
    pub(super) fn attend_curves(&mut self, of: &Watching, window: &Window, as_of_ms: Option<i64>) {
        let asked = CurvesAsked::of(window.asked(), as_of_ms);
        if self.curves_asked == asked {
            return;
        }
        self.curves = asked.clone().map(|asked| {
            let admin = of.admin.clone();
            let rounds: Arc<Rounds<v1::Curves>> = Arc::default();
            rounds.follow(CURVES_ROUND, move |_| {
                let (admin, asked) = (admin.clone(), asked.clone());
                async move { admin.curves(&asked).await }
            })
        });
        self.curves_asked = asked;
    }

    /// Waits for the next news.
    pub(super) async fn news(&mut self) -> News {
        let is_first = tokio::select! {
            _ = changed(&mut self.counts) => return News::Counters,
            is_first = changed(&mut self.groups) => is_first,
            is_first = changed(&mut self.group) => is_first,
            is_first = changed(&mut self.plans) => is_first,
            is_first = changed(&mut self.quorum) => is_first,
            is_first = changed(&mut self.curves) => is_first,
        };
        if is_first { News::First } else { News::More }
    }
}

fn open(of: &Watching, group: &str) -> Follow<v1::GroupState> {
    let (admin, group) = (of.admin.clone(), group.to_owned());
    let rounds: Arc<Rounds<v1::GroupState>> = Arc::default();
    rounds.follow(ROUND, move |_| {
        let (admin, group) = (admin.clone(), group.clone());
        async move { admin.open_group(group).await }
    })
}

fn keep<T>(followed: &mut Option<Follow<T>>, wanted: bool, follow: impl FnOnce() -> Follow<T>) {
    if !wanted {
        *followed = None;
    } else if followed.is_none() {
        *followed = Some(follow());
    }
}
