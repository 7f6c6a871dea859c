//! What the console counts about itself, in a registry of crate `prometheus`.

use std::time::Duration;

use prometheus::proto::{MetricFamily, MetricType as ProtoType};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

use crate::engine::expose::text::{MetricType, Text, label};

/// Seconds: from an answer out of memory to a disk that hangs.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counters and histograms of this process.
#[derive(Debug)]
pub struct Meters {
    registry: Registry,
    batches: IntCounterVec,
    records: IntCounterVec,
    commit: HistogramVec,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    refusals: IntCounterVec,
    reload_ok: IntGauge,
    reload_at: IntGauge,
}

impl Meters {
    /// All at zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels).expect("names are constants that hold");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            let histogram = HistogramVec::new(options, labels).expect("names are constants that hold");
            registry.register(Box::new(histogram.clone())).expect("each name is registered once");
            histogram
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("names are constants that hold");
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
            gauge
        };
        Self {
            batches: counter(
                "fengsui_ingest_batches_total",
                "Batches from agents by outcome.",
                &["stream", "outcome"],
            ),
            records: counter("fengsui_ingest_records_total", "Records committed, by kind.", &["kind"]),
            commit: histogram(
                "fengsui_ingest_commit_seconds",
                "From a batch read to its rows committed.",
                &["stream"],
            ),
            requests: counter("fengsui_http_requests_total", "Requests by route and status.", &["route", "code"]),
            request_seconds: histogram("fengsui_http_request_seconds", "Time to answer, by route.", &["route"]),
            refusals: counter("fengsui_enroll_refusals_total", "Enrolments and renewals refused.", &["cause"]),
            reload_ok: gauge(
                "fengsui_config_last_reload_successful",
                "1 when the definitions read last are in force, 0 when they are wrong and older ones run on.",
            ),
            reload_at: gauge(
                "fengsui_config_last_reload_success_timestamp_seconds",
                "When the definitions in force were read.",
            ),
            registry,
        }
    }

    /// A batch was answered.
    pub fn batch(&self, stream: &str, outcome: &str) {
        self.batches.with_label_values(&[stream, outcome]).inc();
    }

    /// Records of a kind were committed. The caller gives known kinds or `other`.
    pub fn records(&self, kind: &str, n: u64) {
        self.records.with_label_values(&[kind]).inc_by(n);
    }

    /// A batch took so long to commit.
    pub fn commit(&self, stream: &str, took: Duration) {
        self.commit.with_label_values(&[stream]).observe(took.as_secs_f64());
    }

    /// A request was answered. `route` is the pattern of the path, never the path itself.
    pub fn request(&self, route: &str, code: u16, took: Duration) {
        self.requests.with_label_values(&[route, &code.to_string()]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// An enrolment or a renewal was refused.
    pub fn enroll_refused(&self, cause: &str) {
        self.refusals.with_label_values(&[cause]).inc();
    }

    /// Definitions were read; `at` is when, in seconds since the epoch.
    pub fn reload(&self, ok: bool, at: i64) {
        self.reload_ok.set(i64::from(ok));
        if ok {
            self.reload_at.set(at);
        }
    }

    /// Writes all of it.
    pub fn write(&self, out: &mut Text) {
        for family in self.registry.gather() {
            write_family(&family, out);
        }
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}

fn write_family(family: &MetricFamily, out: &mut Text) {
    let kind = match family.get_field_type() {
        ProtoType::COUNTER => MetricType::Counter,
        ProtoType::HISTOGRAM => MetricType::Histogram,
        _ => MetricType::Gauge,
    };
    let name = family.name();
    out.family(name, kind, family.help());
    for metric in family.get_metric() {
        let mut labels = String::new();
        for pair in metric.get_label() {
            label(&mut labels, pair.name(), pair.value());
        }
        match kind {
            MetricType::Counter => out.sample(name, &labels, metric.get_counter().get_value()),
            MetricType::Gauge => out.sample(name, &labels, metric.get_gauge().get_value()),
            MetricType::Histogram => {
                let h = metric.get_histogram();
                let bucket_name = format!("{name}_bucket");
                let bucket = |le: &str, n: u64, out: &mut Text| {
                    let mut with_le = labels.clone();
                    label(&mut with_le, "le", le);
                    out.sample(&bucket_name, &with_le, n as f64);
                };
                for b in h.get_bucket() {
                    // OpenMetrics wants `1.0`, and both read it.
                    bucket(&format!("{:?}", b.upper_bound()), b.cumulative_count(), out);
                }
                bucket("+Inf", h.get_sample_count(), out);
                out.sample(&format!("{name}_sum"), &labels, h.get_sample_sum());
                out.sample(&format!("{name}_count"), &labels, h.get_sample_count() as f64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::expose::text::Dialect;

    #[test]
    fn counters_and_histograms_are_written_in_both_forms() {
        let meters = Meters::new();
        meters.batch("event", "committed");
        meters.commit("event", Duration::from_millis(3));
        let text = |dialect| {
            let mut out = Text::new(dialect, 0);
            meters.write(&mut out);
            out.finish()
        };
        let plain = text(Dialect::Plain);
        assert!(plain.contains("# TYPE fengsui_ingest_batches_total counter\n"), "{plain}");
        assert!(
            plain.contains("fengsui_ingest_batches_total{outcome=\"committed\",stream=\"event\"} 1\n"),
            "{plain}"
        );
        assert!(plain.contains("fengsui_ingest_commit_seconds_bucket{stream=\"event\",le=\"0.005\"} 1\n"), "{plain}");
        assert!(plain.contains("fengsui_ingest_commit_seconds_bucket{stream=\"event\",le=\"+Inf\"} 1\n"), "{plain}");
        assert!(plain.contains("fengsui_ingest_commit_seconds_sum{stream=\"event\"} 0.003\n"), "{plain}");
        let open = text(Dialect::OpenMetrics);
        assert!(open.contains("# TYPE fengsui_ingest_batches counter\n"), "{open}");
        assert!(open.contains("fengsui_ingest_batches_total{outcome=\"committed\",stream=\"event\"} 1\n"), "{open}");
    }
}
