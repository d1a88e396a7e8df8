//! What `cargo xtask sim` takes, and the parts of the model.

use clap::{Args, ValueEnum};

/// Arguments of `sim`.
#[derive(Debug, Default, Args)]
pub(crate) struct SimArgs {
    /// 100,000 crash points in place of 10,000, and a hundred times the schedules
    #[arg(long)]
    pub(crate) nightly: bool,
    /// Only the model, and so many schedules
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<u64>,
    /// Only the model, beginning with this seed
    #[arg(long, value_name = "SEED")]
    pub(crate) from: Option<u64>,
    /// Only this part of the model
    #[arg(long, value_enum)]
    pub(crate) suite: Option<Suite>,
    /// Only the model, in this kind of weather: everything, power, network, zombies, moves, reassign,
    /// rules, topics, page-cache; and of groups: groups-everything, groups-failover, groups-network,
    /// groups-statics, groups-topics, groups-expiry, groups-epochs, groups-handover, groups-instances,
    /// groups-migration
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// One run of the model again, with its whole trace
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
}

/// A part of the model simulator, which is a world of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Suite {
    /// Replicas of partitions, and the controller
    Replicas,
    /// Consumer groups
    Groups,
}

impl Suite {
    /// Both, in the order of their runs.
    pub(crate) const ALL: [Self; 2] = [Self::Replicas, Self::Groups];

    /// The test that runs its schedules, by a part of its name.
    pub(crate) const fn test(self) -> &'static str {
        match self {
            Self::Replicas => "the_model_keeps",
            Self::Groups => "groups_keep",
        }
    }

    /// How many schedules of it every change must pass.
    pub(crate) const fn schedules(self) -> u64 {
        match self {
            Self::Replicas => 8_000,
            Self::Groups => 1_000,
        }
    }

    /// The part that a scenario is of.
    pub(crate) fn of_scenario(name: &str) -> Self {
        if name.starts_with("groups-") { Self::Groups } else { Self::Replicas }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Replicas => "replicas",
            Self::Groups => "groups",
        }
    }
}
