//! Identifiers: slugs `[a-z0-9][a-z0-9._-]{0,63}`, one type a noun, and `Object`, what observations
//! and incidents are about. A value of these types is valid; bad text never becomes one.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest slug, in bytes: long enough for a device name, short enough for a label.
pub const MAX_SLUG: usize = 64;
/// The longest interface name or instance, in bytes (IF-MIB DisplayString is 255).
pub const MAX_NAME: usize = 255;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {why}")]
pub struct BadId {
    /// The offending text, cut to 80 characters.
    pub text: String,
    /// What it should have been, such as `asset id`.
    pub what: &'static str,
    /// The rule it breaks.
    pub why: &'static str,
}

fn bad(text: &str, what: &'static str, why: &'static str) -> BadId {
    BadId { text: text.chars().take(80).collect(), what, why }
}

fn check_slug(text: &str, what: &'static str) -> Result<(), BadId> {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else {
        return Err(bad(text, what, "it is empty"));
    };
    if bytes.len() > MAX_SLUG {
        return Err(bad(text, what, "it is longer than 64 characters"));
    }
    if !(first.is_ascii_lowercase() || first.is_ascii_digit()) {
        return Err(bad(text, what, "it must start with a-z or 0-9"));
    }
    if !bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')) {
        return Err(bad(text, what, "only a-z, 0-9, `.`, `_` and `-` are allowed"));
    }
    Ok(())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and wraps `text`.
            pub fn new(text: &str) -> Result<Self, BadId> {
                check_slug(text, $what)?;
                Ok(Self(Arc::from(text)))
            }
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

ids! {
    /// A node of the administrative tree; a GB/T 2260 code where one exists.
    RegionId = "region id";
    /// A unit (单位) of the organisation tree.
    OrganisationId = "organisation id";
    /// A person responsible (责任人).
    PersonId = "person id";
    /// A network zone (所属网络).
    ZoneId = "zone id";
    /// A device, host, website or business service.
    AssetId = "asset id";
    /// A line between two ends.
    LinkId = "link id";
    /// A graded system (定级对象).
    SystemId = "system id";
    /// An agent (探针).
    AgentId = "agent id";
    /// A probe definition (监测项).
    ProbeId = "probe id";
    /// A rule (告警规则).
    RuleId = "rule id";
    /// What an incident is about; several rules may name the same problem.
    ProblemId = "problem id";
    /// A working calendar (工作日历).
    CalendarId = "calendar id";
    /// A family of devices (设备模板).
    ProfileId = "profile id";
}

/// The kinds of object that observations, alerts and incidents are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// Region (区划).
    Region,
    /// Asset (资产).
    Asset,
    /// Interface (接口) of an asset.
    Interface,
    /// Link (链路).
    Link,
    /// Agent (探针).
    Agent,
}

impl ObjectKind {
    /// All of them, in the order in which a person would list them.
    pub const ALL: [Self; 5] = [Self::Region, Self::Asset, Self::Interface, Self::Link, Self::Agent];

    /// The word used in files, labels and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Asset => "asset",
            Self::Interface => "interface",
            Self::Link => "link",
            Self::Agent => "agent",
        }
    }

    /// The kind of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == text)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an observation or incident is about. Text form: `asset:core-1`, `interface:core-1/GE0/0/1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A region.
    Region(RegionId),
    /// An asset.
    Asset(AssetId),
    /// A port of an asset; its identity is (asset, ifName), never the ifIndex.
    Interface {
        /// The asset that has the port.
        asset: AssetId,
        /// ifName, at most 255 bytes, not empty.
        name: Arc<str>,
    },
    /// A link.
    Link(LinkId),
    /// An agent.
    Agent(AgentId),
}

impl Object {
    /// An interface, if `name` is 1 to 255 bytes without control characters.
    pub fn interface(asset: AssetId, name: &str) -> Result<Self, BadId> {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(bad(name, "interface name", "it must be 1 to 255 bytes without control characters"));
        }
        Ok(Self::Interface { asset, name: Arc::from(name) })
    }

    /// Which kind of object this is.
    pub const fn kind(&self) -> ObjectKind {
        match self {
            Self::Region(_) => ObjectKind::Region,
            Self::Asset(_) => ObjectKind::Asset,
            Self::Interface { .. } => ObjectKind::Interface,
            Self::Link(_) => ObjectKind::Link,
            Self::Agent(_) => ObjectKind::Agent,
        }
    }

    /// The asset it is, or is part of.
    pub const fn asset(&self) -> Option<&AssetId> {
        match self {
            Self::Asset(asset) | Self::Interface { asset, .. } => Some(asset),
            _ => None,
        }
    }

    /// The part after the colon of the text form.
    pub fn name(&self) -> String {
        match self {
            Self::Region(id) => id.to_string(),
            Self::Asset(id) => id.to_string(),
            Self::Interface { asset, name } => format!("{asset}/{name}"),
            Self::Link(id) => id.to_string(),
            Self::Agent(id) => id.to_string(),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(id) => write!(f, "region:{id}"),
            Self::Asset(id) => write!(f, "asset:{id}"),
            Self::Interface { asset, name } => write!(f, "interface:{asset}/{name}"),
            Self::Link(id) => write!(f, "link:{id}"),
            Self::Agent(id) => write!(f, "agent:{id}"),
        }
    }
}

impl FromStr for Object {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        const WHAT: &str = "object";
        let (kind, name) =
            text.split_once(':').ok_or_else(|| bad(text, WHAT, "it must read KIND:ID, such as asset:core-1"))?;
        match ObjectKind::parse(kind) {
            Some(ObjectKind::Region) => Ok(Self::Region(name.parse()?)),
            Some(ObjectKind::Asset) => Ok(Self::Asset(name.parse()?)),
            Some(ObjectKind::Link) => Ok(Self::Link(name.parse()?)),
            Some(ObjectKind::Agent) => Ok(Self::Agent(name.parse()?)),
            Some(ObjectKind::Interface) => {
                let (asset, port) =
                    name.split_once('/').ok_or_else(|| bad(text, WHAT, "an interface reads interface:ASSET/NAME"))?;
                Self::interface(asset.parse()?, port)
            }
            None => Err(bad(text, WHAT, "its kind must be region, asset, interface, link or agent")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_the_pattern() {
        for good in ["a", "0", "aks-core-1", "652900", "a.b_c"] {
            assert_eq!(AssetId::new(good).unwrap().as_str(), good);
        }
        for (text, why) in [("", "empty"), ("A", "start"), ("-a", "start"), ("a b", "only"), ("核心", "start")] {
            let error = AssetId::new(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(AssetId::new(&"a".repeat(65)).is_err());
    }

    #[test]
    fn objects_read_back_as_written() {
        for text in ["region:652900", "asset:core-1", "interface:core-1/GE0/0/1", "link:a-b", "agent:tower"] {
            assert_eq!(text.parse::<Object>().unwrap().to_string(), text);
        }
        for text in ["core-1", "disk:x", "interface:core-1", "asset:", "interface:core-1/"] {
            assert!(text.parse::<Object>().is_err(), "{text}");
        }
    }
}
