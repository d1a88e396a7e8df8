//! Feature levels (KIP-584): what clients take for the release of the cluster.
//!
//! kq's metadata has its own format and its own way to grow, so each feature has one level and stays
//! there: whoever asks for that one is told that it is so, and anything else is refused.

use kq_proto::kafka::ErrorCode;
use serde::{Deserialize, Serialize};

use super::command::Reply;
use super::error::ControlError;

/// A feature, and the level that the cluster has agreed on.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// The lowest level that is supported.
    pub min: i16,
    /// The highest level that is supported.
    pub max: i16,
    /// The level in force.
    pub level: i16,
}

/// All of them: the release is Kafka 4.1's, and groups speak the consumer protocol (KIP-848). What
/// clients look for and do not find here is at level 0.
pub const FEATURES: &[Feature] = &[
    Feature { name: "group.version", min: 1, max: 1, level: 1 },
    Feature { name: "metadata.version", min: 27, max: 27, level: 27 },
];

/// Which way a level may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpgradeType {
    /// Only up.
    Upgrade,
    /// Only down, and only if nothing is lost.
    SafeDowngrade,
    /// Only down.
    UnsafeDowngrade,
}

impl UpgradeType {
    /// The type of a number in the Kafka protocol.
    pub const fn from_wire(number: i8) -> Option<Self> {
        match number {
            1 => Some(Self::Upgrade),
            2 => Some(Self::SafeDowngrade),
            3 => Some(Self::UnsafeDowngrade),
            _ => None,
        }
    }
}

/// A level that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureUpdate {
    /// Of which feature.
    pub feature: String,
    /// Which level.
    pub level: i16,
    /// Which way; none for one that Kafka does not know.
    pub upgrade: Option<UpgradeType>,
}

/// Refuses all if one of them is refused, as Kafka's controller does.
pub(super) fn update(updates: &[FeatureUpdate]) -> Result<Reply, ControlError> {
    for it in updates {
        if let Some(why) = obstacle(it) {
            let FeatureUpdate { feature, level, .. } = it;
            let message = format!("No feature was updated: {feature} at level {level}: {why}");
            return Err(ControlError::new(ErrorCode::InvalidUpdateVersion, message));
        }
    }
    Ok(Reply::Done)
}

/// In Kafka's order of checks, so that of several things that are wrong the same one is told.
fn obstacle(it: &FeatureUpdate) -> Option<String> {
    let Some(upgrade) = it.upgrade else {
        return Some("The upgrade type is unknown: 1, 2 and 3 are accepted.".to_owned());
    };
    if it.level < 0 {
        return Some("A level is 0 or more.".to_owned());
    }
    let Some(feature) = FEATURES.iter().find(|known| known.name == it.feature) else {
        let names: Vec<&str> = FEATURES.iter().map(|known| known.name).collect();
        let names = names.join(", ");
        return Some(format!("This cluster does not have that feature, but only {names}."));
    };
    if !(feature.min..=feature.max).contains(&it.level) {
        let Feature { min, max, .. } = feature;
        let range = if min == max { format!("{min}") } else { format!("{min} to {max}") };
        return Some(format!("This cluster supports level {range} only."));
    }
    let is_upgrade = upgrade == UpgradeType::Upgrade;
    match it.level.cmp(&feature.level) {
        std::cmp::Ordering::Less if is_upgrade => {
            Some("That is a downgrade, and an upgrade was asked for.".to_owned())
        }
        std::cmp::Ordering::Greater if !is_upgrade => {
            Some("That is an upgrade, and a downgrade was asked for.".to_owned())
        }
        std::cmp::Ordering::Less | std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(feature: &str, level: i16, upgrade: Option<UpgradeType>) -> FeatureUpdate {
        FeatureUpdate { feature: feature.to_owned(), level, upgrade }
    }

    #[test]
    fn a_feature_stays_at_its_level_and_goes_nowhere_else() {
        let up = Some(UpgradeType::Upgrade);
        let down = Some(UpgradeType::UnsafeDowngrade);
        let refusal = |it| update(&[it]).err().map(|err: ControlError| err.message);
        for way in [up, down, Some(UpgradeType::SafeDowngrade)] {
            assert_eq!(refusal(ask("metadata.version", 27, way)), None);
        }
        for (it, why) in [
            (ask("metadata.version", 28, up), "supports level 27 only"),
            (ask("metadata.version", 26, down), "supports level 27 only"),
            (ask("metadata.version", 0, down), "supports level 27 only"),
            (ask("metadata.version", -1, up), "0 or more"),
            (ask("metadata.version", 27, None), "type is unknown"),
            (ask("group.version", 0, down), "supports level 1 only"),
            (
                ask("kraft.version", 1, up),
                "not have that feature, but only group.version, metadata",
            ),
        ] {
            let refused = refusal(it.clone()).unwrap();
            assert!(refused.contains(why) && refused.contains(&it.feature), "{refused}");
        }
        let both = [ask("metadata.version", 27, up), ask("kraft.version", 1, up)];
        assert_eq!(update(&both).unwrap_err().code, ErrorCode::InvalidUpdateVersion);
    }
}
