//! `--set`, `--unset`, `--append`, `--subtract`, and what became of them.

use kq_proto::admin::v1;

use crate::cli;
use crate::exit::Failure;
use crate::output::{Row, row};
use crate::spec::key_value;

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Alterations {
    /// Set a key
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    #[arg(add = crate::complete::topic_keys())]
    set: Vec<(String, String)>,
    /// Back to what is in force without it
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Add a value to a list
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    append: Vec<(String, String)>,
    /// Take a value off a list
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    subtract: Vec<(String, String)>,
}

impl Alterations {
    /// For the wire; a key twice is a mistake that nobody should have to guess about.
    pub(crate) fn plan(&self) -> Result<Vec<v1::ConfigAlteration>, Failure> {
        let with_value = [
            (v1::AlterOp::Set, &self.set),
            (v1::AlterOp::Append, &self.append),
            (v1::AlterOp::Subtract, &self.subtract),
        ];
        let mut plan: Vec<v1::ConfigAlteration> = Vec::new();
        for (op, pairs) in with_value {
            plan.extend(pairs.iter().map(|(key, value)| alteration(op, key, Some(value))));
        }
        plan.extend(self.unset.iter().map(|key| alteration(v1::AlterOp::Unset, key, None)));
        refuse_doubles(&plan)?;
        Ok(plan)
    }
}

pub(super) fn alteration(
    op: v1::AlterOp,
    key: &str,
    value: Option<&String>,
) -> v1::ConfigAlteration {
    v1::ConfigAlteration { key: key.to_owned(), op: op.into(), value: value.cloned() }
}

pub(super) fn refuse_doubles(plan: &[v1::ConfigAlteration]) -> Result<(), Failure> {
    let mut keys: Vec<&str> = plan.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            let key = pair.first().copied().unwrap_or_default();
            Err(Failure::usage(format!("key '{key}' is named twice")).hint("name it once"))
        }
        None => Ok(()),
    }
}

/// One row per key that changed.
pub(crate) fn changed_rows(
    resources: &[v1::AlteredResource],
    change: &cli::Change,
    row: impl Fn(&v1::ConfigResource, &v1::ConfigChange, &str) -> Row,
) -> Vec<Row> {
    let status = if change.dry_run { "would_change" } else { "changed" };
    let mut rows = Vec::new();
    for altered in resources {
        let resource = altered.resource.clone().unwrap_or_default();
        rows.extend(altered.changes.iter().map(|it| row(&resource, it, status)));
    }
    rows
}

/// A row of `ConfigChange`.
pub(super) fn change_row(
    resource: &v1::ConfigResource,
    change: &v1::ConfigChange,
    status: &str,
) -> Row {
    row! {
        type: super::resource::kind_word(resource),
        name: &resource.name,
        key: &change.key,
        old: change.old_value.clone(),
        new: change.new_value.clone(),
        status: status,
    }
}
