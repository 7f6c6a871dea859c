//! Sealing: AES-256-GCM under a key that never stands in the database. A key comes from the system's
//! credentials, or from `DIR/key` (0600, made at first use). Each key has a generation; while secrets are
//! sealed again under a new one, the file holds both, so a crash at any moment leaves them readable.
//! It refuses to open what was sealed for another name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::store::types::{SealingKey, StoreError};
use super::store::{file_error, write_private};
use crate::model::{Secret, SecretText};

/// The generation of a key that the caller brought from the system's credentials.
const GIVEN: u64 = 0;

/// Sealing keys by generation; prints none of them.
#[derive(Clone, Default)]
pub struct Keys {
    keys: BTreeMap<u64, [u8; 32]>,
    current: u64,
    file: PathBuf,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys(generation {} of {})", self.current, self.keys.len())
    }
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0u8; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| StoreError::Key("the system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

impl Keys {
    /// Reads the keys; makes a first one, above all `sealed` generations, if there is none.
    pub fn load(dir: &Path, given: Option<&SealingKey>, sealed: u64) -> Result<Self, StoreError> {
        let file = dir.join("key");
        let mut keys = match std::fs::read_to_string(&file) {
            Ok(text) => parse(&file, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(file_error("read", &file, &error)),
        };
        if let Some(key) = given {
            keys.insert(GIVEN, key.0);
            return Ok(Self { keys, current: GIVEN, file });
        }
        if let Some(current) = keys.keys().next_back().copied() {
            return Ok(Self { keys, current, file });
        }
        let current = sealed + 1;
        let made = Self { keys: BTreeMap::from([(current, random()?)]), current, file };
        made.save()?;
        Ok(made)
    }

    /// The generation that seals from now on.
    pub const fn current(&self) -> u64 {
        self.current
    }

    /// These and a newer one, not saved yet. Refused for a key from the credentials: its owner rotates it.
    pub fn with_next(&self) -> Result<Self, StoreError> {
        if self.current == GIVEN && !self.keys.is_empty() {
            return Err(StoreError::Key(
                "the sealing key comes from the system's credentials: change it there, keep the old one in DIR/key as `1 HEX`, restart, and set the secrets again"
                    .to_owned(),
            ));
        }
        let mut next = self.clone();
        next.current += 1;
        next.keys.insert(next.current, random()?);
        Ok(next)
    }

    /// Without the generations before the current one.
    pub fn without_old(&self) -> Self {
        let mut kept = self.clone();
        kept.keys.retain(|generation, _| *generation == kept.current);
        kept
    }

    /// Writes the file, atomically.
    pub fn save(&self) -> Result<(), StoreError> {
        let lines = self.keys.iter().filter(|(generation, _)| **generation != GIVEN);
        let text: String = lines.map(|(generation, key)| format!("{generation} {}\n", hex(key))).collect();
        write_private(&self.file, text.as_bytes())
    }

    /// A secret of this installation for one purpose, made of the sealing key: whoever wants it to outlive that keeps it.
    pub fn derived(&self, purpose: &str) -> Option<SecretText> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.keys.get(&self.current)?);
        Some(SecretText::new(hex(hmac::sign(&key, purpose.as_bytes()).as_ref())))
    }

    fn key(&self, generation: u64) -> Result<LessSafeKey, StoreError> {
        let bytes = self.keys.get(&generation).ok_or_else(|| {
            StoreError::Key(format!(
                "key generation {generation} is not in {}: put back the key file that belongs to this data directory",
                self.file.display()
            ))
        })?;
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256-GCM takes any 32 bytes");
        Ok(LessSafeKey::new(key))
    }

    /// Seals a secret under the current key, bound to its name.
    pub fn seal(&self, name: &str, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut body = serde_json::to_vec(secret).expect("a secret has string keys only, so it always serialises");
        self.key(self.current)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound(name, self.current), &mut body)
            .map_err(|_| StoreError::Key(format!("cannot seal secret `{name}`")))?;
        Ok([nonce.as_slice(), &body].concat())
    }

    /// Opens a sealed secret.
    pub fn open(&self, name: &str, generation: u64, sealed: &[u8]) -> Result<Secret, StoreError> {
        let damaged = || {
            StoreError::Key(format!(
                "secret `{name}` does not open with key generation {generation}: put back the key file that belongs to this data directory, or set the secret again"
            ))
        };
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let mut body = body.to_vec();
        let plain = self
            .key(generation)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), bound(name, generation), &mut body)
            .map_err(|_| damaged())?;
        serde_json::from_slice(plain).map_err(|_| damaged())
    }
}

fn bound(name: &str, generation: u64) -> Aad<Vec<u8>> {
    Aad::from(format!("fengsui-secret|{generation}|{name}").into_bytes())
}

fn parse(file: &Path, text: &str) -> Result<BTreeMap<u64, [u8; 32]>, StoreError> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (generation, key) = line.trim().split_once(' ')?;
            let generation = generation.parse().ok().filter(|generation| *generation != GIVEN)?;
            Some((generation, unhex(key.trim())?))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| {
            StoreError::Key(format!(
                "{} is no key file (each line reads `GENERATION HEX`): put it back from a backup",
                file.display()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretText;

    #[test]
    fn a_secret_opens_under_its_own_name_and_generation_only() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load(dir.path(), None, 0).unwrap();
        let secret = Secret::Token(SecretText::new("open sesame"));
        let sealed = keys.seal("a", &secret).unwrap();
        assert_eq!(keys.open("a", 1, &sealed).unwrap(), secret);
        assert!(keys.open("b", 1, &sealed).is_err());
        assert!(keys.open("a", 2, &sealed).unwrap_err().to_string().contains("generation 2 is not in"));
        assert!(keys.open("a", 1, &sealed[..5]).is_err());
        assert!(!format!("{keys:?}").contains(&hex(&keys.keys[&1])));
    }

    #[test]
    fn the_key_file_is_private_and_keeps_both_generations_until_the_old_one_is_dropped() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load(dir.path(), None, 0).unwrap();
        let mode = std::fs::metadata(dir.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let sealed = keys.seal("a", &Secret::Token(SecretText::new("x"))).unwrap();
        let next = keys.with_next().unwrap();
        next.save().unwrap();
        let read = Keys::load(dir.path(), None, 0).unwrap();
        assert_eq!(read.current(), 2);
        assert!(read.open("a", 1, &sealed).is_ok());
        read.without_old().save().unwrap();
        assert!(Keys::load(dir.path(), None, 0).unwrap().open("a", 1, &sealed).is_err());
    }

    #[test]
    fn a_given_key_is_used_and_never_written() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load(dir.path(), Some(&SealingKey([7; 32])), 0).unwrap();
        assert!(!dir.path().join("key").exists());
        assert!(keys.with_next().unwrap_err().to_string().contains("credentials"));
        let sealed = keys.seal("a", &Secret::Token(SecretText::new("x"))).unwrap();
        assert!(keys.open("a", 0, &sealed).is_ok());
    }

    #[test]
    fn a_damaged_key_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "hello").unwrap();
        assert!(Keys::load(dir.path(), None, 0).unwrap_err().to_string().contains("is no key file"));
    }
}
