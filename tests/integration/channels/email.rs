//! Mail to a real server with TLS (aiosmtpd), read by Python's parser of mail.

use super::{Bed, drifted, flood, holds_the_flood, item, letter, now, python, refusal, resolved};
use crate::support::{component, program};
use evidenced::notify::message::{Letter, Message};
use evidenced::notify::{Again, Channel};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(bed: &Bed, mode: &str) -> Self {
        let dir = bed.dir.path();
        if !dir.join("server.pem").exists() {
            let made = Command::new(program("openssl"))
                .current_dir(dir)
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
                .args(["-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "server.key"])
                .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out", "server.pem"])
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let mut child = Command::new(python())
            .arg(component("tests/beds/smtp_sink.py"))
            .arg(mode)
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("the mail server does not start: {line}"));
        Self { child, lines, port }
    }

    /// The next mail that it took.
    fn mail(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Ends it; what it took and nobody has looked at.
    fn left(mut self) -> String {
        self.child.kill().unwrap();
        let mut left = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut left).unwrap();
        left
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already, if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn channel(bed: &Bed, port: u16, tls: &str, more: &str) -> Channel {
    let to = if more.contains("to = ") { "" } else { "to = ['Ä B <ab@acme.example>', 'c@acme.example']\n" };
    bed.channel(&format!(
        "way = 'email'\nhost = '127.0.0.1'\nport = {port}\ntls = '{tls}'\nfrom = 'Evidence <e@acme.example>'\n{to}{more}"
    ))
}

fn header<'a>(mail: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = mail["headers"].as_array().unwrap();
    headers.iter().filter(|header| header[0] == name).map(|header| header[1].as_str().unwrap()).collect()
}

#[tokio::test]
async fn mail_arrives_over_each_kind_of_tls_and_says_it_all() {
    let bed = Bed::new();
    let password = bed.secret("password", "pass word\n");
    let signed_in = format!("root = 'server.pem'\ncredentials = {{ user = 'user', password = {password} }}\n");
    for (mode, tls, more) in [
        ("starttls", "starttls", signed_in.as_str()),
        ("implicit", "implicit", signed_in.as_str()),
        ("none", "none", ""),
    ] {
        let mut server = Server::start(&bed, mode);
        let told = Letter { delayed: Some("quiet hours".into()), ..letter(vec![drifted("a-1")]) };
        channel(&bed, server.port, tls, more).send(&told, now()).await.unwrap();
        let mail = server.mail();
        assert_eq!((&mail["tls"], &mail["signed_in"]), (&(mode != "none").into(), &(mode != "none").into()), "{mode}");
        assert_eq!(mail["from"], "e@acme.example");
        assert_eq!(mail["to"], serde_json::json!(["ab@acme.example", "c@acme.example"]));
        assert_eq!(header(&mail, "subject"), ["[evidenced] control SEC-001 has drifted (critical)"]);
        assert_eq!(header(&mail, "date"), ["Mon, 02 Mar 2026 08:00:00 +0000"]);
        assert_eq!(header(&mail, "auto-submitted"), ["auto-generated"]);
        assert_eq!(header(&mail, "to"), ["Ä B <ab@acme.example>, c@acme.example"]);
        assert_eq!((&mail["type"], &mail["defects"]), (&"text/plain".into(), &serde_json::json!([])));
        let text = mail["text"].as_str().unwrap();
        for said in [
            "quiet hours",
            "Owner: Head of Engineering",
            "Since: 2026-03-01T00:00:00Z",
            "- acme/shop#42: deviates: self-approval",
            "1. evidenced explain SEC-001 'acme/shop#41'",
            "a-1 (record 10)",
        ] {
            assert!(text.contains(said), "`{said}` is not in\n{text}");
        }
    }
}

#[tokio::test]
async fn a_mail_that_is_sent_again_has_the_same_id_and_those_of_a_subject_belong_together() {
    let bed = Bed::new();
    let mut server = Server::start(&bed, "none");
    let mail = channel(&bed, server.port, "none", "");
    let mut ids = Vec::new();
    for alerts in
        [vec![drifted("a-1")], vec![drifted("a-1")], vec![resolved("a-2")], vec![drifted("a-1"), resolved("a-2")]]
    {
        mail.send(&letter(alerts), now()).await.unwrap();
        let mail = server.mail();
        let one = |name: &str| header(&mail, name).first().copied().unwrap_or_default().to_owned();
        ids.push((one("message-id"), one("references")));
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0].0 != ids[2].0 && ids[0].1 == ids[2].1 && !ids[0].1.is_empty(), "{ids:?}");
    assert!(ids[3].1.is_empty() && ids[3].0 != ids[0].0);
    mail.send(&flood(), now()).await.unwrap();
    let mut texts = vec![server.mail()["text"].as_str().unwrap().to_owned()];
    texts.extend(
        server
            .left()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned()),
    );
    holds_the_flood(&texts);
}

#[tokio::test]
async fn nothing_of_an_alert_becomes_a_header_or_ends_the_mail() {
    let bed = Bed::new();
    let mut server = Server::start(&bed, "none");
    let told = Message {
        headline: "ü\r\n.\r\nQUIT\r\n".into(),
        subject: evidenced::notify::message::Subject::Collector {
            name: "x\r\nBcc: all@acme.example\r\n\r\n東京 ".repeat(30),
        },
        items: vec![item(".", &"long ".repeat(2_000)), item("\u{202e}\u{0}", "𝄞")],
        next: vec![".".into(), "..".into(), "\n.\n".into()],
        ..drifted("a-1")
    };
    channel(&bed, server.port, "none", "").send(&letter(vec![told]), now()).await.unwrap();
    let mail = server.mail();
    assert_eq!(mail["to"].as_array().unwrap().len(), 2);
    assert!(header(&mail, "bcc").is_empty(), "{mail}");
    let subject = header(&mail, "subject");
    assert!(subject.len() == 1 && subject[0].contains("⟨U+000D⟩⟨U+000A⟩Bcc: all@acme.example"), "{subject:?}");
    assert!(subject[0].contains("more characters)"), "{subject:?}");
    assert_eq!(
        (&mail["ascii"], &mail["defects"]),
        (&true.into(), &serde_json::json!([])),
        "an old server takes it too"
    );
    assert!(mail["longest_line"].as_u64().unwrap() <= 998);
    let text = mail["text"].as_str().unwrap();
    for said in [
        "ü⟨U+000D⟩⟨U+000A⟩.⟨U+000D⟩⟨U+000A⟩QUIT",
        "- .: deviates: long long",
        "- ⟨U+202E⟩⟨U+0000⟩: deviates: 𝄞",
        "1. .\n2. ..\n",
    ] {
        assert!(text.replace("\r\n", "\n").contains(said), "`{said}` is not in\n{text}");
    }
    assert_eq!(server.left(), "", "it is one mail");
}

#[tokio::test]
async fn what_the_server_refuses_is_told_and_is_sent_in_the_clear_to_nobody() {
    let bed = Bed::new();
    let server = Server::start(&bed, "none");
    let told = letter(vec![drifted("a-1")]);
    for (to, again) in [("550", Again::Never), ("451", Again::Later)] {
        let to = format!("to = ['a@acme.example', '{to}@acme.example']\n");
        let refusal = refusal(&channel(&bed, server.port, "none", &to), &told).await;
        assert!(refusal.again == again && refusal.why.contains("not this one"), "{refusal}");
        assert!(!refusal.why.contains('\u{1b}'));
    }
    // A server that offers no TLS, as one that somebody stands before: nothing is said to it.
    let refused = refusal(&channel(&bed, server.port, "starttls", "root = 'server.pem'\n"), &told).await;
    assert_eq!(refused.again, Again::Later, "{refused}");
    assert_eq!(server.left(), "");
    let server = Server::start(&bed, "starttls");
    let refused = refusal(&channel(&bed, server.port, "starttls", ""), &told).await;
    assert!(refused.again == Again::Later && refused.hint.contains("certificate"), "not one that we trust: {refused}");
    let wrong = bed.secret("password", "SECRET");
    let more = format!("root = 'server.pem'\ncredentials = {{ user = 'user', password = {wrong} }}\n");
    let refused = refusal(&channel(&bed, server.port, "starttls", &more), &told).await;
    assert!(refused.again == Again::Never && refused.hint.contains("credentials"), "{refused}");
    assert!(!refused.to_string().contains("SECRET"));
    let localhost = format!(
        "way = 'email'\nhost = 'localhost'\nport = {}\nfrom = 'e@a.example'\nto = ['a@a.example']\nroot = 'server.pem'\n",
        server.port
    );
    let refused = refusal(&bed.channel(&localhost), &told).await;
    assert!(refused.hint.contains("certificate"), "the certificate is for another host: {refused}");
    assert_eq!(server.left(), "", "nothing of it was sent");
    let refused = refusal(&channel(&bed, 1, "starttls", "root = 'gone.pem'\n"), &told).await;
    assert!(refused.again == Again::Later && refused.why.contains("gone.pem"), "{refused}");
}
