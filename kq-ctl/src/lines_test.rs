//! The lines that kq-tui shows, as kq-ctl takes them from a shell: `kq-tui/tests/lines.txt` has them for
//! every screen and action, and for names of every kind.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../kq-tui/tests/lines.txt");

/// A line, and the name that it is about, if it is about one.
struct Shown {
    line: String,
    name: Option<String>,
}

fn shown() -> Vec<Shown> {
    let page = fs::read_to_string(PAGE).unwrap();
    let mut name = String::new();
    let mut lines = Vec::new();
    for text in page.lines() {
        if let Some(header) = text.strip_prefix("# ") {
            name = serde_json::from_str(header).unwrap();
        }
        let (mark, rest) = text.split_at_checked(2).unwrap_or_default();
        if let ("= " | "- ", Some((_, line))) = (mark, rest.split_once(": ")) {
            let is_about = mark == "= ";
            lines.push(Shown { line: line.to_owned(), name: is_about.then(|| name.clone()) });
        }
    }
    lines
}

/// What a shell makes of lines: the arguments of each.
fn arguments(shell: &str, lines: &[&Shown]) -> Vec<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    // Names of files that a star would find.
    fs::write(dir.path().join("a"), "").unwrap();
    let script = dir.path().join("script");
    let mut text = "told() { printf '%s\\0' \"$#\" \"$@\"; }\n".to_owned();
    for it in lines {
        let rest = it.line.strip_prefix("kq-ctl ").unwrap();
        let _ = writeln!(text, "told {rest}");
    }
    fs::write(&script, text).unwrap();
    let mut command = Command::new(shell);
    let told = command.arg(&script).current_dir(dir.path()).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && said.is_empty(), "{shell}: {said}");
    let text = String::from_utf8(told.stdout).unwrap();
    let mut words = text.split_terminator('\0').map(str::to_owned);
    let mut all = Vec::new();
    while let Some(count) = words.next() {
        all.push(words.by_ref().take(count.parse().unwrap()).collect());
    }
    assert_eq!(all.len(), lines.len(), "{shell}");
    all
}

/// What kq-ctl understands, or why it does not.
fn understood(command: &mut clap::Command, words: &[String]) -> Result<String, String> {
    let words = std::iter::once("kq-ctl").chain(words.iter().map(String::as_str));
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let matches = command.try_get_matches_from_mut(words);
    let cli = matches.and_then(|it| Cli::from_arg_matches(&it)).map_err(|it| it.to_string())?;
    Ok(format!("{:?}", cli.noun))
}

#[test]
fn lines_of_kq_tui_mean_what_they_name() {
    let all = shown();
    assert!(all.iter().filter(|it| it.name.is_some()).count() > 500, "{PAGE}");
    // `$'..'`, which only names of what cannot be shown need, is not known to every /bin/sh yet.
    let plain: Vec<&Shown> = all.iter().filter(|it| !it.line.contains("$'")).collect();
    let every: Vec<&Shown> = all.iter().collect();
    let mut shells = vec![("sh", plain)];
    if Command::new("bash").arg("--version").stdout(Stdio::null()).status().is_ok() {
        shells.push(("bash", every));
    }
    // What two shells agree on is read once.
    let mut read = BTreeMap::new();
    for (shell, lines) in shells {
        for (it, words) in lines.iter().zip(arguments(shell, &lines)) {
            read.insert((words, &it.name), &it.line);
        }
    }
    let mut command = Cli::command().args_override_self(true);
    let mut faults = BTreeMap::new();
    for ((words, name), line) in &read {
        let fault = match (understood(&mut command, words), name) {
            (Err(why), _) => why,
            (Ok(noun), Some(name)) if !noun.contains(&format!("{name:?}")) => noun,
            (Ok(_), _) => continue,
        };
        faults.insert(*line, fault);
    }
    let count = faults.len();
    let some: Vec<_> = faults.iter().take(12).collect();
    assert!(faults.is_empty(), "{count} of {}: {some:#?}", read.len());
}
