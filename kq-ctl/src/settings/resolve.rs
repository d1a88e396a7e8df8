//! Which value wins, setting by setting.

use std::str::FromStr;
use std::time::Duration;

use kq_proto::client::Address;

use super::file::{Context, Style};
use super::{Guards, Origin, Settings, Sourced, Sources};
use crate::cli::{Global, duration, timeout};
use crate::exit::Failure;

/// Where brokers are looked for if nobody says anything.
const DEFAULT_BROKER: &str = "127.0.0.1:9092";

/// Settles everything.
pub(crate) fn resolve(
    global: &Global,
    env: &dyn Fn(&str) -> Option<String>,
    sources: &Sources,
) -> Result<Settings, Failure> {
    let place = place(global, env, sources)?;
    let context = place.context.as_ref().map(|(name, _, context)| (name.as_str(), *context));
    let layers = Layers { env, sources, context };
    Ok(Settings {
        brokers: place.brokers,
        guards: context.map(|(_, context)| guards(context)).unwrap_or_default(),
        context: place
            .context
            .as_ref()
            .map(|(value, origin, _)| Sourced { value: value.clone(), origin: origin.clone() }),
        output: layers.pick("output", "KQ_OUTPUT", global.output.clone(), parse)?,
        timeout: layers.pick("timeout", "KQ_TIMEOUT", global.timeout, timeout)?.or_seconds(15),
        connect_timeout: layers
            .pick("connect-timeout", "KQ_CONNECT_TIMEOUT", global.connect_timeout, timeout)?
            .or_seconds(3),
        retry_connect: layers.pick(
            "retry-connect",
            "KQ_RETRY_CONNECT",
            global.retry_connect.map(Some),
            |text| duration(text).map(Some),
        )?,
        color: layers.pick("color", "KQ_COLOR", global.color, choice)?,
        progress: layers.pick("progress", "KQ_PROGRESS", global.progress, choice)?,
        time: layers.pick("time", "KQ_TIME", global.time, choice)?,
        bytes: layers.pick("bytes", "KQ_BYTES", global.bytes, choice)?,
        config_file: sources.user_path.clone(),
    })
}

impl Sourced<Duration> {
    /// `Duration`'s own default is zero, which is nobody's timeout.
    fn or_seconds(mut self, seconds: u64) -> Self {
        if self.origin == Origin::Default {
            self.value = Duration::from_secs(seconds);
        }
        self
    }
}

/// Brokers and the context that guards them.
struct Place<'a> {
    brokers: Sourced<Vec<Address>>,
    context: Option<(String, Origin, &'a Context)>,
}

/// How directly something was said: flag, environment, project file, configuration file.
type Rank = u8;

fn place<'a>(
    global: &Global,
    env: &dyn Fn(&str) -> Option<String>,
    sources: &'a Sources,
) -> Result<Place<'a>, Failure> {
    let direct = direct_brokers(global, env, sources)?;
    let context = match chosen_context(global, env, sources) {
        // Brokers named more directly than the context are another place, without its guards.
        Some((rank, name, origin)) if direct.as_ref().is_none_or(|(it, ..)| rank <= *it) => {
            Some((rank, find(&name, sources)?, name, origin))
        }
        _ => None,
    };
    let brokers = match (direct, &context) {
        (Some((rank, texts, origin)), Some((context_rank, ..))) if rank <= *context_rank => {
            addresses(&texts, origin)?
        }
        (_, Some((_, context, name, _))) => {
            addresses(&context.brokers, Origin::Context(name.clone()))?
        }
        (Some((_, texts, origin)), None) => addresses(&texts, origin)?,
        (None, None) => addresses(&[DEFAULT_BROKER.to_owned()], Origin::Default)?,
    };
    Ok(Place { brokers, context: context.map(|(_, body, name, origin)| (name, origin, body)) })
}

fn direct_brokers(
    global: &Global,
    env: &dyn Fn(&str) -> Option<String>,
    sources: &Sources,
) -> Result<Option<(Rank, Vec<String>, Origin)>, Failure> {
    if let Some(brokers) = &global.brokers {
        return Ok(Some((0, brokers.clone(), Origin::Flag("brokers"))));
    }
    if let Some(path) = &global.command_config {
        let text =
            std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        if let Some(servers) = property(&text, "bootstrap.servers") {
            return Ok(Some((0, split(servers), Origin::Flag("command-config"))));
        }
    }
    if let Some(brokers) = env("KQ_BROKERS").filter(|text| !text.is_empty()) {
        return Ok(Some((1, split(&brokers), Origin::Env("KQ_BROKERS"))));
    }
    Ok(sources.project.as_ref().and_then(|(path, project)| {
        let brokers = project.brokers.clone()?;
        Some((2, brokers, Origin::ProjectFile(path.clone())))
    }))
}

fn property<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(['=', ':']));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

fn chosen_context(
    global: &Global,
    env: &dyn Fn(&str) -> Option<String>,
    sources: &Sources,
) -> Option<(Rank, String, Origin)> {
    if let Some(name) = &global.context {
        return Some((0, name.clone(), Origin::Flag("context")));
    }
    if let Some(name) = env("KQ_CONTEXT").filter(|name| !name.is_empty()) {
        return Some((1, name, Origin::Env("KQ_CONTEXT")));
    }
    if let Some((path, project)) = &sources.project
        && let Some(name) = &project.context
    {
        return Some((2, name.clone(), Origin::ProjectFile(path.clone())));
    }
    let current = sources.user.current.as_ref().or(sources.system.current.as_ref())?;
    Some((3, current.clone(), Origin::Context("in use".to_owned())))
}

fn find<'a>(name: &str, sources: &'a Sources) -> Result<&'a Context, Failure> {
    let (user, system) = (&sources.user.contexts, &sources.system.contexts);
    user.get(name).or_else(|| system.get(name)).ok_or_else(|| {
        let known: Vec<&str> = user.keys().chain(system.keys()).map(String::as_str).collect();
        let hint = if known.is_empty() {
            format!("kq-ctl context add {name} --brokers HOST:PORT")
        } else {
            format!("one of: {}", known.join(", "))
        };
        Failure::new("kq.NOT_FOUND", format!("no context '{name}'")).hint(hint)
    })
}

fn addresses(texts: &[String], origin: Origin) -> Result<Sourced<Vec<Address>>, Failure> {
    let brokers: Result<Vec<Address>, _> =
        texts.iter().flat_map(|text| split(text)).map(|text| text.parse()).collect();
    let value = brokers.map_err(|error| Failure::usage(format!("brokers ({origin}): {error}")))?;
    if value.is_empty() {
        return Err(Failure::usage(format!("brokers ({origin}): none is named"))
            .hint("--brokers HOST:PORT"));
    }
    Ok(Sourced { value, origin })
}

fn guards(context: &Context) -> Guards {
    let wants = [("tls", &context.tls), ("sasl", &context.sasl)];
    let wanted: Vec<&str> =
        wants.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect();
    let unsupported = (!wanted.is_empty()).then(|| {
        format!(
            "the context wants {}, which this version of kq-ctl does not speak",
            wanted.join(" and ")
        )
    });
    Guards {
        cluster_id: context.cluster_id.clone(),
        read_only: context.read_only,
        protected: context.protected,
        unsupported,
    }
}

/// The places that a setting is looked for after its flag.
struct Layers<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    sources: &'a Sources,
    context: Option<(&'a str, &'a Context)>,
}

impl Layers<'_> {
    fn pick<T: Default>(
        &self,
        name: &'static str,
        variable: &'static str,
        flag: Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Sourced<T>, Failure> {
        if let Some(value) = flag {
            return Ok(Sourced { value, origin: Origin::Flag(name) });
        }
        let found = (self.env)(variable)
            .filter(|text| !text.is_empty())
            .map(|text| (text, Origin::Env(variable)))
            .or_else(|| {
                let (path, project) = self.sources.project.as_ref()?;
                Some((own(&project.style, name)?, Origin::ProjectFile(path.clone())))
            })
            .or_else(|| {
                let (context, body) = self.context?;
                Some((own(&body.style, name)?, Origin::Context(context.to_owned())))
            });
        let Some((text, origin)) = found else {
            return Ok(Sourced { value: T::default(), origin: Origin::Default });
        };
        match parse(&text) {
            Ok(value) => Ok(Sourced { value, origin }),
            Err(why) => Err(Failure::usage(format!("{name} ({origin}): '{text}': {why}"))),
        }
    }
}

fn own(style: &Style, name: &str) -> Option<String> {
    style.get(name).map(str::to_owned)
}

fn parse<T: FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

fn choice<T: clap::ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, true).map_err(|_| {
        let names = T::value_variants().iter().filter_map(T::to_possible_value);
        let names: Vec<String> = names.map(|it| it.get_name().to_owned()).collect();
        format!("accepted: {}", names.join(", "))
    })
}

#[cfg(test)]
#[path = "resolve_test.rs"]
mod tests;
