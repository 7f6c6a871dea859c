//! One step of a transaction: builds the request, follows where it leads, judges the answer, takes variables from it.

use std::time::Duration;

use regex::Regex;

use crate::model::field::{Part, SettingDef, SettingType};
use crate::model::observation::Cause;
use crate::model::plan::Settings;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::fetch::{Fetched, Line, Order, Phases};
use crate::probe::assertion::{self, Assertions, at_pointer, text_of};

use super::Transaction;
use super::cookies::{Jar, Place};
use super::url::join;
use super::vars::{MAX_VALUE, Vars, is_name, json_escaped, names, url_escaped};

/// Most redirects that one step follows; a sign-in over a central account takes four.
const MAX_REDIRECTS: u32 = 8;

/// The settings of a step.
pub(super) const SETTINGS: &[SettingDef] = &[
    SettingDef {
        name: "name",
        kind: SettingType::Text(64),
        default: None,
        zh: "步骤名称；不写则为序号",
        en: "name of the step; unset = its number",
    },
    SettingDef {
        name: "method",
        kind: SettingType::Choice(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
        default: None,
        zh: "请求方法；不写时有正文为 POST，否则为 GET",
        en: "request method; unset = POST with a body, else GET",
    },
    SettingDef {
        name: "path",
        kind: SettingType::Text(2048),
        default: None,
        zh: "路径（含查询串），相对于资产的 URL；也可写完整 URL",
        en: "path and query, seen from the URL of the asset; or a whole URL",
    },
    SettingDef {
        name: "form",
        kind: SettingType::Map(Part::Text, 1024),
        default: None,
        zh: "以表单提交的字段",
        en: "fields sent as a form",
    },
    SettingDef {
        name: "json_body",
        kind: SettingType::Text(8192),
        default: None,
        zh: "以 JSON 提交的正文；变量按 JSON 转义",
        en: "body sent as JSON; variables are escaped as JSON does",
    },
    SettingDef {
        name: "text_body",
        kind: SettingType::Text(8192),
        default: None,
        zh: "原样提交的正文（如 SOAP）；类型写在 headers 中",
        en: "body sent as it is (SOAP); its type stands in headers",
    },
    SettingDef {
        name: "headers",
        kind: SettingType::Map(Part::Text, 1024),
        default: None,
        zh: "附加的请求头；重定向到其他主机时不发送",
        en: "header fields; not sent where a redirect leads to another host",
    },
    SettingDef {
        name: "follow",
        kind: SettingType::Bool,
        default: Some("true"),
        zh: "是否跟随重定向",
        en: "whether redirects are followed",
    },
    assertion::STATUS,
    assertion::BODY_CONTAINS,
    assertion::BODY_LACKS,
    assertion::BODY_MATCHES,
    assertion::JSON,
    SettingDef {
        name: "take_pattern",
        kind: SettingType::Map(Part::Pattern, 1024),
        default: None,
        zh: "用正则从正文取值存入变量（取第一个分组）",
        en: "variables taken from the body by regular expressions (their first group)",
    },
    SettingDef {
        name: "take_json",
        kind: SettingType::Map(Part::Pointer, 1024),
        default: None,
        zh: "用 JSON 指针从正文取值存入变量",
        en: "variables taken from the body, as JSON, by JSON pointers",
    },
    SettingDef {
        name: "take_header",
        kind: SettingType::Map(Part::Text, 128),
        default: None,
        zh: "从应答头取值存入变量",
        en: "variables taken from header fields of the answer",
    },
    SettingDef {
        name: "always",
        kind: SettingType::Bool,
        default: Some("false"),
        zh: "前面的步骤失败时是否仍执行（如退出登录）",
        en: "whether it is done even after a step that failed (sign out)",
    },
];

/// What a step sends.
#[derive(Debug)]
enum Body {
    None,
    Form(Vec<(String, String)>),
    Json(String),
    Text(String),
}

/// Where a variable comes from.
#[derive(Debug)]
enum Take {
    Pattern(Regex),
    Json(String),
    Header(String),
}

/// A step, ready to be done.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) always: bool,
    method: String,
    path: String,
    body: Body,
    headers: Vec<(String, String)>,
    follow: bool,
    wanted: Assertions,
    takes: Vec<(String, Take)>,
}

/// What is carried from step to step of one run.
pub(super) struct Carried {
    pub(super) vars: Vars,
    pub(super) jar: Jar,
    pub(super) line: Option<Line>,
}

/// What a step came to.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Of the last request of the step.
    pub(super) phases: Phases,
    pub(super) status: Option<u16>,
    pub(super) bytes: Option<usize>,
    pub(super) redirects: u32,
    pub(super) took: Duration,
    pub(super) error: Option<NetError>,
}

impl Step {
    /// From its settings; an error is about what no run can mend.
    pub(super) fn of(settings: &Settings, number: usize) -> Result<Self, String> {
        let given = settings.text("name").filter(|name| !name.is_empty());
        let name = given.map_or_else(|| number.to_string(), str::to_owned);
        let wrong = |what: String| format!("step `{name}`: {what}");
        let form: Vec<(String, String)> = settings.map("form").map(owned).collect();
        let bodies = [
            (!form.is_empty()).then_some(Body::Form(form)),
            settings.text("json_body").map(|text| Body::Json(text.to_owned())),
            settings.text("text_body").map(|text| Body::Text(text.to_owned())),
        ];
        let mut bodies = bodies.into_iter().flatten();
        let body = bodies.next().unwrap_or(Body::None);
        if bodies.next().is_some() {
            return Err(wrong("one of form, json_body and text_body is enough".to_owned()));
        }
        let usual = if matches!(body, Body::None) { "GET" } else { "POST" };
        let mut takes = Vec::new();
        for (variable, pattern) in settings.map("take_pattern") {
            let regex = Regex::new(pattern).map_err(|_| wrong(format!("`{pattern}` is no regular expression")))?;
            takes.push((variable.to_owned(), Take::Pattern(regex)));
        }
        takes.extend(settings.map("take_json").map(|(v, at)| (v.to_owned(), Take::Json(at.to_owned()))));
        takes.extend(settings.map("take_header").map(|(v, field)| (v.to_owned(), Take::Header(field.to_owned()))));
        if let Some((bad, _)) = takes.iter().find(|(variable, _)| !is_name(variable)) {
            return Err(wrong(format!("`{bad}` is no name of a variable; only a-z, 0-9 and `_`")));
        }
        Ok(Self {
            always: settings.bool("always"),
            method: settings.text("method").unwrap_or(usual).to_owned(),
            path: settings.text("path").unwrap_or_default().to_owned(),
            headers: settings.map("headers").map(owned).collect(),
            follow: settings.bool("follow"),
            wanted: Assertions::of(settings).map_err(wrong)?,
            takes,
            body,
            name,
        })
    }

    /// Variables that it uses, wherever.
    pub(super) fn uses(&self) -> Vec<&str> {
        let mut all = names(&self.path);
        match &self.body {
            Body::None => {}
            Body::Form(fields) => all.extend(fields.iter().flat_map(|(_, value)| names(value))),
            Body::Json(text) | Body::Text(text) => all.extend(names(text)),
        }
        all.extend(self.headers.iter().flat_map(|(_, value)| names(value)));
        all.extend(self.wanted.texts().flat_map(names));
        all
    }

    /// Variables that it takes from the answer.
    pub(super) fn makes(&self) -> impl Iterator<Item = &str> {
        self.takes.iter().map(|(variable, _)| variable.as_str())
    }

    /// Does it.
    pub(super) async fn run(&self, of: &Transaction, carried: &mut Carried, clock: &Clock, deadline: Mono) -> Done {
        let began = clock.mono();
        let mut done = Done::default();
        if let Err(error) = self.walk(of, carried, &mut done, clock, deadline).await {
            done.error = Some(NetError::new(error.cause, carried.vars.hide(&error.detail)));
        }
        done.took = clock.mono().since(began);
        done
    }

    async fn walk(
        &self,
        of: &Transaction,
        carried: &mut Carried,
        done: &mut Done,
        clock: &Clock,
        deadline: Mono,
    ) -> Result<(), NetError> {
        let first = self.begins(of, &carried.vars);
        let mut url = first.clone();
        let mut bare = false;
        let fetched = loop {
            let order = self.order(of, (&first, &url), carried, bare).map_err(|what| {
                // Where the server has sent us is not our fault.
                let cause = if done.redirects > 0 { Cause::Protocol } else { Cause::Unsupported };
                NetError::new(cause, what)
            })?;
            let fetched = if of.reuse {
                order.fetch_on(&mut carried.line, deadline, clock).await
            } else {
                order.fetch(deadline, clock).await
            };
            (done.phases, done.status) = (fetched.phases, fetched.status);
            done.bytes = fetched.status.map(|_| fetched.body.len());
            take_cookies(carried, &order, &fetched);
            if let Some(error) = fetched.error {
                return Err(error);
            }
            let Some(next) = self.next(&fetched, &url) else { break fetched };
            if done.redirects >= MAX_REDIRECTS {
                return Err(NetError::new(Cause::Status, format!("more than {MAX_REDIRECTS} redirects")));
            }
            done.redirects += 1;
            let keeps = matches!(fetched.status, Some(307 | 308));
            bare |= !keeps;
            // What was meant for one server is not for another.
            if keeps && !same_origin(&url, &next) {
                return Err(NetError::new(Cause::Status, "a redirect would send the request to another server"));
            }
            url = next;
        };
        if let Some(error) = self.wanted.wrong(&fetched, &|text| carried.vars.fill(text, str::to_owned)) {
            return Err(error);
        }
        self.take(&fetched, &mut carried.vars)
    }

    /// Its own URL.
    fn begins(&self, of: &Transaction, vars: &Vars) -> String {
        // A path that is one variable is a URL taken from an answer, whole.
        let whole = names(&self.path).first().is_some_and(|name| self.path.len() == name.len() + 3);
        let path = if whole { vars.fill(&self.path, str::to_owned) } else { vars.fill(&self.path, url_escaped) };
        join(&of.base, &path)
    }

    /// The request to `url`, which redirects from `first` have led to; a `bare` one is what they make of it, without a
    /// body.
    fn order(
        &self,
        of: &Transaction,
        (first, url): (&str, &str),
        carried: &Carried,
        bare: bool,
    ) -> Result<Order, String> {
        let vars = &carried.vars;
        let mut order = Order::to(url, of.trust.clone(), of.check)?;
        order = order.family(of.family).max_body(of.max_body);
        let place = Place { host: order.host(), path: order.path(), secure: order.secure() };
        if let Some(cookies) = carried.jar.header(place) {
            order = order.header("cookie", &cookies)?;
        }
        if same_origin(url, first) {
            for (name, value) in &self.headers {
                order = order.header(name, &vars.fill(value, str::to_owned))?;
            }
        }
        if bare {
            let method = if self.method == "HEAD" { "HEAD" } else { "GET" };
            return Ok(order.method(method));
        }
        let (kind, body) = match &self.body {
            Body::None => return Ok(order.method(&self.method)),
            Body::Form(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, &vars.fill(value, str::to_owned));
                }
                ("application/x-www-form-urlencoded", form.finish())
            }
            Body::Json(text) => ("application/json", vars.fill(text, json_escaped)),
            Body::Text(text) => ("text/plain; charset=utf-8", vars.fill(text, str::to_owned)),
        };
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            order = order.header("content-type", kind)?;
        }
        Ok(order.method(&self.method).body(body))
    }

    /// Where a redirect leads that is to be followed.
    fn next(&self, fetched: &Fetched, url: &str) -> Option<String> {
        let leads = matches!(fetched.status, Some(301 | 302 | 303 | 307 | 308));
        let to = fetched.location().filter(|_| self.follow && leads)?;
        Some(join(url, to))
    }

    fn take(&self, fetched: &Fetched, vars: &mut Vars) -> Result<(), NetError> {
        let text = text_of(fetched);
        let json = || serde_json::from_str::<serde_json::Value>(&text).ok();
        for (variable, from) in &self.takes {
            let (found, what) = match from {
                Take::Pattern(pattern) => {
                    let found = pattern.captures(&text).and_then(|c| c.get(1).or_else(|| c.get(0)));
                    (found.map(|m| m.as_str().to_owned()), format!("`{pattern}`"))
                }
                Take::Json(at) => (json().and_then(|json| at_pointer(&json, at)), format!("`{at}` of the JSON")),
                Take::Header(name) => {
                    let found = fetched.headers.get(name).and_then(|v| v.to_str().ok());
                    (found.map(str::to_owned), format!("header `{name}`"))
                }
            };
            match found.filter(|value| value.len() <= MAX_VALUE) {
                Some(value) => vars.put_hidden(variable, &value),
                None => {
                    return Err(NetError::new(Cause::Content, format!("no {what} for `{variable}` in the answer")));
                }
            }
        }
        Ok(())
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Cookies are kept, and their values are in no message.
fn take_cookies(carried: &mut Carried, order: &Order, fetched: &Fetched) {
    let place = Place { host: order.host(), path: order.path(), secure: order.secure() };
    for header in fetched.headers.get_all("set-cookie") {
        if let Ok(text) = header.to_str() {
            carried.jar.take(place, text);
        }
    }
    for (n, value) in carried.jar.values().enumerate() {
        carried.vars.put_hidden(&format!("-cookie-{n}"), value);
    }
}

fn same_origin(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Some(format!("{scheme}://{authority}").to_ascii_lowercase())
    };
    origin(a).is_some() && origin(a) == origin(b)
}
