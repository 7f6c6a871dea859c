//! Importing a spreadsheet over the API: the body is the file, the answer is what it would do, a token applies it.

use serde::Deserialize;
use serde_json::json;

use super::problem::Problem;
use super::route::{Call, Reply};
use crate::config::import::{Lang, Mapping, template_xlsx};
use crate::console::imports;

/// The type of a workbook.
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Body of `POST /import/{token}/apply`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplyBody {
    #[serde(default)]
    reason: Option<String>,
}

/// `POST /import/preview`
pub async fn preview(call: Call) -> Result<Reply, Problem> {
    let mapping = call.query.text("mapping").map(imports::read_mapping).transpose()?.unwrap_or_else(Mapping::new);
    let name = call.query.text("name").unwrap_or("upload").to_owned();
    let preview = imports::preview(&call.service, &call.actor, &name, call.body, mapping).await?;
    Ok(Reply::Json(preview.json()))
}

/// `POST /import/{token}/preview`
pub async fn again(call: Call) -> Result<Reply, Problem> {
    let mapping = call.query.text("mapping").map(imports::read_mapping).transpose()?;
    let preview = imports::again(&call.service, &call.actor, call.part("token"), mapping).await?;
    Ok(Reply::Json(preview.json()))
}

/// `POST /import/{token}/apply`
pub async fn apply(call: Call) -> Result<Reply, Problem> {
    let body: ApplyBody = call.json()?;
    let done = imports::apply(&call.service, &call.actor, call.part("token"), body.reason.as_deref()).await?;
    Ok(Reply::Json(json!({
        "rev": done.rev, "added": done.added, "changed": done.changed, "bad": done.bad, "secrets": done.secrets,
    })))
}

/// `GET /import/{token}/bad.xlsx`
pub async fn bad(call: Call) -> Result<Reply, Problem> {
    let bytes = imports::bad_rows(&call.service, &call.actor, call.part("token"), lang(&call)).await?;
    Ok(Reply::File { kind: XLSX, name: "fengsui-bad-rows.xlsx", bytes })
}

/// `GET /import/template.xlsx`
pub async fn template(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::File { kind: XLSX, name: "fengsui-inventory.xlsx", bytes: template_xlsx(lang(&call)) })
}

const fn lang(call: &Call) -> Lang {
    if call.wants_chinese { Lang::Zh } else { Lang::En }
}
