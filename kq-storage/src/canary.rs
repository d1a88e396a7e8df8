//! Planted bugs that prove the tests bite.
//!
//! Built with the feature `canary`, the one named by the variable `KQ_CANARY` is alive; in every
//! other build [`is`] is a constant `false` and costs nothing. `canaries.toml` lists them all with
//! the test that must fail for each.

/// Whether the planted bug `name` is alive.
#[cfg(not(feature = "canary"))]
pub(crate) const fn is(_name: &str) -> bool {
    false
}

/// Whether the planted bug `name` is alive.
#[cfg(feature = "canary")]
pub(crate) fn is(name: &str) -> bool {
    use std::sync::OnceLock;
    static ALIVE: OnceLock<Option<String>> = OnceLock::new();
    ALIVE.get_or_init(|| std::env::var("KQ_CANARY").ok()).as_deref() == Some(name)
}
