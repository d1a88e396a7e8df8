//! `kq-ctl config set TYPE NAME KEY=VALUE..`

use kq_proto::admin::v1;

use super::alterations::{alteration, change_row, changed_rows, refuse_doubles};
use super::guard::guard;
use super::resource::{Resource, told};
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{CONFIG_CHANGE, Schema};
use crate::session::Session;
use crate::spec::key_value;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    resource: Resource,
    /// Name of the resource (none for cluster), then what to set
    #[arg(value_name = "NAME KEY=VALUE..", required = true)]
    #[arg(add = crate::complete::config_words())]
    words: Vec<String>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONFIG_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let (resource, words) = args.resource.kind.split(&args.words)?;
    let pairs: Result<Vec<_>, String> = words.iter().map(|word| key_value(word)).collect();
    let pairs = pairs.map_err(Failure::usage)?;
    let alterations =
        pairs.iter().map(|(key, value)| alteration(v1::AlterOp::Set, key, Some(value))).collect();
    alter(resource, alterations, &args.change, session).await
}

/// Sends changes of one resource and reports them; `unset` and `edit` end here too.
pub(super) async fn alter(
    resource: v1::ConfigResource,
    alterations: Vec<v1::ConfigAlteration>,
    change: &cli::Change,
    session: &Session,
) -> Result<Report, Failure> {
    if alterations.is_empty() {
        return Err(Failure::usage("nothing to change is named")
            .hint("'config set' wants KEY=VALUE, 'config unset' wants KEY"));
    }
    refuse_doubles(&alterations)?;
    let asked = v1::ResourceAlteration { resource: Some(resource.clone()), alterations };
    guard(std::slice::from_ref(&asked), change, session).await?;
    send(resource, asked, change, session).await
}

/// The same without a question.
pub(super) async fn send(
    resource: v1::ConfigResource,
    asked: v1::ResourceAlteration,
    change: &cli::Change,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(change.access()).await?;
    let request = v1::AlterConfigsRequest { resources: vec![asked], intent: Some(change.intent()) };
    let answer = cluster.alter_configs(request).await?;
    let mut report = Report::new(&CONFIG_CHANGE);
    report.extend(changed_rows(&answer.resources, change, change_row));
    report.fail(answer.errors.into_iter().map(|error| told(error, &resource)));
    let changed = report.items.len();
    change.conclude(&mut report, changed);
    Ok(report)
}
