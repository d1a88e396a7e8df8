//! Going to a moment of the past: where one lands, what is there in words, or why one stays.

use kq_proto::monitor::v1::{Landing, Seek, Step};

use super::timeline::Timeline;
use crate::ids::BrokerId;
use crate::metadata::{Detail, Event, MetadataImage, TimestampMs, Utc};

/// Where a seek leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Sought {
    /// What the watcher is told. `topics_unknown` is to be filled in from the image.
    pub landing: Landing,
    /// The raft index whose image is to be told; none if nothing moves.
    pub index: Option<u64>,
}

/// Finds the place that a seek asks for. `now` is the clock of the broker.
pub fn seek(timeline: &Timeline, image: &MetadataImage, seek: &Seek, now: TimestampMs) -> Sought {
    let place = Place { timeline, image };
    let found = match seek.step() {
        Step::Unspecified if seek.at_ms > now.0 => {
            Err(format!("{} is yet to come", Utc(TimestampMs(seek.at_ms))))
        }
        Step::Unspecified => Ok(place.moment(seek.at_ms)),
        Step::EventBack => place.event_before(seek.at_ms),
        Step::EventOn => place.event_behind(seek.at_ms),
        Step::TroubleBack => place.trouble_before(seek.at_ms),
        Step::TroubleOn => place.trouble_behind(seek.at_ms),
    };
    let oldest = place.oldest();
    let landed = found.and_then(|spot| {
        let index = image.index_at(TimestampMs(spot.at_ms)).filter(|_| Some(spot.at_ms) >= oldest);
        index.map(|index| (spot, index)).ok_or_else(|| place.too_old())
    });
    let (landing, index) = match landed {
        Ok((spot, index)) => {
            let Spot { at_ms, event, words } = spot;
            (Landing { found: true, at_ms, event, words, ..Landing::default() }, Some(index))
        }
        Err(words) => (Landing { at_ms: seek.at_ms, words, ..Landing::default() }, None),
    };
    let landing = Landing { number: seek.number, oldest_at_ms: oldest, ..landing };
    Sought { landing, index }
}

/// A place in the past.
struct Spot {
    at_ms: i64,
    event: Option<u64>,
    words: String,
}

struct Place<'a> {
    timeline: &'a Timeline,
    image: &'a MetadataImage,
}

impl Place<'_> {
    /// The oldest moment whose image can be told.
    fn oldest(&self) -> Option<i64> {
        let (index, since) = self.image.told_from();
        let first = self.image.events().next().map(|it| it.time.0);
        if index > 0 { Some(since.0) } else { first }
    }

    fn too_old(&self) -> String {
        self.oldest().map_or_else(
            || "nothing has happened yet".to_owned(),
            |oldest| format!("nothing is kept of before {}", Utc(TimestampMs(oldest))),
        )
    }

    fn moment(&self, at_ms: i64) -> Spot {
        let last = self.timeline.first_from(at_ms.saturating_add(1)).checked_sub(1);
        let event = last.and_then(|number| self.image.event(number));
        let words = event.map_or_else(String::new, |it| match at_ms - it.time.0 {
            0 => words(it),
            since => format!("{} after: {}", super::trouble::span(since), words(it)),
        });
        Spot { at_ms, event: event.map(|it| it.number), words }
    }

    fn at_event(&self, number: u64) -> Option<Spot> {
        let event = self.image.event(number)?;
        Some(Spot { at_ms: event.time.0, event: Some(number), words: words(event) })
    }

    fn event_before(&self, at_ms: i64) -> Result<Spot, String> {
        let number = self.timeline.first_from(at_ms).checked_sub(1);
        number.and_then(|it| self.at_event(it)).ok_or_else(|| self.too_old())
    }

    /// All events of a moment are one step: where the first of them stands.
    fn event_behind(&self, at_ms: i64) -> Result<Spot, String> {
        let number = self.timeline.first_from(at_ms.saturating_add(1));
        let nothing = || format!("nothing has happened since {}", Utc(TimestampMs(at_ms)));
        self.at_event(number).ok_or_else(nothing)
    }

    fn trouble_before(&self, at_ms: i64) -> Result<Spot, String> {
        let troubles = self.timeline.troubles();
        let found = troubles.partition_point(|it| it.at_ms < at_ms).checked_sub(1);
        self.at_trouble(found).ok_or_else(|| {
            let since = self.oldest().map_or_else(String::new, |oldest| {
                format!(", and nothing is kept of before {}", Utc(TimestampMs(oldest)))
            });
            format!("there was no trouble before {}{since}", Utc(TimestampMs(at_ms)))
        })
    }

    fn trouble_behind(&self, at_ms: i64) -> Result<Spot, String> {
        let troubles = self.timeline.troubles();
        let found = Some(troubles.partition_point(|it| it.at_ms <= at_ms));
        let nothing = || format!("there has been no trouble since {}", Utc(TimestampMs(at_ms)));
        self.at_trouble(found).ok_or_else(nothing)
    }

    fn at_trouble(&self, place: Option<usize>) -> Option<Spot> {
        let it = self.timeline.troubles().get(place?)?;
        Some(Spot { at_ms: it.at_ms, event: Some(it.event), words: it.words() })
    }
}

/// An event in words: what, to what, from what to what and why.
fn words(event: &Event) -> String {
    let mut words = format!("{}: {}", event.subject, event.kind.as_str().replace('_', " "));
    if let Detail::Leader { from, to, .. } = &event.detail {
        let name = |id: &Option<BrokerId>| id.map_or("nobody".to_owned(), |it| it.to_string());
        words = format!("{words}, {} to {}", name(from), name(to));
    } else if event.detail != Detail::None {
        words = format!("{words}, {}", event.detail);
    }
    if !event.reason.is_empty() {
        words = format!("{words} ({})", event.reason);
    }
    words
}
