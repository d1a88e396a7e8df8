//! What a cluster is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::free_base_port;
use super::relay::BROKERS_MAX;

/// The racks of a cluster of several brokers, taken in turn.
pub(crate) const RACKS_DEFAULT: &[&str] = &["a", "b", "c"];

/// A cluster that is to be.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) brokers: u32,
    pub(crate) base_port: u16,
    /// Racks that the brokers take in turn; none without.
    pub(crate) racks: Vec<String>,
    /// Whether brokers reach one another through a relay, which can lose their network.
    pub(crate) relayed: bool,
    /// Further keys of the brokers' configuration, over what a local cluster sets.
    pub(crate) settings: Vec<(String, String)>,
    /// Where a broker's data lies, unless under the cluster's own folder.
    pub(crate) data_dirs: BTreeMap<u32, PathBuf>,
}

impl Plan {
    /// One broker on free ports, as the tests want it.
    pub(crate) fn test(name: &str) -> Result<Self> {
        Self::of(name, 1)
    }

    /// So many brokers on free ports, with a relay between them.
    pub(crate) fn of(name: &str, brokers: u32) -> Result<Self> {
        let racks = if brokers == 1 { &[] } else { RACKS_DEFAULT };
        Ok(Self {
            name: name.to_owned(),
            brokers,
            base_port: free_base_port(u16::try_from(brokers)?)?,
            racks: racks.iter().map(|it| (*it).to_owned()).collect(),
            relayed: brokers != 1,
            settings: Vec::new(),
            data_dirs: BTreeMap::new(),
        })
    }

    /// Refuses what cannot be started, before anything is built for it.
    pub(crate) fn verify(&self) -> Result<()> {
        verify_count(self.brokers)
    }

    /// The port of a broker.
    pub(crate) fn port(&self, id: u32) -> Result<u16> {
        let above = u16::try_from(id - 1).ok().and_then(|it| self.base_port.checked_add(it));
        above.context("the base port leaves no room for that many brokers")
    }

    /// The same with one more configuration key.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// Refuses a cluster of so many brokers, if it cannot be.
pub(super) fn verify_count(brokers: u32) -> Result<()> {
    ensure!(
        (1..=BROKERS_MAX).contains(&brokers),
        "{brokers} brokers; a local cluster has 1 to {BROKERS_MAX}"
    );
    Ok(())
}
