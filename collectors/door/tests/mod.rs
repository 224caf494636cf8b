//! Tests of the door against servers on the loopback that answer as badly as real ones do.
//!
//! Here: the server, and `both`, which runs a session live and on replay and compares them.

mod answers;
mod aws;
mod files;
mod github;
mod network;
mod retries;
mod secrets;
mod spellings;

use super::{Door, Exchange, ExchangeHead, Failure, Hosts, Limits, Network, Source};
use crate::contract::clock::{Clock, ManualClock};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use url::Url;

/// What the server does with one request.
enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes, then nothing, until the client goes.
    Silence(Vec<u8>),
}

/// A server that answers each request by a function of its place (from 0) and text. What is sent to
/// `/reset` is not read whole nor answered: closing a socket with unread input resets the connection.
struct Server {
    base: Url,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&mut stream);
                let place = log.lock().unwrap().len();
                log.lock().unwrap().push(request.clone());
                if request.starts_with("POST /reset") {
                    continue;
                }
                match answer(place, &request) {
                    Reply::Bytes(bytes) => drop(stream.write_all(&bytes)),
                    Reply::Silence(bytes) => {
                        drop(stream.write_all(&bytes));
                        drop(stream.read(&mut [0]));
                    }
                }
            }
        });
        Self { base, seen }
    }

    /// Gives these replies one after the other, the last one for ever.
    fn script(replies: Vec<Vec<u8>>) -> Self {
        Self::start(move |place, _| Reply::Bytes(replies[place.min(replies.len() - 1)].clone()))
    }

    fn source(&self) -> Source {
        Source { name: "test".to_owned(), hosts: Hosts::Origin(self.base.clone()), strikes: Vec::new() }
    }

    fn url(&self, path: &str) -> String {
        self.base.join(path).unwrap().to_string()
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            break;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    if head.starts_with("post /reset") {
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    drop(stream.read_exact(&mut body));
    bytes.extend(body);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer with a right content-length.
fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    format!("{text}\r\n{body}").into_bytes()
}

fn get(url: &str) -> http::Request<Bytes> {
    http::Request::get(url).body(Bytes::new()).unwrap()
}

fn start_of_year() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// What a caller sees of an answer.
type Seen = Result<(u16, Vec<(String, String)>, String), Failure>;

async fn ask(door: &Door, source: &Source, request: http::Request<Bytes>) -> Seen {
    let response = door.send(source, request).await?;
    let headers = response.headers().iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect();
    Ok((response.status().as_u16(), headers, String::from_utf8(response.body().to_vec()).unwrap()))
}

/// Runs a session live, then on replay of its records as they are sealed, and demands the same of both.
async fn both<T: PartialEq + Debug>(
    clock: &Arc<ManualClock>,
    limits: Limits,
    session: impl AsyncFn(&Door) -> T,
) -> (T, Vec<Exchange>) {
    let live = Door::live(&Network::new(), clock.clone(), limits);
    let result = session(&live).await;
    let ipe = live.ipe("test");
    let exchanges = live.take_exchanges();
    let ended = clock.now();

    let sealed = exchanges.iter().map(through_json).collect();
    let replay = Door::replay(sealed, live.as_of(), limits);
    assert_eq!(session(&replay).await, result, "the replay gives the same");
    assert_eq!(replay.unasked(), Vec::new(), "the replay asks for everything");
    assert_eq!(replay.ipe("test"), ipe);
    assert_eq!(replay.take_exchanges(), exchanges);
    assert_eq!(clock.now(), ended, "the replay does not wait");
    (result, exchanges)
}

fn through_json(exchange: &Exchange) -> Exchange {
    let head: ExchangeHead = serde_json::from_str(&serde_json::to_string(&exchange.head).unwrap()).unwrap();
    Exchange { head, body: exchange.body.clone() }
}

fn year() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(start_of_year()))
}
