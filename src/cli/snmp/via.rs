//! `fengsui snmp walk @ASSET`: the agent that reads the asset asks, through its console; the secret stays where it is.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::client::{IfMissing, with_console};
use super::super::json::{list, text};
use super::super::reach::Reach;
use super::super::text::pick;
use super::super::{Answer, Exit, Failure, Format, print, say, zh};
use crate::console::api::query::encode;
use crate::net::clock::Clock;

/// How often the console is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Waited for this long: a minute to walk, and some to be fetched.
const WAIT: Duration = Duration::from_secs(120);

/// Walks an asset.
pub(super) fn walk(asset: &str, oid: &str, format: Format, reach: &Reach) -> Answer {
    super::super::client::quiet_log();
    let (row, shown) = with_console(reach, IfMissing::Fail, async |c| {
        let path = format!("/api/v1/assets/{}/walks", encode(asset));
        let id = text(&c.post(&path, &json!({ "oid": oid })).await?, "id");
        let path = format!("{path}/{}", encode(&id));
        let clock = Clock::system();
        let end = clock.mono().plus(WAIT);
        loop {
            let row = c.get(&path).await?;
            match text(&row, "state").as_str() {
                state @ ("done" | "failed" | "lost") => {
                    let done = state == "done";
                    return Ok((row, done));
                }
                _ if clock.mono() >= end => {
                    return Err(Failure::unseen(pick(
                        "探针没有应答；请看它是否在线（fengsui enroll list）",
                        "the agent does not answer; see whether it is alive (fengsui enroll list)",
                    )));
                }
                _ => clock.sleep(ASK_EVERY).await,
            }
        }
    })?;
    let variables = list(&row, "variables");
    for variable in variables {
        let of = |key: &str| text(variable, key);
        match format {
            Format::Table => print(&format!("{} = {}: {}", of("oid"), of("type"), of("value"))),
            Format::Json => {
                let value = variable.get("value").cloned().unwrap_or(Value::Null);
                print(&json!({ "v": 1, "oid": of("oid"), "name": variable.get("name"), "type": of("type"), "value": value }).to_string());
            }
        }
    }
    let detail = text(&row, "detail");
    say(&pick(zh::line(&detail), detail));
    Ok(match (shown, variables.is_empty()) {
        (true, false) => Exit::Good,
        (true, true) => Exit::Bad,
        (false, _) => Exit::Unseen,
    })
}
