//! One look at one configuration: judged, and made into what is handed over and kept. The raw text ends here.

use ring::{digest, hmac};

use super::dialect::{Snapshot, Unread};
use super::judge;
use super::keep::keep;
use super::policy::{Policy, Profile};
use super::record;
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
    let bytes = key.map_or(&[][..], |key| key.expose().as_bytes());
    let kept = keep(snapshot, &hmac::Key::new(hmac::HMAC_SHA256, bytes));
    let mut secrets = if key.is_some() { kept.secrets } else { Vec::new() };
    secrets.truncate(MAX_SECRETS);
    let sha256 = hex(digest::digest(&digest::SHA256, kept.text.as_bytes()).as_ref());
    // Which key it was, without telling it: hashes of two keys are not compared.
    let named = |key: &SecretText| digest::digest(&digest::SHA256, key.expose().as_bytes());
    let key = key.map(|key| hex(named(key).as_ref().get(..8).unwrap_or_default())).unwrap_or_default();
    let text = if kept.text.len() > MAX_TEXT { String::new() } else { kept.text };
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
        snapshot: Some(finding::Snapshot { sha256, text, complete: snapshot.complete(), key, secrets }),
        findings: findings.iter().take(MAX_FINDINGS).map(record::finding).collect(),
    }
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
    fn of_several_devices_the_one_with_the_name_is_meant() {
        let text = "<A>dis cu\n#\nsysname A\n#\nreturn\n<B>dis cu\n#\nsysname B\n#\nreturn\n";
        let all = || Snapshot::read("f", text.as_bytes(), Some(super::super::dialect::Dialect::Vrp)).unwrap();
        assert_eq!(of_device(all(), &["b".to_owned()]).unwrap().name, "B");
        assert_eq!(of_device(all(), &["c".to_owned()]).unwrap_err(), Unread::Several);
        assert_eq!(of_device(all().into_iter().take(1).collect(), &[]).unwrap().name, "A");
    }
}
