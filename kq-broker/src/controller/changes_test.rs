//! Values, brokers, leaders and producer ids, as scripts.

use expect_test::expect;

use super::Reply;
use super::script::{Cluster, check, parse};
use crate::catalogue::StaticConfig;
use crate::ids::PartitionIndex;

#[test]
fn values_of_topics_change_one_by_one_or_all_at_once() {
    check(
        "
        register 1
        create orders segment.ms=7
        set orders retention.ms=5
        set orders retention.ms=5
        append orders cleanup.policy=compact
        subtract orders cleanup.policy=delete
        append orders retention.ms=5
        set orders retention.ms=
        set orders retention.ms=yesterday
        set? orders retention.ms=9
        unset orders retention.ms=
        unset orders no.such.config=
        replace orders flush.ms=5
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            create orders segment.ms=7
                topic orders created as AAAAAAAAAKEAAAAAAAAAAA
                config of topic AAAAAAAAAKEAAAAAAAAAAA: segment.ms=7
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
            set orders retention.ms=5
                config of topic AAAAAAAAAKEAAAAAAAAAAA: retention.ms=5
            set orders retention.ms=5
            append orders cleanup.policy=compact
                config of topic AAAAAAAAAKEAAAAAAAAAAA: cleanup.policy=delete,compact
            subtract orders cleanup.policy=delete
                config of topic AAAAAAAAAKEAAAAAAAAAAA: cleanup.policy=compact
            append orders retention.ms=5
                -> Can't append to config key retention.ms, because its type is not LIST. (kafka.INVALID_CONFIG)
            set orders retention.ms=
                -> Null value not supported for: retention.ms (kafka.INVALID_REQUEST)
            set orders retention.ms=yesterday
                -> Invalid value yesterday for configuration retention.ms: Not a number of type LONG (kafka.INVALID_CONFIG)
            set? orders retention.ms=9
            unset orders retention.ms=
                config of topic AAAAAAAAAKEAAAAAAAAAAA: retention.ms removed
            unset orders no.such.config=
                -> Unknown topic config name: no.such.config (kq.UNKNOWN_CONFIG_KEY)
            replace orders flush.ms=5
                config of topic AAAAAAAAAKEAAAAAAAAAAA: cleanup.policy removed
                config of topic AAAAAAAAAKEAAAAAAAAAAA: flush.ms=5
                config of topic AAAAAAAAAKEAAAAAAAAAAA: segment.ms removed
        "#]],
    );
}

#[test]
fn values_of_brokers_are_set_where_they_exist() {
    check(
        "
        register 1
        set broker:1 log.retention.ms=5
        set broker: log.retention.ms=6
        set broker:1 node.id=6
        set broker:1 nothing=6
        set broker:7 log.retention.ms=5
        set broker:x log.retention.ms=5
        set none retention.ms=5
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            set broker:1 log.retention.ms=5
                config of broker 1: log.retention.ms=5
            set broker: log.retention.ms=6
                config of all brokers: log.retention.ms=6
            set broker:1 node.id=6
                -> Cannot update these configs dynamically: node.id (kafka.INVALID_REQUEST)
            set broker:1 nothing=6
                -> Unknown broker config name: nothing (kq.UNKNOWN_CONFIG_KEY)
            set broker:7 log.retention.ms=5
                -> No broker with id 7 is registered. (kafka.BROKER_ID_NOT_REGISTERED)
            set broker:x log.retention.ms=5
                -> Broker id must be a number, but it is: x (kafka.INVALID_REQUEST)
            set none retention.ms=5
                -> Topic 'none' does not exist. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
        "#]],
    );
}

#[test]
fn leaders_move_with_their_brokers() {
    check(
        "
        register 1
        register 2
        create orders r=2
        fence 1
        fence 2
        register 2
        register 1
        isr orders to=2,1 epoch=3
        isr orders to=2,1 epoch=2
        isr orders to=1 epoch=3
        fence 9
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create orders r=2
                topic orders created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] leader 2 epochs 1/1
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] no leader epochs 2/2
            register 2
                broker 2 registered
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] leader 2 epochs 3/3
                -> epoch 6
            register 1
                broker 1 registered
                -> epoch 7
            isr orders to=2,1 epoch=3
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 2 epochs 3/4
            isr orders to=2,1 epoch=2
                -> The partition is at epoch 4, the proposal saw 2. (kafka.INVALID_UPDATE_VERSION)
            isr orders to=1 epoch=3
                -> The partition is at epoch 4, the proposal saw 3. (kafka.INVALID_UPDATE_VERSION)
            fence 9
                refused: broker 9 never registered (kafka.BROKER_ID_NOT_REGISTERED)
        "#]],
    );
}

#[test]
fn who_left_a_small_isr_stays_eligible() {
    check(
        "
        register 1
        register 2
        create orders r=2 min.insync.replicas=2
        isr orders to=1 epoch=0
        fence 1
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create orders r=2 min.insync.replicas=2
                topic orders created as AAAAAAAAAKEAAAAAAAAAAA
                config of topic AAAAAAAAAKEAAAAAAAAAAA: min.insync.replicas=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            isr orders to=1 epoch=0
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] elr [2] leader 1 epochs 0/1
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] elr [1] leader 2 epochs 1/2
        "#]],
    );
}

#[test]
fn producer_ids_are_never_given_twice() {
    check(
        "
        register 1
        ids 1
        ids 1
        register 1 rack=b
        ids 1
        ids 1 epoch=4
        ids 2
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            ids 1
                producer ids below 1000 given to broker 1
                -> ids 0 + 1000
            ids 1
                producer ids below 2000 given to broker 1
                -> ids 1000 + 1000
            register 1 rack=b
                broker 1 registered
                -> epoch 4
            ids 1
                refused: broker 1 is at epoch 4, the request came from 1 (kafka.STALE_BROKER_EPOCH)
            ids 1 epoch=4
                producer ids below 3000 given to broker 1
                -> ids 2000 + 1000
            ids 2
                refused: broker 2 never registered (kafka.BROKER_ID_NOT_REGISTERED)
        "#]],
    );
}

#[test]
fn an_unclean_restart_raises_the_epochs_of_what_it_leads() {
    let mut cluster = Cluster::new();
    let mut epochs = Vec::new();
    for line in ["register 1", "create orders", "register 1 rack=b", "register 1 clean=1"] {
        cluster.submit(&parse(&cluster, line)).unwrap();
        epochs.extend(cluster.image.topic_by_name("orders").map(|topic| {
            let partition = topic.partition(PartitionIndex(0)).unwrap();
            (partition.leader_epoch.0, partition.partition_epoch.0)
        }));
    }
    assert_eq!(epochs, [(0, 0), (1, 1), (1, 1)]);
}

#[test]
fn the_brokers_own_defaults_shape_new_topics() {
    let mut cluster = Cluster::new();
    let fixed = [("num.partitions", "3"), ("delete.topic.enable", "false")];
    let fixed = fixed.map(|(key, value)| (key.to_owned(), value.to_owned()));
    cluster.settings.fixed = StaticConfig::new(fixed).unwrap();
    for line in ["register 1", "create a", "set broker: num.partitions=4", "create b"] {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    let count = |name: &str| cluster.image.topic_by_name(name).unwrap().partition_count();
    assert_eq!((count("a"), count("b")), (3, 4));
    let reply = cluster.submit(&parse(&cluster, "delete a")).unwrap().reply;
    let Reply::TopicsDeleted(results) = reply else { panic!("{reply:?}") };
    assert_eq!(results[0].as_ref().unwrap_err().code.name(), "TOPIC_DELETION_DISABLED");
}

#[test]
fn each_lead_of_the_quorum_is_told_once() {
    check(
        "
        lead 1 term=2
        lead 1 term=2
        lead 3 term=4
        lead 1 term=3
        lead 3 term=5
        ",
        expect![[r#"
            lead 1 term=2
                broker 1 leads the quorum in term 2
            lead 1 term=2
            lead 3 term=4
                broker 3 leads the quorum in term 4
            lead 1 term=3
            lead 3 term=5
                broker 3 leads the quorum in term 5
        "#]],
    );
}

#[test]
fn a_long_time_without_a_lead_is_told() {
    let mut cluster = Cluster::new();
    let mut told = Vec::new();
    let leads = [
        (10_000, "lead 1 term=2 unled=0"),
        (70_000, "lead 2 term=3 unled=11000"),
        (71_000, "lead 1 term=4 unled=69000"),
        (180_000, "lead 1 term=5 started=170000"),
        (280_000, "lead 1 term=6 started=270000 known=250000"),
        (380_000, "lead 1 term=7 started=370000 known=375000"),
        (383_000, "lead 1 term=8"),
    ];
    for (now, line) in leads {
        cluster.now = Some(now);
        let decision = cluster.submit(&parse(&cluster, line)).unwrap();
        told.extend(decision.records.iter().map(ToString::to_string));
    }
    expect![[r#"
        broker 1 leads the quorum in term 2
        broker 2 leads the quorum in term 3, unled since 1970-01-01T00:00:11.000Z
        broker 1 leads the quorum in term 4
        broker 1 leads the quorum in term 5, unled since 1970-01-01T00:01:11.000Z
        broker 1 leads the quorum in term 6, unled since 1970-01-01T00:04:10.000Z
        broker 1 leads the quorum in term 7, unled since 1970-01-01T00:04:40.000Z
        broker 1 leads the quorum in term 8"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_loss_is_told_once_for_each_unclean_election() {
    check(
        "
        register 1
        register 2
        create orders at=1,2
        lose 1 orders from=5 until=9
        lose 1 orders from=5 until=9
        lose 2 orders from=5 until=9
        lose 1 orders from=4 until=5
        fence 1
        fence 2
        register 1
        elect orders unclean=1
        lose 1 orders from=5 until=9
        lose 1 orders from=5 until=9
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create orders at=1,2
                topic orders created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            lose 1 orders from=5 until=9
                partition AAAAAAAAAKEAAAAAAAAAAA-0 lost 4 records, offsets 5 to 8, which broker 1 held
            lose 1 orders from=5 until=9
            lose 2 orders from=5 until=9
                partition AAAAAAAAAKEAAAAAAAAAAA-0 lost 4 records, offsets 5 to 8, which broker 2 held
            lose 1 orders from=4 until=5
                partition AAAAAAAAAKEAAAAAAAAAAA-0 lost 1 records, offsets 4 to 4, which broker 1 held
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] leader 2 epochs 1/1
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] no leader epochs 2/2
            register 1
                broker 1 registered
                -> epoch 10
            elect orders unclean=1
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] leader 1 unclean since 3 epochs 3/3
                -> orders/0 is led by 1
            lose 1 orders from=5 until=9
                partition AAAAAAAAAKEAAAAAAAAAAA-0 lost 4 records, offsets 5 to 8, which broker 1 held
            lose 1 orders from=5 until=9
        "#]],
    );
}
