//! Answers that are broken, too large, too slow, or not for us.

use super::*;
use crate::door::Network;
use std::io::BufRead;

fn once() -> Limits {
    Limits { attempts_max: 1, ..Limits::default() }
}

/// What one attempt at one answer brings, live and on replay; it is recorded either way.
async fn one(limits: Limits, reply: Vec<u8>) -> Seen {
    let server = Server::script(vec![reply]);
    let (source, url) = (server.source(), server.url("/things"));
    let (seen, exchanges) = both(&year(), limits, async |door| ask(door, &source, get(&url)).await).await;
    assert_eq!(exchanges.len(), 1);
    assert_eq!(exchanges[0].head.response.as_ref().err(), seen.as_ref().err());
    assert_eq!(server.seen().len(), 1, "the replay asks nobody");
    seen
}

fn chunked(rest: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}").into_bytes()
}

#[tokio::test]
async fn an_answer_comes_as_sent_and_is_recorded_without_credentials() {
    let server = Server::script(vec![answer(200, &[("etag", "\"1\""), ("set-cookie", "a=canary-1")], "[1]")]);
    let (source, url) = (server.source(), server.url("/things?page=2"));
    let request = || {
        http::Request::post(&url)
            .header("accept", "application/json")
            .header("authorization", "Bearer canary-2")
            .header("cookie", "canary-3")
            .header("x-amz-security-token", "canary-4")
            .header("x-amz-date", "20260101T000000Z")
            .header("accept-encoding", "gzip")
            .body(Bytes::from_static(b"{}"))
            .unwrap()
    };
    let (seen, exchanges) = both(&year(), once(), async |door| ask(door, &source, request()).await).await;

    let (status, headers, body) = seen.unwrap();
    assert_eq!((status, body.as_str()), (200, "[1]"));
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-length", "etag"]);
    let head = &exchanges[0].head;
    assert_eq!(head.number, 1);
    assert_eq!(head.request.url, url);
    assert_eq!(head.request.headers, [("accept".to_owned(), "application/json".to_owned())]);
    assert_eq!(head.request.body, crate::door::RequestBody::Text("{}".to_owned()));
    assert!(!format!("{exchanges:?}").contains("canary"));

    let sent = &server.seen()[0];
    assert!(sent.contains("authorization: Bearer canary-2"), "{sent}");
    assert!(sent.contains("accept-encoding: identity\r\n") && !sent.contains("gzip"), "{sent}");
    assert!(sent.contains(concat!("user-agent: evidenced/", env!("CARGO_PKG_VERSION"))), "{sent}");
}

#[tokio::test]
async fn a_body_shorter_than_its_stated_length_is_cut_short() {
    let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[1]".to_vec();
    assert!(matches!(one(once(), reply).await, Err(Failure::CutShort(_))));
}

#[tokio::test]
async fn chunks_without_the_last_one_are_cut_short() {
    assert!(matches!(one(once(), chunked("3\r\n[1]\r\n")).await, Err(Failure::CutShort(_))));
    let whole = one(once(), chunked("3\r\n[1]\r\n0\r\n\r\n")).await.unwrap();
    assert_eq!(whole.2, "[1]");
}

#[tokio::test]
async fn an_answer_that_only_the_connection_ends_is_cut_short() {
    for reply in ["HTTP/1.1 200 OK\r\n\r\n[]", "HTTP/1.0 200 OK\r\n\r\n[]"] {
        assert!(matches!(one(once(), reply.into()).await, Err(Failure::CutShort(_))), "{reply}");
    }
}

#[tokio::test]
async fn an_answer_that_has_no_body_needs_no_length() {
    for status in [204, 304] {
        let reply = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n\r\n").into_bytes();
        assert_eq!(one(once(), reply).await, Ok((status, Vec::new(), String::new())));
    }
}

#[tokio::test]
async fn no_connection_and_a_reset_one_are_failures_of_the_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Url::parse(&format!("http://{free}/")).unwrap();
    let source = Source { name: "test".to_owned(), hosts: Hosts::Origin(nobody.clone()), strikes: Vec::new() };
    let (seen, _) = both(&year(), once(), async |door| ask(door, &source, get(nobody.as_str())).await).await;
    assert!(matches!(&seen, Err(Failure::Connection(why)) if why.contains("refused")), "{seen:?}");

    let server = Server::script(vec![answer(200, &[], "")]);
    let (source, url) = (server.source(), server.url("/reset"));
    let body = Bytes::from(vec![b'x'; 100_000]);
    let post = || http::Request::post(&url).body(body.clone()).unwrap();
    let (seen, _) = both(&year(), once(), async |door| ask(door, &source, post()).await).await;
    assert!(matches!(seen, Err(Failure::Connection(_))), "{seen:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_failure_of_the_connection() {
    let directory = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let mut command = std::process::Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(&directory);
        command
    };
    let made = openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout key.pem -out cert.pem").output();
    assert!(made.expect("openssl is missing; hint: install the openssl program").status.success());
    let mut server = openssl("s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem -www")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(server.stdout.take().unwrap());
    let accepts = lines.lines().map(Result::unwrap).find(|line| line.starts_with("ACCEPT")).unwrap();
    let base = Url::parse(&format!("https://{}/", accepts.trim_start_matches("ACCEPT "))).unwrap();

    let source = Source { name: "test".to_owned(), hosts: Hosts::Origin(base.clone()), strikes: Vec::new() };
    let (seen, _) = both(&year(), once(), async |door| ask(door, &source, get(base.as_str())).await).await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(matches!(&seen, Err(Failure::Connection(why)) if why.contains("certificate")), "{seen:?}");
}

#[tokio::test]
async fn silence_and_a_trickle_end_at_the_deadline() {
    let limits = Limits { request_seconds_max: 1, ..once() };
    for begun in [String::new(), "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[1".to_owned()] {
        let server = Server::start(move |_, _| Reply::Silence(begun.clone().into_bytes()));
        let (source, url) = (server.source(), server.url("/"));
        let (seen, _) = both(&year(), limits, async |door| ask(door, &source, get(&url)).await).await;
        assert_eq!(seen, Err(Failure::TimedOut(1)));
    }
}

#[tokio::test]
async fn a_huge_answer_is_refused_by_its_stated_and_by_its_real_length() {
    let limits = Limits { body_bytes_max: 8, ..once() };
    let stated = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    assert_eq!(one(limits, stated).await, Err(Failure::TooLarge(8)));
    assert_eq!(one(limits, chunked("9\r\n123456789\r\n0\r\n\r\n")).await, Err(Failure::TooLarge(8)));
    assert_eq!(one(limits, answer(200, &[], "12345678")).await.unwrap().2, "12345678");
}

#[tokio::test]
async fn a_run_ends_at_its_limits_of_bytes_and_exchanges() {
    let server = Server::script(vec![answer(200, &[], "123456")]);
    let (source, url) = (server.source(), server.url("/"));
    for limits in [Limits { run_bytes_max: 12, ..once() }, Limits { exchanges_max: 2, ..once() }] {
        let (seen, exchanges) = both(&year(), limits, async |door| {
            let mut all = Vec::new();
            for _ in 0..3 {
                all.push(ask(door, &source, get(&url)).await);
            }
            all
        })
        .await;
        assert!(seen[0].is_ok() && seen[1].is_ok(), "{seen:?}");
        assert!(matches!(seen[2], Err(Failure::Limit(_))), "{seen:?}");
        assert_eq!(exchanges.len(), 3, "the refusal is on record");
    }
}

#[tokio::test]
async fn an_encoded_answer_is_refused() {
    let seen = one(once(), answer(200, &[("content-encoding", "gzip")], "not looked at")).await;
    assert!(matches!(&seen, Err(Failure::Refused(why)) if why.contains("gzip")), "{seen:?}");
    assert!(one(once(), answer(200, &[("content-encoding", "identity")], "[]")).await.is_ok());
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let other = Server::script(vec![answer(200, &[], "[]")]);
    let elsewhere = other.url("/there?signature=canary");
    let seen = one(once(), answer(302, &[("location", &elsewhere)], "")).await;
    assert!(
        matches!(&seen, Err(Failure::Refused(why)) if why.contains("/there") && !why.contains("canary")),
        "{seen:?}"
    );
    assert_eq!(other.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn another_host_port_or_scheme_is_refused_before_anything_is_sent() {
    let server = Server::script(vec![answer(200, &[], "[]")]);
    let (source, port) = (server.source(), server.base.port().unwrap());
    let amazon = Source { hosts: Hosts::Under("amazonaws.com".to_owned()), ..source.clone() };
    let refused = [
        (&source, format!("http://localhost:{port}/")),
        (&source, format!("http://127.0.0.1:{}/", port.wrapping_add(1))),
        (&source, format!("https://127.0.0.1:{port}/")),
        (&source, format!("http://user:password@127.0.0.1:{port}/")),
        (&source, format!("http://127.0.0.1:{port}@elsewhere.test/")),
        (&source, "/relative".to_owned()),
        (&amazon, "http://iam.amazonaws.com/".to_owned()),
        (&amazon, "https://iam.amazonaws.com:8443/".to_owned()),
        (&amazon, "https://amazonaws.com.elsewhere.test/".to_owned()),
        (&amazon, "https://notamazonaws.com/".to_owned()),
    ];
    for (source, url) in refused {
        let (seen, exchanges) = both(&year(), once(), async |door| ask(door, source, get(&url)).await).await;
        assert!(matches!(seen, Err(Failure::Refused(_))), "{url}: {seen:?}");
        assert_eq!(exchanges.len(), 1, "the refusal is on record");
        assert!(!exchanges[0].head.request.url.contains("user"), "and no user name");
    }
    assert_eq!(server.seen(), Vec::<String>::new());
    let iam = Url::parse("https://iam.amazonaws.com/").unwrap();
    assert_eq!(amazon.hosts.refuse(&iam), None);
}

#[tokio::test]
async fn a_replay_refuses_what_is_not_recorded_and_bodies_that_are_not_the_recorded_ones() {
    let server = Server::script(vec![answer(200, &[], "[1]")]);
    let (source, url) = (server.source(), server.url("/"));
    let live = Door::live(&Network::new(), year(), once());
    ask(&live, &source, get(&url)).await.unwrap();
    let mut exchanges = live.take_exchanges();

    let replay = Door::replay(exchanges.clone(), live.as_of(), once());
    assert_eq!(replay.unasked().len(), 1);
    for request in [get(&server.url("/?page=2")), http::Request::head(&url).body(Bytes::new()).unwrap()] {
        let seen = ask(&replay, &source, request).await;
        assert_eq!(seen, Err(Failure::Refused("not among the recorded exchanges".to_owned())));
    }
    let other = Source { name: "other".to_owned(), ..source.clone() };
    assert!(ask(&replay, &other, get(&url)).await.is_err(), "another source's view");
    assert!(ask(&replay, &source, get(&url)).await.is_ok());
    assert!(ask(&replay, &source, get(&url)).await.is_err(), "each exchange answers once");

    exchanges[0].body = Bytes::from_static(b"[2]");
    let forged = Door::replay(exchanges, live.as_of(), once());
    assert!(matches!(ask(&forged, &source, get(&url)).await, Err(Failure::Refused(_))));
    assert_eq!(server.seen().len(), 1, "the replay asks nobody");
}

#[tokio::test]
async fn a_replay_refuses_another_host_even_if_it_is_recorded() {
    let server = Server::script(vec![answer(200, &[], "[]")]);
    let url = server.url("/");
    let live = Door::live(&Network::new(), year(), once());
    ask(&live, &server.source(), get(&url)).await.unwrap();
    let strict = Source { hosts: Hosts::Under("github.test".to_owned()), ..server.source() };
    let replay = Door::replay(live.take_exchanges(), live.as_of(), once());
    assert!(matches!(ask(&replay, &strict, get(&url)).await, Err(Failure::Refused(_))));
}

#[tokio::test]
async fn the_summary_names_hosts_requests_scopes_and_the_source_clock() {
    let date = "Thu, 01 Jan 2026 00:02:00 GMT";
    let server = Server::script(vec![answer(200, &[("date", date), ("x-oauth-scopes", "repo, read:org")], "[]")]);
    let (source, clock) = (server.source(), year());
    let door = Door::live(&Network::new(), clock, once());
    for path in ["/repos/a/b/pulls/1/reviews", "/repos/a/b/pulls/22/reviews?page=2", "/graphql"] {
        ask(&door, &source, get(&server.url(path))).await.unwrap();
    }
    let ipe = door.ipe("test");
    let requests: Vec<_> = ipe.requests.iter().map(|r| (r.request.as_str(), r.count)).collect();
    assert_eq!(requests, [("GET /graphql", 1), ("GET /repos/a/b/pulls/{number}/reviews", 2)]);
    assert_eq!(ipe.hosts, [format!("127.0.0.1:{}", server.base.port().unwrap())]);
    assert_eq!(ipe.scopes, ["read:org", "repo"]);
    assert_eq!(ipe.clock_skew_ms, Some(120_000));
    assert_eq!((ipe.as_of, ipe.collected_at), (start_of_year(), start_of_year()));
    let other = door.ipe("other");
    assert_eq!((other.requests, other.clock_skew_ms), (Vec::new(), None));
}

#[tokio::test]
async fn the_source_clock_is_off_only_by_what_is_certain() {
    let off = [
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0),
        ("Wed, 31 Dec 2025 23:59:59 GMT", 0),
        ("Wed, 31 Dec 2025 23:59:58 GMT", -1000),
        ("Thu, 01 Jan 2026 00:00:01 GMT", 1000),
    ];
    for (date, skew) in off {
        let server = Server::script(vec![answer(200, &[("date", date)], "[]")]);
        let door = Door::live(&Network::new(), year(), once());
        ask(&door, &server.source(), get(&server.url("/"))).await.unwrap();
        assert_eq!(door.ipe("test").clock_skew_ms, Some(skew), "{date}");
    }
}

#[tokio::test]
async fn the_ticket_in_a_single_sign_on_header_is_left_out() {
    let header = "required; url=https://github.test/orgs/a/sso?authorization_request=canary";
    let seen = one(once(), answer(403, &[("x-github-sso", header)], "{}")).await.unwrap();
    let kept = ("x-github-sso".to_owned(), "required; url=https://github.test/orgs/a/sso".to_owned());
    assert!(seen.1.contains(&kept), "{seen:?}");
}
