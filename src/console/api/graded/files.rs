//! Files of graded protection: the record sheet, the sheet filled in, and configurations that somebody hands over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::baseline::dialect::Dialect;
use crate::console::api::incidents::ReasonBody;
use crate::console::api::problem::Problem;
use crate::console::api::query::{Param, param, required};
use crate::console::api::route::{Call, Reply};
use crate::console::dropped::{self, File, How};
use crate::console::record_sheet::{self, Format, Wanted, filled};
use crate::console::web::lang::Lang;
use crate::model::finding::Verdict;
use crate::model::{AssetId, Object, SystemId};

/// Query parameters of the record sheet.
pub const SHEET: &[Param] = &[
    required("format", "docx, xlsx or csv"),
    param("system", "of this system; all graded assets if absent"),
    param("asset", "of this asset"),
    param("item", "of this item, such as L3-CES1-02"),
    param("result", "pass, partial, fail, na, manual, error"),
];
/// Query parameters of a configuration.
pub const CONFIGURATION: &[Param] = &[
    param("name", "name of the file (optional)"),
    param("asset", "whose it is; found by its own name if absent"),
    param("dialect", "command language, such as huawei-vrp; recognised if absent"),
    param("profile", "l2, l3 or one of your own; by the level of the asset's systems if absent"),
];

/// `GET /baseline/sheet`
pub async fn sheet(call: Call) -> Result<Reply, Problem> {
    let format = call.query.read_with("format", "docx, xlsx or csv", Format::parse)?.unwrap_or(Format::Docx);
    let system = call.query.parse::<SystemId>("system", "a system")?;
    let (_, inventory) = call.service.store.inventory();
    if let Some(id) = system.as_ref().filter(|id| !inventory.systems.contains_key(*id)) {
        return Err(Problem::unknown("定级对象", "system", id.as_str()));
    }
    let wanted = Wanted {
        system,
        asset: call.query.parse::<AssetId>("asset", "an asset")?.map(|asset| asset.to_string()),
        item: call.query.text("item").map(str::to_owned),
        result: call.query.read_with("result", "pass, partial, fail, na, manual or error", Verdict::parse)?,
        words: Vec::new(),
    };
    let lang = if call.wants_chinese { Lang::Zh } else { Lang::En };
    let sheet = record_sheet::build(&call.service, &call.actor.scope, &wanted, lang).await?;
    Ok(Reply::File { kind: format.kind(), name: format.file(), bytes: sheet.write(format)? })
}

/// `POST /baseline/answers/preview`
pub async fn look(call: Call) -> Result<Reply, Problem> {
    let name = call.query.text("name").unwrap_or("upload").to_owned();
    let preview = filled::preview(&call.service, &call.actor, &name, call.body).await?;
    Ok(Reply::Json(preview.json()))
}

/// `POST /baseline/answers/{token}/apply`
pub async fn apply(call: Call) -> Result<Reply, Problem> {
    let body: ReasonBody = call.json()?;
    let count = filled::apply(&call.service, &call.actor, call.part("token"), body.reason.as_deref()).await?;
    Ok(Reply::Json(json!({ "answers": count })))
}

/// `POST /baseline/configurations`
pub async fn configuration(call: Call) -> Result<Reply, Problem> {
    let asset = call.query.parse::<AssetId>("asset", "an asset")?;
    if let Some(unseen) = asset.as_ref().filter(|asset| !sees(&call, asset)) {
        return Err(Problem::unknown("资产", "asset", unseen.as_str()));
    }
    let known = Dialect::ALL.map(Dialect::as_str).join(", ");
    let dialect = call.query.read_with("dialect", &known, Dialect::parse)?;
    let how = How { asset, dialect, profile: call.query.text("profile").map(str::to_owned) };
    let file = File::new(call.query.text("name").unwrap_or("upload"), call.body.clone());
    Ok(Reply::Json(dropped::take(&call.service, &call.actor, vec![file], how).await?.json()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetsBody {
    assets: Vec<Option<AssetId>>,
}

/// `POST /baseline/configurations/{token}`
pub async fn assign(call: Call) -> Result<Reply, Problem> {
    let body: AssetsBody = call.json()?;
    if let Some(unseen) = body.assets.iter().flatten().find(|asset| !sees(&call, asset)) {
        return Err(Problem::unknown("资产", "asset", unseen.as_str()));
    }
    let chosen: BTreeMap<usize, AssetId> =
        body.assets.into_iter().enumerate().filter_map(|(at, asset)| Some((at, asset?))).collect();
    Ok(Reply::Json(dropped::assign(&call.service, &call.actor, call.part("token"), &chosen).await?.json()))
}

fn sees(call: &Call, asset: &AssetId) -> bool {
    let store = &call.service.store;
    store.sees(&call.actor.scope, &Object::Asset(asset.clone())) && store.inventory().1.assets.contains_key(asset)
}
