//! The chores that an operator of local clusters calls.

pub(crate) mod bench;
pub(crate) mod canary;
pub(crate) mod chaos;
pub(crate) mod cluster;
pub(crate) mod demo;
pub(crate) mod fuzz;
pub(crate) mod sim;
pub(crate) mod turmoil;
