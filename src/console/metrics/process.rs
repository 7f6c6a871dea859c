//! What the kernel says of this process, under the names every Prometheus client uses.

use std::fs;

use crate::engine::expose::text::{MetricType, Text};

/// Clock ticks a second in `/proc`: USER_HZ, 100 on every Linux architecture we build for.
const TICKS: f64 = 100.0;

/// Writes the process metrics; what the kernel does not tell is left out.
pub fn write(out: &mut Text) {
    let mut gauge = |name: &str, help: &str, kind, value: Option<f64>| {
        if let Some(value) = value {
            out.family(name, kind, help);
            out.sample(name, "", value);
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    gauge(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        MetricType::Counter,
        cpu_seconds(&stat),
    );
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        MetricType::Gauge,
        kilobytes(&status, "VmRSS:"),
    );
    gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
        MetricType::Gauge,
        kilobytes(&status, "VmSize:"),
    );
    let open = fs::read_dir("/proc/self/fd").ok().map(|list| list.count() as f64);
    gauge("process_open_fds", "Number of open file descriptors.", MetricType::Gauge, open);
    gauge("process_threads", "Number of OS threads.", MetricType::Gauge, field(&status, "Threads:"));
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name in parentheses may hold spaces; fields count from after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn field(status: &str, key: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

fn kilobytes(status: &str, key: &str) -> Option<f64> {
    field(status, key).map(|kb| kb * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::expose::text::Dialect;

    #[test]
    fn the_kernel_tells_cpu_and_memory() {
        let stat = "12 (a (b) c) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t    2 kB\n", "VmRSS:"), Some(2048.0));
        let mut out = Text::new(Dialect::Plain, 0);
        write(&mut out);
        let text = out.finish();
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }
}
