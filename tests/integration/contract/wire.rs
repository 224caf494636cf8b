//! Faults that any HTTP answer can have, whatever it says: statuses, framing, time, size, another host, and a
//! page of people's words where data should be.

use super::proxy::{Answer, Asked, Fault};
use std::io::Write;

/// Largest answer that the suite's runs take, bytes.
pub(crate) const BODY_BYTES_MAX: u64 = 512 << 10;

/// What is broken, by name: every request of every kind gets all of them.
pub(crate) fn faults(clean: &Answer) -> Vec<(&'static str, Fault)> {
    let refusal = |status: u16| {
        let xml = clean.header("content-type").is_some_and(|kind| kind.contains("xml"));
        let body = if xml {
            "<ErrorResponse><Error><Type>Sender</Type><Code>Injected</Code><Message>a fault</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>"
        } else {
            "{\"message\":\"a fault\"}"
        };
        Answer { status, ..clean.without("link").saying(body) }
    };
    let other = |answer: Answer| Fault::Answer(answer);
    let moved = Answer { status: 302, ..clean.with("location", "http://elsewhere.example/data").saying("") };
    let mut all = vec![
        ("401", other(refusal(401))),
        ("403", other(refusal(403))),
        ("404", other(refusal(404))),
        ("410", other(refusal(410))),
        ("429 with Retry-After", other(refusal(429).with("retry-after", "7"))),
        ("429", other(refusal(429))),
        ("500", other(refusal(500))),
        ("502", other(refusal(502))),
        ("503", other(refusal(503))),
        ("204 without a body", other(Answer { status: 204, ..clean.saying("") })),
        ("304 to whoever asks", other(Answer { status: 304, ..clean.saying("") })),
        ("nothing comes", Fault::Silence),
        ("a byte now and then", Fault::Trickle),
        ("closed after the head", Fault::HeadOnly),
        ("a length longer than the body", Fault::Short),
        ("cut where nothing shows the end", Fault::Unframed),
        ("chunks without the last one", Fault::CutChunks),
        ("chunks without end", Fault::Endless),
        ("a body over the limit", other(clean.saying(vec![b' '; BODY_BYTES_MAX as usize + 1]))),
        ("a gzip bomb", other(clean.with("content-encoding", "gzip").saying(bomb()))),
        ("a redirect to another host", other(moved)),
        ("cut in the middle, of the right length", other(clean.saying(&clean.body[..clean.body.len() / 2]))),
        ("cut before the last byte", other(clean.saying(&clean.body[..clean.body.len().saturating_sub(1)]))),
        ("no body", other(clean.saying(""))),
        ("a page to sign in", other(sign_in(clean))),
        ("null", other(clean.saying("null"))),
        ("an empty list", other(clean.without("link").saying(if clean.body.starts_with(b"[") { "{}" } else { "[]" }))),
    ];
    if clean.header("x-github-request-id").is_some() {
        let partial = clean.with("x-github-sso", "partial-results; organizations=21955855");
        all.push(("SSO is missing", other(partial)));
    }
    all
}

/// Whether the run must not wait longer than it has to.
pub(crate) fn slow(fault: &Fault) -> bool {
    matches!(fault, Fault::Silence | Fault::Trickle)
}

/// Faults of the link to the next page, where an answer has one. `earlier` is a page before it.
pub(crate) fn links(asked: &Asked, clean: &Answer, earlier: Option<(&Asked, &Answer)>) -> Vec<(String, Fault)> {
    let to = |target: &str| Fault::Answer(clean.with("link", &format!("<{target}>; rel=\"next\"")));
    let mut all = Vec::new();
    if clean.header("link").is_some() {
        all.push(("page: the next one is itself".to_owned(), to(&asked.target)));
        all.push(("page: the next one is on another host".to_owned(), to("http://elsewhere.example/data?page=2")));
        all.push(("page: it names no next one".to_owned(), Fault::Answer(clean.without("link"))));
    }
    if let Some((first, before)) = earlier {
        all.push(("page: the next one is an earlier one".to_owned(), to(&first.target)));
        all.push(("page: repeated".to_owned(), Fault::Answer(clean.saying(before.body.clone()))));
    }
    all
}

fn sign_in(clean: &Answer) -> Answer {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form></form></body></html>";
    clean.without("link").with("content-type", "text/html").saying(page)
}

/// A megabyte in a kilobyte.
fn bomb() -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![0; 1 << 20]).unwrap();
    packed.finish().unwrap()
}
