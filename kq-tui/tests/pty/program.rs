//! The program itself, on a recording: in a terminal, as one frame, as sentences, and what it says when
//! there is nothing to show.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use kq_proto::admin::v1::BrokerState;
use kq_proto::monitor::v1;
use kq_tui::feed::record::Recorder;
use kq_tui::model::FeedEvent;

use super::driver::Pty;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kq-tui");
const LATER: Duration = Duration::from_secs(30);
const BEGIN_MS: i64 = 1_763_900_000_000;

/// Two seconds of a cluster of three brokers, of which one is fenced in the end.
fn recording(dir: &tempfile::TempDir) -> PathBuf {
    let path = dir.path().join("it.kqrec");
    let mut recorder = Recorder::create(&path).unwrap();
    let broker = |id, state: BrokerState| v1::BrokerState {
        id,
        host: format!("kq{id}"),
        port: 9092,
        state: state.into(),
        reason: "no heartbeat".to_owned(),
        ..v1::BrokerState::default()
    };
    let topic = v1::TopicState {
        number: 1,
        name: "orders".to_owned(),
        min_insync_replicas: 2,
        leaders: vec![2; 4],
        leader_epochs: vec![1; 4],
        replica_counts: vec![3],
        replicas: [1, 2, 3].repeat(4),
        in_sync: vec![0b111; 4],
        ..v1::TopicState::default()
    };
    for step in 0..=20 {
        let at_ms = BEGIN_MS + step * 100;
        let brokers = match step {
            0 => (1..=3).map(|id| broker(id, BrokerState::Running)).collect(),
            20 => vec![broker(3, BrokerState::Fenced)],
            _ => Vec::new(),
        };
        let frame = v1::WatchResponse {
            now_ms: at_ms,
            whole: step == 0,
            cluster: Some(v1::ClusterState { controller: Some(2), ..Default::default() }),
            brokers,
            topics: if step == 0 { vec![topic.clone()] } else { Vec::new() },
            ..v1::WatchResponse::default()
        };
        recorder.take(&FeedEvent::Frame(Box::new(frame)), at_ms).unwrap();
    }
    path
}

/// Runs it without a terminal and without anybody's settings.
fn run(args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_remove("KQ_BROKERS").env_remove("KQ_CONTEXT");
    command.env("KQ_CONFIG", "").env("XDG_CONFIG_HOME", "/nonexistent").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn replayed(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_recording_plays_in_a_terminal_and_q_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let path = replayed(&recording(&dir));
    let mut pty = Pty::start(&[PROGRAM, "--replay", &path], &[("TERM", "xterm")], (100, 30));
    pty.wait_for_text("REPLAY");
    pty.send(b"2");
    pty.wait_for_text("FENCED");
    pty.resize((50, 15));
    pty.send(b"1");
    pty.wait_for("another size", |pty| pty.grid.repaints > 1);
    pty.send(b"q");
    assert_eq!(pty.exit_code(LATER), Some(0));
    assert_eq!(pty.left_on(), Vec::<&str>::new());
}

#[test]
fn one_frame_is_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = replayed(&recording(&dir));
    for form in ["text", "ansi", "svg", "json"] {
        let args = ["--once", "--replay", &path, "--size", "90x24", "--utc", "-o", form];
        let (first, second) = (run(&args), run(&args));
        assert!(first.status.success(), "{}", text(&first.stderr));
        assert!(!first.stdout.is_empty() && first.stdout == second.stdout, "{form}");
    }
    let screen = run(&["--once", "--replay", &path, "--screen", "topics", "--utc"]);
    assert!(text(&screen.stdout).contains("orders"), "{}", text(&screen.stdout));
}

#[test]
fn sentences_say_what_a_recording_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = replayed(&recording(&dir));
    let said = run(&["--plain", "--replay", &path]);
    assert!(said.status.success(), "{}", text(&said.stderr));
    let lines = text(&said.stdout);
    assert!(lines.contains("3 of 3 brokers are up, broker 2 is the controller"), "{lines}");
    assert!(lines.contains("Broker 3 is fenced: no heartbeat."), "{lines}");
    assert!(!lines.contains(['\r', '\u{1b}', '│']), "{lines}");
}

#[test]
fn what_cannot_be_shown_is_said_with_its_code() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap().to_string();
    drop(listener);
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--once", "-b", &nobody], 3, "connection refused"),
        (&["--once", "--replay", "/no/such/file"], 5, "/no/such/file"),
        (&["--once", "--replay", PROGRAM], 1, "no recording"),
        (&["-C", "nowhere", "--once"], 5, "no context 'nowhere'"),
        (&["--once", "--screen", "nothing"], 2, "accepted: overview"),
    ];
    for (args, code, words) in cases {
        let ended = run(args);
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words) && ended.stdout.is_empty(), "{args:?}: {said}");
    }
}

#[test]
fn without_a_terminal_no_file_is_begun() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (tape, trace) = (path("tape"), path("trace"));
    for term in ["dumb", "xterm"] {
        // In a session of its own there is no terminal.
        let mut command = Command::new("setsid");
        command.args(["-w", PROGRAM, "--demo", "7", "--record", &tape, "--trace", &trace]);
        let ran = command.env("TERM", term).output().unwrap();
        assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
        assert!(text(&ran.stderr).contains("--plain prints sentences"), "{}", text(&ran.stderr));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
