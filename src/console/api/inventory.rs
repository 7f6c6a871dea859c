//! The declared inventory: export it, plan a change, apply a plan.

use serde_json::{Value, json};

use super::problem::Problem;
use super::route::{Call, Reply};
use super::shape;
use crate::config::inventory::{self, Action, Diff};
use crate::console::command::{Command, Outcome, Scope};

/// Name under which diagnostics speak of a request's body.
const BODY: &str = "inventory.toml";
/// What a client may say instead, so that diagnostics name its file: a line `# file: NAME` before each file's text.
pub const FILE_MARK: &str = "# file: ";

/// `GET /inventory`
pub async fn export(call: Call) -> Result<Reply, Problem> {
    if call.actor.scope != Scope::All {
        return Err(Problem::new(
            axum::http::StatusCode::FORBIDDEN,
            "导出整个台账需要不限区划的令牌；请使用 /api/v1/assets",
            "the whole inventory needs a token without regions; use /api/v1/assets",
        ));
    }
    let (rev, all) = call.service.store.inventory();
    if call.wants_toml {
        return Ok(Reply::Text("application/toml; charset=utf-8", inventory::export(&all)));
    }
    Ok(Reply::Json(json!({
        "rev": rev,
        "regions": all.regions.values().map(shape::region).collect::<Vec<_>>(),
        "agents": all.agents.values().map(shape::agent_decl).collect::<Vec<_>>(),
        "assets": all.assets.values().map(shape::asset).collect::<Vec<_>>(),
        "links": all.links.values().map(shape::link).collect::<Vec<_>>(),
        "toml": inventory::export(&all),
    })))
}

/// `POST /inventory/plan`
pub async fn plan(call: Call) -> Result<Reply, Problem> {
    let (rev, diff) = read(&call)?;
    Ok(Reply::Json(
        json!({ "base_rev": rev, "changes": changes(&diff), "lines": lines(&diff), "lines_zh": lines_zh(&diff) }),
    ))
}

/// `POST /inventory/apply`
pub async fn apply(call: Call) -> Result<Reply, Problem> {
    let base_rev = call.query.parse::<u64>("base_rev", "a revision")?.unwrap_or_default();
    let (rev, diff) = read(&call)?;
    if rev != base_rev {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            format!("台账已变更（计划基于 {base_rev}，现为 {rev}）；请重新生成计划"),
            format!("the inventory has changed (planned against {base_rev}, now {rev}); plan again"),
        ));
    }
    let shown = changes(&diff);
    let (printed, printed_zh) = (lines(&diff), lines_zh(&diff));
    if diff.changes.is_empty() {
        return Ok(Reply::Json(json!({ "rev": rev, "changes": shown, "lines": printed, "lines_zh": printed_zh })));
    }
    let command = Command::InventoryApply { inventory: Box::new(diff.merged), summary: printed.clone(), base_rev };
    let rev = match call.service.store.command(&call.actor, None, command).await? {
        Outcome::Revision(rev) => rev,
        _ => call.service.store.inventory().0,
    };
    Ok(Reply::Json(json!({ "rev": rev, "changes": shown, "lines": printed, "lines_zh": printed_zh })))
}

fn read(call: &Call) -> Result<(u64, Diff), Problem> {
    let text = std::str::from_utf8(&call.body).map_err(|_| {
        Problem::wrong("请求体不是 UTF-8；请转换后重试", "the body is not UTF-8; convert it and try again")
    })?;
    let (rev, old) = call.service.store.inventory();
    let diff = inventory::apply(&old, &split(text), call.query.flag("prune")?).map_err(|diagnostics| {
        Problem::new(
            axum::http::StatusCode::UNPROCESSABLE_ENTITY,
            format!("台账有 {} 处错误，未作任何更改", diagnostics.len()),
            format!("the inventory has {} mistakes, nothing was changed", diagnostics.len()),
        )
        .with_errors(diagnostics.iter().map(ToString::to_string).collect())
    })?;
    Ok((rev, diff))
}

/// Cuts a body into files at its `FILE_MARK` lines, so that a diagnostic names file and line as the sender has them.
fn split(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix(FILE_MARK) {
            files.push((name.trim_end().chars().take(255).collect(), String::new()));
            continue;
        }
        if files.is_empty() {
            files.push((BODY.to_owned(), String::new()));
        }
        if let Some((_, body)) = files.last_mut() {
            body.push_str(line);
        }
    }
    files
}

fn changes(diff: &Diff) -> Vec<Value> {
    diff.changes
        .iter()
        .map(|c| {
            let fields: Vec<Value> =
                c.fields.iter().map(|(field, old, new)| json!({ "field": field, "old": old, "new": new })).collect();
            json!({ "action": word(c.action), "what": c.what, "id": c.id, "fields": fields })
        })
        .collect()
}

fn lines(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(ToString::to_string).collect()
}

fn lines_zh(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(|c| c.zh()).collect()
}

/// The word for JSON.
const fn word(action: Action) -> &'static str {
    match action {
        Action::Add => "add",
        Action::Change => "change",
        Action::Remove => "remove",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_several_files_keeps_their_names_and_lines() {
        let body = "# file: a.toml\nx = 1\n# file: b.toml\n\ny = 2\n";
        assert_eq!(
            split(body),
            [("a.toml".to_owned(), "x = 1\n".to_owned()), ("b.toml".to_owned(), "\ny = 2\n".to_owned())]
        );
        assert_eq!(split("z = 3"), [(BODY.to_owned(), "z = 3".to_owned())]);
    }
}
