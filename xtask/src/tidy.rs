//! House rules that no lint knows. Runs in `cargo test` too, so the CI needs no extra step.
//!
//! A rule here is a fact about the tree as it stands: when it must change, change it in the
//! commit that needs it and say why.

mod layers;
mod names;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use crate::output::say;
use crate::run::root;

/// Folders that hold no source of ours.
const SKIPPED: &[&str] = &["target", ".git", "node_modules", "third_party"];

/// A text file of the repository.
#[derive(Debug)]
struct Source {
    /// Path from the top, with forward slashes.
    path: String,
    text: String,
}

/// Prints every fault; whether there is none.
pub(crate) fn run() -> bool {
    let faults = faults(&root());
    for fault in &faults {
        say(fault);
    }
    say(format_args!("tidy: {} faults", faults.len()));
    faults.is_empty()
}

fn faults(root: &Path) -> Vec<String> {
    let rust = sources_with(root, "rs");
    let mut faults = Vec::new();
    layers::check_manifests(root, &mut faults);
    layers::check_imports(&rust, &mut faults);
    sources::check(&rust, &mut faults);
    names::check(root, &sources_with(root, "md"), &rust, &mut faults);
    faults
}

/// All files with that ending, sorted by path.
fn sources_with(root: &Path, ending: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(root, &mut |path| {
        if path.extension().is_some_and(|it| it == ending)
            && let Ok(text) = fs::read_to_string(path)
        {
            let shown = path.strip_prefix(root).unwrap_or(path);
            found.push(Source { path: shown.to_string_lossy().into_owned(), text });
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(dir: &Path, seen: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path: PathBuf = entry.path();
        let skipped = path.file_name().is_some_and(|name| SKIPPED.iter().any(|it| name == *it));
        if skipped || path.is_symlink() {
            continue;
        }
        if path.is_dir() { walk(&path, seen) } else { seen(&path) }
    }
}

/// The lines that are code: comment lines and what follows `// ` are blanked, numbers kept.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| {
        let code = if line.trim_start().starts_with("//") {
            ""
        } else {
            line.split_once(" // ").map_or(line, |(code, _)| code)
        };
        (at + 1, code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_is_tidy() {
        let faults = faults(&root());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn comments_are_no_code() {
        let lines: Vec<_> = code_lines("a // b\n// c\n  d").collect();
        assert_eq!(lines, [(1, "a"), (2, ""), (3, "  d")]);
    }
}
