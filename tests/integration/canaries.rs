//! A canary in every place of a secret, sources and services that say back whatever they are told, and every command at
//! the most talkative: no canary is kept or said anywhere. Where one may be, it is found, by the same look.

mod scan;

use crate::github_changes::sign_in::private_key;
use crate::support::sink::{Got, Say, Sink};
use crate::support::witness::Witness;
use crate::support::{program, wait_until};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{Duration, TimeDelta};
use evidenced::demo::github::{AlertSpec, GithubHistory, GithubServer, PullRequestSpec};
use evidenced_collectors::contract::clock::{Clock, SystemClock};
use scan::{Hits, Scanner};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

const TOKEN: &str = "canary-github/token+Zq7x9Jw4";
/// What the sample GitHub gives an App, and says where it should not.
const INSTALLATION: &str = "ghs_sample_installation_token";
const COOKIE: &str = "canary-set-cookie-of-the-source-1f";
const REALM: &str = "canary-realm-of-the-source-77ab";
/// Stands where it may: in a log that is evidence as received.
const PLANTED: &str = "canary-planted-where-it-may-be-5c";

/// Answers everybody with everything they said, in headers that are kept and in others, and in the body, there in every
/// spelling.
fn echo() -> Sink {
    let mut turn = 0;
    Sink::start(move |got: &Got| {
        turn += 1;
        let authorization = got.header("authorization").to_owned();
        let bare = authorization.trim_start_matches("Bearer ").to_owned();
        let session = got.header("x-amz-security-token").to_owned();
        let link = format!("<http://127.0.0.1/next?token={bare}>; rel=\"next\"");
        let headers = vec![
            ("Set-Cookie", format!("session={COOKIE}; HttpOnly")),
            ("WWW-Authenticate", format!("Bearer realm=\"{REALM}\"")),
            ("Authorization", authorization.clone()),
            ("X-Amz-Security-Token", session.clone()),
            ("Server", authorization.clone()),
            ("ETag", format!("\"{bare}{session}\"")),
            ("X-GitHub-Request-Id", STANDARD.encode(&bare)),
            ("X-Amzn-RequestId", session.clone()),
            ("Link", link),
        ];
        let body = json!({
            "message": format!("denied: {authorization} {session}"), "__type": "AccessDenied",
            "target": got.target, "headers": got.headers,
        });
        // Written by hand: `\/` is to stand there as it is.
        let told = [&bare, &session].into_iter().filter(|told| !told.is_empty());
        let spelled: Vec<String> = told.flat_map(|told| scan::repeated(told)).map(|it| format!("\"{it}\"")).collect();
        let body = format!("{{\"spelled\":[{}],{}", spelled.join(","), &body.to_string()[1..]);
        Say::Answer([403, 401, 200, 400][turn % 4], headers, body)
    })
}

/// A mail server that says back what it is told, the password too.
fn mail() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut out = connection.try_clone().unwrap();
                let _ = write!(out, "220 mail.example\r\n");
                for line in BufReader::new(connection).lines().map_while(Result::ok) {
                    let answer = match line.split(' ').next().unwrap_or_default() {
                        "EHLO" => "250-mail.example\r\n250 AUTH PLAIN LOGIN".to_owned(),
                        _ => format!("535 5.7.8 refused: {line}"),
                    };
                    if write!(out, "{answer}\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

struct Scene {
    dir: TempDir,
    canaries: BTreeMap<String, String>,
    env: Vec<(String, String)>,
    said: Vec<(String, Vec<u8>)>,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for made in ["logs", "secrets"] {
            fs::create_dir(dir.path().join(made)).unwrap();
        }
        Self { dir, canaries: BTreeMap::new(), env: vec![("RUST_LOG".into(), "trace".into())], said: Vec::new() }
    }

    /// A canary in a file that only we can read.
    fn file(&mut self, name: &str, text: &str) -> String {
        let path = self.dir.path().join("secrets").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        self.canaries.insert(name.to_owned(), text.to_owned());
        format!("{{ file = '{}' }}", path.display())
    }

    fn env(&mut self, name: &str, text: &str) -> String {
        self.env.push((name.to_owned(), text.to_owned()));
        self.canaries.insert(name.to_owned(), text.to_owned());
        format!("{{ env = '{name}' }}")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evidenced"));
        command.current_dir(self.dir.path()).env_clear().envs(self.env.iter().cloned()).args(args);
        // git is a program of its own.
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command
    }

    /// Runs a command, with input, and keeps what it says.
    fn run(&mut self, args: &[&str], input: &str) -> i32 {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that has ended reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        self.said.push((format!("stdout of {args:?}"), output.stdout));
        self.said.push((format!("stderr of {args:?}"), output.stderr));
        output.status.code().unwrap()
    }

    /// The daemon, from start to stop.
    fn daemon(&mut self) {
        let errors = self.dir.path().join("daemon.log");
        let mut command = self.command(&["run"]);
        command.stdout(fs::File::create(self.dir.path().join("daemon.out")).unwrap());
        let mut child = command.stderr(fs::File::create(&errors).unwrap()).spawn().unwrap();
        let socket = self.dir.path().join("state/daemon.sock");
        wait_until("the daemon listens", std::time::Duration::from_secs(120), || socket.exists());
        let runs = || fs::read_to_string(&errors).unwrap().lines().count() > 0;
        wait_until("the daemon says something", std::time::Duration::from_secs(120), runs);
        let id = child.id().to_string();
        assert!(Command::new(program("kill")).args(["-TERM", &id]).status().unwrap().success());
        child.wait().unwrap();
    }

    fn hits(&self, but: &[&str]) -> Hits {
        let (scanner, mut hits) = (Scanner::of(&self.canaries), Hits::new());
        for (place, bytes) in &self.said {
            scanner.bytes(place, bytes, &mut hits);
        }
        scanner.directory(self.dir.path(), but, &mut hits);
        hits
    }
}

/// A GitHub that was told this token, and says it back where it should not.
async fn github(told: &'static str) -> GithubServer {
    let now = SystemClock.now();
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    history.merge(PullRequestSpec::new("acme/shop", 1, "example-ana", now - Duration::hours(2)));
    history.alert("acme/shop", AlertSpec::open(1, "low", now - Duration::days(2)));
    // In bodies, and in headers that are kept.
    history.replace("/activity", "\"gravatar_id\":\"\"", &format!("\"gravatar_id\":\"{told}\""));
    history.replace("/dependabot/alerts", "\"A sample\"", &format!("\"of {told}\""));
    for header in [("server", told), ("x-amzn-requestid", told), ("set-cookie", COOKIE)] {
        history.header("/", now - Duration::days(30), header);
    }
    GithubServer::start(history, Arc::new(SystemClock)).await.unwrap()
}

/// The whole configuration, and a log with the planted canary.
fn configure(scene: &mut Scene, github: [&GithubServer; 2], echo: &Sink, witness_key: &str) {
    let mut text = "organization = 'Test Ltd'\norigin = 'test.example/soc2'\nstate_dir = 'state'\n".to_owned();
    text += &sources(scene, github.map(GithubServer::url), &echo.url(""));
    for (id, test, collectors) in [
        ("T-1", "restore_test", "'logs'"),
        ("T-2", "change_review", "'shop', 'refused'"),
        ("T-3", "mfa", "'aws', 'session'"),
        ("T-4", "vulnerabilities", "'app', 'apprefused'"),
        ("T-5", "audit_logging", "'trails'"),
    ] {
        text += &format!(
            "[controls.{id}]\ntitle = 't'\ncriteria = ['CC6.1']\nowner = 'o'\nseverity = 'high'\n\
             collectors = [{collectors}]\ntest = '{test}'\nstale_after = '36h'\n"
        );
    }
    text += &services(scene, echo);
    text += &anchors(scene, echo, witness_key);
    fs::write(scene.dir.path().join("evidenced.toml"), text).unwrap();
    let planted = format!("{{\"note\": \"{PLANTED}\"}}\n").repeat(200);
    fs::write(scene.dir.path().join("logs/planted.jsonl"), planted).unwrap();
}

fn collector(name: &str, kind: &str, settings: &str) -> String {
    format!(
        "[collectors.{name}]\nkind = '{kind}'\nschedule = '0 * * * *'\nlimits = {{ attempts_max = 1 }}\n\
         [collectors.{name}.settings]\n{settings}\n"
    )
}

/// A collector each of sources that answer, and of sources that refuse and say everything back.
fn sources(scene: &mut Scene, [shop, app]: [String; 2], echo_url: &str) -> String {
    let token = scene.env("GITHUB_TOKEN", TOKEN);
    let other = scene.file("github-token", "canary-github-file/token+8Ls0");
    let pem = private_key();
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = scene.file("app-key", &pem);
    scene.canaries.remove("app-key");
    for at in [1, lines.len() / 2] {
        scene.canaries.insert(format!("app key, line {at}"), lines[at].to_owned());
    }
    let aws = scene.file("aws-secret", "canary/aws+secret/access/key/0123456789");
    scene.env("AWS_SECRET_ACCESS_KEY", "canary/aws+secret/of/the/environment/98");
    scene.env("AWS_SESSION_TOKEN", "canary//aws+session+token//of+the+environment==");
    scene.env.push(("AWS_ACCESS_KEY_ID".into(), "ASIAIOSFODNN7EXAMPLE".into()));
    let mut text = String::new();
    let echo = format!("{echo_url}/");
    for (name, url, token) in [("shop", shop.as_str(), token), ("refused", echo.as_str(), other)] {
        let repositories = "repositories = [{ name = 'acme/shop', branches = ['main'] }]";
        let settings = format!("api_url = '{url}'\ncredentials = {{ token = {token} }}\n{repositories}");
        text += &collector(name, "github_changes", &settings);
    }
    for (name, url) in [("app", app.as_str()), ("apprefused", echo.as_str())] {
        let app = format!("{{ app = {{ app_id = 1, installation_id = 7, private_key = {key} }} }}");
        let settings = format!("api_url = '{url}'\ncredentials = {app}\nrepositories = ['acme/shop']");
        text += &collector(name, "github_alerts", &settings);
    }
    let account =
        |via: &str| format!("accounts = [{{ name = 'production', via = {{ endpoint_url = '{echo_url}'{via} }} }}]");
    let configured = account(&format!(", access_key = {{ id = 'AKIAIOSFODNN7EXAMPLE', secret = {aws} }}"));
    text += &collector("aws", "aws_iam", &configured);
    text += &collector("session", "aws_iam", &account(""));
    text += &collector("trails", "aws_logging", &account(""));
    let logs = scene.dir.path().join("logs").display().to_string();
    text + &collector("logs", "backup_restores", &format!("directory = '{logs}'\nstores = [{{ name = 'db' }}]"))
}

/// Every channel, and the heartbeat.
fn services(scene: &mut Scene, echo: &Sink) -> String {
    let (echo_url, port, smtp) = (echo.url(""), echo.port, mail());
    let key = "canary of a webhook's key, 32 by";
    scene.canaries.insert("webhook key, decoded".to_owned(), key.to_owned());
    let whsec = scene.file("webhook-key", &format!("whsec_{}", STANDARD.encode(key)));
    let mut hook = |name: &str| {
        let path = format!("canary-{name}-address/T0/B0/x9x9x9");
        let place = scene.file(name, &format!("http://127.0.0.1:{port}/{path}"));
        scene.canaries.insert(name.to_owned(), path);
        place
    };
    let (slack, teams, webhook, beat) = (hook("slack"), hook("teams"), hook("webhook"), hook("heartbeat"));
    let pager = scene.env("PAGERDUTY_KEY", "canary0pagerduty0key0R0123456789");
    let issues = scene.env("ISSUES_TOKEN", "canary-issues/token+77Hh");
    let password = scene.env("SMTP_PASSWORD", "canary smtp/password+1q2w");
    let private = "private_host = '127.0.0.1'";
    format!(
        "[channels.slack]\nway = 'slack'\nurl = {slack}\n{private}\n\
         [channels.teams]\nway = 'teams'\nurl = {teams}\n{private}\n\
         [channels.webhook]\nway = 'webhook'\nurl = {webhook}\nsecret = {whsec}\n{private}\n\
         [channels.pager]\nway = 'pagerduty'\nrouting_key = {pager}\nurl = '{echo_url}/enqueue'\n{private}\n\
         [channels.issues]\nway = 'github_issue'\nrepository = 'acme/alerts'\ntoken = {issues}\n\
         api_url = '{echo_url}/'\n{private}\n\
         [channels.mail]\nway = 'email'\nhost = '127.0.0.1'\nport = {smtp}\ntls = 'none'\nfrom = 'a@acme.example'\n\
         to = ['b@acme.example']\ncredentials = {{ user = 'evidenced', password = {password} }}\n\
         [heartbeat]\nurl = {beat}\n{private}\n"
    )
}

/// Every anchor that takes a credential.
fn anchors(scene: &mut Scene, echo: &Sink, witness_key: &str) -> String {
    let (url, port) = (echo.url(""), echo.port);
    let tsa = scene.env("TSA_AUTHORIZATION", "Basic canary/tsa+authorization==");
    let witness = scene.env("WITNESS_AUTHORIZATION", "Bearer canary/witness+authorization");
    // Said again without the first word, it is the same secret.
    for (name, bare) in [("TSA", "canary/tsa+authorization=="), ("WITNESS", "canary/witness+authorization")] {
        scene.canaries.insert(format!("{name}_AUTHORIZATION"), bare.to_owned());
    }
    let git = scene.env("GIT_TOKEN", "canary-git/token+55Pp");
    format!(
        "[anchors.tsa]\nway = 'rfc3161'\nurl = '{url}/tsa'\nauthorization = {tsa}\n\
         [anchors.witness]\nway = 'witness'\nurl = '{url}/w'\nauthorization = {witness}\nkey = '{witness_key}'\n\
         [anchors.git]\nway = 'git'\nrepository = 'https://127.0.0.1:{port}/acme/log.git'\ntoken = {git}\n"
    )
}

/// Every command that may meet a secret or what sources said.
fn everything(scene: &mut Scene) {
    let day = |days| (SystemClock.now() + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    let (from, to) = (day(-1), day(2));
    let export = ["export", "--from", &from, "--to", &to, "--out", "b.zip"];
    let question = |id: u64, method: &str, params: serde_json::Value| {
        format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    };
    let hello =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let mcp = question(1, "initialize", hello)
        + "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
        + &question(2, "tools/call", json!({ "name": "get_status", "arguments": {} }))
        + &question(3, "tools/call", json!({ "name": "list_evidence", "arguments": {} }));
    for args in [
        &["config", "check"][..],
        &["config", "check", "--json"],
        &["collect", "now", "--json"],
        &["collect", "now"],
        &["status"],
        &["status", "--json"],
        &["status", "--calendar", "--json"],
        &["alerts", "deliver", "--json"],
        &["alerts", "deliver"],
        &["alerts", "--json"],
        &["alerts", "test", "slack"],
        &["alerts", "test", "teams", "--json"],
        &["alerts", "test", "webhook"],
        &["alerts", "test", "pager"],
        &["alerts", "test", "issues"],
        &["alerts", "test", "mail"],
        &["anchor", "now"],
        &["anchor", "list", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["permissions", "aws"],
        &["drift", "--json"],
        &["history", "T-2", "--json"],
        &["key", "list", "--json"],
        &["health", "--json"],
        &["readiness", "--format", "html", "--type", "type1"],
        &export,
        &["verify", "b.zip", "--json"],
        &["verify", "--ledger", "state", "--json"],
        &["backup", "copy"],
        &["backup", "copy", "--json"],
        &["explain", "T-2", "acme/shop"],
    ] {
        scene.run(args, "");
    }
    scene.run(&["mcp"], &mcp);
    scene.daemon();
}

/// What somebody may write by mistake: the secret itself, in place of where it is; and a line that is no TOML.
fn mistakes(scene: &mut Scene) {
    let good = fs::read_to_string(scene.dir.path().join("evidenced.toml")).unwrap();
    let written = "canary-written-by-mistake/9Kk+Zz01";
    scene.canaries.insert("written by mistake".to_owned(), written.to_owned());
    let place = "{ env = 'GITHUB_TOKEN' }";
    let mistakes = [
        ("inline", good.replace(place, &format!("'{written}'"))),
        ("unquoted", good.replace(place, written)),
        ("unknown", good.replace(place, &format!("{{ value = '{written}' }}"))),
        ("hook", good.replace("[heartbeat]\nurl = ", &format!("[heartbeat]\nurl = '{written}'\nwas = "))),
    ];
    for (name, text) in mistakes {
        assert_ne!(text, good, "{name}");
        let config = scene.dir.path().join("secrets/wrong.toml");
        fs::write(&config, &text).unwrap();
        let config = config.display().to_string();
        for args in
            [&["config", "check"][..], &["config", "check", "--json"], &["config", "diff"], &["status", "--json"]]
        {
            scene.run(&[&["--config", &config][..], args].concat(), "");
        }
    }
}

fn sealed_keys(dir: &Path) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for name in ["log.key", "bundle.key"] {
        let text = fs::read_to_string(dir.join("state").join(name)).unwrap();
        let secret = text.split(['\n', '+']).filter(|part| !part.starts_with("-----")).max_by_key(|part| part.len());
        keys.insert(name.to_owned(), secret.unwrap().trim().to_owned());
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_secret_is_kept_or_said_anywhere_and_what_may_be_is_found() {
    let (shop, app, echo) = (github(TOKEN).await, github(INSTALLATION).await, echo());
    let mut scene = Scene::new();
    // Its key alone: who answers in its place has no signature to give.
    configure(&mut scene, [&shop, &app], &echo, &Witness::new().key);
    assert_eq!(scene.run(&["init"], ""), 0, "{}", String::from_utf8_lossy(&scene.said[1].1));
    let keys = sealed_keys(scene.dir.path());
    scene.canaries.extend(keys);
    for (name, value) in [("installation token", INSTALLATION), ("cookie", COOKIE), ("realm", REALM)] {
        scene.canaries.insert(name.to_owned(), value.to_owned());
    }
    everything(&mut scene);
    mistakes(&mut scene);

    // All of it was really used: every service was told its secret.
    let told: String =
        echo.take().iter().map(|got| format!("{} {:?} {}\n", got.target, got.headers, got.body)).collect();
    let used = ["github-token", "slack", "teams", "webhook", "PAGERDUTY_KEY", "ISSUES_TOKEN"];
    for name in used.iter().chain(&["TSA_AUTHORIZATION", "WITNESS_AUTHORIZATION", "AWS_SESSION_TOKEN"]) {
        assert!(told.contains(&scene.canaries[*name]), "{name} was never sent, so nothing is shown of it: {told}");
    }
    let but = ["secrets", "log.key", "bundle.key", "evidenced.toml", "logs", "daemon.sock"];
    let hits = scene.hits(&but);
    assert!(hits.is_empty(), "{} places hold a secret:\n{hits:#?}", hits.len());

    // The same look finds what may be there, unpacked: in the database, in the bundle, in the copy.
    scene.canaries = BTreeMap::from([("planted".to_owned(), PLANTED.to_owned())]);
    let hits = scene.hits(&but);
    for place in ["state/ledger.sqlite, table blob, unpacked", "b.zip, ", "copy/ledger.sqlite, table blob, unpacked"] {
        assert!(hits.iter().any(|hit| hit.contains(place)), "{place}: {hits:#?}");
    }
}
