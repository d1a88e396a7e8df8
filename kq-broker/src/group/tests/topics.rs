//! Offsets of topics that are deleted.

use expect_test::expect;

use super::script::{check, check_after};

#[test]
fn offsets_go_with_their_topic() {
    check(
        "image t:2 u:1
         commit r1 - -1 t/0 5 t/1 6 u/0 7
         written w0
         image u:1
         written w1
         held
         load",
        expect![[r#"
            image t:2 u:1
            commit r1 - -1 t/0 5 t/1 6 u/0 7
                write w0: 3 records
            written w0
                r1 offsets ["ok", "ok", "ok"]
            image u:1
                write w1: 2 records
            written w1
            held
                g Empty [] u/0=7
            load
                g Empty [] u/0=7
        "#]],
    );
}

#[test]
fn a_topic_made_anew_does_not_inherit_offsets() {
    check(
        "image t:2
         commit r1 - -1 t/0 5
         image t!2
         commit r2 - -1 t/0 9
         written w0
         written w1
         held
         written w2
         held
         load",
        expect![[r#"
            image t:2
            commit r1 - -1 t/0 5
                write w0: 1 records
            image t!2
                write w1: 1 records
            commit r2 - -1 t/0 9
                write w2: 1 records
            written w0
                r1 offsets ["ok"]
            written w1
            held
                g Empty []
            written w2
                r2 offsets ["ok"]
            held
                g Empty [] t/0=9
            load
                g Empty [] t/0=9
        "#]],
    );
}

#[test]
fn offsets_of_a_topic_that_went_unseen_go_too() {
    check(
        "commit r1 - -1 t/0 5 u/0 6\n written w0\n image u:1\n written w1\n held",
        expect![[r#"
        commit r1 - -1 t/0 5 u/0 6
            write w0: 2 records
        written w0
            r1 offsets ["ok", "ok"]
        image u:1
            write w1: 1 records
        written w1
        held
            g Empty [] u/0=6
    "#]],
    );
}

#[test]
fn a_topic_that_grows_keeps_its_offsets() {
    check(
        "image t:1\n commit r1 - -1 t/0 5\n written w0\n image t:3",
        expect![[r#"
        image t:1
        commit r1 - -1 t/0 5
            write w0: 1 records
        written w0
            r1 offsets ["ok"]
        image t:3
    "#]],
    );
}

#[test]
fn refused_tombstones_of_a_topic_are_written_at_the_next_check() {
    let many: Vec<String> = (0..1_500).map(|it| format!("t/{it} 1")).collect();
    let script = format!("image t:1500\n commit r1 - -1 {}\n written w0", many.join(" "));
    check_after(
        &script,
        "image u:1\n refused w1\n refused w2\n at 60s\n expire\n written w3\n held",
        expect![[r#"
            image u:1
                write w1: 1000 records
                write w2: 500 records
            refused w1
            refused w2
            at 60s
            expire
                write w3: 1500 records
            written w3
            held
        "#]],
    );
}
