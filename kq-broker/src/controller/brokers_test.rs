//! Brokers that come, go, come back on another disk, and leave for good, as scripts.

use expect_test::expect;

use super::script::check;

#[test]
fn a_second_process_of_a_live_broker_is_refused() {
    check(
        "
        register 1 life=1 disk=1
        register 1 life=1 disk=1
        register 1 life=2 disk=2
        register 1 life=2 disk=1
        fence 1
        register 1 life=3 disk=3
        ",
        expect![[r#"
            register 1 life=1 disk=1
                broker 1 registered
                -> epoch 1
            register 1 life=1 disk=1
                -> epoch 2
            register 1 life=2 disk=2
                refused: broker 1 is registered already: its process 00000000-0000-0000-0000-000000000001 lives, on another directory (kafka.DUPLICATE_BROKER_REGISTRATION)
            register 1 life=2 disk=1
                broker 1 registered
                -> epoch 3
            fence 1
                broker 1 fenced
            register 1 life=3 disk=3
                broker 1 registered
                -> epoch 5
        "#]],
    );
}

#[test]
fn a_broker_back_before_anyone_noticed_stays_in_sync_by_what_it_synced() {
    check(
        "
        register 1
        register 2
        register 3
        create synced at=1,2,3
        create led at=3,1,2
        create cached at=1,2,3 log.durability=os
        register 1 life=2 clean=1
        register 2 life=2
        register 1 life=3
        fence 3
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            register 3
                broker 3 registered
                -> epoch 3
            create synced at=1,2,3
                topic synced created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            create led at=3,1,2
                topic led created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [3,1,2] isr [3,1,2] leader 3 epochs 0/0
            create cached at=1,2,3 log.durability=os
                topic cached created as AAAAAAAAAKMAAAAAAAAAAA
                config of topic AAAAAAAAAKMAAAAAAAAAAA: log.durability=os
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            register 1 life=2 clean=1
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 1/1
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 1/1
                broker 1 registered
                -> epoch 7
            register 2 life=2
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2,3] isr [1,3] last known [2] leader 1 epochs 1/2
                broker 2 registered
                -> epoch 8
            register 1 life=3
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2,3] isr [3] last known [1,2] leader 3 epochs 2/3
                broker 1 registered
                -> epoch 9
            fence 3
                broker 3 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2] last known [3] leader 1 epochs 2/3
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [3,1,2] isr [1,2] last known [3] leader 1 epochs 1/1
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2,3] isr [3] last known [1,2] no leader epochs 3/4
        "#]],
    );
}

#[test]
fn a_replaced_disk_leaves_every_isr_and_elr() {
    check(
        "
        register 1 disk=1
        register 2 disk=2
        create both at=1,2
        create alone at=1
        create elr at=1,2 min.insync.replicas=2
        isr elr to=2,1 epoch=0
        fence 1
        register 1 disk=9 life=2
        elect alone
        elect alone unclean=1
        isr both to=2,1 epoch=1
        ",
        expect![[r#"
            register 1 disk=1
                broker 1 registered
                -> epoch 1
            register 2 disk=2
                broker 2 registered
                -> epoch 2
            create both at=1,2
                topic both created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            create alone at=1
                topic alone created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
            create elr at=1,2 min.insync.replicas=2
                topic elr created as AAAAAAAAAKMAAAAAAAAAAA
                config of topic AAAAAAAAAKMAAAAAAAAAAA: min.insync.replicas=2
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            isr elr to=2,1 epoch=0
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 1 epochs 0/1
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] leader 2 epochs 1/1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] no leader epochs 1/1
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2] isr [2] elr [1] leader 2 epochs 1/2
            register 1 disk=9 life=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 epochs 1/2
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [] no leader epochs 1/2
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 epochs 1/3
                broker 1 registered
                -> epoch 8
            elect alone
                -> alone/0: The preferred leader is not in sync, or may not lead. (kafka.PREFERRED_LEADER_NOT_AVAILABLE)
            elect alone unclean=1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 unclean since 2 epochs 2/3
                -> alone/0 is led by 1
            isr both to=2,1 epoch=1
                -> The partition is at epoch 2, the proposal saw 1. (kafka.INVALID_UPDATE_VERSION)
        "#]],
    );
}

#[test]
fn an_unclean_restart_leaves_the_elr_where_the_page_cache_counts() {
    check(
        "
        register 1
        register 2
        create synced at=1,2 min.insync.replicas=2
        create cached at=1,2 min.insync.replicas=2 log.durability=os
        fence 1
        register 1 life=2
        fence 1
        fence 2
        register 1 life=3 clean=1
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create synced at=1,2 min.insync.replicas=2
                topic synced created as AAAAAAAAAKEAAAAAAAAAAA
                config of topic AAAAAAAAAKEAAAAAAAAAAA: min.insync.replicas=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            create cached at=1,2 min.insync.replicas=2 log.durability=os
                topic cached created as AAAAAAAAAKIAAAAAAAAAAA
                config of topic AAAAAAAAAKIAAAAAAAAAAA: log.durability=os
                config of topic AAAAAAAAAKIAAAAAAAAAAA: min.insync.replicas=2
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] elr [1] leader 2 epochs 1/1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [2] elr [1] leader 2 epochs 1/1
            register 1 life=2
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 epochs 1/2
                broker 1 registered
                -> epoch 6
            fence 1
                broker 1 fenced
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] elr [1] no leader epochs 2/2
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [2] no leader epochs 2/3
            register 1 life=3 clean=1
                broker 1 registered
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] elr [2] leader 1 epochs 3/3
                -> epoch 9
        "#]],
    );
}

#[test]
fn a_fence_meant_for_an_earlier_life_does_nothing() {
    check(
        "
        register 1
        register 1 life=2
        fence 1 epoch=1
        fence 1 epoch=2
        fence 1 epoch=2
        fence 7
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 1 life=2
                broker 1 registered
                -> epoch 2
            fence 1 epoch=1
                refused: broker 1 is at epoch 2, the request came from 1 (kafka.STALE_BROKER_EPOCH)
            fence 1 epoch=2
                broker 1 fenced
            fence 1 epoch=2
            fence 7
                refused: broker 7 never registered (kafka.BROKER_ID_NOT_REGISTERED)
        "#]],
    );
}

#[test]
fn a_broker_that_stops_hands_its_leaders_over_first() {
    check(
        "
        register 1
        register 2
        register 3
        create both at=1,2,3
        create alone at=1
        create follows at=2,1
        stop 1
        stop 1
        done both to=3
        done both
        isr both to=2,3,1 epoch=3
        isr follows to=2,1 epoch=1
        create new r=2
        fence 1
        register 1 life=2
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            register 3
                broker 3 registered
                -> epoch 3
            create both at=1,2,3
                topic both created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            create alone at=1
                topic alone created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
            create follows at=2,1
                topic follows created as AAAAAAAAAKMAAAAAAAAAAA
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [2,1] isr [2,1] leader 2 epochs 0/0
            stop 1
                broker 1 stopping
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 handing over to 2 epochs 0/1
            stop 1
            done both to=3
                -> The leader was not asked to hand over to broker 3. (kafka.INVALID_REQUEST)
            done both
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 2 epochs 1/2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [2,3] last known [1] leader 2 epochs 1/3
                partition AAAAAAAAAKMAAAAAAAAAAA-0: replicas [2,1] isr [2] last known [1] leader 2 epochs 0/1
            isr both to=2,3,1 epoch=3
                -> Broker 1 is about to stop. (kafka.INELIGIBLE_REPLICA)
            isr follows to=2,1 epoch=1
                -> Broker 1 is about to stop. (kafka.INELIGIBLE_REPLICA)
            create new r=2
                topic new created as AAAAAAAAAKQAAAAAAAAAAA
                partition AAAAAAAAAKQAAAAAAAAAAA-0: replicas [3,2] isr [3,2] leader 3 epochs 0/0
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] no leader epochs 1/1
            register 1 life=2
                broker 1 registered
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 2/2
                -> epoch 15
        "#]],
    );
}

#[test]
fn a_handover_that_nobody_can_take_ends_without_a_drain() {
    check(
        "
        register 1
        register 2
        register 3
        create a at=1,2,3
        stop 1
        fence 2
        stop 1
        cancel a
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            register 3
                broker 3 registered
                -> epoch 3
            create a at=1,2,3
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            stop 1
                broker 1 stopping
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 handing over to 2 epochs 0/1
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,3] last known [2] leader 1 handing over to 3 epochs 0/2
            stop 1
            cancel a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,3] last known [2] leader 3 epochs 1/3
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [3] last known [1,2] leader 3 epochs 1/4
        "#]],
    );
}

#[test]
fn who_was_to_take_a_leader_over_may_stop_itself() {
    check(
        "
        register 1
        register 2
        create a at=1,2
        isr a to=2,1 epoch=0
        elect a to=2
        stop 2
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
            isr a to=2,1 epoch=0
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 1 epochs 0/1
            elect a to=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 1 handing over to 2 epochs 0/2
                -> a/0 hands over to 2
            stop 2
                broker 2 stopping
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 1 epochs 0/3
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/4
        "#]],
    );
}

#[test]
fn cordoned_brokers_get_no_new_replicas() {
    check(
        "
        register 1
        register 2
        register 3
        cordon 3
        cordon 3
        create a r=2 p=3
        create b r=3
        create b at=3,1
        cordon 3 for=good
        uncordon? 3
        uncordon 3
        uncordon 3
        create c r=1 p=3
        cordon 1
        cordon 2
        cordon 3
        create d
        cordon 9
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            register 3
                broker 3 registered
                -> epoch 3
            cordon 3
                broker 3 cordoned
            cordon 3
            create a r=2 p=3
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
                partition AAAAAAAAAKEAAAAAAAAAAA-1: replicas [2,1] isr [2,1] leader 2 epochs 0/0
                partition AAAAAAAAAKEAAAAAAAAAAA-2: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            create b r=3
                -> Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 2 broker(s) are registered. (kafka.INVALID_REPLICATION_FACTOR)
            create b at=3,1
                -> Broker 3 is cordoned: it takes no new replicas. (kafka.INVALID_REPLICA_ASSIGNMENT)
            cordon 3 for=good
                broker 3 to be decommissioned
            uncordon? 3
            uncordon 3
                broker 3 uncordoned
            uncordon 3
            create c r=1 p=3
                topic c created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1] isr [1] leader 1 epochs 0/0
                partition AAAAAAAAAKIAAAAAAAAAAA-1: replicas [2] isr [2] leader 2 epochs 0/0
                partition AAAAAAAAAKIAAAAAAAAAAA-2: replicas [3] isr [3] leader 3 epochs 0/0
            cordon 1
                broker 1 cordoned
            cordon 2
                broker 2 cordoned
            cordon 3
                broker 3 cordoned
            create d
                -> Unable to replicate the partition 1 time(s): The target replication factor of 1 cannot be reached because only 0 broker(s) are registered. (kafka.INVALID_REPLICATION_FACTOR)
            cordon 9
                refused: broker 9 never registered (kafka.BROKER_ID_NOT_REGISTERED)
        "#]],
    );
}

#[test]
fn only_an_empty_fenced_broker_is_forgotten() {
    check(
        "
        register 1
        register 2
        create a at=1,2
        set broker:2 log.retention.ms=5
        unregister 2
        fence 2
        unregister 2
        delete a
        unregister? 2
        unregister 2
        unregister 2
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
            set broker:2 log.retention.ms=5
                config of broker 2: log.retention.ms=5
            unregister 2
                refused: broker 2 is active, not fenced (kq.BROKER_IN_USE)
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
            unregister 2
                refused: broker 2 still holds 1 replicas (kq.BROKER_IN_USE)
            delete a
                topic AAAAAAAAAKEAAAAAAAAAAA purged
            unregister? 2
            unregister 2
                broker 2 unregistered
            unregister 2
                refused: broker 2 never registered (kafka.BROKER_ID_NOT_REGISTERED)
        "#]],
    );
}
