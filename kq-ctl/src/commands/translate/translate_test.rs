//! What a translation prints is a command line of kq-ctl: each one of the recorded session is read by
//! the parser of kq-ctl itself.

use clap::Parser as _;

use super::words;
use crate::cli::Cli;

#[test]
fn every_translated_line_is_one_of_kq_ctl() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/translate.session");
    let session = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = session.lines().filter(|it| it.starts_with("kq-ctl ")).collect();
    assert!(lines.len() > 50, "{} lines", lines.len());
    for line in lines {
        let words = words::split(line).unwrap();
        if let Err(error) = Cli::try_parse_from(&words) {
            panic!("{line}\n{error}");
        }
    }
}
