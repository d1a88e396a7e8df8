//! Who may know whom: between crates by their manifests, inside them by words.

use std::fs;
use std::path::Path;

use super::{Source, code_lines};

/// Which kq crates each crate may name in its manifest, tests included.
const CRATES: &[(&str, &[&str])] = &[
    ("kq-storage", &[]),
    ("kq-proto", &[]),
    ("kq-broker", &["kq-proto", "kq-storage"]),
    ("kq-ctl", &["kq-proto", "kq-storage"]),
    ("kq-tui", &["kq-proto"]),
    // The messages only, for the load of its benches.
    ("xtask", &["kq-proto"]),
];

/// Crates from elsewhere that a crate must do without.
const FOREIGN: &[(&str, &[&str])] = &[
    ("kq-storage", &["tokio", "tonic", "prost", "hyper", "axum", "openraft", "futures"]),
    ("kq-ctl", &["openraft", "axum", "hyper"]),
    ("kq-tui", &["openraft", "axum", "hyper"]),
];

/// Words that the files under a path must not contain.
struct Ban {
    under: &'static str,
    except: &'static [&'static str],
    words: &'static [&'static str],
}

/// What a state machine must not know: it gets time, files and messages as arguments.
const IMPURE: &[&str] = &[
    "tokio",
    "async fn",
    "async move",
    ".await",
    "std::fs",
    "std::net",
    "Instant::now",
    "SystemTime::now",
    "HashMap",
    "HashSet",
    "crate::runtime",
    "crate::kafka",
    "crate::grpc",
    "crate::raft",
];

/// What the monitor's facts, decisions and screens must not know: all of it comes in as events and
/// leaves as effects and cells.
const UNSEEN: &[&str] = &[
    "tokio",
    "crossterm",
    "async fn",
    "async move",
    ".await",
    "std::fs",
    "std::io",
    "std::net",
    "std::time",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "HashMap",
    "HashSet",
    "crate::feed",
    "crate::shell",
];

const BANS: &[Ban] = &[
    Ban { under: "kq-tui/src/facts", except: &[], words: UNSEEN },
    Ban { under: "kq-tui/src/facts", except: &[], words: &["crate::model", "crate::view"] },
    Ban { under: "kq-tui/src/model", except: &[], words: UNSEEN },
    Ban { under: "kq-tui/src/model", except: &[], words: &["crate::view"] },
    Ban { under: "kq-tui/src/view", except: &[], words: UNSEEN },
    Ban { under: "kq-tui/src/text", except: &[], words: UNSEEN },
    Ban {
        under: "kq-storage/src/",
        except: &[],
        words: &["tokio", "tonic", "Instant::now", "SystemTime::now", "std::net"],
    },
    Ban { under: "kq-broker/src/replica", except: &[], words: IMPURE },
    Ban { under: "kq-broker/src/controller", except: &[], words: IMPURE },
    Ban { under: "kq-broker/src/metadata", except: &[], words: IMPURE },
    Ban { under: "kq-broker/src/group", except: &[], words: IMPURE },
    Ban { under: "kq-broker/src/txn", except: &[], words: IMPURE },
    Ban { under: "kq-broker/src/monitor", except: &[], words: IMPURE },
    Ban {
        under: "kq-broker/src/monitor",
        except: &[],
        words: &["crate::controller", "crate::replica", "crate::group"],
    },
    Ban { under: "kq-broker/src/replica", except: &[], words: &["crate::controller"] },
    Ban {
        under: "kq-broker/src/metadata",
        except: &[],
        words: &["crate::controller", "crate::replica", "crate::group"],
    },
    Ban { under: "kq-broker/src/controller", except: &[], words: &["crate::replica"] },
    Ban { under: "kq-broker/src/kafka", except: &[], words: &["kq_storage"] },
    Ban { under: "kq-broker/src/grpc", except: &[], words: &["kq_storage"] },
    Ban { under: "kq-proto/src/", except: &[], words: &["kq_storage", "kq_broker"] },
    Ban {
        under: "kq-ctl/src/",
        except: &["kq-ctl/src/commands/log"],
        words: &["kq_storage", "kq_broker"],
    },
];

/// Only the module named `output` of a crate prints; the others return what is to be said.
const PRINTS: &[&str] = &["println!(", "print!(", "process::exit("];

/// The broker's `--print-config` and last words, and its second signal, which waits for nothing.
const PRINT_BY_RIGHT: &[&str] = &["kq-broker/src/main.rs", "kq-broker/src/process/signals.rs"];

pub(super) fn check_manifests(root: &Path, faults: &mut Vec<String>) {
    for (name, allowed) in CRATES {
        let manifest = fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap_or_default();
        let foreign = FOREIGN.iter().filter(|(of, _)| of == name).flat_map(|(_, banned)| *banned);
        let foreign: Vec<&str> = foreign.copied().collect();
        for dependency in dependencies(&manifest) {
            let unknown_layer = dependency.starts_with("kq-") && !allowed.contains(&dependency);
            if unknown_layer || foreign.contains(&dependency) {
                faults.push(format!("{name}/Cargo.toml: must not depend on {dependency}"));
            }
        }
    }
}

/// The names in all dependency tables of a manifest.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
            return None;
        }
        let name = line.split(['.', ' ', '=', '#']).next()?;
        (inside && !name.is_empty()).then_some(name)
    })
}

pub(super) fn check_imports(rust: &[Source], faults: &mut Vec<String>) {
    for source in rust {
        let bans = BANS.iter().filter(|ban| {
            source.path.starts_with(ban.under)
                && !ban.except.iter().any(|it| source.path.starts_with(it))
        });
        for word in bans.flat_map(|ban| ban.words) {
            report(source, word, "this layer must not know", faults);
        }
        if prints_by_right(&source.path) {
            continue;
        }
        for word in PRINTS {
            report(source, word, "only the output module prints or ends the process:", faults);
        }
    }
}

fn prints_by_right(path: &str) -> bool {
    PRINT_BY_RIGHT.contains(&path)
        || path.ends_with("output.rs")
        || path.contains("/output/")
        || path.ends_with("build.rs")
        || path.contains("/benches/")
        || path.contains("/examples/")
        || path.starts_with("xtask/src/tidy/")
}

fn report(source: &Source, word: &str, rule: &str, faults: &mut Vec<String>) {
    for (at, line) in code_lines(&source.text) {
        if line.contains(word) {
            faults.push(format!("{}:{at}: {rule} {word}", source.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_their_tables_only() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nkq-proto.workspace = true\n\
            # none\n[dev-dependencies]\ntempfile = \"3\"\n[features]\nbench = []\n";
        assert_eq!(dependencies(manifest).collect::<Vec<_>>(), ["kq-proto", "tempfile"]);
    }

    #[test]
    fn a_door_that_opens_a_log_is_a_fault() {
        let source = Source {
            path: "kq-broker/src/kafka/fetch.rs".to_owned(),
            text: "//! Fetch.\n// kq_storage in words is fine\nuse kq_storage::Log;\n".to_owned(),
        };
        let mut faults = Vec::new();
        check_imports(&[source], &mut faults);
        assert_eq!(faults, ["kq-broker/src/kafka/fetch.rs:3: this layer must not know kq_storage"]);
    }
}
