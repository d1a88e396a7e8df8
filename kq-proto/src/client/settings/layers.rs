//! Which value of a setting wins.

use std::time::Duration;

use super::{Context, Lookup, Origin, Refusal, Sourced, Sources, Style};

/// The places that a setting is looked for after its flag.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    /// The environment.
    pub env: Lookup<'a>,
    /// The files.
    pub sources: &'a Sources,
    /// The context in force, with its name.
    pub context: Option<(&'a str, &'a Context)>,
}

impl Layers<'_> {
    /// The value of a setting: its flag, its variable, or the text of the first file that has it.
    pub fn pick<T: Default>(
        &self,
        name: &'static str,
        variable: &'static str,
        flag: Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Sourced<T>, Refusal> {
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
            Err(why) => Err(Refusal::usage(format!("{name} ({origin}): '{text}': {why}"))),
        }
    }
}

fn own(style: &Style, name: &str) -> Option<String> {
    style.get(name).map(str::to_owned)
}

impl Sourced<Duration> {
    /// `Duration`'s own default is zero, which is nobody's timeout.
    #[must_use]
    pub fn or_seconds(mut self, seconds: u64) -> Self {
        if self.origin == Origin::Default {
            self.value = Duration::from_secs(seconds);
        }
        self
    }
}
