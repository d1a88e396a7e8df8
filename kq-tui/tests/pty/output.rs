//! What tests tell whoever reads their output.

#[expect(clippy::print_stdout, reason = "times are told, not judged")]
pub(crate) fn tell(line: &str) {
    println!("{line}");
}
