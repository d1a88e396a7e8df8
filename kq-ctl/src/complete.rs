//! Completion by the shell: names of topics come from the cluster, within 200 ms or not at all, and are
//! remembered for a minute.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use kq_proto::admin::v1;
use kq_proto::client::settings::Asked;

use crate::cli::{Cli, Global};
use crate::exit::Failure;
use crate::settings::{Settings, Sources, resolve};
use crate::world::World;

/// TAB must never hang.
const PATIENCE: Duration = Duration::from_millis(200);
const CACHE_AGE_MAX: Duration = Duration::from_mins(1);

/// Keys worth completing; the cluster knows them all, but a key is typed before it is asked.
const TOPIC_KEYS: &[&str] = &[
    "cleanup.policy=",
    "compression.type=",
    "max.message.bytes=",
    "message.timestamp.type=",
    "min.insync.replicas=",
    "retention.bytes=",
    "retention.ms=",
    "segment.bytes=",
    "segment.ms=",
];

/// Answers and ends the process if it is the shell that asks.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(Cli::command).completer("kq-ctl").complete();
}

/// The script that teaches a shell to ask.
pub(crate) fn registration(shell: &str) -> Result<String, Failure> {
    let shells = clap_complete::env::Shells::builtins();
    let completer = shells
        .completer(shell)
        .ok_or_else(|| Failure::usage(format!("no shell '{shell}'; one of: bash, zsh, fish")))?;
    let mut script = Vec::new();
    completer
        .write_registration("COMPLETE", "kq-ctl", "kq-ctl", "kq-ctl", &mut script)
        .map_err(|error| Failure::new("kq.COMPLETION", error.to_string()))?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

pub(crate) fn topics() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| candidates(&topic_names().unwrap_or_default(), typed))
}

pub(crate) fn topic_keys() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let keys: Vec<String> = TOPIC_KEYS.iter().map(|key| (*key).to_owned()).collect();
        candidates(&keys, typed)
    })
}

/// A name or a key: which of them is not known before the whole line is.
pub(crate) fn config_words() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let mut words = topic_names().unwrap_or_default();
        words.extend(TOPIC_KEYS.iter().map(|key| (*key).to_owned()));
        candidates(&words, typed)
    })
}

pub(crate) fn contexts() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let world = World::of_process();
        let sources = Sources::read(&Asked::default(), world.around(), true).unwrap_or_default();
        candidates(&sources.user.contexts.into_keys().collect::<Vec<_>>(), typed)
    })
}

fn candidates(words: &[String], typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    words
        .iter()
        .filter(|word| word.starts_with(typed.as_ref()))
        .map(CompletionCandidate::new)
        .collect()
}

/// From the cache, or from the cluster of the settings in force.
fn topic_names() -> Option<Vec<String>> {
    let world = World::of_process();
    let sources = Sources::read(&Asked::default(), world.around(), true).ok()?;
    let settings = resolve(&Global::default(), &|name| world.var(name), &sources).ok()?;
    let path = cache_path(&settings, &world)?;
    if let Some(names) = cached(&path) {
        return Some(names);
    }
    let names = ask(&settings, &world)?;
    // A cache that cannot be written is asked for again next time.
    if let Some(dir) = path.parent() {
        let _ = std::fs::create_dir_all(dir);
    }
    let _ = std::fs::write(&path, names.join("\n"));
    Some(names)
}

fn cache_path(settings: &Settings, world: &World) -> Option<PathBuf> {
    let base = world.var("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| world.var("HOME").map(|home| Path::new(&home).join(".cache")))?;
    let place = match &settings.context {
        Some(context) => context.value.clone(),
        None => {
            settings.brokers.value.iter().map(ToString::to_string).collect::<Vec<_>>().join("_")
        }
    };
    let safe = place.replace(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c), "_");
    Some(base.join("kq").join(format!("topics-{safe}")))
}

fn cached(path: &Path) -> Option<Vec<String>> {
    let age = std::fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()?;
    if CACHE_AGE_MAX < age {
        return None;
    }
    Some(std::fs::read_to_string(path).ok()?.lines().map(str::to_owned).collect())
}

fn ask(settings: &Settings, world: &World) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let options = kq_proto::client::Options {
        connect_timeout: PATIENCE,
        call_timeout: PATIENCE,
        expected_cluster_id: settings.guards.cluster_id.clone(),
        ..kq_proto::client::Options::new(settings.brokers.value.clone())
    };
    let names = async {
        let cluster = (world.connect)(options).await.ok()?;
        let answer = cluster.list_topics(v1::ListTopicsRequest::default()).await.ok()?;
        Some(answer.topics.into_iter().map(|topic| topic.name).collect())
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, names).await.ok()? })
}
