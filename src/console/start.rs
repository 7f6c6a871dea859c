//! Starts and stops the console. The order matters: whatever can be wrong with definitions, data directory or
//! addresses is found before anything is served, and the first plans stand before the first agent asks.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use tokio::task::JoinHandle;

use crate::config::settings::ConsoleSettings;
use crate::config::{Diagnostic, defs, watch};
use crate::console::service::Service;
use crate::console::store::{SealingKey, Store, StoreError, StoreParts};
use crate::console::{api, ingest, judge, planner, web};
use crate::model::field::Catalog;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::listen::{self, PeerUid};
use crate::net::stop::{self, StopTrigger};
use crate::net::tls::{self, Pair, ServerTls, TlsError};

/// How long `Handle::stop` takes at most; the whole program has 5 s.
const STOP_WITHIN: Duration = Duration::from_millis(4_500);
/// How often the server certificates are looked at; they are made anew well before their end.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(86_400);
/// The store's beat.
const TICK: Duration = Duration::from_secs(1);

/// Why the console did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Definitions are wrong.
    #[error("the definitions have {} mistakes; `fengsui check` shows them too", .0.len())]
    Definitions(Vec<Diagnostic>),
    /// The store would not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address or the admin socket is not to be had.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A certificate is not usable.
    #[error("the console's own certificate: {0}")]
    Tls(#[from] TlsError),
}

/// What a console is made of.
#[derive(Debug, Clone)]
pub struct ConsoleParts {
    /// Data directory.
    pub data: PathBuf,
    /// Settings.
    pub settings: ConsoleSettings,
    /// All probe kinds.
    pub catalog: Catalog,
    /// The clock.
    pub clock: Clock,
    /// The key that seals secrets, if the system's credentials carry one; else the store keeps one.
    pub key: Option<SealingKey>,
}

/// Where it listens, with the ports that were given for port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Pages and API.
    pub pages: SocketAddr,
    /// True if pages and API speak HTTPS.
    pub pages_tls: bool,
    /// Agents.
    pub agents: SocketAddr,
}

/// The console.
#[derive(Debug)]
pub struct Console;

/// A running console. Dropping it ends it too, without waiting.
pub struct Handle {
    /// Where it listens.
    pub addresses: Addresses,
    /// What it is.
    pub service: Service,
    trigger: StopTrigger,
    tasks: Vec<JoinHandle<()>>,
}

fn store_parts(parts: &ConsoleParts) -> StoreParts {
    let mut all = StoreParts::new(parts.data.clone(), &parts.clock);
    all.key = parts.key.clone();
    all.timezone = parts.settings.timezone.clone();
    all.raw_days = parts.settings.retention.samples_days;
    all.log_days = parts.settings.retention.logs_days;
    all.snapshots = parts.settings.retention.snapshots;
    all.roll_days = parts.settings.retention.rollups_days;
    all.names = parts.settings.names.clone();
    all.accounts.idle = parts.settings.sessions.idle;
    all.accounts.absolute = parts.settings.sessions.absolute;
    all
}

async fn open_store(parts: StoreParts) -> Result<Store, StoreError> {
    let what = "open the store";
    tokio::task::spawn_blocking(move || Store::open(&parts))
        .await
        .unwrap_or_else(|error| Err(StoreError::Sql { what, detail: error.to_string() }))
}

impl Console {
    /// Starts it; an error says what to mend, and leaves nothing running.
    pub async fn start(parts: ConsoleParts) -> Result<Handle, StartError> {
        let settings = &parts.settings;
        let loaded = defs::load(&settings.definitions, parts.catalog);
        if !loaded.usable() {
            return Err(StartError::Definitions(loaded.diagnostics));
        }
        for diagnostic in &loaded.diagnostics {
            tracing::warn!("{diagnostic}");
        }
        let store = open_store(store_parts(&parts)).await?;
        // From here on the lock is ours, so a socket file that is left is a dead one.
        let socket = listen::bind_unix(&parts.data.join("admin.sock"))?;
        let pages = listen::bind_tcp(settings.listen).await?;
        let agents = listen::bind_tcp(settings.agent_listen).await?;
        let addresses = Addresses {
            pages: pages.address(),
            pages_tls: !pages.address().ip().to_canonical().is_loopback(),
            agents: agents.address(),
        };
        let names = server_names(settings, &addresses);
        let identity = server_pair(&store, &names)?;
        let agents_tls = tls::server_mutual(&identity, store.authority().pem(), &parts.clock)?;
        let pages_tls = if addresses.pages_tls { Some(tls::server(&identity, &parts.clock)?) } else { None };

        let (trigger, stop) = stop::pair();
        let service = Service::new(
            store,
            parts.clock.clone(),
            parts.catalog,
            loaded.definitions,
            loaded.diagnostics,
            zone(&settings.timezone),
            stop.clone(),
        );
        service.set_agent_address(addresses.agents);
        service.set_pages_url(pages_url(&addresses));
        planner::rebuild(&service).await?;

        let mut tasks = vec![
            tokio::spawn(planner::run(service.clone())),
            tokio::spawn(judge::run(service.clone())),
            tokio::spawn(beat(service.clone())),
            tokio::spawn(web::live::run(service.clone())),
            tokio::spawn(reload(service.clone(), settings.definitions.clone())),
        ];
        let shown: Vec<ServerTls> = pages_tls.iter().cloned().chain([agents_tls.clone()]).collect();
        tasks.push(tokio::spawn(renew_certificates(service.clone(), names, shown)));
        tasks.push(listen::serve_unix(socket, api::router(service.clone()), stop.clone()));
        let router = web::gate::with_pages(api::router(service.clone()), &service);
        tasks.push(match &pages_tls {
            Some(tls) => listen::serve_tls(pages, tls, parts.clock.clone(), router, stop.clone()),
            None => listen::serve_plain(pages, router, stop.clone()),
        });
        tasks.push(listen::serve_tls(agents, &agents_tls, parts.clock, ingest::router(service.clone()), stop));
        tracing::info!(pages = pages_url(&addresses), agents = %addresses.agents, "the console listens");
        Ok(Handle { addresses, service, trigger, tasks })
    }
}

impl Handle {
    /// Ends it: accepts nothing more, lets what runs finish, commits what waits. Within `STOP_WITHIN`.
    pub async fn stop(self) {
        let Self { service, trigger, tasks, .. } = self;
        let clock = service.clock.clone();
        let deadline = clock.mono().plus(STOP_WITHIN);
        trigger.stop();
        let all = async {
            for task in tasks {
                if let Err(error) = task.await {
                    tracing::error!(%error, "a task of the console broke off");
                }
            }
            let store = service.store.clone();
            drop(service);
            store.close().await;
        };
        if clock.until(deadline, all).await.is_none() {
            tracing::warn!("the console did not end in time; what was acknowledged is safe");
        }
    }

    /// The API in this process, for local commands; whoever calls is the user of this process.
    pub fn local(&self) -> Router {
        local_router(self.service.clone())
    }
}

/// The API over a data directory that no console holds: for local commands, without listeners and agents.
pub struct Local {
    service: Service,
    // Nothing waits for it, but a dropped trigger is a stop.
    _trigger: StopTrigger,
}

impl Local {
    /// Opens the directory, alone.
    pub async fn open(parts: ConsoleParts) -> Result<Self, StartError> {
        let loaded = defs::load(&parts.settings.definitions, parts.catalog);
        let store = open_store(store_parts(&parts)).await?;
        let (trigger, stop) = stop::pair();
        // Wrong definitions do not keep a person from listing incidents.
        let zone = zone(&parts.settings.timezone);
        let service =
            Service::new(store, parts.clock, parts.catalog, loaded.definitions, loaded.diagnostics, zone, stop);
        Ok(Self { service, _trigger: trigger })
    }

    /// What it is.
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Its router.
    pub fn router(&self) -> Router {
        local_router(self.service.clone())
    }

    /// Commits what waits and frees the directory. Routers made of it must be gone.
    pub async fn close(self) {
        let store = self.service.store.clone();
        drop(self);
        store.close().await;
    }
}

/// The zone of people; the settings were checked when they were read.
fn zone(name: &str) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC)
}

fn local_router(service: Service) -> Router {
    api::router(service).layer(Extension(PeerUid(own_uid())))
}

/// The user this process runs as, for audit rows.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    // Without /proc nobody can tell; 65534 is `nobody`.
    std::fs::metadata("/proc/self").map_or(65_534, |m| m.uid())
}

/// Where a browser on this machine opens the pages; an address that means all of them is no place to go to.
fn pages_url(addresses: &Addresses) -> String {
    let scheme = if addresses.pages_tls { "https" } else { "http" };
    match addresses.pages {
        all if is_any(all.ip()) => format!("{scheme}://localhost:{}", all.port()),
        one => format!("{scheme}://{one}"),
    }
}

/// Names of the server certificate: those of the settings, and the addresses it listens on.
fn server_names(settings: &ConsoleSettings, addresses: &Addresses) -> Vec<String> {
    let mut names = settings.names.clone();
    for ip in [addresses.pages.ip(), addresses.agents.ip()] {
        let name = ip.to_string();
        if !is_any(ip) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

const fn is_any(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unspecified(),
    }
}

fn server_pair(store: &Store, names: &[String]) -> Result<Pair, StoreError> {
    let identity = store.server_identity(names)?;
    Ok(Pair { certificate: identity.chain, key: identity.key.expose().to_owned() })
}

async fn beat(service: Service) {
    let mut next = service.clock.mono();
    while wait_until(&service, &mut next, TICK).await {
        service.store.tick(service.clock.now()).await;
    }
}

async fn renew_certificates(service: Service, names: Vec<String>, shown: Vec<ServerTls>) {
    let mut next = service.clock.mono();
    while wait_until(&service, &mut next, CERTIFICATE_CHECK).await {
        match server_pair(&service.store, &names) {
            Ok(pair) => {
                for tls in &shown {
                    if let Err(error) = tls.replace(&pair) {
                        tracing::error!(%error, "the console's own certificate could not be replaced");
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the console's own certificate could not be looked at"),
        }
    }
}

/// Waits for the next beat; false when the console stops. Beats that were missed are not made up for.
async fn wait_until(service: &Service, next: &mut crate::model::Mono, every: Duration) -> bool {
    *next = next.plus(every).max(service.clock.mono());
    tokio::select! {
        () = service.clock.sleep_until(*next) => true,
        () = service.stop.stopped() => false,
    }
}

/// Reads the definitions again when a file changes. Wrong ones change nothing but what is said about them.
async fn reload(service: Service, overlays: Vec<PathBuf>) {
    let mut watch = match watch::watch(&overlays) {
        Ok(watch) => watch,
        Err(error) => {
            tracing::error!(error, "changes of definitions are not seen while running; restart to read them");
            return;
        }
    };
    loop {
        let changed = tokio::select! {
            changed = watch.changed() => changed,
            () = service.stop.stopped() => return,
        };
        if changed.is_none() {
            tracing::error!("the watch over the definitions has ended; restart to read changes");
            return;
        }
        let (paths, catalog) = (overlays.clone(), service.catalog);
        let read = tokio::task::spawn_blocking(move || defs::load(&paths, catalog)).await;
        match read {
            Ok(loaded) => take_definitions(&service, loaded),
            Err(error) => tracing::error!(%error, "reading definitions broke off; those in force go on"),
        }
    }
}

fn take_definitions(service: &Service, loaded: defs::Loaded) {
    let usable = loaded.usable();
    for diagnostic in &loaded.diagnostics {
        tracing::warn!("{diagnostic}");
    }
    if !usable {
        tracing::error!(mistakes = loaded.diagnostics.len(), "the definitions are wrong; those in force go on");
        return service.reloaded(None, loaded.diagnostics);
    }
    let same = service.definitions().digest == loaded.definitions.digest;
    tracing::info!(digest = loaded.definitions.digest, same, "definitions read again");
    let fresh: Arc<_> = if same { service.definitions() } else { loaded.definitions };
    service.reloaded(Some(fresh), loaded.diagnostics);
}
