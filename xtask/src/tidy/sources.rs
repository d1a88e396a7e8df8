//! Size and shape of source files. Functions are measured by clippy (`too_many_lines`, 70).

use super::{Source, code_lines};

/// Lines in one source file, tests included.
const FILE_LINES_MAX: usize = 500;

/// Things that never reach the main branch.
const FORBIDDEN: &[&str] = &["todo!(", "unimplemented!(", "#[ignore", "dbg!("];

/// A test waits for an event, never for a time.
const SLEEPS: &[&str] = &["thread::sleep(", "time::sleep("];

/// Where time is simulated, a wait is a step of the course and takes none.
const SIMULATED: &str = "kq-broker/tests/turmoil/";

pub(super) fn check(rust: &[Source], faults: &mut Vec<String>) {
    for source in rust {
        let path = &source.path;
        if !source.text.starts_with("//!") && !source.text.starts_with("#!") {
            faults.push(format!("{path}: say in a //! line what this file is for"));
        }
        let lines = source.text.lines().count();
        if FILE_LINES_MAX < lines {
            faults.push(format!("{path}: {lines} lines, {FILE_LINES_MAX} are allowed"));
        }
        if path.starts_with("xtask/src/tidy/") {
            continue;
        }
        let words = FORBIDDEN.iter().chain(SLEEPS.iter().filter(|_| is_test(path)));
        for word in words {
            for (at, _) in code_lines(&source.text).filter(|(_, line)| line.contains(word)) {
                faults.push(format!("{path}:{at}: {word} has no place here"));
            }
        }
    }
}

fn is_test(path: &str) -> bool {
    let is_test =
        path.contains("/tests/") || path.ends_with("_test.rs") || path.ends_with("/tests.rs");
    is_test && !path.starts_with(SIMULATED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_without_a_purpose_has_two_faults() {
        let source = Source { path: "a/src/b.rs".to_owned(), text: "x\n".repeat(501) };
        let mut faults = Vec::new();
        check(&[source], &mut faults);
        assert_eq!(
            faults,
            [
                "a/src/b.rs: say in a //! line what this file is for",
                "a/src/b.rs: 501 lines, 500 are allowed"
            ]
        );
    }
}
