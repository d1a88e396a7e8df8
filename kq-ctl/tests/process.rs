//! The binary itself: exit codes, streams and patience with brokers that are dead, mute or not brokers.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::process::{Command, Output, Stdio};
use std::thread;

fn kq_ctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kq-ctl"));
    command.args(args).env_clear().env("HOME", env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    kq_ctl(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Nobody listens there any more.
fn dead() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Does the same to everyone who connects.
fn listener(treat: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().flatten().for_each(treat));
    address
}

#[test]
fn a_refused_connection_ends_in_3_with_address_and_cause() {
    let address = dead();
    let output = run(&["topic", "list", "-b", &address]);
    assert_eq!(output.status.code(), Some(3));
    let words = text(&output.stderr);
    assert!(words.contains(&format!("{address}: connection refused")), "{words}");
    assert!(output.stdout.is_empty());
}

#[test]
fn json_on_stdout_is_one_document_also_on_failure() {
    for args in [
        vec!["topic", "list", "-o", "json", "-b", &dead()],
        vec!["topic", "lst", "-o", "json"],
        vec!["topic", "-ojson"],
        vec!["consume", "x", "--output=json", "-b", &dead()],
    ] {
        let output = run(&args);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["schema"], "kq.v1");
        assert_eq!(document["errors"].as_array().unwrap().len(), 1, "{document}");
        assert_ne!(output.status.code(), Some(0));
    }
}

#[test]
fn a_mute_broker_ends_in_9_at_the_deadline() {
    let address = listener(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let output = run(&["topic", "list", "-b", &address, "--timeout", "200ms"]);
    assert_eq!(output.status.code(), Some(9), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("did not answer in time"));
}

#[test]
fn something_else_that_listens_there_is_told() {
    let rude = listener(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.shutdown(Shutdown::Both);
    });
    let silent = listener(|stream| {
        let _ = stream.shutdown(Shutdown::Both);
    });
    for address in [rude, silent] {
        let output = run(&["topic", "list", "-b", &address, "--timeout", "5s"]);
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{words}");
        assert!(words.contains("no gRPC answer") && words.contains(&address), "{words}");
    }
}

#[test]
fn a_reader_that_leaves_early_gets_no_complaint() {
    let mut child = kq_ctl(&["help", "tree", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert!(matches!(output.status.code(), Some(0 | 141)));
}

#[test]
fn nothing_is_coloured_that_is_no_terminal() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!output.stdout.contains(&0x1b));
    let output = run(&["topic", "list", "-b", &dead()]);
    assert!(!output.stderr.contains(&0x1b));
}

#[test]
fn a_full_disk_is_told_and_not_swallowed() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let output = kq_ctl(&["schema", "list"]).stdout(full).output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("cannot write to stdout"), "{}", text(&output.stderr));
}

#[test]
fn completion_scripts_ask_kq_ctl_by_name() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completion", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("kq-ctl"), "{shell}");
    }
}
