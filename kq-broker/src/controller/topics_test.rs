//! The life of topics and the number of their partitions, as scripts.

use expect_test::expect;

use super::script::check;

#[test]
fn topics_are_created_with_their_values_and_partitions() {
    check(
        "
        register 1
        create orders p=2 retention.ms=5
        create plain
        create? unborn p=3 r=1
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            create orders p=2 retention.ms=5
                topic orders created as AAAAAAAAAKEAAAAAAAAAAA
                config of topic AAAAAAAAAKEAAAAAAAAAAA: retention.ms=5
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
                partition AAAAAAAAAKEAAAAAAAAAAA-1: replicas [1] isr [1] leader 1 epochs 0/0
            create plain
                topic plain created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
            create? unborn p=3 r=1
        "#]],
    );
}

#[test]
fn bad_creations_are_refused_one_by_one() {
    check(
        "
        create early
        register 1
        create bad/name
        create ..
        create a.b good a.b
        create a_b
        create good
        create x p=0
        create x p=-1
        create x r=0
        create x r=2
        create x p=20000
        create x retention.ms=soon
        create x no.such.config=1
        create x min.compaction.lag.ms=9 max.compaction.lag.ms=8
        ",
        expect![[r#"
            create early
                -> Unable to replicate the partition 1 time(s): The target replication factor of 1 cannot be reached because only 0 broker(s) are registered. (kafka.INVALID_REPLICATION_FACTOR)
            register 1
                broker 1 registered
                -> epoch 2
            create bad/name
                -> Topic name is invalid: 'bad/name' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-' (kafka.INVALID_TOPIC_EXCEPTION)
            create ..
                -> Topic name is invalid: it cannot be "." or ".." (kafka.INVALID_TOPIC_EXCEPTION)
            create a.b good a.b
                topic good created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
                -> Duplicate topic name 'a.b' in one request. (kafka.INVALID_REQUEST)
                -> Duplicate topic name 'a.b' in one request. (kafka.INVALID_REQUEST)
            create a_b
                topic a_b created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
            create good
                -> Topic 'good' already exists. (kafka.TOPIC_ALREADY_EXISTS)
            create x p=0
                -> Number of partitions was set to 0: at least 1 is needed, or -1 to use the default value. (kafka.INVALID_PARTITIONS)
            create x p=-1
                -> Number of partitions was set to -1: at least 1 is needed, or -1 to use the default value. (kafka.INVALID_PARTITIONS)
            create x r=0
                -> Replication factor must be larger than 0, or -1 to use the default value. (kafka.INVALID_REPLICATION_FACTOR)
            create x r=2
                -> Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached because only 1 broker(s) are registered. (kafka.INVALID_REPLICATION_FACTOR)
            create x p=20000
                -> 20000 new partitions are more than 10000 at a time. (kafka.POLICY_VIOLATION)
            create x retention.ms=soon
                -> Invalid value soon for configuration retention.ms: Not a number of type LONG (kafka.INVALID_CONFIG)
            create x no.such.config=1
                -> Unknown topic config name: no.such.config (kq.UNKNOWN_CONFIG_KEY)
            create x min.compaction.lag.ms=9 max.compaction.lag.ms=8
                -> conflict between min.compaction.lag.ms=9 and max.compaction.lag.ms=8: the first must not be larger (kafka.INVALID_CONFIG)
        "#]],
    );
}

#[test]
fn assignments_by_hand_are_taken_as_they_are_or_refused() {
    check(
        "
        register 1
        register 2
        create ok at=2,1/1,2
        create x at=1 p=1
        create x at=1 r=1
        create x at=1/1,2
        create x at=1,1
        create x at=3
        create x at=/
        grow ok to=2
        grow ok to=1
        grow ok to=4 at=1,2
        grow ok to=3 at=1
        grow ok to=3 at=1,2
        grow none to=3
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create ok at=2,1/1,2
                topic ok created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [2,1] isr [2,1] leader 2 epochs 0/0
                partition AAAAAAAAAKEAAAAAAAAAAA-1: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            create x at=1 p=1
                -> Replicas are assigned by hand, so the number of partitions must be left at -1. (kafka.INVALID_REQUEST)
            create x at=1 r=1
                -> Replicas are assigned by hand, so the replication factor must be left at -1. (kafka.INVALID_REQUEST)
            create x at=1/1,2
                -> An assignment has 2 replica(s), the other partitions have 1. (kafka.INVALID_REPLICA_ASSIGNMENT)
            create x at=1,1
                -> An assignment names broker 1 more than once. (kafka.INVALID_REPLICA_ASSIGNMENT)
            create x at=3
                -> The manual partition assignment includes broker 3, but no such broker is registered. (kafka.INVALID_REPLICA_ASSIGNMENT)
            create x at=/
                -> An assignment has an empty list of brokers. (kafka.INVALID_REPLICA_ASSIGNMENT)
            grow ok to=2
                -> Topic already has 2 partition(s). (kafka.INVALID_PARTITIONS)
            grow ok to=1
                -> The topic ok currently has 2 partition(s); 1 would not be an increase. (kafka.INVALID_PARTITIONS)
            grow ok to=4 at=1,2
                -> 2 partition(s) are to be added, but 1 assignment(s) are given. (kafka.INVALID_REPLICA_ASSIGNMENT)
            grow ok to=3 at=1
                -> An assignment has 1 replica(s), the other partitions have 2. (kafka.INVALID_REPLICA_ASSIGNMENT)
            grow ok to=3 at=1,2
                partition AAAAAAAAAKEAAAAAAAAAAA-2: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            grow none to=3
                -> Topic 'none' does not exist. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
        "#]],
    );
}

#[test]
fn deleted_topics_wait_for_their_purge_or_come_back() {
    check(
        "
        register 1
        create orders
        delete orders keep=100
        delete orders
        create orders
        restore orders
        restore orders
        purge orders
        protect orders
        protect orders
        delete orders
        unprotect orders
        delete orders keep=50
        tick
        protect orders
        tick
        unprotect orders
        tick
        delete orders
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            create orders
                topic orders created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
            delete orders keep=100
                topic AAAAAAAAAKEAAAAAAAAAAA deleted, kept until 1970-01-01T00:00:00.130Z
            delete orders
                -> Topic 'orders' was deleted and is kept until 1970-01-01T00:00:00.130Z. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
            create orders
                -> Topic 'orders' was deleted and is kept until 1970-01-01T00:00:00.130Z: its name stays reserved for it. (kq.EXISTS)
            restore orders
                topic AAAAAAAAAKEAAAAAAAAAAA restored
            restore orders
                -> Topic 'orders' is not deleted. (kq.NOT_DELETED)
            purge orders
                -> Topic 'orders' is not deleted. (kq.NOT_DELETED)
            protect orders
                topic AAAAAAAAAKEAAAAAAAAAAA protected
            protect orders
            delete orders
                -> Topic 'orders' is protected from deletion: no reason given (kq.PROTECTED)
            unprotect orders
                topic AAAAAAAAAKEAAAAAAAAAAA unprotected
            delete orders keep=50
                topic AAAAAAAAAKEAAAAAAAAAAA deleted, kept until 1970-01-01T00:00:00.180Z
            tick
                -> purged 0
            protect orders
                topic AAAAAAAAAKEAAAAAAAAAAA protected
            tick
                -> purged 0
            unprotect orders
                topic AAAAAAAAAKEAAAAAAAAAAA unprotected
            tick
                topic AAAAAAAAAKEAAAAAAAAAAA purged
                -> purged 1
            delete orders
                -> Topic 'orders' does not exist. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
        "#]],
    );
}

#[test]
fn a_command_over_too_many_items_is_refused_whole() {
    use super::script::Cluster;
    use super::{Command, NewTopic};
    let mut cluster = Cluster::new();
    let topics = vec![NewTopic::default(); cluster.settings.limits.command_items_max + 1];
    let refused = cluster.submit(&Command::CreateTopics { topics, validate_only: false });
    assert_eq!(
        refused.unwrap_err().message,
        "10001 items in one request are more than 10000 at a time"
    );
}

#[test]
fn the_topics_of_one_command_share_its_bound_on_partitions() {
    use super::script::Cluster;
    use super::{Command, NewTopic, Reply};
    use crate::ids::BrokerId;
    use crate::metadata::BrokerRegistration;
    let mut cluster = Cluster::new();
    cluster.settings.limits.command_partitions_max = 5;
    let broker = BrokerRegistration::at(BrokerId(1), "127.0.0.1", 9_092);
    cluster.submit(&Command::RegisterBroker(broker)).unwrap();
    let of =
        |name: &str| NewTopic { name: name.into(), partitions: Some(3), ..NewTopic::default() };
    let topics = vec![of("first"), of("second")];
    let command = Command::CreateTopics { topics, validate_only: false };
    let Reply::TopicsCreated(results) = cluster.submit(&command).unwrap().reply else {
        panic!("topics were asked for")
    };
    assert!(results[0].is_ok());
    let refused = results[1].as_ref().unwrap_err();
    assert_eq!(refused.message, "6 new partitions are more than 5 at a time.");
}
