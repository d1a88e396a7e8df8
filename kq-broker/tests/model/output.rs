//! What a run says when nothing is wrong.

#[expect(clippy::print_stdout, reason = "`cargo xtask sim` shows it")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
