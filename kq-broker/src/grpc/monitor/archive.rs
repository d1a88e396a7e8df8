//! The past of the cluster, once for all watchers: its history by time, and the images that were made
//! of it. There is one while somebody looks at it.

use std::sync::Arc;

use kq_proto::monitor::v1;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::metadata::{MetadataImage, Past, TimestampMs};
use crate::monitor::{Moment, Timeline, seek};

/// So many new events are taken in at once, and more are not worth holding up who reads.
const NEWS_MAX: u64 = 5_000;

/// The past.
#[derive(Debug, Default)]
pub(super) struct Archive {
    timeline: RwLock<Timeline>,
    past: Mutex<Past>,
}

impl Archive {
    /// Whether taking this image in takes so long that it belongs on a thread of its own.
    pub(super) fn is_far_behind(&self, image: &MetadataImage) -> bool {
        image.events_total().saturating_sub(self.timeline.read().newest()) > NEWS_MAX
    }

    /// Takes in what is new in an image.
    pub(super) fn follow(&self, image: &MetadataImage) {
        if self.is_far_behind(image) {
            let timeline = Timeline::of(image);
            *self.timeline.write() = timeline;
            return;
        }
        let mut timeline = self.timeline.write();
        if timeline.newest() < image.events_total() {
            timeline.follow(image);
        }
    }

    /// The history by time, as of the newest image that was taken in.
    pub(super) fn timeline(&self) -> RwLockReadGuard<'_, Timeline> {
        self.timeline.read()
    }

    /// Where a seek lands, and what is to be looked at from then on; none if nothing moves. It may
    /// have to take back the whole history: it may block.
    pub(super) fn seek(
        &self,
        image: &Arc<MetadataImage>,
        asked: &v1::Seek,
        now: TimestampMs,
    ) -> (v1::Landing, Option<Moment>) {
        self.follow(image);
        let sought = seek(&self.timeline.read(), image, asked, now);
        let mut landing = sought.landing;
        let Some(index) = sought.index else { return (landing, None) };
        let told = self.past.lock().at(image, index);
        landing.topics_unknown = told.topics_unknown().map(ToString::to_string).collect();
        let moment = Moment { image: Arc::clone(told.image()), as_of_ms: Some(landing.at_ms) };
        (landing, Some(moment))
    }
}
