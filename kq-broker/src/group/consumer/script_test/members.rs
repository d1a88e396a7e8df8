//! Members that come, go, share and lose answers.

use expect_test::expect;

use super::check;

#[test]
fn members_share_and_give_back_one_by_one() {
    check(
        "beat m1 join topics=a
         state
         at 1000ms
         beat m2 join topics=a
         state
         beat m1 1
         commit m1 1
         beat m1 1 owned=a0,a1,a2,a3
         beat m2 2
         beat m1 1 owned=a0,a1
         state
         beat m2 2
         commit m1 1
         commit m1 2
         commit - -1
         state",
        expect![[r#"
            beat m1 join topics=a
                m1 at 1: [a0,a1,a2,a3], 5 records
            state
                Stable at 1, target 1, uniform
                m1: Stable at 1, has [a0,a1,a2,a3] gives [] wants [a0,a1,a2,a3]
            at 1000ms
            beat m2 join topics=a
                m2 at 2: [], 6 records
            state
                Reconciling at 2, target 2, uniform
                m1: Stable at 1, has [a0,a1,a2,a3] gives [] wants [a0,a1]
                m2: UnreleasedPartitions at 2, has [] gives [] wants [a2,a3]
            beat m1 1
                m1 at 1: [a0,a1], 1 records
            commit m1 1
                ok
            beat m1 1 owned=a0,a1,a2,a3
                m1 at 1: as before, 0 records
            beat m2 2
                m2 at 2: as before, 0 records
            beat m1 1 owned=a0,a1
                m1 at 2: as before, 1 records
            state
                Reconciling at 2, target 2, uniform
                m1: Stable at 2, has [a0,a1] gives [] wants [a0,a1]
                m2: UnreleasedPartitions at 2, has [] gives [] wants [a2,a3]
            beat m2 2
                m2 at 2: [a2,a3], 1 records
            commit m1 1
                StaleMemberEpoch { given: 1 }
            commit m1 2
                ok
            commit - -1
                UnknownMember
            state
                Stable at 2, target 2, uniform
                m1: Stable at 2, has [a0,a1] gives [] wants [a0,a1]
                m2: Stable at 2, has [a2,a3] gives [] wants [a2,a3]
        "#]],
    );
}

#[test]
fn a_lost_answer_is_given_again() {
    check(
        "beat m1 join topics=a
         beat m1 join topics=a
         beat m1 1
         at 1000ms
         beat m2 join topics=a,b
         beat m1 1 owned=a0,a1,a2,a3
         beat m1 1 owned=a0,a1
         beat m1 1 owned=a0,a1
         beat m1 1
         beat m1 0
         beat m1 9
         beat m3 1",
        expect![[r#"
            beat m1 join topics=a
                m1 at 1: [a0,a1,a2,a3], 5 records
            beat m1 join topics=a
                m1 at 1: [a0,a1,a2,a3], 0 records
            beat m1 1
                m1 at 1: as before, 0 records
            at 1000ms
            beat m2 join topics=a,b
                m2 at 2: [b0,b1], 6 records
            beat m1 1 owned=a0,a1,a2,a3
                m1 at 1: [a0,a1,a2], 1 records
            beat m1 1 owned=a0,a1
                m1 at 2: as before, 1 records
            beat m1 1 owned=a0,a1
                m1 at 2: [a0,a1,a2], 0 records
            beat m1 1
                FencedMemberEpoch { given: 1 }
            beat m1 0
                FencedMemberEpoch { given: 0 }
            beat m1 9
                FencedMemberEpoch { given: 9 }
            beat m3 1
                UnknownMember
        "#]],
    );
}

#[test]
fn who_begins_anew_makes_its_former_commits_stale() {
    check(
        "beat m1 join topics=a
         at 1000ms
         beat m2 join topics=b
         beat m1 1
         at 2000ms
         beat m1 join topics=a
         commit m1 2
         commit m1 3
         state",
        expect![[r#"
            beat m1 join topics=a
                m1 at 1: [a0,a1,a2,a3], 5 records
            at 1000ms
            beat m2 join topics=b
                m2 at 2: [b0,b1], 5 records
            beat m1 1
                m1 at 2: as before, 1 records
            at 2000ms
            beat m1 join topics=a
                m1 at 3: [a0,a1,a2,a3], 4 records
            commit m1 2
                StaleMemberEpoch { given: 2 }
            commit m1 3
                ok
            state
                Reconciling at 3, target 3, uniform
                m1: Stable at 3, has [a0,a1,a2,a3] gives [] wants [a0,a1,a2,a3]
                m2: Stable at 2, has [b0,b1] gives [] wants [b0,b1]
        "#]],
    );
}

#[test]
fn many_who_come_at_once_cost_few_targets() {
    check(
        "beat m1 join topics=a
         beat m2 join topics=a
         beat m3 join topics=a
         state
         at 200ms
         beat m2 1
         state",
        expect![[r#"
            beat m1 join topics=a
                m1 at 1: [a0,a1,a2,a3], 5 records
            beat m2 join topics=a
                m2 at 1: [], 3 records
            beat m3 join topics=a
                m3 at 1: [], 3 records
            state
                Assigning at 3, target 1, uniform
                m1: Stable at 1, has [a0,a1,a2,a3] gives [] wants [a0,a1,a2,a3]
                m2: Stable at 1, has [] gives [] wants []
                m3: Stable at 1, has [] gives [] wants []
            at 200ms
            beat m2 1
                m2 at 3: as before, 5 records
            state
                Reconciling at 3, target 3, uniform
                m1: Stable at 1, has [a0,a1,a2,a3] gives [] wants [a0,a1]
                m2: UnreleasedPartitions at 3, has [] gives [] wants [a2]
                m3: Stable at 1, has [] gives [] wants [a3]
        "#]],
    );
}

#[test]
fn a_full_group_takes_nobody_new() {
    check(
        "beat m1 join topics=a static=i1
         beat m2 join topics=a
         beat m3 join topics=a
         beat m4 join topics=a
         beat m5 join topics=a
         beat m1 pause static=i1
         beat m6 join topics=a static=i1
         beat m5 1",
        expect![[r#"
            beat m1 join topics=a static=i1
                m1 at 1: [a0,a1,a2,a3], 5 records
            beat m2 join topics=a
                m2 at 1: [], 3 records
            beat m3 join topics=a
                m3 at 1: [], 3 records
            beat m4 join topics=a
                m4 at 1: [], 3 records
            beat m5 join topics=a
                GroupFull { max: 4 }
            beat m1 pause static=i1
                m1 at -2: as before, 1 records
            beat m6 join topics=a static=i1
                m6 at 1: [a0,a1,a2,a3], 7 records
            beat m5 1
                UnknownMember
        "#]],
    );
}

#[test]
fn who_is_silent_or_gives_nothing_back_is_put_out() {
    check(
        "beat m1 join topics=a
         at 1000ms
         beat m2 join topics=a
         beat m1 1
         at 30000ms
         beat m1 1
         tick
         at 46000ms
         tick
         state
         beat m1 1
         at 61000ms
         tick
         at 76000ms
         tick
         state
         beat m2 2
         commit - -1",
        expect![[r#"
            beat m1 join topics=a
                m1 at 1: [a0,a1,a2,a3], 5 records
            at 1000ms
            beat m2 join topics=a
                m2 at 2: [], 6 records
            beat m1 1
                m1 at 1: [a0,a1], 1 records
            at 30000ms
            beat m1 1
                m1 at 1: as before, 0 records
            tick
                nothing is due
            at 46000ms
            tick
                4 records
            state
                Assigning at 3, target 2, uniform
                m1: UnrevokedPartitions at 1, has [a0,a1] gives [a2,a3] wants [a0,a1]
            beat m1 1
                m1 at 1: as before, 2 records
            at 61000ms
            tick
                4 records
            at 76000ms
            tick
                nothing is due
            state
                Empty at 4, target 3, uniform
            beat m2 2
                UnknownMember
            commit - -1
                ok
        "#]],
    );
}

#[test]
fn after_a_load_everybody_has_its_whole_time() {
    check(
        "beat m1 join topics=a
         at 1000ms
         beat m2 join topics=a
         beat m1 1
         at 40000ms
         reload
         at 84999ms
         tick
         at 85000ms
         tick
         state",
        expect![[r#"
            beat m1 join topics=a
                m1 at 1: [a0,a1,a2,a3], 5 records
            at 1000ms
            beat m2 join topics=a
                m2 at 2: [], 6 records
            beat m1 1
                m1 at 1: [a0,a1], 1 records
            at 40000ms
            reload
            at 84999ms
            tick
                nothing is due
            at 85000ms
            tick
                7 records
            state
                Empty at 3, target 2, uniform
        "#]],
    );
}

#[test]
fn a_static_member_comes_back_to_its_share() {
    check(
        "beat m1 join topics=a static=i1
         at 1000ms
         beat m2 join topics=a static=i2
         beat m1 1 owned=a0,a1
         beat m2 2
         beat m3 join topics=a static=i1
         beat m1 pause static=i1
         state
         beat m3 join topics=a static=i1
         beat m1 2 static=i1
         beat m1 2
         state
         beat m3 pause static=i1
         beat m3 join topics=a static=i1
         beat m3 leave static=i2
         beat m3 leave static=i1
         state",
        expect![[r#"
            beat m1 join topics=a static=i1
                m1 at 1: [a0,a1,a2,a3], 5 records
            at 1000ms
            beat m2 join topics=a static=i2
                m2 at 2: [], 6 records
            beat m1 1 owned=a0,a1
                m1 at 2: [a0,a1], 1 records
            beat m2 2
                m2 at 2: [a2,a3], 1 records
            beat m3 join topics=a static=i1
                UnreleasedInstance
            beat m1 pause static=i1
                m1 at -2: as before, 1 records
            state
                Reconciling at 2, target 2, uniform
                m1: Stable at -2, has [a0,a1] gives [] wants [a0,a1]
                m2: Stable at 2, has [a2,a3] gives [] wants [a2,a3]
            beat m3 join topics=a static=i1
                m3 at 2: [a0,a1], 7 records
            beat m1 2 static=i1
                FencedInstance
            beat m1 2
                UnknownMember
            state
                Stable at 2, target 2, uniform
                m2: Stable at 2, has [a2,a3] gives [] wants [a2,a3]
                m3: Stable at 2, has [a0,a1] gives [] wants [a0,a1]
            beat m3 pause static=i1
                m3 at -2: as before, 1 records
            beat m3 join topics=a static=i1
                m3 at 2: [a0,a1], 2 records
            beat m3 leave static=i2
                FencedInstance
            beat m3 leave static=i1
                m3 at -1: as before, 4 records
            state
                Assigning at 3, target 2, uniform
                m2: Stable at 2, has [a2,a3] gives [] wants [a2,a3]
        "#]],
    );
}
