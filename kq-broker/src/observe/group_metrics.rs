//! What the groups that this broker coordinates are behind, as of the last round of looking.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::group::GroupLag;
use crate::group::lag::{CatchUp, GroupClass};
use crate::runtime::Groups;

/// Under this name stand the groups that have no series of their own.
const OTHER: &str = "_other";

/// Reads one broker's groups.
#[derive(Debug)]
pub(super) struct GroupMetrics {
    groups: Weak<Groups>,
    groups_max: usize,
}

impl GroupMetrics {
    pub(super) fn new(groups: &Arc<Groups>, groups_max: usize) -> Self {
        Self { groups: Arc::downgrade(groups), groups_max }
    }
}

impl Collector for GroupMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(groups) = self.groups.upgrade() else { return Ok(()) };
        let sum = Sum::of(&groups.lags(), self.groups_max);
        sum.encode(&mut encoder)
    }
}

/// The series, by group.
#[derive(Debug, Default, PartialEq)]
struct Sum {
    lag: BTreeMap<String, u64>,
    seconds: BTreeMap<String, f64>,
    catch_up: BTreeMap<String, f64>,
    class: BTreeMap<String, GroupClass>,
    members: BTreeMap<String, u64>,
    consumed: BTreeMap<String, f64>,
    /// How many groups are of each class.
    by_class: BTreeMap<&'static str, u64>,
    unwatched: u64,
}

impl Sum {
    /// The worst groups have series of their own, the others are summed.
    fn of(groups: &[GroupLag], own_max: usize) -> Self {
        let mut sum = Self::default();
        for class in GroupClass::ALL {
            sum.by_class.insert(class.word(), 0);
        }
        let mut ordered: Vec<&GroupLag> = groups.iter().collect();
        ordered.sort_by_key(|it| std::cmp::Reverse((it.summary.class, it.summary.lag)));
        for (nth, group) in ordered.into_iter().enumerate() {
            *sum.by_class.entry(group.summary.class.word()).or_default() += 1;
            sum.unwatched += u64::from(group.summary.unwatched_count);
            let own = nth < own_max;
            sum.add(if own { group.group.as_str() } else { OTHER }, group);
        }
        sum
    }

    fn add(&mut self, name: &str, group: &GroupLag) {
        let summary = &group.summary;
        *self.lag.entry(name.to_owned()).or_default() += summary.lag;
        *self.members.entry(name.to_owned()).or_default() += group.member_count as u64;
        if let Some(time) = summary.time_lag {
            greatest(&mut self.seconds, name, time.as_secs_f64());
        }
        match summary.catch_up {
            Some(CatchUp::In(time)) => greatest(&mut self.catch_up, name, time.as_secs_f64()),
            Some(CatchUp::Never) => greatest(&mut self.catch_up, name, f64::INFINITY),
            None => {}
        }
        if let Some(rate) = summary.consumed_per_second {
            *self.consumed.entry(name.to_owned()).or_default() += rate;
        }
        if name != OTHER {
            self.class.insert(name.to_owned(), summary.class);
        }
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let lag = "Offsets that a group has not read, over its partitions";
        gauges(encoder, "group_lag_records", lag, None, &self.lag)?;
        let seconds = "Age of the oldest record that a group has not read";
        gauges(encoder, "group_lag", seconds, Some(&Unit::Seconds), &self.seconds)?;
        let catch_up = "How long until a group has read what waits; +Inf: never, as it does now";
        gauges(encoder, "group_catch_up", catch_up, Some(&Unit::Seconds), &self.catch_up)?;
        gauges(encoder, "group_members", "Members of a group", None, &self.members)?;
        let consumed = "Records that a group commits in a second";
        gauges(encoder, "group_consumed_per_second", consumed, None, &self.consumed)?;
        self.encode_classes(encoder)?;
        let unwatched = "Pairs of a group and a partition with unread records and without a window";
        let gauge = ConstGauge::new(self.unwatched);
        let kind = gauge.metric_type();
        gauge.encode(encoder.encode_descriptor("group_lag_unwindowed", unwatched, None, kind)?)
    }

    fn encode_classes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 for the class that a group is of";
        let kind = ConstGauge::new(0_u64).metric_type();
        let mut classes = encoder.encode_descriptor("group_class", help, None, kind)?;
        for (name, is) in &self.class {
            for class in GroupClass::ALL {
                let gauge = ConstGauge::new(u64::from(class == *is));
                let labels = [("group", name.as_str()), ("class", class.word())];
                gauge.encode(classes.encode_family(&labels)?)?;
            }
        }
        let help = "Groups of each class";
        let mut counts = encoder.encode_descriptor("groups", help, None, kind)?;
        for (class, count) in &self.by_class {
            let labels = [("class", *class)];
            ConstGauge::new(*count).encode(counts.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

fn greatest(of: &mut BTreeMap<String, f64>, name: &str, value: f64) {
    let slot = of.entry(name.to_owned()).or_default();
    *slot = slot.max(value);
}

/// One gauge of each group.
fn gauges<T>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    values: &BTreeMap<String, T>,
) -> fmt::Result
where
    T: Copy,
    ConstGauge<T>: EncodeMetric,
{
    if values.is_empty() {
        return Ok(());
    }
    let kind = prometheus_client::metrics::MetricType::Gauge;
    let mut family = encoder.encode_descriptor(name, help, unit, kind)?;
    for (group, value) in values {
        let labels = [("group", group.as_str())];
        ConstGauge::new(*value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::group::GroupId;
    use crate::group::lag::Summary;

    fn group(name: &str, class: GroupClass, lag: u64) -> GroupLag {
        let time_lag = Some(Duration::from_secs(lag));
        let catch_up = Some(CatchUp::Never).filter(|_| class == GroupClass::Stopped);
        let mut summary = Summary::default();
        (summary.class, summary.lag) = (class, lag);
        (summary.time_lag, summary.catch_up) = (time_lag, catch_up);
        GroupLag { group: GroupId::from(name), member_count: 2, summary, due: None }
    }

    #[derive(Debug)]
    struct Fixed(Vec<GroupLag>, usize);

    impl Collector for Fixed {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            Sum::of(&self.0, self.1).encode(&mut encoder)
        }
    }

    #[test]
    fn the_worst_groups_have_series_and_the_rest_is_summed() {
        let groups = vec![
            group("calm", GroupClass::Ok, 1),
            group("calmer", GroupClass::Ok, 0),
            group("dead", GroupClass::Stopped, 7),
            group("slow", GroupClass::Lagging, 9),
        ];
        let mut registry = Registry::with_prefix("kq");
        registry.register_collector(Box::new(Fixed(groups, 2)));
        let mut text = String::new();
        text::encode(&mut text, &registry).unwrap();
        for line in [
            "kq_group_lag_records{group=\"dead\"} 7",
            "kq_group_lag_records{group=\"_other\"} 1",
            "kq_group_lag_seconds{group=\"slow\"} 9",
            "kq_group_catch_up_seconds{group=\"dead\"} inf",
            "kq_group_class{group=\"dead\",class=\"stopped\"} 1",
            "kq_group_class{group=\"dead\",class=\"ok\"} 0",
            "kq_group_members{group=\"_other\"} 4",
            "kq_groups{class=\"ok\"} 2",
            "kq_groups{class=\"stalled\"} 0",
            "kq_group_lag_unwindowed 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("group=\"calm\""));
    }
}
