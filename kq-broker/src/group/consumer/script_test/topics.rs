//! Topics, patterns, assignors and racks.

use expect_test::expect;

use super::check;

#[test]
fn topics_that_grow_come_and_go_are_dealt_anew() {
    check(
        "beat m1 join topics=a,c
         at 1000ms
         topic c 1
         beat m1 1
         at 2000ms
         topic a 5
         beat m1 2
         at 3000ms
         topic c 0
         beat m1 3
         beat m1 3 owned=a0,a1,a2,a3,a4
         at 4000ms
         beat m1 4 topics=b
         beat m1 4 owned=
         state",
        expect![[r#"
            beat m1 join topics=a,c
                m1 at 1: [a0,a1,a2,a3], 5 records
            at 1000ms
            topic c 1
            beat m1 1
                m1 at 2: [a0,a1,a2,a3,c0], 4 records
            at 2000ms
            topic a 5
            beat m1 2
                m1 at 3: [a0,a1,a2,a3,a4,c0], 4 records
            at 3000ms
            topic c 0
            beat m1 3
                m1 at 3: [a0,a1,a2,a3,a4], 4 records
            beat m1 3 owned=a0,a1,a2,a3,a4
                m1 at 4: as before, 1 records
            at 4000ms
            beat m1 4 topics=b
                m1 at 4: [], 5 records
            beat m1 4 owned=
                m1 at 5: [b0,b1], 1 records
            state
                Stable at 5, target 5, uniform
                m1: Stable at 5, has [b0,b1] gives [] wants [b0,b1]
        "#]],
    );
}

#[test]
fn a_pattern_takes_topics_as_they_come() {
    check(
        "beat m1 join pattern=[ab]
         at 1000ms
         topic c 1
         beat m1 1
         topic b 0
         beat m1 1 owned=a0,a1,a2,a3
         at 2000ms
         beat m1 2 pattern=c
         beat m1 2 owned=
         beat m1 3 pattern=(
         at 3000ms
         beat m1 3 pattern= topics=a
         beat m1 3 owned=
         beat m1 4
         state",
        expect![[r#"
            beat m1 join pattern=[ab]
                m1 at 1: [a0,a1,a2,a3,b0,b1], 6 records
            at 1000ms
            topic c 1
            beat m1 1
                m1 at 1: as before, 0 records
            topic b 0
            beat m1 1 owned=a0,a1,a2,a3
                m1 at 2: [a0,a1,a2,a3], 5 records
            at 2000ms
            beat m1 2 pattern=c
                m1 at 2: [], 7 records
            beat m1 2 owned=
                m1 at 3: [c0], 1 records
            beat m1 3 pattern=(
                InvalidPattern { why: "unclosed group" }
            at 3000ms
            beat m1 3 pattern= topics=a
                m1 at 3: [], 6 records
            beat m1 3 owned=
                m1 at 4: [a0,a1,a2,a3], 1 records
            beat m1 4
                m1 at 4: as before, 0 records
            state
                Stable at 4, target 4, uniform
                m1: Stable at 4, has [a0,a1,a2,a3] gives [] wants [a0,a1,a2,a3]
        "#]],
    );
}

#[test]
fn the_assignor_with_the_most_votes_deals() {
    check(
        "beat m1 join topics=a assignor=range
         state
         at 1000ms
         beat m2 join topics=a
         beat m2 2 assignor=uniform
         state",
        expect![[r#"
            beat m1 join topics=a assignor=range
                m1 at 1: [a0,a1,a2,a3], 5 records
            state
                Stable at 1, target 1, range
                m1: Stable at 1, has [a0,a1,a2,a3] gives [] wants [a0,a1,a2,a3]
            at 1000ms
            beat m2 join topics=a
                m2 at 2: [], 6 records
            beat m2 2 assignor=uniform
                m2 at 2: as before, 2 records
            state
                Assigning at 3, target 2, uniform
                m1: Stable at 1, has [a0,a1,a2,a3] gives [] wants [a0,a1]
                m2: UnreleasedPartitions at 2, has [] gives [] wants [a2,a3]
        "#]],
    );
}

#[test]
fn members_read_from_replicas_next_to_them() {
    check(
        "broker 0 x
         broker 1 y
         beat m1 join topics=a rack=y
         at 1000ms
         beat m2 join topics=a rack=x
         beat m1 1 owned=a1,a3
         beat m2 2
         state",
        expect![[r#"
            broker 0 x
            broker 1 y
            beat m1 join topics=a rack=y
                m1 at 1: [a0,a1,a2,a3], 5 records
            at 1000ms
            beat m2 join topics=a rack=x
                m2 at 2: [], 6 records
            beat m1 1 owned=a1,a3
                m1 at 2: [a1,a3], 1 records
            beat m2 2
                m2 at 2: [a0,a2], 1 records
            state
                Stable at 2, target 2, uniform
                m1: Stable at 2, has [a1,a3] gives [] wants [a1,a3]
                m2: Stable at 2, has [a0,a2] gives [] wants [a0,a2]
        "#]],
    );
}
