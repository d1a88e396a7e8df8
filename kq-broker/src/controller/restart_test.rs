//! What a restart would do, told for clusters that scripts make.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::restart::{FollowerLag, RestartFacts, check_restart};
use super::script::{Cluster, parse};
use crate::catalogue::ConfigSources;
use crate::ids::{BrokerId, PartitionId, PartitionIndex};

fn cluster(script: &str) -> Cluster {
    let mut cluster = Cluster::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    cluster
}

fn voters(ids: &[u32]) -> RestartFacts {
    RestartFacts { voters: ids.iter().map(|id| BrokerId(*id)).collect(), ..Default::default() }
}

#[track_caller]
fn check(cluster: &Cluster, facts: &RestartFacts, broker: u32, want: Expect) {
    let sources = ConfigSources::of_cluster(&cluster.image, &cluster.settings.fixed);
    let mut got = String::new();
    for risk in check_restart(&cluster.image, &sources, facts, BrokerId(broker)) {
        let place = risk.partition.map_or("-".to_owned(), |(topic, at)| format!("{topic}/{at}"));
        writeln!(got, "{place} {:?}: {}; until {}", risk.kind, risk.why, risk.until).unwrap();
    }
    want.assert_eq(&got);
}

#[test]
fn a_broker_that_others_stand_in_for_can_go() {
    let cluster = cluster(
        "
        register 1
        register 2
        register 3
        create orders r=3 min.insync.replicas=2
        ",
    );
    check(&cluster, &voters(&[1, 2, 3]), 1, expect![[""]]);
}

#[test]
fn nobody_stands_in_for_an_only_copy_and_an_only_voter() {
    let cluster = cluster(
        "
        register 1
        create orders r=1
        ",
    );
    check(
        &cluster,
        &voters(&[1]),
        1,
        expect![[r#"
            - NoQuorum: 0 of 1 voters would be left, 1 are needed; until there are three voters
            orders/0 OneReplica: it holds the only replica; until a second replica is in sync
        "#]],
    );
}

#[test]
fn one_that_is_away_already_makes_the_next_one_too_many() {
    let cluster = cluster(
        "
        register 1
        register 2
        register 3
        create orders r=3 min.insync.replicas=2
        create calm r=3
        fence 3
        ",
    );
    check(
        &cluster,
        &voters(&[1, 2, 3]),
        1,
        expect![[r#"
            - NoQuorum: voters 3 are away already; 1 would be left of 2; until voters 3 are back
            orders/0 UnderMinIsr: isr [1 2], min 2, 3 fenced; until 3 is in sync
        "#]],
    );
    check(&cluster, &voters(&[1, 2]), 3, expect![[""]]);
}

#[test]
fn a_factor_without_spare_is_told_as_such() {
    let cluster = cluster(
        "
        register 1
        register 2
        create pairs r=2 min.insync.replicas=2
        ",
    );
    check(
        &cluster,
        &voters(&[]),
        2,
        expect![[r#"
            pairs/0 UnderMinIsr: isr [1 2], min 2; until never with rf 2 and min.insync.replicas 2
        "#]],
    );
}

#[test]
fn a_follower_far_behind_loses_what_only_the_leader_has() {
    let cluster = cluster(
        "
        register 1
        register 2
        create orders r=2
        ",
    );
    let topic = cluster.image.topic_by_name("orders").unwrap();
    let at = PartitionId { topic: topic.id, index: PartitionIndex(0) };
    let lag = |records, behind_ms| RestartFacts {
        followers: BTreeMap::from([(
            at,
            vec![FollowerLag { broker: BrokerId(2), records, behind_ms }],
        )]),
        ..RestartFacts::default()
    };
    check(&cluster, &lag(40, 100), 1, expect![[""]]);
    check(
        &cluster,
        &lag(4_000, 9_000),
        1,
        expect![[r#"
            orders/0 AcksOneLoss: the nearest follower, 2, lacks 4000 records and has been behind for 9 s; until 2 has caught up
        "#]],
    );
}
