//! The bytes of each file: a change here is a new version of the format.

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;

fn fixture() -> Bench {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig { segment_bytes: 300, ..small_segments() });
    for nth in 0..5_u32 {
        log.append(from_producer(2, nth, &["v"]), LeaderEpoch(4 + nth / 3), NOW).unwrap();
    }
    log.close().unwrap();
    bench
}

fn check(name: &str, want: Expect) {
    let bench = fixture();
    let bytes = std::fs::read(bench.dir.join(name)).unwrap();
    let mut text = String::new();
    for line in bytes.chunks(16) {
        for byte in line {
            write!(text, "{byte:02x} ").unwrap();
        }
        text.push('\n');
    }
    want.assert_eq(&text.replace(" \n", "\n"));
}

#[test]
fn files_of_a_log_have_kafkas_names() {
    let bench = fixture();
    let mut names: Vec<String> = std::fs::read_dir(&bench.dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    expect![[r#"
        00000000000000000000.index
        00000000000000000000.log
        00000000000000000000.timeindex
        00000000000000000004.log
        00000000000000000004.snapshot
        00000000000000000005.snapshot
        leader-epoch-checkpoint
        partition.metadata
        recovery-point"#]]
    .assert_eq(&names.join("\n"));
}

#[test]
fn an_offset_index_is_laid_out_so() {
    check(
        "00000000000000000000.index",
        expect![[r#"
        4b 51 4f 49 44 58 00 01 00 00 00 00 00 00 00 00
        33 f2 cf 0c 00 00 00 01 00 00 00 45 0e eb fc e6
        00 00 00 02 00 00 00 8a db 46 56 f2 00 00 00 03
        00 00 00 cf 97 dd 30 fe
    "#]],
    );
}

#[test]
fn a_time_index_is_laid_out_so() {
    check(
        "00000000000000000000.timeindex",
        expect![[r#"
        4b 51 54 49 44 58 00 01 00 00 00 00 00 00 00 00
        36 31 8e 41 00 00 01 8b cf e5 68 00 00 00 00 00
        72 d3 bc 15 00 00 01 8b cf e5 68 00 ff ff ff ff
        c5 4b 08 2d
    "#]],
    );
}

#[test]
fn a_producer_snapshot_is_laid_out_so() {
    check(
        "00000000000000000005.snapshot",
        expect![[r#"
        4b 51 50 52 4f 44 00 01 00 00 00 00 00 00 00 05
        00 00 00 01 00 00 00 00 00 00 00 09 00 02 00 00
        01 8b cf e5 68 00 05 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 01 8b cf e5 68 00 00 00 00 01 00 00 00 01 00
        00 00 00 00 00 00 01 00 00 00 00 00 00 00 01 00
        00 01 8b cf e5 68 00 00 00 00 02 00 00 00 02 00
        00 00 00 00 00 00 02 00 00 00 00 00 00 00 02 00
        00 01 8b cf e5 68 00 00 00 00 03 00 00 00 03 00
        00 00 00 00 00 00 03 00 00 00 00 00 00 00 03 00
        00 01 8b cf e5 68 00 00 00 00 04 00 00 00 04 00
        00 00 00 00 00 00 04 00 00 00 00 00 00 00 04 00
        00 01 8b cf e5 68 00 a1 ba 2d dd
    "#]],
    );
}

#[test]
fn an_epoch_history_is_laid_out_so() {
    check(
        "leader-epoch-checkpoint",
        expect![[r#"
        4b 51 45 50 43 48 00 01 00 00 00 02 00 00 00 04
        00 00 00 00 00 00 00 00 00 00 00 05 00 00 00 00
        00 00 00 03 8e cc 7d c9
    "#]],
    );
}

#[test]
fn an_identity_is_laid_out_so() {
    check(
        "partition.metadata",
        expect![[r#"
        4b 51 50 41 52 54 00 01 07 07 07 07 07 07 07 07
        07 07 07 07 07 07 07 07 48 c8 4e 10
    "#]],
    );
}

#[test]
fn a_recovery_point_is_laid_out_so() {
    check(
        "recovery-point",
        expect![[r#"
            4b 51 43 4b 50 54 00 01 00 00 00 00 00 00 00 01
            00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 04
            00 00 00 00 00 00 00 45 00 00 00 00 00 00 00 00
            00 00 01 8b cf e5 68 00 00 00 00 00 00 00 00 04
            02 78 df c6 13 3b 66 6a c7
        "#]],
    );
}

#[test]
fn a_stored_batch_is_laid_out_so() {
    check(
        "00000000000000000004.log",
        expect![[r#"
        00 00 00 00 00 00 00 04 00 00 00 39 00 00 00 05
        02 3a de 6e 0f 00 00 00 00 00 00 00 00 01 8b cf
        e5 68 00 00 00 01 8b cf e5 68 00 00 00 00 00 00
        00 00 09 00 02 00 00 00 04 00 00 00 01 0e 00 00
        00 01 02 76 00
    "#]],
    );
}
