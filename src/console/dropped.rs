//! Configurations, and results of hosts, that a person hands over as files. Each is judged here, found by what it calls
//! itself, and kept as what a console may keep of it: the text with every secret replaced, and its findings. The file
//! itself is gone when the answer is given. What belongs to no asset, or to several, waits without its secrets until
//! somebody says whose it is. API and pages use the functions here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::problem::Problem;
use super::command::{Actor, Command};
use super::graded;
use super::imports::Upload;
use super::service::Service;
use super::topology;
use crate::baseline::dialect::{Dialect, Snapshot, Unread};
use crate::baseline::inspect::{Taken, inspect};
use crate::baseline::policy::{self, OWN, Policy};
use crate::baseline::score::Counts;
use crate::config::import::{MAX_FILE, Mapping, Words, words};
use crate::config::plan::MARKS;
use crate::model::finding::{Finding, Inspection, Origin, Verdict};
use crate::model::inventory::Inventory;
use crate::model::{AssetId, Object, Secret, SecretText, Wall};

/// Files taken at once: a prefecture's devices.
pub const MAX_FILES: usize = 200;
/// Devices in all of them: a capture of a session may hold several.
const MAX_LOOKS: usize = 500;
/// Inspections of one file of results at most.
const MAX_INSPECTIONS: usize = 2_000;
/// Profiles by which a configuration is judged whose level is not known before somebody says whose it is.
const LEVELS: [&str; 2] = ["l2", "l3"];
/// What waits is text with much in common: unpacked it is some ten times as large as what may be kept.
const MAX_UNPACKED: usize = 16 * MAX_FILE;
/// zstd level of what waits: it is read once.
const PACKING: i32 = 3;

/// What is to be done with files.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// Whose they are; found by their own names if not given.
    pub asset: Option<AssetId>,
    /// Their command language; recognised if not given.
    pub dialect: Option<Dialect>,
    /// By which profile; by the level of the asset's systems if not given.
    pub profile: Option<String>,
}

/// A file as somebody sent it.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name, without a path.
    pub name: String,
    /// What is in it.
    pub bytes: Bytes,
}

impl File {
    /// With a name that can be shown.
    pub fn new(name: &str, bytes: Bytes) -> Self {
        let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
        Self { name: last.chars().filter(|c| !c.is_control()).take(120).collect(), bytes }
    }
}

/// One device of a file, judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Look {
    file: String,
    /// By what it is looked for in the inventory.
    called: String,
    /// Without findings.
    inspection: Inspection,
    /// By profile.
    findings: BTreeMap<String, Vec<Finding>>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Kept as this asset's.
    Taken(AssetId),
    /// It waits, with its place among what waits, and the assets of its name: none or several.
    Waits(usize, Vec<AssetId>),
    /// It is nothing that can be judged.
    Refused(Words),
}

/// What is told of a device of a file, or of a file that holds none.
#[derive(Debug, Clone)]
pub struct Told {
    /// The file.
    pub file: String,
    /// What the device calls itself.
    pub name: String,
    /// Its command language, or `linux`.
    pub os: String,
    /// Whether the text was whole, so that absences mean something.
    pub complete: bool,
    /// What its checks came to.
    pub counts: Counts,
    /// What became of it.
    pub fate: Fate,
}

/// What became of several files.
#[derive(Debug, Clone)]
pub struct Done {
    /// In the order of the files.
    pub told: Vec<Told>,
    /// Under which that waits of which nobody knows whose it is.
    pub token: Option<String>,
}

impl Done {
    /// As the API shows it.
    pub fn json(&self) -> Value {
        let one = |told: &Told| {
            let counts = Verdict::ALL.into_iter().map(|v| (v.as_str().to_owned(), json!(told.counts.get(v))));
            let (asset, at, candidates, problem) = match &told.fate {
                Fate::Taken(asset) => (json!(asset), Value::Null, Value::Null, Value::Null),
                Fate::Waits(at, all) => (Value::Null, json!(at), json!(all), Value::Null),
                Fate::Refused(why) => (Value::Null, Value::Null, Value::Null, json!({ "zh": why.zh, "en": why.en })),
            };
            json!({
                "file": told.file,
                "name": told.name,
                "os": told.os,
                "complete": told.complete,
                "counts": counts.collect::<serde_json::Map<String, Value>>(),
                "asset": asset,
                "waits": at,
                "candidates": candidates,
                "problem": problem,
            })
        };
        json!({ "token": self.token, "items": self.told.iter().map(one).collect::<Vec<_>>() })
    }
}

/// Judges files and keeps what belongs to an asset.
pub async fn take(service: &Service, actor: &Actor, files: Vec<File>, how: How) -> Result<Done, Problem> {
    if files.len() > MAX_FILES {
        return Err(Problem::wrong(
            format!("一次最多 {MAX_FILES} 个文件；请分批上传"),
            format!("at most {MAX_FILES} files at once; send them in several goes"),
        ));
    }
    let key = match service.store.secret(MARKS) {
        Some(Secret::Token(key)) => Some(key),
        _ => None,
    };
    let (profile, dialect, at) = (how.profile.clone(), how.dialect, service.clock.wall());
    let looked = service.imports.alone(move || judge(&files, profile.as_deref(), dialect, key.as_ref(), at)).await?;
    settle(service, actor, looked?, |_| how.asset.clone()).await
}

/// Keeps what waited as the assets' that a person named, by its place; the rest goes on waiting.
pub async fn assign(
    service: &Service,
    actor: &Actor,
    token: &str,
    chosen: &BTreeMap<usize, AssetId>,
) -> Result<Done, Problem> {
    let now = service.clock.mono();
    let upload = service.imports.kept(actor, token, now)?;
    let gone = || Problem::unknown("待认领的文件", "files that wait", token);
    let text = zstd::bulk::decompress(&upload.bytes, MAX_UNPACKED).map_err(|_| gone())?;
    let looks: Vec<Look> = serde_json::from_slice(&text).map_err(|_| gone())?;
    let done = settle(service, actor, looks.into_iter().map(Ok).collect(), |at| chosen.get(&at).cloned()).await?;
    service.imports.drop(actor, token, now);
    Ok(done)
}

/// A file that holds nothing, and why.
type Nothing = (String, Words);

async fn settle(
    service: &Service,
    actor: &Actor,
    looked: Vec<Result<Look, Nothing>>,
    chosen: impl Fn(usize) -> Option<AssetId>,
) -> Result<Done, Problem> {
    let (_, inventory) = service.store.inventory();
    let called = topology::called(service).await?;
    let sees = |asset: &AssetId| service.store.sees(&actor.scope, &Object::Asset(asset.clone()));
    let (mut told, mut taken, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for (at, one) in looked.into_iter().enumerate() {
        let look = match one {
            Ok(look) => look,
            Err((file, why)) => {
                let counts = Counts::default();
                let (name, os) = (String::new(), String::new());
                told.push(Told { file, name, os, complete: false, counts, fate: Fate::Refused(why) });
                continue;
            }
        };
        let mut all = match chosen(at) {
            Some(asset) => vec![asset],
            None => whose(&inventory, &called, &look.called),
        };
        all.retain(|asset| inventory.assets.contains_key(asset) && sees(asset));
        let level = all.first().map_or(graded::LEVEL, |asset| graded::level_of(&inventory, asset));
        let fitting = Some(format!("l{level}")).filter(|profile| look.findings.contains_key(profile));
        let profile = fitting.or_else(|| look.findings.keys().next_back().cloned()).unwrap_or_default();
        let findings = look.findings.get(&profile).cloned().unwrap_or_default();
        let fate = match all.as_slice() {
            [asset] => Fate::Taken(asset.clone()),
            _ => Fate::Waits(waiting.len(), all.clone()),
        };
        told.push(Told {
            file: look.file.clone(),
            name: look.inspection.name.clone(),
            os: look.inspection.os.clone(),
            complete: look.inspection.snapshot.as_ref().is_none_or(|snapshot| snapshot.complete),
            counts: Counts::of(findings.iter().map(|finding| finding.result)),
            fate: fate.clone(),
        });
        match fate {
            Fate::Taken(asset) => {
                taken.push(Inspection { asset: Some(asset), profile, findings, ..look.inspection });
            }
            _ => waiting.push(look),
        }
    }
    if !taken.is_empty() {
        service.store.command(actor, None, Command::Inspections(taken)).await?;
    }
    let token = match waiting.is_empty() {
        true => None,
        false => Some(keep(service, actor, &waiting)?),
    };
    Ok(Done { told, token })
}

/// Puts aside what belongs to nobody yet: no secret is in it.
fn keep(service: &Service, actor: &Actor, waiting: &[Look]) -> Result<String, Problem> {
    let text = serde_json::to_vec(waiting).unwrap_or_default();
    let packed = zstd::bulk::compress(&text, PACKING).ok().filter(|_| text.len() <= MAX_UNPACKED);
    let packed = packed.ok_or_else(|| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "不知归属的配置太多；请分批上传",
            "too much of it belongs to no asset; send the files in several goes",
        )
    })?;
    let upload = Upload { name: String::new(), bytes: packed.into(), mapping: Mapping::new(), rev: 0 };
    service.imports.put(actor, upload, service.clock.mono())
}

/// The assets that have a name: as id, as name, or as what they told of themselves over SNMP.
fn whose(inventory: &Inventory, called: &[(AssetId, Arc<str>)], name: &str) -> Vec<AssetId> {
    let same = |text: &str| !name.is_empty() && text.eq_ignore_ascii_case(name);
    let declared = inventory.assets.values().filter(|a| same(a.id.as_str()) || same(&a.name)).map(|a| &a.id);
    let told = called.iter().filter(|(_, own)| same(own)).map(|(asset, _)| asset);
    let mut all: Vec<AssetId> = declared.chain(told).cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn judge(
    files: &[File],
    profile: Option<&str>,
    dialect: Option<Dialect>,
    key: Option<&SecretText>,
    at: Wall,
) -> Result<Vec<Result<Look, Nothing>>, Problem> {
    let loaded = policy::load(&[PathBuf::from(OWN)]);
    if !loaded.usable() {
        let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        let refused = Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("检查策略有误；请修改 {OWN} 中的文件"),
            format!("the policy is not sound; mend the files in {OWN}"),
        );
        return Err(refused.with_errors(lines));
    }
    let policy = loaded.policy;
    let profiles: Vec<&str> = profile.map_or_else(|| LEVELS.to_vec(), |one| vec![one]);
    if let Some(unknown) = profiles.iter().find(|name| !policy.profiles.contains_key(**name)) {
        let known = policy.profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(Problem::wrong(
            format!("没有检查方案 `{unknown}`；现有：{known}"),
            format!("there is no profile `{unknown}`; there are: {known}"),
        ));
    }
    let mut all = Vec::new();
    for file in files {
        match looks(file, &policy, &profiles, dialect, key, at) {
            Ok(looks) => all.extend(looks.into_iter().map(Ok)),
            Err(why) => all.push(Err((file.name.clone(), why))),
        }
        if all.len() > MAX_LOOKS {
            return Err(Problem::wrong(
                format!("文件中的设备超过 {MAX_LOOKS} 台；请分批上传"),
                format!("the files hold more than {MAX_LOOKS} devices; send them in several goes"),
            ));
        }
    }
    Ok(all)
}

fn looks(
    file: &File,
    policy: &Policy,
    profiles: &[&str],
    dialect: Option<Dialect>,
    key: Option<&SecretText>,
    at: Wall,
) -> Result<Vec<Look>, Words> {
    let bytes = &file.bytes[..];
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(words(
            "这是压缩文件；请解压后上传其中的配置",
            "this is an archive; unpack it and send what is in it",
        ));
    }
    if bytes.trim_ascii_start().starts_with(b"{\"v\":") {
        let one = |inspection: Inspection| Look {
            file: file.name.clone(),
            called: inspection.asset.as_ref().map_or_else(|| inspection.name.clone(), ToString::to_string),
            findings: BTreeMap::from([(inspection.profile.clone(), inspection.findings.clone())]),
            inspection: Inspection { findings: Vec::new(), ..inspection },
        };
        return Ok(inspections(bytes)?.into_iter().map(one).collect());
    }
    let unread = |error: Unread| match error {
        Unread::Dialect => words(
            "认不出是哪种设备的命令；若确为设备配置，请选定命令语言后重新上传",
            "no known command language recognised; if it is a device's configuration, choose the language and send it again",
        ),
        other => words(other.zh(), other.to_string()),
    };
    let snapshots = Snapshot::read(&file.name, bytes, dialect).map_err(unread)?;
    let stem = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem);
    let one = |snapshot: &Snapshot| {
        let taken = Taken { asset: None, at, origin: Origin::Dropped };
        let judged =
            |name: &&str| policy.profiles.get(*name).map(|p| inspect(policy, p, snapshot, taken.clone(), key));
        let mut by: BTreeMap<String, Inspection> =
            profiles.iter().filter_map(|name| Some(((*name).to_owned(), judged(name)?))).collect();
        let inspection = by.values().next_back()?.clone();
        let findings = by.iter_mut().map(|(name, of)| (name.clone(), std::mem::take(&mut of.findings)));
        Some(Look {
            file: file.name.clone(),
            called: if snapshot.name.is_empty() { stem.to_owned() } else { snapshot.name.clone() },
            findings: findings.collect(),
            inspection: Inspection { findings: Vec::new(), ..inspection },
        })
    };
    Ok(snapshots.iter().filter_map(one).collect())
}

/// What `baseline check --out` wrote: a look at a host a line.
pub fn inspections(bytes: &[u8]) -> Result<Vec<Inspection>, Words> {
    let text = std::str::from_utf8(bytes).map_err(|_| words("文件不是 UTF-8", "the file is not UTF-8"))?;
    let mut all = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let inspection: Inspection = serde_json::from_str(line).map_err(|e| {
            words(
                format!("第 {} 行不是核查结果：{e}", at + 1),
                format!("line {} is no result of `baseline check --out`: {e}", at + 1),
            )
        })?;
        if let Some(why) = inspection.wrong() {
            return Err(words(
                format!("第 {} 行的核查结果不合规格：{why}", at + 1),
                format!("line {} is no sound result: {why}", at + 1),
            ));
        }
        all.push(inspection);
        if all.len() > MAX_INSPECTIONS {
            return Err(words(
                format!("一次最多导入 {MAX_INSPECTIONS} 份"),
                format!("at most {MAX_INSPECTIONS} results at once"),
            ));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
