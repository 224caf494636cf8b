//! `evidenced key` as its users run it: a change of keys from the first step to an auditor who knows only the
//! old key; and where keys may lie.

use super::*;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

fn home() -> Home {
    let settings = json!({ "directory": "/nowhere", "stores": [{ "name": "files" }] });
    Home::with("backup_restores", &settings, "restore_test")
}

fn ok(home: &Home, args: &[&str]) -> Said {
    let said = home.run(args);
    assert_eq!(said.code, 0, "{args:?}: {said:?}");
    said
}

fn day(days: i64) -> String {
    (SystemClock.now() + TimeDelta::days(days)).format("%Y-%m-%d").to_string()
}

fn bundle(home: &Home, name: &str) {
    home.collect(&[]);
    ok(home, &["export", "--from", &day(-1), "--to", &day(2), "--out", name]);
}

fn read(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path(name)).unwrap()
}

#[test]
fn an_auditor_with_the_old_key_checks_what_the_new_one_has_signed() {
    let home = home();
    fs::copy(home.path("state/log.vkey"), home.path("told.vkey")).unwrap();
    bundle(&home, "before.zip");
    let rotated = ok(&home, &["key", "rotate", "--json"]).json();
    let new = rotated["key"].as_str().unwrap().to_owned();
    assert!(new.starts_with("test.example/soc2+") && !read(&home, "told.vkey").contains(&new), "{rotated}");
    bundle(&home, "overlap.zip");
    let retired = ok(&home, &["key", "retire"]);
    assert_eq!(retired.out, read(&home, "told.vkey"));
    assert!(retired.err.contains("was removed from") && retired.err.contains("backups"), "{}", retired.err);
    assert_eq!(read(&home, "state/log.key").lines().count(), 1);
    bundle(&home, "after.zip");
    for name in ["before.zip", "overlap.zip", "after.zip"] {
        let said = ok(&home, &["verify", name, "--vkey", "told.vkey"]);
        assert!(said.out.contains("accepted: every check was made"), "{}", said.out);
        ok(&home, &["verify", name, "--vkey", "state/log.vkey", "--vkey", "told.vkey"]);
    }
    let said = ok(&home, &["verify", "after.zip", "--vkey", "told.vkey"]);
    assert!(said.out.contains("for which the key that you gave vouches"), "{}", said.out);
    assert_eq!(home.run(&["verify", "before.zip", "--vkey", &new]).code, 4, "a key that came later says nothing of it");
    ok(&home, &["verify", "after.zip", "--vkey", &new]);
    ok(&home, &["verify", "--ledger", "state"]);
    // The script that the bundle brings along follows the same chain, and takes no key that leads nowhere.
    fs::write(home.path("verify.py"), &files(&home.path("after.zip"))["verify.py"]).unwrap();
    let script = |bundle: &str, key: &str| {
        let mut python = Command::new(crate::support::program("python3"));
        let args = ["-I", "verify.py", bundle, "--vkey", key];
        let output = python.current_dir(home.0.path()).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    for name in ["before.zip", "overlap.zip", "after.zip"] {
        let (code, said) = script(name, "told.vkey");
        assert_eq!(code, Some(0), "{name}: {said}");
    }
    assert_eq!(script("after.zip", &new).0, Some(0));
    let (code, said) = script("before.zip", &new);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn the_list_shows_every_key_and_no_secret() {
    let home = home();
    ok(&home, &["key", "rotate", "--role", "bundle"]);
    ok(&home, &["key", "rotate"]);
    ok(&home, &["key", "retire"]);
    let listed = ok(&home, &["key", "list", "--json"]).json();
    let of = |role: &str| -> Vec<Value> {
        listed.as_array().unwrap().iter().filter(|key| key["role"] == role).cloned().collect()
    };
    let (log, bundle) = (of("log"), of("bundle"));
    assert_eq!((log.len(), bundle.len()), (2, 2), "{listed}");
    assert_eq!((&log[0]["added"], &log[0]["at_hand"]), (&json!(null), &json!(false)));
    assert_eq!((&log[1]["retired"], &log[1]["at_hand"]), (&json!(null), &json!(true)));
    assert_eq!(log[0]["retired"], 4);
    assert!(bundle.iter().all(|key| key["at_hand"] == true && key["retired"].is_null()), "{listed}");
    let table = ok(&home, &["key", "list", "--role", "log"]);
    assert!(table.out.contains("the beginning") && table.out.contains("record 4"), "{}", table.out);
    assert!(!table.out.contains("ssh-ed25519"), "{}", table.out);
    let said = home.run(&["key", "list"]).all() + &listed.to_string();
    let secret = read(&home, "state/log.key");
    assert!(!said.contains("PRIVATE") && !said.contains(secret.trim().splitn(5, '+').nth(4).unwrap()));
    let said = home.run(&["key", "retire"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("hint: `evidenced key rotate --role log`"), "{}", said.err);
    ok(&home, &["key", "retire", "--role", "bundle"]);
    let public = read(&home, "state/bundle.pub");
    assert_eq!(public.trim(), bundle[1]["key"].as_str().unwrap());
}

/// Runs `evidenced` with a variable and systemd's directory of credentials.
fn with(home: &Home, args: &[&str], log: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
    command.current_dir(home.0.path()).env_clear().args(args);
    let output = command.env("LOG_KEY", log).env("CREDENTIALS_DIRECTORY", home.path("credentials")).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn keys_from_the_environment_and_from_systemd_are_used_and_changed_where_they_come_from() {
    let home = home();
    fs::remove_dir_all(home.path("state")).unwrap();
    fs::create_dir(home.path("credentials")).unwrap();
    let places = "[keys]\nlog = { env = 'LOG_KEY' }\nbundle = { credential = 'bundle' }\n";
    let text = read(&home, "evidenced.toml").replacen("[collectors.c]", &format!("{places}[collectors.c]"), 1);
    fs::write(home.path("evidenced.toml"), text).unwrap();
    ok(&home, &["key", "new", "first"]);
    ok(&home, &["key", "new", "--role", "bundle", "credentials/bundle"]);
    assert_eq!(fs::metadata(home.path("first")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.run(&["key", "new", "first"]).code, 1, "no file is overwritten");
    let first = read(&home, "first");
    let said = with(&home, &["init"], &first);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!home.path("state/log.key").exists() && !home.path("state/bundle.key").exists());
    let said = home.run(&["key", "list"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("LOG_KEY") && said.err.contains("hint:"), "{}", said.err);
    // What cannot be written is told, and what is there is taken.
    let said = with(&home, &["key", "rotate"], &first);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`evidenced key new FILE`"), "{}", said.err);
    ok(&home, &["key", "new", "second"]);
    let both = first.clone() + &read(&home, "second");
    let said = with(&home, &["key", "rotate"], &both);
    assert_eq!(said.code, 0, "{said:?}");
    let said = with(&home, &["key", "list"], &first);
    assert_eq!(said.code, 1, "the new key signs, and is not at hand");
    assert!(said.out.contains("MISSING"), "{}", said.out);
    let said = with(&home, &["collect", "now"], &first);
    assert_eq!(said.code, 1, "and so nothing is collected");
    assert!(said.err.contains("its secret half is not in") && said.err.contains("LOG_KEY"), "{}", said.err);
    let said = with(&home, &["key", "retire"], &both);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("remove it where that comes from"), "{}", said.err);
    let said = with(&home, &["key", "list", "--json"], &read(&home, "second"));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json().as_array().unwrap().len(), 3);
    ok(&home, &["verify", "--ledger", "state"]);
    let export = ["export", "--from", &day(-1), "--to", &day(2), "--out", "b.zip"];
    assert_eq!(with(&home, &export, &read(&home, "second")).code, 0);
    let vkey = read(&home, "state/log.vkey");
    ok(&home, &["verify", "b.zip", "--vkey", vkey.lines().next().unwrap()]);
}

#[test]
fn keys_that_others_could_read_or_replace_are_refused_with_what_to_do() {
    let home = home();
    let set = |name: &str, mode: u32| {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let cases = [
        ("state/log.key", 0o640, "chmod 600"),
        ("state", 0o770, "chmod 700"),
        ("state/bundle.key", 0o604, "chmod 600"),
    ];
    for (name, mode, hint) in cases {
        let before = fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
        set(name, mode);
        let said = home.run(&["key", "list"]);
        assert_eq!(said.code, 1, "{name}");
        assert!(said.err.contains(&format!("{mode:o}")) && said.err.contains(hint), "{name}: {}", said.err);
        set(name, before);
    }
    set("state/log.key", 0o400);
    ok(&home, &["key", "list"]);
}
