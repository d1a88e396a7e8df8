//! Durations as Kafka's tools take them: `PT2H30M`, `P1DT12H`, `P7D` (ISO 8601).

/// Milliseconds. Years and months have no length of their own and are refused, as Kafka does.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    parse(text).ok_or_else(|| format!("'{text}' is no duration; write PT2H, P1DT12H or PT30M"))
}

fn parse(text: &str) -> Option<u64> {
    let body = text.strip_prefix(['P', 'p'])?;
    let (date, time) = match body.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (body, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let days = units(date, &[('D', 86_400_000)])?;
    let rest = units(time, &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)])?;
    days.checked_add(rest)
}

/// Numbers with their units, each unit once and in this order; only seconds may have decimals.
fn units(text: &str, known: &[(char, u64)]) -> Option<u64> {
    let (mut total, mut rest, mut known) = (0_u64, text, known.iter());
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, tail) = rest.split_at(end);
        let letter = tail.chars().next()?.to_ascii_uppercase();
        let (_, size) = known.find(|(unit, _)| *unit == letter)?;
        total = total.checked_add(scaled(number, *size)?)?;
        rest = tail.get(1..)?;
    }
    Some(total)
}

fn scaled(number: &str, size: u64) -> Option<u64> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if !digits(whole) || !digits(part) || (number.contains('.') && size != 1_000) {
        return None;
    }
    let thousandths: u64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(size)?.checked_add(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_kafka_are_read_exactly() {
        for (text, want) in [
            ("PT2H", 7_200_000),
            ("P1DT12H30M", 131_400_000),
            ("P7D", 604_800_000),
            ("PT0.25S", 250),
            ("pt1m", 60_000),
            ("PT0S", 0),
        ] {
            assert_eq!(milliseconds(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_has_no_certain_length_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "2h",
            "P1Y",
            "P1M",
            "PT1D",
            "PT1M1H",
            "PT1.5H",
            "PT-1S",
            "P99999999999999999999D",
        ] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }
}
