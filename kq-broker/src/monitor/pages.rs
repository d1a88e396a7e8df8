//! What one watcher is told of the history: the page of events and the axis in its window, and the
//! curves. Told again only when they differ from what was told.

use std::sync::Arc;

use kq_proto::monitor::v1::{Axis, AxisScope, Curves, EventPage, EventScope, EventTotal};

use super::axis::axis;
use super::events::{page, total};
use super::timeline::Timeline;
use crate::metadata::MetadataImage;

/// The history as it is now, whatever moment is looked at.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// The newest image.
    pub image: &'a MetadataImage,
    /// Its history by time.
    pub timeline: &'a Timeline,
}

/// What was told.
#[derive(Debug, Default)]
pub(super) struct ToldPages {
    events: Option<Told<EventScope, EventPage>>,
    total: Option<Told<EventScope, EventTotal>>,
    axis: Option<Told<AxisScope, Axis>>,
    curves: Option<Arc<Curves>>,
}

/// Something that was told, for what was asked, and how far the history was then.
#[derive(Debug)]
struct Told<Q, A> {
    asked: Q,
    newest: u64,
    answer: A,
}

impl ToldPages {
    /// The page of events, if the watcher does not know it. Without a moment it is about the one that
    /// is looked at.
    pub(super) fn events(
        &mut self,
        asked: Option<&EventScope>,
        history: Option<History<'_>>,
        as_of_ms: Option<i64>,
    ) -> Option<EventPage> {
        let asked = asked.map(|it| {
            // What happened at the moment itself stands before it.
            let around = it.around_at_ms.or(as_of_ms.map(|at| at.saturating_add(1)));
            EventScope { around_at_ms: around, ..it.clone() }
        });
        tell(&mut self.events, asked, history, |it, asked| page(it.timeline, it.image, asked))
    }

    /// How much history there is where the page is of it, if the watcher does not know it. It is told
    /// apart from the page: a page of long ago stays as it is while there comes to be more.
    pub(super) fn total(
        &mut self,
        asked: Option<&EventScope>,
        history: Option<History<'_>>,
    ) -> Option<EventTotal> {
        let asked = asked.map(|it| EventScope {
            filter: it.filter.clone(),
            run_of: it.run_of,
            ..EventScope::default()
        });
        tell(&mut self.total, asked, history, |it, asked| total(it.timeline, it.image, asked))
    }

    /// The axis, if the watcher does not know it.
    pub(super) fn axis(
        &mut self,
        asked: Option<&AxisScope>,
        history: Option<History<'_>>,
    ) -> Option<Axis> {
        tell(&mut self.axis, asked.cloned(), history, |it, asked| {
            axis(it.timeline, it.image, asked)
        })
    }

    /// The curves, if the watcher does not know them.
    pub(super) fn curves(&mut self, curves: Option<&Arc<Curves>>) -> Option<Curves> {
        let Some(curves) = curves else {
            self.curves = None;
            return None;
        };
        let is_told =
            self.curves.as_ref().is_some_and(|it| Arc::ptr_eq(it, curves) || it == curves);
        if is_told {
            return None;
        }
        self.curves = Some(Arc::clone(curves));
        Some(Curves::clone(curves))
    }
}

fn tell<Q: PartialEq, A: Clone + PartialEq>(
    told: &mut Option<Told<Q, A>>,
    asked: Option<Q>,
    history: Option<History<'_>>,
    answer: impl FnOnce(History<'_>, &Q) -> A,
) -> Option<A> {
    let Some(asked) = asked else {
        *told = None;
        return None;
    };
    let history = history?;
    let newest = history.timeline.newest();
    let same = told.as_ref().is_some_and(|it| it.asked == asked);
    if same && told.as_ref().is_some_and(|it| it.newest == newest) {
        return None;
    }
    let answer = answer(history, &asked);
    let news = !same || told.as_ref().is_none_or(|it| it.answer != answer);
    let result = news.then(|| answer.clone());
    *told = Some(Told { asked, newest, answer });
    result
}
