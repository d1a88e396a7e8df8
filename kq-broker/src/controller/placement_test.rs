//! Balance, distinct replicas and rack spread, for any cluster.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{PlacementError, Site, place};
use crate::ids::BrokerId;

fn site(id: u32, rack: Option<u32>, live: bool) -> Site {
    let rack = rack.map(|rack| format!("rack-{rack}"));
    Site { broker: BrokerId(id), rack, live, replicas: 0, leaders: 0 }
}

/// `per_rack` brokers in each of `racks` racks, all live.
fn even(racks: u32, per_rack: u32) -> Vec<Site> {
    (0..racks * per_rack).map(|id| site(id, Some(id % racks), true)).collect()
}

/// How many replicas and how many preferred leaders each broker got.
fn loads(lists: &[Vec<BrokerId>]) -> BTreeMap<BrokerId, (u32, u32)> {
    let mut loads: BTreeMap<BrokerId, (u32, u32)> = BTreeMap::new();
    for list in lists {
        for (position, id) in list.iter().enumerate() {
            let load = loads.entry(*id).or_default();
            load.0 += 1;
            load.1 += u32::from(position == 0);
        }
    }
    loads
}

fn spread(values: impl Iterator<Item = u32> + Clone) -> u32 {
    values.clone().max().unwrap_or(0) - values.min().unwrap_or(0)
}

#[test]
fn one_partition_after_another_goes_round() {
    let lists = place(&even(1, 3), 0, 6, 2).unwrap();
    let text: Vec<String> = lists.iter().map(|list| format!("{}{}", list[0], list[1])).collect();
    assert_eq!(text.join(" "), "01 12 20 01 12 20");
}

#[test]
fn brokers_that_carry_less_are_filled_first() {
    let mut sites = even(1, 3);
    sites[0].leaders = 9;
    sites[0].replicas = 9;
    let lists = place(&sites, 0, 4, 1).unwrap();
    assert!(lists.iter().flatten().all(|id| *id != BrokerId(0)));
}

#[test]
fn fenced_brokers_follow_only_where_no_other_is_left() {
    let sites = [site(1, None, false), site(2, None, true), site(3, None, true)];
    for list in place(&sites, 0, 5, 2).unwrap() {
        assert!(!list.contains(&BrokerId(1)));
    }
    for list in place(&sites, 0, 5, 3).unwrap() {
        assert_eq!(list[2], BrokerId(1));
    }
    let err = place(&sites, 0, 1, 4).unwrap_err();
    assert_eq!(err, PlacementError::TooFewBrokers { wanted: 4, registered: 3 });
    assert_eq!(place(&sites[..1], 0, 1, 1), Err(PlacementError::NoneLive));
}

proptest! {
    #[test]
    fn replicas_are_distinct_and_use_as_many_racks_as_they_can(
        racks in proptest::collection::vec(proptest::option::of(0..4_u32), 1..9),
        count in 1..40_u32,
        first in 0..9_u32,
        factor in 1..9_usize,
    ) {
        let sites: Vec<Site> =
            (0..).zip(&racks).map(|(id, rack)| site(id, *rack, true)).collect();
        prop_assume!(factor <= sites.len());
        let names: BTreeSet<_> = sites.iter().map(|site| &site.rack).collect();
        for list in place(&sites, first, count, factor).unwrap() {
            let brokers: BTreeSet<_> = list.iter().collect();
            prop_assert_eq!(brokers.len(), factor);
            let used: BTreeSet<_> = list
                .iter()
                .filter_map(|id| sites.iter().find(|site| site.broker == *id))
                .map(|site| &site.rack)
                .collect();
            prop_assert_eq!(used.len(), factor.min(names.len()));
        }
    }

    #[test]
    fn even_clusters_are_loaded_evenly(
        racks in 1..5_u32,
        per_rack in 1..4_u32,
        count in 1..60_u32,
        factor in 1..5_usize,
    ) {
        let sites = even(racks, per_rack);
        prop_assume!(factor <= sites.len());
        let lists = place(&sites, 0, count, factor).unwrap();
        let mut by_broker = loads(&lists);
        for site in &sites {
            by_broker.entry(site.broker).or_default();
        }
        prop_assert!(spread(by_broker.values().map(|it| it.1)) <= 1, "leaders {:?}", by_broker);
        prop_assert!(spread(by_broker.values().map(|it| it.0)) <= 2, "replicas {:?}", by_broker);
        prop_assert_eq!(place(&sites, 0, count, factor).unwrap(), lists);
    }
}
