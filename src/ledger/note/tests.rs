//! Notes against another implementation, and everything that must not be taken.

use super::*;
use ed25519_dalek::Signer;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use signed_note::{Note as TheirNote, StandardSigner, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::Checkpoint as TheirCheckpoint;

const NAME: &str = "evidence.example.com/soc2";

fn key() -> SigningKey {
    SigningKey::from_seed(NAME, &[7; 32]).unwrap()
}

fn note() -> String {
    String::from_utf8(key().sign(12, &[1; 32])).unwrap()
}

/// A note over any text, signed properly.
fn signed(text: &str) -> Vec<u8> {
    format!("{text}\n{}", key().signature_line(text)).into_bytes()
}

#[test]
fn a_signed_checkpoint_reads_back_and_keys_survive_their_files() {
    let key = key();
    let expected = Checkpoint { origin: NAME.into(), size: 12, root: [1; 32] };
    assert_eq!(key.public().open(note().as_bytes()), Ok(expected));
    assert_eq!(SigningKey::parse(&key.to_secret_text()).unwrap().public(), key.public());
    assert_eq!(VerifierKey::parse(&key.public().to_string()).as_ref(), Ok(key.public()));
    assert_eq!(key.sign(12, &[1; 32]), note().as_bytes(), "the same text is signed the same way");
}

#[test]
fn another_implementation_reads_our_keys_notes_and_checkpoints() {
    let key = key();
    let verifier = StandardVerifier::new(&key.public().to_string()).unwrap();
    let theirs = TheirNote::from_bytes(note().as_bytes()).unwrap();
    let (verified, unverified) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let checkpoint = TheirCheckpoint::from_bytes(theirs.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.hash().0), (NAME, 12, [1; 32]));
}

#[test]
fn we_read_what_another_implementation_signs_with_our_key() {
    let key = key();
    let signer = StandardSigner::new(key.to_secret_text().trim_end()).unwrap();
    let text = Checkpoint { origin: NAME.into(), size: 12, root: [1; 32] }.to_text();
    let mut theirs = TheirNote::new(text.as_bytes(), &[]).unwrap();
    theirs.add_sigs(&[&signer]).unwrap();
    assert_eq!(theirs.to_bytes(), note().as_bytes());
}

#[test]
fn lines_of_other_signers_are_let_be() {
    let witness = SigningKey::from_seed("witness.example.org", &[9; 32]).unwrap();
    let cosigned = String::from_utf8(witness.sign(12, &[1; 32])).unwrap();
    let line = cosigned.lines().last().unwrap();
    let both = format!("{}{line}\n", note());
    assert_eq!(key().public().open(both.as_bytes()).map(|read| read.size), Ok(12));
    let alone = note().replace(note().lines().last().unwrap(), line);
    assert_eq!(key().public().open(alone.as_bytes()), Err(NoteError::Unsigned(key().public().handle())));
}

#[test]
fn no_changed_byte_of_a_note_is_taken() {
    let note = note().into_bytes();
    for position in 0..note.len() {
        for bit in 0..8 {
            let mut changed = note.clone();
            changed[position] ^= 1 << bit;
            assert!(key().public().open(&changed).is_err(), "bit {bit} of byte {position}");
        }
    }
    for length in 0..note.len() {
        assert!(key().public().open(&note[..length]).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn signed_texts_that_are_no_strict_checkpoint_are_refused() {
    let root = STANDARD.encode([1; 32]);
    let good = format!("{NAME}\n12\n{root}\n");
    assert!(key().public().open(&signed(&good)).is_ok());
    let refused = [
        format!("{NAME}\n12\n{root}\nextension\n"),
        format!("{NAME}\n012\n{root}\n"),
        format!("{NAME}\n+12\n{root}\n"),
        format!("{NAME}\n-1\n{root}\n"),
        format!("{NAME}\n12 \n{root}\n"),
        format!("{NAME}\n18446744073709551616\n{root}\n"),
        format!("{NAME}\n12\n{}\n", root.trim_end_matches('=')),
        format!("{NAME}\n12\n{}F=\n", &root[..42]),
        format!("{NAME}\n12\n{}\n", STANDARD.encode([1; 31])),
        format!("{NAME}\n12\n"),
        format!("\n12\n{root}\n"),
        format!("{NAME}\r\n12\r\n{root}\r\n"),
    ];
    for text in refused {
        let read = key().public().open(&signed(&text));
        assert!(matches!(read, Err(NoteError::Malformed(_))), "{text:?} gave {read:?}");
    }
    let other = key().public().open(&signed(&format!("other.example.com\n12\n{root}\n")));
    assert!(matches!(other, Err(NoteError::Origin { .. })));
}

#[test]
fn notes_with_doubled_or_broken_signature_lines_are_refused() {
    let note = note();
    let line = note.lines().last().unwrap();
    let refused = [
        format!("{note}{line}\n"),
        note.trim_end().to_owned(),
        format!("{note}\n"),
        format!("{note}- {NAME} AAAAAAA=\n"),
        format!("{note}— {NAME}AAAAAAA=\n"),
        format!("{note}— a+b AAAAAAA=\n"),
        format!("{note}— other AAAA\n"),
        format!("{note}— other AAAAAAB=\n"),
        format!("{note}— other AAAAAAA\n"),
        format!("{note}— other AAAA-AA=\n"),
        format!("{note}— other AAAAAAA=\r\n"),
        format!("{note}— other AAAAAAA= \n"),
        format!("{note}—  AAAAAAA=\n"),
        format!("{note}— other\u{a0}name AAAAAAA=\n"),
        format!("{note}— other\u{2003}name AAAAAAA=\n"),
        format!("{note}— other\tname AAAAAAA=\n"),
        format!("{note}— other\u{85}name AAAAAAA=\n"),
        format!("{note}\n— other AAAAAAA=\n\n"),
        format!("{note}— other AAAAAAA=\n— other AAAAAAA=\n"),
    ];
    for changed in refused {
        let read = key().public().open(changed.as_bytes());
        assert!(matches!(read, Err(NoteError::Malformed(_))), "{changed:?} gave {read:?}");
    }
    let padded = format!("{}{}\n", note, "— other AAAAAAAA\n".repeat(NOTE_BYTES_MAX / 10));
    assert!(key().public().open(padded.as_bytes()).is_err());
}

#[test]
fn keys_that_are_not_as_written_are_refused() {
    let good = key().public().to_string();
    let id = key().public().id();
    let weak = {
        let mut bytes = vec![1, 1];
        bytes.extend([0; 31]);
        let hash = Sha256::new().chain_update("weak\n").chain_update(&bytes).finalize();
        format!("weak+{}+{}", hex::encode(&hash[..4]), STANDARD.encode(bytes))
    };
    let refused = [
        good.replace(&id, "00000000"),
        good.replace(&id, &id.to_uppercase()),
        good.replace(NAME, "other.example.com"),
        good.replace("+Ae", "+Be"),
        format!("{good}="),
        format!("{good}\n\n"),
        String::new(),
        weak,
    ];
    for text in refused {
        assert_ne!(text, good);
        assert!(VerifierKey::parse(&text).is_err(), "{text:?}");
    }
    for name in ["", "a b", "a+b", "a\nb", &"a".repeat(300)] {
        assert!(SigningKey::from_seed(name, &[7; 32]).is_err(), "{name:?}");
    }
    assert!(SigningKey::parse(&good).is_err());
}

/// Another key of the same log.
fn second() -> SigningKey {
    SigningKey::from_seed(NAME, &[8; 32]).unwrap()
}

/// A witness's key, and its signature line for the text at the time; as the format describes it, by hand.
fn witness(text: &str, time: u64) -> (WitnessKey, String) {
    const WITNESS: &str = "witness.example.org/w1";
    let secret = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let mut typed = vec![4];
    typed.extend_from_slice(secret.verifying_key().as_bytes());
    let hash = Sha256::new().chain_update(WITNESS).chain_update("\n").chain_update(&typed).finalize();
    let key = format!("{WITNESS}+{}+{}", hex::encode(&hash[..4]), STANDARD.encode(typed));
    let mut signature = hash[..4].to_vec();
    signature.extend(time.to_be_bytes());
    signature.extend(secret.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes()).to_bytes());
    (WitnessKey::parse(&key).unwrap(), format!("— {WITNESS} {}\n", STANDARD.encode(signature)))
}

#[test]
fn two_generations_of_a_log_s_keys_sign_one_text_and_each_is_told_from_the_other() {
    let checkpoint = Checkpoint { origin: NAME.into(), size: 12, root: [1; 32] };
    let both = checkpoint.sign([&key(), &second()]);
    for one in [key(), second()] {
        assert_eq!(one.public().open(&both).as_ref(), Ok(&checkpoint));
    }
    assert_ne!(key().public().id(), second().public().id());
    assert_eq!(second().public().open(note().as_bytes()), Err(NoteError::Unsigned(second().public().handle())));
    let verifier =
        |key: SigningKey| -> Box<dyn Verifier> { Box::new(StandardVerifier::new(&key.public().to_string()).unwrap()) };
    let theirs = TheirNote::from_bytes(&both).unwrap();
    let known = VerifierList::new(vec![verifier(key()), verifier(second())]);
    let (verified, unverified) = theirs.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (2, 0), "another implementation takes both");
}

#[test]
fn a_witness_s_cosignature_is_read_with_its_time_and_leaves_the_log_s_alone() {
    let text = Checkpoint { origin: NAME.into(), size: 12, root: [1; 32] }.to_text();
    let (witness, line) = witness(&text, 1_679_315_147);
    let cosigned = format!("{}{line}", note());
    let read = Note::parse(cosigned.as_bytes()).unwrap();
    assert_eq!(witness.cosigned(&read), Ok(Some(1_679_315_147)));
    assert_eq!(witness.cosigned(&Note::parse(note().as_bytes()).unwrap()), Ok(None));
    assert_eq!(key().public().open(cosigned.as_bytes()).map(|read| read.size), Ok(12));
    assert_eq!(WitnessKey::parse(&witness.to_string()).as_ref(), Ok(&witness));
    assert!(VerifierKey::parse(&witness.to_string()).is_err(), "a witness's key is no log's");
    assert!(WitnessKey::parse(&key().public().to_string()).is_err(), "and the other way round");
    TheirNote::from_bytes(cosigned.as_bytes()).unwrap();
    // Every bit of the cosignature counts: key id, time and signature.
    let bytes = STANDARD.decode(line.trim_end().rsplit_once(' ').unwrap().1).unwrap();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        let changed = format!("{}— {} {}\n", note(), witness.name(), STANDARD.encode(changed));
        let read = Note::parse(changed.as_bytes()).unwrap();
        assert!(!matches!(witness.cosigned(&read), Ok(Some(_))), "byte {position}");
    }
    let beyond = format!("{}{}", note(), self::witness(&text, u64::MAX).1);
    assert!(matches!(witness.cosigned(&Note::parse(beyond.as_bytes()).unwrap()), Err(NoteError::Malformed(_))));
}

#[test]
fn the_example_of_the_format_s_own_text_is_taken() {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let note = "This is an example message.\n\n— example.com/foo \
                Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(VerifierKey::parse(key).unwrap().signed(&note), Ok(true));
    assert!(note.checkpoint().is_err(), "and is no checkpoint");
}

#[test]
fn signatures_of_unknown_sorts_are_let_be_and_sixteen_long_ones_fit() {
    let long = |number: u8| {
        let bytes = [vec![0, 0, 0, number], vec![7; 2_428]].concat();
        format!("— witness{number}.example.org {}\n", STANDARD.encode(bytes))
    };
    let many: String = note() + &(1..=16).map(long).collect::<String>();
    assert_eq!(key().public().open(many.as_bytes()).map(|read| read.size), Ok(12));
    // A foreign key may share the name or the id, and not both.
    let id = STANDARD.encode([[1, 2, 3, 4].as_slice(), &[0; 64]].concat());
    let same_name = format!("{}— {NAME} {id}\n", note());
    assert!(key().public().open(same_name.as_bytes()).is_ok());
    let line = note().lines().last().unwrap().replace(NAME, "other.example.org");
    assert!(key().public().open(format!("{}{line}\n", note()).as_bytes()).is_ok());
    let short = |number| format!("— w{number} AAAAAAA=\n");
    let too_many: String = note() + &(0..SIGNATURES_MAX).map(short).collect::<String>();
    assert_eq!(key().public().open(too_many.as_bytes()), Err(NoteError::Malformed("too many signatures")));
}

#[test]
fn a_key_has_one_spelling() {
    // y = 4 is a point of the curve; 2^255 - 19 + 4 is the same written otherwise.
    let spelled = |first: u8, rest: u8, last: u8| {
        let mut typed = vec![1, first];
        typed.extend([rest; 30]);
        typed.push(last);
        let hash = Sha256::new().chain_update("log\n").chain_update(&typed).finalize();
        VerifierKey::parse(&format!("log+{}+{}", hex::encode(&hash[..4]), STANDARD.encode(typed)))
    };
    assert!(spelled(4, 0, 0).is_ok(), "{:?}", spelled(4, 0, 0));
    let refused = spelled(0xed + 4, 0xff, 0x7f).unwrap_err();
    assert!(refused.to_string().contains("one way"), "{refused}");
    assert!(spelled(0, 0, 0).is_err(), "a key of small order");
}

/// Notes that are nearly right: parts of real ones, in any order, some of them spoilt.
fn nearly() -> impl Strategy<Value = String> {
    let text = Checkpoint { origin: NAME.into(), size: 12, root: [1; 32] }.to_text();
    let parts = vec![
        text.clone(),
        "\n".to_owned(),
        key().signature_line(&text),
        second().signature_line(&text),
        witness(&text, 7).1,
        "— other AAAAAAA=\n".to_owned(),
        "— other AAAAAAB=\n".to_owned(),
        "\u{0}".to_owned(),
        "\u{2003}".to_owned(),
        "— ".to_owned(),
        "+".to_owned(),
        "12\n".to_owned(),
    ];
    prop_oneof![
        prop::collection::vec(prop::sample::select(parts.clone()), 0..8).prop_map(|parts| parts.concat()),
        (prop::collection::vec(prop::sample::select(parts), 0..4), any::<prop::sample::Index>(), any::<char>())
            .prop_map(move |(more, at, c)| {
                let mut note = format!("{text}\n{}{}", key().signature_line(&text), more.concat());
                let at = at.index(note.chars().count());
                let at = note.char_indices().nth(at).map(|(at, _)| at).unwrap_or_default();
                note.insert(at, c);
                note
            }),
    ]
}

proptest! {
    #[test]
    fn whatever_we_read_another_implementation_reads_alike(note in nearly()) {
        if let Ok(ours) = Note::parse(note.as_bytes()) {
            let theirs = TheirNote::from_bytes(note.as_bytes()).unwrap();
            prop_assert_eq!(theirs.text(), ours.text().as_bytes());
            if let Ok(checkpoint) = ours.checkpoint() {
                let theirs = TheirCheckpoint::from_bytes(theirs.text()).unwrap();
                prop_assert_eq!(theirs.size(), checkpoint.size);
                prop_assert_eq!(theirs.hash().0, checkpoint.root);
            }
        }
    }

    #[test]
    fn only_the_text_that_was_signed_is_ever_opened(note in nearly()) {
        let expected = Checkpoint { origin: NAME.into(), size: 12, root: [1; 32] };
        if let Ok(read) = key().public().open(note.as_bytes()) {
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn no_bytes_whatever_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Note::parse(&bytes);
        let _ = VerifierKey::parse(&String::from_utf8_lossy(&bytes));
        let _ = SigningKey::parse(&String::from_utf8_lossy(&bytes));
    }
}
