//! `fengsui up`: console and agent in one process. The agent enrols and reports over loopback like any
//! other; nothing is wired past the network.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::client::start_failure;
use super::reach::identity_dir;
use super::text::pick;
use super::welcome::{self, actor};
use super::{Answer, Exit, Failure, console, demo, say, supervise};
use crate::agent::{Agent, Parts};
use crate::config;
use crate::config::Diagnostic;
use crate::config::settings::HearSettings;
use crate::console::command::{Command, Outcome};
use crate::console::{Console, Handle};
use crate::model::inventory::{AgentDecl, Asset, AssetKind, ConfigAccess, ConfigSource, Inventory};
use crate::model::{AgentId, AssetId};
use crate::net::tls;
use crate::relay::identity::{self, Enrolment, Identity};
use crate::relay::spool::Caps;

/// How long the agent's own enrolment token lives; it is used at once.
const TOKEN_LIFE: Duration = Duration::from_secs(300);
/// So many changes of the inventory are logged one by one.
const TOLD: usize = 20;
/// Limits of this machine are told once they are known; sockets open within this time of the first plan.
const SETTLE: Duration = Duration::from_millis(700);

/// Options of `up`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those of the console.
    #[command(flatten)]
    pub console: console::Args,
    /// Inventory files to apply at the start and whenever they change
    #[arg(long, value_name = "FILE")]
    pub inventory: Vec<PathBuf>,
    /// Id of the agent in this process [default: the only declared one, else this host's name]
    #[arg(long, value_name = "ID")]
    pub agent: Option<AgentId>,
    /// Receive syslog there, over UDP and TCP (repeat for more), such as [::]:514
    #[arg(long, value_name = "ADDR:PORT")]
    pub syslog: Vec<SocketAddr>,
    /// Receive SNMP traps there (repeat for more), such as [::]:162
    #[arg(long, value_name = "ADDR:PORT")]
    pub trap: Vec<SocketAddr>,
    /// Add a simulated prefecture, in a data directory of its own [default: that of --data with -demo behind it]
    #[arg(long, conflicts_with = "agent")]
    pub demo: bool,
    /// Where the demo's addresses are and how fast it goes; for tests.
    #[command(flatten)]
    pub stage: demo::Args,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let own_place = args.console.data.is_some();
    let mut parts = console::parts(args.console)?;
    let (mut files, mut agent) = (args.inventory, args.agent);
    let (mut syslog, mut trap) = (args.syslog, args.trap);
    super::block_on(2, async move {
        let stage = if args.demo {
            let stage = demo::prepare(&mut parts, own_place, &args.stage).await?;
            files.insert(0, stage.inventory.clone());
            agent = Some(stage.agent.clone());
            syslog.push(stage.ears().syslog);
            trap.push(stage.ears().trap);
            Some(stage)
        } else {
            None
        };
        let handle = Console::start(parts).await.map_err(|error| start_failure(&error))?;
        if let Some(stage) = &stage {
            stage.introduce(&handle).await?;
        }
        match watch_this_machine(&handle, &files, agent, [("syslog", syslog), ("trap", trap)]).await {
            Ok(agent) => Ok(serve(handle, agent, files, stage).await?),
            Err(failure) => {
                handle.stop().await;
                Err(failure)
            }
        }
    })?
}

/// Applies the inventory, enrols the agent and starts it.
async fn watch_this_machine(
    handle: &Handle,
    files: &[PathBuf],
    wanted: Option<AgentId>,
    listen: [(&'static str, Vec<SocketAddr>); 2],
) -> Result<Agent, Failure> {
    let given = listen.map(|(name, listen)| (name, HearSettings { listen, ..HearSettings::default() }));
    let terms = given.each_ref().map(|(name, settings)| (*name, (!settings.listen.is_empty()).then_some(settings)));
    let collectors = super::hear::collectors(&terms);
    let id = apply(handle, files, wanted).await?;
    let data = handle.service.store.dir().join("agent");
    let identity = enrolled(handle, &id, &data).await?;
    let clock = handle.service.clock.clone();
    let parts = Parts {
        agent: id,
        dir: data,
        caps: Caps::default(),
        clock,
        identity: Some(identity),
        plan: None,
        reflector: None,
        collectors,
    };
    Agent::start(parts).await.map_err(|error| Failure::unseen(error.to_string()))
}

/// Serves until a signal, applying inventory files that change.
async fn serve(handle: Handle, agent: Agent, files: Vec<PathBuf>, stage: Option<demo::Stage>) -> Answer {
    welcome::tell(&handle).await;
    say(&pick(
        format!("数据目录 {}", handle.service.store.dir().display()),
        format!("data in {}", handle.service.store.dir().display()),
    ));
    let stage = stage.map(demo::Stage::begin);
    handle.service.clock.sleep(SETTLE).await;
    say(pick("已就绪（ready）；按 Ctrl-C 停止", "ready; Ctrl-C stops it"));
    let watchdog = supervise::ready(handle.service.clock.clone(), agent.pulse());
    let mut changes = match config::watch::watch(&files) {
        Ok(changes) if !files.is_empty() => Some(changes),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "changes of the inventory files will not be noticed");
            None
        }
    };
    let mut told = supervise::Told::default();
    let mut signal = std::pin::pin!(console::until_signal());
    let interrupted = loop {
        told.tell(&agent.limits);
        tokio::select! {
            interrupted = &mut signal => break interrupted?,
            () = supervise::changed(&mut changes) => {
                if let Err(failure) = apply(&handle, &files, Some(agent.id.clone())).await {
                    tracing::error!(%failure, "the changed inventory is not applied; the one before stays");
                }
            }
            () = handle.service.clock.sleep(Duration::from_secs(1)) => {}
        }
    };
    say(pick("正在停止……", "stopping ..."));
    supervise::stopping();
    watchdog.abort();
    if let Some(stage) = stage {
        stage.abort();
    }
    agent.stop().await;
    handle.stop().await;
    Ok(if interrupted { Exit::Interrupted } else { Exit::Good })
}

fn mistakes(list: &[Diagnostic]) -> Failure {
    for diagnostic in list {
        super::complain(&diagnostic.to_string());
    }
    Failure::usage(pick(
        format!("资产清单有 {} 处错误，未应用", list.len()),
        format!("the inventory has {} mistakes and was not applied; mend them and start again", list.len()),
    ))
}

/// Brings the files and this process's agent into the inventory; answers the agent's id.
async fn apply(handle: &Handle, files: &[PathBuf], wanted: Option<AgentId>) -> Result<AgentId, Failure> {
    let store = &handle.service.store;
    let (base_rev, old) = store.inventory();
    let mut new = Inventory::clone(&old);
    if !files.is_empty() {
        let texts = files
            .iter()
            .map(|file| {
                let text = std::fs::read_to_string(file).map_err(|error| super::client::unreadable(file, &error))?;
                Ok((file.display().to_string(), text))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        new = config::inventory::parse_onto(&old, &texts).map_err(|list| mistakes(&list))?;
    }
    let id = wanted.unwrap_or_else(|| own_id(&new));
    if !old.agents.contains_key(&id) {
        declare_host(&mut new, &id);
    }
    declare(&mut new, &id);
    let diff = config::inventory::diff(&old, &new, false);
    if diff.changes.is_empty() {
        return Ok(id);
    }
    let summary: Vec<String> = diff.changes.iter().map(ToString::to_string).collect();
    for line in summary.iter().take(TOLD) {
        tracing::info!("inventory: {line}");
    }
    if let Some(more) = summary.len().checked_sub(TOLD).filter(|more| *more > 0) {
        tracing::info!("inventory: and {more} changes more; the audit trail has them all");
    }
    let command = Command::InventoryApply { inventory: Box::new(diff.merged), summary, base_rev };
    store.command(&actor(), None, command).await.map_err(|error| Failure::bad(error.to_string()))?;
    Ok(id)
}

/// Declares an agent that the files did not: in the outermost zone, without a region.
pub(super) fn declare(inventory: &mut Inventory, id: &AgentId) {
    let zone = "extranet".parse().expect("a shipped zone's id is a slug");
    let name = sysinfo::System::host_name().unwrap_or_else(|_| id.to_string());
    let new = || AgentDecl { id: id.clone(), name, region: None, zone, address: None };
    inventory.agents.entry(id.clone()).or_insert_with(new);
}

/// Declares this machine as an asset that its agent looks at, where nobody has; once, so that it stays away if removed.
fn declare_host(inventory: &mut Inventory, agent: &AgentId) {
    declare(inventory, agent);
    let known = inventory.assets.values().any(|asset| asset.own_agent() == Some(agent));
    let (Some(agent), Ok(id)) = (inventory.agents.get(agent), AssetId::new(agent.as_str())) else { return };
    if known || inventory.assets.contains_key(&id) {
        return;
    }
    let config = ConfigAccess { source: ConfigSource::Own(agent.id.clone()), dialect: String::new() };
    let asset = Asset {
        region: agent.region.clone(),
        config: Some(config),
        ..Asset::bare(id.clone(), agent.name.clone(), AssetKind::Host, agent.zone.clone())
    };
    inventory.assets.insert(id, asset);
}

/// The only declared agent, else one named after this host.
fn own_id(inventory: &Inventory) -> AgentId {
    let mut declared = inventory.agents.keys();
    if let (Some(only), None) = (declared.next(), declared.next()) {
        return only.clone();
    }
    host_slug()
}

/// This host's name as an id.
pub(super) fn host_slug() -> AgentId {
    let host = sysinfo::System::host_name().unwrap_or_default().to_ascii_lowercase();
    let slug: String =
        host.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).take(63).collect();
    AgentId::new(slug.trim_matches('-'))
        .unwrap_or_else(|_| AgentId::new("this-host").expect("a literal that is a slug"))
}

/// The agent's identity: the one it has if this console still accepts it, else a new one by a one-time token.
async fn enrolled(handle: &Handle, id: &AgentId, data: &std::path::Path) -> Result<Identity, Failure> {
    let service = &handle.service;
    let dir = identity_dir(data);
    let console = format!("https://{}", handle.addresses.agents);
    let fingerprint = service.store.authority().fingerprint().to_owned();
    let now = service.clock.wall();
    let usable = |identity: &Identity| {
        identity.agent == *id
            && tls::fingerprint_pem(&identity.ca).is_ok_and(|own| own == fingerprint)
            && !identity.is_beyond_renewal(now)
            && tls::PeerCertificate::read_pem(&identity.pair.certificate, now)
                .is_some_and(|own| service.store.agent_by_certificate(&own.serial).is_ok())
    };
    match Identity::load(&dir, &service.clock) {
        Ok(Some(identity)) if usable(&identity) => return Ok(Identity { console, ..identity }),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the agent's identity cannot be used; it enrols again"),
    }
    let command = Command::EnrollToken { agent: id.clone(), region: None, expires: now.plus(TOKEN_LIFE) };
    let made = service.store.command(&actor(), None, command).await;
    let token = match made.map_err(|error| Failure::bad(error.to_string()))? {
        Outcome::Token { token, .. } => token,
        other => return Err(Failure::unseen(format!("no enrolment token was made: {other:?}"))),
    };
    let with = Enrolment { console, ca_fingerprint: fingerprint, token, agent: Some(id.clone()) };
    identity::enroll(&with, &dir, &service.clock).await.map_err(|error| Failure::unseen(error.to_string()))
}
