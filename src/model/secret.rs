//! Secrets are types that print `***`.

use std::fmt;

/// Text that never shows in `Debug` or `Display`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text itself; call it only where the secret is used or sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// SNMPv3 authentication protocols (RFC 3414, RFC 7860).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnmpAuth {
    /// HMAC-MD5-96.
    Md5,
    /// HMAC-SHA-96.
    Sha1,
    /// HMAC-128-SHA-224.
    Sha224,
    /// HMAC-192-SHA-256.
    Sha256,
    /// HMAC-256-SHA-384.
    Sha384,
    /// HMAC-384-SHA-512.
    Sha512,
}

/// SNMPv3 privacy protocols (RFC 3414, RFC 3826; 192 and 256 bit with Blumenthal key extension).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnmpPrivacy {
    /// CBC-DES.
    Des,
    /// CFB-AES-128.
    Aes128,
    /// CFB-AES-192.
    Aes192,
    /// CFB-AES-256.
    Aes256,
}

/// A named, typed secret of the console; the plan carries those that the agent needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// SNMP v1 or v2c.
    SnmpCommunity {
        /// True for v1.
        v1: bool,
        /// The community.
        community: SecretText,
    },
    /// SNMPv3 user; level follows from which keys are there.
    SnmpV3 {
        /// USM user name.
        user: String,
        /// Authentication.
        auth: Option<(SnmpAuth, SecretText)>,
        /// Privacy; only with authentication.
        privacy: Option<(SnmpPrivacy, SecretText)>,
        /// Context name, usually empty.
        context: String,
    },
    /// User name and password (http, ssh).
    Login {
        /// User name.
        user: String,
        /// Password.
        password: SecretText,
    },
    /// A single token or key.
    Token(SecretText),
    /// A user of terminals over SSH.
    Ssh {
        /// User name.
        user: String,
        /// How it proves who it is.
        proof: SshProof,
        /// Outdated algorithms that may be spoken with its devices, by their names in SSH.
        old: Vec<String>,
    },
}

/// How a user of SSH proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshProof {
    /// A password.
    Password(SecretText),
    /// A private key in OpenSSH's form, without a passphrase.
    Key(SecretText),
}

impl Secret {
    /// What is secret about it; call it only to keep it out of something.
    pub fn texts(&self) -> Vec<&str> {
        let texts = match self {
            Self::SnmpCommunity { community, .. } => vec![community],
            Self::SnmpV3 { auth, privacy, .. } => {
                let auth = auth.iter().map(|(_, key)| key);
                auth.chain(privacy.iter().map(|(_, key)| key)).collect()
            }
            Self::Login { password, .. } => vec![password],
            Self::Token(token) => vec![token],
            Self::Ssh { proof: SshProof::Password(text) | SshProof::Key(text), .. } => vec![text],
        };
        texts.into_iter().map(SecretText::expose).collect()
    }
    /// The word for its type, as `fengsui secret` writes it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SnmpCommunity { v1: true, .. } => "snmp-v1",
            Self::SnmpCommunity { v1: false, .. } => "snmp-v2c",
            Self::SnmpV3 { .. } => "snmp-v3",
            Self::Login { .. } => "login",
            Self::Token(_) => "token",
            Self::Ssh { .. } => "ssh",
        }
    }
}
