//! kq-ctl against a real broker, as a script uses it: a hundred topics through their life, and each
//! exit code that can occur. The broker is the binary that `KQ_BROKER_BIN` names (`cargo xtask test`
//! builds one and does), or the `kq-broker` beside kq-ctl; without one these tests fail and say so.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const TOPICS: usize = 100;

/// A broker of one test; it ends with it.
struct Broker {
    child: Child,
    address: String,
    home: tempfile::TempDir,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Broker {
    /// Starts one on a port of its own, which serves on return.
    fn start() -> Self {
        Self::start_until("ready address=", &[])
    }

    /// Starts one that waits for ever to be let into a cluster.
    fn starting(join: &str) -> Self {
        Self::start_until("listening address=", &["--join", join])
    }

    /// Starts one and waits until it has said this, with its address right behind.
    fn start_until(wanted: &str, more: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(binary())
            .env_clear()
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(home.path().join("data"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = String::new();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let before = std::mem::take(&mut words);
            let read = log.read_line(&mut words).unwrap();
            assert_ne!(read, 0, "the broker ended; its last words: {before}");
            if let Some((_, rest)) = words.split_once(wanted) {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
        };
        // Somebody has to read on, or the broker would wait for room.
        std::thread::spawn(move || log.lines().for_each(drop));
        Self { child, address, home }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kq-ctl"));
        command.args(args).env_clear().env("HOME", self.home.path());
        command.env("KQ_BROKERS", &self.address).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs with `-o json`; the document and the exit code.
    fn json(&self, args: &[&str]) -> (Value, i32) {
        let output = self.run(&[args, &["-o", "json"]].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (document, output.status.code().unwrap())
    }

    #[track_caller]
    fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{words}");
        words
    }
}

fn binary() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_kq-ctl")).with_file_name("kq-broker");
    let binary = std::env::var_os("KQ_BROKER_BIN").map_or(beside, PathBuf::from);
    let how = "'cargo build -p kq-broker' makes one, 'cargo xtask test' does so by itself, and \
               KQ_BROKER_BIN names another";
    assert!(binary.is_file(), "there is no broker at {}: {how}", binary.display());
    binary
}

fn names() -> Vec<String> {
    (0..TOPICS).map(|nth| format!("topic-{nth:03}")).collect()
}

fn with<'a>(before: &[&'a str], names: &'a [String], after: &[&'a str]) -> Vec<&'a str> {
    let names = names.iter().map(String::as_str);
    before.iter().copied().chain(names).chain(after.iter().copied()).collect()
}

fn count(document: &Value, field: &str, value: &Value) -> usize {
    document["items"].as_array().unwrap().iter().filter(|item| item[field] == *value).count()
}

#[test]
fn a_hundred_topics_live_die_and_come_back() {
    let broker = Broker::start();
    let names = names();
    let create = with(&["topic", "create"], &names, &["-p", "2", "-c", "retention.ms=60000"]);
    let (made, code) = broker.json(&create);
    assert_eq!((code, count(&made, "status", &"created".into())), (0, TOPICS));

    let alter = with(&["topic", "alter"], &names, &["--set", "retention.ms=70000", "-p", "+1"]);
    let (altered, code) = broker.json(&alter);
    assert_eq!((code, count(&altered, "key", &"partitions".into())), (0, TOPICS));
    assert_eq!(count(&altered, "new", &"70000".into()), TOPICS);

    let (listed, code) = broker.json(&["topic", "list", "--match", "topic-*"]);
    assert_eq!((code, count(&listed, "partition_count", &3.into())), (0, TOPICS));
    assert_eq!(count(&listed, "retention_ms", &70_000.into()), TOPICS);

    let delete = with(&["topic", "delete"], &names, &["--yes", "--keep-for", "1h"]);
    let (deleted, code) = broker.json(&delete);
    assert_eq!((code, count(&deleted, "status", &"deleted".into())), (0, TOPICS));
    assert_eq!(broker.json(&["topic", "list"]).0["items"].as_array().unwrap().len(), 0);
    let (kept, _) = broker.json(&["topic", "list", "--deleted"]);
    assert_eq!(kept["summary"]["topic_count"], TOPICS);

    let (restored, code) = broker.json(&with(&["topic", "restore"], &names, &[]));
    assert_eq!((code, count(&restored, "status", &"restored".into())), (0, TOPICS));
    let (listed, _) = broker.json(&["topic", "list"]);
    assert_eq!(count(&listed, "partition_count", &3.into()), TOPICS);
    assert_eq!(listed["cluster_id"], made["cluster_id"]);
}

#[test]
fn every_exit_code_that_can_occur_does() {
    let broker = Broker::start();
    broker.ends(0, &["topic", "create", "orders", "-p", "1"]);
    broker.ends(1, &["topic", "create", "wide", "-r", "99"]);
    broker.ends(2, &["topic", "delete", "orders"]);
    broker.ends(2, &["topic", "create"]);
    broker.ends(3, &["topic", "list", "-b", "127.0.0.1:1"]);
    broker.ends(5, &["topic", "describe", "nothing"]);
    broker.ends(6, &["topic", "create", "orders"]);
    broker.ends(0, &["topic", "protect", "orders", "--reason", "the ledger"]);
    let refused = broker.ends(7, &["topic", "delete", "orders", "--yes"]);
    assert!(refused.contains("the ledger"), "{refused}");
    broker.ends(8, &["topic", "create", "orders", "fresh"]);
    broker.ends(9, &["topic", "wait", "nothing", "--for", "exists", "--timeout", "200ms"]);
    broker.ends(10, &["topic", "create", "later", "--dry-run", "--exit-code"]);
    broker.ends(0, &["cluster", "status"]);
    broker.ends(0, &["context", "add", "here", "-b", &broker.address, "--cluster-id", "another"]);
    broker.ends(6, &["topic", "create", "x", "-C", "here"]);
    broker.ends(6, &["topic", "list", "-C", "here"]);
}

#[test]
fn brokers_that_stop_start_or_hang_are_passed_over() {
    let broker = Broker::start();
    let stopped = Broker::start();
    let id = stopped.child.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    // Nobody accepts there, and the system takes connections all the same.
    let hangs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs_at = hangs.local_addr().unwrap().to_string();
    let starting = Broker::starting(&hangs_at);
    for first in [&stopped.address, &hangs_at, &starting.address] {
        let brokers = format!("{first},{}", broker.address);
        let topic = format!("made-past-{}", first.replace(':', "-"));
        broker.ends(0, &["topic", "create", &topic, "-b", &brokers, "--timeout", "1m"]);
        broker.ends(0, &["topic", "describe", &topic, "-b", &brokers, "--timeout", "1m"]);
    }
    let words = broker.ends(3, &["topic", "list", "-b", &starting.address]);
    assert!(words.contains("kq.STARTING") && words.contains("try: "), "{words}");
    let words = broker.ends(9, &["topic", "list", "-b", &stopped.address, "--timeout", "200ms"]);
    assert!(words.contains("nothing was asked of it"), "{words}");
}

/// What a lone broker with a topic of two partitions refuses.
const REFUSED: &[&str] = &[
    "topic create orders",
    "topic create bad/name",
    "topic create wide -r 9",
    "topic create held -r 1 -c min.insync.replicas=2",
    "topic create odd --assignment 0:1,1",
    "topic create odd --assignment 0:77",
    "topic create odd -c retention.ms=soon",
    "topic describe nothing",
    "topic delete nothing --yes",
    "topic restore nothing",
    "topic alter orders -p 1",
    "topic alter orders --set min.insync.replicas=2",
    "topic alter orders -r 9",
    "topic offsets nothing",
    "config set topic orders min.insync.replicas=2",
    "config set cluster log.retention.ms=soon",
    "config set broker 1 node.id=5",
    "config get broker 77",
    "partition describe orders/7",
    "partition describe nothing/0",
    "partition reassign orders --to 77",
    "partition reassign orders --to 1,1",
    "partition reassign orders --remove 1",
    "partition reassign orders --replace 1=77",
    "partition reassign nothing --rf 1",
    "partition reassign orders --rf 9",
    "partition recover orders/0 --from 1",
    "plan show nope",
    "plan status nope",
    "plan status beef",
    "plan rollback nope",
    "plan rollback beef",
    "plan cancel beef",
    "plan pause nope",
    "plan throttle beef 5MiB/s",
    "leader elect orders/9",
    "leader elect orders/0 --designate 77",
    "leader transfer orders --to 77",
    "leader policy set orders --prefer broker=1 --avoid broker=1",
    "leader policy set orders --prefer rack=nowhere",
    "leader policy set orders --pin 0=77",
    "leader policy set orders --pin 9=1",
    "leader policy freeze nothing --reason x",
    "broker drain 1 --yes",
    "broker drain 77",
    "broker decommission 77",
    "broker undrain 77",
    "broker unregister 1 --yes",
    "broker describe 77",
    "broker restart-check 77",
    "quorum add 77",
    "quorum remove 1",
    "quorum transfer 77",
    "cluster doctor --check D999",
    "record get orders/0@5",
    "record get nothing/0@5",
    "consume nothing",
    "produce nothing --value x",
    "events --kind nope",
];

#[test]
fn every_refusal_of_a_broker_says_what_to_try() {
    let broker = Broker::start();
    broker.ends(0, &["topic", "create", "orders", "-p", "2", "-r", "1"]);
    let mut silent = Vec::new();
    for line in REFUSED {
        let output = broker.run(&line.split(' ').collect::<Vec<_>>());
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let errors = words.lines().filter(|it| it.starts_with("error:")).count();
        let steps = words.lines().filter(|it| it.starts_with("  try:"));
        // What is said where nothing else is known helps nobody much.
        let steps = steps.filter(|it| !it.contains("whether the cluster is at fault")).count();
        if errors == 0 || steps < errors || output.status.success() {
            silent.push(format!("{line}: {:?}\n{words}", output.status.code()));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn too_few_replicas_are_refused_before_acks_all_is() {
    let broker = Broker::start();
    let words = broker.ends(7, &["topic", "create", "held", "-c", "min.insync.replicas=2"]);
    assert!(words.contains("KQ-S002") && words.contains("-c min.insync.replicas=1"), "{words}");
    broker.ends(7, &["topic", "create", "held", "--policy", "durable", "--dry-run"]);
    broker.ends(0, &["topic", "create", "held"]);
    for set in [
        &["config", "set", "topic", "held", "min.insync.replicas=2"][..],
        &["topic", "alter", "held", "--set", "min.insync.replicas=2", "--dry-run"],
    ] {
        let words = broker.ends(7, set);
        assert!(words.contains("kq-ctl topic alter held -r 2 first"), "{words}");
    }
    broker.ends(0, &["config", "set", "topic", "held", "min.insync.replicas=1"]);
}

#[test]
fn a_key_that_nobody_has_is_told_alike_by_every_verb() {
    let broker = Broker::start();
    broker.ends(0, &["topic", "create", "orders"]);
    for command in [
        vec!["config", "get", "topic", "orders", "retention.mss"],
        vec!["config", "describe", "topic", "orders", "retention.mss"],
        vec!["config", "set", "topic", "orders", "retention.mss=5"],
        vec!["config", "unset", "topic", "orders", "retention.mss"],
        vec!["topic", "alter", "orders", "--set", "retention.mss=5"],
        vec!["topic", "create", "other", "-c", "retention.mss=5"],
    ] {
        let words = broker.ends(5, &command);
        assert!(words.contains("kq.UNKNOWN_CONFIG_KEY"), "{words}");
        assert!(words.contains("did you mean 'retention.ms'?"), "{words}");
    }
    let words = broker.ends(1, &["config", "set", "topic", "orders", "retention.ms=soon"]);
    assert!(words.contains("accepted: at least -1"), "{words}");
    assert!(words.contains("kq-ctl config describe topic orders"), "{words}");
}

#[test]
fn a_record_of_many_mebibytes_goes_in_and_comes_out() {
    let broker = Broker::start();
    broker.ends(0, &["topic", "create", "large", "-c", "max.message.bytes=20000000"]);
    let file = broker.home.path().join("line");
    let line = vec![b'x'; 9 << 20];
    std::fs::write(&file, &line).unwrap();
    broker.ends(0, &["produce", "large", "--file", file.to_str().unwrap()]);
    let output = broker.run(&["consume", "large", "-s", "earliest", "-e"]);
    assert!(output.stdout.strip_suffix(b"\n") == Some(line.as_slice()), "{:?}", output.status);
    let (got, code) = broker.json(&["record", "get", "large/0@0"]);
    assert_eq!((code, got["items"][0]["value"].as_str().map(str::len)), (0, Some(line.len())));
    std::fs::write(&file, vec![b'x'; 21 << 20]).unwrap();
    let words = broker.ends(1, &["produce", "large", "--file", file.to_str().unwrap()]);
    assert!(words.contains("max.message.bytes"), "{words}");
}

#[test]
fn ctrl_c_ends_in_130_and_closes_the_document() {
    let broker = Broker::start();
    broker.ends(0, &["topic", "create", "orders"]);
    broker.ends(0, &["produce", "orders", "--value", "one"]);
    let mut child = broker
        .command(&["consume", "orders", "-s", "earliest", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut document = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while !document.contains("\"value\":\"one\"") {
        assert_ne!(stdout.read_line(&mut document).unwrap(), 0, "{document}");
        // The last item has no line end yet: what follows it decides between comma and bracket.
        if document.ends_with("[\n") {
            let mut item = vec![0; 60];
            std::io::Read::read_exact(&mut stdout, &mut item).unwrap();
            document.push_str(&String::from_utf8(item).unwrap());
            break;
        }
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    std::io::Read::read_to_string(&mut stdout, &mut document).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["items"][0]["value"], "one");
    assert_eq!(document["errors"][0]["code"], "kq.INTERRUPTED");
    assert_eq!(document["errors"][0]["hint"], "kq-ctl consume orders -p 0 -s 1 goes on from there");
}

#[test]
fn what_goes_in_comes_out() {
    let broker = Broker::start();
    broker.ends(0, &["topic", "create", "orders", "-p", "3"]);
    let mut child = broker
        .command(&["produce", "orders", "-f", r"%k\t%v", "-z", "zstd", "-H", "source=test"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for nth in 0..5_000 {
        writeln!(stdin, "key-{nth}\tvalue-{nth}").unwrap();
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let output = broker.run(&["consume", "orders", "-s", "earliest", "-e", "-f", r"%k=%v %h\n"]);
    let mut lines: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    lines.sort_unstable();
    let mut wanted: Vec<String> =
        (0..5_000).map(|nth| format!("key-{nth}=value-{nth} source=test")).collect();
    wanted.sort_unstable();
    assert!(lines == wanted, "{} records came out", lines.len());
    let (counted, _) = broker.json(&["record", "count", "orders", "--exact"]);
    assert_eq!(counted["summary"]["record_count"], 5_000);
    let logs = broker.home.path().join("data");
    broker.ends(0, &["log", "verify", logs.to_str().unwrap()]);
    let (dumped, _) = broker.json(&["log", "dump", logs.to_str().unwrap()]);
    assert_eq!(dumped["summary"]["record_count"], 5_000);
}
