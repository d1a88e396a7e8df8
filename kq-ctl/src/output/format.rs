//! `--output`: in which form items are printed.

use std::str::FromStr;

use super::template::Template;

/// How items are printed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Format {
    /// Columns for eyes.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// One document.
    Json,
    /// One item per line.
    Jsonl,
    Yaml,
    /// All columns of `wide`, tab-separated, no header, `-` for unknown.
    Tsv,
    /// Only what names each item.
    Name,
    /// `{field}` filled in, one line per item.
    Template(Template),
}

/// Names of the formats, for help, completion and errors.
const NAMES: &[&str] = &["table", "wide", "json", "jsonl", "yaml", "tsv", "name"];

impl Format {
    /// True if errors belong into the document on stdout.
    pub(crate) fn is_document(&self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Yaml => "yaml",
            Self::Tsv => "tsv",
            Self::Name => "name",
            Self::Template(_) => "template",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "table" => Self::Table,
            "wide" => Self::Wide,
            "json" => Self::Json,
            "jsonl" => Self::Jsonl,
            "yaml" => Self::Yaml,
            "tsv" => Self::Tsv,
            "name" => Self::Name,
            _ => match text.strip_prefix("template=") {
                Some(template) => Self::Template(template.parse()?),
                None => return Err(refuse(text)),
            },
        })
    }
}

/// `-o` is an offset in other tools: who types one is told where it goes.
fn refuse(text: &str) -> String {
    let accepted = format!("accepted: {}, template='{{field}} ..'", NAMES.join(", "));
    match text.parse::<crate::spec::Position>() {
        Ok(_) => format!("{accepted}; a position goes to --offset, -s"),
        Err(_) => accepted,
    }
}

/// Lets clap complete the names and still accept templates.
#[derive(Debug, Clone)]
pub(crate) struct FormatParser;

impl clap::builder::TypedValueParser for FormatParser {
    type Value = Format;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Format, clap::Error> {
        let parser = |text: &str| text.parse::<Format>();
        clap::builder::TypedValueParser::parse_ref(&parser, command, arg, value)
    }

    fn possible_values(
        &self,
    ) -> Option<Box<dyn Iterator<Item = clap::builder::PossibleValue> + '_>> {
        let names = NAMES.iter().copied().chain(["template=.."]);
        Some(Box::new(names.map(clap::builder::PossibleValue::new)))
    }
}
