//! How fast a plan may copy, as typed.

use crate::admin::v1;
use crate::admin::v1::plan_throttle::Rate;

/// `50MiB/s`, `auto`, `off`.
pub fn throttle(text: &str) -> Result<v1::PlanThrottle, String> {
    let rate = match text {
        "auto" => Rate::Auto(v1::plan_throttle::Auto {}),
        "off" => Rate::Off(v1::plan_throttle::Unlimited {}),
        rate => {
            let accepted = || "write 50MiB/s, auto or off".to_owned();
            let rate = rate.strip_suffix("/s").unwrap_or(rate);
            // A bare 50 is meant as MiB more often than not, and would never end.
            if rate.bytes().all(|byte| byte.is_ascii_digit()) && rate != "0" {
                return Err(format!("it has no unit; write {rate}MiB/s, or {rate}B/s"));
            }
            let rate: bytesize::ByteSize = rate.parse().map_err(|_| accepted())?;
            if rate.as_u64() == 0 {
                return Err(accepted());
            }
            Rate::BytesPerSecond(rate.as_u64())
        }
    };
    Ok(v1::PlanThrottle { rate: Some(rate) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units_or_are_words() {
        let rate = |text: &str| throttle(text).ok().and_then(|it| it.rate);
        assert_eq!(rate("50MiB/s"), Some(Rate::BytesPerSecond(50 << 20)));
        assert_eq!(rate("auto"), Some(Rate::Auto(v1::plan_throttle::Auto {})));
        assert_eq!(rate("off"), Some(Rate::Off(v1::plan_throttle::Unlimited {})));
        assert_eq!((rate("fast"), rate("0")), (None, None));
        assert_eq!((rate("50"), rate("50/s"), rate("")), (None, None, None));
        assert_eq!(rate("50B/s"), Some(Rate::BytesPerSecond(50)));
    }
}
