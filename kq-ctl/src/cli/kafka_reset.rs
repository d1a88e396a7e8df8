//! Where offsets are to be, in kq's word `--to SPEC` or by the flags of Kafka's own tool.

use std::path::PathBuf;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::exit::Failure;
use crate::spec::Target;
use crate::spec::{Position, instant, iso_duration};

/// The flags of `kafka-consumer-groups --reset-offsets`, for habit; `--help` names them in one line.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "position", multiple = false)]
#[expect(clippy::struct_field_names, reason = "a field is a flag, and these are Kafka's")]
pub(crate) struct To {
    /// earliest, latest, current, N, +N, -N, end-N, @TIME, @-2h, group:G, file:F
    #[arg(long, value_name = "SPEC", allow_hyphen_values = true)]
    to: Option<Target>,
    #[arg(long, hide = true)]
    to_earliest: bool,
    #[arg(long, hide = true)]
    to_latest: bool,
    #[arg(long, hide = true)]
    to_current: bool,
    #[arg(long, hide = true, value_name = "N")]
    to_offset: Option<u64>,
    #[arg(long, hide = true, value_name = "TIME", value_parser = datetime)]
    to_datetime: Option<i64>,
    #[arg(long, hide = true, value_name = "PT2H", value_parser = iso_duration::milliseconds)]
    by_duration: Option<u64>,
    #[arg(long, hide = true, value_name = "N", allow_hyphen_values = true)]
    shift_by: Option<i64>,
    #[arg(long, hide = true, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

/// What `--help` says of them.
pub(crate) const AS_KAFKA: &str = "As Kafka: --to-earliest, --to-latest, --to-current, \
--to-offset N, --to-datetime TIME (UTC unless it names a zone), --by-duration PT2H, --shift-by N, \
--from-file FILE, --execute, --export";

impl To {
    /// The one that was given.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let plain = |is_given: bool, target: Target| is_given.then_some(target);
        let given = self
            .to
            .clone()
            .or(plain(self.to_earliest, Target::Position(Position::EARLIEST)))
            .or(plain(self.to_latest, Target::Position(Position::LATEST)))
            .or(plain(self.to_current, Target::Current))
            .or(self.to_offset.map(|it| Target::Position(Position::Offset(it))))
            .or(self.to_datetime.map(|it| Target::Position(Position::At(it))))
            .or(self.by_duration.map(|it| Target::Position(Position::Ago(it))))
            .or(self.shift_by.map(Target::Shift))
            .or(self.from_file.clone().map(Target::File));
        given.ok_or_else(|| {
            Failure::usage("no position is named").hint(
                "--to earliest, latest, current, N, +N, -N, end-N, @TIME, @-2h, group:G or file:F",
            )
        })
    }
}

/// Kafka reads a time without a zone as UTC; kq's own `@TIME` is the operator's.
fn datetime(text: &str) -> Result<i64, String> {
    match text.parse::<DateTime>() {
        Ok(at) if !text.ends_with(['Z', 'z']) && text.parse::<jiff::Timestamp>().is_err() => {
            let at = at.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
            Ok(at.timestamp().as_millisecond())
        }
        Err(_) if text.starts_with('-') => {
            Err(format!("'{text}' is no time; accepted: 2026-08-22T10:00:00.000"))
        }
        _ => instant(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc_as_kafka_reads_it() {
        let at = 1_787_392_800_000;
        for text in ["2026-08-22T10:00:00.000", "2026-08-22T10:00:00Z", "2026-08-22T12:00:00+02:00"]
        {
            assert_eq!(datetime(text), Ok(at), "{text}");
        }
        assert!(datetime("yesterday").is_err() && datetime("-1").is_err());
    }
}
