//! kq-tui in a terminal over a made-up cluster of 100,000 partitions, which it makes up itself: that
//! is in its processor time and its memory, as is that more than a twentieth of them changes. Whether
//! its memory grows is seen in an hour, which `cargo xtask test --nightly` takes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::terminal::Terminal;
use super::{KIB, MIB, await_live, millis, p99, per_second, percent};
use crate::bench::Run;
use crate::bench::report::{Goal, Row, figure};
use crate::bench::subject::{process_cpu, rss_bytes};
use crate::clock;

const PARTITIONS: &str = "100000";
/// By keys, from the start.
const SCREENS: [(&str, &str); 2] = [("overview", "1"), ("partitions", "4")];
/// In which everything is new.
const WARM: Duration = Duration::from_secs(5);
/// Between two keys: kq-tui answers those of a flood twenty times a second, and none is to wait for that.
const KEYS_APART: Duration = Duration::from_millis(75);
const KEY_MAX: Duration = Duration::from_secs(5);

/// What it uses while nobody presses a key, and how soon it answers one.
pub(in crate::bench) fn watching(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let (seconds, keys) = if run.quick { (15, 50) } else { (120, 400) };
    let args = ["--demo", "7", "--partitions", PARTITIONS, "--utc"];
    let mut terminal = Terminal::start(run.subject.tui()?, &args, (80, 24))?;
    await_live(&mut terminal)?;
    let mut rows = Vec::new();
    for (screen, key) in SCREENS {
        terminal.type_in(key)?;
        terminal.read_for(WARM)?;
        rows.extend(watch(&mut terminal, screen, seconds)?);
    }
    let floor = {
        let script = ["-c", "stty raw -echo; echo; exec cat"];
        let mut echo = Terminal::start(Path::new("/bin/sh"), &script, (80, 24))?;
        ensure!(echo.read_once(KEY_MAX)?, "no shell in a terminal");
        answers(&mut echo, keys)?
    };
    let key = Row::new("key to bytes p99", "ms", answers(&mut terminal, keys)?, Goal::AtMost(8.0));
    rows.push(key.over(floor));
    Ok(rows)
}

/// So many seconds of a screen.
fn watch(terminal: &mut Terminal, screen: &str, seconds: u64) -> Result<[Row; 3]> {
    let pid = terminal.pid();
    let (began, bytes, cpu) = (clock::now(), terminal.bytes(), process_cpu(pid)?);
    let mut most = 0.0_f64;
    for _ in 0..seconds {
        terminal.read_for(Duration::from_secs(1))?;
        most = most.max(figure(rss_bytes(pid)?) / MIB);
    }
    let took = began.elapsed();
    let used = process_cpu(pid)?.saturating_sub(cpu);
    let written = per_second(terminal.bytes() - bytes, took) / KIB;
    let row = |what: &str, unit, value, limit| {
        Row::new(&format!("watching {screen}: {what}"), unit, value, Goal::AtMost(limit))
    };
    Ok([
        row("CPU", "% of a core", percent(used, took), 5.0),
        row("RSS", "MiB", most, 150.0),
        row("to terminal", "KiB/s", written, 1.0),
    ])
}

/// How long 99 of 100 keys take to their first byte, in milliseconds.
fn answers(terminal: &mut Terminal, keys: u32) -> Result<f64> {
    let mut times = Vec::new();
    for nth in 0..keys {
        terminal.read_for(KEYS_APART)?;
        let began = clock::now();
        terminal.type_in(if nth % 20 < 10 { "j" } else { "k" })?;
        ensure!(terminal.read_once(KEY_MAX)?, "a key is not answered within {KEY_MAX:?}");
        times.push(millis(began.elapsed()));
    }
    Ok(p99(times))
}
