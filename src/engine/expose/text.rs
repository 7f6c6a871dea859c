//! Writes the two text forms that Prometheus reads: its own 0.0.4 and OpenMetrics 1.0. Knows nothing of
//! where values come from. It refuses what is no metric: a value that is not finite is left out, a label
//! value is escaped, and names are the caller's, checked by `is_name`.

use std::fmt::Write;

/// Which text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `text/plain; version=0.0.4`
    Plain,
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
}

impl Dialect {
    /// The form that an `Accept` header asks for; the plain one unless OpenMetrics 1.x is asked for by name.
    pub fn of_accept(accept: Option<&str>) -> Self {
        let wanted = |part: &str| {
            let mut words = part.split(';').map(str::trim);
            let media = words.next() == Some("application/openmetrics-text");
            let (mut version, mut refused) = (true, false);
            for word in words {
                match word.split_once('=') {
                    Some(("version", v)) => version = v.starts_with("1."),
                    Some(("q", q)) => refused = q.parse::<f32>().is_ok_and(|q| q <= 0.0),
                    _ => {}
                }
            }
            media && version && !refused
        };
        if accept.is_some_and(|a| a.split(',').any(wanted)) { Self::OpenMetrics } else { Self::Plain }
    }

    /// The `Content-Type` of the answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricType {
    /// Goes up and down.
    Gauge,
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Cumulative buckets; the caller writes `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// True if `text` can be (part of) a metric or label name of ours: lower-case snake case.
pub fn is_name(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Appends `name="value"` to a label list, with a comma before it unless it is the first.
pub fn label(list: &mut String, name: &str, value: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(name);
    list.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => list.push_str("\\\\"),
            '"' => list.push_str("\\\""),
            '\n' => list.push_str("\\n"),
            c => list.push(c),
        }
    }
    list.push('"');
}

/// A text under construction.
#[derive(Debug)]
pub struct Text {
    dialect: Dialect,
    out: String,
}

impl Text {
    /// An empty one, with room for `bytes`.
    pub fn new(dialect: Dialect, bytes: usize) -> Self {
        Self { dialect, out: String::with_capacity(bytes) }
    }

    /// Begins a family. `name` is the one its samples have; a counter's ends in `_total`.
    pub fn family(&mut self, name: &str, kind: MetricType, help: &str) {
        let name = match (self.dialect, kind) {
            // OpenMetrics names the family, not the sample.
            (Dialect::OpenMetrics, MetricType::Counter) => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        };
        let kind = match kind {
            MetricType::Gauge => "gauge",
            MetricType::Counter => "counter",
            MetricType::Histogram => "histogram",
        };
        self.out.push_str("# HELP ");
        self.out.push_str(name);
        self.out.push(' ');
        for c in help.chars() {
            match (c, self.dialect) {
                ('\\', _) => self.out.push_str("\\\\"),
                ('\n', _) => self.out.push_str("\\n"),
                ('"', Dialect::OpenMetrics) => self.out.push_str("\\\""),
                (c, _) => self.out.push(c),
            }
        }
        let _ = write!(self.out, "\n# TYPE {name} {kind}\n");
    }

    /// One sample; `labels` as `label` builds them. A value that is not finite is left out.
    pub fn sample(&mut self, name: &str, labels: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.out.push_str(name);
        if !labels.is_empty() {
            self.out.push('{');
            self.out.push_str(labels);
            self.out.push('}');
        }
        self.out.push(' ');
        // Writing to a String cannot fail. `{}` spells out every digit of 1e300, `{:?}` does not.
        let plain = value == 0.0 || (1e-6..1e15).contains(&value.abs());
        let _ = if plain { writeln!(self.out, "{value}") } else { writeln!(self.out, "{value:?}") };
    }

    /// The text, complete.
    pub fn finish(mut self) -> String {
        if self.dialect == Dialect::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same_in_their_own_words() {
        let text = |dialect| {
            let mut t = Text::new(dialect, 0);
            t.family("fengsui_runs_total", MetricType::Counter, "runs \"so far\" \\ ever\nsince start");
            let mut labels = String::new();
            label(&mut labels, "asset", "a\"b\\c\nd");
            label(&mut labels, "probe", "p");
            t.sample("fengsui_runs_total", &labels, 3.0);
            t.sample("fengsui_runs_total", "", f64::NAN);
            t.finish()
        };
        assert_eq!(
            text(Dialect::Plain),
            "# HELP fengsui_runs_total runs \"so far\" \\\\ ever\\nsince start\n\
             # TYPE fengsui_runs_total counter\n\
             fengsui_runs_total{asset=\"a\\\"b\\\\c\\nd\",probe=\"p\"} 3\n"
        );
        assert_eq!(
            text(Dialect::OpenMetrics),
            "# HELP fengsui_runs runs \\\"so far\\\" \\\\ ever\\nsince start\n\
             # TYPE fengsui_runs counter\n\
             fengsui_runs_total{asset=\"a\\\"b\\\\c\\nd\",probe=\"p\"} 3\n# EOF\n"
        );
    }

    #[test]
    fn numbers_are_short_and_exact() {
        for (value, text) in
            [(0.0, "0"), (1.0, "1"), (0.000_25, "0.00025"), (1e300, "1e300"), (1e-9, "1e-9"), (-2.5, "-2.5")]
        {
            let mut t = Text::new(Dialect::Plain, 0);
            t.sample("x", "", value);
            assert_eq!(t.finish(), format!("x {text}\n"));
        }
    }

    #[test]
    fn open_metrics_must_be_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        for (accept, dialect) in [
            (None, Dialect::Plain),
            (Some("*/*"), Dialect::Plain),
            (Some("text/plain"), Dialect::Plain),
            (Some(prometheus), Dialect::OpenMetrics),
            (Some("application/openmetrics-text; version=1.0.0"), Dialect::OpenMetrics),
            (Some("application/openmetrics-text; version=0.0.1"), Dialect::Plain),
            (Some("application/openmetrics-text;q=0, text/plain"), Dialect::Plain),
        ] {
            assert_eq!(Dialect::of_accept(accept), dialect, "{accept:?}");
        }
    }
}
