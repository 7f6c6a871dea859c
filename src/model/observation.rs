//! What one run of a probe saw. Failure is data: outcome and cause are closed lists.

use std::sync::Arc;
use std::time::Duration;

use super::field::KindSchema;
use super::id::{AgentId, Object, ProbeId};
use super::time::Wall;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Answered in full.
    Ok,
    /// Partly answered (some replies lost, a table cut short); never a threshold.
    Degraded,
    /// The target did not do what it should.
    Failed,
    /// Our own fault; outside loss, SLA and rules, counted by cause.
    Invalid,
}

impl Outcome {
    /// The word used in JSON, metrics and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
        }
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $zh:literal;)*) => {
        /// Why a run was not ok: bounded, so that it can be a metric label.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cause { $($(#[$doc])* $name,)* }
        impl Cause {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The word used in JSON, metrics and messages.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// The same in Chinese.
            pub const fn zh(self) -> &'static str { match self { $(Self::$name => $zh,)* } }
            /// The cause of that word.
            pub fn parse(text: &str) -> Option<Self> { Self::ALL.iter().copied().find(|c| c.as_str() == text) }
        }
    };
}

causes! {
    /// No answer within the timeout.
    Timeout = "timeout", "超时";
    /// Connection refused.
    Refused = "refused", "拒绝连接";
    /// The network said unreachable.
    Unreachable = "unreachable", "不可达";
    /// Connection reset or closed early.
    Reset = "reset", "连接中断";
    /// The name did not resolve.
    Resolve = "resolve", "域名解析失败";
    /// TLS handshake failed.
    Tls = "tls", "TLS 握手失败";
    /// The certificate is not valid for the name, or not trusted, or expired.
    Certificate = "certificate", "证书无效";
    /// Unexpected status.
    Status = "status", "状态码异常";
    /// Unexpected content.
    Content = "content", "内容异常";
    /// Credentials refused.
    Auth = "auth", "认证失败";
    /// The peer broke its protocol.
    Protocol = "protocol", "协议错误";
    /// Some of it was answered.
    Partial = "partial", "部分应答";
    /// Invalid: sending failed on our side.
    Send = "send", "本机发送失败";
    /// Invalid: our receive buffer overflowed.
    Overflow = "overflow", "本机接收缓冲溢出";
    /// Invalid: the run began or ended late.
    Late = "late", "本机调度延迟";
    /// Invalid: we lack a permission.
    Permission = "permission", "权限不足";
    /// Invalid: the secret is missing.
    NoSecret = "no_secret", "缺少凭据";
    /// Invalid: this build or host cannot do it (no IPv6, ...).
    Unsupported = "unsupported", "本机不支持";
    /// Invalid: the previous run had not ended, this one was skipped.
    Overrun = "overrun", "上次监测未完成，跳过";
    /// Invalid: the probe panicked or broke an invariant.
    Internal = "internal", "程序内部错误";
}

/// A single value. `Null` is "not measured", never zero.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Not measured.
    Null,
    /// Of a gauge; finite.
    F64(f64),
    /// Of a counter.
    U64(u64),
    /// Of a state: position in its names.
    State(u8),
    /// Of a text.
    Text(Arc<str>),
    /// Of a histogram: the measurements of this run, finite, at least one.
    Many(Arc<[f64]>),
}

impl Value {
    /// A gauge value; `Null` if it is not finite.
    pub fn gauge(v: f64) -> Self {
        if v.is_finite() { Self::F64(v) } else { Self::Null }
    }
    /// The measurements of a run; `Null` if there are none.
    pub fn many(v: Vec<f64>) -> Self {
        if v.is_empty() { Self::Null } else { Self::Many(v.into()) }
    }
    /// The same from a slice.
    pub fn of_many(v: &[f64]) -> Self {
        if v.is_empty() { Self::Null } else { Self::Many(Arc::from(v)) }
    }
    /// As a number: a histogram gives its mean, text and `Null` give nothing.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::F64(v) => Some(*v),
            Self::U64(v) => Some(*v as f64),
            Self::State(v) => Some(f64::from(*v)),
            Self::Many(v) => Some(v.iter().sum::<f64>() / v.len() as f64),
            Self::Null | Self::Text(_) => None,
        }
    }
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which table of the schema.
    pub table: usize,
    /// What it is about.
    pub object: Object,
    /// Instance within the object, or empty.
    pub instance: Arc<str>,
    /// By slot; as many as the table has fields.
    pub values: Vec<Value>,
}

/// Counts of requests in a run: packets for icmp, 1 for most other kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Sent, without the invalid ones.
    pub sent: u32,
    /// Not answered, not even late.
    pub lost: u32,
    /// Answered after the timeout.
    pub late: u32,
    /// Answered more than once.
    pub duplicate: u32,
    /// Not sent or not scored, by our own fault.
    pub invalid: u32,
}

impl Tally {
    /// Adds another run's counts.
    pub fn add(&mut self, other: Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.lost = self.lost.saturating_add(other.lost);
        self.late = self.late.saturating_add(other.late);
        self.duplicate = self.duplicate.saturating_add(other.duplicate);
        self.invalid = self.invalid.saturating_add(other.invalid);
    }
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To measure: it counts in loss, round trip, SLA and rules.
    #[default]
    Measure,
    /// To tell a dead target from one lost packet (`engine::confirm`): it counts in nothing but what its rows say,
    /// and only detectors hear of it.
    Confirm,
}

/// What one run on one target saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What the rows mean.
    pub schema: Arc<KindSchema>,
    /// Who looked.
    pub agent: AgentId,
    /// Which definition.
    pub probe: ProbeId,
    /// The task's object.
    pub object: Object,
    /// The task's instance within it, usually empty.
    pub instance: Arc<str>,
    /// What for.
    pub purpose: Purpose,
    /// When the run began.
    pub at: Wall,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not ok.
    pub cause: Option<Cause>,
    /// Words for a person: address, error text; at most 300 bytes, no secret.
    pub detail: Option<Arc<str>>,
    /// Counts.
    pub tally: Tally,
    /// What was measured; may be empty when it failed.
    pub rows: Vec<Row>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_measured_is_never_a_number() {
        assert_eq!(Value::gauge(f64::NAN), Value::Null);
        assert_eq!(Value::many(vec![]).number(), None);
        assert_eq!(Value::many(vec![1.0, 3.0]).number(), Some(2.0));
    }

    #[test]
    fn causes_read_back() {
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(*cause));
        }
    }
}
