//! One table of everything the API answers. The router, openapi.json and the roles are made from it, so a
//! path cannot be served without being described and guarded.

use std::future::Future;
use std::pin::Pin;

pub use super::call::{Call, Needs, Reply};
use super::problem::Problem;
use super::query::{AFTER, LIMIT, Param, param, required};
use super::{
    accounts, admin, discoveries, events, graded, imports, incidents, inventory, maintenance, objects, openapi,
    statistics, topology, walks,
};

/// The future of a reply.
pub type Answer = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

/// What a request body is, for openapi.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// None.
    No,
    /// A JSON object: its keys as `name: meaning`.
    Json(&'static [(&'static str, &'static str)]),
    /// The same, with room for a list.
    LongJson(&'static [(&'static str, &'static str)]),
    /// An inventory as TOML.
    Toml,
    /// A file, whatever type it says it is.
    File,
}

/// One row of the table.
pub struct Route {
    /// `GET` or `POST` or `DELETE` or `PUT`.
    pub method: &'static str,
    /// Path below `/api/v1`, `{part}` where it varies.
    pub path: &'static str,
    /// The smallest role.
    pub needs: Needs,
    /// One line, for openapi.json and docs/api.md.
    pub about: &'static str,
    /// Query parameters.
    pub takes: &'static [Param],
    /// Body.
    pub body: Body,
    /// Whether it answers `{"items":[...],"next":...}`.
    pub list: bool,
    /// Does it.
    pub run: fn(Call) -> Answer,
}

/// Makes a route's function of an async one.
macro_rules! run {
    ($f:path) => {
        |call| Box::pin($f(call))
    };
}
pub(super) use run;

pub(super) const fn get(
    path: &'static str,
    takes: &'static [Param],
    about: &'static str,
    run: fn(Call) -> Answer,
) -> Route {
    Route { method: "GET", path, needs: Needs::Viewer, about, takes, body: Body::No, list: false, run }
}

pub(super) const fn list(
    path: &'static str,
    takes: &'static [Param],
    about: &'static str,
    run: fn(Call) -> Answer,
) -> Route {
    Route { method: "GET", path, needs: Needs::Viewer, about, takes, body: Body::No, list: true, run }
}

pub(super) const fn post(
    path: &'static str,
    needs: Needs,
    body: Body,
    about: &'static str,
    run: fn(Call) -> Answer,
) -> Route {
    Route { method: "POST", path, needs, about, takes: &[], body, list: false, run }
}

const fn operator_only(route: Route) -> Route {
    Route { needs: Needs::Operator, ..route }
}

const fn admin_only(route: Route) -> Route {
    Route { needs: Needs::Admin, ..route }
}

pub(super) const REASON: (&str, &str) = ("reason", "why, for the audit row (optional)");
const MAPPING: Param = param("mapping", "columns mapped by hand, from 0: 3:owner,5:ignore (optional)");
const PRUNE: Param = param("prune", "true: what the files lack is removed");

const OBJECT: Param = required("object", "an object, such as asset:core-1");
const PROBE: Param = param("probe", "of this probe; all merged if absent");
const INSTANCE: Param = param("instance", "of this instance; the whole object if absent");
const AGENT: Param = param("agent", "as this agent saw it; all merged if absent");
const TO: Param = param("to", "RFC 3339; now if absent");
/// What a request for a series says.
const SERIES: &[Param] = &[
    OBJECT,
    required("field", "a field, such as rtt_seconds"),
    PROBE,
    INSTANCE,
    AGENT,
    param("from", "RFC 3339; one hour before `to` if absent"),
    TO,
    param("max_points", "2 to 5000; 500 if absent"),
];

/// Everything, in the order of docs/api.md.
pub fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(graded::ROUTES)
}

/// The table, but for what graded protection has in its own.
const ROUTES: &[Route] = &[
    get("/openapi.json", &[], "this description", run!(openapi::answer)),
    // -- what is there
    list("/regions", &[LIMIT, AFTER], "regions (区划) in scope", run!(objects::regions)),
    list(
        "/assets",
        &[
            param("region", "in this region or below it"),
            param("kind", "router, switch, firewall, host, website, service, ups, other"),
            param("zone", "in this zone"),
            param("state", "up, partly, down, unknown, unwatched"),
            param("q", "part of id, name or address"),
            LIMIT,
            AFTER,
        ],
        "assets (资产) with their state",
        run!(objects::assets),
    ),
    get("/assets/{id}", &[], "an asset: declared, observed, newest values, firing alerts", run!(objects::asset)),
    list(
        "/assets/{id}/interfaces",
        &[LIMIT, AFTER],
        "its interfaces with their newest values",
        run!(objects::interfaces),
    ),
    get(
        "/assets/{id}/report",
        &[],
        "what the device said of itself last: identity, sensors, neighbours, VLANs, addresses, ARP and MAC tables",
        run!(objects::report),
    ),
    list(
        "/topology",
        &[param("state", "agrees, extra, missing, wrong_port, unseen, stranger")],
        "what devices say of their neighbours against the declared links",
        run!(topology::list),
    ),
    post(
        "/topology/{id}/adopt",
        Needs::Admin,
        Body::Json(&[REASON]),
        "declare the link that was found, or the ports that it has",
        run!(topology::adopt),
    ),
    list(
        "/links",
        &[param("tier", "backbone, metro, access"), LIMIT, AFTER],
        "links (链路) with their state",
        run!(objects::links),
    ),
    get("/links/{id}", &[], "a link: declared, newest values, firing alerts", run!(objects::link)),
    list(
        "/observations",
        &[
            required("object", "an object, such as asset:core-1"),
            param("probe", "of this probe"),
            param("instance", "of this instance"),
        ],
        "the newest value of every series of an object",
        run!(objects::observations),
    ),
    get(
        "/series",
        SERIES,
        "values of one field over time: count, min, max, mean, last and percentiles of each step",
        run!(statistics::series),
    ),
    get(
        "/smoke",
        SERIES,
        "how a field was spread and what was lost in each step, with the maintenance windows",
        run!(statistics::smoke),
    ),
    get(
        "/availability",
        &[
            OBJECT,
            PROBE,
            INSTANCE,
            AGENT,
            param("from", "RFC 3339; 30 days before `to` if absent"),
            TO,
            param(
                "calendar",
                "count only what is within this working calendar; `organisation`: the object's own; `sla`: that within which its SLA counts, all hours if it has none",
            ),
        ],
        "availability over a period: raw, without maintenance, by responsible party, and the target of the rule that watches it with the calendar within which that counts; loss, percentiles of the round trip and of its variation",
        run!(statistics::availability),
    ),
    list("/alerts", &[], "every rule that fires now, with its incident", run!(incidents::alerts)),
    // -- incidents
    list(
        "/incidents",
        &[
            param("state", "open, acked, resolved, closed; several with commas"),
            param("severity", "at least: critical, major, minor, warning, info"),
            param("object", "about this object"),
            param("problem", "of this problem"),
            param("causes", "true: leave out symptoms of others"),
            LIMIT,
            AFTER,
        ],
        "incidents (事件), newest first",
        run!(incidents::list),
    ),
    get("/incidents/{id}", &[], "an incident with timeline and symptoms", run!(incidents::get)),
    post(
        "/incidents/{id}/ack",
        Needs::Operator,
        Body::Json(&[
            ("comment", "what you say (optional)"),
            ("until", "RFC 3339: until then (optional)"),
            ("sticky", "true: until a person ends it or it resolves (optional); else until it changes"),
            REASON,
        ]),
        "acknowledge (受理)",
        run!(incidents::ack),
    ),
    post(
        "/incidents/{id}/unack",
        Needs::Operator,
        Body::Json(&[REASON]),
        "end an acknowledgement",
        run!(incidents::unack),
    ),
    post(
        "/incidents/{id}/assign",
        Needs::Operator,
        Body::Json(&[("to", "to whom; null takes it away"), REASON]),
        "assign (派单)",
        run!(incidents::assign),
    ),
    post(
        "/incidents/{id}/resolve",
        Needs::Operator,
        Body::Json(&[("reason", "why")]),
        "resolve by hand",
        run!(incidents::resolve),
    ),
    post(
        "/incidents/{id}/close",
        Needs::Operator,
        Body::Json(&[
            ("cause", "fibre_cut, device_fault, power_loss, planned_work, config_change, attack, false_alarm, other"),
            ("party", "who was responsible"),
            ("comment", "words (optional)"),
            REASON,
        ]),
        "close a resolved one",
        run!(incidents::close),
    ),
    post(
        "/incidents/{id}/note",
        Needs::Operator,
        Body::Json(&[("text", "words")]),
        "add a note",
        run!(incidents::note),
    ),
    post(
        "/objects/{object}/probe",
        Needs::Operator,
        Body::Json(&[
            ("count", "runs, 1 to 20; 1 if absent"),
            ("spacing_ms", "between them, at least 100; 1000 if absent"),
            REASON,
        ]),
        "have its probes run now; `/` in an object is written %2F",
        run!(objects::probe_now),
    ),
    // -- maintenance
    list(
        "/maintenance",
        &[param("stage", "waiting, running, planned, over"), param("all", "true: those that are over too")],
        "maintenance windows (维护窗口), newest first; those that are over only if asked",
        run!(maintenance::list),
    ),
    post(
        "/maintenance",
        Needs::Operator,
        Body::Json(&[
            ("title", "what is done"),
            ("objects", "on what: region:ID stands for all in it"),
            ("problems", "only for these problems; all if absent"),
            ("from", "RFC 3339, 15 minutes ago at the earliest"),
            ("to", "RFC 3339, 7 days later at the latest"),
            ("every", "day or week: it comes again at the same local time (optional)"),
            ("until", "RFC 3339: it comes again until then, a year at most"),
            REASON,
        ]),
        "announce maintenance; more than 50 assets and links need a second person",
        run!(maintenance::add),
    ),
    post(
        "/maintenance/{id}/approve",
        Needs::Operator,
        Body::Json(&[REASON]),
        "agree to a window as the second person",
        run!(maintenance::approve),
    ),
    post(
        "/maintenance/{id}/end",
        Needs::Operator,
        Body::Json(&[REASON]),
        "end a window now, or call it off",
        run!(maintenance::end),
    ),
    // -- administration
    list("/agents", &[], "agents (探针): declared, enrolled, last heard, what they cannot do", run!(admin::agents)),
    get("/agents/{id}", &[], "an agent", run!(admin::agent)),
    post(
        "/agents/{id}/revoke",
        Needs::Admin,
        Body::Json(&[("reason", "why")]),
        "revoke its certificates",
        run!(admin::agent_revoke),
    ),
    admin_only(list("/tokens", &[], "API tokens, never their values", run!(admin::tokens))),
    post(
        "/tokens",
        Needs::Admin,
        Body::Json(&[
            ("name", "name"),
            ("role", "admin, security, operator, viewer, metrics"),
            ("regions", "only these regions and those below them (optional)"),
            ("expires", "RFC 3339 (optional)"),
            REASON,
        ]),
        "make a token; it is shown this once",
        run!(admin::token_create),
    ),
    post("/tokens/{name}/revoke", Needs::Admin, Body::Json(&[REASON]), "revoke a token", run!(admin::token_revoke)),
    admin_only(list("/users", &[], "users, never their passwords", run!(accounts::users))),
    post(
        "/users",
        Needs::Admin,
        Body::Json(&[
            ("name", "name to sign in with"),
            ("display", "name for people; the same if absent"),
            ("role", "admin, security, operator, viewer"),
            ("regions", "only these regions and those below them (optional; not for admin)"),
            ("password", "first password, to be changed at the first sign-in"),
            REASON,
        ]),
        "make an account",
        run!(accounts::add),
    ),
    post(
        "/users/{name}/lock",
        Needs::Admin,
        Body::Json(&[REASON]),
        "lock an account and end its sessions",
        run!(accounts::lock),
    ),
    post(
        "/users/{name}/unlock",
        Needs::Admin,
        Body::Json(&[REASON]),
        "unlock an account; failed sign-ins are forgotten",
        run!(accounts::unlock),
    ),
    post(
        "/users/{name}/reset",
        Needs::Admin,
        Body::Json(&[("password", "new password, to be changed at the next sign-in"), REASON]),
        "give an account a new password and end its sessions",
        run!(accounts::reset),
    ),
    Route {
        method: "DELETE",
        ..post(
            "/users/{name}",
            Needs::Admin,
            Body::No,
            "remove an account, its sessions and saved views",
            run!(accounts::remove),
        )
    },
    list("/sessions", &[], "signed-in browsers: one's own, an admin's list has all", run!(accounts::sessions)),
    Route {
        method: "DELETE",
        ..post(
            "/sessions/{id}",
            Needs::Viewer,
            Body::No,
            "end a session: one's own, an admin may end any",
            run!(accounts::session_end),
        )
    },
    post(
        "/links",
        Needs::Admin,
        Body::No,
        "make a one-time sign-in link for oneself; it works once, for 30 minutes",
        run!(accounts::link),
    ),
    admin_only(list("/secrets", &[], "named secrets, never their values", run!(admin::secrets))),
    post(
        "/secrets/rotate",
        Needs::Admin,
        Body::Json(&[REASON]),
        "seal all secrets again under a new key",
        run!(admin::secret_rotate),
    ),
    Route {
        method: "PUT",
        ..post(
            "/secrets/{name}",
            Needs::Admin,
            Body::Json(&[
                ("type", "snmp-v1, snmp-v2c, snmp-v3, login, token, ssh"),
                ("community", "snmp-v1, snmp-v2c"),
                ("user", "snmp-v3, login"),
                ("auth", "snmp-v3: [protocol, key]"),
                ("privacy", "snmp-v3: [protocol, key]"),
                ("context", "snmp-v3"),
                ("password", "login"),
                ("token", "token"),
            ]),
            "set a secret",
            run!(admin::secret_set),
        )
    },
    Route {
        method: "DELETE",
        ..post("/secrets/{name}", Needs::Admin, Body::No, "remove a secret", run!(admin::secret_remove))
    },
    admin_only(list("/enroll-tokens", &[], "enrolment tokens, never their values", run!(admin::enroll_tokens))),
    post(
        "/enroll-tokens",
        Needs::Admin,
        Body::Json(&[
            ("agent", "the agent it is bound to"),
            ("region", "the region it is bound to (optional)"),
            ("expires", "RFC 3339; in 24 hours if absent"),
            REASON,
        ]),
        "make a one-time enrolment token; it is shown this once, with the CA's fingerprint",
        run!(admin::enroll_token),
    ),
    get(
        "/inventory",
        &[],
        "the declared inventory: TOML if `Accept: application/toml`, else JSON",
        run!(inventory::export),
    ),
    Route {
        takes: &[PRUNE],
        ..post(
            "/inventory/plan",
            Needs::Admin,
            Body::Toml,
            "what applying this would add, change and remove",
            run!(inventory::plan),
        )
    },
    Route {
        takes: &[PRUNE, required("base_rev", "the revision the plan was made against")],
        ..post("/inventory/apply", Needs::Admin, Body::Toml, "apply it in one transaction", run!(inventory::apply))
    },
    // -- import
    Route {
        takes: &[param("name", "name of the file (optional)"), MAPPING],
        ..post(
            "/import/preview",
            Needs::Admin,
            Body::File,
            "what an XLSX or CSV file would add and change, its bad rows, and a token to apply it",
            run!(imports::preview),
        )
    },
    Route {
        takes: &[MAPPING],
        ..post(
            "/import/{token}/preview",
            Needs::Admin,
            Body::No,
            "judge a kept file again, with another mapping if one is given",
            run!(imports::again),
        )
    },
    post(
        "/import/{token}/apply",
        Needs::Admin,
        Body::Json(&[REASON]),
        "apply the good rows, with the secrets they bring, in one transaction",
        run!(imports::apply),
    ),
    admin_only(get("/import/{token}/bad.xlsx", &[], "the bad rows as a workbook", run!(imports::bad))),
    get("/import/template.xlsx", &[], "an empty workbook with the headings that are known", run!(imports::template)),
    // -- raw walks of devices
    operator_only(list("/assets/{id}/walks", &[], "raw walks of a device by SNMP, newest first", run!(walks::list))),
    post(
        "/assets/{id}/walks",
        Needs::Operator,
        Body::Json(&[("oid", "dotted numbers, or a name such as ifTable or ifOperStatus.3"), REASON]),
        "have the agent that reads the device ask it for everything below an OID: at most 2,000 variables within 60 s",
        run!(walks::start),
    ),
    operator_only(get(
        "/assets/{id}/walks/{walk}",
        &[],
        "a raw walk with what came so far; secrets are not in it",
        run!(walks::one),
    )),
    // -- discovery
    admin_only(list(
        "/discoveries",
        &[],
        "sweeps of addresses, newest first, with how far they are",
        run!(discoveries::list),
    )),
    post(
        "/discoveries",
        Needs::Admin,
        Body::LongJson(&[
            ("cidr", "ranges such as 10.65.0.0/24, at most 1,024 addresses"),
            ("agent", "who looks; the only one alive if absent"),
            ("secrets", "names of SNMP secrets to try, at most 4 (optional)"),
            ("snmp_port", "161 if absent"),
            ("tcp_ports", "at most 16; 22, 23, 80, 443, 3389, 8080 if absent"),
            ("zone", "the addresses' zone; the agent's if absent"),
            ("region", "the region of what is found; the agent's if absent"),
            ("found", "what a sweep elsewhere found already; then no agent is asked (optional)"),
        ]),
        "have an agent look which addresses answer and what they are",
        run!(discoveries::start),
    ),
    admin_only(get("/discoveries/{id}", &[], "a sweep with what it found, as proposals", run!(discoveries::one))),
    post(
        "/discoveries/{id}/adopt",
        Needs::Admin,
        Body::LongJson(&[
            ("addresses", "which: objects of address, name, kind; all that are new if absent"),
            ("region", "their region (optional)"),
            ("owner", "their owner and operator (optional)"),
        ]),
        "make assets of proposals, in one transaction",
        run!(discoveries::adopt),
    ),
    get("/definitions", &[], "probes and rules in force, and what is wrong with the files", run!(admin::definitions)),
    list("/events", events::TAKES, "what devices said: lines of syslog and traps, newest first", run!(events::list)),
    admin_only(list("/audit", &[LIMIT, AFTER], "audit rows, newest first", run!(admin::audit))),
];
