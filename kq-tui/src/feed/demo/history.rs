//! The history of the made-up cluster: what its outages wrote down.

use kq_proto::admin::v1::{self as admin, EventKind as Kind};
use kq_proto::monitor::v1;

use super::cluster::{Cluster, Topic, WHY};
use super::story::{BEGIN_MS, Outage, Story};

/// Numbers that each outage has for its events.
const NUMBERS: u64 = 1_000_000;
/// Events of one row that are told one by one.
const RUN_MAX: usize = 500;
/// Nobody was the controller for a while, once.
const HOLE_MS: (i64, i64) = (BEGIN_MS - 9_000_000, BEGIN_MS - 8_820_000);

/// What wrote a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Fenced,
    Led,
    Shrunk,
    Back,
    Expanded,
    Balanced,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::Fenced, Self::Led, Self::Shrunk, Self::Back, Self::Expanded, Self::Balanced];

    const fn at_ms(self, it: &Outage) -> i64 {
        match self {
            Self::Fenced => it.fenced_ms,
            Self::Led => it.fenced_ms + 4,
            Self::Shrunk => it.fenced_ms + 11,
            Self::Back => it.back_ms,
            Self::Expanded => it.in_sync_ms,
            Self::Balanced => it.balanced_ms,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Fenced => Kind::BrokerFenced,
            Self::Led | Self::Balanced => Kind::LeaderChanged,
            Self::Shrunk => Kind::IsrShrunk,
            Self::Back => Kind::BrokerRegistered,
            Self::Expanded => Kind::IsrExpanded,
        }
    }

    /// The place of its first number among those of the outage.
    const fn offset(self) -> u64 {
        match self {
            Self::Fenced => 0,
            Self::Led => 1,
            Self::Shrunk => 200_001,
            Self::Back => 400_002,
            Self::Expanded => 400_003,
            Self::Balanced => 600_004,
        }
    }
}

/// One row: an outage, what of it, how many events, and the first of them.
struct Row {
    outage: Outage,
    part: Part,
    count: u32,
    at_ms: i64,
    event: admin::Event,
}

impl Cluster {
    /// The partitions that a part of an outage tells of.
    fn told_of<'a>(
        &'a self,
        (it, part): (&Outage, Part),
        topics: &'a [String],
    ) -> impl Iterator<Item = (&'a Topic, u32)> {
        let (broker, as_first) = (it.broker, matches!(part, Part::Led | Part::Balanced));
        let fits = move |topic: &&Topic| {
            let is_asked_for = topics.is_empty() || topics.contains(&topic.name);
            is_asked_for && (topic.copies > 1 || part == Part::Led)
        };
        let all = self.topics.iter().filter(fits);
        let all = all.flat_map(|it| (0..it.partitions).map(move |at| (it, at)));
        all.filter(move |(topic, at)| {
            let replicas = self.replicas(topic, *at);
            if as_first { replicas.first() == Some(&broker) } else { replicas.contains(&broker) }
        })
    }

    /// How many they are.
    fn count_of(&self, (it, part): (&Outage, Part), topics: &[String]) -> u32 {
        if !topics.is_empty() {
            let count = self.told_of((it, part), topics).count();
            return u32::try_from(count).unwrap_or(u32::MAX);
        }
        match part {
            Part::Fenced | Part::Back => 1,
            Part::Led => self.preferring(it.broker, false),
            Part::Balanced => self.preferring(it.broker, true),
            Part::Shrunk | Part::Expanded => self.held_by(it.broker),
        }
    }

    fn event(&self, it: &Outage, part: Part, of: Option<(u64, (&Topic, u32))>) -> admin::Event {
        let broker = it.broker;
        let why = match part {
            Part::Fenced | Part::Led | Part::Shrunk => format!("broker {broker}: {WHY}"),
            Part::Back => format!("broker {broker} started"),
            Part::Expanded => "it has caught up".to_owned(),
            Part::Balanced => "preferred leaders, by the policy".to_owned(),
        };
        let (subject, message) = match of {
            None if part == Part::Fenced => {
                (format!("broker {broker}"), "broker fenced".to_owned())
            }
            None => {
                let version = env!("CARGO_PKG_VERSION");
                (format!("broker {broker}"), format!("version {version}, kq{broker}.example:9092"))
            }
            Some((_, (topic, at))) => {
                (format!("{}/{at}", topic.name), self.message((it, part), (topic, at)))
            }
        };
        let nth = of.map_or(0, |(nth, _)| nth);
        admin::Event {
            sequence: 1 + it.nth * NUMBERS + part.offset() + nth,
            at_ms: part.at_ms(it),
            kind: part.kind().into(),
            subject,
            message,
            reason: why,
            ..admin::Event::default()
        }
    }

    fn message(&self, (it, part): (&Outage, Part), (topic, at): (&Topic, u32)) -> String {
        let list = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let all = self.replicas(topic, at);
        let rest: Vec<u32> = all.iter().copied().filter(|id| *id != it.broker).collect();
        let other = rest.first().map_or_else(|| "none".to_owned(), u32::to_string);
        match part {
            Part::Led => format!("{} to {other}", it.broker),
            Part::Balanced => format!("{other} to {}", it.broker),
            Part::Expanded => format!("[{}] to [{}]", list(&rest), list(&all)),
            Part::Fenced | Part::Back | Part::Shrunk => {
                format!("[{}] to [{}]", list(&all), list(&rest))
            }
        }
    }

    /// How many rows were written by a moment: while these are the same, history is the same.
    pub(super) fn written(&self, until_ms: i64) -> usize {
        let of = |it: Outage| Part::ALL.into_iter().filter(move |part| part.at_ms(&it) <= until_ms);
        self.story.outages(until_ms).flat_map(of).count()
    }

    /// What was written by a moment, the oldest first; only what fits.
    fn rows(&self, until_ms: i64, filter: Option<&admin::EventFilter>) -> Vec<Row> {
        let default = admin::EventFilter::default();
        let filter = filter.unwrap_or(&default);
        let mut rows = Vec::new();
        for outage in self.story.outages(until_ms) {
            if !filter.brokers.is_empty() && !filter.brokers.contains(&outage.broker) {
                continue;
            }
            for part in Part::ALL {
                let at_ms = part.at_ms(&outage);
                let kind = filter.kinds.is_empty() || filter.kinds.contains(&part.kind().into());
                let since = filter.since_at_ms.is_none_or(|it| it <= at_ms);
                let until = filter.until_at_ms.is_none_or(|it| at_ms < it) && at_ms <= until_ms;
                if kind && since && until {
                    rows.extend(self.row(outage, part, &filter.topics));
                }
            }
        }
        rows
    }

    fn row(&self, outage: Outage, part: Part, topics: &[String]) -> Option<Row> {
        let at_ms = part.at_ms(&outage);
        if matches!(part, Part::Fenced | Part::Back) {
            let event = self.event(&outage, part, None);
            return topics.is_empty().then_some(Row { outage, part, count: 1, at_ms, event });
        }
        let first = self.told_of((&outage, part), topics).next()?;
        let count = self.count_of((&outage, part), topics);
        let event = self.event(&outage, part, Some((0, first)));
        Some(Row { outage, part, count, at_ms, event })
    }

    /// A page of history, as it was asked for.
    pub(super) fn page(&self, asked: &v1::EventScope, now_ms: i64) -> v1::EventPage {
        if let Some(run) = asked.run_of {
            return self.run(run, now_ms, asked.filter.as_ref());
        }
        let rows = self.rows(now_ms, asked.filter.as_ref());
        let around = match asked.around_at_ms {
            Some(at_ms) => rows.partition_point(|it| it.at_ms < at_ms),
            None => rows.len(),
        };
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let first = around.saturating_sub(size(asked.before));
        let end = around.saturating_add(size(asked.after)).min(rows.len());
        let (count, more_after) = (rows.len(), end < rows.len());
        let told = rows.into_iter().skip(first).take(end.saturating_sub(first)).map(|it| {
            let last = it.event.sequence + u64::from(it.count.saturating_sub(1));
            v1::EventRow { event: Some(it.event), count: it.count, last }
        });
        v1::EventPage {
            rows: told.collect(),
            before: u32::try_from(around.min(count).saturating_sub(first)).unwrap_or(0),
            more_before: first > 0,
            more_after,
        }
    }

    /// How many rows there are where that page is.
    pub(super) fn event_total(&self, asked: &v1::EventScope, now_ms: i64) -> v1::EventTotal {
        let rows = match asked.run_of {
            Some(run) => self.run(run, now_ms, asked.filter.as_ref()).rows.len(),
            None => self.rows(now_ms, asked.filter.as_ref()).len(),
        };
        v1::EventTotal { rows: u64::try_from(rows).unwrap_or(u64::MAX), is_more: false }
    }

    /// The events of one row, one by one.
    fn run(&self, of: u64, now_ms: i64, filter: Option<&admin::EventFilter>) -> v1::EventPage {
        let rows = self.rows(now_ms, filter);
        let Some(row) = rows.iter().rev().find(|it| it.event.sequence <= of) else {
            return v1::EventPage::default();
        };
        let topics = filter.map(|it| it.topics.as_slice()).unwrap_or_default();
        let all = self.told_of((&row.outage, row.part), topics);
        let single = |event: admin::Event| {
            let last = event.sequence;
            v1::EventRow { event: Some(event), count: 1, last }
        };
        let told: Vec<_> = if row.count == 1 {
            vec![single(row.event.clone())]
        } else {
            let events = (0..).zip(all).map(|of| self.event(&row.outage, row.part, Some(of)));
            events.take(RUN_MAX).map(single).collect()
        };
        v1::EventPage { rows: told, ..v1::EventPage::default() }
    }

    /// What happened over time.
    pub(super) fn axis(&self, asked: &v1::AxisScope, now_ms: i64) -> v1::Axis {
        let columns = asked.columns.clamp(1, 512);
        let size = usize::try_from(columns).unwrap_or(1);
        let mut axis = v1::Axis {
            from_at_ms: asked.from_at_ms,
            until_at_ms: asked.until_at_ms,
            columns,
            shrinks: vec![0; size],
            expands: vec![0; size],
            leaders: vec![0; size],
            fences: vec![0; size],
            holes: holes(asked, now_ms),
            ..v1::Axis::default()
        };
        let span = asked.until_at_ms.saturating_sub(asked.from_at_ms).max(1);
        for row in self.rows(now_ms, asked.filter.as_ref()) {
            let into = row.at_ms - asked.from_at_ms;
            if !(0..span).contains(&into) {
                continue;
            }
            let column = usize::try_from(into * i64::from(columns) / span).unwrap_or(0);
            let counts = match row.part {
                Part::Fenced => &mut axis.fences,
                Part::Led | Part::Balanced => &mut axis.leaders,
                Part::Shrunk => &mut axis.shrinks,
                Part::Expanded => &mut axis.expands,
                Part::Back => continue,
            };
            if let Some(count) = counts.get_mut(column) {
                *count += row.count;
            }
            add(&mut axis.by_broker, &row.outage.broker.to_string(), row.count);
            add(&mut axis.by_reason, &row.event.reason, row.count);
            self.add_topics(&row, &mut axis.by_topic);
        }
        for shares in [&mut axis.by_broker, &mut axis.by_topic, &mut axis.by_reason] {
            shares.sort_by_key(|it| std::cmp::Reverse(it.count));
            shares.truncate(8);
        }
        mark_worst(&mut axis);
        axis
    }

    fn add_topics(&self, row: &Row, shares: &mut Vec<v1::Share>) {
        if matches!(row.part, Part::Fenced | Part::Back) {
            return;
        }
        for (topic, _) in self.told_of((&row.outage, row.part), &[]).take(RUN_MAX) {
            add(shares, &topic.name, 1);
        }
    }

    /// What happened to a partition and to the brokers that hold it, the newest first.
    pub(super) fn focus(&self, key: &v1::PartitionKey, now_ms: i64) -> v1::Focus {
        let mut events = Vec::new();
        if let Some(topic) = self.named(&key.topic).filter(|it| key.partition < it.partitions) {
            let replicas = self.replicas(topic, key.partition);
            let of_these: Vec<Outage> =
                self.story.outages(now_ms).filter(|it| replicas.contains(&it.broker)).collect();
            for it in of_these.iter().rev().take(4) {
                for part in Part::ALL.into_iter().rev().filter(|part| part.at_ms(it) <= now_ms) {
                    let of_broker = matches!(part, Part::Fenced | Part::Back);
                    let is_told = self
                        .told_of((it, part), std::slice::from_ref(&key.topic))
                        .any(|(_, at)| at == key.partition);
                    if of_broker || is_told {
                        let of = (!of_broker).then_some((0, (topic, key.partition)));
                        events.push(self.event(it, part, of));
                    }
                }
            }
        }
        v1::Focus { partition: Some(key.clone()), events }
    }

    /// Where a step from a moment lands: the moment, the event and what it is; or why nowhere.
    pub(super) fn step(
        &self,
        step: v1::Step,
        from_ms: i64,
        now_ms: i64,
    ) -> Result<(i64, u64, String), &'static str> {
        let is_trouble = matches!(step, v1::Step::TroubleBack | v1::Step::TroubleOn);
        let mut rows = self.rows(now_ms, None);
        rows.retain(|it| !is_trouble || it.part == Part::Fenced);
        let found = match step {
            v1::Step::EventBack | v1::Step::TroubleBack => {
                rows.iter().rev().find(|it| it.at_ms < from_ms)
            }
            v1::Step::EventOn | v1::Step::TroubleOn | v1::Step::Unspecified => {
                rows.iter().find(|it| it.at_ms > from_ms)
            }
        };
        let row = found.ok_or(match (is_trouble, step) {
            (true, v1::Step::TroubleBack) => "there was no trouble before",
            (true, _) => "there was no trouble after",
            (false, _) => "there is no event there",
        })?;
        let words = match row.part {
            Part::Fenced => format!("broker {} fenced: {WHY}", row.outage.broker),
            Part::Led | Part::Shrunk | Part::Back | Part::Expanded | Part::Balanced => {
                format!("{}: {}", row.event.subject, row.event.message)
            }
        };
        Ok((row.at_ms, row.event.sequence, words))
    }
}

fn add(shares: &mut Vec<v1::Share>, of: &str, count: u32) {
    match shares.iter_mut().find(|it| it.of == of) {
        Some(share) => share.count += count,
        None => shares.push(v1::Share { of: of.to_owned(), count }),
    }
}

fn holes(asked: &v1::AxisScope, now_ms: i64) -> Vec<v1::Hole> {
    let spans = [
        (i64::MIN, Story::oldest_ms(), "the history begins here"),
        (HOLE_MS.0, HOLE_MS.1, "no controller"),
    ];
    let within = spans.into_iter().map(|(from, until, why)| v1::Hole {
        from_at_ms: from.max(asked.from_at_ms),
        until_at_ms: until.min(asked.until_at_ms).min(now_ms),
        why: why.to_owned(),
    });
    within.filter(|it| it.from_at_ms < it.until_at_ms).collect()
}

fn mark_worst(axis: &mut v1::Axis) {
    let sums = axis.shrinks.iter().zip(&axis.expands).zip(&axis.leaders).zip(&axis.fences);
    let sums = sums.map(|(((a, b), c), d)| a + b + c + d);
    let worst = (0_u32..).zip(sums).filter(|(_, sum)| *sum > 0).max_by_key(|(_, sum)| *sum);
    if let Some((column, sum)) = worst {
        (axis.worst, axis.worst_count) = (Some(column), sum);
    }
}
