//! What may be asked at all: not our own network, unless it is named, by whatever spelling, name, redirect or proxy.

use super::{Bed, drifted, letter, now, refusal};
use crate::support::program;
use crate::support::sink::{Say, Sink, say};
use evidenced::config::{ChannelConfig, parse};
use evidenced::notify::Again;
use evidenced::outside::{Address, Outside, Request};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Names as a test wants them; each look-up takes the next of a name's answers, and the last stays.
#[derive(Default)]
struct Names {
    known: Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn of(known: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parsed = |answers: &&[&str]| answers.iter().map(|address| address.parse().unwrap()).collect();
        let known = known.iter().map(|(name, all)| ((*name).to_owned(), all.iter().map(parsed).collect())).collect();
        Arc::new(Self { known: Mutex::new(known), asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        self.asked.lock().unwrap().push(name.as_str().to_owned());
        let mut known = self.known.lock().unwrap();
        let found = known
            .get_mut(name.as_str())
            .map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() });
        Box::pin(async move {
            let found = found.ok_or("no such name")?;
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

async fn asked(outside: &Outside, url: &str, private_host: Option<&str>) -> Result<u16, String> {
    let address = Address::outside(url, private_host).map_err(str::to_owned)?;
    let answer = outside.ask(&address, Request::get(), 1_000).await;
    answer.map(|answer| answer.status).map_err(|error| error.why)
}

#[tokio::test]
async fn no_spelling_of_an_address_reaches_our_own_network() {
    let sink = Sink::start(|_| say(200, "ok"));
    let (outside, port) = (Outside::new(), sink.port);
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "１２７.０.０.１",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "0xa9fea9fe",
        "2852039166",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "[fe80::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
    ];
    for host in hosts {
        let why = asked(&outside, &format!("https://{host}:{port}/"), None).await.unwrap_err();
        assert!(why.starts_with("its host is at "), "{host}: {why}");
        let why = asked(&outside, &format!("http://{host}:{port}/"), None).await.unwrap_err();
        assert!(why.contains("must be https"), "{host}: {why}");
    }
    for odd in [
        "https://user@1.1.1.1/",
        "https://:secret@1.1.1.1/",
        "https://",
        "ftp://1.1.1.1/",
        "file:///etc/passwd",
        "//1.1.1.1/",
    ] {
        asked(&outside, odd, None).await.unwrap_err();
    }
    assert!(sink.take().is_empty());
    for (url, named) in [("127.0.0.1", "127.0.0.1"), ("2130706433", "127.1"), ("localhost", "LocalHost")] {
        assert_eq!(asked(&outside, &format!("http://{url}:{port}/"), Some(named)).await, Ok(200), "{url} is named");
    }
    assert!(asked(&outside, &format!("http://127.0.0.1:{port}/"), Some("127.0.0.2")).await.is_err());
    assert!(asked(&outside, "http://192.168.1.1/", Some("192.168.1.1")).await.unwrap_err().contains("https"));
    assert_eq!(sink.take().len(), 3);
}

#[tokio::test]
async fn a_name_reaches_our_own_network_only_when_it_is_named() {
    let names = Names::of(&[
        ("inner.example", &[&["10.1.2.3"]]),
        ("meta.example", &[&["169.254.169.254"]]),
        ("mixed.example", &[&["93.184.216.34", "127.0.0.1"]]),
        ("mapped.example", &[&["::ffff:192.168.0.1"]]),
        ("here.example", &[&["127.0.0.1"]]),
    ]);
    let (sink, outside) = (Sink::start(|_| say(200, "ok")), Outside::by(names.clone()));
    for (name, at) in [
        ("inner.example", "10.1.2.3, a private address"),
        ("meta.example", "169.254.169.254, a link-local or metadata address"),
        ("mixed.example", "127.0.0.1, this machine"),
        ("mapped.example", "::ffff:192.168.0.1, a private address"),
        ("here.example", "127.0.0.1, this machine"),
    ] {
        let why = asked(&outside, &format!("https://{name}:{}/", sink.port), None).await.unwrap_err();
        assert!(why.contains(at), "{name}: {why}");
        assert_eq!(names.asked(), [name], "a name is looked up once");
        let other = asked(&outside, &format!("https://{name}:{}/", sink.port), Some("other.example")).await;
        assert!(other.unwrap_err().contains(at));
        names.asked();
    }
    assert!(sink.take().is_empty());
    // It is not TLS that this server speaks; that it was connected to shows in the error.
    let why = asked(&outside, &format!("https://here.example:{}/", sink.port), Some("here.example")).await.unwrap_err();
    assert!(!why.contains("its host is at"), "{why}");
}

#[tokio::test]
async fn a_name_that_changes_between_look_and_connection_wins_nothing() {
    // First an address of nobody's in the internet, then this machine: as who rebinds a name answers.
    let names = Names::of(&[("rebind.example", &[&["::ffff:0.0.0.0"], &["127.0.0.1"]])]);
    let (sink, outside) = (Sink::start(|_| say(200, "ok")), Outside::by(names.clone()));
    for _ in 0..3 {
        let why = asked(&outside, &format!("https://rebind.example:{}/", sink.port), None).await.unwrap_err();
        assert!(why.starts_with("its host is at "), "{why}");
    }
    assert_eq!(names.asked().len(), 3, "one look-up for each request, and what it found is what is connected to");
    assert!(sink.take().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed_not_even_to_a_host_that_is_named() {
    let (bed, other) = (Bed::new(), Sink::start(|_| say(204, "")));
    let to = other.url("/latest/meta-data/");
    let sink = Sink::start(move |_| Say::Answer(307, vec![("Location", to.clone())], String::new()));
    for way in ["slack", "teams", "webhook"] {
        let refusal = refusal(&bed.hook(way, &sink.url("/in")), &letter(vec![drifted("a-1")])).await;
        assert!(refusal.again == Again::Later && refusal.hint.contains("redirects are not followed"), "{refusal}");
    }
    assert_eq!((sink.take().len(), other.take().len()), (3, 0));
}

/// Runs one test of these in a process of its own, with a variable that tells it so.
fn apart(mut command: Command, test: &str, variables: &[(&str, &str)]) {
    let name = format!("channels::outside::{test}");
    command.arg(std::env::current_exe().unwrap()).args(["--exact", &name, "--nocapture"]);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

const PROXY: &str = "EVIDENCED_TEST_PROXY";

#[tokio::test]
async fn behind_a_proxy_what_this_machine_knows_of_a_host_is_checked() {
    if std::env::var(PROXY).is_err() {
        let proxy = Sink::start(|_| say(502, ""));
        let at = format!("http://proxy.example:{}", proxy.port);
        apart(
            Command::new(program("env")),
            "behind_a_proxy_what_this_machine_knows_of_a_host_is_checked",
            &[(PROXY, "1"), ("HTTPS_PROXY", &at)],
        );
        let asked: Vec<String> = proxy.take().into_iter().map(|got| format!("{} {}", got.method, got.target)).collect();
        assert_eq!(asked, ["CONNECT outer.example:443", "CONNECT unknown.example:443", "CONNECT named.example:443"]);
        return;
    }
    let names = Names::of(&[
        ("proxy.example", &[&["127.0.0.1"]]),
        ("outer.example", &[&["93.184.216.34"]]),
        ("inner.example", &[&["10.1.2.3"]]),
        ("named.example", &[&["10.1.2.3"]]),
    ]);
    let outside = Outside::by(names);
    for host in ["outer.example", "unknown.example"] {
        let why = asked(&outside, &format!("https://{host}/"), None).await.unwrap_err();
        assert!(!why.contains("its host is at"), "the proxy is asked, wherever it is: {why}");
    }
    for host in ["inner.example", "10.1.2.3", "169.254.169.254", "proxy.example"] {
        let why = asked(&outside, &format!("https://{host}/"), None).await.unwrap_err();
        assert!(why.contains("its host is at"), "{host}: {why}");
    }
    let why = asked(&outside, "https://named.example/", Some("named.example")).await.unwrap_err();
    assert!(!why.contains("its host is at"), "{why}");
}

const NAMESPACE: &str = "EVIDENCED_TEST_NAMESPACE";

/// In a network of its own, with its own server of names: the machine's real look-up, nothing of ours between.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_a_real_server_are_checked_as_the_machine_looks_them_up() {
    if let Ok(dir) = std::env::var(NAMESPACE) {
        return in_the_namespace(Path::new(&dir)).await;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("resolv.conf"), "nameserver 127.0.0.1\noptions attempts:1 timeout:2\n").unwrap();
    std::fs::write(dir.path().join("nsswitch.conf"), "hosts: dns\n").unwrap();
    let mut command = Command::new(program("unshare"));
    command.args(["--map-root-user", "--net", "--mount"]);
    apart(
        command,
        "names_of_a_real_server_are_checked_as_the_machine_looks_them_up",
        &[(NAMESPACE, &dir.path().display().to_string())],
    );
}

async fn in_the_namespace(dir: &Path) {
    let run = |name: &str, args: &[&str]| assert!(Command::new(program(name)).args(args).status().unwrap().success());
    run("ip", &["link", "set", "lo", "up"]);
    for file in ["resolv.conf", "nsswitch.conf"] {
        run("mount", &["--bind", &dir.join(file).display().to_string(), &format!("/etc/{file}")]);
    }
    let server = UdpSocket::bind("127.0.0.1:53").unwrap();
    let asked_names = Arc::new(Mutex::new(Vec::new()));
    let seen = asked_names.clone();
    std::thread::spawn(move || serve_names(&server, &seen));
    let (sink, outside) = (Sink::start(|_| say(200, "ok")), Outside::new());
    for (name, at) in [
        ("loop.test", "127.0.0.1, this machine"),
        ("inner.test", "10.9.8.7, a private address"),
        ("both.test", "127.0.0.1, this machine"),
    ] {
        let why = asked(&outside, &format!("https://{name}:{}/", sink.port), None).await.unwrap_err();
        assert!(why.contains(at), "{name}: {why}");
    }
    // The first answer is an address of the internet, to which there is no way from here; the second would be us.
    let why = asked(&outside, &format!("https://rebind.test:{}/", sink.port), None).await.unwrap_err();
    assert!(why.to_lowercase().contains("unreachable"), "{why}");
    let names = asked_names.lock().unwrap().clone();
    assert_eq!(names.iter().filter(|name| *name == "rebind.test").count(), 1, "{names:?}");
    assert!(sink.take().is_empty());
    let config: ChannelConfig =
        toml::from_str("way = 'slack'\nurl = { env = 'X' }\nprivate_host = 'loop.test'").unwrap();
    assert!(matches!(config, ChannelConfig::Slack(_)));
    let why = asked(&outside, &format!("https://loop.test:{}/", sink.port), Some("loop.test")).await.unwrap_err();
    assert!(!why.contains("its host is at"), "it is named: {why}");
}

/// Answers questions for IPv4 addresses of names under `test`; of others and of IPv6 there are none.
fn serve_names(server: &UdpSocket, asked: &Mutex<Vec<String>>) {
    let mut rebound = false;
    let mut packet = [0; 512];
    while let Ok((length, from)) = server.recv_from(&mut packet) {
        let question = &packet[12..length];
        let end = question.iter().position(|byte| *byte == 0).unwrap() + 5;
        let (mut name, mut at) = (Vec::new(), 0);
        while question[at] != 0 {
            let label = usize::from(question[at]);
            name.push(String::from_utf8(question[at + 1..=at + label].to_vec()).unwrap());
            at += label + 1;
        }
        let (name, wants_v4) = (name.join("."), question[end - 3] == 1);
        let addresses: &[[u8; 4]] = match name.as_str() {
            _ if !wants_v4 => &[],
            "loop.test" => &[[127, 0, 0, 1]],
            "inner.test" => &[[10, 9, 8, 7]],
            "both.test" => &[[93, 184, 216, 34], [127, 0, 0, 1]],
            "rebind.test" if rebound => &[[127, 0, 0, 1]],
            "rebind.test" => &[[93, 184, 216, 34]],
            _ => &[],
        };
        rebound |= name == "rebind.test" && wants_v4;
        if wants_v4 {
            asked.lock().unwrap().push(name);
        }
        let mut answer = packet[..2].to_vec();
        answer.extend([0x81, 0x80, 0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
        answer.extend(&question[..end]);
        for address in addresses {
            answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            answer.extend(address);
        }
        server.send_to(&answer, from).unwrap();
    }
}

#[test]
fn a_configuration_says_what_is_wrong_with_a_channel() {
    let base = "organization = 'Test'\norigin = 'test.example/x'\nstate_dir = 's'\n[channels.c]\n";
    let checked = |text: &str| {
        parse(Path::new("evidenced.toml"), &format!("{base}{text}")).map(drop).map_err(|error| error.to_string())
    };
    let secret = "{ env = 'X' }";
    for good in [
        format!("way = 'slack'\nurl = {secret}"),
        format!("way = 'teams'\nurl = {secret}\nprivate_host = '[::1]'"),
        format!("way = 'webhook'\nurl = {secret}\nsecret = {secret}\nprivate_host = 'hooks.acme.example'"),
        format!("way = 'pagerduty'\nrouting_key = {secret}\nurl = 'https://events.eu.pagerduty.com/v2/enqueue'"),
        format!("way = 'github_issue'\nrepository = 'acme/x'\ntoken = {secret}"),
        "way = 'stdout'".to_owned(),
        "way = 'email'\nhost = 'mail.example'\nfrom = 'e <e@acme.example>'\nto = ['a@acme.example']".to_owned(),
        "way = 'email'\nhost = '127.0.0.1'\ntls = 'none'\nfrom = 'e@acme.example'\nto = ['a@acme.example']".to_owned(),
    ] {
        assert_eq!(checked(&good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("way = 'slack'\nurl = 'https://hooks.slack.com/services/SECRET'".to_owned(), "a secret is never written into a configuration"),
        (format!("way = 'webhook'\nurl = {secret}"), "secret"),
        (format!("way = 'teams'\nurl = {secret}\nprivate_host = 'https://x/'"), "private_host"),
        (format!("way = 'pagerduty'\nrouting_key = {secret}\nurl = 'http://events.pagerduty.com/'"), "must be https"),
        (format!("way = 'pagerduty'\nrouting_key = {secret}\nurl = 'http://127.0.0.1/'"), "must be https"),
        (format!("way = 'github_issue'\nrepository = 'acme'\ntoken = {secret}"), "owner and name"),
        (format!("way = 'github_issue'\nrepository = 'acme/..'\ntoken = {secret}"), "owner and name"),
        (format!("way = 'github_issue'\nrepository = 'acme/x'\nlabel = 'a,b'\ntoken = {secret}"), "comma"),
        ("way = 'email'\nhost = 'mail.example'\ntls = 'none'\nfrom = 'e@acme.example'\nto = ['a@acme.example']".to_owned(), "readable on its way"),
        ("way = 'email'\nhost = 'mail.example'\nfrom = 'e@acme.example'\nto = []".to_owned(), "nobody"),
        ("way = 'email'\nhost = 'mail.example'\nfrom = \"e@acme.example\\r\\nBcc: x@evil.example\"\nto = ['a@acme.example']".to_owned(), "no address of mail"),
        ("way = 'email'\nhost = 'mail example'\nfrom = 'e@acme.example'\nto = ['a@acme.example']".to_owned(), "host"),
        ("way = 'stdout'\nformat = 'xml'".to_owned(), "unknown value"),
        ("way = 'carrier_pigeon'".to_owned(), "unknown value"),
        ("way = 'stdout'\nformt = 'json'".to_owned(), "did you mean `format`?"),
    ] {
        let said = checked(&bad).unwrap_err();
        assert!(said.contains(why) && !said.contains("SECRET"), "{bad}: {said}");
    }
}
