//! Balance, distinct replicas and rack spread, for any cluster.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{PlacementError, Share, Site, place};
use crate::ids::BrokerId;

fn site(id: u32, rack: Option<u32>, live: bool) -> Site {
    let rack = rack.map(|rack| format!("rack-{rack}"));
    let none = Share::default();
    Site { broker: BrokerId(id), rack, live, of_topic: none, of_all: none }
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

/// Brokers from 1 on without racks that carry so many replicas and leaders.
fn carrying(all: &[(u64, u64)]) -> Vec<Site> {
    let site = |(id, of_all): (u32, &(u64, u64))| {
        let of_all = Share { replicas: of_all.0, leaders: of_all.1 };
        Site { of_all, ..site(id, None, true) }
    };
    (1..).zip(all).map(site).collect()
}

/// What each of the brokers got, as `replicas/leaders`.
fn got(sites: &[Site], lists: &[Vec<BrokerId>]) -> String {
    let loads = loads(lists);
    let got = |site: &Site| {
        let (replicas, leaders) = loads.get(&site.broker).copied().unwrap_or_default();
        format!("{replicas}/{leaders}")
    };
    sites.iter().map(got).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_new_topic_is_striped_however_empty_a_broker_is() {
    let sites = carrying(&[(30, 10), (30, 10), (30, 10), (0, 0)]);
    assert_eq!(got(&sites, &place(&sites, 0, 24, 3).unwrap()), "18/6 18/6 18/6 18/6");
    let lists = place(&sites, 0, 3, 3).unwrap();
    assert_eq!(lists.iter().collect::<BTreeSet<_>>().len(), 3, "{lists:?}");
    let leaders: BTreeSet<_> = lists.iter().map(|list| list[0]).collect();
    assert_eq!(leaders.len(), 3, "{lists:?}");
    assert!(leaders.contains(&BrokerId(4)), "the emptiest gets an odd one: {lists:?}");
    let sites = carrying(&[(48, 16), (48, 16), (48, 16), (18, 6), (0, 0)]);
    assert_eq!(got(&sites, &place(&sites, 0, 12, 3).unwrap()), "7/2 7/2 7/2 7/3 8/3");
    let sites = carrying(&[(1, 1), (1, 1), (0, 0), (0, 0)]);
    assert_eq!(got(&sites, &place(&sites, 0, 3, 1).unwrap()), "1/1 0/0 1/1 1/1");
}

#[test]
fn topics_of_one_partition_go_where_least_is() {
    let sites = carrying(&[(4, 1), (3, 2), (5, 0), (3, 1)]);
    let lists = place(&sites, 0, 1, 2).unwrap();
    assert_eq!(lists, [[BrokerId(4), BrokerId(2)]]);
}

#[test]
fn added_partitions_even_out_those_of_their_topic() {
    let mut sites = carrying(&[(10, 4), (10, 4), (0, 0)]);
    for site in &mut sites[..2] {
        site.of_topic = Share { replicas: 4, leaders: 2 };
    }
    // Four partitions on 1 and 2 are there: two more lead to eight replicas and six leaders or so.
    assert_eq!(got(&sites, &place(&sites, 4, 2, 2).unwrap()), "1/0 1/0 2/2");
}

#[test]
fn a_small_rack_holds_more_and_leads_no_more() {
    let mut sites = vec![site(0, Some(0), true)];
    sites.extend((1..5).map(|id| site(id, Some(1), true)));
    assert_eq!(got(&sites, &place(&sites, 0, 20, 2).unwrap()), "20/4 5/4 5/4 5/4 5/4");
    let sites: Vec<Site> =
        (0..).zip([0, 1, 2, 2]).map(|(id, rack)| site(id, Some(rack), true)).collect();
    assert_eq!(got(&sites, &place(&sites, 0, 20, 2).unwrap()), "10/5 10/5 10/5 10/5");
}

#[test]
fn what_a_broker_leads_falls_on_many() {
    let sites = carrying(&[(0, 0); 6]);
    let lists = place(&sites, 0, 30, 3).unwrap();
    for leader in sites.iter().map(|site| site.broker) {
        let next: BTreeSet<_> =
            lists.iter().filter(|list| list[0] == leader).map(|list| list[1]).collect();
        assert!(next.len() >= 3, "after {leader} come {next:?}");
    }
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
    fn topics_are_even_in_even_clusters_whatever_these_carry(
        racks in 1..5_u32,
        per_rack in 1..4_u32,
        carried in proptest::collection::vec((0..40_u64, 0..20_u64), 12),
        (first, count) in (0..9_u32, 1..60_u32),
        factor in 1..6_usize,
    ) {
        let mut sites = even(racks, per_rack);
        prop_assume!(factor <= sites.len());
        for (site, (replicas, leaders)) in sites.iter_mut().zip(carried) {
            site.of_all = Share { replicas, leaders };
        }
        let lists = place(&sites, first, count, factor).unwrap();
        let mut by_broker = loads(&lists);
        for site in &sites {
            by_broker.entry(site.broker).or_default();
        }
        prop_assert!(spread(by_broker.values().map(|it| it.1)) <= 1, "leaders {:?}", by_broker);
        prop_assert!(spread(by_broker.values().map(|it| it.0)) <= 1, "replicas {:?}", by_broker);
        prop_assert_eq!(place(&sites, first, count, factor).unwrap(), lists);
    }

    #[test]
    fn leaders_are_even_and_racks_too_wherever_brokers_stand(
        racks in proptest::collection::vec(proptest::option::of(0..4_u32), 1..9),
        count in 1..60_u32,
        factor in 1..6_usize,
    ) {
        let sites: Vec<Site> =
            (0..).zip(&racks).map(|(id, rack)| site(id, *rack, true)).collect();
        prop_assume!(factor <= sites.len());
        let lists = place(&sites, 0, count, factor).unwrap();
        let by_broker = loads(&lists);
        let of = |site: &Site| by_broker.get(&site.broker).copied().unwrap_or_default();
        prop_assert!(spread(sites.iter().map(|it| of(it).1)) <= 1, "leaders {:?}", by_broker);
        let names: BTreeSet<_> = sites.iter().map(|site| &site.rack).collect();
        for rack in names {
            let mates = sites.iter().filter(|it| it.rack == *rack);
            prop_assert!(spread(mates.map(|it| of(it).0)) <= 1, "replicas {:?}", by_broker);
        }
    }

    #[test]
    fn growing_step_by_step_stays_even(
        brokers in 1..8_u32,
        steps in proptest::collection::vec(1..12_u32, 1..6),
        factor in 1..5_usize,
    ) {
        let mut sites = even(1, brokers);
        prop_assume!(factor <= sites.len());
        let mut first = 0;
        for count in steps {
            for (id, (replicas, leaders)) in loads(&place(&sites, first, count, factor).unwrap()) {
                for site in sites.iter_mut().filter(|site| site.broker == id) {
                    site.of_topic.replicas += u64::from(replicas);
                    site.of_topic.leaders += u64::from(leaders);
                    site.of_all = site.of_topic;
                }
            }
            first += count;
            let spread = |of: fn(&Share) -> u64| {
                let all = sites.iter().map(|site| of(&site.of_topic));
                all.clone().max().unwrap_or(0) - all.min().unwrap_or(0)
            };
            prop_assert!(spread(|it| it.replicas) <= 1, "{:?}", sites);
            // Who is to get an odd replica may lead more already.
            prop_assert!(spread(|it| it.leaders) <= 2, "{:?}", sites);
        }
    }
}
