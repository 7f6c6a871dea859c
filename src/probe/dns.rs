//! `dns`: one question to one name server, its phases timed apart, its answer checked. It never asks the system's
//! resolver: what is measured is this server, not whoever answers first.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::dns::{Question, RCODES, Type};
use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::dns::{Asked, Transport, ask};
use crate::net::error::NetError;
use crate::net::resolver::{Family, first_by};
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

const NO_YES: &[Cow<'static, str>] = &[Cow::Borrowed("no"), Cow::Borrowed("yes")];
/// The port of name servers.
const PORT: u16 = 53;

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "dns",
    zh: "域名服务器：应答码、解析结果与耗时",
    en: "one question to one name server: answer code, answers and time",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[
        SettingDef {
            name: "name",
            kind: SettingType::Text(253),
            default: None,
            zh: "要查询的域名；不写则查询目标自身，此时须写 server",
            en: "name to ask for; unset = the target's own, which needs `server`",
        },
        SettingDef {
            name: "type",
            kind: SettingType::Choice(&["a", "aaaa", "cname", "mx", "ns", "ptr", "soa", "srv", "txt"]),
            default: Some("'a'"),
            zh: "记录类型；ptr 时域名可写为地址",
            en: "record type; with ptr an address may be the name",
        },
        SettingDef {
            name: "server",
            kind: SettingType::Text(253),
            default: None,
            zh: "代替目标的域名服务器",
            en: "server to ask instead of the target",
        },
        SettingDef {
            name: "server_port",
            kind: SettingType::Int(1, 65535),
            default: Some("53"),
            zh: "域名服务器的端口",
            en: "port of the server",
        },
        SettingDef {
            name: "transport",
            kind: SettingType::Choice(&["auto", "udp", "tcp"]),
            default: Some("'auto'"),
            zh: "auto 先用 UDP，应答被截断时改用 TCP",
            en: "auto asks by UDP, and again by TCP when the answer was cut",
        },
        SettingDef {
            name: "recursion",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否要求服务器递归查询",
            en: "whether the server is asked to find out itself",
        },
        SettingDef {
            name: "rcode",
            kind: SettingType::Choice(&["noerror", "nxdomain", "servfail", "refused", "any"]),
            default: Some("'noerror'"),
            zh: "正常的应答码；any 为任意应答",
            en: "answer code that is good; any = whatever it answers",
        },
        SettingDef {
            name: "answers",
            kind: SettingType::Texts(255),
            default: None,
            zh: "必须出现的结果",
            en: "answers that must be there",
        },
        SettingDef {
            name: "exact",
            kind: SettingType::Bool,
            default: Some("false"),
            zh: "是否不得有其他结果",
            en: "whether there may be no others",
        },
        SettingDef {
            name: "min_answers",
            kind: SettingType::Int(0, 100),
            default: Some("1"),
            zh: "应答码须为且为 noerror 时的最少结果数",
            en: "fewest answers, where the code must be and is noerror",
        },
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("dns"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::gauge(
                    "resolve_seconds",
                    "解析服务器自身名称的耗时（秒）",
                    "time to resolve the server's own name",
                ),
                Field::gauge("connect_seconds", "建立 TCP 连接的耗时（秒）", "time until the TCP connection stood"),
                Field::gauge("query_seconds", "从提问到应答的耗时（秒）", "from the question to its answer"),
                Field::gauge("total_seconds", "总耗时（秒）", "from the start to the answer"),
                Field::gauge("answers_count", "结果数", "answers of the type asked for"),
                Field::gauge("ttl_seconds", "结果的最短缓存时间（秒）", "shortest time that an answer may be kept"),
                Field::state("rcode", RCODES, "应答码", "answer code"),
                Field::state("authoritative", NO_YES, "是否权威应答", "whether the server speaks for the zone"),
                Field::text("answers", "解析结果", "the answers, sorted"),
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let settings = &task.settings;
    let target = task.target.host.clone().ok_or("it has no address")?;
    let set = settings.int("server_port").and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT);
    let (server, port, name) = match (settings.text("server"), settings.text("name")) {
        (None, None) => return Err("it has no question: set `name`, or `server` to ask for the target".to_owned()),
        (None, Some(name)) => (target, task.target.port.unwrap_or(set), name.to_owned()),
        (Some(server), name) => (server.to_owned(), set, name.map_or(target, str::to_owned)),
    };
    let kind = settings.text("type").and_then(Type::parse).unwrap_or(Type::A);
    let name = match name.parse::<IpAddr>() {
        Ok(address) if kind == Type::Ptr => Question::reverse(address),
        _ => name,
    };
    let question = Question { name, kind, recursion: settings.bool("recursion") };
    question.write(0).map_err(|error| format!("`{}`: {error}", question.name))?;
    Ok(Box::new(Dns {
        task: task.clone(),
        server,
        port,
        question,
        transport: match settings.text("transport") {
            Some("udp") => Transport::Udp,
            Some("tcp") => Transport::Tcp,
            _ => Transport::Auto,
        },
        rcode: settings.text("rcode").filter(|code| *code != "any").map(str::to_owned),
        answers: settings.texts("answers").iter().map(|text| plain(text)).collect(),
        exact: settings.bool("exact"),
        min_answers: settings.int("min_answers").and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        family: Family::of_setting(settings.text("family")),
    }))
}

/// As names and addresses compare: without case, last dot and spare noughts.
fn plain(text: &str) -> String {
    let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
    text.parse::<IpAddr>().map_or(text, |address| address.to_string())
}

struct Dns {
    task: Arc<Task>,
    server: String,
    port: u16,
    question: Question,
    transport: Transport,
    rcode: Option<String>,
    answers: Vec<String>,
    exact: bool,
    min_answers: usize,
    family: Family,
}

impl Prober for Dns {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let mut asked = Asked::default();
            let mut resolved = None;
            let ended = self.ask(cx, &mut resolved, &mut asked, deadline).await;
            let took = cx.clock.mono().since(began);
            let rows = match resolved {
                Some(_) => vec![target_row(&SPEC.schema, &self.task, values(resolved, &asked, took))],
                None => Vec::new(),
            };
            match ended.err().or_else(|| self.wrong(&asked)) {
                Some(error) => Run::error(error, rows, took),
                None => Run::ok(rows, took),
            }
        })
    }
}

impl Dns {
    async fn ask(
        &self,
        cx: &Ctx,
        resolved: &mut Option<Duration>,
        asked: &mut Asked,
        deadline: Mono,
    ) -> Result<(), NetError> {
        let clock = &cx.clock;
        let began = clock.mono();
        let server = first_by(&self.server, self.port, self.family, deadline, clock).await?;
        *resolved = Some(clock.mono().since(began));
        ask(server, &self.question, self.transport, asked, deadline, clock).await
    }

    /// What is wrong with an answer that came.
    fn wrong(&self, asked: &Asked) -> Option<NetError> {
        let answer = asked.answer.as_ref()?;
        let what = format!("{} {}", self.question.name, self.question.kind.as_str());
        let code = answer.rcode_word();
        if let Some(wanted) = self.rcode.as_ref().filter(|wanted| *wanted != code) {
            return Some(NetError::new(Cause::Status, format!("{what}: {code}, wanted {wanted}")));
        }
        let found: Vec<String> = answer.records.iter().map(|record| plain(&record.text)).collect();
        let missing = self.answers.iter().find(|wanted| !found.contains(wanted));
        let spare = found.iter().find(|found| self.exact && !self.answers.contains(found));
        let few = self.rcode.as_deref() == Some("noerror") && found.len() < self.min_answers;
        let says = match (missing, spare) {
            (Some(missing), _) => format!("`{missing}` is not among the {} answers", found.len()),
            (None, Some(spare)) => format!("`{spare}` is an answer nobody expects"),
            (None, None) if few => format!("{} answers, wanted {} or more", found.len(), self.min_answers),
            (None, None) => return None,
        };
        Some(NetError::new(Cause::Content, format!("{what}: {says}")))
    }
}

fn values(resolved: Option<Duration>, asked: &Asked, took: Duration) -> Vec<(&'static str, Value)> {
    let seconds = |d: Option<Duration>| d.map_or(Value::Null, |d| Value::gauge(d.as_secs_f64()));
    let mut values = vec![
        ("resolve_seconds", seconds(resolved)),
        ("connect_seconds", seconds(asked.connect)),
        ("query_seconds", seconds(asked.query)),
    ];
    if let Some(answer) = &asked.answer {
        let mut texts: Vec<&str> = answer.records.iter().map(|record| record.text.as_str()).collect();
        texts.sort_unstable();
        let ttl = answer.records.iter().map(|record| record.ttl).min();
        values.extend([
            ("total_seconds", seconds(Some(took))),
            ("answers_count", Value::gauge(answer.records.len() as f64)),
            ("ttl_seconds", ttl.map_or(Value::Null, |ttl| Value::gauge(f64::from(ttl)))),
            ("rcode", Value::State(answer.rcode_slot())),
            ("authoritative", Value::State(u8::from(answer.authoritative))),
            ("answers", Value::Text(Arc::from(texts.join(", ")))),
        ]);
    }
    values
}

#[cfg(test)]
mod tests;
