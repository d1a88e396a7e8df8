//! Leaders: preferred, pinned, frozen and balanced, as scripts.

use expect_test::expect;

use super::script::{Cluster, check, parse};
use super::{Command, Reply};

#[test]
fn policies_are_checked_and_inherited() {
    check(
        "
        register 1 rack=a
        register 2 rack=b
        create a at=1,2
        policy a prefer=c
        policy a prefer=7
        policy all prefer=b
        policy a prefer=b avoid=b
        policy a rate=0
        policy a pin=0:9
        policy a pin=5:1
        policy all pin=0:1
        policy none prefer=b
        policy? a prefer=1,b avoid=2 unclean=balanced balance=on rate=5 pin=0:2
        policy a prefer=1,b avoid=2 unclean=balanced balance=on rate=5 pin=0:2
        policy a prefer=1,b
        policy a prefer=- avoid=- unclean=- balance=- rate=- pin=0:-
        ",
        expect![[r#"
            register 1 rack=a
                broker 1 registered
                -> epoch 1
            register 2 rack=b
                broker 2 registered
                -> epoch 2
            create a at=1,2
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            policy a prefer=c
                -> No broker stands in rack 'c'. (kafka.INVALID_REQUEST)
            policy a prefer=7
                -> No broker with id 7 is registered. (kafka.BROKER_ID_NOT_REGISTERED)
            policy all prefer=b
                leader policy of all topics: prefer=rack=b
            policy a prefer=b avoid=b
                -> Leaders cannot be preferred at rack=b and avoid it. (kafka.INVALID_REQUEST)
            policy a rate=0
                -> 0 moves per minute: 1 to 100000 are accepted. (kafka.INVALID_REQUEST)
            policy a pin=0:9
                -> Broker 9 is no replica of a/0. (kafka.INVALID_REPLICA_ASSIGNMENT)
            policy a pin=5:1
                -> Topic 'a' has no partition 5. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
            policy all pin=0:1
                -> Only partitions of a topic can be pinned, not those of all topics. (kafka.INVALID_REQUEST)
            policy none prefer=b
                -> Topic 'none' does not exist. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
            policy? a prefer=1,b avoid=2 unclean=balanced balance=on rate=5 pin=0:2
            policy a prefer=1,b avoid=2 unclean=balanced balance=on rate=5 pin=0:2
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: prefer=broker=1,rack=b avoid=broker=2 unclean=balanced auto-balance=on max-per-minute=5 pin=0=2
            policy a prefer=1,b
            policy a prefer=- avoid=- unclean=- balance=- rate=- pin=0:-
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: as by default
        "#]],
    );
}

#[test]
fn preferred_places_and_pins_decide_who_leads() {
    check(
        "
        register 1 rack=a
        register 2 rack=b
        register 3 rack=b
        create a at=1,2,3
        policy a prefer=b
        elect a
        done a
        policy a pin=0:3
        elect a
        done a
        policy a pin=0:- avoid=b prefer=-
        elect a
        done a
        fence 1
        create b at=1,2,3
        policy all prefer=3
        create c at=2,3
        ",
        expect![[r#"
            register 1 rack=a
                broker 1 registered
                -> epoch 1
            register 2 rack=b
                broker 2 registered
                -> epoch 2
            register 3 rack=b
                broker 3 registered
                -> epoch 3
            create a at=1,2,3
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            policy a prefer=b
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: prefer=rack=b
            elect a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 handing over to 2 epochs 0/1
                -> a/0 hands over to 2
            done a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 2 epochs 1/2
            policy a pin=0:3
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: prefer=rack=b pin=0=3
            elect a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 2 handing over to 3 epochs 1/3
                -> a/0 hands over to 3
            done a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 3 epochs 2/4
            policy a pin=0:- avoid=b prefer=-
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: avoid=rack=b
            elect a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 3 handing over to 1 epochs 2/5
                -> a/0 hands over to 1
            done a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 3/6
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [2,3] last known [1] leader 2 epochs 4/7
            create b at=1,2,3
                topic b created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2,3] isr [2,3] last known [1] leader 2 epochs 0/0
            policy all prefer=3
                leader policy of all topics: prefer=broker=3
            create c at=2,3
                topic c created as AAAAAAAAAKMAAAAAAAAAAA
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [2,3] isr [2,3] leader 3 epochs 0/0
        "#]],
    );
}

#[test]
fn frozen_leaders_move_only_when_they_must() {
    check(
        "
        register 1
        register 2
        create a at=1,2
        freeze a for=30
        elect a to=2
        stop 1
        done a
        fence 1
        tick
        unfreeze a
        freeze all
        register 1 life=2
        isr a to=2,1 epoch=3
        elect a
        unfreeze all
        elect a
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create a at=1,2
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            freeze a for=30
                leaders of topic AAAAAAAAAKEAAAAAAAAAAA frozen until 1970-01-01T00:00:00.070Z
            elect a to=2
                -> a/0: The leaders of topic 'a' are frozen until 1970-01-01T00:00:00.070Z: no reason given (kq.LEADERS_FROZEN)
            stop 1
                broker 1 stopping
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 handing over to 2 epochs 0/1
            done a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 2 epochs 1/2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] leader 2 epochs 1/3
            fence 1
                broker 1 fenced
            tick
                leaders of topic AAAAAAAAAKEAAAAAAAAAAA unfrozen
                -> purged 0
            unfreeze a
            freeze all
                leaders of all topics frozen
            register 1 life=2
                broker 1 registered
                -> epoch 12
            isr a to=2,1 epoch=3
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 2 epochs 1/4
            elect a
                -> a/0: The leaders of topic 'a' are frozen until it is lifted: no reason given (kq.LEADERS_FROZEN)
            unfreeze all
                leaders of all topics unfrozen
            elect a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 2 handing over to 1 epochs 1/5
                -> a/0 hands over to 1
        "#]],
    );
}

/// A cluster whose broker 1 should lead many partitions and leads none, but is in sync.
fn skewed(partitions: u32) -> Cluster {
    let mut cluster = Cluster::new();
    let lists = vec!["1,2"; partitions as usize].join("/");
    let create = format!("create a at={lists}");
    for line in ["register 1", "register 2", &create, "fence 1", "register 1 life=2"] {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    cluster.rejoin_all();
    cluster
}

#[test]
fn balance_moves_as_many_a_minute_as_allowed() {
    let mut cluster = skewed(10);
    let moved = |cluster: &mut Cluster, at: i64| {
        cluster.now = Some(at);
        let reply = cluster.submit(&Command::Tick).unwrap().reply;
        let Reply::Ticked { moved, .. } = reply else { panic!("{reply:?}") };
        moved
    };
    assert_eq!(moved(&mut cluster, 100_000), 0);
    cluster.submit(&parse(&cluster, "policy all balance=on rate=6")).unwrap();
    assert_eq!(moved(&mut cluster, 200_000), 6);
    assert_eq!(moved(&mut cluster, 205_000), 0);
    assert_eq!(moved(&mut cluster, 220_000), 2);
    cluster.submit(&parse(&cluster, "freeze all")).unwrap();
    assert_eq!(moved(&mut cluster, 300_000), 0);
    cluster.submit(&parse(&cluster, "unfreeze all")).unwrap();
    assert_eq!(moved(&mut cluster, 301_000), 2);
    assert_eq!(moved(&mut cluster, 400_000), 0);
}
