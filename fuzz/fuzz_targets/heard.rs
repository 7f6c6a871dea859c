//! What comes unasked: a datagram as a trap or an inform of any version and as a line of syslog, what is copied on of it,
//! and the whole as a stream in pieces. Nothing panics, texts and words keep their bounds, nobody is believed in v3 who does
//! not know the key.
#![no_main]

mod counted;

use std::cell::RefCell;

use fengsui::codec::syslog::{self, Frames, MAX_LINE, MAX_TEXT, MAX_WORD};
use fengsui::codec::trap;
use fengsui::model::secret::{SnmpAuth, SnmpPrivacy};
use fengsui::model::time::Mono;
use fengsui::model::{Secret, SecretText};
use fengsui::net::snmp::{Engine, Opened};

/// Texts and words of one thing that is heard, as often as they are moved while they grow.
const TEXTS: usize = 64 << 10;

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::new(engine());
}

fn engine() -> Engine {
    let mut engine = Engine::new(vec![0x80, 0, 0x1f, 0x88, 4, 1, 2, 3, 4], 3, Mono::default()).expect("randomness");
    let user = Secret::SnmpV3 {
        user: "watch".into(),
        auth: Some((SnmpAuth::Sha256, SecretText::new("authpass-1"))),
        privacy: Some((SnmpPrivacy::Aes128, SecretText::new("privpass-1"))),
        context: String::new(),
    };
    assert_eq!(engine.know(&[user]), None);
    engine
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let from = "10.9.9.9".parse().expect("an address");
    let most = TEXTS + 32 * bytes.len();
    let notice = counted::within(most, || trap::read(bytes));
    if let Ok(Some(notice)) = notice {
        assert!(notice.text.len() <= MAX_TEXT);
        let copy = counted::within(most, || trap::relayed(bytes, from));
        if let Some(copy) = copy {
            let read = trap::read(&copy).expect("a copy reads").expect("as a notification");
            assert!(read.answer.is_none(), "a copy wants no answer");
        }
    }
    ENGINE.with_borrow_mut(|engine| {
        let opened = counted::within(most, || engine.open(bytes, false, Mono::default()));
        assert!(!matches!(opened, Opened::Notice { .. }), "believed without the key");
    });
    let line = counted::within(most, || syslog::read(bytes));
    assert!(line.text.len() <= MAX_TEXT && line.host.len() <= MAX_WORD && line.tag.len() <= MAX_WORD);
    counted::within(most, || syslog::relayed(bytes, from, "2026-11-28T10:00:00Z"));
    // The same whether it comes at once or in pieces.
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    let mut frames = Frames::default();
    frames.push(bytes, |line| whole.push(line.to_vec()));
    frames.finish(|line| whole.push(line.to_vec()));
    let mut frames = Frames::default();
    let size = usize::from(bytes.first().copied().unwrap_or(0)) + 1;
    bytes.chunks(size).for_each(|piece| frames.push(piece, |line| pieces.push(line.to_vec())));
    frames.finish(|line| pieces.push(line.to_vec()));
    // Where a line that is too long is cut depends on what has come of it; what is looked at of it does not.
    for line in whole.iter_mut().chain(&mut pieces) {
        assert!(line.len() <= 2 * MAX_LINE);
        line.truncate(MAX_LINE);
    }
    assert_eq!(whole, pieces, "a stream in pieces reads otherwise");
});
