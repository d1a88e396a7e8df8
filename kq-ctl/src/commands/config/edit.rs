//! `kq-ctl config edit TYPE NAME`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use kq_proto::admin::v1;

use super::alterations::alteration;
use super::resource::{Resource, entries, kind_word};
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{CONFIG_CHANGE, Schema};
use crate::session::{Access, Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    resource: Resource,
    /// Name of the resource (none for cluster)
    #[arg(value_name = "NAME", add = crate::complete::config_words())]
    words: Vec<String>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONFIG_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let (resource, rest) = args.resource.kind.split(&args.words)?;
    if !rest.is_empty() {
        return Err(Failure::usage("one resource at a time; write TYPE NAME, as topic orders"));
    }
    let editor =
        session.world.var("VISUAL").or_else(|| session.world.var("EDITOR")).ok_or_else(|| {
            Failure::usage("no editor is named").hint("EDITOR=vi, or 'config set'")
        })?;
    let cluster = session.cluster(Access::Read).await?;
    let (entries, mut failures) = entries(cluster.as_ref(), resource.clone(), &[], true).await?;
    if let Some(failure) = failures.pop() {
        return Err(failure);
    }
    let before = text(&resource, &entries);
    let after = edit(&editor, &before)?;
    let alterations = plan(&own(&entries), &parse(&after)?);
    if alterations.is_empty() {
        let mut report = Report::new(&CONFIG_CHANGE);
        report.note("nothing was changed");
        report.sum("changed_count", 0_u64);
        report.sum("dry_run", args.change.dry_run);
        return Ok(report);
    }
    if !args.change.dry_run {
        session.consent(&args.change.consent, &danger(&alterations)).await?;
    }
    let asked = v1::ResourceAlteration { resource: Some(resource.clone()), alterations };
    super::set::send(resource, asked, &args.change, session).await
}

fn danger(alterations: &[v1::ConfigAlteration]) -> Danger {
    let words: Vec<String> = alterations
        .iter()
        .map(|it| match &it.value {
            Some(value) => format!("set {}={value}", it.key),
            None => format!("unset {}", it.key),
        })
        .collect();
    Danger { what: words.join(", "), word: None }
}

/// Keys set on the resource itself.
fn own(entries: &[v1::ConfigEntry]) -> BTreeMap<String, String> {
    let own = entries.iter().filter(|entry| is_own(entry) && !entry.sensitive);
    own.map(|it| (it.key.clone(), it.value.clone().unwrap_or_default())).collect()
}

fn is_own(entry: &v1::ConfigEntry) -> bool {
    !matches!(
        entry.source(),
        v1::ConfigSource::Default | v1::ConfigSource::StaticBroker | v1::ConfigSource::Unspecified
    )
}

/// What is set, as lines; everything else as comments to be uncommented.
fn text(resource: &v1::ConfigResource, entries: &[v1::ConfigEntry]) -> String {
    let mut text = format!(
        "# Configuration of {} {}. A line KEY=VALUE sets a key, a line less unsets it.\n",
        kind_word(resource),
        resource.name
    );
    for (key, value) in own(entries) {
        let _ = writeln!(text, "{key}={value}");
    }
    let rest = entries.iter().filter(|entry| !is_own(entry) && !entry.read_only);
    for entry in rest {
        let _ = writeln!(text, "#{}={}", entry.key, entry.value.as_deref().unwrap_or(""));
    }
    text
}

fn parse(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut pairs = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#')) {
        let (key, value) = crate::spec::key_value(line)
            .map_err(|why| Failure::usage(format!("nothing was done: {why}")))?;
        if pairs.insert(key.clone(), value.trim().to_owned()).is_some() {
            let message = format!("key '{key}' stands there twice; nothing was done");
            return Err(Failure::usage(message).hint("keep one of the two lines"));
        }
    }
    Ok(pairs)
}

fn plan(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<v1::ConfigAlteration> {
    let set = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, value)| alteration(v1::AlterOp::Set, key, Some(value)));
    let unset = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .map(|key| alteration(v1::AlterOp::Unset, key, None));
    set.chain(unset).collect()
}

/// Through a file of the operator's own, removed afterwards.
fn edit(editor: &str, before: &str) -> Result<String, Failure> {
    let path = std::env::temp_dir().join(format!("kq-config-{}.properties", std::process::id()));
    let edited = write_new(&path, before).and_then(|()| {
        // Through the shell, since EDITOR may carry arguments.
        let status = Command::new("sh")
            .args(["-c", &format!("{editor} \"$1\""), "sh"])
            .arg(&path)
            .status()?;
        Ok((status, std::fs::read_to_string(&path)?))
    });
    let _ = std::fs::remove_file(&path);
    match edited {
        Ok((status, text)) if status.success() => Ok(text),
        Ok((status, _)) => {
            let message = format!("the editor ended with {status}; nothing was done");
            Err(Failure::usage(message).hint("another editor: EDITOR=vi, or 'config set'"))
        }
        Err(error) => Err(Failure::file("edit", &path, &error)),
    }
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
