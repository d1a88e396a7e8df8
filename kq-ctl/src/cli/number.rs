//! Whole numbers on the command line. What is refused is told with the bounds that hold, not with those
//! of the type behind.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use kq_proto::admin::PARTITIONS_ADDED_MAX;

/// Ids of brokers and indexes of partitions; Kafka keeps them in 32 bits with a sign.
pub(crate) const INDEXES: RangeInclusive<u32> = 0..=0x7fff_ffff;
/// Partitions of a new topic, or added to one.
pub(crate) const NEW_PARTITIONS: RangeInclusive<u32> = 1..=PARTITIONS_ADDED_MAX;
/// Partitions of a topic, however they came.
pub(crate) const PARTITIONS: RangeInclusive<u32> = 1..=0x7fff_ffff;
/// Copies of a partition; Kafka keeps them in 16 bits with a sign.
pub(crate) const REPLICAS: RangeInclusive<u32> = 1..=0x7fff;

/// Reads a number within bounds.
pub(crate) fn whole<T>(
    bounds: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.trim().parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (bounds.start(), bounds.end());
            format!("accepted: a whole number from {least} to {most}")
        })
    }
}

/// How many items: at least one, and no bound that anybody meets.
pub(crate) fn items(text: &str) -> Result<u64, String> {
    let number = text.trim().parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "accepted: a whole number from 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_out_of_bounds_is_refused_with_them() {
        let read = whole(REPLICAS);
        assert_eq!(read("3"), Ok(3));
        for text in ["0", "-1", "32768", "x", "", "1.5", "99999999999999999999"] {
            assert_eq!(read(text).unwrap_err(), "accepted: a whole number from 1 to 32767");
        }
        assert_eq!(items("1"), Ok(1));
        assert!(items("0").is_err() && items("-1").is_err());
    }
}
