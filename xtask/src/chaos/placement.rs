//! Where replicas are, and where two such pictures differ. Pure.

use std::collections::BTreeMap;

/// Where every replica is: by topic and partition, the preferred one first.
pub(super) type Placement = BTreeMap<(String, u64), Vec<u64>>;

/// Where two placements differ, in words; empty when they are equal in every list and its order.
pub(super) fn differences(before: &Placement, after: &Placement) -> String {
    let places = before.keys().chain(after.keys().filter(|it| !before.contains_key(*it)));
    let differs = places.filter(|place| before.get(*place) != after.get(*place));
    let shown = differs.map(|place| {
        let (topic, partition) = place;
        let on = |there: &Placement| {
            there.get(place).map_or("nowhere".to_owned(), |brokers| format!("{brokers:?}"))
        };
        format!("{topic}/{partition} was on {} and is on {}", on(before), on(after))
    });
    shown.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_order_of_replicas_is_a_difference() {
        let place = |partition, replicas: &[u64]| (("t".to_owned(), partition), replicas.to_vec());
        let before: Placement = [place(0, &[1, 2, 3]), place(1, &[2, 3, 1])].into();
        let after: Placement = [place(0, &[1, 3, 2]), place(1, &[2, 3, 1])].into();
        assert_eq!(differences(&before, &before), "");
        assert_eq!(differences(&before, &after), "t/0 was on [1, 2, 3] and is on [1, 3, 2]");
        let fewer = [place(0, &[1, 2, 3])].into();
        assert_eq!(differences(&before, &fewer), "t/1 was on [2, 3, 1] and is on nowhere");
        assert_eq!(differences(&fewer, &before), "t/1 was on nowhere and is on [2, 3, 1]");
    }
}
