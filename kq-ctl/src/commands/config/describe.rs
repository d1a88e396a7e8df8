//! `kq-ctl config describe TYPE NAME [KEY..]`

use kq_proto::admin::v1;

use super::resource::{Resource, entries, kind_word, source_word};
use crate::commands::shared::word;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, row};
use crate::schema::{CONFIG, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    resource: Resource,
    /// Name of the resource (none for cluster), then keys; all keys if none is given
    #[arg(value_name = "NAME [KEY..]", add = crate::complete::config_words())]
    words: Vec<String>,
    /// Only keys that are set somewhere
    #[arg(long)]
    overridden: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONFIG
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let (resource, keys) = args.resource.kind.split(&args.words)?;
    let cluster = session.cluster(Access::Read).await?;
    let (entries, failures) = entries(cluster.as_ref(), resource.clone(), keys, true).await?;
    let mut report = Report::new(&CONFIG);
    let wanted = entries
        .iter()
        .filter(|entry| !args.overridden || entry.source() != v1::ConfigSource::Default);
    report.extend(wanted.map(|entry| entry_row(&resource, entry)));
    report.failures = failures;
    Ok(report)
}

fn entry_row(resource: &v1::ConfigResource, entry: &v1::ConfigEntry) -> Row {
    row! {
        type: kind_word(resource),
        name: &resource.name,
        key: &entry.key,
        value: entry.value.clone(),
        source: source_word(entry.source),
        default: entry.default_value.clone(),
        value_type: word(entry.r#type().as_str_name(), "CONFIG_TYPE_"),
        bounds: Cell::text_or_null(entry.bounds.as_str()),
        dynamic: !entry.read_only,
        restart: entry.restart_required,
        sensitive: entry.sensitive,
        synonyms: entry.synonyms.iter().map(synonym_row).collect::<Vec<_>>(),
        doc: Cell::text_or_null(entry.doc.as_str()),
    }
}

fn synonym_row(synonym: &v1::ConfigSynonym) -> Row {
    row! {
        key: &synonym.key,
        value: synonym.value.clone(),
        source: source_word(synonym.source),
    }
}
