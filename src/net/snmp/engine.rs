//! Our own engine of SNMP v3: others send informs to it, by its clock, and it knows the clocks of those that send traps
//! (RFC 3414). It opens a notification that it believes and says what is wrong with one that it does not. Users are
//! those that devices are asked as: such a user is known whatever engine it writes from. What was said is for others.

use std::collections::HashMap;

use ::snmp::ber::Decoder;
use ::snmp::message::{MsgFlags, MsgGlobalData, RawMsgData, RawV3Message, ScopedPdu, V3Message};
use ::snmp::v3::auth::{authenticate_message, verify_message};
use ::snmp::v3::{
    DerivedKeys, MAX_ENGINE_TIME, SaltCounter, TIME_WINDOW, UsmSecurityParams, generate_engine_id,
    in_authoritative_time_window, report_oids, validate_engine_id,
};
use ::snmp::{
    DecodeConfig, MessageSize, Pdu, PduType, ResponsePdu, SecurityLevel, UsmConfig, Value, VarBind, Version,
};

use super::convert::encode;
use super::user::{RECEIVE_CAPACITY, usm};
use crate::codec::snmp::{self as wire, Head, Kind, Writer};
use crate::model::Secret;
use crate::model::time::Mono;

/// Users that are known; hashing the passwords of one takes milliseconds.
const MAX_USERS: usize = 64;
/// Engines whose clock is known; when it is full, one that is new is not believed until others were silent for a day.
const MAX_CLOCKS: usize = 20_000;
/// An engine that was silent for so long may be forgotten, in seconds.
const SILENT: u64 = 86_400;
/// The community of a notification that was opened, which becomes one of v2c: only its sender, whose engine it is, could
/// have sealed it again. The user's name is nobody's business.
const OPENED: &str = "public";

/// What a datagram of v3 turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// A notification that is believed.
    Notice {
        /// What it says, as a message of v2c.
        plain: Vec<u8>,
        /// What acknowledges it, if it wants to be.
        answer: Option<Vec<u8>>,
    },
    /// Somebody asks which engine this is, or what its clock says.
    Question(Vec<u8>),
    /// Not believed, or no notification.
    Refused {
        /// Why, as what follows a number of them.
        why: &'static str,
        /// What its sender is told.
        answer: Option<Vec<u8>>,
    },
}

/// Why one is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fault {
    Engine,
    User,
    Level,
    Digest,
    Window,
    Stale,
    Decryption,
}

impl Fault {
    /// What its sender is told of it (RFC 3414 section 3.2), and what people are.
    fn told(self) -> (Option<::snmp::Oid>, &'static str) {
        match self {
            Self::Engine => (Some(report_oids::unknown_engine_ids()), "of SNMP v3 to an engine that is not this one"),
            Self::User => (Some(report_oids::unknown_user_names()), "of SNMP v3 by a user that no asset here has"),
            Self::Level => {
                (Some(report_oids::unsupported_sec_levels()), "of SNMP v3 less secured, or more, than their user is")
            }
            Self::Digest => (Some(report_oids::wrong_digests()), "of SNMP v3 with another authentication password"),
            Self::Window => (Some(report_oids::not_in_time_windows()), "of SNMP v3 that came too late"),
            Self::Stale => (
                None,
                "of SNMP v3 that are older than others of the same engine: played again, or its boots went back (then name the device in new_clocks and restart the agent)",
            ),
            Self::Decryption => (Some(report_oids::decryption_errors()), "of SNMP v3 with another privacy password"),
        }
    }
}

/// The clock of another engine, to be kept over a restart: its id, its boots, and the latest time that it said.
pub type PeerClock = (Vec<u8>, u32, u32);

/// The clock of an engine that sent something (RFC 3414 section 2.3).
struct Remote {
    boots: u32,
    time: u32,
    at: Mono,
    /// It is from before our own start, and nothing was heard since.
    kept: bool,
}

/// See above.
pub struct Engine {
    id: Vec<u8>,
    boots: u32,
    since: Mono,
    users: Vec<(Secret, UsmConfig)>,
    clocks: HashMap<Vec<u8>, Remote>,
    /// Some clock is another than `clocks` told last.
    moved: bool,
    community: Vec<u8>,
    salt: SaltCounter,
    reported: HashMap<Fault, u32>,
}

impl Engine {
    /// The engine of this id, for the so many-th time; `None` if the system has no randomness.
    pub fn new(id: Vec<u8>, boots: u32, now: Mono) -> Option<Self> {
        Some(Self {
            id,
            boots: boots.clamp(1, MAX_ENGINE_TIME),
            since: now,
            users: Vec::new(),
            clocks: HashMap::new(),
            moved: false,
            community: OPENED.into(),
            salt: SaltCounter::new().ok()?,
            reported: HashMap::new(),
        })
    }

    /// An id that no other engine has.
    pub fn fresh_id() -> Option<Vec<u8>> {
        Some(generate_engine_id().ok()?.to_vec())
    }

    /// Notifications that were opened get this community.
    pub fn open_as(&mut self, community: &str) {
        self.community = community.into();
    }

    /// Takes back the clocks of others from before a restart: what they said before then is not believed once more. How
    /// much later it is there now nobody knows, so their next word sets their clock.
    pub fn recall(&mut self, clocks: Vec<PeerClock>, now: Mono) {
        let clock = |(id, boots, time)| (id, Remote { boots, time, at: now, kept: true });
        self.clocks.extend(clocks.into_iter().take(MAX_CLOCKS).map(clock));
    }

    /// The clocks of others, if one moved since they were told.
    pub fn clocks(&mut self) -> Option<Vec<PeerClock>> {
        let clock = |(id, clock): (&Vec<u8>, &Remote)| (id.clone(), clock.boots, clock.time);
        std::mem::take(&mut self.moved).then(|| self.clocks.iter().map(clock).collect())
    }

    /// Makes these the users; says what is wrong with one that cannot be used.
    pub fn know(&mut self, secrets: &[Secret]) -> Option<String> {
        let mut wrong = None;
        let mut known = std::mem::take(&mut self.users);
        for secret in secrets.iter().filter(|secret| matches!(secret, Secret::SnmpV3 { .. })).take(MAX_USERS) {
            match known.iter().position(|(old, _)| old == secret) {
                Some(at) => self.users.push(known.swap_remove(at)),
                None => match usm(secret) {
                    Ok(user) => self.users.push((secret.clone(), user)),
                    Err(why) => wrong = Some(format!("a user of SNMP v3 cannot be used: {why}")),
                },
            }
        }
        wrong
    }

    /// Opens a datagram. `renewed`: its sender's clock may be another than before our start.
    pub fn open(&mut self, bytes: &[u8], renewed: bool, now: Mono) -> Opened {
        let unread = Opened::Refused { why: "that cannot be read", answer: None };
        let config = DecodeConfig::default();
        let Ok(message) = RawV3Message::decode(bytes.to_vec().into(), config) else { return unread };
        let message = message.value;
        let Ok(params) = UsmSecurityParams::decode(message.security_params().clone(), config) else { return unread };
        let params = params.value;
        let keys = match self.believe(bytes, &message, &params, renewed, now) {
            Ok(keys) => keys,
            Err((fault, keys)) => return self.refuse(fault, &message, &params, keys.as_ref(), now),
        };
        let scoped = match message.msg_data() {
            RawMsgData::Plaintext { data, .. } => Some(data.clone()),
            RawMsgData::Encrypted(data) => keys.priv_key.as_ref().and_then(|key| {
                let (boots, time) = (params.engine_boots(), params.engine_time());
                key.decrypt(data, boots, time, params.priv_params()).ok()
            }),
        };
        let scoped = scoped.and_then(|data| ScopedPdu::decode(&mut Decoder::new(data)).ok());
        let Some(scoped) = scoped else {
            return self.refuse(Fault::Decryption, &message, &params, None, now);
        };
        let kind = match scoped.pdu.pdu_type() {
            PduType::TrapV2 => Kind::Trap,
            PduType::InformRequest => Kind::Inform,
            _ => return Opened::Refused { why: "that are no traps", answer: None },
        };
        if kind == Kind::Inform && **params.engine_id() != *self.id {
            return self.refuse(Fault::Engine, &message, &params, None, now);
        }
        let answer =
            (kind == Kind::Inform).then(|| self.acknowledge(&scoped, &message, &params, &keys, now)).flatten();
        plain(kind, &self.community, scoped.pdu).map_or(unread, |plain| Opened::Notice { plain, answer })
    }

    /// The keys of the user whose message it is, if it is believed (RFC 3414 section 3.2, steps 3 to 7).
    fn believe(
        &mut self,
        bytes: &[u8],
        message: &RawV3Message,
        params: &UsmSecurityParams,
        renewed: bool,
        now: Mono,
    ) -> Result<DerivedKeys, (Fault, Option<DerivedKeys>)> {
        let (id, level) = (params.engine_id(), message.security_level());
        if validate_engine_id(id).is_err() {
            return Err((Fault::Engine, None));
        }
        let mut fault = Fault::User;
        let mut found = None;
        // Devices may have users of one name and different passwords.
        for (_, user) in self.users.iter().filter(|(_, user)| user.username() == params.username()) {
            let most = user.security_level();
            // A user with keys is not believed without them.
            if level > most || (most.requires_auth() && !level.requires_auth()) {
                fault = Fault::Level;
                continue;
            }
            let Ok(keys) = user.derive_keys(id) else { continue };
            if level.requires_auth() {
                fault = Fault::Digest;
                let at = UsmSecurityParams::find_auth_params_offset(bytes);
                let good = keys.auth_key.as_ref().zip(at).is_some_and(|(key, (at, len))| {
                    len == key.mac_len() && verify_message(key, bytes, at, len).unwrap_or(false)
                });
                if !good {
                    continue;
                }
            }
            found = Some(keys);
            break;
        }
        let Some(keys) = found else { return Err((fault, None)) };
        if !level.requires_auth() {
            return Ok(keys);
        }
        let (boots, time) = (params.engine_boots(), params.engine_time());
        if **id == *self.id {
            let timely = in_authoritative_time_window(self.boots, self.time(now), boots, time);
            return if timely { Ok(keys) } else { Err((Fault::Window, Some(keys))) };
        }
        if renewed && self.clocks.get(&**id).is_some_and(|clock| clock.kept) {
            self.clocks.remove(&**id);
        }
        if self.timely(id, boots, time, now) { Ok(keys) } else { Err((Fault::Stale, None)) }
    }

    /// Step 7b: the clock of another engine, which only ever goes on.
    fn timely(&mut self, id: &[u8], boots: u32, time: u32, now: Mono) -> bool {
        if let Some(clock) = self.clocks.get_mut(id) {
            if boots > clock.boots || (boots == clock.boots && time > clock.time) {
                *clock = Remote { boots, time, at: now, kept: false };
                self.moved = true;
            }
            let passed = u32::try_from(now.since(clock.at).as_secs()).unwrap_or(u32::MAX);
            let its = clock.time.saturating_add(passed);
            return boots != MAX_ENGINE_TIME && boots == clock.boots && time.saturating_add(TIME_WINDOW) >= its;
        }
        if self.clocks.len() >= MAX_CLOCKS {
            self.clocks.retain(|_, clock| now.since(clock.at).as_secs() < SILENT);
        }
        let room = self.clocks.len() < MAX_CLOCKS && boots != MAX_ENGINE_TIME;
        if room {
            self.clocks.insert(id.to_vec(), Remote { boots, time, at: now, kept: false });
            self.moved = true;
        }
        room
    }

    /// Its clock, in seconds since it started.
    fn time(&self, now: Mono) -> u32 {
        u32::try_from(now.since(self.since).as_secs()).unwrap_or(MAX_ENGINE_TIME).min(MAX_ENGINE_TIME)
    }

    /// Tells its sender, where he wants to know. Who asks for the engine or its clock asks in this way.
    fn refuse(
        &mut self,
        fault: Fault,
        message: &RawV3Message,
        params: &UsmSecurityParams,
        keys: Option<&DerivedKeys>,
        now: Mono,
    ) -> Opened {
        let (oid, why) = fault.told();
        let count = self.reported.entry(fault).or_default();
        *count = count.wrapping_add(1);
        let count = Value::Counter32(*count);
        let oid = oid.filter(|_| message.global_data().msg_flags().reportable);
        let pdu = oid.and_then(|oid| ResponsePdu::report(0, vec![VarBind::new(oid, count)]).ok());
        // A report on the clock is signed, so that it is believed.
        let level = if keys.is_some() { SecurityLevel::AuthNoPriv } else { SecurityLevel::NoAuthNoPriv };
        let answer = pdu.and_then(|pdu| {
            let scoped = ScopedPdu::new(self.id.clone(), Vec::new(), pdu.into_raw());
            self.seal(&scoped, level, message.msg_id(), params, keys, now)
        });
        match (fault, answer) {
            (Fault::Engine | Fault::Window, Some(answer)) => Opened::Question(answer),
            (_, answer) => Opened::Refused { why, answer },
        }
    }

    /// The answer to an inform, as secured as it is.
    fn acknowledge(
        &self,
        said: &ScopedPdu,
        message: &RawV3Message,
        params: &UsmSecurityParams,
        keys: &DerivedKeys,
        now: Mono,
    ) -> Option<Vec<u8>> {
        let (id, _, variables) = said.pdu.clone().into_raw_parts();
        let pdu = ResponsePdu::success(Version::V3, id, variables).ok()?.into_raw();
        let scoped = ScopedPdu::new(said.context_engine_id.clone(), said.context_name.clone(), pdu);
        self.seal(&scoped, message.security_level(), message.msg_id(), params, Some(keys), now)
    }

    /// A message of ours.
    fn seal(
        &self,
        scoped: &ScopedPdu,
        level: SecurityLevel,
        msg_id: i32,
        to: &UsmSecurityParams,
        keys: Option<&DerivedKeys>,
        now: Mono,
    ) -> Option<Vec<u8>> {
        let time = self.time(now);
        let mut params = UsmSecurityParams::new(self.id.clone(), self.boots, time, to.username().clone()).ok()?;
        let size = MessageSize::new(RECEIVE_CAPACITY).ok()?;
        let head = MsgGlobalData::new(msg_id, size, MsgFlags::new(level, false)).ok()?;
        let key = if level.requires_auth() { Some(keys?.auth_key.as_ref()?) } else { None };
        if let Some(key) = key {
            params = params.with_auth_placeholder(key.mac_len()).ok()?;
        }
        let message = if level.requires_priv() {
            let plain = scoped.encode_to_bytes().ok()?;
            let sealed = keys?.priv_key.as_ref()?.encrypt_aes(&plain, self.boots, time, &self.salt).ok()?;
            let params = params.with_priv_params(sealed.1).ok()?.encode().ok()?;
            V3Message::new_with_opaque_encrypted_scoped_pdu(head, params, sealed.0).ok()?
        } else {
            V3Message::new(head, params.encode().ok()?, scoped.clone()).ok()?
        };
        let mut bytes = message.encode().ok()?.to_vec();
        if let Some(key) = key {
            let (at, len) = UsmSecurityParams::find_auth_params_offset(&bytes)?;
            authenticate_message(key, &mut bytes, at, len).ok()?;
        }
        Some(bytes)
    }
}

/// A notification as a message of v2c.
fn plain(kind: Kind, community: &[u8], pdu: Pdu) -> Option<Vec<u8>> {
    let (id, _, said) = pdu.into_raw_parts();
    let mut variables = Vec::new();
    for variable in said {
        encode(&variable.oid, variable.value, &mut variables);
    }
    let head = Head { version: wire::Version::V2c, community, kind, id, status: 0, index: 0 };
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    writer.encoded(&variables);
    writer.finish().then_some(out)
}

#[cfg(test)]
mod tests;
