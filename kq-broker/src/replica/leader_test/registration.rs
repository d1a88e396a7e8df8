//! A follower that starts anew, heard before or after the leader knows of its new registration.

use expect_test::expect;

use super::check;

#[test]
fn a_follower_heard_before_its_new_registration_is_taken_back() {
    check(
        &[2, 3],
        "
        fetch by 2 from 0 at 1s
        fetch by 3 from 0 at 1s
        fetch by 3 as 12 from 0 at 5s
        commit 5/2 isr 1,2 after 3 as 12 at 5s
        ",
        expect![[r#"
            fetch by 2 from 0 at 1s
            fetch by 3 from 0 at 1s
            fetch by 3 as 12 from 0 at 5s
            commit 5/2 isr 1,2 after 3 as 12 at 5s
                propose isr 1 2@9 3@12 from epochs 5/2: 3 caught up
        "#]],
    );
}

#[test]
fn a_follower_that_left_the_isr_in_its_old_life_is_not_taken_back() {
    check(
        &[2],
        "
        fetch by 2 from 0 at 1s
        commit 5/2 isr 1 at 5s
        commit 5/3 isr 1 after 2 as 12 at 6s
        fetch by 2 as 12 from 0 at 7s
        ",
        expect![[r#"
            fetch by 2 from 0 at 1s
            commit 5/2 isr 1 at 5s
            commit 5/3 isr 1 after 2 as 12 at 6s
            fetch by 2 as 12 from 0 at 7s
                propose isr 1 2@12 from epochs 5/3: 2 caught up
        "#]],
    );
}
