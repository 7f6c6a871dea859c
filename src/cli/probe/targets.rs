//! Words to tasks: hosts, HOST:PORT, URLs, `@asset` of an inventory file, and lists of them.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Args, Order};
use crate::cli::Failure;
use crate::cli::text::pick;
use crate::config::inventory;
use crate::model::field::{KindSpec, TargetNeed};
use crate::model::id::{AssetId, MAX_SLUG, Object, ProbeId};
use crate::model::inventory::Inventory;
use crate::model::plan::{Target, Task};
use crate::model::secret::{Secret, SecretText, SnmpAuth, SnmpPrivacy};

/// Most targets of one command: the parallel ones share one process's memory.
const MAX_TARGETS: usize = 100_000;
/// Most bytes of a list of targets or a secret.
const MAX_FILE: u64 = 16 << 20;
/// Planned runs of a bulk kind come so rarely that only those asked for happen.
const NEVER_MS: u64 = 1 << 40;

/// SNMP credentials; values other than a community come from a file, never from argv.
#[derive(Debug, clap::Args)]
pub struct Access {
    /// SNMP v2c community
    #[arg(long, value_name = "TEXT")]
    pub community: Option<String>,
    /// Speak SNMP v1 with the community
    #[arg(long, requires = "community")]
    pub v1: bool,
    /// SNMP v3 user, or the user of a login
    #[arg(long, value_name = "NAME", conflicts_with = "community")]
    pub user: Option<String>,
    /// Authentication protocol: md5, sha1, sha224, sha256, sha384, sha512
    #[arg(long, value_name = "PROTOCOL", requires = "user", requires = "keys")]
    pub auth: Option<String>,
    /// Privacy protocol: des, aes128, aes192, aes256
    #[arg(long, value_name = "PROTOCOL", requires = "auth")]
    pub privacy: Option<String>,
    /// File with the password or authentication key and, on a second line, the privacy key (- is stdin)
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
}

impl Access {
    /// The secret, if one was given; for a kind that signs in, a login with the password of the `--keys` file.
    pub(in crate::cli) fn secret(&self, spec: &KindSpec) -> Result<Option<Secret>, String> {
        if let Some(community) = &self.community {
            let community = SecretText::new(community.as_str());
            return Ok(Some(Secret::SnmpCommunity { v1: self.v1, community }));
        }
        let Some(user) = &self.user else { return Ok(None) };
        let text = self.keys.as_ref().map(read_text).transpose()?.unwrap_or_default();
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        let mut key = |what: &str| {
            let missing =
                pick(format!("--keys 文件中缺少 {what} 密钥"), format!("the --keys file lacks the key for {what}"));
            lines.next().map(SecretText::new).ok_or(missing)
        };
        if !spec.secret {
            return Ok(Some(Secret::Login { user: user.clone(), password: key("--user")? }));
        }
        let auth = match self.auth.as_deref() {
            None => None,
            Some(name) => Some((auth_of(name).ok_or_else(|| unknown("--auth", name))?, key("--auth")?)),
        };
        let privacy = match self.privacy.as_deref() {
            None => None,
            Some(name) => Some((privacy_of(name).ok_or_else(|| unknown("--privacy", name))?, key("--privacy")?)),
        };
        Ok(Some(Secret::SnmpV3 { user: user.clone(), auth, privacy, context: String::new() }))
    }
}

fn unknown(option: &str, name: &str) -> String {
    pick(format!("{option} 没有 `{name}`，见 --help"), format!("{option}: no protocol `{name}`, see --help"))
}

fn auth_of(name: &str) -> Option<SnmpAuth> {
    Some(match name {
        "md5" => SnmpAuth::Md5,
        "sha1" => SnmpAuth::Sha1,
        "sha224" => SnmpAuth::Sha224,
        "sha256" => SnmpAuth::Sha256,
        "sha384" => SnmpAuth::Sha384,
        "sha512" => SnmpAuth::Sha512,
        _ => return None,
    })
}

fn privacy_of(name: &str) -> Option<SnmpPrivacy> {
    Some(match name {
        "des" => SnmpPrivacy::Des,
        "aes128" => SnmpPrivacy::Aes128,
        "aes192" => SnmpPrivacy::Aes192,
        "aes256" => SnmpPrivacy::Aes256,
        _ => return None,
    })
}

/// A target, as it was written and as it is meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aim {
    pub(super) shown: String,
    pub(super) target: Target,
    pub(super) object: Object,
}

/// All targets of a command line; every wrong one is named.
pub(super) fn read(spec: &KindSpec, args: &Args) -> Result<Vec<Aim>, Failure> {
    let mut words = args.target.clone();
    if let Some(path) = &args.targets {
        let text = read_text(path).map_err(Failure::usage)?;
        words.extend(
            text.lines().map(|l| l.split('#').next().unwrap_or("").trim().to_owned()).filter(|l| !l.is_empty()),
        );
    }
    if spec.target == TargetNeed::Own {
        if let Some(word) = words.first() {
            return Err(Failure::usage(pick(
                format!("{} 只看本机，不需要目标 `{word}`", spec.name),
                format!("{} looks at its own host only; leave out `{word}`", spec.name),
            )));
        }
        let object = Object::Agent(super::own_name());
        return Ok(vec![Aim { shown: object.name(), target: Target::default(), object }]);
    }
    if words.is_empty() || words.len() > MAX_TARGETS {
        return Err(Failure::usage(pick(
            format!("需要 1 至 {MAX_TARGETS} 个目标，或 --targets 文件"),
            format!("name 1 to {MAX_TARGETS} targets, or a --targets file"),
        )));
    }
    let inventory = match words.iter().any(|w| w.starts_with('@')) {
        true => Some(read_inventory(args)?),
        false => None,
    };
    let mut taken = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut aims = Vec::with_capacity(words.len());
    for word in words {
        match aim(spec, &word, inventory.as_ref(), &mut taken) {
            Ok(aim) => aims.push(aim),
            Err(why) => wrong.push(format!("`{word}`: {why}")),
        }
    }
    if wrong.is_empty() { Ok(aims) } else { Err(Failure::usage(wrong.join("\n"))) }
}

fn read_inventory(args: &Args) -> Result<Inventory, Failure> {
    if args.inventory.is_empty() {
        return Err(Failure::usage(pick(
            "@资产 要从资产清单文件中查找：请加 --inventory 文件",
            "@ASSET is looked up in an inventory file: add --inventory FILE",
        )));
    }
    inventory::read(&args.inventory)
        .map_err(|found| Failure::usage(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn aim(
    spec: &KindSpec,
    word: &str,
    inventory: Option<&Inventory>,
    taken: &mut BTreeSet<String>,
) -> Result<Aim, String> {
    if let Some(id) = word.strip_prefix('@') {
        let asset = inventory.and_then(|i| i.assets.get(id));
        let asset = asset.ok_or_else(|| pick("清单中没有这个资产", "the inventory has no such asset").to_owned())?;
        let site = asset.website.as_ref().map(|w| w.url.clone());
        let at_site = site.as_deref().and_then(|url| host_and_port(url).ok());
        let (host, port) = match at_site {
            Some((host, port)) => (Some(host), port),
            None => (asset.address.clone(), None),
        };
        let port =
            if spec.secret { asset.snmp.as_ref().map(|s| s.port) } else { port.or(asset.tcp_ports.first().copied()) };
        let target = match spec.target {
            TargetNeed::Url => Target { url: site, ..Target::default() },
            _ => Target { host, port, url: None },
        };
        if target.host.is_none() && target.url.is_none() {
            return Err(pick("这个资产没有所需的地址或网址", "this asset lacks the address or URL").to_owned());
        }
        return Ok(Aim { shown: word.to_owned(), target, object: Object::Asset(asset.id.clone()) });
    }
    let target = match spec.target {
        TargetNeed::Url if word.contains("://") => Target { url: Some(word.to_owned()), ..Target::default() },
        TargetNeed::Url => Target { url: Some(format!("http://{word}")), ..Target::default() },
        _ => {
            let (host, port) = host_and_port(word)?;
            Target { host: Some(host), port, url: None }
        }
    };
    Ok(Aim { shown: word.to_owned(), target, object: Object::Asset(unique(word, taken)) })
}

/// Host and port of `HOST`, `HOST:PORT`, `[V6]:PORT`, a bare IPv6 address, or a URL.
fn host_and_port(word: &str) -> Result<(String, Option<u16>), String> {
    let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    let bad_port = |port: &str| pick(format!("`{port}` 不是端口"), format!("`{port}` is no port"));
    let read_port = |port: &str| match port.parse() {
        Ok(1u16..) => Ok(port.parse().ok()),
        _ => Err(bad_port(port)),
    };
    let (host, port) = if let Some(v6) = rest.strip_prefix('[') {
        let (host, after) = v6.split_once(']').ok_or_else(|| pick("缺少 ]", "a ] is missing").to_owned())?;
        (host, after.strip_prefix(':').map(read_port).transpose()?.flatten())
    } else if rest.matches(':').count() == 1 {
        let (host, port) = rest.split_once(':').unwrap_or((rest, ""));
        (host, read_port(port)?)
    } else {
        (rest, None)
    };
    if host.is_empty() || host.starts_with('-') || host.contains(char::is_whitespace) {
        return Err(pick("不是主机名、地址或网址", "no host, address or URL").to_owned());
    }
    Ok((host.to_owned(), port))
}

/// An id as near to `word` as ids allow, not taken yet.
fn unique(word: &str, taken: &mut BTreeSet<String>) -> AssetId {
    let base = slug(word.split_once("://").map_or(word, |(_, rest)| rest));
    let mut id = base.clone();
    let mut n = 1;
    while !taken.insert(id.clone()) {
        n += 1;
        let room = MAX_SLUG - format!("-{n}").len();
        id = format!("{}-{n}", base.get(..base.len().min(room)).unwrap_or("target"));
    }
    AssetId::new(&id).unwrap_or_else(|_| AssetId::new("target").expect("`target` is a slug, see model::id"))
}

/// Lower case, other characters become `-`.
pub(super) fn slug(text: &str) -> String {
    let mapped: String = text
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(MAX_SLUG)
        .collect();
    let trimmed = mapped.trim_matches(['-', '.', '_']);
    if trimmed.is_empty() { "target".to_owned() } else { trimmed.to_owned() }
}

/// One task a target.
pub(super) fn tasks(order: &Order) -> Vec<Arc<Task>> {
    let probe = ProbeId::new(order.kind.spec.name).expect("names of kinds are slugs, see tests/it/fields.rs");
    let timeout_ms = u64::try_from(order.args.timeout.as_millis()).unwrap_or(NEVER_MS);
    let task = |(at, aim): (usize, &Aim)| {
        Arc::new(Task {
            instance: "".into(),
            id: Arc::from(format!("{probe}|{}|{at}", aim.object)),
            probe: probe.clone(),
            kind: Arc::from(order.kind.spec.name),
            object: aim.object.clone(),
            target: aim.target.clone(),
            settings: order.settings.clone(),
            interval_ms: NEVER_MS,
            timeout_ms,
            keep_ms: 10_000,
            secret: None,
            calendar: None,
        })
    };
    order.targets.iter().enumerate().map(task).collect()
}

fn read_text(path: &PathBuf) -> Result<String, String> {
    let shown = path.display();
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_FILE).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
    };
    read.map_err(|e| format!("{shown}: {e}"))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_in_all_their_spellings() {
        for (word, wanted) in [
            ("192.0.2.1", Ok(("192.0.2.1", None))),
            ("portal.test:8443", Ok(("portal.test", Some(8443)))),
            ("2001:db8::1", Ok(("2001:db8::1", None))),
            ("[2001:db8::1]:22", Ok(("2001:db8::1", Some(22)))),
            ("https://portal.test:8443/a?b", Ok(("portal.test", Some(8443)))),
            ("portal.test:0", Err("no port")),
            ("portal.test:http", Err("no port")),
            ("[2001:db8::1", Err("missing")),
            ("", Err("no host")),
            ("two words", Err("no host")),
        ] {
            match (host_and_port(word), wanted) {
                (Ok((host, port)), Ok(wanted)) => assert_eq!((host.as_str(), port), wanted, "{word}"),
                (Err(why), Err(wanted)) => assert!(why.contains(wanted), "{word}: {why}"),
                (got, _) => panic!("{word}: {got:?}"),
            }
        }
    }

    #[test]
    fn every_target_gets_an_id_of_its_own() {
        let mut taken = BTreeSet::new();
        let ids: Vec<String> =
            ["A.test", "a.test", "http://a.test/", "::1"].iter().map(|w| unique(w, &mut taken).to_string()).collect();
        assert_eq!(ids, ["a.test", "a.test-2", "a.test-3", "1"]);
    }
}
