//! The pictures of the README are what the program prints of the made-up cluster.
//! `UPDATE_EXPECT=1 cargo test -p kq-tui --test pictures` draws them anew.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::process::Command;

use expect_test::expect_file;

/// Larger ones nobody wants to load.
const BYTES_MAX: usize = 60_000;

fn printed(args: &[&str]) -> String {
    let mut tui = Command::new(env!("CARGO_BIN_EXE_kq-tui"));
    tui.args(["--once", "--demo", "7", "--utc"]).args(args).env_remove("NO_COLOR");
    let ran = tui.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[track_caller]
fn check(name: &str, args: &[&str]) {
    let picture = printed(&[args, &["--size", "100x30", "-o", "svg"]].concat());
    assert!(picture.len() < BYTES_MAX, "{name} has {} bytes", picture.len());
    let path = format!("{}/../docs/pictures/{name}.svg", env!("CARGO_MANIFEST_DIR"));
    expect_file![path].assert_eq(&picture);
}

#[test]
fn the_overview_in_trouble() {
    check("overview", &["--screen", "overview"]);
}

#[test]
fn the_churn_of_hours_at_a_past_outage() {
    check("churn", &["--screen", "churn", "--at", "trouble before 11:30"]);
}

#[test]
fn groups_of_all_classes() {
    check("groups", &["--screen", "groups"]);
}

#[test]
fn one_frame_is_the_same_each_time() {
    let frame = || printed(&["--screen", "partitions", "--partitions", "2000"]);
    assert_eq!(frame(), frame());
}
