//! What a detector declares: its settings, and what it needs of a kind. A detector judges what no expression can,
//! because it remembers. `engine::detect` has one file for each; a test holds the two tables together.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::ProblemId;
use super::plan::RuleAt;

/// A setting: a number; durations are seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorSetting {
    /// Key.
    pub name: &'static str,
    /// Unless given.
    pub default: f64,
    /// Bounds, both included.
    pub bounds: (f64, f64),
    /// Help in Chinese.
    pub zh: &'static str,
    /// Help in English.
    pub en: &'static str,
}

/// What a detector reads of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Whether runs were answered, and how many of their packets: any kind has that.
    Runs,
    /// The measurements of a field; this one unless `field` names another.
    Field(&'static str),
}

/// A detector, as definitions know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorSpec {
    /// Name, as rules write it.
    pub name: &'static str,
    /// One line, Chinese.
    pub zh: &'static str,
    /// One line, English.
    pub en: &'static str,
    /// What it reads.
    pub reads: Reads,
    /// Where it runs.
    pub at: RuleAt,
    /// Its settings.
    pub settings: &'static [DetectorSetting],
}

/// A detector as a rule of the plan uses it. Its settings stand in the parameters of the cases, so that overrides
/// reach them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorUse {
    /// Which.
    pub name: Arc<str>,
    /// The field it reads, where it reads one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Arc<str>>,
    /// A problem on the same object that explains what it finds: when that is raised it learns anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<ProblemId>,
}

const fn setting(
    name: &'static str,
    default: f64,
    bounds: (f64, f64),
    zh: &'static str,
    en: &'static str,
) -> DetectorSetting {
    DetectorSetting { name, default, bounds, zh, en }
}

/// All detectors.
pub static DETECTORS: &[DetectorSpec] = &[
    DetectorSpec {
        name: "reach",
        zh: "不可达：确认报文全部无应答，或连续多次监测失败",
        en: "unreachable: no packet of a confirm burst was answered, or so many runs in a row failed",
        reads: Reads::Runs,
        at: RuleAt::Agent,
        settings: &[
            setting("fails", 5.0, (1.0, 1_000.0), "连续失败多少次判定不可达", "failed runs in a row"),
            setting(
                "confirm",
                1.0,
                (0.0, 1.0),
                "确认报文全部无应答即判定，且该对象可佐证探针自身是否失明（1 是，0 否）",
                "1: an unanswered confirm burst suffices, and the target is a witness of what the agent itself sees; 0: neither",
            ),
            setting(
                "chance",
                1e-6,
                (1e-12, 1.0),
                "近来有失败时，连续失败次数自动增多，使其纯属偶然的概率不高于此",
                "where runs fail anyway, more in a row are asked for, until chance makes that no more often than this",
            ),
        ],
    },
    DetectorSpec {
        name: "loss",
        zh: "丢包：最近若干报文中丢失过多；整段中断不计入",
        en: "loss: too many of the last packets were lost; those of an outage do not count",
        reads: Reads::Runs,
        at: RuleAt::Agent,
        settings: &[
            setting("lost", 6.0, (1.0, 10_000.0), "丢失多少个即告警", "raise at so many lost"),
            setting("of", 60.0, (2.0, 10_000.0), "在最近多少个报文中", "of the last so many packets"),
            setting("clear", 2.0, (0.0, 10_000.0), "丢失不超过多少个才恢复", "clear at so many lost, or fewer"),
            setting(
                "outage",
                5.0,
                (2.0, 1_000.0),
                "连续丢失多少个视为中断，不计入丢包",
                "so many lost in a row are an outage, not loss",
            ),
        ],
    },
    DetectorSpec {
        name: "latency",
        zh: "时延升高：中位数明显高于该对象自身的基线",
        en: "slow: the median is well above the object's own baseline",
        reads: Reads::Field("rtt_seconds"),
        at: RuleAt::Agent,
        settings: &[
            setting(
                "of",
                60.0,
                (10.0, 1_000.0),
                "取最近多少个测量值的中位数",
                "the median of the last so many measurements",
            ),
            setting(
                "windows",
                3.0,
                (1.0, 100.0),
                "连续多少个窗口偏高才告警（每三分之一窗口判断一次）",
                "windows in a row, each a third of the length further",
            ),
            setting(
                "mads",
                4.0,
                (0.0, 100.0),
                "基线之上多少倍绝对中位差",
                "above the baseline by so many median absolute deviations",
            ),
            setting("factor", 1.5, (1.0, 100.0), "且至少为基线的多少倍", "and at least so many times the baseline"),
            setting("floor", 0.002, (0.0, 60.0), "且至少高出多少秒", "and at least so many seconds above it"),
            setting("learn", 10.0, (1.0, 1_000.0), "多少个窗口后基线可用", "windows until the baseline is known"),
            setting(
                "accept",
                86_400.0,
                (60.0, 2_592_000.0),
                "持续偏高多少秒后作为新的基线",
                "seconds after which what is high without a break is the new baseline",
            ),
        ],
    },
    DetectorSpec {
        name: "jitter",
        zh: "抖动：相邻测量值之差过大",
        en: "jitter: neighbouring measurements differ too much",
        reads: Reads::Field("rtt_seconds"),
        at: RuleAt::Agent,
        settings: &[
            setting("of", 60.0, (10.0, 1_000.0), "取最近多少个差值", "the last so many differences"),
            setting("share", 0.75, (0.5, 1.0), "取其中的分位数", "their quantile"),
            setting("raise", 0.030, (0.0, 60.0), "超过多少秒即告警", "raise above so many seconds"),
            setting("clear", 0.020, (0.0, 60.0), "低于多少秒才恢复", "clear below so many seconds"),
        ],
    },
    DetectorSpec {
        name: "burn",
        zh: "月度 SLA 消耗：不可用时间消耗过快",
        en: "burn of the monthly SLA: what it allows is used up too fast",
        reads: Reads::Runs,
        at: RuleAt::Console,
        settings: &[
            setting("target", 0.999, (0.5, 0.999_999), "月度可用性目标", "availability promised a month"),
            setting(
                "fast",
                14.4,
                (1.0, 1_000.0),
                "一小时与五分钟内均超过的消耗倍数",
                "burn above which over one hour and five minutes it is raised",
            ),
            setting(
                "slow",
                6.0,
                (1.0, 1_000.0),
                "六小时与三十分钟内均超过的消耗倍数",
                "burn above which over six hours and half an hour it is raised",
            ),
            setting("least", 6.0, (1.0, 1_000.0), "至少多少次失败", "failures it takes at least"),
        ],
    },
];

/// The detector of that name.
pub fn detector(name: &str) -> Option<&'static DetectorSpec> {
    DETECTORS.iter().find(|spec| spec.name == name)
}
