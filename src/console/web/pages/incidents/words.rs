//! What incidents say, in the reader's words: problems and rules by the names their definitions give them,
//! fields by what they declare, actors by their names, and the time line, whose entries the engine writes in
//! English. What is not recognised is shown as it was written: no text is ever lost here.

use std::sync::Arc;
use std::time::Duration;

use crate::config::defs::{Definitions, RuleDef};
use crate::config::zh;
use crate::console::service::Service;
use crate::console::store::UserRow;
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::console::web::ui::{self, badge, number, time, words};
use crate::engine::incident::CONSOLE;
use crate::model::field::IMPLICIT;
use crate::model::incident::{CloseCause, Incident, TimelineEntry, TimelineKind};
use crate::model::inventory::Inventory;
use crate::model::{AgentId, Cause, Field, Object, ProblemId, RuleId, Severity};

/// The problem that `no_data` of all rules raise; its instance is a probe.
const NO_DATA: &str = "no-data";

/// Everything that has a name.
pub struct Names {
    /// Language.
    pub lang: Lang,
    /// What is declared.
    pub inventory: Arc<Inventory>,
    /// Definitions in force.
    pub definitions: Arc<Definitions>,
    users: Vec<UserRow>,
}

/// A line of the time line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What happened.
    pub what: String,
    /// What was said or measured, if anything.
    pub said: String,
    /// The kind; what people did stands out.
    pub by_person: bool,
}

/// A name and a value of what a rule judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Of the field.
    pub name: String,
    /// With its unit.
    pub value: String,
}

impl Names {
    /// In the reader's language.
    pub fn of(cx: &Cx) -> Self {
        Self::in_language(cx, cx.lang)
    }

    /// In this language, for texts that go to others.
    pub fn in_language(cx: &Cx, lang: Lang) -> Self {
        Self::new(lang, &cx.service)
    }

    /// As things stand at the console.
    pub fn new(lang: Lang, service: &Service) -> Self {
        Self {
            lang,
            inventory: service.store.inventory().1,
            definitions: service.definitions(),
            users: service.store.users(),
        }
    }

    /// The rule's definition, while it is in force.
    pub fn rule_def(&self, id: &RuleId) -> Option<&RuleDef> {
        self.definitions.rules.iter().find(|rule| rule.id == *id)
    }

    /// What a problem is called: as the rule of that id, else as the first rule that raises it.
    pub fn problem(&self, id: &ProblemId) -> String {
        words::problem_of(self.lang, &self.definitions, id)
    }

    /// The problem of an incident, with the part of the object that has it.
    pub fn problem_of(&self, incident: &Incident) -> String {
        let problem = self.problem(&incident.key.problem);
        let part = self.instance(incident);
        if part.is_empty() { problem } else { format!("{problem} · {part}") }
    }

    /// The part of the object: a disk by its own name, a probe by its definition's.
    pub fn instance(&self, incident: &Incident) -> String {
        let instance = &*incident.key.instance;
        let probe = (incident.key.problem.as_str() == NO_DATA)
            .then(|| self.definitions.probes.iter().find(|probe| probe.id.as_str() == instance))
            .flatten();
        probe.map_or_else(|| instance.to_owned(), |probe| self.lang.pick(&probe.zh, &probe.en).to_owned())
    }

    /// What a rule is called.
    pub fn rule(&self, id: &RuleId) -> String {
        match self.rule_def(id) {
            Some(rule) => self.lang.pick(&rule.zh, &rule.en).to_owned(),
            None => words::own_problem(self.lang, id.as_str()).map_or_else(|| id.to_string(), str::to_owned),
        }
    }

    /// What an object is called.
    pub fn object(&self, object: &Object) -> String {
        ui::object_name(&self.inventory, object)
    }

    /// What an agent is called.
    pub fn agent(&self, id: &AgentId) -> String {
        if id.as_str() == CONSOLE {
            return text::incident_actor_console(self.lang).to_owned();
        }
        self.inventory.agents.get(id).map_or_else(|| id.to_string(), |agent| agent.name.clone())
    }

    /// Who did it: a person by name, an agent by name, the console itself.
    pub fn actor(&self, name: &str) -> String {
        let l = self.lang;
        match name.split_once(':') {
            Some(("user", user)) => self.user(user).unwrap_or(user).to_owned(),
            Some(("local", uid)) => text::incident_actor_local(l, uid.to_owned()),
            Some(("token", token)) => text::incident_actor_token(l, token.to_owned()),
            Some(_) => name.to_owned(),
            None if name == CONSOLE => text::incident_actor_console(l).to_owned(),
            None => match name.parse::<AgentId>().ok().and_then(|id| self.inventory.agents.get(&id)) {
                Some(agent) => text::incident_actor_agent(l, agent.name.clone()),
                None => text::incident_actor_agent(l, name.to_owned()),
            },
        }
    }

    /// Who has it: a user by name; whatever else somebody wrote as it is.
    pub fn person(&self, name: &str) -> String {
        if name.starts_with("user:") || name.starts_with("local:") || name.starts_with("token:") {
            return self.actor(name);
        }
        self.user(name).map_or_else(|| name.to_owned(), str::to_owned)
    }

    fn user(&self, name: &str) -> Option<&str> {
        let user = self.users.iter().find(|user| &*user.name == name)?;
        Some(if user.display.is_empty() { &user.name } else { &user.display })
    }

    /// Those who can be given an incident: name as it is stored, and as it is shown.
    pub fn people(&self) -> Vec<(String, String)> {
        self.users.iter().filter(|u| !u.locked).map(|u| (format!("user:{}", u.name), self.person(&u.name))).collect()
    }

    /// Words of an evidence: what was judged, with units.
    pub fn evidence(&self, rule: &RuleId, evidence: &[(String, String)]) -> Vec<Judged> {
        let rule = self.rule_def(rule);
        evidence.iter().map(|(name, value)| self.judged(rule, name, value)).collect()
    }

    /// What matters most of an evidence, for a list: two values, no parameters, no details.
    pub fn evidence_brief(&self, rule: &RuleId, evidence: &[(String, String)]) -> String {
        let params = self.rule_def(rule).map(|rule| &rule.params);
        let counts = |name: &str| {
            name != "detail" && !name.ends_with(".count") && !params.is_some_and(|params| params.contains_key(name))
        };
        let most: Vec<(String, String)> = evidence.iter().filter(|(name, _)| counts(name)).take(2).cloned().collect();
        self.evidence_line(rule, &most)
    }

    /// The same in one line.
    pub fn evidence_line(&self, rule: &RuleId, evidence: &[(String, String)]) -> String {
        let parts: Vec<String> =
            self.evidence(rule, evidence).into_iter().map(|j| format!("{} {}", j.name, j.value)).collect();
        parts.join(self.lang.pick("，", ", "))
    }

    fn judged(&self, rule: Option<&RuleDef>, name: &str, value: &str) -> Judged {
        let l = self.lang;
        let said = |name: &str, value: String| Judged { name: name.to_owned(), value };
        match name {
            "cause" => {
                let word = Cause::parse(value).map(|c| l.pick(c.zh(), c.as_str()).replace('_', " "));
                return said(text::incident_evidence_cause(l), word.unwrap_or_else(|| value.to_owned()));
            }
            "detail" => {
                let shown = if l == Lang::Zh { zh::line(value) } else { value.to_owned() };
                return said(text::incident_evidence_detail(l), shown);
            }
            "last_valid_run" => {
                let seconds = value.strip_suffix(" s ago").and_then(|s| s.parse::<u64>().ok());
                let shown = match seconds {
                    Some(s) => text::incident_evidence_ago(l, time::lasting(l, Duration::from_secs(s))),
                    None if value == "never" => text::incident_evidence_never(l).to_owned(),
                    None => value.to_owned(),
                };
                return said(text::incident_evidence_last_run(l), shown);
            }
            "no_data" => return said(text::incident_evidence_no_data(l), value.replace(" x ", " × ")),
            "skew_seconds" => return said(text::incident_evidence_skew(l), format!("{value} s")),
            "parts" => return said(text::incident_evidence_parts(l), value.to_owned()),
            "limits" => return said(text::incident_evidence_limits(l), value.to_owned()),
            "version" => return said(text::incident_evidence_version(l), value.to_owned()),
            "records" => return said(text::incident_evidence_records(l), value.to_owned()),
            "stream" => return said(text::incident_evidence_stream(l), value.to_owned()),
            "epoch" => return said(text::incident_evidence_epoch(l), value.to_owned()),
            "line" => return said(text::incident_evidence_line(l), value.to_owned()),
            "peer" => return said(text::incident_evidence_peer(l), value.to_owned()),
            "user" => return said(text::incident_evidence_user(l), value.to_owned()),
            "from" => return said(text::incident_evidence_from(l), value.to_owned()),
            "down" if value == "address" => {
                return said(text::incident_evidence_down(l), text::incident_evidence_down_address(l).to_owned());
            }
            _ => {}
        }
        if let Some(label) = detector_word(l, name) {
            return said(label, value.to_owned());
        }
        if let Some(rule) = rule.filter(|rule| rule.params.contains_key(name)) {
            // A threshold has the unit of what is judged, unless its own name says otherwise.
            let judged = rule.judge.fields().first().copied().filter(|_| name.ends_with("_at"));
            return said(param(l, name), measured(l, judged.unwrap_or_default(), value));
        }
        let mut parts = name.splitn(3, '.');
        let (field, stat) = match (parts.next(), parts.next(), parts.next()) {
            (Some("w"), Some(field), Some(stat)) => (field, Some(stat)),
            _ => (name, None),
        };
        let Some(declared) = rule.and_then(|rule| declared(rule, field)) else {
            return said(name, value.to_owned());
        };
        let mut label = label(l, declared);
        if let Some(stat) = stat {
            let window = rule.map(|rule| round(l, rule.window)).unwrap_or_default();
            label = text::incident_evidence_window(l, label, window, stat_word(l, stat));
        }
        let kind = if stat == Some("count") { "" } else { field };
        said(&label, self.value(rule, kind, value))
    }

    /// `0.35 (raise_at 0.1)` of a ratio: `35 % (触发值 10 %)`.
    fn value(&self, rule: Option<&RuleDef>, field: &str, value: &str) -> String {
        let l = self.lang;
        let params = value.strip_suffix(')').and_then(|v| v.rsplit_once(" ("));
        if let (Some((main, inside)), Some(rule)) = (params, rule) {
            let named: Option<Vec<String>> = inside
                .split(", ")
                .map(|part| {
                    let (name, number) = part.split_once(' ')?;
                    let known = rule.params.contains_key(name);
                    known.then(|| format!("{} {}", param(l, name), measured(l, field, number)))
                })
                .collect();
            if let Some(named) = named {
                return format!(
                    "{}{}{}{}",
                    measured(l, field, main),
                    l.pick("（", " ("),
                    named.join(l.pick("，", ", ")),
                    l.pick("）", ")")
                );
            }
        }
        measured(l, field, value)
    }

    /// A line of the time line.
    pub fn line(&self, entry: &TimelineEntry) -> Line {
        use TimelineKind as K;
        let l = self.lang;
        let said = entry.text.as_str();
        let by_person = entry.actor.contains(':');
        let line = |what: &str, said: String| Line { what: what.to_owned(), said, by_person };
        match entry.kind {
            K::Opened => line(text::incident_line_opened(l), self.raised(said)),
            K::Reopened => line(text::incident_line_reopened(l), self.raised(said)),
            K::Joined => line(text::incident_line_joined(l), self.raised(said)),
            K::Worse => {
                let word = Severity::parse(said).map_or(said, |s| badge::severity_word(l, s));
                line(&text::incident_line_worse(l, word.to_owned()), String::new())
            }
            K::Left => line(text::incident_line_left(l), self.left(said)),
            K::Acked => line(text::incident_line_acked(l), said.to_owned()),
            K::Unacked => line(
                text::incident_line_unacked(l),
                match said {
                    "expired" => text::incident_why_expired_ack(l).to_owned(),
                    "severity rose" => text::incident_why_worse(l).to_owned(),
                    other => other.to_owned(),
                },
            ),
            K::Assigned if said.is_empty() => line(text::incident_line_unassigned(l), String::new()),
            K::Assigned => line(&text::incident_line_assigned(l, self.person(said)), String::new()),
            K::Resolved if by_person => line(text::incident_line_resolved_by_hand(l), said.to_owned()),
            K::Resolved => line(text::incident_line_resolved(l), self.why(said)),
            K::Closed => line(text::incident_line_closed(l), self.closed(said)),
            K::Note => line(text::incident_line_note(l), said.to_owned()),
            K::Folded => line(text::incident_line_folded(l), self.key(said)),
            K::Unfolded => line(text::incident_line_unfolded(l), said.to_owned()),
            K::Flag => self.flag(said, by_person),
        }
    }

    /// `link-loss: loss_ratio = 0.35 (raise_at 0.1), fails = 3`
    fn raised(&self, said: &str) -> String {
        let (rule, rest) = said.split_once(": ").unwrap_or((said, ""));
        let Ok(id) = rule.parse::<RuleId>() else { return said.to_owned() };
        let name = self.rule(&id);
        if rest.is_empty() {
            return name;
        }
        // A value may hold a comma: what has no name of its own belongs to the value before.
        let mut evidence: Vec<(String, String)> = Vec::new();
        for part in rest.split(", ") {
            match (part.split_once(" = "), evidence.last_mut()) {
                (Some((name, value)), _) => evidence.push((name.to_owned(), value.to_owned())),
                (None, Some((_, before))) => {
                    before.push_str(", ");
                    before.push_str(part);
                }
                (None, None) => return format!("{name}{}{rest}", l_colon(self.lang)),
            }
        }
        format!("{name}{}{}", l_colon(self.lang), self.evidence_line(&id, &evidence))
    }

    /// `link-loss: condition`
    fn left(&self, said: &str) -> String {
        let Some((rule, why)) = said.rsplit_once(": ") else { return said.to_owned() };
        let Ok(id) = rule.parse::<RuleId>() else { return said.to_owned() };
        format!("{}{}{}", self.rule(&id), l_colon(self.lang), self.why(why))
    }

    fn why(&self, word: &str) -> String {
        let l = self.lang;
        match word {
            "condition" => text::incident_why_condition(l).to_owned(),
            "withdrawn" => text::incident_why_withdrawn(l).to_owned(),
            "expired" => text::incident_why_expired(l).to_owned(),
            "vantage" => text::incident_why_vantage(l).to_owned(),
            "explained" => text::incident_why_explained(l).to_owned(),
            other => other.to_owned(),
        }
    }

    /// `fibre_cut; 运营商; 已修复`
    fn closed(&self, said: &str) -> String {
        let (word, rest) = said.split_once("; ").unwrap_or((said, ""));
        let Some(cause) = CloseCause::parse(word) else { return said.to_owned() };
        let cause = close_cause(self.lang, cause);
        if rest.is_empty() {
            cause.to_owned()
        } else {
            format!("{cause}{}{}", self.lang.pick("；", "; "), rest.replacen("; ", self.lang.pick("；", "; "), 1))
        }
    }

    /// `link-down|link:aks-wushi|`
    fn key(&self, said: &str) -> String {
        let mut parts = said.splitn(3, '|');
        let problem = parts.next().and_then(|p| p.parse::<ProblemId>().ok());
        let object = parts.next().and_then(|o| o.parse::<Object>().ok());
        match (problem, object, parts.next()) {
            (Some(problem), Some(object), Some(instance)) => {
                let part = if instance.is_empty() { String::new() } else { format!(" · {instance}") };
                format!("{} {}{part}", self.object(&object), self.problem(&problem))
            }
            _ => said.to_owned(),
        }
    }

    fn flag(&self, said: &str, by_person: bool) -> Line {
        let l = self.lang;
        let word = |name: &str| match name {
            "maintenance" => Some(text::flag_maintenance(l)),
            "topology" => Some(text::flag_topology(l)),
            "flapping" => Some(text::flag_flapping(l)),
            "silence" => Some(text::flag_silence(l)),
            "storm" => Some(text::flag_storm(l)),
            "held" => Some(text::flag_held(l)),
            "stale" => Some(text::flag_stale(l)),
            "late" => Some(text::flag_late(l)),
            _ => None,
        };
        let what = match (said.strip_prefix('+').and_then(word), said.strip_prefix('-').and_then(word)) {
            (Some(flag), _) => text::incident_line_flag_on(l, flag),
            (_, Some(flag)) => text::incident_line_flag_off(l, flag),
            _ => return Line { what: text::incident_line_flag(l).to_owned(), said: said.to_owned(), by_person },
        };
        Line { what, said: String::new(), by_person }
    }
}

const fn l_colon(lang: Lang) -> &'static str {
    lang.pick("：", ": ")
}

/// Why it happened, in words.
pub const fn close_cause(lang: Lang, cause: CloseCause) -> &'static str {
    match cause {
        CloseCause::FibreCut => text::incident_cause_fibre_cut(lang),
        CloseCause::DeviceFault => text::incident_cause_device_fault(lang),
        CloseCause::PowerLoss => text::incident_cause_power_loss(lang),
        CloseCause::PlannedWork => text::incident_cause_planned_work(lang),
        CloseCause::ConfigChange => text::incident_cause_config_change(lang),
        CloseCause::Attack => text::incident_cause_attack(lang),
        CloseCause::FalseAlarm => text::incident_cause_false_alarm(lang),
        CloseCause::Other => text::incident_cause_other(lang),
    }
}

/// The field of a rule's data.
pub fn declared<'a>(rule: &'a RuleDef, name: &str) -> Option<&'a Field> {
    let own = rule.kind.schema.find(name).map(|(_, _, field)| field);
    own.or_else(|| IMPLICIT.iter().find(|field| field.name == name))
}

/// A window of a rule: `10 min`, not `10 min 0 s`.
fn round(l: Lang, window: Duration) -> String {
    match window.as_secs() {
        s if s > 0 && s.is_multiple_of(3_600) => text::incident_window_hours(l, s / 3_600),
        s if s > 0 && s.is_multiple_of(60) => text::incident_window_minutes(l, s / 60),
        _ => time::lasting(l, window),
    }
}

/// A short name of a field: what it declares, without the unit and the explanation behind it.
pub fn label(lang: Lang, field: &Field) -> String {
    match (&*field.name, lang) {
        ("up", _) => return text::incident_field_up(lang).to_owned(),
        ("fails", _) => return text::incident_field_fails(lang).to_owned(),
        _ => {}
    }
    let whole = lang.pick(&field.zh, &field.en);
    let short = whole.split(['（', '(', ';', '；', ',', '，']).next().unwrap_or(whole).trim();
    let mut letters = short.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A rule's author may call a parameter anything; these are the names that shipped rules use.
fn param(lang: Lang, name: &str) -> &str {
    match name {
        "raise_at" => text::incident_param_raise_at(lang),
        "clear_at" => text::incident_param_clear_at(lang),
        "warn_days" | "urgent_days" => text::incident_param_days(lang),
        "within_seconds" => text::incident_param_within(lang),
        "unnamed" => text::incident_param_unnamed(lang),
        _ => name,
    }
}

fn stat_word(lang: Lang, stat: &str) -> String {
    match stat {
        "mean" => text::incident_stat_mean(lang),
        "min" => text::incident_stat_min(lang),
        "max" => text::incident_stat_max(lang),
        "p50" => text::incident_stat_p50(lang),
        "p95" => text::incident_stat_p95(lang),
        "count" => text::incident_stat_count(lang),
        "delta" => text::incident_stat_delta(lang),
        other => other,
    }
    .to_owned()
}

/// A value as the engine wrote it, for people: percent for shares, scaled units, states in words.
fn measured(lang: Lang, field: &str, value: &str) -> String {
    let (digits, unit) = value.split_once(' ').unwrap_or((value, ""));
    let Ok(number) = digits.parse::<f64>() else { return state(lang, value).to_owned() };
    match unit {
        "" if field.ends_with("_ratio") => number::percent(number),
        "" if field == "up" => number::field(lang, "up", number),
        "" if field == "days_left" => number::field(lang, field, number),
        "" if field.ends_with("_seconds") => number::seconds(lang, number),
        "us" => number::seconds(lang, number / 1e6),
        "ms" => number::seconds(lang, number / 1e3),
        "s" => number::seconds(lang, number),
        "d" => number::field(lang, "days_left", number),
        "bit/s" => number::bits(number),
        "B" => number::bytes(number),
        "C" => format!("{digits} °C"),
        _ => value.to_owned(),
    }
}

fn state(lang: Lang, value: &str) -> &str {
    match value {
        "?" | "unknown" => text::incident_state_unknown(lang),
        "up" => text::incident_state_up(lang),
        "down" => text::incident_state_down(lang),
        "lower_layer_down" => text::incident_state_lower_layer_down(lang),
        "forming" => text::incident_state_forming(lang),
        "shut" => text::incident_state_shut(lang),
        "testing" => text::incident_state_testing(lang),
        "dormant" => text::incident_state_dormant(lang),
        "not_present" => text::incident_state_not_present(lang),
        "yes" => text::incident_state_yes(lang),
        "no" => text::incident_state_no(lang),
        other => other,
    }
}

/// What detectors judge by.
fn detector_word(l: Lang, name: &str) -> Option<&'static str> {
    Some(match name {
        "unanswered" => text::incident_evidence_unanswered(l),
        "failed_runs" => text::incident_evidence_failed_runs(l),
        "asked_for" => text::incident_evidence_asked_for(l),
        "silent_for" => text::incident_evidence_silent_for(l),
        "lost_packets" => text::incident_evidence_lost_packets(l),
        "median" => text::incident_evidence_median(l),
        "baseline" => text::incident_evidence_baseline(l),
        "limit" => text::incident_evidence_limit(l),
        "jitter" => text::incident_evidence_jitter(l),
        "burn_1h" => text::incident_evidence_burn_1h(l),
        "burn_6h" => text::incident_evidence_burn_6h(l),
        "failed_1h" => text::incident_evidence_failed_1h(l),
        "silent_targets" => text::incident_evidence_silent_targets(l),
        _ => return None,
    })
}
