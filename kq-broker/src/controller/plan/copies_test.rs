//! Which copies a reassignment may let go of, when it is not the only thing that happens.

use expect_test::expect;

use super::step_test::check;

#[test]
fn a_new_target_keeps_the_copies_of_the_old_one() {
    check(
        "
        set orders min.insync.replicas=2
        kafka orders/0=2,4
        sync orders 1,4
        kafka orders/0=1,3,2
        sync orders 1,4,3
        sync orders 1,4,3,2
        ",
        expect![[r#"
            set orders min.insync.replicas=2
                config of topic orders: min.insync.replicas=2
            kafka orders/0=2,4
                plan b54c started: partition reassign (kafka), 1 moves, no throttle
                plan b54c: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [1,3] leader 1 epochs 0/1
            sync orders 1,4
                partition orders-0: replicas [1,2,3,4] isr [1,4] last known [2,3] adding [4] removing [1,3] leader 1 epochs 0/2
            kafka orders/0=1,3,2
                plan b54c: orders-0 returned (reassigned anew)
                plan 8ff3 started: partition reassign (kafka), 1 moves, no throttle
                plan 8ff3: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,4] last known [2,3] adding [4] leader 1 epochs 0/3
                plan b54c cancelled, no throttle
            sync orders 1,4,3
                partition orders-0: replicas [1,2,3,4] isr [1,4,3] last known [2] adding [4] leader 1 epochs 0/4
            sync orders 1,4,3,2
                partition orders-0: replicas [1,2,3,4] isr [1,4,3,2] adding [4] leader 1 epochs 0/5
                plan 8ff3: orders-0 done
                partition orders-0: replicas [1,3,2] isr [1,3,2] leader 1 epochs 1/6
                plan 8ff3 done, no throttle
        "#]],
    );
}

#[test]
fn a_move_ends_only_with_the_copies_of_the_elr() {
    check(
        "
        set orders min.insync.replicas=2
        fence 3
        fence 2
        register 3 life=2
        kafka orders/0=1,3
        sync orders 1,3
        ",
        expect![[r#"
            set orders min.insync.replicas=2
                config of topic orders: min.insync.replicas=2
            fence 3
                broker 3 fenced
                partition orders-0: replicas [1,2,3] isr [1,2] last known [3] leader 1 epochs 0/1
            fence 2
                broker 2 fenced
                partition orders-0: replicas [1,2,3] isr [1] elr [2] last known [3] leader 1 epochs 0/2
            register 3 life=2
                broker 3 registered
                -> epoch 9
            kafka orders/0=1,3
                plan 8ff3 started: partition reassign (kafka), 1 moves, no throttle
                plan 8ff3: orders-0 moving
                partition orders-0: replicas [1,2,3] isr [1] elr [2] last known [3] removing [2] leader 1 epochs 0/3
            sync orders 1,3
                partition orders-0: replicas [1,2,3] isr [1,3] last known [2] removing [2] leader 1 epochs 0/4
                plan 8ff3: orders-0 done
                partition orders-0: replicas [1,3] isr [1,3] leader 1 epochs 1/5
                plan 8ff3 done, no throttle
        "#]],
    );
}

#[test]
fn a_cancelled_move_keeps_the_copies_of_the_elr() {
    check(
        "
        set orders min.insync.replicas=2
        kafka orders/0=2,4
        sync orders 1,4
        fence 4
        kafka orders/0=
        sync orders 1,2
        ",
        expect![[r#"
            set orders min.insync.replicas=2
                config of topic orders: min.insync.replicas=2
            kafka orders/0=2,4
                plan b54c started: partition reassign (kafka), 1 moves, no throttle
                plan b54c: orders-0 moving
                partition orders-0: replicas [1,2,3,4] isr [1,2,3] adding [4] removing [1,3] leader 1 epochs 0/1
            sync orders 1,4
                partition orders-0: replicas [1,2,3,4] isr [1,4] last known [2,3] adding [4] removing [1,3] leader 1 epochs 0/2
            fence 4
                broker 4 fenced
                partition orders-0: replicas [1,2,3,4] isr [1] elr [4] last known [2,3] adding [4] removing [1,3] leader 1 epochs 0/3
            kafka orders/0=
                plan b54c: orders-0 returning (cancelled by a client)
            sync orders 1,2
                partition orders-0: replicas [1,2,3,4] isr [1,2] last known [4,3] adding [4] removing [1,3] leader 1 epochs 0/4
                plan b54c: orders-0 returned
                partition orders-0: replicas [1,2,3] isr [1,2] last known [3] leader 1 epochs 1/5
                plan b54c cancelled, no throttle
        "#]],
    );
}
