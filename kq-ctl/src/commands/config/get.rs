//! `kq-ctl config get TYPE NAME [KEY..]`

use kq_proto::admin::v1;

use super::resource::{Resource, entries, kind_word, source_word};
use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::{CONFIG_VALUES, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    resource: Resource,
    /// Name of the resource (none for cluster), then keys; all keys if none is given
    #[arg(value_name = "NAME [KEY..]", add = crate::complete::config_words())]
    words: Vec<String>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONFIG_VALUES
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let (resource, keys) = args.resource.kind.split(&args.words)?;
    let cluster = session.cluster(Access::Read).await?;
    let (entries, failures) = entries(cluster.as_ref(), resource.clone(), keys, false).await?;
    let mut report = Report::new(&CONFIG_VALUES);
    report.extend(entries.iter().map(|entry| value_row(&resource, entry)));
    // A single key is asked for by scripts: its bare value is the answer.
    if let ([_], [entry]) = (keys, entries.as_slice())
        && !session.view.is_wide()
        && session.view.columns.is_none()
    {
        let value = entry.value.as_deref().unwrap_or("-");
        report.plain = Some(crate::output::harmless(value) + "\n");
    }
    report.failures = failures;
    Ok(report)
}

fn value_row(resource: &v1::ConfigResource, entry: &v1::ConfigEntry) -> crate::output::Row {
    row! {
        type: kind_word(resource),
        name: &resource.name,
        key: &entry.key,
        value: entry.value.clone(),
        source: source_word(entry.source),
    }
}
