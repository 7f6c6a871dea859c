//! Secrets on the wire: in a plan (a 0600 file) and, sealed, in `core.db`. The only place that writes a
//! secret's text; everywhere else it prints `***`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::secret::{Secret, SecretText, SnmpAuth, SnmpPrivacy, SshProof};

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.expose())
    }
}
impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::new(String::deserialize(d)?))
    }
}

/// A secret as it stands in a plan (0600) and, sealed, in `core.db`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum SecretBody {
    SnmpV1 {
        community: SecretText,
    },
    SnmpV2c {
        community: SecretText,
    },
    SnmpV3 {
        user: String,
        #[serde(default)]
        auth: Option<(String, SecretText)>,
        #[serde(default)]
        privacy: Option<(String, SecretText)>,
        #[serde(default)]
        context: String,
    },
    Login {
        user: String,
        password: SecretText,
    },
    Token {
        token: SecretText,
    },
    Ssh {
        user: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<SecretText>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<SecretText>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        old: Vec<String>,
    },
}

impl SnmpAuth {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Md5, Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];
    /// The word used in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
    /// The protocol of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

impl SnmpPrivacy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Des, Self::Aes128, Self::Aes192, Self::Aes256];
    /// The word used in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Des => "des",
            Self::Aes128 => "aes128",
            Self::Aes192 => "aes192",
            Self::Aes256 => "aes256",
        }
    }
    /// The protocol of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.clone() {
            Self::SnmpCommunity { v1: true, community } => SecretBody::SnmpV1 { community },
            Self::SnmpCommunity { v1: false, community } => SecretBody::SnmpV2c { community },
            Self::SnmpV3 { user, auth, privacy, context } => SecretBody::SnmpV3 {
                user,
                auth: auth.map(|(p, key)| (p.as_str().to_owned(), key)),
                privacy: privacy.map(|(p, key)| (p.as_str().to_owned(), key)),
                context,
            },
            Self::Login { user, password } => SecretBody::Login { user, password },
            Self::Token(token) => SecretBody::Token { token },
            Self::Ssh { user, proof, old } => {
                let (password, key) = match proof {
                    SshProof::Password(password) => (Some(password), None),
                    SshProof::Key(key) => (None, Some(key)),
                };
                SecretBody::Ssh { user, password, key, old }
            }
        }
        .serialize(s)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let unknown = |word: &str| D::Error::custom(format!("unknown protocol `{word}`"));
        Ok(match SecretBody::deserialize(d)? {
            SecretBody::SnmpV1 { community } => Self::SnmpCommunity { v1: true, community },
            SecretBody::SnmpV2c { community } => Self::SnmpCommunity { v1: false, community },
            SecretBody::SnmpV3 { user, auth, privacy, context } => Self::SnmpV3 {
                user,
                auth: auth.map(|(p, key)| Ok((SnmpAuth::parse(&p).ok_or_else(|| unknown(&p))?, key))).transpose()?,
                privacy: privacy
                    .map(|(p, key)| Ok((SnmpPrivacy::parse(&p).ok_or_else(|| unknown(&p))?, key)))
                    .transpose()?,
                context,
            },
            SecretBody::Login { user, password } => Self::Login { user, password },
            SecretBody::Token { token } => Self::Token(token),
            SecretBody::Ssh { user, password, key, old } => {
                let proof = match (password, key) {
                    (_, Some(key)) => SshProof::Key(key),
                    (Some(password), None) => SshProof::Password(password),
                    (None, None) => return Err(D::Error::custom("a secret of type ssh needs a password or a key")),
                };
                Self::Ssh { user, proof, old }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_stars_and_survives_the_wire() {
        let secret = Secret::SnmpV3 {
            user: "ops".into(),
            auth: Some((SnmpAuth::Sha256, SecretText::new("authpass"))),
            privacy: Some((SnmpPrivacy::Aes128, SecretText::new("privpass"))),
            context: String::new(),
        };
        assert!(!format!("{secret:?}").contains("pass"));
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(serde_json::from_str::<Secret>(&json).unwrap(), secret);
        let proof = SshProof::Key(SecretText::new("key of pass"));
        let secret = Secret::Ssh { user: "ops".into(), proof, old: vec!["ssh-rsa".into()] };
        assert!(!format!("{secret:?}").contains("pass"));
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(serde_json::from_str::<Secret>(&json).unwrap(), secret);
        assert!(serde_json::from_str::<Secret>(r#"{"type":"ssh","user":"ops"}"#).is_err());
    }
}
