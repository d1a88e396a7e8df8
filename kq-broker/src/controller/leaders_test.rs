//! Leaders: elected and moved, as scripts.

use expect_test::expect;

use super::script::{Cluster, check, parse};

#[test]
fn a_preferred_election_hands_over_where_somebody_leads() {
    check(
        "
        register 1
        register 2
        create a at=1,2
        elect a
        elect a to=2
        elect a to=2
        done a
        elect a
        done a to=2
        done a
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
            elect a
                -> a/0: Broker 1 leads already. (kafka.ELECTION_NOT_NEEDED)
            elect a to=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 handing over to 2 epochs 0/1
                -> a/0 hands over to 2
            elect a to=2
                -> a/0 hands over to 2
            done a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 2 epochs 1/2
            elect a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 2 handing over to 1 epochs 1/3
                -> a/0 hands over to 1
            done a to=2
                -> The leader was not asked to hand over to broker 2. (kafka.INVALID_REQUEST)
            done a
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 2/4
        "#]],
    );
}

#[test]
fn an_election_that_cannot_be_is_refused_with_its_reason() {
    check(
        "
        register 1
        register 2
        register 3
        create a at=1,2
        isr a to=1 epoch=0
        elect a to=2
        elect a to=3
        elect a to=9
        elect a/7
        elect none
        elect a a
        elect a unclean=1
        fence 2
        fence 1
        elect a unclean=1
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
            create a at=1,2
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            isr a to=1 epoch=0
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
            elect a to=2
                -> a/0: Broker 2 is not in sync, or may not lead. (kafka.PREFERRED_LEADER_NOT_AVAILABLE)
            elect a to=3
                -> a/0: Broker 3 is no replica of a/0. (kafka.INVALID_REPLICA_ASSIGNMENT)
            elect a to=9
                refused: No broker with id 9 is registered. (kafka.BROKER_ID_NOT_REGISTERED)
            elect a/7
                -> a/7: Topic 'a' has no partition 7. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
            elect none
                -> none/0: Topic 'none' does not exist. (kafka.UNKNOWN_TOPIC_OR_PARTITION)
            elect a a
                -> a/0: Broker 1 leads already. (kafka.ELECTION_NOT_NEEDED)
                -> a/0: Partition a/0 is named twice. (kafka.INVALID_REQUEST)
            elect a unclean=1
                -> a/0: Broker 1 leads; an unclean election is for no leader. (kafka.ELECTION_NOT_NEEDED)
            fence 2
                broker 2 fenced
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/2
            elect a unclean=1
                -> a/0: No replica that could lead lives. (kafka.ELIGIBLE_LEADERS_NOT_AVAILABLE)
        "#]],
    );
}

#[test]
fn an_election_of_all_tells_only_where_something_was_to_do() {
    check(
        "
        register 1
        register 2
        create a at=1,2/2,1
        elect
        fence 1
        elect
        register 1 life=2
        isr a to=2,1 epoch=1
        elect?
        elect
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create a at=1,2/2,1
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
                partition AAAAAAAAAKEAAAAAAAAAAA-1: replicas [2,1] isr [2,1] leader 2 epochs 0/0
            elect
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] last known [1] leader 2 epochs 1/1
                partition AAAAAAAAAKEAAAAAAAAAAA-1: replicas [2,1] isr [2] last known [1] leader 2 epochs 0/1
            elect
                -> a/0: The preferred leader is not in sync, or may not lead. (kafka.PREFERRED_LEADER_NOT_AVAILABLE)
            register 1 life=2
                broker 1 registered
                -> epoch 7
            isr a to=2,1 epoch=1
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 2 epochs 1/2
            elect?
                -> a/0 hands over to 1
            elect
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2,1] leader 2 handing over to 1 epochs 1/3
                -> a/0 hands over to 1
        "#]],
    );
}

#[test]
fn nobody_leads_where_the_policy_says_never_or_manual() {
    check(
        "
        register 1
        register 2
        create never at=1,2
        create manual at=1,2
        policy never unclean=never
        policy all unclean=never
        policy manual unclean=manual
        fence 2
        fence 1
        register 2 life=2
        elect never unclean=1
        elect manual unclean=1
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create never at=1,2
                topic never created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            create manual at=1,2
                topic manual created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            policy never unclean=never
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: unclean=never
            policy all unclean=never
                leader policy of all topics: unclean=never
            policy manual unclean=manual
                leader policy of topic AAAAAAAAAKIAAAAAAAAAAA: unclean=manual
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/2
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/2
            register 2 life=2
                broker 2 registered
                -> epoch 10
            elect never unclean=1
                -> never/0: The leader policy never lets a replica lead that may lack records. (kafka.POLICY_VIOLATION)
            elect manual unclean=1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 unclean since 2 epochs 2/3
                -> manual/0 is led by 2
        "#]],
    );
}

#[test]
fn the_first_replica_back_leads_where_policy_or_config_say_so() {
    check(
        "
        register 1
        register 2
        create auto at=1,2
        create config at=1,2 unclean.leader.election.enable=true
        policy auto unclean=auto
        policy all unclean=never
        fence 2
        fence 1
        register 2 life=2
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create auto at=1,2
                topic auto created as AAAAAAAAAKEAAAAAAAAAAA
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            create config at=1,2 unclean.leader.election.enable=true
                topic config created as AAAAAAAAAKIAAAAAAAAAAA
                config of topic AAAAAAAAAKIAAAAAAAAAAA: unclean.leader.election.enable=true
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            policy auto unclean=auto
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: unclean=auto
            policy all unclean=never
                leader policy of all topics: unclean=never
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/2
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/2
            register 2 life=2
                broker 2 registered
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 unclean since 2 epochs 2/3
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 unclean since 2 epochs 2/3
                -> epoch 9
        "#]],
    );
}

#[test]
fn a_balanced_recovery_waits_for_the_replica_that_lacks_least() {
    check(
        "
        register 1
        register 2
        register 3
        create a at=1,2,3
        policy a unclean=balanced
        fence 2
        fence 3
        fence 1
        register 2 life=2
        register 1 disk=9 life=2
        register 3 life=2
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
            policy a unclean=balanced
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: unclean=balanced
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1,3] last known [2] leader 1 epochs 0/1
            fence 3
                broker 3 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1] last known [3,2] leader 1 epochs 0/2
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1] last known [3,2] no leader epochs 1/3
            register 2 life=2
                broker 2 registered
                -> epoch 9
            register 1 disk=9 life=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [] last known [3,2] no leader epochs 1/4
                broker 1 registered
                -> epoch 10
            register 3 life=2
                broker 3 registered
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [3] leader 3 unclean since 2 epochs 2/5
                -> epoch 11
        "#]],
    );
}

#[test]
fn who_waits_for_a_policy_leads_as_soon_as_it_is_set() {
    check(
        "
        register 1
        register 2
        create a at=1,2
        create b at=1,2
        fence 2
        fence 1
        register 2 life=2
        policy a unclean=auto
        set b unclean.leader.election.enable=true
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
            create b at=1,2
                topic b created as AAAAAAAAAKIAAAAAAAAAAA
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/1
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/2
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/2
            register 2 life=2
                broker 2 registered
                -> epoch 7
            policy a unclean=auto
                leader policy of topic AAAAAAAAAKEAAAAAAAAAAA: unclean=auto
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 unclean since 2 epochs 2/3
            set b unclean.leader.election.enable=true
                config of topic AAAAAAAAAKIAAAAAAAAAAA: unclean.leader.election.enable=true
                partition AAAAAAAAAKIAAAAAAAAAAA-0: replicas [1,2] isr [2] leader 2 unclean since 2 epochs 2/3
        "#]],
    );
}

#[test]
fn a_smaller_min_isr_empties_the_elr() {
    check(
        "
        register 1
        register 2
        create a at=1,2 min.insync.replicas=2
        fence 2
        set a min.insync.replicas=1
        set a min.insync.replicas=2
        fence 1
        register 2 life=2
        ",
        expect![[r#"
            register 1
                broker 1 registered
                -> epoch 1
            register 2
                broker 2 registered
                -> epoch 2
            create a at=1,2 min.insync.replicas=2
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                config of topic AAAAAAAAAKEAAAAAAAAAAA: min.insync.replicas=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1,2] leader 1 epochs 0/0
            fence 2
                broker 2 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] elr [2] leader 1 epochs 0/1
            set a min.insync.replicas=1
                config of topic AAAAAAAAAKEAAAAAAAAAAA: min.insync.replicas=1
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] leader 1 epochs 0/2
            set a min.insync.replicas=2
                config of topic AAAAAAAAAKEAAAAAAAAAAA: min.insync.replicas=2
            fence 1
                broker 1 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2] isr [1] last known [2] no leader epochs 1/3
            register 2 life=2
                broker 2 registered
                -> epoch 8
        "#]],
    );
}

#[test]
fn an_unclean_election_is_recorded_as_such() {
    let mut cluster = Cluster::new();
    for line in [
        "register 1",
        "register 2",
        "create a at=1,2 unclean.leader.election.enable=true",
        "fence 2",
        "fence 1",
        "register 2 life=2",
    ] {
        cluster.submit(&parse(&cluster, line)).unwrap();
    }
    let last = cluster.image.events().next_back().unwrap().to_string();
    expect!["#10 leader_elected_uncleanly partition a/0: none to 2, leader epoch 2"]
        .assert_eq(&last);
    // The ISR is set anew by it: nobody has fallen behind or caught up.
    let told =
        |it: &&crate::metadata::Event| it.time == cluster.image.events().next_back().unwrap().time;
    let kinds: Vec<&str> =
        cluster.image.events().rev().filter(told).map(|it| it.kind.as_str()).collect();
    assert!(!kinds.iter().any(|kind| kind.starts_with("isr_")), "{kinds:?}");
}

#[test]
fn replicas_that_were_away_at_a_creation_may_lead_while_nothing_can_be_committed() {
    check(
        "
        register 1
        register 2
        register 3
        fence 1
        fence 2
        create a at=1,2,3 min.insync.replicas=2
        register 1 life=2
        fence 3
        register 3 disk=9 life=2
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
            fence 1
                broker 1 fenced
            fence 2
                broker 2 fenced
            create a at=1,2,3 min.insync.replicas=2
                topic a created as AAAAAAAAAKEAAAAAAAAAAA
                config of topic AAAAAAAAAKEAAAAAAAAAAA: min.insync.replicas=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [3] elr [1,2] leader 3 epochs 0/0
            register 1 life=2
                broker 1 registered
                -> epoch 7
            fence 3
                broker 3 fenced
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1] elr [3,2] leader 1 epochs 1/1
            register 3 disk=9 life=2
                partition AAAAAAAAAKEAAAAAAAAAAA-0: replicas [1,2,3] isr [1] elr [2] leader 1 epochs 1/2
                broker 3 registered
                -> epoch 9
        "#]],
    );
}
