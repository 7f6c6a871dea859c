//! What devices said: lines of syslog and traps, searched.

use serde_json::{Value, json};

use super::problem::Problem;
use super::query::{AFTER, LIMIT, Param, param};
use super::route::{Call, Reply};
use super::{page, shape};
use crate::console::store::EventFilter;
use crate::model::wire::{Heard, LogSource, SEVERITIES};
use crate::model::{AssetId, Wall};

/// Query parameters of the list.
pub const TAKES: &[Param] = &[
    param("q", "words in any order; part of a Chinese text, the beginning of other words"),
    param("asset", "of this asset"),
    param("unknown", "true: of senders that are no address of an asset"),
    param("sender", "from this address"),
    param("source", "syslog, trap"),
    param("severity", "at least this bad: emergency, alert, critical, error, warning, notice, info, debug"),
    param("tag", "with this tag, such as SSH/SSH_FAIL"),
    param("from", "RFC 3339; not before this"),
    param("to", "RFC 3339; before this"),
    LIMIT,
    AFTER,
];

/// `GET /events`
pub async fn list(call: Call) -> Result<Reply, Problem> {
    let query = &call.query;
    let severity = |word: &str| SEVERITIES.iter().zip(0u8..).find(|(known, _)| **known == word).map(|(_, n)| n);
    let filter = EventFilter {
        words: query.text("q").unwrap_or_default().to_owned(),
        asset: query.parse::<AssetId>("asset", "an asset")?,
        unknown: query.flag("unknown")?,
        sender: query.parse("sender", "an address")?,
        source: query.read_with("source", "syslog or trap", LogSource::parse)?,
        severity: query.read_with("severity", &SEVERITIES.join(", "), severity)?,
        tag: query.text("tag").map(str::to_owned),
        from: query.read_with("from", "a time, RFC 3339", Wall::parse)?,
        to: query.read_with("to", "a time, RFC 3339", Wall::parse)?,
    };
    let found = call.service.store.events(&call.actor.scope, filter, query.page()?).await?;
    let items = found.items.iter().map(|row| {
        let mut shown = heard(&row.heard);
        if let Some(all) = shown.as_object_mut() {
            all.insert("agent".to_owned(), json!(row.agent));
            all.insert("received".to_owned(), shape::time(row.received));
        }
        shown
    });
    Ok(page(items.collect(), found.next))
}

/// A line or trap, as the command line prints it too.
pub fn heard(row: &Heard) -> Value {
    json!({
        "at": shape::time(row.at),
        "source": row.source.as_str(),
        "from": row.from.to_string(),
        "via": row.via.map(|ip| ip.to_string()),
        "asset": row.asset,
        "host": shape::text_or_null(&row.host),
        "facility": row.facility,
        "severity": row.severity_word(),
        "tag": shape::text_or_null(&row.tag),
        "text": row.text,
        "count": row.count,
    })
}
