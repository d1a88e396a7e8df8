//! The lines of kq-ctl that kq-tui shows, run by a shell against a broker: each does what it says, to
//! what it names.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::eyes;
use crate::cluster::{Guard, Plan};
use crate::run::{capture, root};
use crate::suites::Kit;
use crate::tally::Verdict;

/// A topic and a group of a name that would be a flag; the page of lines has it.
const NAME: &str = "--all";
/// Groups of names that a shell would take apart; the page has them, too.
const STRANGERS: [&str; 3] = ["it's \"so\"", "$(echo no) `echo no` $HOME ${IFS}", "größe 漢 🦀"];
/// Screens that have a line of kq-ctl below them.
const SCREENS: [&str; 8] =
    ["brokers", "topics", "partitions", "churn", "groups", "plans", "events", "quorum"];
/// Lines of each name that find something on one broker.
const TOLD_MIN: usize = 2;
/// Offsets of the page's records are below this.
const RECORDS: usize = 10;

/// Each screen's line tells of the row with the cursor, and each line of the page of what it names.
pub(super) fn lines(kit: &Kit) -> Result<Verdict> {
    let cluster = Guard::up(&Plan::test("test-lines")?, &kit.programs)?;
    let shell = Shell { kit, bootstrap: cluster.0.bootstrap.clone() };
    shell.prepare()?;
    for screen in SCREENS {
        shell.verify_screen(screen)?;
    }
    let path = root().join("kq-tui/tests/lines.txt");
    let page = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut count = 0;
    for name in std::iter::once(NAME).chain(STRANGERS) {
        let lines = of_name(&page, name)?;
        ensure!(lines.len() >= 4, "{} has {} lines of {name}", path.display(), lines.len());
        count += lines.len();
        let mut told = 0;
        for line in lines {
            told += usize::from(shell.verify_line(line, name)?);
        }
        ensure!(told >= TOLD_MIN, "{told} lines tell of {name}");
    }
    shell.verify_reset()?;
    Ok(Verdict::Passed(format!("{} screens, {count} lines of the page", SCREENS.len())))
}

/// Lines of the page about a name that end by themselves and are about what is there: no topic has the
/// name of a stranger.
fn of_name<'p>(page: &'p str, name: &str) -> Result<Vec<&'p str>> {
    let header = format!("# {}", serde_json::to_string(name)?);
    let lines = page.lines().skip_while(|it| *it != header).skip(1);
    let lines = lines.take_while(|it| !it.is_empty()).filter_map(|it| it.strip_prefix("= "));
    let is_there =
        |it: &&str| name == NAME || it.contains("kq-ctl group ") || it.contains(" --all-topics ");
    let ends = |it: &&str| !it.contains(" record consume ") && !it.contains(" plan ");
    Ok(lines.filter(is_there).filter(ends).collect())
}

struct Shell<'a> {
    kit: &'a Kit,
    bootstrap: String,
}

impl Shell<'_> {
    fn ctl(&self, args: &[&str], stdin: &str) -> Result<()> {
        let mut ctl = Command::new(&self.kit.programs.ctl);
        ctl.args(["--brokers", &self.bootstrap]).args(args);
        let mut child = ctl.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("kq-ctl without stdin")?.write_all(stdin.as_bytes())?;
        ensure!(child.wait()?.success(), "kq-ctl {args:?} failed");
        Ok(())
    }

    /// The topics and groups that lines name.
    fn prepare(&self) -> Result<()> {
        self.ctl(&["topic", "create", "-p", "3", "--", NAME], "")?;
        self.ctl(&["topic", "create", "-p", "1", "audit"], "")?;
        let records = "record\n".repeat(RECORDS);
        self.ctl(&["record", "produce", "-p", "1", "--", NAME], &records)?;
        let reset = ["offset", "reset", "--new-group", "--allow-new-topics", "--yes"];
        for group in [NAME, "dash"].into_iter().chain(STRANGERS) {
            let (group, topic) = (format!("--group={group}"), format!("--topic={NAME}"));
            self.ctl(&[&reset[..], &["--to", "earliest", &group, &topic]].concat(), "")?;
        }
        Ok(())
    }

    /// Runs a line as it stands; what kq-ctl told, as a document.
    fn run(&self, line: &str) -> Result<Value> {
        let dir = self.kit.programs.ctl.parent().unwrap_or(Path::new("."));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(dir.to_owned()).chain(std::env::split_paths(&path));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(line).env("PATH", std::env::join_paths(dirs)?);
        shell.env("KQ_OUTPUT", "json").stdin(Stdio::null());
        let told = capture(&mut shell).with_context(|| line.to_owned())?;
        let document: Value = serde_json::from_str(&told).with_context(|| line.to_owned())?;
        let errors = document.get("errors").and_then(Value::as_array).map_or(0, Vec::len);
        ensure!(errors == 0, "{line}: {told}");
        Ok(document)
    }

    /// The line below a screen tells of the row that the cursor is on.
    fn verify_screen(&self, screen: &str) -> Result<()> {
        let frame = eyes::frame(&self.kit.programs, &self.bootstrap, screen, None)?;
        let line = frame.iter().find_map(|it| it.split_once("y: kq-ctl ")).map(|it| it.1);
        let line = line.with_context(|| format!("{screen} has no line:\n{}", frame.join("\n")))?;
        let told = self.run(&format!("kq-ctl {line}"))?;
        let items = told.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = serde_json::to_string(&items)?;
        let row = frame.iter().find_map(|it| it.strip_prefix('>')).unwrap_or_default().trim();
        let about = match screen {
            "topics" | "partitions" => "\"topic\":\"--all\"",
            "groups" => "\"group\":",
            "brokers" => "\"id\":1",
            _ => "",
        };
        ensure!(text.contains(about), "{screen}: '{line}' tells nothing of '{row}': {text}");
        Ok(())
    }

    /// A line of the page; what it would change is left as it is. Whether it told of what it names.
    fn verify_line(&self, line: &str, name: &str) -> Result<bool> {
        let Some((what, line)) = line.split_once(": kq-ctl ") else { bail!("no line: {line}") };
        let line = match (what, line.split_once(" -- ")) {
            ("action", Some((verb, names))) => format!("{verb} --dry-run -- {names}"),
            ("action", None) => format!("{line} --dry-run"),
            _ => line.to_owned(),
        };
        let told = self.run(&format!("kq-ctl --brokers {} {line}", self.bootstrap))?;
        let text = serde_json::to_string(&told)?;
        let items = told.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        let names_it = text.contains(&serde_json::to_string(name)?);
        // Filters of the page find nothing on one broker, and nobody is in these groups.
        let is_about_it = items == 0 || line.starts_with("events ") || names_it;
        ensure!(is_about_it, "{line} tells nothing of {name}: {text}");
        Ok(items > 0 && names_it)
    }

    /// A reset that is done is what the screen shows then.
    fn verify_reset(&self) -> Result<()> {
        let lag = |rows: Vec<Vec<String>>| {
            let row = rows.into_iter().find(|it| it.first().is_some_and(|name| name == "dash"))?;
            row.iter().find_map(|it| it.parse::<usize>().ok())
        };
        self.run(&format!(
            "kq-ctl --brokers {} offset reset dash --topic={NAME}:1 --to end-3 --yes",
            self.bootstrap
        ))?;
        let shown = || lag(eyes::rows(&self.groups().ok()?, "GROUP")).filter(|it| *it == 3);
        let told = crate::clock::poll_until(std::time::Duration::from_secs(15), shown);
        told.with_context(|| format!("no lag of 3: {:?}", self.groups()))?;
        Ok(())
    }

    fn groups(&self) -> Result<Vec<String>> {
        eyes::frame(&self.kit.programs, &self.bootstrap, "groups", None)
    }
}
