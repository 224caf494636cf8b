//! A server on the loopback that keeps what it got and answers as it is told: well, badly, late or not at all.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request, as received.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// Answers: status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Answers nothing, until the other side has gone.
    Hang,
    /// Closes the connection.
    Close,
    /// Promises more than it sends.
    CutShort,
}

pub(crate) fn say(status: u16, body: &str) -> Say {
    Say::Answer(status, Vec::new(), body.to_owned())
}

type Answering = dyn FnMut(&Got) -> Say + Send;

pub(crate) struct Sink {
    pub(crate) port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    next: Arc<Mutex<VecDeque<Say>>>,
}

impl Sink {
    /// Answers so, unless told otherwise for the next ones.
    pub(crate) fn start(answering: impl FnMut(&Got) -> Say + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink = Self { port, got: Arc::default(), next: Arc::default() };
        let answering: Arc<Mutex<Box<Answering>>> = Arc::new(Mutex::new(Box::new(answering)));
        let (got, next) = (sink.got.clone(), sink.next.clone());
        // Ends with the test's process; a connection that breaks is the client's affair.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (got, next, answering) = (got.clone(), next.clone(), answering.clone());
                std::thread::spawn(move || drop(serve(&connection, &got, &next, &answering)));
            }
        });
        sink
    }

    /// The next requests are answered so, in that order.
    pub(crate) fn next(&self, says: impl IntoIterator<Item = Say>) {
        self.next.lock().unwrap().extend(says);
    }

    /// What came so far; leaves none behind.
    pub(crate) fn take(&self) -> Vec<Got> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn serve(
    connection: &TcpStream,
    got: &Mutex<Vec<Got>>,
    next: &Mutex<VecDeque<Say>>,
    answering: &Mutex<Box<Answering>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let Some(request) = read(&mut reader)? else { return Ok(()) };
    got.lock().unwrap().push(request.clone());
    let told = next.lock().unwrap().pop_front();
    let say = told.unwrap_or_else(|| answering.lock().unwrap()(&request));
    let mut out = connection;
    match say {
        Say::Answer(status, headers, body) => {
            write!(out, "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n", body.len())?;
            for (name, value) in headers {
                write!(out, "{name}: {value}\r\n")?;
            }
            write!(out, "\r\n{body}")
        }
        Say::Hang => reader.read_to_end(&mut Vec::new()).map(drop),
        Say::Close => Ok(()),
        Say::CutShort => write!(out, "HTTP/1.1 200 Said\r\nContent-Length: 100\r\n\r\nok"),
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Got>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Got { method, target, headers, body: String::new() };
    let mut body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    // Some of it is no text: what a time-stamp authority is asked, for one.
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(request))
}
