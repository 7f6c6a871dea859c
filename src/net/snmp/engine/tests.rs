//! A device's engine and ours: what is believed of it, what it is told, and that no bytes harm.

use std::time::Duration;

use ::snmp::Oid;

use super::*;
use crate::codec::trap;
use crate::model::SecretText;
use crate::model::secret::{SnmpAuth, SnmpPrivacy};

const OURS: &[u8] = b"\x80\x00\x00\x00\x04ours";
const THEIRS: &[u8] = b"\x80\x00\x00\x00\x04theirs";
const PASSWORDS: [&str; 2] = ["authpass-1", "privpass-1"];

fn secret(passwords: &[&str]) -> Secret {
    let key = |at: usize| passwords.get(at).map(|text| SecretText::new(*text));
    let auth = key(0).map(|key| (SnmpAuth::Sha256, key));
    let privacy = key(1).map(|key| (SnmpPrivacy::Aes128, key));
    Secret::SnmpV3 { user: "watch".into(), auth, privacy, context: String::new() }
}

fn at(s: u64) -> Mono {
    Mono::from_origin(Duration::from_secs(s))
}

fn engine(id: &[u8], boots: u32) -> Engine {
    let mut engine = Engine::new(id.to_vec(), boots, at(0)).unwrap();
    assert_eq!(engine.know(&[secret(&PASSWORDS)]), None);
    engine
}

/// What a device writes in the name of an engine, secured with these passwords.
fn said(by: &Engine, inform: bool, passwords: &[&str], s: u64) -> Vec<u8> {
    let trap_oid = Oid::from_slice(&[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0]);
    let down = Value::ObjectIdentifier(Oid::from_slice(&[1, 3, 6, 1, 6, 3, 1, 1, 5, 3]));
    let port = VarBind::new(Oid::from_slice(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 7]), Value::Integer(7));
    let uptime = VarBind::new(Oid::from_slice(&[1, 3, 6, 1, 2, 1, 1, 3, 0]), Value::TimeTicks(5));
    let variables = vec![uptime, VarBind::new(trap_oid, down), port];
    let body = ::snmp::PduBody::Standard {
        pdu_type: if inform { ::snmp::StandardPduType::InformRequest } else { ::snmp::StandardPduType::TrapV2 },
        error_status: 0,
        error_index: 0,
    };
    let scoped = ScopedPdu::new(by.id.clone(), Vec::new(), Pdu::from_raw_parts(9, body, variables));
    let user = usm(&secret(passwords)).unwrap();
    let to = UsmSecurityParams::new(by.id.clone(), 0, 0, user.username().clone()).unwrap();
    let keys = user.derive_keys(&by.id).unwrap();
    by.seal(&scoped, user.security_level(), 3, &to, Some(&keys), at(s)).unwrap()
}

fn why(opened: &Opened) -> &'static str {
    match opened {
        Opened::Refused { why, .. } => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_trap_of_a_user_that_is_known_is_opened_from_whatever_engine() {
    let mut ours = engine(OURS, 1);
    for id in [THEIRS, b"\x80\x00\x00\x00\x04others"] {
        let opened = ours.open(&said(&engine(id, 5), false, &PASSWORDS, 10), false, at(100));
        let Opened::Notice { plain, answer: None } = opened else { panic!("{opened:?}") };
        let notice = trap::read(&plain).unwrap().unwrap();
        assert_eq!((&*notice.oid, &*notice.text), ("1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7=7"));
    }
    // Signed and not sealed, by the same user: some devices do so.
    let opened = ours.open(&said(&engine(THEIRS, 5), false, &PASSWORDS[..1], 10), false, at(100));
    assert!(matches!(opened, Opened::Notice { .. }), "{opened:?}");
}

#[test]
fn who_does_not_know_the_passwords_is_not_believed() {
    let (mut ours, theirs) = (engine(OURS, 1), engine(THEIRS, 5));
    let mut refused =
        |passwords: &[&str]| why(&ours.open(&said(&theirs, false, passwords, 10), false, at(100))).to_owned();
    assert!(refused(&["otherpass-1", "privpass-1"]).ends_with("another authentication password"));
    assert!(refused(&[]).contains("less secured"));
    assert_ne!(refused(&["authpass-1", "otherpass-1"]), "");
    ours.know(&[]);
    assert!(why(&ours.open(&said(&theirs, false, &PASSWORDS, 10), false, at(100))).contains("no asset here has"));
    // Two devices with users of one name.
    ours.know(&[secret(&["otherpass-1", "privpass-1"]), secret(&PASSWORDS)]);
    assert!(matches!(ours.open(&said(&theirs, false, &PASSWORDS, 10), false, at(100)), Opened::Notice { .. }));
}

#[test]
fn what_is_played_again_is_not_believed() {
    let (mut ours, theirs) = (engine(OURS, 1), engine(THEIRS, 5));
    let old = said(&theirs, false, &PASSWORDS, 10);
    assert!(matches!(ours.open(&old, false, at(100)), Opened::Notice { .. }));
    assert!(matches!(ours.open(&old, false, at(249)), Opened::Notice { .. }), "within the window of 150 seconds");
    assert!(why(&ours.open(&old, false, at(251))).contains("played again"));
    assert!(matches!(ours.open(&said(&theirs, false, &PASSWORDS, 170), false, at(260)), Opened::Notice { .. }));
    // It started again; what it said before is over.
    assert!(matches!(
        ours.open(&said(&engine(THEIRS, 6), false, &PASSWORDS, 1), false, at(270)),
        Opened::Notice { .. }
    ));
    assert!(why(&ours.open(&said(&theirs, false, &PASSWORDS, 200), false, at(271))).contains("played again"));
}

#[test]
fn what_was_said_before_a_restart_is_not_believed_after_it() {
    let (mut before, theirs) = (engine(OURS, 1), engine(THEIRS, 5));
    let old = said(&theirs, false, &PASSWORDS, 10);
    for s in [10, 500] {
        let opened = before.open(&said(&theirs, false, &PASSWORDS, s), false, at(s));
        assert!(matches!(opened, Opened::Notice { .. }));
    }
    let clocks = before.clocks().unwrap();
    assert_eq!(clocks, [(THEIRS.to_vec(), 5, 500)]);
    assert_eq!(before.clocks(), None, "nothing moved since");

    let mut ours = engine(OURS, 2);
    ours.recall(clocks.clone(), at(0));
    assert!(why(&ours.open(&old, false, at(1))).contains("played again"));
    let opened = ours.open(&said(&theirs, false, &PASSWORDS, 9_000), false, at(2));
    assert!(matches!(opened, Opened::Notice { .. }), "it went on while we were away");
    // A device that lost its boots is believed again once somebody says so, and only until it was heard.
    let lost = engine(THEIRS, 1);
    let mut ours = engine(OURS, 3);
    ours.recall(clocks, at(0));
    assert!(why(&ours.open(&said(&lost, false, &PASSWORDS, 20), false, at(1))).contains("new_clocks"));
    assert!(matches!(ours.open(&said(&lost, false, &PASSWORDS, 30), true, at(2)), Opened::Notice { .. }));
    assert!(matches!(ours.open(&said(&lost, false, &PASSWORDS, 40), false, at(3)), Opened::Notice { .. }));
    assert!(matches!(ours.open(&said(&theirs, false, &PASSWORDS, 510), true, at(4)), Opened::Notice { .. }));
    assert!(why(&ours.open(&said(&lost, false, &PASSWORDS, 50), true, at(5))).contains("played again"));
}

#[test]
fn what_was_opened_has_the_community_that_it_is_to_have() {
    let mut ours = engine(OURS, 1);
    ours.open_as("eSight");
    let opened = ours.open(&said(&engine(THEIRS, 5), false, &PASSWORDS, 10), false, at(100));
    let Opened::Notice { plain, .. } = opened else { panic!("{opened:?}") };
    assert_eq!(wire::Message::read(&plain).unwrap().community, b"eSight");
}

#[test]
fn who_sends_informs_is_told_of_the_engine_and_its_clock_and_that_they_came() {
    let mut ours = engine(OURS, 3);
    let size = MessageSize::new(RECEIVE_CAPACITY).unwrap();
    let question = V3Message::discovery_request(1, size).unwrap().encode().unwrap();
    let Opened::Question(answer) = ours.open(&question, false, at(1_000)) else { panic!("not answered") };
    let answer = RawV3Message::decode(answer.into(), DecodeConfig::default()).unwrap().value;
    let told = UsmSecurityParams::decode(answer.security_params().clone(), DecodeConfig::default()).unwrap().value;
    assert_eq!((&**told.engine_id(), told.engine_boots(), told.engine_time()), (OURS, 3, 1_000));

    // What the device writes in our name, by our clock as it knows it.
    let device = engine(OURS, 3);
    let opened = ours.open(&said(&device, true, &PASSWORDS, 900), false, at(1_000));
    let Opened::Notice { answer: Some(answer), .. } = opened else { panic!("{opened:?}") };
    let mut device = engine(OURS, 3);
    assert_eq!(
        why(&device.open(&answer, false, at(1_000))),
        "that are no traps",
        "it can be opened and is an answer"
    );
    // By a clock that is wrong; this one does not ask to be told so.
    let late = ours.open(&said(&device, true, &PASSWORDS, 800), false, at(1_000));
    let Opened::Refused { why, answer: None } = late else { panic!("{late:?}") };
    assert!(why.contains("too late"));
}

#[test]
fn no_prefix_and_no_mutation_harms() {
    let (mut ours, theirs) = (engine(OURS, 1), engine(THEIRS, 5));
    let whole = said(&theirs, false, &PASSWORDS, 10);
    for end in 0..whole.len() {
        assert!(!matches!(ours.open(&whole[..end], false, at(100)), Opened::Notice { .. }));
    }
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..5_000 {
        let mut bytes = whole.clone();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at_byte = usize::try_from(seed >> 40).unwrap() % bytes.len();
        let flip = (seed >> 33) as u8;
        bytes[at_byte] ^= flip;
        let believed = matches!(ours.open(&bytes, false, at(100)), Opened::Notice { .. });
        assert!(!believed || flip == 0, "byte {at_byte} is not under the signature");
    }
}
