//! The description of the API, made from the route table, so that it cannot lie about paths and roles.

use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::route::{self, Body, Call, Reply, Route};

/// `GET /openapi.json`
pub async fn answer(_call: Call) -> Result<Reply, Problem> {
    Ok(Reply::Json(document()))
}

/// The whole document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in route::all() {
        let path = format!("/api/v1{}", route.path);
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = entry.as_object_mut() {
            methods.insert(route.method.to_ascii_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fengsui",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Times are RFC 3339 UTC with milliseconds; null = not measured or not there. Unknown query parameters and body keys are refused.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "`fengsui token create --role ROLE` prints one" },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-fengsui", "description": "of a signed-in browser; `fengsui` on plain loopback. Any method but GET takes the header X-CSRF-Token too" },
            },
            "schemas": {
                "Problem": {
                    "type": "object",
                    "description": "RFC 9457; `detail` names the thing and a remedy, in Chinese or English by Accept-Language",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": { "type": "string" },
                        "title": { "type": "string" },
                        "status": { "type": "integer" },
                        "detail": { "type": "string" },
                        "errors": { "type": "array", "items": { "type": "string" } },
                    },
                },
                "List": {
                    "type": "object",
                    "required": ["items", "next"],
                    "properties": {
                        "items": { "type": "array", "items": { "type": "object" } },
                        "next": { "type": ["string", "null"], "description": "give it as `after` for the next page" },
                    },
                },
                "Object": { "type": "object" },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.takes.iter().map(|p| {
        json!({
            "name": p.name,
            "in": "query",
            "required": p.required,
            "description": p.about,
            "schema": { "type": "string" },
        })
    }));
    let file = route.path.ends_with(".xlsx") || route.path.ends_with("/sheet");
    let kind = if file { super::imports::XLSX } else { "application/json" };
    let answer = match file {
        true => json!({ "type": "string", "format": "binary" }),
        false => json!({ "$ref": format!("#/components/schemas/{}", if route.list { "List" } else { "Object" }) }),
    };
    let mut all = json!({
        "operationId": operation_id(route),
        "summary": route.about,
        "description": format!("Role {} or more.", route.needs.as_str()),
        "x-role": route.needs.as_str(),
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "done",
                "content": { (kind): { "schema": answer } },
            },
            "default": {
                "description": "refused or failed",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            },
        },
    });
    let body = match route.body {
        Body::No => None,
        Body::Json(keys) | Body::LongJson(keys) => {
            let properties: Map<String, Value> =
                keys.iter().map(|(name, about)| ((*name).to_owned(), json!({ "description": about }))).collect();
            let schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
            Some(json!({ "content": { "application/json": { "schema": schema } } }))
        }
        Body::File => Some(json!({
            "required": true,
            "description": "a file of at most 16 MiB",
            "content": { "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } },
        })),
        Body::Toml => Some(json!({
            "required": true,
            "description": "inventory files; a line `# file: NAME` may begin each",
            "content": { "application/toml": { "schema": { "type": "string" } } },
        })),
    };
    if let (Some(body), Some(all)) = (body, all.as_object_mut()) {
        all.insert("requestBody".to_owned(), body);
    }
    all
}

/// `GET /assets/{id}` -> `get_assets_id`
fn operation_id(route: &Route) -> String {
    let path: String = route
        .path
        .chars()
        .filter(|c| !matches!(c, '{' | '}'))
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("{}{path}", route.method.to_ascii_lowercase())
}
