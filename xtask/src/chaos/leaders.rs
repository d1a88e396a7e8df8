//! Who led what, by what brokers did and by the history that was committed. Pure.
//!
//! C1: an epoch of a partition has one leader. Whoever serves as leader is the one that the
//! history names for that epoch; epochs only grow; all brokers tell one history.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// Brokers that served as leaders, by partition and epoch.
#[derive(Debug, Default)]
pub(super) struct Leaders {
    served: BTreeMap<(i32, u64), u32>,
}

/// Another leader of a partition, as the history has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    partition: i32,
    from: Option<u32>,
    to: Option<u32>,
    epoch: u64,
}

impl Leaders {
    /// A broker serves as the leader in an epoch; what is wrong with that.
    pub(super) fn note(&mut self, broker: u32, partition: i32, epoch: u64) -> Option<String> {
        let first = *self.served.entry((partition, epoch)).or_insert(broker);
        (first != broker).then(|| {
            format!(
                "C1: brokers {first} and {broker} both lead partition {partition} in epoch {epoch}"
            )
        })
    }

    /// How many epochs were seen, of all partitions.
    pub(super) fn epochs(&self) -> usize {
        self.served.len()
    }

    /// Where this and the history contradict one another, in words; empty when all is well.
    pub(super) fn check(&self, partitions: i32, history: &[Change]) -> String {
        let mut faults = String::new();
        for partition in 0..partitions {
            let changes: Vec<Change> =
                history.iter().filter(|it| it.partition == partition).copied().collect();
            for pair in changes.windows(2) {
                if let [before, after] = pair
                    && (after.epoch <= before.epoch || after.from != before.to)
                {
                    let _ = writeln!(faults, "C1: {after:?} comes after {before:?}");
                }
            }
            self.check_served(partition, &changes, &mut faults);
        }
        faults
    }

    fn check_served(&self, partition: i32, changes: &[Change], faults: &mut String) {
        let served = self.served.range((partition, 0)..=(partition, u64::MAX));
        if served.clone().next().is_none() {
            let _ = writeln!(faults, "C1: nobody was seen to lead partition {partition}");
        }
        // Who led before the first change, if there was none, led all the time.
        let mut first = changes.first().map(|it| it.from);
        for ((_, epoch), broker) in served {
            let last = changes.iter().rev().find(|it| it.epoch <= *epoch);
            let named = last.map_or_else(|| *first.get_or_insert(Some(*broker)), |it| it.to);
            if named != Some(*broker) {
                let _ = writeln!(
                    faults,
                    "C1: broker {broker} served as leader of partition {partition} in epoch \
                     {epoch}, where the history names {named:?}"
                );
            }
        }
    }
}

/// The changes of leaders in what `kq-ctl events` lists of a topic.
pub(super) fn changes(events: &[Value], topic: &str) -> Vec<Change> {
    let change = |event: &Value| {
        let attributes = event.get("attributes")?;
        let number = |name: &str| attributes.get(name)?.as_str()?.parse::<u64>().ok();
        let broker = |name: &str| number(name).and_then(|id| u32::try_from(id).ok());
        let (of, partition) = event.get("subject")?.as_str()?.split_once('/')?;
        let (from, to) = (broker("old_leader"), broker("new_leader"));
        let (partition, epoch) = (partition.parse().ok()?, number("leader_epoch")?);
        (of == topic).then_some(Change { partition, from, to, epoch })
    };
    events.iter().filter_map(change).collect()
}

/// The first event that two brokers tell differently, in words; one may be a little behind.
pub(super) fn differ(one: &[Value], other: &[Value]) -> Option<String> {
    let (one, other) = one.iter().zip(other).find(|(one, other)| one != other)?;
    Some(format!("C3: one broker tells {one}, another one {other}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(from: u32, to: u32, epoch: u64) -> Change {
        Change { partition: 0, from: Some(from), to: Some(to), epoch }
    }

    fn served(all: &[(u32, u64)]) -> Leaders {
        let mut leaders = Leaders::default();
        for (broker, epoch) in all {
            assert_eq!(leaders.note(*broker, 0, *epoch), None);
        }
        leaders
    }

    #[test]
    fn two_leaders_of_one_epoch_are_found() {
        let mut leaders = served(&[(1, 4), (1, 4), (2, 5)]);
        assert_eq!(leaders.note(2, 1, 4), None, "another partition");
        assert_eq!(leaders.epochs(), 3);
        let fault = leaders.note(3, 0, 5).unwrap();
        assert_eq!(fault, "C1: brokers 2 and 3 both lead partition 0 in epoch 5");
    }

    #[test]
    fn leaders_that_the_history_names_are_no_fault() {
        // A leader that comes back from a crash goes on in a higher epoch without a change.
        let leaders = served(&[(1, 0), (1, 1), (2, 3), (2, 4)]);
        let history = [change(1, 2, 3), change(2, 1, 7)];
        assert_eq!(leaders.check(1, &history), "");
        assert_eq!(served(&[(3, 0), (3, 2)]).check(1, &[]), "");
    }

    #[test]
    fn a_leader_that_the_history_does_not_name_is_found() {
        let history = [change(1, 2, 3)];
        for (broker, epoch) in [(3, 0), (1, 3), (1, 9)] {
            let faults = served(&[(broker, epoch)]).check(1, &history);
            assert!(faults.contains(&format!("broker {broker} served")), "{faults}");
        }
        assert!(served(&[(1, 0), (2, 1)]).check(1, &[]).contains("broker 2 served"));
        assert!(served(&[]).check(1, &[]).contains("nobody was seen"));
    }

    #[test]
    fn epochs_that_go_back_or_repeat_are_found() {
        let leaders = served(&[(1, 0)]);
        for epoch in [2, 3] {
            let faults = leaders.check(1, &[change(1, 2, 3), change(2, 3, epoch)]);
            assert!(faults.contains("comes after"), "{faults}");
        }
        let faults = leaders.check(1, &[change(1, 2, 3), change(1, 3, 4)]);
        assert!(faults.contains("comes after"), "{faults}");
    }

    #[test]
    fn changes_are_read_from_the_events_of_a_topic() {
        let event = |subject: &str, attributes: Value| serde_json::json!({ "subject": subject, "attributes": attributes });
        let led = |from: &str, epoch: &str| serde_json::json!({ "old_leader": from, "new_leader": "2", "leader_epoch": epoch });
        let of_none = serde_json::json!({ "old_leader": "2", "leader_epoch": "6" });
        let all = [
            event("t", serde_json::json!({ "metadata_index": "5" })),
            event("t/0", led("1", "3")),
            event("other/0", led("1", "4")),
            event("t/0", of_none),
        ];
        let gone = Change { to: None, ..change(2, 0, 6) };
        assert_eq!(changes(&all, "t"), [change(1, 2, 3), gone]);
        assert_eq!(differ(&all, &all[..2]), None);
        assert!(differ(&all, &[all[1].clone()]).unwrap().starts_with("C3"));
    }
}
