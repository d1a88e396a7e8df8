//! Lengths of time as they are typed.

use std::time::Duration;

/// `15s`, `1m30s`, `500ms`; a bare number is refused, since nobody knows its unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err("no time is shorter than 0s; write 15s, 1m30s or 500ms".to_owned());
    }
    humantime::parse_duration(text).map_err(|error| {
        let why = error.to_string();
        // Its longest message explains itself by an example of its own.
        let why = why.split(',').next().unwrap_or_default();
        format!("{why}; write 15s, 1m30s or 500ms")
    })
}

/// A duration in which something can happen.
pub fn timeout(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("nothing can be done in no time; write 15s or 500ms".to_owned()),
        timeout => Ok(timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_a_length() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert!(duration("15").is_err() && duration("-1s").is_err() && timeout("0s").is_err());
    }
}
