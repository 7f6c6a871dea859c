//! A record sheet that comes back filled in: looked at row by row, kept under a token, and taken whole or not at all. A
//! row in which nobody wrote anything says nothing, so an old sheet takes no answer away.

use std::collections::{BTreeSet, HashMap};

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Column, named};
use crate::config::import::{self, Fault, MAX_CELL, Mapping, Tab, Words, words};
use crate::console::api::call::Needs;
use crate::console::api::problem::Problem;
use crate::console::command::{Actor, Command};
use crate::console::graded;
use crate::console::imports::Upload;
use crate::console::service::Service;
use crate::console::store::StoreError;
use crate::console::web::lang::Lang;
use crate::console::web::ui::table::inert;
use crate::console::web::ui::words as ui_words;
use crate::model::finding::Verdict;
use crate::model::inventory::Inventory;
use crate::model::waiver::{Answer, MAX_SAID};
use crate::model::{AssetId, Object};

/// Rows among which the headings are looked for: somebody may have put a title above.
const HEAD_ROWS: usize = 20;
/// Faults that are told; the rest is counted.
pub const MAX_FAULTS: usize = 200;
/// Columns without which a row means nothing.
const NEEDED: [Column; 4] = [Column::Item, Column::AssetId, Column::Answer, Column::Seen];

/// An answer that would be given.
#[derive(Debug, Clone)]
pub struct Given {
    /// The row of its sheet, from 1.
    pub row: usize,
    /// What it says.
    pub answer: Answer,
    /// What the asset is called.
    pub name: String,
    /// What is answered so far.
    pub before: Option<(Verdict, String)>,
}

/// Something that is wrong with a row.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// The sheet of the workbook; empty for CSV.
    pub tab: String,
    /// Its row, from 1.
    pub row: usize,
    /// Where in it, what, and what to do.
    pub fault: Fault,
}

/// A sheet, looked at.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Under which it is kept.
    pub token: String,
    /// The file's name.
    pub file: String,
    /// Answers that are new or other than before.
    pub given: Vec<Given>,
    /// Rows that say what is answered already.
    pub same: usize,
    /// Rows in which nobody wrote.
    pub blank: usize,
    /// Faults, at most `MAX_FAULTS`; with any of them nothing is taken.
    pub wrong: Vec<Wrong>,
    /// Faults in all.
    pub faults: usize,
}

impl Preview {
    /// Whether it can be taken.
    pub fn takes(&self) -> bool {
        self.faults == 0 && !self.given.is_empty()
    }

    /// Equal for equal changes: what was looked at is what is taken.
    fn mark(&self) -> u64 {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for given in &self.given {
            let (answer, before) = (&given.answer, given.before.as_ref());
            let before = before.map_or(("", ""), |(result, reason)| (result.as_str(), reason));
            let texts =
                [answer.asset.as_str(), &answer.target, answer.result.as_str(), &answer.reason, before.0, before.1];
            for text in texts {
                context.update(&(text.len() as u64).to_le_bytes());
                context.update(text.as_bytes());
            }
        }
        let first = context.finish().as_ref().first_chunk::<8>().copied();
        first.map_or(0, u64::from_le_bytes)
    }

    /// As the API shows it.
    pub fn json(&self) -> Value {
        let both = |words: &Words| json!({ "zh": words.zh, "en": words.en });
        json!({
            "token": self.token,
            "file": self.file,
            "counts": { "change": self.given.len(), "same": self.same, "blank": self.blank, "bad": self.faults },
            "answers": self.given.iter().map(|given| json!({
                "row": given.row,
                "asset": given.answer.asset,
                "target": given.answer.target,
                "result": given.answer.result,
                "reason": given.answer.reason,
                "before": given.before.as_ref().map(|(result, reason)| json!({ "result": result, "reason": reason })),
            })).collect::<Vec<_>>(),
            "bad": self.wrong.iter().map(|wrong| json!({
                "sheet": wrong.tab,
                "row": wrong.row,
                "column": wrong.fault.column,
                "heading": wrong.fault.heading,
                "value": wrong.fault.value,
                "what": both(&wrong.fault.what),
                "remedy": both(&wrong.fault.remedy),
            })).collect::<Vec<_>>(),
        })
    }
}

/// Looks at a new file and keeps it.
pub async fn preview(service: &Service, actor: &Actor, name: &str, bytes: Bytes) -> Result<Preview, Problem> {
    permitted(actor)?;
    let name: String = name.chars().filter(|c| !c.is_control()).take(120).collect();
    let mut preview = judge(service, actor, &name, &bytes).await?;
    let upload = Upload { name, bytes, mapping: Mapping::new(), rev: preview.mark() };
    preview.token = service.imports.put(actor, upload, service.clock.mono())?;
    Ok(preview)
}

/// Looks at a kept file again; what it would do now is what can be taken next.
pub async fn again(service: &Service, actor: &Actor, token: &str) -> Result<Preview, Problem> {
    let upload = kept(service, actor, token)?;
    let mut preview = judge(service, actor, &upload.name, &upload.bytes).await?;
    preview.token = token.to_owned();
    service.imports.judged(token, Mapping::new(), preview.mark(), service.clock.mono());
    Ok(preview)
}

/// Takes the answers of a kept file in one transaction; answers how many.
pub async fn apply(service: &Service, actor: &Actor, token: &str, reason: Option<&str>) -> Result<usize, Problem> {
    let upload = kept(service, actor, token)?;
    let preview = judge(service, actor, &upload.name, &upload.bytes).await?;
    if preview.faults > 0 {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("有 {} 处错误，未导入任何内容；请改正后重新上传", preview.faults),
            format!("there are {} mistakes, nothing was taken; mend them and send the file again", preview.faults),
        ));
    }
    if preview.mark() != upload.rev {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "预览之后核查结果已变更；请重新预览",
            "answers have changed since the preview; look at it again",
        ));
    }
    let given: Vec<Answer> = preview.given.into_iter().map(|given| given.answer).collect();
    let count = given.len();
    if count > 0 {
        let reason = reason.map_or_else(|| format!("file {}", upload.name), str::to_owned);
        service.store.command(actor, Some(&reason), Command::Answers(given)).await?;
    }
    service.imports.drop(actor, token, service.clock.mono());
    Ok(count)
}

fn permitted(actor: &Actor) -> Result<(), Problem> {
    if Needs::Security.lets(actor) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "导入核查结果需要安全管理员",
        "handing in a record sheet needs a security administrator",
    ))
}

fn kept(service: &Service, actor: &Actor, token: &str) -> Result<Upload, Problem> {
    permitted(actor)?;
    service.imports.kept(actor, token, service.clock.mono())
}

async fn judge(service: &Service, actor: &Actor, name: &str, bytes: &Bytes) -> Result<Preview, Problem> {
    let read = bytes.clone();
    let tabs = service.imports.alone(move || import::tabs(&read)).await?;
    let tabs = tabs.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.zh(), error.to_string()))?;
    let (_, inventory) = service.store.inventory();
    let seen = |asset: &AssetId| {
        inventory.assets.contains_key(asset) && service.store.sees(&actor.scope, &Object::Asset(asset.clone()))
    };
    let assets: Vec<AssetId> = inventory.assets.keys().filter(|asset| seen(asset)).cloned().collect();
    let answers =
        service.store.answers(&actor.scope, assets.clone()).await.map_err(|e: StoreError| Problem::from(e))?;
    let mut reading = Reading {
        inventory: &inventory,
        assets: assets.into_iter().collect(),
        items: graded::items(3).into_iter().map(|clause| clause.item.as_str()).collect(),
        held: answers.into_iter().map(|a| ((a.asset, a.target), (a.result, a.reason))).collect(),
        said: HashMap::new(),
        by: actor.name.to_string(),
        at: service.clock.wall(),
        preview: Preview {
            token: String::new(),
            file: name.to_owned(),
            given: Vec::new(),
            same: 0,
            blank: 0,
            wrong: Vec::new(),
            faults: 0,
        },
    };
    let mut found = false;
    for tab in &tabs {
        found |= reading.tab(tab);
    }
    if found {
        return Ok(reading.preview);
    }
    let names = |l: Lang| NEEDED.map(|column| column.title(l)).join(l.pick("、", ", "));
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("没有工作表含有这些列：{}；请填写导出的结果记录表", names(Lang::Zh)),
        format!("no sheet has the columns {}; fill in a record sheet that was exported", names(Lang::En)),
    ))
}

/// Where the needed columns stand.
#[derive(Clone, Copy)]
struct Places([usize; NEEDED.len()]);

impl Places {
    fn find(cells: &[String]) -> Option<Self> {
        let mut places = [0; NEEDED.len()];
        for (place, column) in places.iter_mut().zip(NEEDED) {
            let is = |cell: &String| Lang::ALL.iter().any(|l| cell.eq_ignore_ascii_case(column.title(*l)));
            *place = cells.iter().position(is)?;
        }
        Some(Self(places))
    }

    fn of(self, column: Column) -> usize {
        NEEDED.iter().position(|one| *one == column).and_then(|at| self.0.get(at)).copied().unwrap_or(0)
    }
}

struct Reading<'a> {
    inventory: &'a Inventory,
    /// Assets that whoever sent the file sees.
    assets: BTreeSet<AssetId>,
    items: BTreeSet<&'static str>,
    held: HashMap<(AssetId, String), (Verdict, String)>,
    /// Rows of the file that answer something.
    said: HashMap<(AssetId, String), (String, usize, Verdict, String)>,
    by: String,
    at: crate::model::Wall,
    preview: Preview,
}

impl Reading<'_> {
    /// Reads a sheet; whether it is one that was exported.
    fn tab(&mut self, tab: &Tab) -> bool {
        let head = tab.rows.iter().take(HEAD_ROWS).enumerate();
        let Some((at, places)) = head.filter_map(|(at, (_, cells))| Some((at, Places::find(cells)?))).next() else {
            return false;
        };
        let headings = tab.rows.get(at).map(|(_, cells)| cells.clone()).unwrap_or_default();
        for (row, cells) in tab.rows.iter().skip(at + 1) {
            let text = |column| cells.get(places.of(column)).map_or("", |cell| cell.trim());
            if text(Column::Answer).is_empty() && text(Column::Seen).is_empty() {
                self.preview.blank += 1;
                continue;
            }
            if let Err((column, what, remedy)) = self.row(&tab.name, *row, text) {
                self.preview.faults += 1;
                if self.preview.wrong.len() < MAX_FAULTS {
                    let place = places.of(column);
                    let fault = Fault {
                        column: Some(place),
                        heading: headings.get(place).cloned().unwrap_or_default(),
                        value: text(column).chars().take(60).collect(),
                        what,
                        remedy,
                    };
                    self.preview.wrong.push(Wrong { tab: tab.name.clone(), row: *row, fault });
                }
            }
        }
        true
    }

    fn row<'t>(
        &mut self,
        tab: &str,
        row: usize,
        text: impl Fn(Column) -> &'t str,
    ) -> Result<(), (Column, Words, Words)> {
        let item = text(Column::Item);
        if !self.items.contains(item) {
            return Err((
                Column::Item,
                words("没有此测评项", "there is no such item"),
                words("请写 GB/T 28448 的编号，如 L3-CES1-01", "write its number in GB/T 28448, such as L3-CES1-01"),
            ));
        }
        let asset = AssetId::new(text(Column::AssetId)).ok().filter(|asset| self.assets.contains(asset));
        let Some(asset) = asset else {
            return Err((
                Column::AssetId,
                words("没有此资产，或不在可见范围内", "there is no such asset, or it is not in your regions"),
                words("请写台账中的资产编号", "write the id that the inventory has"),
            ));
        };
        let Some(result) = verdict(text(Column::Answer)) else {
            let all = |l: Lang| Verdict::ALL.map(|v| ui_words::verdict(l, v)).join(l.pick("、", ", "));
            return Err((
                Column::Answer,
                words("不是核查结论", "this is no verdict"),
                words(format!("请从中选择：{}", all(Lang::Zh)), format!("choose one of: {}", all(Lang::En))),
            ));
        };
        let reason = text(Column::Seen);
        if reason.is_empty() {
            return Err((
                Column::Seen,
                words("缺少核查所见", "what was seen is missing"),
                words("请写明看到了什么", "write what was seen"),
            ));
        }
        if reason.len() > MAX_SAID || reason.chars().count() >= MAX_CELL {
            return Err((
                Column::Seen,
                words("文字过长", "the text is too long"),
                words("请缩短到 600 字以内", "shorten it to 600 characters"),
            ));
        }
        let key = (asset.clone(), item.to_owned());
        if let Some((other, line, said, words_said)) = self.said.get(&key) {
            if (*said, words_said.as_str()) == (result, reason) {
                self.preview.same += 1;
                return Ok(());
            }
            return Err((
                Column::Answer,
                words(
                    format!("与{other}第 {line} 行不一致", other = shown(other, Lang::Zh)),
                    format!("{}row {line} says something else about it", shown(other, Lang::En)),
                ),
                words("同一资产的同一测评项只留一行", "keep one row of an item of an asset"),
            ));
        }
        self.said.insert(key.clone(), (tab.to_owned(), row, result, reason.to_owned()));
        let before = self.held.get(&key).cloned();
        // In CSV a text that looks like a formula came with an apostrophe in front.
        if before.as_ref().is_some_and(|(held, why)| *held == result && (why == reason || inert(why) == reason)) {
            self.preview.same += 1;
            return Ok(());
        }
        let name = named(self.inventory, &asset);
        let (by, at) = (self.by.clone(), self.at);
        let answer = Answer { asset, target: item.to_owned(), result, reason: reason.to_owned(), by, at };
        self.preview.given.push(Given { row, answer, name, before });
        Ok(())
    }
}

fn shown(tab: &str, l: Lang) -> String {
    match (tab.is_empty(), l) {
        (true, _) => String::new(),
        (false, Lang::Zh) => format!("工作表「{tab}」"),
        (false, Lang::En) => format!("sheet `{tab}` "),
    }
}

/// A verdict in either language, or as the API writes it.
fn verdict(text: &str) -> Option<Verdict> {
    let is = |verdict: &Verdict| {
        let words = Lang::ALL.map(|l| ui_words::verdict(l, *verdict));
        words.into_iter().chain([verdict.as_str()]).any(|word| word.eq_ignore_ascii_case(text))
    };
    Verdict::ALL.into_iter().find(is)
}
