//! The groups that a command is about.

use kq_proto::admin::v1;

use crate::cli::Select;
use crate::cluster::Cluster;
use crate::commands::shared::Pattern;
use crate::exit::Failure;

/// Names and patterns of groups.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Named {
    /// Names of groups
    #[arg(value_name = "GROUP")]
    names: Vec<String>,
    /// The same as GROUP
    #[arg(short, long = "group", value_name = "GROUP")]
    group: Vec<String>,
    /// Only names that match, with * ? [..]
    #[arg(long = "match", value_name = "GLOB")]
    glob: Option<String>,
    /// Only names in which this is found
    #[arg(long, value_name = "RE")]
    regex: Option<String>,
}

impl Named {
    /// Exact names, each once.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.names.iter().chain(&self.group) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// What their names have to match.
    pub(in crate::commands) fn pattern(&self) -> Result<Pattern, Failure> {
        Pattern::new(&Select {
            glob: self.glob.clone(),
            regex: self.regex.clone(),
            internal: false,
        })
    }

    /// Those named, and those that match. Nothing at all is a mistake, not everything.
    pub(crate) async fn find(&self, cluster: &dyn Cluster) -> Result<Vec<String>, Failure> {
        let (mut names, pattern) = (self.names(), self.pattern()?);
        if !pattern.is_some() {
            return if names.is_empty() { Err(none_named()) } else { Ok(names) };
        }
        let all = list_groups(cluster, v1::ListGroupsRequest::default()).await?;
        // Whoever changes what matches must not miss some of it in silence.
        if let Some(error) = all.errors.into_iter().next() {
            return Err(error.into());
        }
        for group in all.groups {
            if pattern.accepts(&group.group) && !names.contains(&group.group) {
                names.push(group.group);
            }
        }
        if names.is_empty() {
            return Err(Failure::new("kq.NOT_FOUND", "no group matches")
                .hint("kq-ctl group list shows all names"));
        }
        Ok(names)
    }
}

pub(crate) fn none_named() -> Failure {
    Failure::usage("no group is named").hint("give names, --match GLOB or --regex RE")
}

/// A command that is about one group.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct One {
    /// Name of the group
    #[arg(value_name = "GROUP", required_unless_present = "group_flag")]
    name: Option<String>,
    /// The same as GROUP
    #[arg(short, long = "group", id = "group_flag", value_name = "GROUP", conflicts_with = "name")]
    group: Option<String>,
}

impl One {
    pub(crate) fn name(&self) -> Result<&str, Failure> {
        self.name.as_deref().or(self.group.as_deref()).ok_or_else(none_named)
    }
}

/// All groups, page by page.
pub(crate) async fn list_groups(
    cluster: &dyn Cluster,
    request: v1::ListGroupsRequest,
) -> Result<v1::ListGroupsResponse, Failure> {
    let mut all = v1::ListGroupsResponse::default();
    let mut after = String::new();
    loop {
        let page = Some(v1::PageRequest { size: 0, after: after.clone() });
        let request = v1::ListGroupsRequest { page, ..request.clone() };
        let mut answer = cluster.list_groups(request).await?;
        all.groups.append(&mut answer.groups);
        for error in answer.errors {
            if !all.errors.iter().any(|it| it.item == error.item) {
                all.errors.push(error);
            }
        }
        if answer.next.is_empty() || answer.next == after {
            return Ok(all);
        }
        after = answer.next;
    }
}

/// Lag of groups, partition by partition, page by page.
pub(crate) async fn group_lag(
    cluster: &dyn Cluster,
    request: v1::GroupLagRequest,
) -> Result<v1::GroupLagResponse, Failure> {
    let mut all = v1::GroupLagResponse::default();
    let mut after = String::new();
    loop {
        let page = Some(v1::PageRequest { size: 0, after: after.clone() });
        let mut answer = cluster.group_lag(v1::GroupLagRequest { page, ..request.clone() }).await?;
        for group in answer.groups {
            if !all.groups.iter().any(|it| it.group == group.group) {
                all.groups.push(group);
            }
        }
        all.partitions.append(&mut answer.partitions);
        for error in answer.errors {
            if !all.errors.iter().any(|it| it.item == error.item && it.code == error.code) {
                all.errors.push(error);
            }
        }
        if answer.next.is_empty() || answer.next == after {
            return Ok(all);
        }
        after = answer.next;
    }
}
