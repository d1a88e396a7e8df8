//! How many files this process may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for connections' bookkeeping, the quorum's log and the runtime.
const RESERVE: u64 = 128;

/// Raises the soft limit of open files to the hard one; answers what is allowed now.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(err) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%err, "the limit of open files stays as it was");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Files of partitions that may be open: what is configured, or half of what is allowed beside
/// the reserve; the other half is for connections.
pub(super) fn open_files_max(configured: usize) -> usize {
    if configured != 0 {
        return configured;
    }
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let half = allowed.saturating_sub(RESERVE) / 2;
    usize::try_from(half).unwrap_or(usize::MAX).clamp(16, 1 << 20)
}
