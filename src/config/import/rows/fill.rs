//! What a row says of its asset beside what it is: state, place, people, and the credentials to ask it with.

use super::{Cells, Judge};
use crate::config::import::NewSecret;
use crate::config::import::heading::{self, Field};
use crate::config::import::values::{self, Judged, Version, wrong};
use crate::config::inventory::check;
use crate::model::inventory::{AgentDecl, Asset, AssetKind, SnmpAccess, Watch, WatchMode, Website};
use crate::model::{AgentId, Secret, SecretText};

/// SNMP's port.
const SNMP_PORT: u16 = 161;
/// Shortest SNMPv3 key (RFC 3414 11.2).
const MIN_KEY: usize = 8;

impl Judge<'_> {
    /// What needs no other thing.
    pub(super) fn plain(&self, cells: &mut Cells<'_>, asset: &mut Asset, url: Option<String>) {
        if let Some(url) = url {
            let site_code = asset.website.take().map(|site| site.site_code).unwrap_or_default();
            asset.website = Some(Website { url, site_code });
        }
        let code = self.read(cells, Field::SiteCode, |text| {
            let plain: String = text.chars().map(heading::narrow).filter(|c| !c.is_whitespace()).collect();
            if check::site_code(&plain) {
                return Ok(plain);
            }
            Err(wrong(
                "不是网站标识码",
                "it is no site code",
                "政府网站标识码为十位数字",
                "政府网站标识码 has ten digits",
            ))
        });
        if let (Some(code), Some(site)) = (code, &mut asset.website) {
            site.site_code = code;
        }
        if asset.kind == AssetKind::Website && asset.website.is_none() {
            let no_url = wrong("网站没有网址", "a website without URL", "请填写网址", "fill in its URL");
            self.fault(cells, Field::Url, no_url);
        }
        if let Some(status) = self.read(cells, Field::Status, values::status) {
            asset.status = status;
        }
        if let Some(importance) = self.read(cells, Field::Importance, values::importance) {
            asset.importance = importance;
        }
        if let Some(location) = self.read(cells, Field::Location, values::free) {
            asset.location = location;
        }
        if let Some(ports) = self.read(cells, Field::TcpPorts, values::ports) {
            asset.tcp_ports = ports;
        }
        let tags = self.read(cells, Field::Tags, |text| {
            let tags = values::several(text);
            let fine = tags.len() <= check::MAX_LIST && tags.iter().all(|tag| check::free(tag));
            if fine {
                Ok(tags)
            } else {
                Err(wrong("标签过长或过多", "labels too long or too many", "请缩短", "shorten them"))
            }
        });
        if let Some(tags) = tags {
            asset.tags = tags;
        }
        let agents = self.read(cells, Field::Agents, |text| self.agents(text));
        if let Some(agents) = agents {
            let mode = asset.watch.as_ref().map_or(WatchMode::First, |watch| watch.mode);
            asset.watch = Some(Watch { agents, mode });
        }
    }

    fn agents(&self, text: &str) -> Judged<Vec<AgentId>> {
        let known = |word: &String| {
            let named = |agent: &&AgentDecl| agent.id.as_str() == word || agent.name == *word;
            self.base.agents.values().find(named).map(|agent| agent.id.clone())
        };
        values::several(text).iter().map(known).collect::<Option<Vec<_>>>().ok_or_else(|| {
            let all: Vec<&str> = self.base.agents.keys().map(AgentId::as_str).take(12).collect();
            wrong(
                "没有这个探针",
                "unknown agent",
                format!("可用：{}", all.join("、")),
                format!("known: {}", all.join(", ")),
            )
        })
    }

    /// Region, units, person.
    pub(super) fn people(&mut self, cells: &mut Cells<'_>, asset: &mut Asset) {
        macro_rules! named {
            ($field:ident, $names:ident) => {
                if let Some(text) = self.cell(cells, Field::$field) {
                    match self.names.$names(text) {
                        Ok(id) => Some(id),
                        Err(wrong) => {
                            self.fault(cells, Field::$field, wrong);
                            None
                        }
                    }
                } else {
                    None
                }
            };
        }
        asset.region = named!(Region, region).or(asset.region.take());
        asset.owner = named!(Owner, unit).or(asset.owner.take());
        asset.operator = named!(Operator, unit).or(asset.operator.take());
        if let Some(text) = self.cell(cells, Field::Person) {
            let mobile = self.read(cells, Field::Mobile, values::free).unwrap_or_default();
            let unit = asset.owner.clone().or_else(|| asset.operator.clone());
            match self.names.person(text, unit.as_ref(), &mobile) {
                Ok(id) => asset.person = Some(id),
                Err(wrong) => self.fault(cells, Field::Person, wrong),
            }
        }
    }

    /// Access by SNMP: the name of the secret, and the secret itself if it is a new one.
    pub(super) fn snmp(&self, cells: &mut Cells<'_>, asset: &mut Asset) -> Option<(String, Option<Secret>)> {
        let port = self.read(cells, Field::SnmpPort, values::port);
        if let (Some(port), Some(snmp)) = (port, &mut asset.snmp) {
            snmp.port = port;
        }
        if let Some(name) = self.cell(cells, Field::Secret) {
            let name = name.trim().to_owned();
            if !self.stored.contains_key(&name) {
                let unknown = wrong(
                    "没有这个凭据",
                    "no such secret",
                    "请先用 fengsui secret set 保存，或改填团体名",
                    "set it first with fengsui secret set, or fill in the community",
                );
                self.fault(cells, Field::Secret, unknown);
                return None;
            }
            asset.snmp = Some(access(asset, port, name));
            return None;
        }
        let secret = self.secret(cells)?;
        let current = asset.snmp.as_ref().map(|snmp| snmp.secret.clone());
        let (name, new) = self.name_of(&secret, current.as_deref());
        asset.snmp = Some(access(asset, port, name.clone()));
        Some((name, new.then_some(secret)))
    }

    /// The credentials that the row gives.
    fn secret(&self, cells: &mut Cells<'_>) -> Option<Secret> {
        let version = self.read(cells, Field::SnmpVersion, values::version);
        let user = self.cell(cells, Field::SnmpUser);
        let community = self.cell(cells, Field::Community);
        let v3 = version == Some(Version::V3) || (version.is_none() && user.is_some());
        let clean = |text: &str| text.len() <= 255 && !text.chars().any(char::is_control);
        if !v3 {
            let community = community?;
            if !clean(community) {
                self.fault(
                    cells,
                    Field::Community,
                    wrong(
                        "团体名过长或含换行",
                        "the community is too long or has line breaks",
                        "请核对",
                        "look at it again",
                    ),
                );
                return None;
            }
            return Some(Secret::SnmpCommunity {
                v1: version == Some(Version::V1),
                community: SecretText::new(community),
            });
        }
        let Some(user) = user else {
            if community.is_some() || self.at.contains_key(&Field::SnmpUser) {
                let missing = wrong(
                    "SNMPv3 没有用户",
                    "SNMPv3 without a user",
                    "请填写 SNMP 用户，或把版本改为 v2c",
                    "fill in the SNMP user, or make the version v2c",
                );
                self.fault(cells, Field::SnmpUser, missing);
            }
            return None;
        };
        let auth = self.keyed(cells, Field::AuthProtocol, Field::AuthKey, values::auth);
        let privacy = self.keyed(cells, Field::PrivacyProtocol, Field::PrivacyKey, values::privacy);
        if !clean(user) {
            self.fault(
                cells,
                Field::SnmpUser,
                wrong(
                    "用户名过长或含换行",
                    "the user name is too long or has line breaks",
                    "请核对",
                    "look at it again",
                ),
            );
        }
        if privacy.is_some() && auth.is_none() {
            self.fault(
                cells,
                Field::AuthKey,
                wrong(
                    "有加密而没有认证",
                    "privacy without authentication",
                    "请填写认证密码",
                    "fill in the authentication key",
                ),
            );
        }
        Some(Secret::SnmpV3 { user: user.to_owned(), auth, privacy, context: String::new() })
    }

    fn keyed<T>(
        &self,
        cells: &mut Cells<'_>,
        word: Field,
        key: Field,
        read: fn(&str) -> Judged<T>,
    ) -> Option<(T, SecretText)> {
        let text = self.cell(cells, key)?;
        if text.chars().count() < MIN_KEY {
            self.fault(
                cells,
                key,
                wrong(
                    "密钥短于 8 个字符",
                    "a key of less than 8 characters",
                    "SNMPv3 要求至少 8 个字符",
                    "SNMPv3 asks for at least 8",
                ),
            );
            return None;
        }
        if self.cell(cells, word).is_none() {
            self.fault(
                cells,
                word,
                wrong(
                    "有密钥而没有算法",
                    "a key without its protocol",
                    "请填写算法，如 SHA256、AES128",
                    "fill in the protocol, such as SHA256 or AES128",
                ),
            );
            return None;
        }
        let protocol = self.read(cells, word, read)?;
        Some((protocol, SecretText::new(text)))
    }

    /// The name of a value: the one it has already, or the next free one.
    fn name_of(&self, secret: &Secret, current: Option<&str>) -> (String, bool) {
        if let Some(current) = current.filter(|name| self.stored.get(*name) == Some(secret)) {
            return (current.to_owned(), false);
        }
        if let Some((name, _)) = self.stored.iter().find(|(_, known)| *known == secret) {
            return (name.clone(), false);
        }
        if let Some(new) = self.secrets.iter().find(|new| new.secret == *secret) {
            return (new.name.clone(), true);
        }
        let taken =
            |name: &String| self.stored.contains_key(name) || self.secrets.iter().any(|new| new.name == *name);
        // A hash of the value would be a name that stays, and could be guessed back.
        let free = (1..).map(|n| format!("snmp-{n}")).find(|name| !taken(name));
        (free.unwrap_or_else(|| "snmp".to_owned()), true)
    }

    pub(super) fn use_secret(&mut self, (name, value): (String, Option<Secret>)) {
        let Some(secret) = value else { return };
        match self.secrets.iter_mut().find(|new| new.name == name) {
            Some(new) => new.used_by += 1,
            None => self.secrets.push(NewSecret { name, secret, used_by: 1 }),
        }
    }
}

/// How an asset is asked from now on: by another secret, and else as before.
fn access(asset: &Asset, port: Option<u16>, secret: String) -> SnmpAccess {
    match &asset.snmp {
        Some(before) => SnmpAccess { port: port.unwrap_or(before.port), secret, ..before.clone() },
        None => SnmpAccess::new(port.unwrap_or(SNMP_PORT), secret),
    }
}
