//! SSH to network devices (RFC 4251 to 4254): one terminal, on which somebody types and reads.
//!
//! The device's key decides first: one that nobody has accepted, or another than the accepted one, ends the session before
//! a name or a password leaves this machine. Algorithms that are outdated are spoken only where they are named. It
//! refuses what it has no use for: forwarding, agents, files, certificates.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect, Preferred, cipher, kex, mac};

use super::clock::Clock;
use super::error::NetError;
use super::tcp;
use crate::model::observation::Cause;
use crate::model::secret::{Secret, SecretText, SshProof};
use crate::model::time::Mono;

/// The terminal's width: wider than any command, so that no device wraps one.
const COLUMNS: u32 = 511;
/// Its height; paging is switched off by a command, not by this.
const ROWS: u32 = 1000;
/// Questions that a device may ask of a user who has only a password; some ask twice.
const MAX_QUESTIONS: usize = 4;

/// Algorithms that devices of the last decade speak and nobody should: only for a device whose secret names them.
pub const OLD: &[&str] = &[
    "diffie-hellman-group1-sha1",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group-exchange-sha1",
    "ssh-rsa",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "hmac-sha1",
];

/// Why there is no terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// Nobody has accepted the key of this device yet.
    #[error("ssh {peer}: its key {key} has not been accepted; compare it with the device's own, then accept it")]
    NewKey {
        /// Device.
        peer: SocketAddr,
        /// Fingerprint, `SHA256:...`.
        key: String,
    },
    /// It has another key than the accepted one: it was replaced, or somebody stands in between.
    #[error("ssh {peer}: its key is {key}, not {accepted} that was accepted; nothing was sent to it")]
    ChangedKey {
        /// Device.
        peer: SocketAddr,
        /// Fingerprint now.
        key: String,
        /// Fingerprint that was accepted.
        accepted: String,
    },
    /// It refused the user, the password or the key.
    #[error("ssh {peer}: {user} was refused")]
    Refused {
        /// Device.
        peer: SocketAddr,
        /// User.
        user: String,
    },
    /// Both sides share no algorithm.
    #[error("ssh {peer}: no {what} in common; it offers {offers}; name an old one in the secret if it must be")]
    Algorithms {
        /// Device.
        peer: SocketAddr,
        /// What for.
        what: String,
        /// What the device offers.
        offers: String,
    },
    /// The secret does not fit.
    #[error("{0}")]
    Secret(String),
    /// The network, time, or a device that breaks the protocol.
    #[error("{0}")]
    Net(NetError),
}

impl SshError {
    /// Why, in one word.
    pub const fn cause(&self) -> Cause {
        match self {
            Self::NewKey { .. } | Self::ChangedKey { .. } => Cause::Certificate,
            Self::Refused { .. } => Cause::Auth,
            Self::Algorithms { .. } => Cause::Protocol,
            Self::Secret(_) => Cause::NoSecret,
            Self::Net(error) => error.cause,
        }
    }
}

impl From<SshError> for NetError {
    fn from(error: SshError) -> Self {
        Self::new(error.cause(), error.to_string())
    }
}

/// Whether `text` is a fingerprint as this module and OpenSSH write it: SHA-256 in Base64 without padding.
pub fn is_fingerprint(text: &str) -> bool {
    let digest = text.strip_prefix("SHA256:");
    digest.is_some_and(|d| d.len() == 43 && d.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')))
}

/// A logged-in terminal.
pub struct Terminal {
    peer: SocketAddr,
    channel: Channel<client::Msg>,
    session: Handle<Door>,
}

/// What a terminal said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing in that time.
    Nothing,
    /// It hung up.
    Ended,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Terminal {
    /// Logs in. `accepted` is the fingerprint that somebody has accepted for this device.
    pub async fn open(
        addresses: &[SocketAddr],
        secret: &Secret,
        accepted: Option<&str>,
        deadline: Mono,
        clock: &Clock,
    ) -> Result<Self, SshError> {
        let (user, proof, old) = match secret {
            Secret::Login { user, password } => (user, SshProof::Password(password.clone()), &[][..]),
            Secret::Ssh { user, proof, old } => (user, proof.clone(), old.as_slice()),
            other => return Err(SshError::Secret(format!("a secret of type {} does not fit ssh", other.kind()))),
        };
        let key = match &proof {
            SshProof::Key(text) => Some(private_key(text)?),
            SshProof::Password(_) => None,
        };
        let (stream, _) = tcp::connect_any(addresses, deadline, clock).await.map_err(SshError::Net)?;
        let peer = stream.peer_addr().map_err(|e| SshError::Net(NetError::io("ssh", &e)))?;
        let shown = Arc::new(Mutex::new(None));
        let door = Door { accepted: accepted.map(str::to_owned), shown: shown.clone() };
        let config = Arc::new(client::Config { preferred: preferred(old), ..client::Config::default() });
        let log_in = async {
            let mut session = client::connect_stream(config, stream, door).await?;
            let good = match (&proof, key) {
                (SshProof::Password(password), _) => by_password(&mut session, user, password).await?,
                (SshProof::Key(_), Some(key)) => {
                    let hash = session.best_supported_rsa_hash().await?.flatten();
                    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
                    session.authenticate_publickey(user, key).await?.success()
                }
                (SshProof::Key(_), None) => false,
            };
            if !good {
                return Ok(None);
            }
            let channel = session.channel_open_session().await?;
            channel.request_pty(false, "vt100", COLUMNS, ROWS, 0, 0, &[]).await?;
            channel.request_shell(false).await?;
            Ok::<_, russh::Error>(Some(Self { peer, channel, session }))
        };
        match clock.until(deadline, log_in).await {
            None => Err(SshError::Net(NetError::timeout(format_args!("ssh {peer}")))),
            Some(Ok(Some(terminal))) => Ok(terminal),
            Some(Ok(None)) => Err(SshError::Refused { peer, user: user.clone() }),
            Some(Err(error)) => {
                let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Err(read_error(peer, error, shown, accepted))
            }
        }
    }

    /// Types something.
    pub async fn enter(&mut self, text: &str) -> Result<(), SshError> {
        self.channel.data(text.as_bytes()).await.map_err(|error| read_error(self.peer, error, None, None))
    }

    /// What it says next, if it says something within `patience`.
    pub async fn hear(&mut self, patience: Duration, clock: &Clock) -> Said {
        let until = clock.mono().plus(patience);
        loop {
            match clock.until(until, self.channel.wait()).await {
                None => return Said::Nothing,
                Some(None | Some(ChannelMsg::Eof | ChannelMsg::Close)) => return Said::Ended,
                Some(Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. })) => {
                    return Said::Bytes(data.to_vec());
                }
                Some(Some(_)) => {}
            }
        }
    }

    /// Hangs up.
    pub async fn close(self) {
        // It is gone, or goes with the socket.
        let _ = self.session.disconnect(Disconnect::ByApplication, "", "en").await;
    }

    /// The device's address.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// Looks at the key of the other side before anything is said to it.
struct Door {
    accepted: Option<String>,
    /// The fingerprint of what was refused.
    shown: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Door {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let good = self.accepted.as_deref() == Some(fingerprint.as_str());
        if !good {
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        }
        Ok(good)
    }
}

/// With the password, or as the answer to the questions of a device that asks instead.
async fn by_password(session: &mut Handle<Door>, user: &str, password: &SecretText) -> Result<bool, russh::Error> {
    let answer = session.authenticate_password(user, password.expose()).await?;
    let AuthResult::Failure { remaining_methods, .. } = answer else { return Ok(true) };
    if !remaining_methods.contains(&russh::MethodKind::KeyboardInteractive) {
        return Ok(false);
    }
    let mut asked = session.authenticate_keyboard_interactive_start(user, None).await?;
    for _ in 0..MAX_QUESTIONS {
        let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = asked else { break };
        let answers = prompts.iter().map(|_| password.expose().to_owned()).collect();
        asked = session.authenticate_keyboard_interactive_respond(answers).await?;
    }
    Ok(matches!(asked, KeyboardInteractiveAuthResponse::Success))
}

/// A private key in OpenSSH's form, without a passphrase: it is sealed where it is kept.
fn private_key(text: &SecretText) -> Result<PrivateKey, SshError> {
    let wrong = |why: &str| SshError::Secret(format!("the private key cannot be used: {why}"));
    let key = PrivateKey::from_openssh(text.expose()).map_err(|_| wrong("it is none in OpenSSH's form"))?;
    if key.is_encrypted() {
        return Err(wrong("it has a passphrase; store it without one, it is sealed"));
    }
    if key.algorithm().is_rsa() {
        // Operations with private RSA keys of this library tell time (RUSTSEC-2023-0071).
        return Err(wrong("RSA keys are not used; make one of type ed25519 or ecdsa"));
    }
    Ok(key)
}

/// What is spoken, best first; outdated ones last, and only those that are named.
fn preferred(old: &[String]) -> Preferred {
    let named = |name: &str| old.iter().any(|own| own == name);
    let mut kex = vec![
        kex::CURVE25519,
        kex::CURVE25519_PRE_RFC_8731,
        kex::ECDH_SHA2_NISTP256,
        kex::ECDH_SHA2_NISTP384,
        kex::ECDH_SHA2_NISTP521,
        kex::DH_G16_SHA512,
        kex::DH_GEX_SHA256,
        kex::DH_G14_SHA256,
    ];
    let old_kex = [kex::DH_GEX_SHA1, kex::DH_G14_SHA1, kex::DH_G1_SHA1];
    kex.extend(old_kex.into_iter().filter(|name| named(name.as_ref())));
    kex.extend([kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT]);
    let curves = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
    let mut key = vec![Algorithm::Ed25519];
    key.extend(curves.map(|curve| Algorithm::Ecdsa { curve }));
    key.extend([HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }));
    key.extend(named("ssh-rsa").then_some(Algorithm::Rsa { hash: None }));
    let mut cipher = vec![
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_GCM,
        cipher::AES_128_GCM,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
    ];
    let old_ciphers = [cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC];
    cipher.extend(old_ciphers.into_iter().filter(|name| named(name.as_ref())));
    let mut mac = vec![mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM, mac::HMAC_SHA512, mac::HMAC_SHA256];
    mac.extend(named("hmac-sha1").then_some(mac::HMAC_SHA1));
    Preferred {
        kex: Cow::Owned(kex),
        key: Cow::Owned(key),
        cipher: Cow::Owned(cipher),
        mac: Cow::Owned(mac),
        ..Preferred::DEFAULT
    }
}

/// What an error of the library means.
fn read_error(peer: SocketAddr, error: russh::Error, shown: Option<String>, accepted: Option<&str>) -> SshError {
    let net = |cause, text: String| SshError::Net(NetError::new(cause, format!("ssh {peer}: {text}")));
    match (error, shown) {
        (_, Some(key)) => match accepted {
            None => SshError::NewKey { peer, key },
            Some(accepted) => SshError::ChangedKey { peer, key, accepted: accepted.to_owned() },
        },
        (russh::Error::NoCommonAlgo { kind, theirs, .. }, None) => {
            SshError::Algorithms { peer, what: format!("{kind:?}").to_lowercase(), offers: theirs.join(", ") }
        }
        (russh::Error::IO(error), None) => SshError::Net(NetError::io(format_args!("ssh {peer}"), &error)),
        (russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError | russh::Error::RecvError, None) => {
            net(Cause::Reset, "the device hung up".to_owned())
        }
        (error, None) => net(Cause::Protocol, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_algorithms_are_spoken_only_where_they_are_named() {
        let said = |old: &[&str]| {
            let old: Vec<String> = old.iter().map(|name| (*name).to_owned()).collect();
            let all = preferred(&old);
            let kex = all.kex.iter().map(|n| n.as_ref().to_owned());
            let other = all.cipher.iter().map(|n| n.as_ref().to_owned());
            let mac = all.mac.iter().map(|n| n.as_ref().to_owned());
            let keys = all.key.iter().map(|n| n.as_str().to_owned());
            kex.chain(other).chain(mac).chain(keys).collect::<Vec<String>>()
        };
        assert!(!said(&[]).iter().any(|name| OLD.contains(&name.as_str())), "{:?}", said(&[]));
        let all = said(OLD);
        assert!(OLD.iter().all(|old| all.iter().any(|name| name == old)), "{all:?}");
        assert!(!said(&["hmac-sha1"]).iter().any(|name| name == "aes128-cbc"));
    }

    #[test]
    fn a_fingerprint_is_known_by_its_form() {
        assert!(is_fingerprint("SHA256:uNiVztksCsDhcc0u9e8BrrJXkGXcwNExnCi34yTHVeE"));
        for wrong in ["", "SHA256:", "MD5:aa:bb", "uNiVztksCsDhcc0u9e8BrrJXkGXcwNExnCi34yTHVeE", "SHA256:short"] {
            assert!(!is_fingerprint(wrong), "{wrong}");
        }
    }
}
