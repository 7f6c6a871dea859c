//! The shipped checks on their own tests, verdicts with their lines, and policies that are refused.

use super::*;
use crate::baseline::policy::{self, load};
use crate::baseline::record::{finding, object};

fn shipped() -> Policy {
    let loaded = load(&[]);
    let faults: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    loaded.policy
}

fn read(text: &str) -> Snapshot {
    Snapshot::read("a.cfg", text.as_bytes(), None).unwrap().remove(0)
}

/// The verdict of a check on a configuration, with the lines that prove it.
fn verdict(policy: &Policy, id: &str, text: &str) -> String {
    let snapshot = read(text);
    let finding = one(policy, &policy.checks[id], &policy.profiles["l3"], &snapshot);
    let lines: Vec<String> = finding.evidence.iter().map(|e| e.line_from.to_string()).collect();
    format!("{} {}", finding.verdict.as_str(), lines.join(",")).trim_end().to_owned()
}

const VRP: &str = "#\nsysname SW1\n#\ninfo-center loghost 10.0.0.9\n#\naaa\n local-user ops password irreversible-cipher $1a$x$\n\
    #\nuser-interface con 0\nuser-interface vty 0 4\n authentication-mode aaa\n idle-timeout 0 0\n protocol inbound ssh\n#\nreturn\n";

#[test]
fn every_vector_of_every_check_holds() {
    let policy = shipped();
    assert!(policy.checks.len() >= 60, "{} checks", policy.checks.len());
    let wrong: Vec<String> = policy.checks.values().flat_map(|check| vectors(&policy, check)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_verdict_names_the_lines_that_prove_it() {
    let policy = shipped();
    assert_eq!(verdict(&policy, "D06", VRP), "fail 12");
    assert_eq!(verdict(&policy, "D35", VRP), "pass 4");
    assert_eq!(verdict(&policy, "D08", VRP), "fail 9");
    assert_eq!(verdict(&policy, "D42", VRP), "fail");
    assert_eq!(verdict(&policy, "D15", VRP), "na");
}

#[test]
fn a_part_of_a_configuration_never_passes_by_absence() {
    let policy = shipped();
    let part = VRP.replace("return\n", "");
    for check in policy.checks.values().filter(|c| !c.variants.is_empty()) {
        let snapshot = read(&part);
        assert!(!snapshot.complete());
        let finding = one(&policy, check, &policy.profiles["l3"], &snapshot);
        if finding.verdict == Verdict::Pass {
            assert!(finding.evidence.iter().any(|e| e.line_from > 0), "{} passed without a line", check.id);
        }
    }
    assert_eq!(verdict(&policy, "D25", VRP), "pass");
    assert_eq!(verdict(&policy, "D25", &part), "error");
    assert_eq!(verdict(&policy, "D42", &part), "error");
    assert_eq!(verdict(&policy, "D06", &part), "fail 12");
}

#[test]
fn a_reference_is_followed_to_the_block_it_names() {
    let policy = shipped();
    let acls: String =
        (2000..2020).map(|n| format!("acl number {n}\n rule 5 permit source 10.0.0.1 0\n#\n")).collect();
    let with = |last: &str| {
        let text = format!("{acls}acl name admins 2999\n rule 5 permit source 10.0.0.1 0\n{last}#\n");
        VRP.replace("user-interface con 0", &(text + "user-interface con 0"))
            .replace("idle-timeout 0 0", "acl admins inbound")
    };
    let of = |text: &str| verdict(&policy, "D22", text).split(' ').next().unwrap_or("").to_owned();
    assert_eq!(of(&with(" rule 10 deny\n")), "pass");
    assert_eq!(of(&with("")), "partial");
    assert_eq!(of(&with("").replace("acl admins inbound", "acl 2050 inbound")), "fail");
}

#[test]
fn a_text_made_to_cost_much_is_judged_all_the_same() {
    let policy = shipped();
    let many = |line: &dyn Fn(usize) -> String| (0..3000).map(line).collect::<String>();
    let users = many(&|n| format!("snmp-agent usm-user v3 u{n} authentication-mode md5 cipher x\n"));
    let acls = many(&|n| format!("acl number {n}\n rule 5 permit ip\n"));
    let uses = many(&|n| format!(" acl {n} inbound\n"));
    let nested = many(&|n| format!("{}interface x{n}\n", " ".repeat(n)));
    let banners = many(&|_| "header login information %\n".to_owned());
    for text in [users + &acls + "user-interface vty 0 4\n" + &uses, nested, banners] {
        let text = format!("#\nsysname SW1\n#\nsnmp-agent\n{text}return\n");
        let snapshot = Snapshot::read("a.cfg", text.as_bytes(), Some(Dialect::Vrp)).unwrap().remove(0);
        let all = judge(&policy, &policy.profiles["l3"], &snapshot);
        assert_eq!(all.len(), policy.checks.values().filter(|c| !c.variants.is_empty()).count());
        assert!(all.iter().all(|f| f.evidence.len() <= MAX_EVIDENCE));
    }
}

#[test]
fn a_finding_is_one_object_without_secrets() {
    let policy = shipped();
    let text = VRP.replace("$1a$x$", "$1a$SeCrEt$").replace("irreversible-cipher", "cipher");
    let snapshot = read(&text);
    let all = judge(&policy, &policy.profiles["l3"], &snapshot);
    let printed: Vec<String> = all.iter().map(|f| object("SW1", &finding(f)).to_string()).collect();
    assert!(!printed.join("\n").contains("SeCrEt"));
    let d01 = printed.iter().find(|p| p.contains("\"D01\"")).unwrap();
    assert_eq!(
        d01,
        r#"{"check":"D01","asset":"SW1","result":"fail","severity":"high","clauses":["22239-2019:8.1.4.8 b)","28448-2019:L3-CES1-28"],"block":"aaa","evidence":[{"file":"a.cfg","line_from":7,"line_to":7,"text":"local-user ops password cipher ***"}],"record_zh":"本地账户口令以明文或可逆方式保存","record_en":"a local password is stored in clear or reversibly","fix":"aaa\n local-user NAME password irreversible-cipher NEW-PASSWORD","waiver":null}"#
    );
}

#[test]
fn level_two_leaves_out_what_it_does_not_have() {
    let policy = shipped();
    let snapshot = read(VRP);
    let ids = |profile: &str| -> Vec<&str> {
        judge(&policy, &policy.profiles[profile], &snapshot).iter().map(|f| f.check.id.as_str()).collect()
    };
    assert!(ids("l3").contains(&"D10") && !ids("l2").contains(&"D10"));
    assert!(ids("l2").contains(&"D17"));
}

#[test]
fn a_wrong_policy_is_refused_with_place_and_remedy() {
    for (text, want) in [
        (
            "[[check]]\nid = \"X\"\nseverty = \"low\"",
            "a.toml:3: unknown key `severty` in check `X`; did you mean `severity`?",
        ),
        ("[[check]]\nid = \"X\"\nclause = \"8.1.4.1 z)\"", "a.toml:3: no clause `8.1.4.1 z)`"),
        ("[[check]]\nid = \"X\"\n[[check.when]]\nos = [\"vrp\"]", "a.toml:4: `vrp` is no value of `os`"),
        (
            "[[check]]\nid = \"X\"\n[[check.when]]\nsource = \"s\"\nfix = \"f\"\nline = \"a <b>\"",
            "a.toml:6: `a <b>` is no pattern",
        ),
        (
            "[[check]]\nid = \"X\"\n[[check.when]]\nsource = \"s\"\nfix = \"f\"\nline = \"a <b:int>\"",
            "lacks `default`",
        ),
        (
            "[[check]]\nid = \"X\"\n[[check.when]]\nsource = \"s\"\nfix = \"f\"\nline = \"a <b:int>\"\ndefault = \"na\"\nassert = \"c > 1\"",
            "a.toml:8: unknown name `c`",
        ),
        ("[[check]]\nid = \"X\"\n[[check]]\nid = \"X\"", "a.toml:3: check `X` is defined twice"),
        (
            "[[check]]\nid = \"X\"\n[[check.when]]\nsource = \"s\"\nfix = \"f\"\nline = \"acl <n:int>\"\ndefault = \"na\"\nref = { block = \"acl number <m:int>\", last = \"rule\" }",
            "a.toml:8: `block` names nothing that the line names",
        ),
    ] {
        let found: Vec<String> =
            policy::parse(&[("a.toml", text)]).diagnostics.iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|d| d.contains(want)), "{text} gave\n{}", found.join("\n"));
    }
}

#[test]
fn a_profile_of_ones_own_changes_a_parameter() {
    let own =
        "[[level]]\nid = \"lax\"\nlevel = 3\n[[level.param]]\ncheck = \"D06\"\nname = \"minutes\"\nvalue = 60\n";
    let loaded = policy::parse(&[("own.toml", own)]);
    assert!(loaded.usable(), "{:?}", loaded.diagnostics);
    let snapshot = read(&VRP.replace("idle-timeout 0 0", "idle-timeout 30"));
    let of = |profile: &str| {
        one(&loaded.policy, &loaded.policy.checks["D06"], &loaded.policy.profiles[profile], &snapshot).verdict
    };
    assert_eq!((of("l3"), of("lax")), (Verdict::Fail, Verdict::Pass));
}
