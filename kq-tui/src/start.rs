//! What the command line and the settings ask for: which cluster, which feed, how to show it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use kq_proto::client::Options;
use kq_proto::client::settings::{
    Asked, Guards, Layers, Lookup, Origin, Place, Sources, Surroundings, duration, place, timeout,
};

use crate::args::Args;
use crate::exit::{Exit, Failure};
use crate::feed::record::{Recording, RecordingError};
use crate::feed::{Demo, Feed, Live, Made, Replay};
use crate::model::{Settings, Source};
use crate::shell::clock::Clock;

/// Settings of the whole machine.
const SYSTEM_CONFIG: &str = "/etc/kq/config.toml";

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Start {
    /// For the model.
    pub settings: Settings,
    /// How to reach the cluster, if it is one.
    pub options: Options,
    /// Bound on whatever ends.
    pub timeout: Duration,
}

impl Start {
    /// Settles everything, by command line, environment and files.
    pub fn settle(args: &Args, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let cwd = std::env::current_dir().unwrap_or_default();
        let around = Surroundings { env, cwd: &cwd, system_config: Path::new(SYSTEM_CONFIG) };
        let asked = args.asked();
        let sources = Sources::read(&asked, around, false)?;
        let place = place(&asked, env, &sources)?;
        let guards = place.guards();
        let context = place.context.as_ref().map(|(name, _, body)| (name.as_str(), *body));
        let layers = Layers { env, sources: &sources, context };
        let call = layers.pick("timeout", "KQ_TIMEOUT", args.timeout, timeout)?.or_seconds(15);
        let connect = layers
            .pick("connect-timeout", "KQ_CONNECT_TIMEOUT", args.connect_timeout, timeout)?
            .or_seconds(3);
        let retry = layers.pick(
            "retry-connect",
            "KQ_RETRY_CONNECT",
            args.retry_connect.map(Some),
            |text| duration(text).map(Some),
        )?;
        let source = source(args);
        if source == Source::Live {
            supported(&guards)?;
        }
        let options = Options {
            connect_timeout: connect.value,
            call_timeout: call.value,
            retry: retry.value,
            expected_cluster_id: guards.cluster_id.clone(),
            ..Options::new(place.brokers.value.clone())
        };
        let name = place.context_name().map(|it| it.value);
        let settings = Settings {
            reach: reach(&asked, env, &place, &cwd),
            context: called(args, name, &options),
            source,
            read_only: args.read_only || guards.read_only || source != Source::Live,
            read_only_asked: args.read_only,
            protected: guards.protected,
            ascii: args.ascii,
            theme: args.theme.clone().unwrap_or_default(),
            no_color: env("NO_COLOR").is_some_and(|it| !it.is_empty()),
            utc: args.utc,
            zone: Some(TimeZone::system()),
        };
        Ok(Self { settings, options, timeout: call.value })
    }

    /// Looks whether there is a broker at all, as long as retries were asked for: who prints one frame
    /// is told at once why there is none.
    pub fn reach(&self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        runtime.block_on(Box::pin(kq_proto::client::connect(&self.options)))?;
        Ok(())
    }

    /// Begins to bring frames.
    pub fn feed(&self, args: &Args, clock: Clock) -> Result<Box<dyn Feed>, Failure> {
        if let Some(path) = &args.replay {
            let recording = recording(path)?;
            let name = self.settings.context.clone();
            return Ok(Box::new(Replay::new(recording, name, clock)));
        }
        if let Some(made) = made(args) {
            return Ok(Box::new(Demo::new(made, clock)));
        }
        let live = Live::start(self.options.clone());
        let live = live.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        Ok(Box::new(live))
    }
}

/// A recording that can be read.
pub fn recording(path: &Path) -> Result<Recording, Failure> {
    Recording::open(path).map_err(|error| {
        let is_absent = matches!(
            &error,
            RecordingError::Io(error) if error.kind() == std::io::ErrorKind::NotFound
        );
        let exit = if is_absent { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, format!("{}: {error}", path.display()))
    })
}

const fn source(args: &Args) -> Source {
    match (&args.replay, args.demo) {
        (Some(_), _) => Source::Recording,
        (None, Some(_)) => Source::Demo,
        (None, None) => Source::Live,
    }
}

/// The made-up cluster, if one is to be watched.
pub fn made(args: &Args) -> Option<Made> {
    Some(Made { seed: args.demo?, partitions: args.partitions })
}

fn supported(guards: &Guards) -> Result<(), Failure> {
    let Some(wanted) = &guards.unsupported else { return Ok(()) };
    let message =
        format!("the context wants {wanted}, which this version of kq-tui does not speak");
    Err(Failure::new(Exit::Failed, message).hint("another context, by -C NAME"))
}

/// What kq-ctl has to be told to mean the same cluster from another shell and directory: whatever
/// does not stand in the files that it reads anyway.
fn reach(asked: &Asked, env: Lookup<'_>, place: &Place<'_>, cwd: &Path) -> Vec<String> {
    let mut words = Vec::new();
    let variable = || env("KQ_CONFIG").filter(|it| !it.is_empty()).map(PathBuf::from);
    if let Some(path) = asked.config.clone().or_else(variable) {
        words.extend(["--config".to_owned(), cwd.join(path).to_string_lossy().into_owned()]);
    }
    if let Some((name, origin, _)) = &place.context
        && !matches!(origin, Origin::Context(_))
    {
        // In one word, for a name may begin like a flag.
        words.push(format!("--context={name}"));
    }
    if !matches!(place.brokers.origin, Origin::Context(_) | Origin::Default) {
        let all: Vec<String> = place.brokers.value.iter().map(ToString::to_string).collect();
        words.extend(["--brokers".to_owned(), all.join(",")]);
    }
    words
}

/// How the first line of the screen calls it.
fn called(args: &Args, context: Option<String>, options: &Options) -> String {
    if let Some(path) = &args.replay {
        let name = path.file_name().unwrap_or(path.as_os_str());
        return name.to_string_lossy().into_owned();
    }
    if let Some(seed) = args.demo {
        return format!("demo {seed}");
    }
    let first = || options.brokers.first().map(ToString::to_string).unwrap_or_default();
    context.unwrap_or_else(first)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn said(line: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
        let args = Args::try_parse_from(line.split('|')).unwrap();
        let settings = Start::settle(&args, env).unwrap().settings;
        let state = crate::model::State::new(settings);
        crate::model::ctl::of_view(&state)
    }

    #[test]
    fn lines_of_kq_ctl_name_the_cluster_that_was_named() {
        let dir = std::env::temp_dir().join(format!("kq-tui reach {}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("it's.toml");
        let text = "current = \"in use\"\n[contexts.\"in use\"]\nbrokers = [\"a:1\"]\n\
                    [contexts.\"größe 2\"]\nbrokers = [\"b:1\"]\n";
        std::fs::write(&file, text).unwrap();
        let path = file.to_string_lossy().into_owned();
        let quoted = format!("--config '{}'", path.replace('\'', "'\\''"));
        let none = |_: &str| None;
        let config = |name: &str| (name == "KQ_CONFIG").then(|| path.clone());
        let health = "cluster health";
        assert_eq!(said("kq-tui", &config), format!("kq-ctl {quoted} {health}"));
        assert_eq!(
            said(&format!("kq-tui|--config|{path}|-C|größe 2"), &none),
            format!("kq-ctl {quoted} '--context=größe 2' {health}")
        );
        assert_eq!(
            said("kq-tui|-b|h1:1,h2:2", &none),
            format!("kq-ctl --brokers h1:1,h2:2 {health}")
        );
        let brokers = |name: &str| (name == "KQ_BROKERS").then(|| "h3:1".to_owned());
        assert_eq!(said("kq-tui", &brokers), format!("kq-ctl --brokers h3:1 {health}"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
