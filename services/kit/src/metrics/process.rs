//! What the process uses, read from Linux when scraped.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks per second of times in `/proc`, the same on every architecture that we build for (`proc(5)`, USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU, memory, open files and lost lines of this process. What cannot be read is left out.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
            let counter = ConstCounter::new(seconds);
            let help = "CPU time that the process has used";
            counter.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        let status = fs::read_to_string("/proc/self/status").ok();
        let resident = status.as_deref().and_then(resident_bytes);
        let open = fs::read_dir("/proc/self/fd").ok().and_then(|files| i64::try_from(files.count()).ok());
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Memory of the process that is in RAM", resident),
            ("process_open_fds", "Open files and connections of the process", open),
        ] {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        let dropped = ConstCounter::new(crate::telemetry::dropped_lines());
        let help = "Lines of the log that were dropped because nobody read them";
        dropped.encode(encoder.encode_descriptor("log_lines_dropped", help, None, dropped.metric_type())?)
    }
}

/// User and system time of `/proc/<pid>/stat`, its fields 14 and 15. The name in field 2 may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / TICKS_PER_SECOND)
}

/// `VmRSS` of `/proc/<pid>/status`, which is in KiB.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_writes_is_read() {
        let stat = "12 (a) b) c) S 1 12 12 0 -1 4194560 2141 0 0 0 250 50 0 0 20 0 9 0 100 1000 900 1 2";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    5120 kB\nVmData: 1 kB\n"), Some(5_242_880));
        for broken in ["", "12 (a", "12 (a) S 1 2"] {
            assert_eq!((cpu_seconds(broken), resident_bytes(broken)), (None, None));
        }
    }

    #[test]
    fn this_process_has_figures() {
        let text = crate::metrics::Registry::new("order").encode();
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "log_lines_dropped_total",
        ] {
            let series = format!("\n{name}{{service=\"order\"}} ");
            let value = text.split_once(&series).unwrap_or_else(|| panic!("{name} in {text}")).1;
            let value: f64 = value.lines().next().unwrap().parse().unwrap();
            assert!(value >= 0.0 && (name != "process_open_fds" || value > 2.0), "{name} {value}");
        }
    }
}
