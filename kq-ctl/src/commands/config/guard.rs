//! Changes of configuration that lose something: in a protected context they have to be named.
//!
//! Guarded is what takes records away, or weakens what acknowledged ones rest on. What can be set back
//! without loss (sizes of segments, codecs, timestamps, longer retention) is not.

use kq_proto::admin::v1;

use crate::cli;
use crate::exit::Failure;
use crate::session::{Access, Danger, Session};

/// Which new value loses something.
#[derive(Debug, Clone, Copy)]
enum Losing {
    /// A smaller one; -1 is without bound.
    Smaller,
    /// Any other.
    Other,
    /// This one.
    Only(&'static str),
}

const OLDER_GO: &str = "older records are deleted";
const OLDEST_GO: &str = "the oldest records are deleted";
const REWRITES: &str = "another policy deletes other records";
const FEWER_COPIES: &str = "acknowledged records rest on fewer copies";
const TOMBSTONES: &str = "a slow reader may never see deletions";
const CRASH: &str = "a power cut may take acknowledged records back";
const UNCLEAN: &str = "a replica that lacks records may become leader";

/// Keys of topics and of brokers, with what is lost.
const GUARDED: &[(&str, Losing, &str)] = &[
    ("cleanup.policy", Losing::Other, REWRITES),
    ("delete.retention.ms", Losing::Smaller, TOMBSTONES),
    ("log.cleaner.delete.retention.ms", Losing::Smaller, TOMBSTONES),
    ("log.cleanup.policy", Losing::Other, REWRITES),
    ("log.durability", Losing::Only("os"), CRASH),
    ("log.retention.bytes", Losing::Smaller, OLDEST_GO),
    ("log.retention.hours", Losing::Smaller, OLDER_GO),
    ("log.retention.minutes", Losing::Smaller, OLDER_GO),
    ("log.retention.ms", Losing::Smaller, OLDER_GO),
    ("min.insync.replicas", Losing::Smaller, FEWER_COPIES),
    ("offsets.retention.minutes", Losing::Smaller, "committed offsets of idle groups are deleted"),
    ("retention.bytes", Losing::Smaller, OLDEST_GO),
    ("retention.ms", Losing::Smaller, OLDER_GO),
    ("topic.delete.keep.ms", Losing::Smaller, "deleted topics are purged earlier"),
    ("unclean.leader.election.enable", Losing::Only("true"), UNCLEAN),
];

/// Asks the cluster what would change, and the operator if something of that is lost for good.
pub(crate) async fn guard(
    asked: &[v1::ResourceAlteration],
    change: &cli::Change,
    session: &Session,
) -> Result<(), Failure> {
    if change.dry_run || !session.is_protected() || asked.is_empty() {
        return Ok(());
    }
    let cluster = session.cluster(Access::Change).await?;
    let intent = v1::Intent { dry_run: true, ..change.intent() };
    let request = v1::AlterConfigsRequest { resources: asked.to_vec(), intent: Some(intent) };
    let answer = cluster.alter_configs(request).await?;
    let losses: Vec<String> = answer.resources.iter().flat_map(losses).collect();
    if losses.is_empty() {
        return Ok(());
    }
    session.consent(&change.consent, &Danger { what: words(&losses), word: None }).await
}

fn words(losses: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = losses.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match losses.len() {
        count if count > SHOWN => format!("{shown} and {} more", count - SHOWN),
        _ => shown,
    }
}

fn losses(altered: &v1::AlteredResource) -> Vec<String> {
    let resource = altered.resource.clone().unwrap_or_default();
    let place = format!("{} {}", super::resource::kind_word(&resource), resource.name);
    let words = altered.changes.iter().filter_map(|change| {
        let why = loss(&change.key, change.old_value.as_deref(), change.new_value.as_deref())?;
        let old = change.old_value.as_deref().unwrap_or("-");
        let new = change.new_value.as_deref().unwrap_or("-");
        Some(format!("change {} of {} from {old} to {new} ({why})", change.key, place.trim_end()))
    });
    words.collect()
}

/// What is lost when a key goes from one value to another.
fn loss(key: &str, old: Option<&str>, new: Option<&str>) -> Option<&'static str> {
    let (_, losing, why) = GUARDED.iter().find(|(guarded, ..)| *guarded == key)?;
    let loses = match losing {
        Losing::Other => old != new,
        Losing::Only(value) => new == Some(value) && old != new,
        Losing::Smaller => match (old.and_then(bound), new.and_then(bound)) {
            (Some(old), Some(new)) => new < old,
            // What cannot be compared is not known to be harmless.
            _ => old != new,
        },
    };
    loses.then_some(*why)
}

/// -1 is more than every number.
fn bound(value: &str) -> Option<i64> {
    match value.trim().parse() {
        Ok(-1) => Some(i64::MAX),
        Ok(number) => Some(number),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loses(key: &str, old: &str, new: &str) -> bool {
        loss(key, Some(old), Some(new)).is_some()
    }

    #[test]
    fn less_retention_loses_and_more_does_not() {
        assert!(loses("retention.ms", "604800000", "1000"));
        assert!(loses("retention.ms", "-1", "604800000"));
        assert!(!loses("retention.ms", "1000", "-1"));
        assert!(!loses("retention.bytes", "1024", "2048"));
        assert!(loss("retention.ms", Some("5"), None).is_some(), "unknown is not harmless");
    }

    #[test]
    fn weaker_promises_lose_and_stronger_do_not() {
        assert!(loses("min.insync.replicas", "2", "1"));
        assert!(!loses("min.insync.replicas", "1", "2"));
        assert!(loses("log.durability", "fsync", "os"));
        assert!(!loses("log.durability", "os", "fsync"));
        assert!(loses("cleanup.policy", "delete", "compact"));
        assert!(!loses("segment.bytes", "1073741824", "1048576"));
    }
}
