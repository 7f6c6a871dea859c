//! The program's doors, tried by those who should not come in and by those who bring the wrong thing: a real
//! console in this process, spoken to over sockets with certificates made for the purpose.

mod api;
mod away;
mod batches;
mod enrolment;
mod graded;
mod sheets;
mod slow;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fengsui::config::settings::ConsoleSettings;
use fengsui::console::{Console, ConsoleParts, Handle};
use fengsui::model::{SecretText, Wall};
use fengsui::net::clock::Clock;
use fengsui::net::http::{BaseUrl, Client, Response};
use fengsui::net::tls::{self, Pair};
use fengsui::relay::identity::{self, Enrolment, Identity, IdentityError};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_ANSWER: usize = 4 << 20;

const INVENTORY: &str = r#"
[[region]]
id = "650000"
name = "新疆"
tier = "province"

[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"
parent = "650000"

[[region]]
id = "653000"
name = "克孜勒苏"
tier = "prefecture"
parent = "650000"

[[agent]]
id = "tower"
zone = "extranet"
region = "652900"

[[agent]]
id = "mill"
zone = "extranet"
region = "653000"

[[asset]]
id = "core-1"
name = "核心交换机"
kind = "switch"
address = "10.65.0.1"
zone = "extranet"
region = "652900"
watch = { agents = ["tower"], mode = "all" }

[[asset]]
id = "core-2"
name = "另一台"
kind = "switch"
address = "10.65.0.2"
zone = "extranet"
region = "653000"
watch = { agents = ["mill"], mode = "all" }
"#;

/// A console with an inventory, on a clock that a test turns.
struct Door {
    dir: tempfile::TempDir,
    shift: Arc<AtomicI64>,
    clock: Clock,
    handle: Handle,
}

impl Door {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shift = Arc::new(AtomicI64::new(0));
        let clock = Clock::shifted(shift.clone());
        let nowhere = "127.0.0.1:0".parse().unwrap();
        let settings = ConsoleSettings {
            listen: nowhere,
            agent_listen: nowhere,
            definitions: Vec::new(),
            ..ConsoleSettings::default()
        };
        let parts = ConsoleParts {
            data: dir.path().join("data"),
            settings,
            catalog: fengsui::probe::catalog(),
            clock: clock.clone(),
            key: None,
        };
        let handle = Console::start(parts).await.unwrap();
        let door = Self { dir, shift, clock, handle };
        let applied = door.admin("POST", "/api/v1/inventory/apply?base_rev=0", INVENTORY.into()).await;
        assert_eq!(applied.status, 200, "{}", applied.reason());
        let object = "asset:core-1".parse().unwrap();
        door.until("a plan with core-1", async || {
            let plan = door.handle.service.plan(&"tower".parse().unwrap());
            plan.is_some_and(|p| p.plan.objects.iter().any(|o| o.object == object))
        })
        .await;
        door
    }

    fn forward(&self, by: Duration) {
        self.shift.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Waits until it holds; asks again every few milliseconds.
    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let wait = async {
            while !holds().await {
                self.clock.sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
    }

    fn url(&self) -> String {
        format!("https://{}", self.handle.addresses.agents)
    }

    fn ca(&self) -> String {
        self.handle.service.store.authority().pem().to_owned()
    }

    /// Whoever may use the admin socket.
    async fn admin(&self, method: &str, path: &str, body: Vec<u8>) -> Response {
        let client = Client::unix(self.dir.path().join("data/admin.sock"), MAX_ANSWER, self.clock.clone());
        client.request(method, path, &[("accept-language", "en")], body, PATIENCE).await.unwrap()
    }

    async fn admin_json(&self, path: &str, body: Value) -> Value {
        let answer = self.admin("POST", path, body.to_string().into_bytes()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.reason());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Whoever holds this token, over the pages' address.
    async fn ask(&self, token: Option<&str>, method: &str, path: &str, body: Vec<u8>) -> Response {
        let client = self.pages();
        let bearer = format!("Bearer {}", token.unwrap_or_default());
        let mut headers = vec![("accept-language", "en")];
        headers.extend(token.map(|_| ("authorization", bearer.as_str())));
        client.request(method, path, &headers, body, PATIENCE).await.unwrap()
    }

    fn pages(&self) -> Client {
        let base = BaseUrl::parse(&format!("http://{}", self.handle.addresses.pages)).unwrap();
        Client::url(base, None, MAX_ANSWER, self.clock.clone())
    }

    async fn token(&self, role: &str, regions: &[&str]) -> String {
        let body = json!({ "name": format!("{role}{}", regions.concat()), "role": role, "regions": regions });
        self.admin_json("/api/v1/tokens", body).await["token"].as_str().unwrap().to_owned()
    }

    async fn enroll_token(&self, agent: &str) -> String {
        let made = self.admin_json("/api/v1/enroll-tokens", json!({ "agent": agent })).await;
        made["token"].as_str().unwrap().to_owned()
    }

    async fn join(&self, agent: &str, token: &str) -> Result<Identity, IdentityError> {
        let with = Enrolment {
            console: self.url(),
            ca_fingerprint: tls::fingerprint_pem(&self.ca()).unwrap(),
            token: SecretText::new(token.to_owned()),
            agent: Some(agent.parse().unwrap()),
        };
        identity::enroll(&with, &self.dir.path().join(agent), &self.clock).await
    }

    async fn enrolled(&self, agent: &str) -> Peer {
        let token = self.enroll_token(agent).await;
        let identity = self.join(agent, &token).await.unwrap();
        self.peer(Some(&identity.pair))
    }

    /// A client of the agents' door with this certificate, or without one.
    fn peer(&self, pair: Option<&Pair>) -> Peer {
        let tls = tls::client_pinned_ca(&self.ca(), pair, &self.clock).unwrap();
        let client = Client::url(BaseUrl::parse(&self.url()).unwrap(), Some(tls), MAX_ANSWER, self.clock.clone());
        Peer { client, clock: self.clock.clone() }
    }
}

/// An agent, played.
#[derive(Clone)]
struct Peer {
    client: Client,
    clock: Clock,
}

impl Peer {
    async fn post(&self, path: &str, body: Vec<u8>) -> Response {
        self.client.request("POST", path, &[("accept-language", "en")], body, PATIENCE).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.client.request("GET", path, &[("accept-language", "en")], Vec::new(), PATIENCE).await.unwrap()
    }

    fn now(&self) -> i64 {
        self.clock.wall().millis()
    }

    /// An event record.
    fn record(&self, seq: u64, kind: &str, body: Value) -> Value {
        json!({ "seq": seq, "at": self.now(), "kind": kind, "body": body })
    }

    fn status(&self, seq: u64) -> Value {
        self.record(
            seq,
            "agent_status",
            json!({ "version": "1", "hostname": "h", "uptime_seconds": 1, "plan_rev": 1, "tasks": 0, "spool_records": 0,
                "spool_bytes": 0, "spool_dropped": 0, "skipped_runs": 0 }),
        )
    }

    fn alert(&self, seq: u64, object: &str) -> Value {
        let now = self.now();
        self.record(
            seq,
            "alert",
            json!({ "problem": "service-down", "object": object, "rule": "oa-down", "firing": true,
                "severity": "major", "since": now, "at": now, "count": 1 }),
        )
    }

    fn batch(&self, stream: &str, first: u64, records: &[Value]) -> Value {
        let last = records.last().and_then(|r| r["seq"].as_u64()).unwrap();
        json!({ "v": 1, "stream": stream, "epoch": "e1", "first_seq": first, "last_seq": last, "sent_at": self.now(),
            "records": records })
    }

    async fn send(&self, batch: &Value) -> (u16, Value) {
        self.send_bytes(zstd::encode_all(batch.to_string().as_bytes(), 3).unwrap()).await
    }

    async fn send_bytes(&self, body: Vec<u8>) -> (u16, Value) {
        let answer = self.post("/ingest/v1/batches", body).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}

fn wall(text: &str) -> i64 {
    Wall::parse(text).unwrap().millis()
}
