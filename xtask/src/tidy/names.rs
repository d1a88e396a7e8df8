//! Every path and every type that a document names exists.

use std::collections::BTreeSet;
use std::path::Path;

use super::Source;

/// Documents whose paths are checked: all of ours, wherever they lie.
const PATH_ENDINGS: &[&str] =
    &[".rs", ".md", ".toml", ".proto", ".py", ".sh", ".txt", ".json", ".lock"];

/// Documents whose types are checked too.
const TYPED: &[&str] = &["ARCHITECTURE.md", "docs/words.md", "docs/concepts.md"];

/// Words that define a type in Rust.
const DEFINERS: &[&str] = &["struct ", "enum ", "trait ", "type ", "union "];

pub(super) fn check(root: &Path, docs: &[Source], rust: &[Source], faults: &mut Vec<String>) {
    let types = defined_types(rust);
    for doc in docs {
        let names_types = TYPED.contains(&doc.path.as_str());
        for (at, word) in quoted(&doc.text) {
            if is_path(word) && !exists(root, word) {
                faults.push(format!("{}:{at}: no such path: {word}", doc.path));
            }
            if let Some(name) = type_name(word).filter(|_| names_types)
                && !types.contains(name)
            {
                faults.push(format!("{}:{at}: no such type: {name}", doc.path));
            }
        }
    }
}

/// What is defined, and what stands alone on a line beside a macro: a name handed to it.
fn defined_types(rust: &[Source]) -> BTreeSet<&str> {
    let lines = rust.iter().flat_map(|source| source.text.lines());
    let with_macros = rust.iter().filter(|source| source.text.contains("macro_rules!"));
    let named = with_macros.flat_map(|source| source.text.lines()).map(str::trim);
    lines.filter_map(defined_type).chain(named.filter(|it| type_name(it) == Some(*it))).collect()
}

fn defined_type(line: &str) -> Option<&str> {
    let (before, after) = DEFINERS.iter().find_map(|definer| line.split_once(definer))?;
    let public = before.trim().split('(').next().unwrap_or_default();
    let open = public.is_empty() || public == "pub" || public.starts_with("pub ");
    let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (open && name.starts_with(char::is_uppercase)).then_some(name)
}

/// Words between single backticks, with their line; fenced blocks are not ours to check.
fn quoted(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !fenced {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(spans.map(|word| (at + 1, word)));
        }
    }
    found
}

/// A path of the checkout: it has a slash or a known ending, and nothing that a path has not.
fn is_path(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let relative = !word.starts_with(['/', '.', '-']) || word.starts_with(".ci");
    let ours = word.ends_with('/') || PATH_ENDINGS.iter().any(|it| word.ends_with(it));
    let built = word.starts_with("target/");
    plain && relative && ours && !built && word.contains('/')
}

/// Paths are written from the top, or from the source folder of a crate.
fn exists(root: &Path, word: &str) -> bool {
    root.join(word).exists() || root.join("kq-broker/src").join(word).exists()
}

/// The type in `Type`, `Type::method` or `module::Type`; none in other words.
fn type_name(word: &str) -> Option<&str> {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == ':' || c == '_');
    let name = word.split("::").find(|part| part.starts_with(|c: char| c.is_ascii_uppercase()))?;
    let camel = name.chars().any(|c| c.is_ascii_lowercase()) && !name.contains('_');
    (plain && camel).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_paths_are_told_from_other_words() {
        assert_eq!(type_name("Log::open"), Some("Log"));
        assert_eq!(type_name("kq_storage::Log"), Some("Log"));
        assert_eq!(type_name("acks=all"), None);
        assert_eq!(type_name("CORRUPT_MESSAGE"), None);
        assert!(is_path("docs/words.md"));
        assert!(is_path("kq-storage/src/log/"));
        assert!(!is_path("application/json"));
        assert!(!is_path("target/clusters/NAME/cluster.json"));
    }

    #[test]
    fn only_definitions_define() {
        assert_eq!(defined_type("pub(crate) struct Lag(u64);"), Some("Lag"));
        assert_eq!(defined_type("    type Response = X;"), Some("Response"));
        assert_eq!(defined_type("/// The struct Foo is"), None);
        assert_eq!(defined_type("let x: enum Foo"), None);
    }

    #[test]
    fn fenced_blocks_are_not_read() {
        assert_eq!(quoted("a `b` c\n```\n`d`\n```\n`e`"), [(1, "b"), (5, "e")]);
    }
}
