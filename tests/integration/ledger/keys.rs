//! Keys that come and go: who signs when, what a crash leaves, and what a forger cannot do.

use super::*;
use evidenced::ledger::KeyPlaces;
use evidenced::ledger::note::{Checkpoint, SigningKey};
use evidenced::ledger::record::{KeyChange, KeyRole};
use evidenced_collectors::contract::SecretRef;
use rusqlite::Connection;

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn rotate(ledger: &Ledger) -> u64 {
    block(ledger.rotate_key(KeyRole::Log, at(5))).unwrap().record.unwrap()
}

fn retire(ledger: &Ledger) -> u64 {
    block(ledger.retire_key(KeyRole::Log, at(6))).unwrap().record.unwrap()
}

fn lines(dir: &Path, name: &str) -> Vec<String> {
    fs::read_to_string(dir.join(name)).unwrap().lines().map(str::to_owned).collect()
}

fn public(dir: &Path) -> Vec<VerifierKey> {
    lines(dir, "log.vkey").iter().map(|line| VerifierKey::parse(line).unwrap()).collect()
}

/// Which of the keys have signed the newest checkpoint.
fn signers(dir: &Path) -> Vec<bool> {
    let note = fs::read(dir.join("checkpoint")).unwrap();
    public(dir).iter().map(|key| key.open(&note).is_ok()).collect()
}

fn append(ledger: &Ledger) {
    ledger.append_blocking(vec![waiver("S", 1, vec![])]).unwrap();
}

#[test]
fn a_new_key_is_named_under_the_old_one_signs_beside_it_and_then_alone() {
    let (dir, ledger) = fresh();
    append(&ledger);
    let added = rotate(&ledger);
    assert_eq!(signers(dir.path()), [true, false], "the record that names it is the old key's alone");
    assert_eq!(lines(dir.path(), "log.key").len(), 2);
    append(&ledger);
    assert_eq!(signers(dir.path()), [true, true]);
    sound(dir.path());
    let error = block(ledger.rotate_key(KeyRole::Log, at(5))).unwrap_err().to_string();
    assert!(error.contains("two log keys sign already") && error.contains("key retire"), "{error}");
    let retired = retire(&ledger);
    assert_eq!(signers(dir.path()), [true, true], "both sign the end of the first");
    append(&ledger);
    assert_eq!(signers(dir.path()), [false, true]);
    assert_eq!(lines(dir.path(), "log.key").len(), 1, "its secret half is gone");
    assert_eq!(mode(dir.path().join("log.key")), 0o600);
    let reader = ledger.reader().unwrap();
    let terms = reader.terms(KeyRole::Log).unwrap();
    let when: Vec<_> = terms.iter().map(|term| (term.added, term.retired)).collect();
    assert_eq!(when, [(None, Some(retired)), (Some(added), None)]);
    drop(ledger);
    append(&Ledger::open(dir.path()).unwrap());
    sound(dir.path());
    let error = block(Ledger::open(dir.path()).unwrap().retire_key(KeyRole::Log, at(7))).unwrap_err();
    assert!(error.to_string().contains("only one log key signs"), "{error}");
}

#[test]
fn another_process_that_appends_notices_the_change_of_keys() {
    let (dir, daemon) = fresh();
    let command = Ledger::open(dir.path()).unwrap();
    rotate(&command);
    append(&daemon);
    assert_eq!(signers(dir.path()), [true, true]);
    retire(&command);
    append(&daemon);
    assert_eq!(signers(dir.path()), [false, true]);
    append(&command);
    sound(dir.path());
}

#[test]
fn a_rotation_that_was_cut_short_leaves_a_ledger_that_opens_and_can_be_taken_up_again() {
    let (dir, ledger) = fresh();
    append(&ledger);
    // After the secret half was written, before the record: the key is in its place, and signs nothing.
    let fresh = SigningKey::from_seed(ORIGIN, &[3; 32]).unwrap();
    let text = fs::read_to_string(dir.path().join("log.key")).unwrap() + &fresh.to_secret_text();
    fs::write(dir.path().join("log.key"), text).unwrap();
    drop(ledger);
    let ledger = Ledger::open(dir.path()).unwrap();
    append(&ledger);
    assert_eq!(signers(dir.path()), [true]);
    let changed = block(ledger.rotate_key(KeyRole::Log, at(5))).unwrap();
    assert_eq!(changed.key, Some(fresh.public().to_string()), "the key that is there is taken, and none is made");
    // After the commit, before the files beside the database.
    let before = fs::read(dir.path().join("checkpoint")).unwrap();
    append(&ledger);
    let (checkpoint, vkey) = (fs::read(dir.path().join("checkpoint")).unwrap(), lines(dir.path(), "log.vkey"));
    drop(ledger);
    fs::write(dir.path().join("checkpoint"), before).unwrap();
    fs::write(dir.path().join("log.vkey"), format!("{}\n", vkey[0])).unwrap();
    sound(dir.path());
    assert_eq!(Reader::open(dir.path()).unwrap().key(), fresh.public(), "a reader goes by the records");
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(lines(dir.path(), "log.vkey"), vkey);
    assert_eq!(fs::read(dir.path().join("checkpoint")).unwrap(), checkpoint);
    // After the record of the end, before the secret half was removed.
    let both = fs::read(dir.path().join("log.key")).unwrap();
    retire(&ledger);
    fs::write(dir.path().join("log.key"), both).unwrap();
    drop(ledger);
    let ledger = Ledger::open(dir.path()).unwrap();
    append(&ledger);
    assert_eq!(signers(dir.path()), [false, true]);
    let changed = block(ledger.retire_key(KeyRole::Log, at(7))).unwrap();
    assert_eq!((changed.record, changed.removed.len()), (None, 1));
    assert_eq!(lines(dir.path(), "log.key").len(), 1);
    sound(dir.path());
}

#[test]
fn a_writer_that_fails_at_the_record_of_a_key_stops_and_a_restart_has_all_of_it_or_nothing() {
    // Room for the second file is made before the commit, the public keys are written after it.
    for (obstacle, signing) in [("checkpoint.next", vec![true]), ("log.vkey.next", vec![true, true])] {
        let (dir, ledger) = fresh();
        let place = dir.path().join(obstacle);
        fs::create_dir(&place).unwrap();
        let error = block(ledger.rotate_key(KeyRole::Log, at(5))).unwrap_err();
        assert!(matches!(error, LedgerError::Stopped { .. }), "{obstacle}: {error}");
        fs::remove_dir(&place).unwrap();
        drop(ledger);
        let ledger = Ledger::open(dir.path()).unwrap();
        append(&ledger);
        assert_eq!(signers(dir.path()), signing, "{obstacle}");
        sound(dir.path());
    }
}

#[test]
fn without_the_secret_half_of_a_key_that_signs_nothing_is_appended() {
    let (dir, ledger) = fresh();
    rotate(&ledger);
    drop(ledger);
    let old = lines(dir.path(), "log.key")[0].clone();
    fs::write(dir.path().join("log.key"), format!("{old}\n")).unwrap();
    let error = Ledger::open(dir.path()).err().unwrap();
    assert!(matches!(error, LedgerError::KeyMissing { .. }), "{error}");
    assert!(error.to_string().contains("hint: restore it"), "{error}");
    assert!(Reader::open(dir.path()).is_ok(), "reading goes on");
    fs::write(dir.path().join("log.key"), format!("{old}\n{old}\n")).unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Note { .. })), "one key twice");
}

#[test]
fn a_key_record_cannot_be_slipped_in_by_the_way() {
    let (dir, ledger) = fresh();
    let key = SigningKey::from_seed(ORIGIN, &[3; 32]).unwrap().public().to_string();
    let record = |change, key: &str| NewRecord {
        at: at(5),
        body: Body::Key { role: KeyRole::Log, key: key.to_owned(), change },
        files: Vec::new(),
    };
    let own = ledger.reader().unwrap().key().to_string();
    for (change, key) in [
        (KeyChange::Added, key.as_str()),
        (KeyChange::Added, &own),
        (KeyChange::Retired, &own),
        (KeyChange::Retired, &key),
    ] {
        let error = ledger.append_blocking(vec![record(change, key)]).unwrap_err();
        assert!(matches!(error, LedgerError::KeyMissing { .. } | LedgerError::Refused { .. }), "{change:?}: {error}");
    }
    let unit = vec![record(KeyChange::Added, &key), waiver("S", 1, vec![])];
    assert!(matches!(ledger.append_blocking(unit), Err(LedgerError::Refused { .. })), "not the last of its unit");
    append(&ledger);
    assert_eq!(sound(dir.path()).records, FIRST + 1);
}

/// Puts a note over the newest checkpoint, in the table and beside it, as an administrator could.
fn replace_newest(dir: &Path, note: &[u8]) {
    let db = Connection::open(dir.join("ledger.sqlite")).unwrap();
    let guard = "SELECT sql FROM sqlite_schema WHERE name = 'checkpoint_keep_update'";
    let guard: String = db.query_row(guard, [], |row| row.get(0)).unwrap();
    db.execute_batch("DROP TRIGGER checkpoint_keep_update").unwrap();
    let sql = "UPDATE checkpoint SET note = ?1 WHERE size = (SELECT max(size) FROM checkpoint)";
    assert_eq!(db.execute(sql, [note]).unwrap(), 1);
    db.execute_batch(&guard).unwrap();
    fs::write(dir.join("checkpoint"), note).unwrap();
}

#[test]
fn a_retired_key_that_goes_on_signing_and_a_checkpoint_that_lacks_one_are_refused() {
    let (dir, ledger) = fresh();
    rotate(&ledger);
    let secrets = lines(dir.path(), "log.key");
    let key = |at: usize| SigningKey::parse(&secrets[at]).unwrap();
    append(&ledger);
    let newest = || {
        let note = fs::read(dir.path().join("checkpoint")).unwrap();
        public(dir.path())[1].open(&note).unwrap()
    };
    let refused = |why: &str| {
        assert!(Reader::open(dir.path()).is_err(), "{why}");
        assert!(verify_store(dir.path()).unwrap().differences > 0, "{why}");
    };
    let right = fs::read(dir.path().join("checkpoint")).unwrap();
    let Checkpoint { size, root, .. } = newest();
    for at in [0, 1] {
        replace_newest(dir.path(), &key(at).sign(size, &root));
        refused("one of two that sign is missing");
    }
    replace_newest(dir.path(), &right);
    retire(&ledger);
    append(&ledger);
    let alone = fs::read(dir.path().join("checkpoint")).unwrap();
    for signing in [vec![key(0)], vec![key(0), key(1)]] {
        replace_newest(dir.path(), &newest_by(&alone, &key(1)).sign(&signing));
        refused("a retired key goes on signing");
        assert!(Ledger::open(dir.path()).is_err());
        replace_newest(dir.path(), &alone);
    }
    drop(ledger);
    append(&Ledger::open(dir.path()).unwrap());
    sound(dir.path());
}

fn newest_by(note: &[u8], key: &SigningKey) -> Checkpoint {
    key.public().open(note).unwrap()
}

#[test]
fn a_key_that_the_old_one_never_vouched_for_does_not_take_the_log_over() {
    // The thief of the database, not of the keys: a record that names his key, and checkpoints by it.
    let (dir, ledger) = fresh();
    rotate(&ledger);
    retire(&ledger);
    append(&ledger);
    drop(ledger);
    let thief = SigningKey::parse(&lines(dir.path(), "log.key")[0]).unwrap();
    // The old key's vouching is all that he cannot make: he signs it himself.
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    db.execute_batch("DROP TRIGGER IF EXISTS checkpoint_keep_update").unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let root = reader.root_at(FIRST + 1).unwrap();
    drop(reader);
    let sql = format!("UPDATE checkpoint SET note = ?1 WHERE size = {}", FIRST + 1);
    assert_eq!(db.execute(&sql, [thief.sign(FIRST + 1, &root)]).unwrap(), 1);
    drop(db);
    let error = Ledger::open(dir.path()).err().unwrap();
    assert!(matches!(&error, LedgerError::Damaged { what, .. } if what.contains("key record")), "{error}");
    assert!(Reader::open(dir.path()).is_err());
    assert!(verify_store(dir.path()).unwrap().differences > 0);
}

#[test]
fn a_public_key_that_no_record_names_is_refused() {
    let (dir, ledger) = fresh();
    drop(ledger);
    let stranger = SigningKey::from_seed(ORIGIN, &[3; 32]).unwrap();
    let text = format!("{}\n{}\n", lines(dir.path(), "log.vkey")[0], stranger.public());
    fs::write(dir.path().join("log.vkey"), text).unwrap();
    for error in [Ledger::open(dir.path()).err(), Reader::open(dir.path()).err()] {
        let error = error.unwrap().to_string();
        assert!(error.contains("log.vkey") && error.contains("records name"), "{error}");
    }
    assert!(verify_store(dir.path()).unwrap().first.unwrap().contains("log.vkey"));
}

#[test]
fn keys_lie_where_the_configuration_says_and_are_changed_there() {
    let dir = TempDir::new().unwrap();
    let (state, log, bundle) = (dir.path().join("state"), dir.path().join("l"), dir.path().join("b"));
    let places = KeyPlaces { log: Some(SecretRef::File(log.clone())), bundle: Some(SecretRef::File(bundle.clone())) };
    let create = Create { organization: "Acme".into(), origin: ORIGIN.into(), sample: true, at: at(0) };
    let ledger = Ledger::create_with(&state, create, &places).unwrap();
    assert_eq!((mode(log.clone()), mode(bundle.clone())), (0o600, 0o600));
    assert!(!state.join("log.key").exists() && !state.join("bundle.key").exists());
    rotate(&ledger);
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 2);
    let first = ledger.bundle_key().unwrap().public_line().unwrap();
    block(ledger.rotate_key(KeyRole::Bundle, at(5))).unwrap();
    let second = ledger.bundle_key().unwrap().public_line().unwrap();
    assert_ne!(first, second);
    assert_eq!(fs::read_to_string(&bundle).unwrap().matches("BEGIN OPENSSH").count(), 2);
    assert_eq!(lines(&state, "bundle.pub"), [second.clone(), first.clone()]);
    let changed = block(ledger.retire_key(KeyRole::Bundle, at(6))).unwrap();
    assert_eq!((changed.key, changed.removed), (Some(first.clone()), vec![first]));
    assert_eq!(lines(&state, "bundle.pub"), [second]);
    assert_eq!(fs::read_to_string(&bundle).unwrap().matches("BEGIN OPENSSH").count(), 1);
    drop(ledger);
    assert!(Ledger::open(&state).is_err(), "not where they are by default");
    append(&Ledger::open_with(&state, &places).unwrap());
    sound(&state);
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
    let error = Ledger::open_with(&state, &places).err().unwrap().to_string();
    assert!(error.contains("mode 644") && error.contains("hint: chmod 600"), "{error}");
}
