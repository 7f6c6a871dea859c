//! Importing spreadsheets: an upload is judged and kept for half an hour under a token, so that it can be looked
//! at, mapped otherwise, and applied without being sent again. API and pages use the functions here.
//!
//! An upload belongs to who sent it. It may hold communities and passwords, so it lives in memory only, is shown
//! to nobody, and is judged anew each time against the inventory as it then is. Filled-in record sheets and looks at
//! configurations that belong to nobody yet wait here likewise.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::api::problem::Problem;
use super::api::shape;
use super::command::{Actor, Command, Outcome, Role, Scope};
use super::secrets::{hex, random};
use super::service::Service;
use crate::config::import::{self, Against, Field, Lang, Mapping, RowAction, Sheet, Words};
use crate::config::inventory;
use crate::model::inventory::Inventory;
use crate::model::{Mono, Secret};

/// How long an upload is kept: to read a preview and ask somebody about a row.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// Uploads kept at once: a few administrators, two tries each.
const MAX_KEPT: usize = 8;
/// Bytes kept at once: two of the largest.
const MAX_BYTES: usize = 32 << 20;
/// Files judged at once: each may take 200 MiB for a second.
const JUDGING: usize = 1;
/// Lines of the plan in an audit row; the whole plan is the difference of two revisions.
const MAX_LINES: usize = 200;

/// Uploads that wait to be applied.
pub struct Imports {
    kept: Mutex<BTreeMap<String, Kept>>,
    judging: Semaphore,
}

/// A file somebody sent.
#[derive(Clone)]
pub struct Upload {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// Columns mapped by hand.
    pub mapping: Mapping,
    /// What it was judged against last: the revision of the inventory, or the mark of what it would change.
    pub rev: u64,
}

struct Kept {
    actor: String,
    at: Mono,
    upload: Upload,
}

impl Default for Imports {
    fn default() -> Self {
        Self { kept: Mutex::default(), judging: Semaphore::new(JUDGING) }
    }
}

impl Imports {
    /// Keeps an upload; answers its token. The sender's own older ones make way for it, others' do not.
    pub fn put(&self, actor: &Actor, upload: Upload, now: Mono) -> Result<String, Problem> {
        let bytes: [u8; 16] = random()?;
        let token = hex(&bytes);
        let mut kept = self.lock(now);
        let full = |kept: &BTreeMap<String, Kept>| {
            let held: usize = kept.values().map(|k| k.upload.bytes.len()).sum();
            kept.len() >= MAX_KEPT || held + upload.bytes.len() > MAX_BYTES
        };
        while full(&kept) {
            let own = kept.iter().filter(|(_, k)| k.actor == *actor.name).min_by_key(|(_, k)| k.at);
            let Some(oldest) = own.map(|(token, _)| token.clone()) else {
                return Err(Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "其他人待导入的文件已占满；请半小时后再试",
                    "other people's uploads fill the place; try again in half an hour",
                )
                .retry_after(60));
            };
            kept.remove(&oldest);
        }
        kept.insert(token.clone(), Kept { actor: actor.name.to_string(), at: now, upload });
        Ok(token)
    }

    /// An upload of this actor, while it is kept.
    pub fn get(&self, actor: &Actor, token: &str, now: Mono) -> Option<Upload> {
        self.lock(now).get(token).filter(|kept| kept.actor == *actor.name).map(|kept| kept.upload.clone())
    }

    /// Lets go of an upload of this actor.
    pub fn drop(&self, actor: &Actor, token: &str, now: Mono) {
        let mut kept = self.lock(now);
        if kept.get(token).is_some_and(|kept| kept.actor == *actor.name) {
            kept.remove(token);
        }
    }

    /// The same, or why there is none.
    pub fn kept(&self, actor: &Actor, token: &str, now: Mono) -> Result<Upload, Problem> {
        self.get(actor, token, now).ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "上传的文件已过期或不是本人上传；请重新上传",
                "the upload is gone (kept for 30 minutes), or is somebody else's; send the file again",
            )
        })
    }

    /// Notes against what an upload was judged last.
    pub fn judged(&self, token: &str, mapping: Mapping, rev: u64, now: Mono) {
        if let Some(kept) = self.lock(now).get_mut(token) {
            kept.upload.mapping = mapping;
            kept.upload.rev = rev;
        }
    }

    /// Does heavy work on a thread of its own, a piece at a time.
    pub async fn alone<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let closed = || Problem::from(super::store::StoreError::Closed);
        let _permit = self.judging.acquire().await.map_err(|_| closed())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| closed())
    }

    /// What is kept, without what is too old.
    fn lock(&self, now: Mono) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, k| now.since(k.at) < LIFE);
        kept
    }
}

/// A judged upload.
#[derive(Debug)]
pub struct Preview {
    /// Under which it is kept.
    pub token: String,
    /// The revision it was judged against.
    pub base_rev: u64,
    /// What it says.
    pub sheet: Sheet,
}

/// What was applied.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The inventory's revision now.
    pub rev: u64,
    /// Assets that are new.
    pub added: usize,
    /// Assets that changed.
    pub changed: usize,
    /// Rows that were left out.
    pub bad: usize,
    /// Names of the secrets that were sealed.
    pub secrets: Vec<String>,
}

/// Judges a new upload and keeps it.
pub async fn preview(
    service: &Service,
    actor: &Actor,
    name: &str,
    bytes: Bytes,
    mapping: Mapping,
) -> Result<Preview, Problem> {
    permitted(actor)?;
    let upload = Upload { name: name.to_owned(), bytes, mapping, rev: 0 };
    let (base_rev, sheet) = judge(service, &upload).await?;
    let upload = Upload { rev: base_rev, ..upload };
    let token = service.imports.put(actor, upload, service.clock.mono())?;
    Ok(Preview { token, base_rev, sheet })
}

/// Judges a kept upload again: with another mapping if one is given, against the inventory as it is now.
pub async fn again(
    service: &Service,
    actor: &Actor,
    token: &str,
    mapping: Option<Mapping>,
) -> Result<Preview, Problem> {
    let mut upload = kept(service, actor, token)?;
    if let Some(mapping) = mapping {
        upload.mapping = mapping;
    }
    let (base_rev, sheet) = judge(service, &upload).await?;
    service.imports.judged(token, upload.mapping, base_rev, service.clock.mono());
    Ok(Preview { token: token.to_owned(), base_rev, sheet })
}

/// Applies the good rows of a kept upload in one transaction, with the regions, units, persons and secrets they
/// need. Refused if the inventory changed since it was looked at. The upload stays for its bad rows.
pub async fn apply(service: &Service, actor: &Actor, token: &str, reason: Option<&str>) -> Result<Applied, Problem> {
    let upload = kept(service, actor, token)?;
    let (rev, base) = service.store.inventory();
    let conflict = || {
        Problem::new(
            StatusCode::CONFLICT,
            "预览之后台账已变更；请重新预览",
            "the inventory has changed since the preview; look at it again",
        )
    };
    if rev != upload.rev {
        return Err(conflict());
    }
    let (judged_rev, sheet) = judge(service, &upload).await?;
    if judged_rev != rev {
        return Err(conflict());
    }
    let (added, changed, _, bad) = sheet.counts();
    if !sheet.changes_anything() {
        return Ok(Applied { rev, added, changed, bad, secrets: Vec::new() });
    }
    let merged = sheet.merged(&base);
    let mut summary = written(&base, &merged, &sheet.file)?;
    let secrets: Vec<(String, Secret)> = sheet.secrets.iter().map(|s| (s.name.clone(), s.secret.clone())).collect();
    let names: Vec<String> = secrets.iter().map(|(name, _)| name.clone()).collect();
    summary.insert(0, format!("file {}: {added} added, {changed} changed, {bad} left out", sheet.file));
    let command = Command::Import { inventory: Box::new(merged), secrets, summary, base_rev: rev };
    let rev = match service.store.command(actor, reason, command).await? {
        Outcome::Revision(rev) => rev,
        _ => service.store.inventory().0,
    };
    service.imports.judged(token, upload.mapping, rev, service.clock.mono());
    Ok(Applied { rev, added, changed, bad, secrets: names })
}

/// The bad rows of a kept upload as a workbook.
pub async fn bad_rows(service: &Service, actor: &Actor, token: &str, lang: Lang) -> Result<Vec<u8>, Problem> {
    let upload = kept(service, actor, token)?;
    let (_, sheet) = judge(service, &upload).await?;
    Ok(sheet.bad_rows_xlsx(lang))
}

/// Columns mapped by hand, as a query says it: `3:owner,5:ignore`, columns counted from 0.
pub fn read_mapping(text: &str) -> Result<Mapping, Problem> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (column, field) = pair.split_once(':')?;
        let column: usize = column.trim().parse().ok().filter(|c| *c < import::MAX_COLUMNS)?;
        Some((column, Field::parse(field.trim())?))
    };
    pairs.map(read).collect::<Option<Mapping>>().ok_or_else(|| {
        let all: Vec<&str> = Field::all().map(Field::as_str).collect();
        Problem::wrong(
            format!("列映射应写成 3:owner,5:ignore（列从 0 数起）；可用：{}", all.join("、")),
            format!("a mapping reads 3:owner,5:ignore (columns from 0); known: {}", all.join(", ")),
        )
    })
}

/// What an import shows is the whole inventory, and what it changes belongs to no region.
pub(super) fn permitted(actor: &Actor) -> Result<(), Problem> {
    if actor.role == Role::Admin && actor.scope == Scope::All {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "导入台账需要不限区划的管理员",
        "importing needs an administrator that is not limited to regions",
    ))
}

fn kept(service: &Service, actor: &Actor, token: &str) -> Result<Upload, Problem> {
    permitted(actor)?;
    service.imports.kept(actor, token, service.clock.mono())
}

async fn judge(service: &Service, upload: &Upload) -> Result<(u64, Sheet), Problem> {
    let (own, upload) = (service.clone(), upload.clone());
    let work = move || {
        let service = own;
        let grid = import::read(&upload.name, &upload.bytes)?;
        let (rev, base) = service.store.inventory();
        let rows = service.store.secrets();
        let secrets: BTreeMap<String, Secret> =
            rows.into_iter().filter_map(|row| Some((row.name.clone(), service.store.secret(&row.name)?))).collect();
        let against = Against { inventory: &base, secrets: &secrets };
        Ok((rev, import::judge(&grid, &upload.mapping, &against)))
    };
    service.imports.alone(work).await?.map_err(|error: import::ImportError| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.zh(), error.to_string())
    })
}

/// What changes, in lines for the audit trail. What the store could not read back is refused: it would keep the
/// console from starting.
pub(super) fn written(base: &Inventory, merged: &Inventory, name: &str) -> Result<Vec<String>, Problem> {
    let text = inventory::export(merged);
    let read = inventory::parse(&[(name.to_owned(), text)]);
    if read.as_ref().is_ok_and(|read| read == merged) {
        let diff = inventory::diff(base, merged, false);
        let mut lines: Vec<String> = diff.changes.iter().take(MAX_LINES).map(ToString::to_string).collect();
        let more = diff.changes.len().saturating_sub(MAX_LINES);
        if more > 0 {
            lines.push(format!("... and {more} more"));
        }
        return Ok(lines);
    }
    let first = read.err().and_then(|list| list.first().map(ToString::to_string)).unwrap_or_default();
    tracing::error!(%first, "an import gave an inventory that does not read back and was not applied");
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("结果不能写入台账，未作任何更改：{first}"),
        format!("the result cannot stand in the inventory, nothing was changed: {first}"),
    ))
}

impl Preview {
    /// As the API shows it.
    pub fn json(&self) -> Value {
        let sheet = &self.sheet;
        let (add, change, same, bad) = sheet.counts();
        let both = |words: &Words| json!({ "zh": words.zh, "en": words.en });
        json!({
            "token": self.token,
            "base_rev": self.base_rev,
            "file": sheet.file,
            "sheet": sheet.tab,
            "heading_row": sheet.heading_row,
            "counts": { "add": add, "change": change, "same": same, "bad": bad },
            "notes": sheet.notes.iter().map(both).collect::<Vec<_>>(),
            "columns": sheet.columns.iter().map(|c| json!({
                "index": c.index, "heading": c.heading, "field": c.field.map(Field::as_str),
                "by_hand": c.by_hand, "secret": c.secret, "sample": c.sample,
            })).collect::<Vec<_>>(),
            "regions": sheet.regions.iter().map(shape::region).collect::<Vec<_>>(),
            "organisations": sheet.organisations.iter().map(|o| json!({ "id": o.id, "name": o.name })).collect::<Vec<_>>(),
            "persons": sheet.persons.iter()
                .map(|p| json!({ "id": p.id, "name": p.name, "organisation": p.organisation }))
                .collect::<Vec<_>>(),
            "secrets": sheet.secrets.iter()
                .map(|s| json!({ "name": s.name, "type": s.secret.kind(), "used_by": s.used_by }))
                .collect::<Vec<_>>(),
            "rows": sheet.good.iter().map(|row| json!({
                "row": row.number,
                "action": row.action.as_str(),
                "asset": (row.action != RowAction::Same).then(|| shape::asset(&row.asset)),
                "id": row.asset.id,
                "name": row.asset.name,
                "fields": row.fields.iter()
                    .map(|(field, old, new)| json!({ "field": field, "old": old, "new": new }))
                    .collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "bad": sheet.bad.iter().map(|row| json!({
                "row": row.number,
                "cells": row.cells,
                "problems": row.faults.iter().map(|f| json!({
                    "column": f.column, "heading": f.heading, "value": f.value,
                    "what": both(&f.what), "remedy": both(&f.remedy),
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests;
