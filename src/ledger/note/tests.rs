//! Notes against another implementation, and everything that must not be taken.

use super::*;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
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
    let key = key();
    let mut signature = key.public.id.to_vec();
    signature.extend_from_slice(&key.key.sign(text.as_bytes()).to_bytes());
    format!("{text}\n— {NAME} {}\n", STANDARD.encode(signature)).into_bytes()
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
    let theirs = Note::from_bytes(note().as_bytes()).unwrap();
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
    let mut theirs = Note::new(text.as_bytes(), &[]).unwrap();
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
    assert_eq!(key().public().open(alone.as_bytes()), Err(NoteError::Unsigned(NAME.into())));
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
    let id = hex::encode(key().public.id);
    let weak = {
        let mut bytes = vec![ED25519, 1];
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
