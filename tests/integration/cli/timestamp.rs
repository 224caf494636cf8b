//! `export` against a configured time-stamp authority over HTTP, and `verify --tsa-root`: what an auditor is told
//! when it answers, and what when it does not.

use super::*;
use crate::support::tsa::{Answers, Authority, Server};
use serde_json::json;

/// A ledger with a run in it, whose bundles an authority stamps. Returns the end of what happened, too.
fn home(server: &Server) -> (Home, String) {
    let logs = json!({ "directory": "/nowhere", "stores": [{ "name": "files" }] });
    let home = Home::with("backup_restores", &logs, "restore_test");
    fs::write(home.path("root.pem"), server.authority.pem("root")).unwrap();
    home.configure(&format!("[anchors.t]\nway = 'rfc3161'\nurl = '{}'\nroot = 'root.pem'\n", server.url()));
    home.collect(&[]);
    let now = SystemClock.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    (home, now)
}

fn export(home: &Home, to: &str, out: &str, more: &[&str]) -> Said {
    home.run(&[&["export", "--from", "2025-01-01", "--to", to, "--out", out][..], more].concat())
}

fn verify(home: &Home, bundle: &str, more: &[&str]) -> Said {
    let told = ["verify", bundle, "--vkey", "state/log.vkey", "--allowed-signers", "allowed_signers"];
    home.run(&[&told, more].concat())
}

#[test]
fn a_bundle_is_stamped_by_the_configured_authority_and_an_auditor_checks_that_to_its_root() {
    let server = Server::start();
    let (home, now) = home(&server);
    let said = export(&home, &now, "a.zip", &["--require-timestamp", "--timestamp-anchor", "t"]);
    assert!(said.code == 0 && said.err.contains("It has a time-stamp."), "{said:?}");
    let said = verify(&home, "a.zip", &["--tsa-root", "root.pem"]);
    assert!(said.code == 0 && said.out.contains("; time-stamped 20"), "{said:?}");
    assert!(said.out.ends_with("accepted: every check was made, and nothing is wrong\n"), "{}", said.out);
    // Nobody vouches for its time without the root, and by another root it is wrong.
    let said = verify(&home, "a.zip", &[]);
    assert!(said.code == 0 && said.out.contains("not checked: who made the time-stamp"), "{said:?}");
    fs::write(home.path("other.pem"), Authority::new("P-256").pem("root")).unwrap();
    let said = verify(&home, "a.zip", &["--tsa-root", "other.pem"]);
    assert!(said.code == 4 && said.out.contains("REFUSED  envelope: tagmanifest-sha256.txt.tsr"), "{said:?}");
    // What was given and is not what it should be says nothing of a bundle.
    fs::write(home.path("comment"), "# nobody\n").unwrap();
    for wrong in [
        &["verify", "a.zip", "--tsa-root", "allowed_signers"][..],
        &["verify", "a.zip", "--vkey", "x+y+z"],
        &["verify", "a.zip", "--allowed-signers", "comment"],
        &["verify", "a.zip", "--held", "state/log.vkey"],
    ] {
        let said = home.run(wrong);
        assert!(said.code == 2 && said.err.contains("hint: ") && said.out.is_empty(), "{wrong:?}: {said:?}");
    }
    // Asked for again, it is the same bundle, though nobody could be asked.
    server.answers(Answers::Down);
    let said = export(&home, &now, "b.zip", &["--require-timestamp"]);
    assert!(said.code == 0 && said.err.contains("It has a time-stamp."), "{said:?}");
    assert!(fs::read(home.path("a.zip")).unwrap() == fs::read(home.path("b.zip")).unwrap(), "the bytes are others");
}

#[test]
fn an_authority_that_is_down_or_answers_wrongly_costs_the_time_stamp_unless_one_is_required() {
    let server = Server::start();
    let (home, now) = home(&server);
    for (number, (how, why)) in
        [(Answers::Down, "503"), (Answers::OtherNonce, "another nonce"), (Answers::OtherData, "other data")]
            .into_iter()
            .enumerate()
    {
        server.answers(how);
        let name = format!("{number}.zip");
        let said = export(&home, &now, &name, &["--require-timestamp"]);
        assert!(said.code == 1 && said.err.contains(why) && said.err.contains("hint: "), "{said:?}");
        assert!(!home.path(&name).exists(), "nothing is left behind");
        let said = export(&home, &now, &name, &[]);
        assert!(said.code == 0 && said.err.contains("NO TIME-STAMP: ") && said.err.contains(why), "{said:?}");
        let said = verify(&home, &name, &[]);
        assert!(said.code == 0 && said.out.contains("no time-stamp: when it was made is claimed"), "{said:?}");
        // Whoever brings a root asks for one.
        let said = verify(&home, &name, &["--tsa-root", "root.pem"]);
        let missing = "REFUSED  envelope: tagmanifest-sha256.txt.tsr: is missing";
        assert!(said.code == 4 && said.out.contains(missing), "{said:?}");
    }
}

#[test]
fn an_authority_that_is_not_there_or_not_configured_is_named() {
    let server = Server::start();
    let (home, now) = home(&server);
    let said = export(&home, &now, "a.zip", &["--timestamp-anchor", "u"]);
    assert!(said.code != 0 && said.err.contains("`u`") && said.err.contains("hint: "), "{said:?}");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = fs::read_to_string(home.path("evidenced.toml")).unwrap();
    fs::write(home.path("evidenced.toml"), text.replace(&server.url(), &format!("http://127.0.0.1:{port}/"))).unwrap();
    let said = export(&home, &now, "a.zip", &["--require-timestamp"]);
    assert!(said.code == 1 && said.err.contains("hint: ") && !home.path("a.zip").exists(), "{said:?}");
    let said = export(&home, &now, "a.zip", &[]);
    assert!(said.code == 0 && said.err.contains("NO TIME-STAMP: "), "{said:?}");
    // Without any authority there is nobody to require one of.
    let bare =
        Home::with("backup_restores", &json!({ "directory": "/nowhere", "stores": [{ "name": "f" }] }), "restore_test");
    bare.collect(&[]);
    let said = export(&bare, "2030-01-01", "a.zip", &["--require-timestamp"]);
    assert!(said.code == 1 && said.err.contains("hint: ") && said.err.contains("[anchors."), "{said:?}");
}
