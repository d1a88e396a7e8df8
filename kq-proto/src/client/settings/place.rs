//! Which cluster is meant: brokers, and the context that guards them.

use super::{Asked, Context, Guards, Lookup, Origin, Refusal, Sourced, Sources};
use crate::client::Address;

/// Where brokers are looked for if nobody says anything.
const DEFAULT_BROKER: &str = "127.0.0.1:9092";

/// Brokers and the context that guards them.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// Where to begin.
    pub brokers: Sourced<Vec<Address>>,
    /// The context in force, why, and what it says; none when brokers were named more directly.
    pub context: Option<(String, Origin, &'a Context)>,
}

impl Place<'_> {
    /// What the context guards against; nothing without one.
    pub fn guards(&self) -> Guards {
        self.context.as_ref().map(|(.., context)| guards(context)).unwrap_or_default()
    }

    /// The context's name and why it is in force.
    pub fn context_name(&self) -> Option<Sourced<String>> {
        let (value, origin, _) = self.context.as_ref()?;
        Some(Sourced { value: value.clone(), origin: origin.clone() })
    }
}

/// How directly something was said: flag, environment, project file, configuration file.
type Rank = u8;

/// Settles which cluster is meant.
pub fn place<'a>(
    asked: &Asked,
    env: Lookup<'_>,
    sources: &'a Sources,
) -> Result<Place<'a>, Refusal> {
    let direct = direct_brokers(asked, env, sources)?;
    let context = match chosen_context(asked, env, sources) {
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
    asked: &Asked,
    env: Lookup<'_>,
    sources: &Sources,
) -> Result<Option<(Rank, Vec<String>, Origin)>, Refusal> {
    if let Some(brokers) = &asked.brokers {
        return Ok(Some((0, brokers.clone(), Origin::Flag("brokers"))));
    }
    if let Some(path) = &asked.command_config {
        let text =
            std::fs::read_to_string(path).map_err(|error| Refusal::file("read", path, &error))?;
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
    asked: &Asked,
    env: Lookup<'_>,
    sources: &Sources,
) -> Option<(Rank, String, Origin)> {
    if let Some(name) = &asked.context {
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

fn find<'a>(name: &str, sources: &'a Sources) -> Result<&'a Context, Refusal> {
    let (user, system) = (&sources.user.contexts, &sources.system.contexts);
    user.get(name).or_else(|| system.get(name)).ok_or_else(|| {
        let known: Vec<&str> = user.keys().chain(system.keys()).map(String::as_str).collect();
        let hint = if known.is_empty() {
            format!("kq-ctl context add {name} --brokers HOST:PORT")
        } else {
            format!("one of: {}", known.join(", "))
        };
        Refusal::not_found(format!("no context '{name}'")).hint(hint)
    })
}

fn addresses(texts: &[String], origin: Origin) -> Result<Sourced<Vec<Address>>, Refusal> {
    let brokers: Result<Vec<Address>, _> =
        texts.iter().flat_map(|text| split(text)).map(|text| text.parse()).collect();
    let value = brokers.map_err(|error| Refusal::usage(format!("brokers ({origin}): {error}")))?;
    if value.is_empty() {
        return Err(Refusal::usage(format!("brokers ({origin}): none is named"))
            .hint("--brokers HOST:PORT"));
    }
    Ok(Sourced { value, origin })
}

fn guards(context: &Context) -> Guards {
    let wants = [("tls", &context.tls), ("sasl", &context.sasl)];
    let wanted: Vec<&str> =
        wants.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect();
    Guards {
        cluster_id: context.cluster_id.clone(),
        read_only: context.read_only,
        protected: context.protected,
        unsupported: (!wanted.is_empty()).then(|| wanted.join(" and ")),
    }
}

#[cfg(test)]
#[path = "place_test.rs"]
mod tests;
