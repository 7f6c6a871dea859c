//! `fengsui agent`: an agent alone, enrolled at a console, or on its own from inventory files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::console::{settings_failure, until_signal};
use super::reach::{data_dir, identity_dir};
use super::text::pick;
use super::{Answer, Exit, Failure, say, supervise};
use crate::agent::{Agent, Parts};
use crate::config;
use crate::config::settings::AgentSettings;
use crate::model::plan::Plan;
use crate::net::clock::Clock;
use crate::net::listen;
use crate::net::stop;
use crate::probe;
use crate::relay::identity::{self, Enrolment, Identity};
use crate::relay::spool::Caps;

/// Options of `agent`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; prevails over the settings file
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Inventory files of a stand-alone agent, which has no console
    #[arg(long, value_name = "FILE")]
    pub inventory: Vec<PathBuf>,
    /// Directories of definitions that overlay the shipped ones (stand-alone agent) [default: /etc/fengsui]
    #[arg(long, value_name = "DIR")]
    pub definitions: Vec<PathBuf>,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let clock = Clock::system();
    let data = data_dir(args.data.clone());
    let mut settings = match &args.config {
        Some(file) => AgentSettings::read(file).map_err(|list| settings_failure(&list))?,
        None => match Identity::load(&identity_dir(&data), &clock) {
            Ok(Some(identity)) => AgentSettings::new(identity.agent),
            Ok(None) => AgentSettings::new(super::up::host_slug()),
            Err(error) => return Err(Failure::unseen(error.to_string())),
        },
    };
    settings.data = args.data.or(settings.data);
    if !args.inventory.is_empty() {
        settings.inventory = args.inventory;
    }
    if !args.definitions.is_empty() {
        settings.definitions = args.definitions;
    }
    super::block_on(2, serve(settings, clock))?
}

async fn serve(settings: AgentSettings, clock: Clock) -> Answer {
    let dir = data_dir(settings.data.clone());
    let identity = identity(&settings, &dir, &clock).await?;
    let alone = identity.is_none();
    let plan = if alone { Some(own_plan(&settings, 1)?) } else { None };
    let listener = match settings.listen {
        Some(address) => Some(listen::bind_tcp(address).await.map_err(|error| Failure::unseen(error.to_string()))?),
        None => None,
    };
    let caps = Caps { bytes: settings.spool.bytes, age: settings.spool.age };
    let reflector = settings.reflector.as_ref().map(super::stamp::terms).transpose()?;
    let collectors =
        super::hear::collectors(&[("syslog", settings.syslog.as_ref()), ("trap", settings.trap.as_ref())]);
    let agent = settings.id.clone();
    let parts = Parts { agent, dir, caps, clock: clock.clone(), identity, plan, reflector, collectors };
    let agent = Agent::start(parts).await.map_err(|error| Failure::unseen(error.to_string()))?;
    let (trigger, stop) = stop::pair();
    if let Some(listener) = listener {
        say(&format!("metrics http://{}/metrics", listener.address()));
        listen::serve_plain(listener, agent.latest.clone().router(), stop);
    }
    let how = if alone { pick("单机运行", "alone") } else { pick("已接入管理中心", "with its console") };
    say(&pick(
        format!("探针 {} 已就绪（ready），{how}；按 Ctrl-C 停止", agent.id),
        format!("agent {} ready, {how}; Ctrl-C stops it", agent.id),
    ));
    let watchdog = supervise::ready(clock.clone(), agent.pulse());
    let interrupted = attend(&agent, &settings, alone, &clock).await?;
    say(pick("正在停止……", "stopping ..."));
    supervise::stopping();
    watchdog.abort();
    trigger.stop();
    agent.stop().await;
    Ok(if interrupted { Exit::Interrupted } else { Exit::Good })
}

/// Until a signal: tells new limits, and plans anew when files of a stand-alone agent change.
async fn attend(agent: &Agent, settings: &AgentSettings, alone: bool, clock: &Clock) -> Result<bool, Failure> {
    let paths = [&settings.inventory[..], &settings.definitions[..]].concat();
    let mut changes = if alone { config::watch::watch(&paths).ok() } else { None };
    let mut told = supervise::Told::default();
    let mut rev = 1;
    let mut signal = std::pin::pin!(until_signal());
    loop {
        told.tell(&agent.limits);
        tokio::select! {
            interrupted = &mut signal => return interrupted,
            () = supervise::changed(&mut changes) => {
                rev += 1;
                match own_plan(settings, rev) {
                    Ok(plan) => agent.set_plan(plan).await,
                    Err(failure) => tracing::error!(%failure, "the changed files are not used; the plan before stays"),
                }
            }
            () = clock.sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Who this agent is at its console: as enrolled, or by the token that the settings name. `None` = it runs alone.
async fn identity(
    settings: &AgentSettings,
    data: &std::path::Path,
    clock: &Clock,
) -> Result<Option<Identity>, Failure> {
    let dir = identity_dir(data);
    let found = Identity::load(&dir, clock).map_err(|error| Failure::unseen(error.to_string()))?;
    let Some(console) = &settings.console else {
        return Ok(found.filter(|_| settings.inventory.is_empty()));
    };
    if let Some(found) = found {
        if found.agent != settings.id {
            return Err(Failure::usage(pick(
                format!("{} 中的证书属于探针 {}，不是 {}", dir.display(), found.agent, settings.id),
                format!(
                    "the certificate in {} is of agent {}, not {}; mend `id`, or enrol again",
                    dir.display(),
                    found.agent,
                    settings.id
                ),
            )));
        }
        return Ok(Some(Identity { console: console.url.clone(), ..found }));
    }
    let (Some(fingerprint), Some(file)) = (&console.ca_sha256, &console.token_file) else {
        return Err(Failure::unseen(pick(
            format!("探针 {} 尚未接入；请先运行 fengsui enroll join", settings.id),
            format!(
                "agent {} is not enrolled; run `fengsui enroll join {} --console {} ...` first",
                settings.id, settings.id, console.url
            ),
        )));
    };
    let token = std::fs::read_to_string(file).map_err(|error| super::client::unreadable(file, &error))?;
    let with = Enrolment {
        console: console.url.clone(),
        ca_fingerprint: fingerprint.clone(),
        token: crate::model::SecretText::new(token.trim()),
        agent: Some(settings.id.clone()),
    };
    identity::enroll(&with, &dir, clock).await.map(Some).map_err(|error| Failure::bad(error.to_string()))
}

/// The plan of a stand-alone agent, from its own files.
fn own_plan(settings: &AgentSettings, rev: u64) -> Result<Plan, Failure> {
    let loaded = config::defs::load(&settings.definitions, probe::catalog());
    if !loaded.usable() {
        return Err(settings_failure(&loaded.diagnostics));
    }
    let mut inventory = config::inventory::read(&settings.inventory).map_err(|list| settings_failure(&list))?;
    super::up::declare(&mut inventory, &settings.id);
    let alive = BTreeSet::from([settings.id.clone()]);
    let built =
        config::plan::build(&inventory, &loaded.definitions, probe::catalog(), &settings.id, rev, &|_| None, &alive);
    for note in &built.notes {
        tracing::warn!("{note}");
    }
    Ok(built.plan)
}
