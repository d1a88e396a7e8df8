//! The session of one watcher: what it was told, and the frame that tells it the rest.

use std::sync::Arc;

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::brokers;
use super::counts::Counts;
use super::focus::Focus;
use super::groups::GroupRows;
use super::moment::{Moment, Standing};
use super::numbers::Numbers;
use super::pages::{History, ToldPages};
use super::session_counters::ToldCounters;
use super::since::Since;
use super::topics::{self, MinIsr};
use super::window::Window;
use crate::catalogue::StaticConfig;
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::{MetadataDelta, MetadataImage, TopicDelta, TopicImage};

/// All that there is to see at one moment. What is none is not known, and nothing is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The clock of this broker, in milliseconds since 1970.
    pub now_ms: i64,
    /// What the watcher looks at.
    pub moment: &'a Moment,
    /// How the quorum stands now.
    pub standing: &'a Standing,
    /// Counters of all brokers.
    pub counts: Option<&'a Arc<Counts>>,
    /// All groups.
    pub groups: Option<&'a Arc<GroupRows>>,
    /// All of the group that is open.
    pub group: Option<&'a Arc<v1::GroupState>>,
    /// Plans.
    pub plans: Option<&'a Arc<v1::Plans>>,
    /// The metadata quorum.
    pub quorum: Option<&'a Arc<admin::QuorumStatusResponse>>,
    /// The history as it is now, for pages and axes of it.
    pub history: Option<History<'a>>,
    /// The minutes that are kept.
    pub curves: Option<&'a Arc<v1::Curves>>,
}

/// What one watcher was told.
#[derive(Debug)]
pub struct Session {
    pub(super) me: BrokerId,
    fixed: StaticConfig,
    pub(super) window: Window,
    pub(super) numbers: Numbers,
    since: Since,
    told: Option<Told>,
    pub(super) counters: ToldCounters,
    groups: Option<Arc<GroupRows>>,
    group: Option<Arc<v1::GroupState>>,
    plans: Option<Arc<v1::Plans>>,
    quorum: Option<Arc<admin::QuorumStatusResponse>>,
    focus: Option<Focus>,
    pages: ToldPages,
    landing: Option<v1::Landing>,
}

/// The newest frame, as far as the next one follows from it.
#[derive(Debug)]
struct Told {
    moment: Moment,
    min_isr: MinIsr,
    cluster: v1::ClusterState,
    window: u64,
}

impl Session {
    /// A session in which nothing was told yet; `me` is the broker that answers and `fixed` what it
    /// was started with.
    pub fn new(me: BrokerId, fixed: StaticConfig, window: Window) -> Self {
        let mut session = Self {
            me,
            fixed,
            window: Window::default(),
            numbers: Numbers::default(),
            since: Since::default(),
            told: None,
            counters: ToldCounters::default(),
            groups: None,
            group: None,
            plans: None,
            quorum: None,
            focus: None,
            pages: ToldPages::default(),
            landing: None,
        };
        session.look_through(window);
        session
    }

    /// The newest window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// The watcher wants to be told something else from now on. What it did not want before is told
    /// anew, for it may have changed meanwhile.
    pub fn look_through(&mut self, window: Window) {
        let (before, asked) = (self.window.asked(), window.asked());
        if !asked.groups || !before.groups {
            self.groups = None;
        }
        if asked.group != before.group {
            self.group = None;
        }
        if !asked.plans || !before.plans {
            self.plans = None;
        }
        if !asked.quorum || !before.quorum {
            self.quorum = None;
        }
        match &asked.focus {
            None => self.focus = None,
            Some(key) if self.focus.as_ref().is_some_and(|it| it.is_on(key)) => {}
            Some(key) => self.focus = Some(Focus::new(key.clone())),
        }
        self.window = window;
    }

    /// Where a seek landed: the next frame says so.
    pub fn land(&mut self, landing: v1::Landing) {
        self.landing = Some(landing);
    }

    /// What the watcher does not know yet; none if it knows all.
    pub fn frame(&mut self, look: &Look<'_>) -> Option<v1::WatchResponse> {
        let (window, as_of_ms) = (self.window.number(), look.moment.as_of_ms);
        let empty = v1::WatchResponse {
            now_ms: look.now_ms,
            as_of_ms,
            window,
            ..v1::WatchResponse::default()
        };
        let mut frame = v1::WatchResponse { landing: self.landing.take(), ..empty.clone() };
        let told = self.told.take();
        let is_known =
            told.as_ref().is_some_and(|it| it.window == window && it.moment.as_of_ms == as_of_ms);
        let jumped = told.as_ref().is_none_or(|it| it.moment.as_of_ms != as_of_ms);
        self.told = Some(self.tell_metadata(told, look, &mut frame));
        if jumped {
            // The watcher forgets what is of one moment alone.
            self.counters = ToldCounters::default();
            (self.groups, self.group, self.plans, self.quorum) = (None, None, None, None);
        }
        self.tell_counters(look, &mut frame);
        self.tell_groups(look, &mut frame);
        self.tell_pages(look, jumped, &mut frame);
        (!is_known || frame != empty).then_some(frame)
    }

    /// A frame that tells the time alone: the watcher knows all, and knows by it that this is so.
    pub fn beat(&self, now_ms: i64) -> v1::WatchResponse {
        let told = self.told.as_ref();
        v1::WatchResponse {
            now_ms,
            as_of_ms: told.and_then(|it| it.moment.as_of_ms),
            window: told.map_or(0, |it| it.window),
            ..v1::WatchResponse::default()
        }
    }

    fn tell_metadata(
        &mut self,
        told: Option<Told>,
        look: &Look<'_>,
        frame: &mut v1::WatchResponse,
    ) -> Told {
        let (moment, window) = (look.moment.clone(), self.window.number());
        let cluster = self.cluster(look);
        let Some(told) = told else {
            let min_isr = MinIsr::of(&moment.image, self.me, &self.fixed);
            self.tell_whole(&moment.image, min_isr, frame);
            frame.cluster = Some(cluster.clone());
            return Told { moment, min_isr, cluster, window };
        };
        if told.cluster != cluster {
            frame.cluster = Some(cluster.clone());
        }
        if Arc::ptr_eq(&told.moment.image, &moment.image) && told.moment.as_of_ms == moment.as_of_ms
        {
            return Told { cluster, window, ..told };
        }
        let min_isr = MinIsr::of(&moment.image, self.me, &self.fixed);
        if told.moment.is_now() && moment.is_now() {
            self.since.follow(&moment.image, told.moment.image.events_total());
        } else {
            self.since = Since::of(&moment.image, min_isr);
        }
        self.tell_difference((&told.moment.image, told.min_isr), (&moment.image, min_isr), frame);
        Told { moment, min_isr, cluster, window }
    }

    fn cluster(&self, look: &Look<'_>) -> v1::ClusterState {
        let Look { moment, standing, .. } = look;
        let image = &moment.image;
        let (controller, voters) = if moment.is_now() {
            (standing.controller, standing.voters.as_slice())
        } else {
            (image.controller().map(|(id, _)| id), image.voters())
        };
        v1::ClusterState {
            cluster_id: image.cluster_id().map(|id| id.0.clone()).unwrap_or_default(),
            controller: controller.map(|id| id.0),
            voters: voters.iter().map(|id| id.0).collect(),
            answered_by: self.me.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            stale_ms: standing.stale_ms,
            metadata_index: image.applied(),
            event: image.events_total(),
        }
    }

    fn tell_whole(
        &mut self,
        image: &MetadataImage,
        min_isr: MinIsr,
        frame: &mut v1::WatchResponse,
    ) {
        frame.whole = true;
        self.since = Since::of(image, min_isr);
        frame.brokers = image.brokers().map(|it| brokers::broker(it)).collect();
        for topic in image.topics() {
            self.tell_topic(topic, min_isr, frame);
        }
    }

    /// A topic that the watcher does not know.
    fn tell_topic(&mut self, topic: &TopicImage, min_isr: MinIsr, frame: &mut v1::WatchResponse) {
        let number = self.numbers.assign(topic.id);
        let min_isr = min_isr.of_topic(topic);
        frame.topics.push(topics::topic(number, topic, min_isr, &self.since));
        self.counters.is_new(topic.id);
    }

    fn tell_difference(
        &mut self,
        (old, old_min): (&MetadataImage, MinIsr),
        (new, new_min): (&MetadataImage, MinIsr),
        frame: &mut v1::WatchResponse,
    ) {
        let delta = MetadataDelta::between(old, new);
        for id in delta.brokers {
            match new.broker(id) {
                Some(broker) => frame.brokers.push(brokers::broker(broker)),
                None => frame.brokers_gone.push(id.0),
            }
        }
        for topic in &delta.topics {
            self.tell_change(topic, (old_min, new_min), frame);
        }
        if old_min != new_min {
            self.tell_minima((old, old_min), (new, new_min), frame);
        }
    }

    fn tell_change(
        &mut self,
        delta: &TopicDelta,
        (old_min, new_min): (MinIsr, MinIsr),
        frame: &mut v1::WatchResponse,
    ) {
        match delta {
            TopicDelta::Created(topic) if topic.is_visible() => {
                self.tell_topic(topic, new_min, frame);
            }
            TopicDelta::Created(_) => {}
            TopicDelta::Purged(topic) => {
                self.since.forget_topic(topic.id);
                let number = self.numbers.forget(topic.id);
                frame.topics_gone.extend(number.filter(|_| topic.is_visible()));
            }
            TopicDelta::Changed { old, new, partitions, .. } => {
                match (old.is_visible(), new.is_visible()) {
                    (true, true) if new.partitions.len() < old.partitions.len() => {
                        self.tell_topic(new, new_min, frame);
                    }
                    (true, true) => {
                        let min = (old_min.of_topic(old), new_min.of_topic(new));
                        self.tell_partitions((old, new, min), partitions, frame);
                    }
                    (true, false) => frame.topics_gone.extend(self.numbers.get(new.id)),
                    (false, true) => self.tell_topic(new, new_min, frame),
                    (false, false) => {}
                }
            }
        }
    }

    /// What differs of a topic that the watcher knows.
    fn tell_partitions(
        &mut self,
        (old, new, (old_min, min_isr)): (&TopicImage, &TopicImage, (u32, u32)),
        partitions: &[PartitionIndex],
        frame: &mut v1::WatchResponse,
    ) {
        let number = self.numbers.assign(new.id);
        if old_min != min_isr || old.protection.is_some() != new.protection.is_some() {
            frame.topics.push(topics::topic_itself(number, new, min_isr));
        }
        let mut moved = false;
        for index in partitions {
            let Some(now) = new.partition(*index) else { continue };
            let was = old.partition(*index);
            let id = PartitionId { topic: new.id, index: *index };
            moved |= was.is_none_or(|it| it.leader != now.leader);
            if was.is_none_or(|was| !topics::look_alike(was, now)) {
                let since = self.since.get(id);
                frame.partitions.push(topics::partition(number, (*index, now), since));
            }
            if !topics::is_ill(now, min_isr) {
                self.since.forget(id);
            }
        }
        if moved {
            self.counters.is_led_anew(new.id);
        }
    }

    /// The value that topics without one of their own go by has changed.
    fn tell_minima(
        &self,
        (old, old_min): (&MetadataImage, MinIsr),
        (new, new_min): (&MetadataImage, MinIsr),
        frame: &mut v1::WatchResponse,
    ) {
        for topic in new.topics() {
            let Some(before) = old.topic_by_id(topic.id) else { continue };
            let min_isr = new_min.of_topic(topic);
            let Some(number) = self.numbers.get(topic.id) else { continue };
            let is_told = frame.topics.iter().any(|it| it.number == number);
            if !is_told && old_min.of_topic(before) != min_isr {
                frame.topics.push(topics::topic_itself(number, topic, min_isr));
            }
        }
    }

    fn tell_groups(&mut self, look: &Look<'_>, frame: &mut v1::WatchResponse) {
        if !look.moment.is_now() {
            return;
        }
        let asked = self.window.asked();
        if let Some(groups) = look.groups.filter(|_| asked.groups) {
            let is_told = self.groups.as_ref().is_some_and(|it| Arc::ptr_eq(it, groups));
            if !is_told {
                groups.tell(self.groups.as_deref(), frame);
                self.groups = Some(Arc::clone(groups));
            }
        }
        let group = look.group.filter(|it| it.group == asked.group && !asked.group.is_empty());
        frame.group = take_news(&mut self.group, group);
        frame.plans = take_news(&mut self.plans, look.plans.filter(|_| asked.plans));
        frame.quorum = take_news(&mut self.quorum, look.quorum.filter(|_| asked.quorum));
    }

    /// What is told of the history.
    fn tell_pages(&mut self, look: &Look<'_>, jumped: bool, frame: &mut v1::WatchResponse) {
        if let Some(focus) = &mut self.focus {
            frame.focus = focus.tell(&look.moment.image, jumped);
        }
        let (asked, as_of_ms) = (self.window.asked(), look.moment.as_of_ms);
        frame.events = self.pages.events(asked.events.as_ref(), look.history, as_of_ms);
        frame.event_total = self.pages.total(asked.events.as_ref(), look.history);
        frame.axis = self.pages.axis(asked.axis.as_ref(), look.history);
        frame.curves = self.pages.curves(look.curves.filter(|_| asked.curve_minutes > 0));
    }
}

/// What there is to tell of something that is told as a whole.
fn take_news<T: Clone + PartialEq>(told: &mut Option<Arc<T>>, now: Option<&Arc<T>>) -> Option<T> {
    let now = now?;
    if told.as_ref().is_some_and(|it| Arc::ptr_eq(it, now) || it == now) {
        return None;
    }
    *told = Some(Arc::clone(now));
    Some(T::clone(now))
}
