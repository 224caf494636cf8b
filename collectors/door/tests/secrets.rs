//! Secrets reach neither records nor error texts.

use super::*;
use crate::contract::{CollectError, SecretRef};
use crate::door::Network;
use crate::door::Strike;
use base64::Engine;
use secrecy::ExposeSecret;
use std::path::PathBuf;

const CANARY: &str = "canary/7f3a+Zq \"9";

/// A secret file that only we may read.
fn file_of(directory: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = directory.path().join("token");
    std::fs::write(&path, text).unwrap();
    mode(&path, 0o600);
    path
}

fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn refusal(door: &Door, secret: &SecretRef) -> String {
    match door.secret(secret) {
        Err(error @ CollectError::Unauthenticated { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a secret was handed out"),
    }
}

#[tokio::test]
async fn a_secret_handed_out_is_struck_out_of_everything_recorded_and_answered() {
    let directory = tempfile::tempdir().unwrap();
    let secret = SecretRef::File(file_of(&directory, &format!("{CANARY}\n")));
    let form: String = url::form_urlencoded::byte_serialize(CANARY.as_bytes()).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(CANARY);
    let json = serde_json::to_string(CANARY).unwrap();
    let echo = format!(
        "{CANARY} {form} {} {base64} {json}",
        form.replace('+', "%20").replace("%2F", "%2f").replace("%2B", "%2b")
    );
    let server = Server::script(vec![answer(200, &[("etag", "W/canary/7f3a+Zq \"9")], &echo)]);
    let source = server.source();
    let base = server.base.clone();
    let (seen, exchanges) = both(&year(), Limits::default(), async |door| {
        let token = door.secret(&secret).unwrap();
        let mut url = base.clone();
        url.query_pairs_mut().append_pair("token", token.expose_secret());
        let request = http::Request::post(url.as_str())
            .header("authorization", format!("Bearer {}", token.expose_secret().escape_default()))
            .body(Bytes::from(format!("t={}", token.expose_secret())))
            .unwrap();
        ask(door, &source, request).await
    })
    .await;
    let mark = "[struck out: secret]";
    let head = &exchanges[0].head;
    assert_eq!(head.request.url, format!("{base}?token={mark}"));
    assert_eq!(head.request.body, crate::door::RequestBody::Text(format!("t={mark}")));
    assert_eq!(head.response.as_ref().unwrap().header("etag"), Some("W/[struck out: secret]"));
    assert_eq!(seen.unwrap().2, format!("{mark} {mark} {mark} {mark} \"{mark}\""));
    assert_eq!(head.response.as_ref().unwrap().struck, [("secret".to_owned(), 5)]);
    assert!(!format!("{exchanges:?}").contains("7f3a"));
    assert!(server.seen()[0].contains("7f3a"), "the source does get it");
}

#[tokio::test]
async fn a_rule_strikes_its_group_for_the_record_and_for_the_caller() {
    let rule = |rule, pattern: &str| Strike { rule, pattern: regex::bytes::Regex::new(pattern).unwrap() };
    let server = Server::script(vec![answer(200, &[], "key=abc key=de other")]);
    let mut source = server.source();
    source.strikes =
        vec![rule("key", "key=([a-z]+)"), rule("absent", "nothing"), rule("other", "other"), rule("empty", "z*")];
    let url = server.url("/");
    let (seen, exchanges) = both(&year(), Limits::default(), async |door| ask(door, &source, get(&url)).await).await;
    let text = "key=[struck out: key] key=[struck out: key] [struck out: other]";
    assert_eq!(seen.unwrap().2, text);
    assert_eq!(exchanges[0].body, text);
    let response = exchanges[0].head.response.as_ref().unwrap();
    assert_eq!(response.struck, [("key".to_owned(), 2), ("other".to_owned(), 1)]);
    assert_eq!(response.size, text.len() as u64);
}

#[tokio::test]
async fn a_secret_file_must_be_ours_alone_short_enough_and_long_enough() {
    let directory = tempfile::tempdir().unwrap();
    let path = file_of(&directory, CANARY);
    let secret = SecretRef::File(path.clone());
    let door = Door::live(&Network::new(), year(), Limits::default());
    assert_eq!(door.secret(&secret).unwrap().expose_secret(), CANARY);

    for open in [0o604, 0o602, 0o620, 0o660, 0o644] {
        mode(&path, open);
        let why = refusal(&door, &secret);
        assert!(why.contains("chmod 600") && !why.contains(CANARY), "{open:o}: {why}");
    }
    mode(&path, 0o600);
    mode(directory.path(), 0o770);
    let why = refusal(&door, &secret);
    assert!(why.contains("chmod go-w") && !why.contains(CANARY), "{why}");
    mode(directory.path(), 0o1777);
    assert!(door.secret(&secret).is_ok(), "in a sticky directory nobody can replace it");
    for text in ["", "\n", "short", &"x".repeat((64 << 10) + 1)] {
        std::fs::write(&path, text).unwrap();
        let why = refusal(&door, &secret);
        assert!(why.contains("token") && !why.contains("xxx"), "{why}");
    }
    refusal(&door, &SecretRef::File(directory.path().to_owned()));
    refusal(&door, &SecretRef::File(directory.path().join("absent")));
}

#[tokio::test]
async fn a_group_may_read_what_root_hands_to_a_service_and_nothing_of_our_own() {
    use std::os::unix::fs::{MetadataExt, chown};
    let directory = tempfile::tempdir().unwrap();
    let path = file_of(&directory, CANARY);
    let door = Door::live(&Network::new(), year(), Limits::default());
    mode(&path, 0o440);
    if std::fs::metadata(&path).unwrap().uid() == 0 {
        // As Kubernetes mounts a secret with fsGroup.
        assert!(door.secret(&SecretRef::File(path.clone())).is_ok());
        chown(&path, Some(12_345), None).unwrap();
    }
    let why = refusal(&door, &SecretRef::File(path));
    assert!(why.contains("mode 440") && why.contains("root owns"), "{why}");
}

#[tokio::test]
async fn a_secret_may_come_from_the_environment() {
    let door = Door::live(&Network::new(), year(), Limits::default());
    let manifest = SecretRef::Env("CARGO_MANIFEST_DIR".to_owned());
    assert_eq!(door.secret(&manifest).unwrap().expose_secret(), std::env::var("CARGO_MANIFEST_DIR").unwrap());
    assert!(refusal(&door, &SecretRef::Env("NO_SUCH_VARIABLE".to_owned())).contains("NO_SUCH_VARIABLE"));
    for name in ["", ".", "..", "a/b"] {
        assert!(refusal(&door, &SecretRef::Credential(name.to_owned())).contains("plain name"));
    }
}

#[tokio::test]
async fn a_secret_that_could_not_be_had_is_not_to_be_had_on_replay_either() {
    let secret = SecretRef::Env("NO_SUCH_VARIABLE".to_owned());
    let session = async |door: &Door| door.secret(&secret).err();
    let (error, exchanges) = both(&year(), Limits::default(), session).await;
    assert!(matches!(error, Some(CollectError::Unauthenticated { .. })));
    assert_eq!(exchanges[0].head.request.method, "SIGN-IN");
}
