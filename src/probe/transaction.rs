//! `transaction`: several HTTP requests that only together are a service: sign in, ask, sign out. Variables go from
//! step to step, cookies as in a browser. It keeps nothing from one run to the next, and shows neither the secret nor
//! what it takes out of answers, in no message and no field.

mod cookies; // RFC 6265, as far as a sign-in needs it
mod step; // one request, and where it leads
mod url; // references against base URLs
mod vars; // what goes from step to step

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, Part, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Row, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::certificate::{Check, Trust};
use crate::net::error::NetError;
use crate::net::resolver::Family;
use crate::probe::{Ctx, Prober, Run, RunFuture, http, target_row};

use cookies::Jar;
use step::{Carried, Done, Step};
use vars::{Vars, is_name};

/// Most steps: a transaction with more is several.
const MAX_STEPS: usize = 20;
/// The table of steps.
const STEPS: usize = 1;

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "transaction",
    zh: "多步骤业务拨测：登录、查询、退出，逐步计时",
    en: "several HTTP requests that together are a service: sign in, ask, sign out",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Url,
    settings: &[
        SettingDef {
            name: "step",
            kind: SettingType::Tables(step::SETTINGS, MAX_STEPS),
            default: None,
            zh: "各步骤，依次执行",
            en: "the steps, in order",
        },
        SettingDef {
            name: "vars",
            kind: SettingType::Map(Part::Text, 1024),
            default: None,
            zh: "变量，在步骤中以 ${名称} 使用",
            en: "variables, used in steps as ${name}",
        },
        SettingDef {
            name: "secret",
            kind: SettingType::Text(64),
            default: None,
            zh: "凭据名称；其内容以 ${user}、${password} 或 ${token} 使用",
            en: "name of a secret; used as ${user} and ${password}, or ${token}",
        },
        SettingDef {
            name: "verify",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否校验服务器证书",
            en: "whether the server's certificate is verified",
        },
        SettingDef {
            name: "reuse",
            kind: SettingType::Bool,
            default: Some("false"),
            zh: "同一次监测的各步骤是否沿用同一连接",
            en: "whether the steps of a run share a connection",
        },
        SettingDef {
            name: "max_body",
            kind: SettingType::Int(0, 67_108_864),
            default: Some("1048576"),
            zh: "每步最多读取的正文字节数",
            en: "most bytes of a body that are read in a step",
        },
        crate::probe::CA_FILE,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("transaction"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::gauge("total_seconds", "全部步骤的耗时（秒）", "time of all steps"),
                    Field::gauge("steps_count", "成功的步骤数", "steps that were good"),
                    Field::text("failed_step", "失败的步骤；无则为空", "step that failed; empty if none did"),
                ]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("step")),
                fields: Cow::Borrowed(&[
                    Field::gauge("step_seconds", "步骤耗时（秒），含重定向", "time of the step, redirects included"),
                    http::RESOLVE,
                    http::CONNECT,
                    http::TLS,
                    http::FIRST_BYTE,
                    http::STATUS,
                    http::BODY,
                    Field::gauge("redirects_count", "跟随的重定向次数", "redirects that were followed"),
                ]),
            },
        ]),
    },
    secret: false,
    profiles: false,
};

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let settings = &task.settings;
    let base = task.target.url.clone().ok_or("it has no URL")?;
    let steps =
        settings.tables("step").iter().zip(1..).map(|(s, n)| Step::of(s, n)).collect::<Result<Vec<_>, _>>()?;
    if steps.is_empty() {
        return Err("it has no steps: add [[probe.settings.step]]".to_owned());
    }
    let mut vars = Vars::default();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (name, value) in settings.map("vars") {
        if !is_name(name) {
            return Err(format!("`{name}` is no name of a variable; only a-z, 0-9 and `_`"));
        }
        vars.put(name, value);
        known.insert(name);
    }
    known.extend(of_secret(secret, &mut vars)?);
    let mut seen = BTreeSet::new();
    for step in &steps {
        if !seen.insert(step.name.as_str()) {
            return Err(format!("two steps are called `{}`", step.name));
        }
        if let Some(name) = step.uses().into_iter().find(|name| !known.contains(name)) {
            return Err(format!("step `{}`: nothing before it makes `${{{name}}}`", step.name));
        }
        known.extend(step.makes());
    }
    let trust = Trust::load(settings.text("ca_file").map(Path::new));
    let trust = if base.starts_with("https:") { Some(trust?) } else { trust.ok() };
    let transaction = Transaction {
        base,
        trust,
        check: if settings.bool("verify") { Check::Verify } else { Check::TakeAny },
        family: Family::of_setting(settings.text("family")),
        max_body: settings.int("max_body").and_then(|v| usize::try_from(v).ok()).unwrap_or(0),
        reuse: settings.bool("reuse"),
    };
    Ok(Box::new(Walker { task: task.clone(), transaction, steps, vars }))
}

/// Puts in what a secret holds; the names it goes by.
fn of_secret(secret: Option<&Secret>, vars: &mut Vars) -> Result<Vec<&'static str>, String> {
    match secret {
        None => Ok(Vec::new()),
        Some(Secret::Login { user, password }) => {
            vars.put_hidden("user", user);
            vars.put_hidden("password", password.expose());
            Ok(vec!["user", "password"])
        }
        Some(Secret::Token(token)) => {
            vars.put_hidden("token", token.expose());
            Ok(vec!["token"])
        }
        Some(other) => {
            Err(format!("a secret of type {} signs nobody in; make one of type login or token", other.kind()))
        }
    }
}

/// What holds for all steps.
struct Transaction {
    base: String,
    trust: Option<Arc<Trust>>,
    check: Check,
    family: Family,
    max_body: usize,
    reuse: bool,
}

struct Walker {
    task: Arc<Task>,
    transaction: Transaction,
    steps: Vec<Step>,
    vars: Vars,
}

impl Prober for Walker {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let mut carried = Carried { vars: self.vars.clone(), jar: Jar::default(), line: None };
            let mut rows = Vec::with_capacity(self.steps.len() + 1);
            let mut good = 0_u32;
            let mut failed: Option<(&str, NetError)> = None;
            for step in &self.steps {
                if failed.is_some() && !step.always {
                    continue;
                }
                let done = step.run(&self.transaction, &mut carried, &cx.clock, deadline).await;
                rows.push(self.row(&step.name, &done));
                match done.error {
                    None => good += 1,
                    Some(error) => failed = failed.or(Some((&step.name, error))),
                }
            }
            let took = cx.clock.mono().since(began);
            let values = vec![
                ("total_seconds", failed.as_ref().map_or_else(|| Value::gauge(took.as_secs_f64()), |_| Value::Null)),
                ("steps_count", Value::gauge(f64::from(good))),
                ("failed_step", Value::Text(Arc::from(failed.as_ref().map_or("", |(name, _)| *name)))),
            ];
            rows.insert(0, target_row(&SPEC.schema, &self.task, values));
            match failed {
                None => Run::ok(rows, took),
                Some((name, error)) => {
                    Run::error(NetError::new(error.cause, format!("step `{name}`: {}", error.detail)), rows, took)
                }
            }
        })
    }
}

impl Walker {
    fn row(&self, name: &str, done: &Done) -> Row {
        let seconds = |d: Option<Duration>| d.map_or(Value::Null, |d| Value::gauge(d.as_secs_f64()));
        let reached = done.status.is_some();
        let values = vec![
            seconds(Some(done.took).filter(|_| reached)),
            seconds(done.phases.resolve),
            seconds(done.phases.connect),
            seconds(done.phases.tls),
            seconds(done.phases.first_byte),
            done.status.map_or(Value::Null, |status| Value::gauge(f64::from(status))),
            done.bytes.map_or(Value::Null, |bytes| Value::gauge(bytes as f64)),
            if reached { Value::gauge(f64::from(done.redirects)) } else { Value::Null },
        ];
        Row { table: STEPS, object: self.task.object.clone(), instance: Arc::from(name), values }
    }
}

#[cfg(test)]
mod tests;
