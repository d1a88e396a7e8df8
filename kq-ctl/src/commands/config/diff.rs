//! `kq-ctl config diff TYPE NAME [OTHER]`

use kq_proto::admin::v1;

use super::resource::{Kind, Resource, entries, source_word};
use crate::exit::{Exit, Failure};
use crate::output::{Report, Row, row};
use crate::schema::{CONFIG_DIFF, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    resource: Resource,
    /// Name of the resource (none for cluster), and of another to compare it with; with the
    /// defaults if none is given
    #[arg(value_name = "NAME [OTHER]", add = crate::complete::config_words())]
    words: Vec<String>,
    /// End with 10 if something differs
    #[arg(long)]
    exit_code: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONFIG_DIFF
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let (resource, rest) = args.resource.kind.split(&args.words)?;
    let other = match rest {
        [] => None,
        [other] if args.resource.kind != Kind::Cluster => Some(args.resource.kind.resource(other)),
        _ => {
            return Err(Failure::usage("at most two resources can be compared")
                .hint("kq-ctl config diff topic NAME OTHER"));
        }
    };
    let cluster = session.cluster(Access::Read).await?;
    let mut report = Report::new(&CONFIG_DIFF);
    let (left, failures) = entries(cluster.as_ref(), resource, &[], false).await?;
    report.failures = failures;
    match other {
        None => report.extend(left.iter().filter_map(from_default)),
        Some(other) => {
            let (right, failures) = entries(cluster.as_ref(), other, &[], false).await?;
            report.failures.extend(failures);
            if report.failures.is_empty() {
                report.extend(between(&left, &right));
            }
        }
    }
    let count = report.items.len();
    report.sum("difference_count", count);
    if args.exit_code && count > 0 && report.failures.is_empty() {
        report.exit = Some(Exit::No);
    }
    Ok(report)
}

fn from_default(entry: &v1::ConfigEntry) -> Option<Row> {
    if entry.source() == v1::ConfigSource::Default || entry.value == entry.default_value {
        return None;
    }
    Some(row! {
        key: &entry.key,
        left: entry.default_value.clone(),
        right: entry.value.clone(),
        source: source_word(entry.source),
    })
}

fn between(left: &[v1::ConfigEntry], right: &[v1::ConfigEntry]) -> Vec<Row> {
    let value = |entries: &[v1::ConfigEntry], key: &str| {
        entries.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.clone())
    };
    let mut entries: Vec<&v1::ConfigEntry> = left.iter().chain(right).collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries.dedup_by(|a, b| a.key == b.key);
    let differing = entries.iter().filter_map(|entry| {
        let (left, right) = (value(left, &entry.key), value(right, &entry.key));
        (left != right).then(|| {
            row! { key: &entry.key, left: left, right: right, source: source_word(entry.source) }
        })
    });
    differing.collect()
}
