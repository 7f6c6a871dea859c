//! One look at one configuration: judged, and made into what is handed over and kept. The raw text ends here.

use ring::{digest, hmac};

use super::dialect::{Snapshot, Unread};
use super::host::Host;
use super::judge::{self, Finding};
use super::keep::keep;
use super::policy::{Policy, Profile};
use super::{record, score};
use crate::model::finding::{
    self, FORM, Inspection, MAX_FINDINGS, MAX_NAME, MAX_SECRETS, MAX_TEXT, Origin, Part, cut,
};
use crate::model::{AssetId, SecretText, Wall};

/// Whose configuration it is and how it came.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The asset, if it is known.
    pub asset: Option<AssetId>,
    /// When the text was taken.
    pub at: Wall,
    /// Where from.
    pub origin: Origin,
}

/// Judges a configuration. `key` is the installation's, under which secrets are hashed; without it none are.
pub fn inspect(
    policy: &Policy,
    profile: &Profile,
    snapshot: &Snapshot,
    taken: Taken,
    key: Option<&SecretText>,
) -> Inspection {
    let findings = judge::judge(policy, profile, snapshot);
    Inspection {
        v: FORM,
        asset: taken.asset,
        name: cut(&record::asset(snapshot), MAX_NAME),
        at: taken.at,
        origin: taken.origin,
        os: snapshot.dialect.as_str().to_owned(),
        version: cut(&snapshot.version.as_ref().map(ToString::to_string).unwrap_or_default(), MAX_NAME),
        profile: profile.id.clone(),
        policy: policy.digest.clone(),
        part: Part::Running,
        changed: snapshot.changed.clone(),
        snapshot: Some(text_of(snapshot, key)),
        findings: findings.iter().take(MAX_FINDINGS).map(record::finding).collect(),
    }
}

/// What the same device starts with next: kept to be compared, and not judged.
pub fn startup(running: &Inspection, snapshot: &Snapshot, key: Option<&SecretText>) -> Inspection {
    Inspection {
        part: Part::Startup,
        changed: snapshot.changed.clone(),
        snapshot: Some(text_of(snapshot, key)),
        findings: Vec::new(),
        ..running.clone()
    }
}

/// Whether two texts of a device say the same but for what it changes by itself; nothing where one is not whole.
/// Secrets are left aside: some devices write them in another ciphertext each time.
pub fn same(policy: &Policy, one: &Inspection, other: &Inspection) -> Option<bool> {
    let whole = |inspection: &Inspection| {
        inspection.snapshot.clone().filter(|text| text.complete && !text.text.is_empty()).map(|text| text.text)
    };
    let (one_text, other_text) = (whole(one)?, whole(other)?);
    let list = |name: String| policy.lists.get(&name).map_or(&[][..], Vec::as_slice);
    let (volatile, unordered) = (list(format!("volatile.{}", one.os)), list(format!("unordered.{}", one.os)));
    let lines = |text: &str| -> Vec<String> {
        score::stable(text, volatile, unordered).into_iter().map(|(_, line)| line.to_owned()).collect()
    };
    Some(lines(&one_text) == lines(&other_text))
}

fn text_of(snapshot: &Snapshot, key: Option<&SecretText>) -> finding::Snapshot {
    let bytes = key.map_or(&[][..], |key| key.expose().as_bytes());
    let kept = keep(snapshot, &hmac::Key::new(hmac::HMAC_SHA256, bytes));
    let mut secrets = if key.is_some() { kept.secrets } else { Vec::new() };
    secrets.truncate(MAX_SECRETS);
    let sha256 = hex(digest::digest(&digest::SHA256, kept.text.as_bytes()).as_ref());
    // Which key it was, without telling it: hashes of two keys are not compared.
    let named = |key: &SecretText| digest::digest(&digest::SHA256, key.expose().as_bytes());
    let key = key.map(|key| hex(named(key).as_ref().get(..8).unwrap_or_default())).unwrap_or_default();
    let text = if kept.text.len() > MAX_TEXT { String::new() } else { kept.text };
    finding::Snapshot { sha256, text, complete: snapshot.complete(), key, secrets }
}

/// The look at a Linux host in the form that a console takes; `name` is what it is called if it does not say.
pub fn of_host(
    findings: &[Finding<'_>],
    host: &Host,
    name: &str,
    policy: &Policy,
    profile: &Profile,
    taken: Taken,
) -> Inspection {
    let own = host.name();
    let mut inspection = Inspection {
        v: FORM,
        asset: taken.asset,
        name: cut(if own.is_empty() { name } else { &own }, MAX_NAME),
        at: taken.at,
        origin: taken.origin,
        os: "linux".to_owned(),
        version: cut(&host.os.name, MAX_NAME),
        profile: profile.id.clone(),
        policy: policy.digest.clone(),
        part: Part::Running,
        changed: None,
        snapshot: None,
        findings: findings.iter().take(MAX_FINDINGS).map(record::finding).collect(),
    };
    inspection.clean();
    inspection
}

/// A configuration that several texts may be: the one of a device, by its names in lower case, or the only one.
pub fn of_device(all: Vec<Snapshot>, names: &[String]) -> Result<Snapshot, Unread> {
    let several = all.len() > 1;
    let mine = |snapshot: &Snapshot| names.contains(&snapshot.name.to_ascii_lowercase());
    all.into_iter().find(|snapshot| !several || mine(snapshot)).ok_or(Unread::Several)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::dialect::Dialect;
    use crate::baseline::policy;
    use crate::model::finding::Verdict;
    use crate::model::wire::Findings;

    #[test]
    fn what_is_handed_over_is_sound_and_holds_no_secret() {
        let text =
            "#\nsysname SW1\n#\naaa\n local-user admin password cipher MARK\n#\nuser-interface vty 0 4\n#\nreturn\n";
        let policy = policy::load(&[]).policy;
        let snapshot = Snapshot::read("f", text.as_bytes(), None).unwrap().remove(0);
        let taken = Taken { asset: AssetId::new("sw1").ok(), at: Wall::from_millis(1), origin: Origin::Ssh };
        let key = SecretText::new("key");
        let whole = inspect(&policy, &policy.profiles["l3"], &snapshot, taken.clone(), Some(&key));
        assert_eq!(whole.wrong(), None);
        assert_eq!(Findings::of(&whole).unwrap().open().unwrap(), whole);
        assert!(!serde_json::to_string(&whole).unwrap().contains("MARK"));
        let found = |check: &str| whole.findings.iter().find(|f| f.check == check).unwrap().result;
        assert_eq!(found("D01"), Verdict::Fail);
        let kept = whole.snapshot.unwrap();
        assert_eq!((kept.secrets.len(), kept.key.len(), kept.complete), (1, 16, true));
        let bare = inspect(&policy, &policy.profiles["l2"], &snapshot, taken, None).snapshot.unwrap();
        assert_eq!((bare.secrets.len(), bare.key.as_str(), bare.sha256 == kept.sha256), (0, "", true));
    }

    #[test]
    fn what_a_device_starts_with_is_compared_without_noise_and_without_secrets() {
        let policy = policy::load(&[]).policy;
        let look = |text: &str| {
            let text = format!("version 15.2\nhostname a\n!\n{text}!\nend\n");
            let snapshot = Snapshot::read("f", text.as_bytes(), Some(Dialect::Ios)).unwrap().remove(0);
            let taken = Taken { asset: None, at: Wall::from_millis(1), origin: Origin::Ssh };
            (inspect(&policy, &policy.profiles["l3"], &snapshot, taken, None), snapshot)
        };
        let compare = |running: &str, saved: &str| {
            let running = look(running).0;
            let startup = startup(&running, &look(saved).1, None);
            assert_eq!((startup.part, startup.findings.len(), startup.wrong()), (Part::Startup, 0, None));
            same(&policy, &running, &startup)
        };
        let (a, b) = (
            "enable password 7 0822455D0A16\nntp clock-period 1\n",
            "enable password 7 13061E010803\nntp clock-period 2\n",
        );
        assert_eq!(compare(a, b), Some(true));
        assert_eq!(compare(a, "ip http server\n"), Some(false));
        let mut cut = look(a).0;
        cut.snapshot.as_mut().unwrap().complete = false;
        assert_eq!(same(&policy, &cut, &cut), None);
    }

    #[test]
    fn of_several_devices_the_one_with_the_name_is_meant() {
        let text = "<A>dis cu\n#\nsysname A\n#\nreturn\n<B>dis cu\n#\nsysname B\n#\nreturn\n";
        let all = || Snapshot::read("f", text.as_bytes(), Some(super::super::dialect::Dialect::Vrp)).unwrap();
        assert_eq!(of_device(all(), &["b".to_owned()]).unwrap().name, "B");
        assert_eq!(of_device(all(), &["c".to_owned()]).unwrap_err(), Unread::Several);
        assert_eq!(of_device(all().into_iter().take(1).collect(), &[]).unwrap().name, "A");
    }
}
