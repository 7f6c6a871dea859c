//! What one look at an asset by the policy of graded protection (等级保护) came to: its findings with the lines that
//! prove them, and the text they rest on with every secret masked. An agent, the command line or a page hands it over
//! and the console keeps it. The raw text is in none of it.

use serde::{Deserialize, Serialize};

use super::id::AssetId;
use super::time::Wall;

/// Version of the form; a file of another one is refused.
pub const FORM: u32 = 1;
/// Most findings of one look: a check gives one, and both catalogues together have some 150.
pub const MAX_FINDINGS: usize = 500;
/// Most pieces of evidence of a finding.
pub const MAX_EVIDENCE: usize = 5;
/// Longest text of a piece of evidence, a block, a sentence or a remedy, in bytes.
pub const MAX_WORDS: usize = 2_048;
/// Longest name, version or place of a secret, in bytes.
pub const MAX_NAME: usize = 256;
/// Most clauses that a check serves.
pub const MAX_CLAUSES: usize = 16;
/// Longest masked text that is kept, in bytes: a backbone router's is below 2 MiB. Of a longer one only the hash is.
pub const MAX_TEXT: usize = 2 << 20;
/// Most secrets of which a hash is kept.
pub const MAX_SECRETS: usize = 2_000;

macro_rules! words {
    ($name:ident, $($word:literal => $variant:ident),+ $(,)?) => {
        impl $name {
            /// All words, in order.
            pub const WORDS: [&'static str; [$($word),+].len()] = [$($word),+];
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];
            /// Its word, as stored, sent and typed.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
            /// The one of a word.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.as_str() == text)
            }
        }
    };
}

/// What is known of a check on one asset (GB/T 28448-2019, 单元判定), three-valued and honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 符合.
    Pass,
    /// 部分符合.
    Partial,
    /// 不符合.
    Fail,
    /// 不适用.
    Na,
    /// 待人工: somebody has to look.
    Manual,
    /// 未能核查: it could not be known.
    Error,
}

words!(Verdict, "pass" => Pass, "partial" => Partial, "fail" => Fail, "na" => Na, "manual" => Manual, "error" => Error);

impl Verdict {
    /// In Chinese, as record sheets have it.
    pub const fn zh(self) -> &'static str {
        ["符合", "部分符合", "不符合", "不适用", "待人工", "未能核查"][self as usize]
    }
    /// The verdict of a record sheet's word.
    pub fn parse_zh(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.zh() == text)
    }
    /// The place among several of which the worst decides: a known failure is worse than not knowing.
    pub const fn badness(self) -> u8 {
        [1, 2, 5, 0, 3, 4][self as usize]
    }
    /// The same where the best decides: not knowing may hide something good.
    pub const fn goodness(self) -> u8 {
        [5, 4, 1, 0, 2, 3][self as usize]
    }
}

/// How bad a failed check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Worth knowing.
    Low,
    /// A weakness.
    Medium,
    /// A serious weakness.
    High,
    /// An open door.
    Critical,
}

words!(Weight, "low" => Low, "medium" => Medium, "high" => High, "critical" => Critical);

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Where a text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Read from the device over SSH.
    Ssh,
    /// A file in a directory that is watched.
    Watched,
    /// A file that somebody dropped on a page.
    Dropped,
    /// The machine itself.
    Host,
    /// A file that `baseline check` read, or wrote for `baseline import`.
    Imported,
}

words!(Origin, "ssh" => Ssh, "watched" => Watched, "dropped" => Dropped, "host" => Host, "imported" => Imported);

/// Which of a device's two configurations a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What is in force.
    Running,
    /// What it starts with.
    Startup,
}

words!(Part, "running" => Running, "startup" => Startup);

/// Who changed a configuration last and when, by its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The account; empty if the device does not say.
    pub by: String,
    /// When, as the device writes it.
    pub at: String,
}

/// Lines that prove a verdict, with every secret masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The file they stand in.
    pub file: String,
    /// First line, from 1; 0 if it is about no line, such as the mode of a file.
    pub line_from: u32,
    /// Last line.
    pub line_to: u32,
    /// What they say.
    pub text: String,
}

/// What one check came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check, such as `D06`.
    pub check: String,
    /// Its title.
    pub title: Words,
    /// The verdict.
    pub result: Verdict,
    /// How bad a failure is.
    pub severity: Weight,
    /// 1 general, 2 important, 3 key.
    pub weight: u8,
    /// Whether a failure may be a major hazard (重大风险隐患).
    #[serde(default)]
    pub major_hazard: bool,
    /// The items it serves, as `standard:number`.
    pub clauses: Vec<String>,
    /// The block that decided; empty for the top.
    #[serde(default)]
    pub block: String,
    /// The lines that prove it; none where absence does.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The sentence of the record sheet (结果记录), with the reason.
    pub record: Words,
    /// What to type to mend it; empty if nothing has to be.
    #[serde(default)]
    pub fix: String,
}

/// The keyed hash of a secret, so that a change of it, and its use in two places, can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where it stands: its block and its command, masked.
    pub place: String,
    /// Line of the text, from 1.
    pub line: u32,
    /// HMAC-SHA256 of it, first 16 bytes, hex.
    pub hash: String,
}

/// The text that was judged, as it may be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// SHA-256 of the masked text, hex.
    pub sha256: String,
    /// The masked text, its lines where they stood; empty if it is longer than [`MAX_TEXT`].
    pub text: String,
    /// Whether the text was whole, so that absences mean something.
    pub complete: bool,
    /// Which key the hashes are made with: only those of one key compare. Empty without hashes.
    #[serde(default)]
    pub key: String,
    /// Secrets, in order.
    #[serde(default)]
    pub secrets: Vec<Mark>,
}

/// One look at one asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// [`FORM`].
    pub v: u32,
    /// The asset, if it is known; else the console finds it by `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// What the asset calls itself (sysname, host name); may be empty.
    pub name: String,
    /// When the text was taken.
    pub at: Wall,
    /// Where from.
    pub origin: Origin,
    /// The command language (`huawei-vrp`), or `linux`.
    pub os: String,
    /// Version of the software; empty if not known.
    #[serde(default)]
    pub version: String,
    /// The profile it was judged by, such as `l3`.
    pub profile: String,
    /// Digest of the policy, hex: results of two policies do not make a drift.
    pub policy: String,
    /// Which configuration.
    pub part: Part,
    /// Who changed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// What was judged; nothing if there is no one text, or it could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// What came of it, a check at most once.
    pub findings: Vec<Finding>,
}

impl Inspection {
    /// What is out of bounds; nothing if all is well.
    pub fn wrong(&self) -> Option<&'static str> {
        let hex = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_hexdigit());
        let mut checks: Vec<&str> = self.findings.iter().map(|f| f.check.as_str()).collect();
        checks.sort_unstable();
        if self.v != FORM {
            return Some("its form is of another version");
        }
        if self.findings.len() > MAX_FINDINGS {
            return Some("it has too many findings");
        }
        if checks.windows(2).any(|pair| pair.first() == pair.last()) {
            return Some("a check stands in it twice");
        }
        let names = [&self.name, &self.os, &self.version, &self.profile, &self.policy];
        let changed = self.changed.iter().flat_map(|c| [&c.by, &c.at]);
        if names.into_iter().chain(changed).any(|text| text.len() > MAX_NAME) {
            return Some("a name is longer than allowed");
        }
        if self.findings.iter().any(Finding::oversized) {
            return Some("a finding is larger than allowed");
        }
        let Some(snapshot) = &self.snapshot else { return None };
        if snapshot.text.len() > MAX_TEXT || snapshot.secrets.len() > MAX_SECRETS {
            return Some("the text is larger than allowed, or has too many secrets");
        }
        if !hex(&snapshot.sha256, 64) || snapshot.sha256.len() != 64 || !hex(&snapshot.key, 64) {
            return Some("a digest is none");
        }
        let mark = |mark: &Mark| mark.place.len() > MAX_NAME || !hex(&mark.hash, 64);
        snapshot.secrets.iter().any(mark).then_some("the hash of a secret is none, or its place too long")
    }

    /// Takes control characters out of all that is shown; those of the text but line ends and tabs.
    pub fn clean(&mut self) {
        let plain = |text: &mut String| text.retain(|c| !c.is_control());
        [&mut self.name, &mut self.os, &mut self.version, &mut self.profile, &mut self.policy]
            .into_iter()
            .for_each(plain);
        self.changed.iter_mut().flat_map(|c| [&mut c.by, &mut c.at]).for_each(plain);
        for finding in &mut self.findings {
            let texts = [&mut finding.check, &mut finding.block, &mut finding.record.zh, &mut finding.record.en];
            texts.into_iter().chain([&mut finding.title.zh, &mut finding.title.en]).for_each(plain);
            finding.fix.retain(|c| c == '\n' || !c.is_control());
            finding.evidence.iter_mut().flat_map(|e| [&mut e.file, &mut e.text]).for_each(plain);
        }
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.text.retain(|c| matches!(c, '\n' | '\t') || !c.is_control());
            snapshot.secrets.iter_mut().for_each(|mark| plain(&mut mark.place));
        }
    }
}

impl Finding {
    fn oversized(&self) -> bool {
        let texts = [&self.block, &self.fix, &self.record.zh, &self.record.en, &self.title.zh, &self.title.en];
        let proof = |e: &Evidence| e.file.len() > MAX_WORDS || e.text.len() > MAX_WORDS || e.line_to < e.line_from;
        self.check.is_empty()
            || self.check.len() > MAX_NAME
            || !(1..=3).contains(&self.weight)
            || self.clauses.len() > MAX_CLAUSES
            || self.clauses.iter().any(|clause| clause.len() > MAX_NAME)
            || self.evidence.len() > MAX_EVIDENCE
            || self.evidence.iter().any(proof)
            || texts.into_iter().any(|text| text.len() > MAX_WORDS)
    }

    /// The item's number in GB/T 28448-2019; nothing if it serves none of it.
    pub fn item(&self) -> Option<&str> {
        self.clauses.iter().find_map(|clause| clause.strip_prefix("28448-2019:"))
    }
}

/// A text cut to so many bytes, at a character.
pub fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

/// An inspection for tests: a switch with one finding.
#[cfg(test)]
pub(crate) fn sample(asset: &str, check: &str, result: Verdict) -> Inspection {
    let words = |text: &str| Words { zh: text.to_owned(), en: text.to_owned() };
    let text = "sysname sw1\nuser-interface vty 0 4\n idle-timeout 0 0\n".to_owned();
    Inspection {
        v: FORM,
        asset: AssetId::new(asset).ok(),
        name: "sw1".into(),
        at: Wall::from_millis(1_700_000_000_000),
        origin: Origin::Imported,
        os: "huawei-vrp".into(),
        version: "V200R010".into(),
        profile: "l3".into(),
        policy: "aa".into(),
        part: Part::Running,
        changed: None,
        snapshot: Some(Snapshot {
            sha256: "0".repeat(64),
            text,
            complete: true,
            key: String::new(),
            secrets: Vec::new(),
        }),
        findings: vec![Finding {
            check: check.into(),
            title: words("idle"),
            result,
            severity: Weight::Medium,
            weight: 2,
            major_hazard: false,
            clauses: vec!["22239-2019:8.1.4.1 b)".into(), "28448-2019:L3-CES1-02".into()],
            block: "user-interface vty 0 4".into(),
            evidence: vec![Evidence {
                file: "sw1.cfg".into(),
                line_from: 3,
                line_to: 3,
                text: "idle-timeout 0 0".into(),
            }],
            record: words("record"),
            fix: "idle-timeout 10 0".into(),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_named_and_a_sound_one_is_not() {
        let sound = sample("sw1", "D06", Verdict::Fail);
        assert_eq!(sound.wrong(), None);
        let turns: [fn(&mut Inspection); 8] = [
            |i| i.v = 2,
            |i| i.findings.push(i.findings[0].clone()),
            |i| i.version = "x".repeat(MAX_NAME + 1),
            |i| i.findings[0].fix = "x".repeat(MAX_WORDS + 1),
            |i| i.findings[0].evidence = vec![i.findings[0].evidence[0].clone(); MAX_EVIDENCE + 1],
            |i| i.findings[0].weight = 0,
            |i| i.snapshot.as_mut().unwrap().sha256 = "zz".into(),
            |i| i.snapshot.as_mut().unwrap().text = "x".repeat(MAX_TEXT + 1),
        ];
        for (at, turn) in turns.iter().enumerate() {
            let mut bad = sound.clone();
            turn(&mut bad);
            assert!(bad.wrong().is_some(), "{at}");
        }
    }

    #[test]
    fn control_characters_go_and_lines_stay() {
        let mut bad = sample("sw1", "D06", Verdict::Fail);
        bad.findings[0].record.en = "a\u{1b}[31mb\n".into();
        bad.clean();
        assert_eq!(bad.findings[0].record.en, "a[31mb");
        assert_eq!(bad.snapshot.as_ref().unwrap().text.lines().count(), 3);
        assert_eq!(bad.findings[0].item(), Some("L3-CES1-02"));
    }

    #[test]
    fn words_are_those_of_the_wire() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::json!(verdict), verdict.as_str());
            assert_eq!(Verdict::parse_zh(verdict.zh()), Some(verdict));
        }
        for origin in Origin::ALL {
            assert_eq!(serde_json::json!(origin), origin.as_str());
        }
    }
}
