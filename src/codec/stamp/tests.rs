//! Literal packets as another implementation writes them (scapy 2.5; the authenticated ones by the RFC's figures and
//! Python's own HMAC), truncation, mutation, and what the words of a time mean.

use super::*;

const REQUEST: &str = "00000007 eeb4ec6040000000 8cc8 beef \
    00000000000000000000000000000000000000000000000000000000";
const REPLY: &str = "00000005 eeb4ec60c0000000 0001 beef eeb4ec6080000000 \
    00000007 eeb4ec6040000000 8cc8 0000 fe 000000";
const SIGNED_REQUEST: &str = "00000007 000000000000000000000000 eeb4ec6040000000 8cc8 beef \
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 \
    000000000000000000000000 44261e32a16f8ee5e81a63b81612afcc";
const SIGNED_REPLY: &str = "00000005 000000000000000000000000 eeb4ec60c0000000 0001 beef 00000000 \
    eeb4ec6080000000 0000000000000000 00000007 000000000000000000000000 eeb4ec6040000000 8cc8 000000000000 \
    fe 000000000000000000000000000000 fac6ad191f5c0993a8fb53feabe34bd7";

/// 2026-11-28T06:00:00.25Z, when the literal packets were sent.
const SENT: Duration = Duration::from_millis(1_795_845_600_250);

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn key() -> Key {
    Key::new(&(0..16).collect::<Vec<u8>>())
}

fn request() -> Request {
    Request { seq: 7, stamp: Stamp::ntp(SENT), estimate: 0x8cc8, ssid: 0xbeef }
}

fn reply() -> Reply {
    Reply {
        seq: 5,
        stamp: Stamp::ntp(SENT + Duration::from_millis(500)),
        estimate: 1,
        ssid: 0xbeef,
        received: Stamp::ntp(SENT + Duration::from_millis(250)),
        asked_seq: 7,
        asked_stamp: Stamp::ntp(SENT),
        asked_estimate: 0x8cc8,
        ttl: 254,
    }
}

#[test]
fn literal_packets_are_read_and_written() {
    let key = key();
    for (key, asked, answered) in [(None, REQUEST, REPLY), (Some(&key), SIGNED_REQUEST, SIGNED_REPLY)] {
        let (asked, answered) = (bytes(asked), bytes(answered));
        assert_eq!(read_request(&asked, key), Ok(request()));
        assert_eq!(write_request(&request(), 0, key), asked);
        assert_eq!(read_reply(&answered, key), Ok(reply()));
        assert_eq!(write_reply(&reply(), &asked, key), answered);
    }
}

#[test]
fn sizes_of_twamp_light_are_taken_and_given_back() {
    // What H3C sends unless told, and TWAMP's shortest symmetrical packet.
    for size in [142, 41] {
        let mut asked = write_request(&request(), size.max(PLAIN), None);
        asked.truncate(size);
        assert_eq!(read_request(&asked, None), Ok(request()), "{size}");
        let answer = write_reply(&reply(), &asked, None);
        assert_eq!((answer.len(), read_reply(&answer, None)), (size, Ok(reply())), "{size}");
    }
    let short = Malformed::Short { length: 40, least: 41 };
    assert_eq!(read_request(&bytes(REQUEST)[..40], None), Err(short));
    assert_eq!(short.to_string(), "40 bytes, where a STAMP packet has at least 41");
    assert_eq!(write_request(&request(), 100_000, None).len(), LONGEST);
}

#[test]
fn padding_says_that_it_is_and_comes_back_recognised() {
    let asked = write_request(&request(), 60, None);
    assert_eq!(asked[PLAIN..PLAIN + 4], [0x80, 1, 0, 12]);
    let answer = write_reply(&reply(), &asked, None);
    assert_eq!(answer[PLAIN..PLAIN + 4], [0, 1, 0, 12]);
    // Extensions that are not understood go back as they came, whatever their lengths say.
    for tail in [&[0x80, 4, 0, 4, 1, 2, 3, 4, 0x80, 1, 0, 0][..], &[0x80, 4, 255, 255, 1], &[0x80, 1]] {
        let asked = [&bytes(REQUEST)[..], tail].concat();
        let answer = write_reply(&reply(), &asked, None);
        let mut wanted = tail.to_vec();
        if tail.len() == 12 {
            wanted[8] = 0;
        }
        assert_eq!(answer[PLAIN..], wanted);
    }
}

#[test]
fn with_a_key_only_what_it_signed_is_read() {
    let (key, other) = (key(), Key::new(b"sixteen or more bytes"));
    let signed = bytes(SIGNED_REQUEST);
    assert_eq!(read_request(&signed, Some(&other)), Err(Malformed::Code));
    let least = AUTHENTICATED;
    assert_eq!(read_request(&bytes(REQUEST), Some(&key)), Err(Malformed::Short { length: PLAIN, least }));
    for at in 0..least {
        let mut altered = signed.clone();
        altered[at] ^= 1;
        assert_eq!(read_request(&altered, Some(&key)), Err(Malformed::Code), "byte {at}");
    }
    assert_eq!(format!("{key:?}"), "***");
}

#[test]
fn a_time_reads_back_to_the_nanosecond_in_any_era() {
    for near in [0, 2_085_978_495, 2_085_978_496, 4_000_000_000, 6_500_000_000].map(Duration::from_secs) {
        for nanos in [0, 1, 999_999_999, 500_000_000, 123_456_789] {
            let at = near + Duration::from_nanos(nanos);
            assert_eq!(Stamp::ntp(at).nanos(Format::Ntp, near), at.as_nanos() as i64, "{at:?}");
            let ptp = Stamp((at.as_secs() & 0xffff_ffff) << 32 | nanos);
            assert_eq!(ptp.nanos(Format::Ptp, near), at.as_nanos() as i64, "{at:?}");
        }
    }
    assert_eq!(Stamp(0xeeb4_ec60_4000_0000).nanos(Format::Ntp, SENT), SENT.as_nanos() as i64);
}

#[test]
fn an_error_estimate_is_rounded_up_and_never_nothing() {
    for (word, in_step, format, nanos) in [
        (0x0001, false, Format::Ntp, 0),
        (0x8cc8, true, Format::Ntp, 190_734),
        (0x5401, false, Format::Ptp, 244_140),
        (0xa001, true, Format::Ntp, 1_000_000_000),
        (0x3fff, false, Format::Ntp, u64::MAX),
        (0x0000, false, Format::Ntp, 0),
    ] {
        let estimate = Estimate { in_step, format, error: Duration::from_nanos(nanos) };
        assert_eq!(Estimate::of_wire(word), estimate, "{word:#x}");
    }
    for nanos in [0, 1, 59, 60, 1_000, 190_734, 16_000_000, 1_000_000_000, 600_000_000_000] {
        let error = Duration::from_nanos(nanos);
        let word = Estimate { in_step: true, format: Format::Ntp, error }.to_wire();
        let told = Estimate::of_wire(word).error;
        assert!(word & 0xff != 0 && word >> 15 == 1);
        assert!(told + Duration::from_nanos(1) >= error && told <= error + error / 100 + Duration::from_nanos(1));
    }
}

#[test]
fn no_truncation_and_no_mutation_panics() {
    let key = key();
    let mut random = fastrand::Rng::with_seed(8762);
    for hex in [REQUEST, REPLY, SIGNED_REQUEST, SIGNED_REPLY] {
        let whole = [bytes(hex), vec![0x80, 1, 0, 5, 1, 2, 3, 4, 5, 0x80, 9, 0, 1, 0]].concat();
        for end in 0..=whole.len() {
            look(&whole[..end], &key);
        }
        for _ in 0..20_000 {
            let mut mutated = whole.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..mutated.len());
                mutated[at] = random.u8(..);
            }
            mutated.truncate(random.usize(..=mutated.len()));
            look(&mutated, &key);
        }
    }
}

/// Reads bytes in every way there is.
fn look(bytes: &[u8], key: &Key) {
    for key in [None, Some(key)] {
        let _ = read_request(bytes, key);
        if let Ok(reply) = read_reply(bytes, key) {
            let _ = (reply.stamp.nanos(Format::Ntp, SENT), reply.received.nanos(Format::Ptp, SENT));
            assert_eq!(write_reply(&reply, bytes, key).len(), bytes.len());
        }
    }
}
