//! What graded protection answers over the API; a part of the table in `route`.

use super::files;
use crate::console::api::call::Needs;
use crate::console::api::keys;
use crate::console::api::query::param;
use crate::console::api::route::{Body, REASON, Route, get, list, post, run};

/// The table.
pub const ROUTES: &[Route] = &[
    list("/baseline/items", &[], "all technical items with their numbers", run!(super::items)),
    list("/baseline/assets", super::MATRIX, "every item on every asset, raw and with waivers", run!(super::assets)),
    get(
        "/baseline/report",
        super::SYSTEM,
        "self-check: items and control points over all assets",
        run!(super::report),
    ),
    list("/baseline/findings", super::FINDINGS, "results of checks with what proves them", run!(super::findings)),
    list("/baseline/changes", super::ASSET, "how results changed, newest first", run!(super::changes)),
    list("/baseline/snapshots", super::ASSET, "states of its configurations, newest first", run!(super::snapshots)),
    get("/baseline/snapshots/{id}", &[], "one with its masked text", run!(super::snapshot)),
    get("/baseline/diff", super::DIFF, "two of them side by side, without noise", run!(super::diff)),
    list("/baseline/waivers", super::WAIVERS, "waivers (例外), newest first", run!(super::waivers)),
    post(
        "/baseline/waivers",
        Needs::Security,
        Body::Json(&[
            ("check", "the check, such as D17"),
            ("asset", "for this asset; or `tag`, or `level`, or none: for all"),
            ("tag", "for assets with this label"),
            ("level", "for assets of systems of this level"),
            ("block", "only where this block decided (optional)"),
            ("reason", "why"),
            ("compensating", "what is done instead (optional)"),
            ("ticket", "number of the paper (optional)"),
            ("expires", "RFC 3339, within a year"),
            ("pin", "void once the evidence has another fingerprint (optional)"),
        ]),
        "grant a waiver; it never hides the finding",
        run!(super::waiver_add),
    ),
    post(
        "/baseline/waivers/{id}/revoke",
        Needs::Security,
        Body::Json(&[REASON]),
        "take a waiver back",
        run!(super::waiver_revoke),
    ),
    list("/baseline/answers", super::ASSET, "what people answered on an asset", run!(super::answers)),
    post(
        "/baseline/answers",
        Needs::Security,
        Body::LongJson(&[
            ("answers", "objects of asset, target (item or check), result, reason; no reason takes it away"),
            REASON,
        ]),
        "say what a person found",
        run!(super::answer),
    ),
    list("/baseline/keys", &[], "keys of devices that are read over SSH: accepted and seen", run!(keys::list)),
    post(
        "/baseline/keys",
        Needs::Admin,
        Body::Json(&[
            ("asset", "asset"),
            ("key", "fingerprint SHA256:... to accept; empty to forget the accepted one"),
            REASON,
        ]),
        "accept the key of a device",
        run!(keys::accept),
    ),
    post(
        "/baseline/import",
        Needs::Security,
        Body::File,
        "take what `baseline check --out` wrote",
        run!(super::import),
    ),
    list(
        "/baseline/systems",
        &[],
        "graded systems (定级对象) with filing, last assessment and when the next is due",
        run!(super::systems),
    ),
    // -- files
    get(
        "/baseline/sheet",
        files::SHEET,
        "the record sheet: a row an item an asset, as DOCX, XLSX or CSV",
        run!(files::sheet),
    ),
    Route {
        takes: &[param("name", "name of the file (optional)")],
        ..post(
            "/baseline/answers/preview",
            Needs::Security,
            Body::File,
            "what a record sheet that was filled in (XLSX, CSV) would answer, its bad rows, and a token to apply it",
            run!(files::look),
        )
    },
    post(
        "/baseline/answers/{token}/apply",
        Needs::Security,
        Body::Json(&[REASON]),
        "take its answers in one transaction; nothing if a row is bad",
        run!(files::apply),
    ),
    Route {
        takes: files::CONFIGURATION,
        ..post(
            "/baseline/configurations",
            Needs::Security,
            Body::File,
            "judge a saved configuration, or results of a host, and keep it as the asset's that it names; its text is not kept",
            run!(files::configuration),
        )
    },
    post(
        "/baseline/configurations/{token}",
        Needs::Security,
        Body::Json(&[("assets", "ids of assets, in the order of what waits; null leaves it waiting")]),
        "say whose the configurations are that waited",
        run!(files::assign),
    ),
];
