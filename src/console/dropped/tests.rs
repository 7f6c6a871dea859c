//! Files that people hand over: found by their names, judged by the level of their system, and forgotten.

use super::*;
use crate::console::command::{Role, Scope};
use crate::console::web::testing::{World, admin};
use crate::model::finding::sample;

const INVENTORY: &str = r#"
[[region]]
id = "652900"
tier = "prefecture"

[[region]]
id = "653000"
tier = "prefecture"

[[asset]]
id = "sw1"
kind = "switch"
zone = "extranet"
region = "652900"

[[asset]]
id = "dev-2"
name = "SW2"
kind = "switch"
zone = "extranet"
region = "653000"

[[asset]]
id = "twin"
name = "SW1"
kind = "switch"
zone = "intranet"
region = "653000"

[[system]]
id = "two"
level = 2
assets = ["dev-2"]
"#;

fn config(name: &str) -> File {
    let text = format!(
        "#\nsysname {name}\n#\ntelnet server enable\n#\naaa\n local-user a password cipher MARKER\n#\nuser-interface vty 0 4\n#\nreturn\n"
    );
    File::new(&format!("dir/{name}.cfg"), text.into_bytes().into())
}

fn plain(name: &str, text: &str) -> File {
    File::new(name, text.as_bytes().to_vec().into())
}

#[tokio::test]
async fn files_find_their_assets_and_wait_where_none_or_several_have_the_name() {
    let world = World::with(INVENTORY).await;
    let service = world.service();
    let files =
        vec![config("SW1"), config("sw2"), config("sw9"), plain("x.txt", "MARKER\n"), plain("z.zip", "PK\x03\x04")];
    let done = take(service, &admin(), files, How::default()).await.unwrap();
    let fates: Vec<&Fate> = done.told.iter().map(|told| &told.fate).collect();
    let ids = |all: &[&str]| all.iter().map(|id| id.parse().unwrap()).collect::<Vec<AssetId>>();
    assert_eq!(fates[0], &Fate::Waits(0, ids(&["sw1", "twin"])));
    assert_eq!(fates[1], &Fate::Taken("dev-2".parse().unwrap()));
    assert_eq!(fates[2], &Fate::Waits(1, Vec::new()));
    assert!(matches!(fates[3], Fate::Refused(why) if !why.en.contains("--dialect")), "{fates:?}");
    assert!(matches!(fates[4], Fate::Refused(why) if why.zh.contains("解压")), "{fates:?}");
    assert!(done.told[1].complete && done.told[1].counts.get(Verdict::Fail) > 0);
    // Level 2 asks for less.
    let looked = service.store.inspected(&Scope::All).await.unwrap();
    assert_eq!((looked.len(), looked[0].profile.as_str(), looked[0].origin), (1, "l2", Origin::Dropped));
    let token = done.token.clone().unwrap();
    let waiting = service.imports.kept(&admin(), &token, service.clock.mono()).unwrap();
    let text = zstd::bulk::decompress(&waiting.bytes, MAX_UNPACKED).unwrap();
    assert!(!String::from_utf8_lossy(&text).contains("MARKER"), "what waits has no secret in it");
    // One is named, the other goes on waiting.
    let chosen = BTreeMap::from([(0, "twin".parse().unwrap())]);
    let then = assign(service, &admin(), &token, &chosen).await.unwrap();
    assert_eq!(then.told[0].fate, Fate::Taken("twin".parse().unwrap()));
    assert_eq!(then.told[1].fate, Fate::Waits(0, Vec::new()));
    assert!(then.token.is_some_and(|other| other != token));
    let all = service.store.findings(&Scope::All, ids(&["twin", "dev-2", "sw1"]), true).await.unwrap();
    assert!(all.iter().all(|row| row.asset.as_str() != "sw1") && all.iter().any(|row| row.asset.as_str() == "twin"));
    assert!(!format!("{all:?}").contains("MARKER"));
}

#[tokio::test]
async fn only_what_is_in_scope_is_found_and_results_of_hosts_are_taken() {
    let world = World::with(INVENTORY).await;
    let service = world.service();
    let scope = Scope::Regions(vec!["652900".parse().unwrap()]);
    let actor = Actor { name: "user:s".into(), role: Role::Security, scope };
    let done = take(service, &actor, vec![config("SW1"), config("SW2")], How::default()).await.unwrap();
    assert_eq!(done.told[0].fate, Fate::Taken("sw1".parse().unwrap()), "the twin is another region's");
    assert_eq!(done.told[1].fate, Fate::Waits(0, Vec::new()));
    let mut host = sample("x", "H19", Verdict::Fail);
    (host.asset, host.name, host.os) = (None, "SW2".into(), "linux".into());
    let line = serde_json::to_string(&host).unwrap();
    let files = vec![plain("h.json", &line), plain("b.json", &format!("{line}\n{{\"v\":9}}\n"))];
    let done = take(service, &admin(), files, How::default()).await.unwrap();
    assert_eq!(done.told[0].fate, Fate::Taken("dev-2".parse().unwrap()));
    assert!(matches!(&done.told[1].fate, Fate::Refused(why) if why.en.contains("line 2")), "{:?}", done.told[1]);
    let operator = Actor { role: Role::Operator, ..admin() };
    let operator = Actor { name: "user:o".into(), ..operator };
    assert!(take(service, &operator, vec![config("SW2")], How::default()).await.is_err());
}

#[tokio::test]
async fn hostile_files_end_soon_with_a_reason() {
    let world = World::with(INVENTORY).await;
    let long = format!("sysname a\n{}", "y".repeat(1 << 20));
    let many = "x\n".repeat(1_000_001);
    let deep = format!(
        "sysname SW2\n#\nuser-interface vty 0 4\n#\n{}return\n",
        "interface a\n description b\n".repeat(20_000)
    );
    let files =
        vec![plain("l", &long), plain("m", &many), plain("d", &deep), plain("e", "\0\0\0"), plain("g", "\u{fffd}")];
    let done = take(world.service(), &admin(), files, How::default()).await.unwrap();
    let why = |at: usize| match &done.told[at].fate {
        Fate::Refused(why) => why.en.clone(),
        other => format!("{other:?}"),
    };
    assert!(why(0).contains("line 2"), "{}", why(0));
    assert!(why(1).contains("1000000 lines"), "{}", why(1));
    assert!(why(2).contains("dev-2"), "{}", why(2));
    assert!(why(3).contains("recognised") && why(4).contains("recognised"));
    let none = How { profile: Some("l9".into()), ..How::default() };
    assert!(take(world.service(), &admin(), vec![config("SW2")], none).await.unwrap_err().en.contains("l9"));
    let too_many = vec![plain("a", "x"); MAX_FILES + 1];
    assert!(take(world.service(), &admin(), too_many, How::default()).await.is_err());
}
