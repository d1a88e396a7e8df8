//! Replicas that their broker cannot serve or write, as scripts.

use expect_test::expect;

use super::script::{Cluster, check, parse};

#[test]
fn a_leader_with_a_full_disk_is_replaced_and_leaves_the_isr() {
    check(
        "
        register 1
        register 2
        register 3
        create a at=1,2,3 min.insync.replicas=2
        full 1 a
        full 1 a
        full 2 a epoch=0
        full 2 a
        full 3 a
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
            create a at=1,2,3 min.insync.replicas=2
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                config of topic AAAAAAAAAKEAAAAAAAAAAA: min.insync.replicas=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,2,3] leader 1 epochs 0/0
            full 1 a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [2,3] last known [1] leader 2 epochs 1/1
            full 1 a
            full 2 a epoch=0
            full 2 a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [3] elr [2] last known [1] leader 3 epochs 2/2
            full 3 a
        "#]],
    );
}

#[test]
fn a_full_disk_moves_no_leader_to_who_may_not_lead() {
    check(
        "
        register 1
        register 2
        create a at=1,2
        stop 2
        full 1 a
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
            stop 2
                broker 2 stopping
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
            full 1 a
        "#]],
    );
}

#[test]
fn the_history_says_that_the_disk_was_full() {
    let mut cluster = Cluster::new();
    for line in ["register 1", "register 2", "create a at=1,2", "full 1 a"] {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    let told: Vec<String> = cluster.image.events().rev().take(2).map(ToString::to_string).collect();
    expect![[r#"
        #5 leader_changed partition a/0: 1 to 2, leader epoch 1
        #4 isr_shrunk partition a/0: [1,2] to [2]"#]]
    .assert_eq(&told.join("\n"));
    let why = parse(&cluster, "full 1 a").usual_reason().into_owned();
    expect!["broker 1 gives the lead up: its disk is full"].assert_eq(&why);
}
