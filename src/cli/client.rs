//! One way to ask a console, whichever way it is reached: through the admin socket of the one that holds DATA,
//! by URL, or, when nobody holds DATA, over the directory itself in this process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use super::reach::{Reach, data_dir};
use super::text::{Lang, lang, pick};
use super::{Exit, Failure};
use crate::config::settings::ConsoleSettings;
use crate::console::{ConsoleParts, Local, StartError};
use crate::net::clock::Clock;
use crate::net::http::{BaseUrl, Client as HttpClient};
use crate::net::tls;

/// The largest answer: a page of 1,000 incidents with evidence, or an exported inventory.
const MAX_ANSWER: usize = 64 << 20;
/// How long an answer may take; the console gives up after 30 s itself.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Whether a data directory that is not there yet may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Say so: there is nothing to read.
    Fail,
    /// Make it: the first thing somebody does may be to write.
    Make,
}

/// A console, reached.
pub struct Client {
    way: Way,
    token: Option<String>,
}

enum Way {
    Remote(HttpClient),
    Local(Box<Local>, Router),
}

impl Client {
    /// Reaches the console that the options name.
    pub async fn open(reach: &Reach, if_missing: IfMissing) -> Result<Self, Failure> {
        let clock = Clock::system();
        if let Some(url) = &reach.url {
            let token = match &reach.token_file {
                Some(file) => Some(read_token(file)?),
                None => None,
            };
            return Ok(Self { way: Way::Remote(remote(url, reach.ca.as_deref(), &clock)?), token });
        }
        let data = data_dir(reach.data.clone());
        let socket = data.join("admin.sock");
        let client = HttpClient::unix(&socket, MAX_ANSWER, clock.clone());
        if socket.exists() && client.request("GET", "/healthz", &[], Vec::new(), TIMEOUT).await.is_ok() {
            return Ok(Self { way: Way::Remote(client), token: None });
        }
        if if_missing == IfMissing::Fail && !data.join("core.db").exists() {
            let shown = data.display();
            return Err(Failure::usage(pick(
                format!(
                    "{shown} 中没有管理中心数据；请先运行 `fengsui up`，或用 --data 指定目录，或用 --url 连接远程管理中心"
                ),
                format!(
                    "there is no console data in {shown}; start `fengsui up` first, name another directory with --data, \
                     or a remote console with --url"
                ),
            )));
        }
        let local = open_local(data, clock).await?;
        let router = local.router();
        Ok(Self { way: Way::Local(Box::new(local), router), token: None })
    }

    /// Lets go of the data directory, if this process held it.
    pub async fn close(self) {
        if let Way::Local(local, router) = self.way {
            drop(router);
            local.close().await;
        }
    }

    /// Asks for something.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send("GET", path, "application/json", Vec::new()).await
    }

    /// Does something.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send("POST", path, "application/json", body.to_string().into_bytes()).await
    }

    /// One request; a refusal becomes a failure that says what the console said.
    pub async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Result<Value, Failure> {
        let (status, body) = self.exchange(method, path, kind, body).await?;
        if !(200..300).contains(&status) {
            return Err(refusal(status, &body));
        }
        serde_json::from_slice(&body).map_err(|e| {
            Failure::unseen(pick(
                format!("管理中心的应答不是 JSON：{e}；请检查 --url 是否指向管理中心"),
                format!("the console's answer is not JSON: {e}; check that --url points to a console"),
            ))
        })
    }

    /// A file; a refusal becomes a failure that says what the console said.
    pub async fn download(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let (status, body) = self.exchange("GET", path, "application/json", Vec::new()).await?;
        if (200..300).contains(&status) { Ok(body) } else { Err(refusal(status, &body)) }
    }

    /// A whole list, page by page, at most `most` items.
    pub async fn list(&self, path: &str, most: usize) -> Result<Vec<Value>, Failure> {
        let mut all: Vec<Value> = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let paged = match &next {
                Some(after) => {
                    format!("{path}{joint}after={}", crate::console::api::query::encode(after))
                }
                None => path.to_owned(),
            };
            let mut page = self.get(&paged).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                all.extend(items);
            }
            next = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if next.is_none() || all.len() >= most {
                all.truncate(most);
                return Ok(all);
            }
        }
    }

    async fn exchange(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), Failure> {
        let language = if lang() == Lang::Zh { "zh" } else { "en" };
        let bearer = self.token.as_ref().map(|t| format!("Bearer {t}"));
        let mut headers = vec![("accept", "application/json"), ("accept-language", language)];
        if !body.is_empty() {
            headers.push(("content-type", kind));
        }
        if let Some(bearer) = &bearer {
            headers.push(("authorization", bearer));
        }
        match &self.way {
            Way::Remote(client) => {
                let answer = client.request(method, path, &headers, body, TIMEOUT).await;
                let answer = answer.map_err(|e| {
                    let target = client.target();
                    Failure::unseen(pick(
                        format!("无法连接管理中心 {target}：{}", super::zh::line(&e.to_string())),
                        format!("cannot reach the console at {target}: {e}"),
                    ))
                })?;
                Ok((answer.status, answer.body))
            }
            Way::Local(_, router) => {
                let mut request = Request::builder().method(method).uri(path);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                let broken = |e: String| Failure::unseen(format!("{method} {path}: {e}"));
                let request = request.body(Body::from(body)).map_err(|e| broken(e.to_string()))?;
                let answer = match router.clone().oneshot(request).await {
                    Ok(answer) => answer,
                    Err(never) => match never {},
                };
                let status = answer.status().as_u16();
                let body = axum::body::to_bytes(answer.into_body(), MAX_ANSWER).await;
                Ok((status, body.map_err(|e| broken(e.to_string()))?.to_vec()))
            }
        }
    }
}

fn remote(url: &str, ca: Option<&Path>, clock: &Clock) -> Result<HttpClient, Failure> {
    let base = BaseUrl::parse(url).map_err(Failure::usage)?;
    let config = if base.secure {
        let made = match ca {
            Some(file) => {
                let pem = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
                tls::client_pinned_ca(&pem, None, clock)
            }
            None => tls::client_system_roots(clock),
        };
        Some(made.map_err(|e| Failure::usage(e.to_string()))?)
    } else {
        None
    };
    Ok(HttpClient::url(base, config, MAX_ANSWER, clock.clone()))
}

fn read_token(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
    Ok(text.trim().to_owned())
}

/// A file that cannot be read.
pub fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    let file = file.display();
    Failure::usage(pick(
        format!("无法读取 {file}：{error}；请检查路径和权限"),
        format!("cannot read {file}: {error}; check the path and its permissions"),
    ))
}

async fn open_local(data: PathBuf, clock: Clock) -> Result<Local, Failure> {
    let parts = ConsoleParts {
        data,
        settings: ConsoleSettings::default(),
        catalog: crate::probe::catalog(),
        clock,
        key: None,
    };
    Local::open(parts).await.map_err(|error| start_failure(&error))
}

/// Why a console did not start, as a failure of a command.
pub fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::Definitions(list) => {
            for diagnostic in list {
                super::complain(&diagnostic.to_string());
            }
            Failure::usage(pick(
                format!("定义文件有 {} 处错误，未启动；`fengsui check` 可复查", list.len()),
                error.to_string(),
            ))
        }
        StartError::Net(_) | StartError::Store(_) | StartError::Tls(_) => Failure::usage(error.to_string()),
    }
}

fn refusal(status: u16, body: &[u8]) -> Failure {
    let problem: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let said = problem.get("detail").and_then(Value::as_str).map_or_else(
        || pick(format!("管理中心应答 {status}"), format!("the console answered {status}")),
        str::to_owned,
    );
    for line in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        super::complain(line.as_str().unwrap_or_default());
    }
    let exit = match StatusCode::from_u16(status) {
        Ok(StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY) => Exit::Usage,
        Ok(StatusCode::PAYLOAD_TOO_LARGE) => Exit::Usage,
        Ok(StatusCode::CONFLICT) => Exit::Bad,
        _ => Exit::Unseen,
    };
    Failure { exit, message: said }
}

/// Runs one conversation with a console on a runtime of its own.
pub fn with_console<T>(
    reach: &Reach,
    if_missing: IfMissing,
    talk: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    super::block_on(1, async {
        let client = Client::open(reach, if_missing).await?;
        let answer = talk(&client).await;
        client.close().await;
        answer
    })?
}

/// Keeps the log of a directory that this process opens itself out of the way, unless it was asked for.
pub fn quiet_log() {
    super::log::start_at("warn");
}
