//! Graded protection: results are the newest, drift is an incident, texts stand once, people are heard.

use super::*;
use crate::console::graded;
use crate::model::finding::{Inspection, Part, Verdict, sample};
use crate::model::incident::IncidentState;
use crate::model::waiver::{Answer, Plea, Reach};
use crate::model::wire::{Findings, Heard, Log, LogSource};

fn core() -> AssetId {
    AssetId::new("core-1").unwrap()
}

fn security() -> Actor {
    Actor { name: Arc::from("user:anquan"), role: Role::Security, scope: Scope::All }
}

impl World {
    fn look(&self, result: Verdict) -> Inspection {
        Inspection { at: self.now().wall, ..sample("core-1", "D06", result) }
    }

    async fn tell(&self, seq: u64, inspection: &Inspection) {
        let record = Record::Finding(Findings::of(inspection).unwrap());
        self.send(self.batch(Stream::Bulk, seq, vec![record])).await.unwrap();
        self.forward(Duration::from_secs(600));
    }

    async fn drifts(&self) -> Vec<(IncidentState, bool)> {
        let filter = IncidentFilter { problem: Some("baseline-drift".to_owned()), ..IncidentFilter::default() };
        let page = Page { limit: 100, after: None };
        let found = self.store.incidents(&Scope::All, filter, page).await.unwrap();
        found.items.iter().map(|i| (i.state, i.key.instance.as_ref() == "D06")).collect()
    }

    async fn result(&self) -> FindingRow {
        self.store.findings(&Scope::All, vec![core()], true).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn what_passed_and_fails_is_an_incident_until_it_passes_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.tell(1, &world.look(Verdict::Pass)).await;
    assert!(world.drifts().await.is_empty());
    let first = world.result().await;
    let mut failed = world.look(Verdict::Fail);
    let snapshot = failed.snapshot.as_mut().unwrap();
    snapshot.text.push_str("telnet server enable\n");
    snapshot.sha256 = "1".repeat(64);
    failed.changed = Some(crate::model::finding::Changed { by: "li".into(), at: "today".into() });
    world.tell(2, &failed).await;
    assert_eq!(world.drifts().await, [(IncidentState::Open, true)]);
    let row = world.result().await;
    assert_eq!((row.result, row.first, row.raised), (Verdict::Fail, first.first, Some(row.changed)));
    // Not known is neither: the incident stays.
    world.tell(3, &world.look(Verdict::Error)).await;
    assert_eq!(world.drifts().await, [(IncidentState::Open, true)]);
    world.tell(4, &world.look(Verdict::Pass)).await;
    assert_eq!(world.drifts().await, [(IncidentState::Resolved, true)]);
    let changes = world.store.finding_changes(&Scope::All, &core()).await.unwrap();
    let told: Vec<_> = changes.iter().map(|c| (c.before, c.after, c.cause.as_str(), c.by.as_str())).collect();
    assert_eq!(
        told,
        [
            (Verdict::Error, Verdict::Pass, "look", "unknown"),
            (Verdict::Fail, Verdict::Error, "configuration", "unknown"),
            (Verdict::Pass, Verdict::Fail, "configuration", "li"),
        ]
    );
    // Two texts, one of them twice: three states, and the newest holds on.
    let states = world.store.snapshots(&Scope::All, &core()).await.unwrap();
    assert_eq!(states.len(), 3);
    assert!(states[0].seen > states[0].at && states[0].sha256 == states[2].sha256);
    let (row, text) = world.store.snapshot(&Scope::All, states[1].id).await.unwrap().unwrap();
    assert!(row.by == "li" && text.contains("telnet server enable"));
    let other = Scope::Regions(vec!["653000".parse().unwrap()]);
    assert!(world.store.snapshot(&other, states[1].id).await.unwrap().is_none());
    assert!(world.store.findings(&other, vec![core()], true).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_policy_is_no_drift_and_what_flaps_is_not_called_mended() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.tell(1, &world.look(Verdict::Pass)).await;
    world.tell(2, &Inspection { policy: "bb".into(), ..world.look(Verdict::Fail) }).await;
    assert!(world.drifts().await.is_empty());
    let mut seq = 3;
    for _ in 0..3 {
        for result in [Verdict::Pass, Verdict::Fail] {
            world.tell(seq, &Inspection { policy: "bb".into(), ..world.look(result) }).await;
            seq += 1;
        }
    }
    let last = Inspection { policy: "bb".into(), ..world.look(Verdict::Pass) };
    world.tell(seq, &last).await;
    assert!(world.drifts().await.iter().any(|(state, _)| *state == IncidentState::Open), "it flaps");
    // After a day of rest it is.
    world.forward(Duration::from_secs(90_000));
    world.tell(seq + 1, &Inspection { at: world.now().wall, ..last }).await;
    assert!(world.drifts().await.iter().all(|(state, _)| *state != IncidentState::Open));
}

#[tokio::test]
async fn nobody_speaks_of_what_is_not_his_and_startup_is_not_judged() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.tell(1, &sample("core-2", "D06", Verdict::Fail)).await;
    assert!(world.store.inspected(&Scope::All).await.unwrap().is_empty());
    assert!(world.audit().await.iter().any(|row| row.action == "ingest.refuse" && row.target == "asset:core-2"));
    world.tell(2, &Inspection { part: Part::Startup, ..world.look(Verdict::Fail) }).await;
    assert!(world.store.inspected(&Scope::All).await.unwrap().is_empty());
    assert_eq!(world.store.snapshots(&Scope::All, &core()).await.unwrap()[0].part, Part::Startup);
    let mut bad = world.look(Verdict::Fail);
    bad.findings[0].weight = 9;
    let packed = crate::model::wire::Packed::of(&serde_json::to_string(&bad).unwrap()).unwrap();
    let record = Record::Finding(Findings { asset: core(), packed });
    let refused = world.send(world.batch(Stream::Bulk, 3, vec![record])).await.unwrap_err();
    let IngestError::Malformed(answer) = refused else { panic!("{refused:?}") };
    assert_eq!(answer.refused, [3]);
}

#[tokio::test]
async fn waivers_and_answers_are_a_security_administrators_and_stand_beside_the_finding() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let import =
        Command::Inspections(vec![Inspection { asset: None, name: "CORE-1".into(), ..world.look(Verdict::Fail) }]);
    world.store.command(&security(), None, import).await.unwrap();
    let plea = |days: u64, pin: Option<String>| Plea {
        check: "D06".into(),
        reach: Reach::Asset(core()),
        block: String::new(),
        reason: "old device".into(),
        compensating: String::new(),
        ticket: String::new(),
        expires: world.now().wall.plus(Duration::from_secs(days * 86_400)),
        pin,
    };
    let grant = |plea: Plea| Command::WaiverAdd(Box::new(plea));
    let operator = Actor { name: Arc::from("user:zhiban"), role: Role::Operator, scope: Scope::All };
    let remote = Actor { name: Arc::from("user:root"), role: Role::Admin, scope: Scope::All };
    for actor in [operator, remote] {
        let refused = world.store.command(&actor, None, grant(plea(5, None))).await;
        assert!(matches!(refused, Err(CommandError::Forbidden { .. })), "{refused:?}");
    }
    for wrong in [plea(0, None), plea(400, None)] {
        let refused = world.store.command(&security(), None, grant(wrong)).await;
        assert!(matches!(refused, Err(CommandError::Invalid(_))), "{refused:?}");
    }
    let pin = world.result().await.pin;
    let Outcome::Started(id) = world.store.command(&security(), None, grant(plea(5, Some(pin)))).await.unwrap()
    else {
        panic!("no waiver")
    };
    let on = |matrix: &graded::Matrix| {
        let at = matrix.items.iter().position(|clause| clause.item == "L3-CES1-02").unwrap();
        matrix.rows[0].items[at].clone()
    };
    let matrix = graded::matrix(&world.store, &Scope::All, None, world.now().wall).await.unwrap();
    assert_eq!((on(&matrix).raw, on(&matrix).adjusted), (Verdict::Fail, Verdict::Pass));
    // It runs out within a week: somebody is told, until it is taken back.
    retention::daily(&world.store, world.now().wall).await.unwrap();
    let due = || async {
        let filter = IncidentFilter { problem: Some("baseline-due".to_owned()), ..IncidentFilter::default() };
        world.store.incidents(&Scope::All, filter, Page { limit: 9, after: None }).await.unwrap().items
    };
    assert_eq!(due().await.iter().map(|i| i.state).collect::<Vec<_>>(), [IncidentState::Open]);
    world.store.command(&security(), None, Command::WaiverRevoke { id: id.clone() }).await.unwrap();
    assert_eq!(due().await.iter().map(|i| i.state).collect::<Vec<_>>(), [IncidentState::Resolved]);
    assert!(world.store.waivers().await.unwrap()[0].revoked.is_some(), "it stays as a record");
    let given = |reason: &str| {
        let (target, by) = ("L3-CES1-02".to_owned(), String::new());
        let at = world.now().wall;
        Command::Answers(vec![Answer {
            asset: core(),
            target,
            result: Verdict::Partial,
            reason: reason.into(),
            by,
            at,
        }])
    };
    world.store.command(&security(), None, given("seen on site")).await.unwrap();
    let matrix = graded::matrix(&world.store, &Scope::All, None, world.now().wall).await.unwrap();
    assert_eq!((on(&matrix).raw, on(&matrix).by_hand), (Verdict::Partial, true));
    world.store.command(&security(), None, given("")).await.unwrap();
    let matrix = graded::matrix(&world.store, &Scope::All, None, world.now().wall).await.unwrap();
    assert_eq!((on(&matrix).raw, on(&matrix).by_hand), (Verdict::Fail, false));
    let actions: Vec<String> = world.audit().await.iter().map(|row| row.action.clone()).collect();
    for action in ["baseline.import", "waiver.add", "waiver.revoke", "baseline.answer"] {
        assert!(actions.iter().any(|a| a == action), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn who_changed_it_is_taken_from_what_the_device_told_if_it_does_not_say_so_itself() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let state = |n: usize| {
        let mut look = world.look(Verdict::Pass);
        let snapshot = look.snapshot.as_mut().unwrap();
        snapshot.text.push_str(&format!("vlan {n}\n"));
        snapshot.sha256 = n.to_string().repeat(64);
        look.changed = None;
        look
    };
    world.tell(1, &state(1)).await;
    let Record::Alert(mut told) = alert("asset:core-1", "config-changed", true, world.now().wall) else { panic!() };
    told.evidence = vec![("user".to_owned(), "li".to_owned()), ("peer".to_owned(), "10.1.1.9".to_owned())];
    world.send(world.batch(Stream::Event, 1, vec![Record::Alert(told)])).await.unwrap();
    world.forward(Duration::from_secs(30));
    world.tell(2, &state(2)).await;
    let line = Heard {
        at: world.now().wall,
        source: LogSource::Syslog,
        from: "10.65.0.1".parse().unwrap(),
        via: None,
        asset: Some(core()),
        host: "core-1".into(),
        facility: 23,
        severity: 6,
        tag: "SHELL/SHELL_CMD".into(),
        text: "-Task=vt0-IPAddr=10.1.1.8-User=wang; Command is save".into(),
        count: 1,
    };
    world.send(world.batch(Stream::Bulk, 3, vec![Record::Log(Log { rows: vec![line] })])).await.unwrap();
    world.forward(Duration::from_secs(30));
    world.tell(4, &state(3)).await;
    world.tell(5, &state(4)).await;
    let by: Vec<String> =
        world.store.snapshots(&Scope::All, &core()).await.unwrap().into_iter().map(|row| row.by).collect();
    assert_eq!(by, ["", "wang (10.1.1.8)", "li (10.1.1.9)", ""]);
}

#[tokio::test]
async fn a_device_that_answers_v2c_by_a_default_community_fails_whatever_its_configuration_says() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let tell = async |seq, security: &str, community: &str| {
        let facts = Record::Facts(crate::model::wire::Facts {
            object: object("asset:core-1"),
            instance: Arc::from(""),
            probe: "asset-snmp".parse().unwrap(),
            values: [("security", security), ("community", community)]
                .map(|(f, v)| (f.to_owned(), v.to_owned()))
                .into(),
        });
        world.send(world.batch(Stream::Event, seq, vec![facts])).await.unwrap();
    };
    let said = async || -> Vec<String> {
        let rows = world.store.findings(&Scope::All, vec![core()], true).await.unwrap();
        assert!(rows.iter().all(|row| row.finding.as_ref().is_some_and(|f| f.check == row.check)));
        rows.iter().map(|row| format!("{} {}", row.check, row.result.as_str())).collect()
    };
    // Nobody has its configuration.
    tell(1, "v2c", "default").await;
    assert_eq!(said().await, ["D26 fail", "D29 fail"]);
    let item = world.store.findings(&Scope::All, vec![core()], false).await.unwrap().remove(0).item;
    let of_item = world.store.findings_of(&Scope::All, vec![core()], vec![item.clone()]).await.unwrap();
    assert_eq!(of_item.len(), 1);
    assert_eq!(of_item[0].finding.as_ref().unwrap().evidence[0].text, "community = default");
    let matrix = graded::of_asset(&world.store, &Scope::All, &core(), world.now().wall).await.unwrap();
    let at = matrix.items.iter().position(|clause| clause.item == item).unwrap();
    assert_eq!(matrix.rows[0].items[at].raw, Verdict::Fail);
    // Told again the next day: it is so since it was told first.
    let since = world.store.findings(&Scope::All, vec![core()], false).await.unwrap().remove(0).changed;
    world.forward(Duration::from_secs(86_400));
    tell(2, "v2c", "default").await;
    let row = world.store.findings(&Scope::All, vec![core()], false).await.unwrap().remove(0);
    assert_eq!((row.first, row.changed), (since, since));
    assert!(row.last > since);
    // Its configuration has only v3: it is older than the answer.
    let mut looked = world.look(Verdict::Pass);
    looked.findings[0].check = "D29".into();
    world.tell(1, &looked).await;
    assert_eq!(said().await, ["D26 fail", "D29 fail"]);
    assert!(world.drifts().await.is_empty());
    tell(3, "v3_privacy", "").await;
    assert_eq!(said().await, ["D29 pass"]);
    tell(4, "v3_auth", "").await;
    assert_eq!(said().await, ["D29 fail"]);
    world.forward(Duration::from_secs(3 * 86_400));
    assert_eq!(said().await, ["D29 pass"], "what was not told for two days proves nothing");
}
