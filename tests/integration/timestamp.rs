//! Time-stamps held against openssl, both ways: what its authority gives is accepted, and nothing that its
//! verifier refuses is.

use crate::support::tsa::Authority;
use chrono::TimeDelta;
use evidenced::timestamp::{Query, Roots, Stamp, TimestampError, read, verify};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use sha2::{Digest, Sha256};

const EVER: (&str, &str) = ("20200101000000Z", "20400101000000Z");

fn sha256(data: &str) -> [u8; 32] {
    Sha256::digest(data).into()
}

fn query() -> Query {
    Query::new(sha256("a checkpoint"), [0xff, 2, 3, 4, 5, 6, 7, 8])
}

/// Ours, and openssl's at the time stated; they may differ in one direction only.
fn both(authority: &Authority, response: &[u8], data: &str, root: &str) -> (Result<Stamp, TimestampError>, bool) {
    let roots = Roots::from_pem(&authority.pem(root)).unwrap();
    let ours = verify(response, &sha256(data), &roots);
    let at = read(response).map_or_else(|_| SystemClock.now(), |stamp| stamp.time).timestamp();
    (ours, authority.openssl_accepts(response, &sha256(data), root, at))
}

fn refused_by_both(authority: &Authority, response: &[u8], data: &str, root: &str) -> String {
    let (ours, openssl) = both(authority, response, data, root);
    assert!(!openssl, "openssl accepts it");
    ours.unwrap_err().to_string()
}

#[test]
fn what_an_authority_of_openssl_gives_is_accepted_by_rsa_and_by_every_curve() {
    for key in ["rsa:2048", "P-256", "P-384", "P-521"] {
        let authority = Authority::new(key);
        for section in ["t", "fractions"] {
            let response = authority.reply(&query().to_der(), "tsa", section, None);
            let (ours, openssl) = both(&authority, &response, "a checkpoint", "root");
            let stamp = ours.unwrap_or_else(|error| panic!("{key} {section}: {error}"));
            assert!(openssl, "{key} {section}");
            assert_eq!(query().answered_by(&response, SystemClock.now()).unwrap(), stamp);
            assert_eq!(stamp.policy, "1.2.3.4.1");
            let fraction = stamp.time.timestamp_subsec_nanos();
            assert!(section == "fractions" || fraction == 0, "{stamp:?}");
        }
    }
}

#[test]
fn a_fraction_of_a_second_is_read_as_openssl_prints_it() {
    let authority = Authority::new("P-256");
    // One of a million times has no fraction.
    let found = (0..3).find_map(|_| {
        let response = authority.reply(&query().to_der(), "tsa", "fractions", None);
        let stamp = read(&response).unwrap();
        (stamp.time.timestamp_subsec_nanos() != 0).then_some((response, stamp))
    });
    let (response, stamp) = found.expect("a time with a fraction");
    std::fs::write(authority.path("r"), &response).unwrap();
    let text = String::from_utf8(authority.openssl(&["ts", "-reply", "-in", "r", "-text"])).unwrap();
    let digits = format!("{:09}", stamp.time.timestamp_subsec_nanos());
    let shown = stamp.time.format("%H:%M:%S").to_string() + "." + digits.trim_end_matches('0');
    assert!(text.contains(&shown), "{shown} is not in {text}");
}

#[test]
fn openssl_reads_our_request_as_it_is_meant() {
    let authority = Authority::new("P-256");
    let der = query().to_der();
    assert_eq!(der.len(), 69);
    std::fs::write(authority.path("q"), der).unwrap();
    let text = String::from_utf8(authority.openssl(&["ts", "-query", "-in", "q", "-text"])).unwrap();
    for part in ["Version: 1", "Hash Algorithm: sha256", "Nonce: 0x7F02030405060708", "Certificate required: yes"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_chain_over_an_intermediate_authority_is_followed_and_must_be_whole() {
    let authority = Authority::new("P-256");
    authority.certificate("middle", "root", "root", "P-256", EVER);
    authority.certificate("far", "tsa", "middle", "P-256", EVER);
    let response = authority.reply(&query().to_der(), "far", "t", Some("middle"));
    let (ours, openssl) = both(&authority, &response, "a checkpoint", "root");
    assert!(openssl);
    ours.unwrap();
    let response = authority.reply(&query().to_der(), "far", "t", None);
    let why = refused_by_both(&authority, &response, "a checkpoint", "root");
    assert!(why.contains("not vouched for by a root given"), "{why}");
    // Its key may sign, but no certificates.
    authority.certificate("unfit", "no_issuer", "root", "P-256", EVER);
    authority.certificate("by-unfit", "tsa", "unfit", "P-256", EVER);
    let response = authority.reply(&query().to_der(), "by-unfit", "t", Some("unfit"));
    refused_by_both(&authority, &response, "a checkpoint", "root");
}

#[test]
fn other_data_another_root_and_a_certificate_that_had_expired_are_refused_as_by_openssl() {
    let authority = Authority::new("P-256");
    let response = authority.reply(&query().to_der(), "tsa", "t", None);
    assert!(refused_by_both(&authority, &response, "another checkpoint", "root").contains("other data"));
    // A root of the same name: only its key tells it from the right one.
    let other = Authority::new("P-256");
    std::fs::copy(other.path("root.pem"), authority.path("other.pem")).unwrap();
    refused_by_both(&authority, &response, "a checkpoint", "other");
    for (name, kind, valid) in [
        ("expired", "tsa", ("20200101000000Z", "20210101000000Z")),
        ("future", "tsa", ("20380101000000Z", "20400101000000Z")),
    ] {
        authority.certificate(name, kind, "root", "P-256", valid);
        let response = authority.reply(&query().to_der(), name, "t", None);
        refused_by_both(&authority, &response, "a checkpoint", "root");
    }
}

#[test]
fn a_root_that_had_expired_vouches_for_nothing() {
    let authority = Authority::new("P-256");
    authority.certificate("old", "root", "root", "P-256", ("20200101000000Z", "20210101000000Z"));
    authority.certificate("by-old", "tsa", "old", "P-256", EVER);
    let response = authority.reply(&query().to_der(), "by-old", "t", None);
    let why = refused_by_both(&authority, &response, "a checkpoint", "old");
    assert!(why.contains("no root given was valid then"), "{why}");
}

#[test]
fn a_certificate_that_is_not_for_time_stamps_alone_is_refused_as_by_openssl() {
    let authority = Authority::new("P-256");
    let good = authority.reply(&query().to_der(), "tsa", "t", None);
    let (ours, openssl) = both(&authority, &authority.signed_anew(&good, "tsa"), "a checkpoint", "root");
    assert!(openssl, "signing anew is no cause by itself");
    ours.unwrap();
    for kind in ["not_critical", "not_alone", "other_uses", "server", "no_usage"] {
        // Of the subject that the token names, so that nothing else is wrong.
        let of = format!("{kind}-tsa");
        authority.certificate(&of, kind, "root", "P-256", EVER);
        let plain = authority.reply(&query().to_der(), "tsa", "fractions", None);
        let why = refused_by_both(&authority, &authority.signed_anew(&plain, &of), "a checkpoint", "root");
        assert!(why.contains("its signer's"), "{kind}: {why}");
    }
}

#[test]
fn an_answer_to_another_request_or_of_another_time_is_refused_by_whoever_asked() {
    let authority = Authority::new("P-256");
    let now = SystemClock.now();
    let response = authority.reply(&query().to_der(), "tsa", "t", None);
    let wrong = |query: Query, now| query.answered_by(&response, now).unwrap_err().to_string();
    assert!(wrong(Query::new(sha256("a checkpoint"), [9; 8]), now).contains("another nonce"));
    assert!(wrong(Query::new(sha256("x"), [0xff, 2, 3, 4, 5, 6, 7, 8]), now).contains("other data"));
    assert!(wrong(query(), now + TimeDelta::minutes(7)).contains("clocks"));
    assert!(wrong(query(), now - TimeDelta::minutes(7)).contains("clocks"));
    // A request that the authority does not grant.
    let mut odd = query().to_der();
    odd.truncate(40);
    let rejection = authority.reply(&odd, "tsa", "t", None);
    let error = query().answered_by(&rejection, now).unwrap_err();
    assert!(matches!(error, TimestampError::NotGranted(_)), "{error}");
}

#[test]
fn with_any_byte_changed_nothing_that_openssl_refuses_is_accepted() {
    for (key, section) in [("P-256", "fractions"), ("rsa:2048", "t")] {
        let authority = Authority::new(key);
        let response = authority.reply(&query().to_der(), "tsa", section, None);
        let roots = Roots::from_pem(&authority.pem("root")).unwrap();
        let at = verify(&response, &sha256("a checkpoint"), &roots).unwrap().time.timestamp();
        let (mut refused, mut accepted) = (0, Vec::new());
        for position in 0..response.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = response.clone();
                changed[position] ^= flip;
                match verify(&changed, &sha256("a checkpoint"), &roots) {
                    Err(_) => refused += 1,
                    Ok(_) => {
                        accepted.push((position, flip));
                        let openssl = authority.openssl_accepts(&changed, &sha256("a checkpoint"), "root", at);
                        assert!(openssl, "{key}: byte {position} xor {flip:#x} is accepted by us alone");
                    }
                }
            }
        }
        // `granted` may become `grantedWithMods`: nothing signs the status.
        assert_eq!(accepted, [(8, 0x01)], "{key}");
        assert_eq!(refused, response.len() * 4 - 1, "{key}");
    }
}

#[test]
fn whatever_the_bytes_reading_ends_in_an_error_and_not_in_a_panic() {
    let authority = Authority::new("P-256");
    let response = authority.reply(&query().to_der(), "tsa", "t", None);
    for length in 0..response.len() {
        assert!(read(&response[..length]).is_err(), "cut to {length} bytes");
    }
    let mut longer = response.clone();
    longer.push(0);
    assert!(read(&longer).is_err());
    assert!(read(&vec![0x30; 1 << 20]).is_err());
    // Nested as deep as it goes.
    assert!(read(&[0x30, 0x80].repeat(50_000)).is_err());
    assert!(Roots::from_pem(b"no certificate").is_err());
}
