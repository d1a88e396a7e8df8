//! What the system says of this process, read at each look.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Reads `/proc/self`; what is not there is left out.
#[derive(Debug)]
pub(super) struct ProcessMetrics;

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(seconds) = cpu_seconds() {
            let value = ConstCounter::new(seconds);
            let (help, unit) = ("CPU time of this process", Some(&Unit::Seconds));
            let one = encoder.encode_descriptor("process_cpu", help, unit, value.metric_type())?;
            value.encode(one)?;
        }
        if let Some(bytes) = resident_bytes() {
            let value = ConstGauge::new(bytes);
            let (help, unit) = ("Memory of this process in RAM", Some(&Unit::Bytes));
            let kind = value.metric_type();
            let one = encoder.encode_descriptor("process_resident_memory", help, unit, kind)?;
            value.encode(one)?;
        }
        if let Some(count) = open_files() {
            let value = ConstGauge::new(count);
            let help = "Open file descriptors of this process";
            let kind = value.metric_type();
            value.encode(encoder.encode_descriptor("process_open_files", help, None, kind)?)?;
        }
        Ok(())
    }
}

/// Fields 14 and 15 of `stat` are user and system time, in ticks of 10 ms on every Linux.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / 100.0)
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

fn open_files() -> Option<u64> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}
