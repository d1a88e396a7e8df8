//! Which value wins, setting by setting.

use std::str::FromStr;

use kq_proto::client::settings::{Layers, Lookup, place};

use super::{Settings, Sources};
use crate::cli::{Global, duration, timeout};
use crate::exit::Failure;

/// Settles everything.
pub(crate) fn resolve(
    global: &Global,
    env: Lookup<'_>,
    sources: &Sources,
) -> Result<Settings, Failure> {
    let asked = global.asked();
    let place = place(&asked, env, sources)?;
    let context = place.context.as_ref().map(|(name, _, context)| (name.as_str(), *context));
    let layers = Layers { env, sources, context };
    let mut guards = place.guards();
    guards.unsupported = guards.unsupported.map(|wanted| {
        format!("the context wants {wanted}, which this version of kq-ctl does not speak")
    });
    Ok(Settings {
        guards,
        context: place.context_name(),
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
        brokers: place.brokers,
    })
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
