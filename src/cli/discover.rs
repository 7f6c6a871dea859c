//! `fengsui discover`: which addresses answer and what they are, looked at from here, or by an agent of a console
//! (`--agent`, `--secret`); `--adopt` makes assets of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, IfMissing, with_console};
use super::json::{list, show as show_list, text};
use super::reach::Reach;
use super::text::pick;
use super::{Answer, Exit, Failure, Format, block_on, say};
use crate::console::api::query::encode;
use crate::model::discovery::{Found, Keys, PORTS, SNMP_PORT, Wanted, addresses};
use crate::model::{Secret, SecretText};
use crate::net::clock::Clock;
use crate::probe::discover::Sweep;

/// How often a console is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// A console's sweep is waited for this long: two minutes to look, and some to be fetched.
const WAIT: Duration = Duration::from_secs(300);

/// Options of `discover`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ranges such as 10.65.0.0/24, or single addresses; at most 1,024 addresses
    #[arg(required = true, value_name = "CIDR")]
    pub ranges: Vec<String>,
    /// SNMP v2c community to try, from this machine (repeat for more)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["secret", "agent"])]
    pub community: Vec<String>,
    /// Named secret of the console to try; its agent looks (repeat for more)
    #[arg(long, value_name = "NAME")]
    pub secret: Vec<String>,
    /// Agent that looks, instead of this machine
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,
    /// UDP port of SNMP
    #[arg(long, value_name = "PORT", default_value_t = SNMP_PORT)]
    pub snmp_port: u16,
    /// TCP ports to try, with commas [default: 22,23,80,443,3389,8080]
    #[arg(long, value_name = "PORTS", value_delimiter = ',')]
    pub ports: Option<Vec<u16>>,
    /// Make assets of what was found and is none yet
    #[arg(long)]
    pub adopt: bool,
    /// Zone of the addresses [default: the agent's, else extranet]
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Region of what is found [default: the agent's]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// How to print: table or json (one object a line)
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    addresses(&args.ranges).map_err(|error| Failure::usage(pick(error.zh(), error.to_string())))?;
    if args.agent.is_some() || !args.secret.is_empty() {
        return by_agent(&args);
    }
    let (wanted, keys) = wanted(&args);
    let found = block_on(2, sweep(&wanted, &keys))??;
    let items: Vec<Value> = found.iter().map(|found| json!(found)).collect();
    show(&items, args.format);
    if args.adopt && !found.is_empty() {
        with_console(&args.reach, IfMissing::Make, async |c| {
            let found = name_secrets(c, found, &keys).await?;
            let secrets: std::collections::BTreeSet<&String> =
                found.iter().filter_map(|f| f.secret.as_ref()).collect();
            let mut body = body(&args, &wanted);
            set(&mut body, "secrets", json!(secrets));
            set(&mut body, "found", json!(found));
            let id = text(&c.post("/api/v1/discoveries", &body).await?, "id");
            adopt(c, &id).await
        })?;
    }
    Ok(if items.is_empty() { Exit::Bad } else { Exit::Good })
}

/// What is wanted from here, and communities under names that are used in this process only.
fn wanted(args: &Args) -> (Wanted, Keys) {
    let secret = |text: &String| Secret::SnmpCommunity { v1: false, community: SecretText::new(text.as_str()) };
    let named = args.community.iter().enumerate();
    let keys: Keys = named.map(|(n, text)| (format!("community-{}", n + 1), secret(text))).collect();
    let wanted = Wanted {
        ranges: args.ranges.clone(),
        secrets: keys.keys().cloned().collect(),
        snmp_port: args.snmp_port,
        tcp_ports: args.ports.clone().unwrap_or_else(|| PORTS.to_vec()),
    };
    (wanted, keys)
}

async fn sweep(wanted: &Wanted, keys: &Keys) -> Result<Vec<Found>, Failure> {
    let sweep = Sweep::new(wanted, keys).map_err(|error| Failure::usage(pick(error.zh(), error.to_string())))?;
    let total = sweep.total();
    let mut sweeping = sweep.begin(Clock::system());
    let (mut found, mut done, mut told) = (Vec::new(), 0, 0);
    while let Some(step) = sweeping.steps.recv().await {
        done = step.done;
        found.extend(step.found);
        // A line a quarter: enough to see that it moves.
        if done * 4 / total.max(1) > told {
            told = done * 4 / total.max(1);
            say(&progress(done as u64, total as u64, found.len() as u64));
        }
    }
    if done < total {
        let left = total - done;
        say(&pick(
            format!("时间已到，还有 {left} 个地址未看"),
            format!("out of time; {left} addresses were not looked at"),
        ));
    }
    found.sort_by_key(|found: &Found| found.address);
    Ok(found)
}

fn progress(done: u64, total: u64, found: u64) -> String {
    pick(
        format!("已看 {done}/{total} 个地址，有应答 {found} 个"),
        format!("{done} of {total} addresses, {found} answered"),
    )
}

/// Has an agent look, and waits for its end.
fn by_agent(args: &Args) -> Answer {
    with_console(&args.reach, IfMissing::Fail, async |c| {
        let wanted = Wanted {
            ranges: args.ranges.clone(),
            secrets: args.secret.clone(),
            snmp_port: args.snmp_port,
            tcp_ports: args.ports.clone().unwrap_or_else(|| PORTS.to_vec()),
        };
        let id = text(&c.post("/api/v1/discoveries", &body(args, &wanted)).await?, "id");
        let path = format!("/api/v1/discoveries/{}", encode(&id));
        let clock = Clock::system();
        let end = clock.mono().plus(WAIT);
        let mut told = 0;
        let row = loop {
            let row = c.get(&path).await?;
            let number = |key| row.get(key).and_then(Value::as_u64).unwrap_or(0);
            if number("done") > told {
                told = number("done");
                say(&progress(told, number("total"), number("found")));
            }
            match text(&row, "state").as_str() {
                "done" => break row,
                "failed" | "lost" => {
                    let detail = super::zh::line(&text(&row, "detail"));
                    return Err(Failure::unseen(pick(
                        format!("发现未完成：{detail}"),
                        format!("the sweep did not end well: {}", text(&row, "detail")),
                    )));
                }
                _ if clock.mono() >= end => {
                    return Err(Failure::unseen(pick(
                        "探针没有应答；请看它是否在线（fengsui enroll list）",
                        "the agent does not answer; see whether it is alive (fengsui enroll list)",
                    )));
                }
                _ => clock.sleep(ASK_EVERY).await,
            }
        };
        let proposals = list(&row, "proposals");
        show(proposals, args.format);
        if args.adopt && !proposals.is_empty() {
            adopt(c, &id).await?;
        }
        Ok(if proposals.is_empty() { Exit::Bad } else { Exit::Good })
    })
}

fn body(args: &Args, wanted: &Wanted) -> Value {
    let mut body = json!({
        "cidr": wanted.ranges,
        "secrets": wanted.secrets,
        "snmp_port": wanted.snmp_port,
        "tcp_ports": wanted.tcp_ports,
    });
    for (key, value) in [("agent", &args.agent), ("zone", &args.zone), ("region", &args.region)] {
        if let Some(value) = value {
            set(&mut body, key, json!(value));
        }
    }
    body
}

fn set(body: &mut Value, key: &str, value: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert(key.to_owned(), value);
    }
}

/// Keeps the communities that were answered in the sealed store, each under the next free name, and names them so
/// in what was found.
async fn name_secrets(c: &Client, mut found: Vec<Found>, keys: &Keys) -> Result<Vec<Found>, Failure> {
    let known = c.list("/api/v1/secrets", 10_000).await?;
    let mut taken: Vec<String> = known.iter().map(|row| text(row, "name")).collect();
    for (local, secret) in keys {
        if !found.iter().any(|f| f.secret.as_ref() == Some(local)) {
            continue;
        }
        let Secret::SnmpCommunity { community, .. } = secret else { continue };
        let free = (1..=taken.len() + 1).map(|n| format!("snmp-{n}")).find(|name| !taken.contains(name));
        let Some(name) = free else { continue };
        let body = json!({ "type": "snmp-v2c", "community": community.expose() });
        c.send("PUT", &format!("/api/v1/secrets/{name}"), "application/json", body.to_string().into_bytes()).await?;
        say(&pick(format!("团体名已存为凭据 {name}"), format!("the community is kept as secret {name}")));
        for f in found.iter_mut().filter(|f| f.secret.as_ref() == Some(local)) {
            f.secret = Some(name.clone());
        }
        taken.push(name);
    }
    Ok(found)
}

async fn adopt(c: &Client, id: &str) -> Result<(), Failure> {
    let done = c.post(&format!("/api/v1/discoveries/{}/adopt", encode(id)), &json!({})).await?;
    let assets = list(&done, "assets");
    if assets.is_empty() {
        say(pick("没有新资产", "nothing new to adopt"));
        return Ok(());
    }
    let (count, rev) = (assets.len(), text(&done, "rev"));
    let ids: Vec<&str> = assets.iter().filter_map(Value::as_str).collect();
    say(&pick(
        format!("已加入 {count} 个资产，台账版本 {rev}：{}", ids.join("、")),
        format!("{count} assets adopted, the inventory is at revision {rev}: {}", ids.join(", ")),
    ));
    Ok(())
}

fn show(items: &[Value], format: Format) {
    let head = pick(
        ["地址", "名称", "类型", "应答", "凭据", "已有资产", "描述"],
        ["ADDRESS", "NAME", "KIND", "SEEN BY", "SECRET", "KNOWN AS", "DESCRIPTION"],
    );
    show_list(items, format, &head, |item| {
        let tcp: Vec<String> = list(item, "tcp").iter().map(Value::to_string).collect();
        let mut seen = Vec::new();
        if item.get("icmp") == Some(&Value::Bool(true)) {
            seen.push("icmp".to_owned());
        }
        if !text(item, "secret").is_empty() {
            seen.push("snmp".to_owned());
        }
        if !tcp.is_empty() {
            seen.push(format!("tcp {}", tcp.join(",")));
        }
        let description: String = text(item, "description").chars().take(60).collect();
        vec![
            text(item, "address"),
            text(item, "name"),
            text(item, "kind"),
            seen.join(" "),
            text(item, "secret"),
            text(item, "known"),
            description,
        ]
    });
}
