//! A proxy on the loopback: answers as the source answers, and one request otherwise. Which answer that is,
//! is `wire`'s and `data`'s; here are sockets, and the framing that is broken on purpose.
//!
//! Answers are asked for once and then kept, so that thousands of runs see the same source.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request, as far as it decides the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) body: String,
    /// `X-Amz-Target`.
    pub(crate) action: String,
    /// `If-None-Match`.
    condition: String,
    /// The access key that it is signed with, where it is: accounts ask alike.
    key: String,
    /// How many like requests came before it.
    pub(crate) nth: u32,
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What becomes of the request that is struck.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Another answer.
    Answer(Answer),
    /// Nothing comes.
    Silence,
    /// A byte now and then.
    Trickle,
    /// The head, and then the connection is closed.
    HeadOnly,
    /// Fewer bytes than the length says.
    Short,
    /// No length, and the connection is closed early.
    Unframed,
    /// Chunks without the last one.
    CutChunks,
    /// Chunks without end.
    Endless,
}

/// Where answers come from, and those that came.
pub(crate) struct Origin {
    /// `http://127.0.0.1:port`.
    url: String,
    /// Makes a request ask for shorter pages, so that small histories have many.
    shorter: fn(&str) -> String,
    answers: Mutex<HashMap<Asked, Answer>>,
}

/// A running proxy; it ends when dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    inside: Arc<Inside>,
}

struct Inside {
    origin: Arc<Origin>,
    url: String,
    /// Which request, how, and how often at most.
    fault: Option<(Asked, Fault, u32)>,
    seen: Mutex<Vec<Asked>>,
    struck: AtomicU32,
    stopped: AtomicBool,
}

impl Asked {
    fn of(message: &Message) -> Self {
        let mut words = message.first.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target) = (word(), word());
        let signed = message.header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
        Self {
            method,
            target,
            body: String::from_utf8_lossy(&message.body).into_owned(),
            action: message.header("x-amz-target").to_owned(),
            condition: message.header("if-none-match").to_owned(),
            key: signed.split('/').next().unwrap_or_default().to_owned(),
            nth: 0,
        }
    }

    fn like(&self, other: &Self) -> bool {
        self.method == other.method
            && self.target == other.target
            && self.body == other.body
            && self.action == other.action
            && self.condition == other.condition
            && self.key == other.key
    }

    /// Whether a fault of `self` meets `later`: the same request, and whatever asks for the same commit in
    /// another way, so that asking for less is no way round it.
    fn meets(&self, later: &Self, fault: &Fault) -> bool {
        if self.like(later) {
            return self.nth <= later.nth;
        }
        let commit = self.body.rsplit_once(":object(oid:\\\"").map(|(_, rest)| &rest[..40]);
        let answered = matches!(fault, Fault::Answer(answer) if answer.status == 200);
        !answered && commit.is_some_and(|commit| later.body.contains(":object(oid:\\\"") && later.body.contains(commit))
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// With one header in place of those of its name.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.without(name);
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(key, _)| key != name);
        other
    }

    pub(crate) fn saying(&self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.clone() }
    }

    fn head(&self, framing: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Sample\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        format!("{head}{framing}connection: close\r\n\r\n").into_bytes()
    }

    fn whole(&self) -> Vec<u8> {
        let bodiless = matches!(self.status, 204 | 304);
        let framing = if bodiless { String::new() } else { format!("content-length: {}\r\n", self.body.len()) };
        [self.head(&framing), self.body.clone()].concat()
    }

    /// The source's own addresses become the proxy's.
    fn at(&self, from: &str, to: &str) -> Self {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.replace(from, to))).collect();
        let body = match std::str::from_utf8(&self.body) {
            Ok(text) => text.replace(from, to).into_bytes(),
            Err(_) => self.body.clone(),
        };
        Self { status: self.status, headers, body }
    }
}

impl Origin {
    pub(crate) fn new(url: &str, shorter: fn(&str) -> String) -> Arc<Self> {
        Arc::new(Self { url: url.trim_end_matches('/').to_owned(), shorter, answers: Mutex::default() })
    }

    /// The answer that was kept, or the source's.
    fn answer(&self, asked: &Asked, message: &Message) -> io::Result<Answer> {
        if let Some(answer) = self.answers.lock().unwrap().get(asked) {
            return Ok(answer.clone());
        }
        let body = (self.shorter)(&asked.body);
        let mut request = format!("{} {} HTTP/1.1\r\n", asked.method, (self.shorter)(&asked.target));
        for (name, value) in message.headers.iter().filter(|(name, _)| name != "content-length") {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://"))?;
        stream.write_all(request.as_bytes())?;
        let answer = Message::read(&mut BufReader::new(stream))?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = answer.first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let framing = |name: &str| matches!(name, "content-length" | "transfer-encoding" | "connection");
        let headers = answer.headers.into_iter().filter(|(name, _)| !framing(name)).collect();
        let answer = Answer { status: status.ok_or(io::ErrorKind::InvalidData)?, headers, body: answer.body };
        self.answers.lock().unwrap().insert(asked.clone(), answer.clone());
        Ok(answer)
    }

    /// The answer to a request that a proxy saw.
    pub(crate) fn kept(&self, asked: &Asked) -> Answer {
        self.answers.lock().unwrap()[asked].clone()
    }
}

impl Proxy {
    /// Listens; with a fault, that one request is struck when it comes, so many times at most.
    pub(crate) fn start(origin: &Arc<Origin>, fault: Option<(Asked, Fault, u32)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, struck, stopped) = Default::default();
        let inside = Arc::new(Inside { origin: Arc::clone(origin), url: url.clone(), fault, seen, struck, stopped });
        let shared = Arc::clone(&inside);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(stream), inside) = (stream, Arc::clone(&shared)) else { continue };
                // A client that goes away in between is what some faults are about.
                std::thread::spawn(move || inside.serve(stream));
            }
        });
        Self { url, inside }
    }

    /// Requests so far, in their order.
    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.inside.seen.lock().unwrap().clone()
    }

    /// How often the fault was met.
    pub(crate) fn struck(&self) -> u32 {
        self.inside.struck.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.inside.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener; it is gone already, if this fails.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

impl Inside {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let Some(message) = Message::read(&mut BufReader::new(&stream))? else { return Ok(()) };
        let mut asked = Asked::of(&message);
        {
            let mut seen = self.seen.lock().unwrap();
            asked.nth = u32::try_from(seen.iter().filter(|one| one.like(&asked)).count()).unwrap_or(u32::MAX);
            seen.push(asked.clone());
        }
        let clean = self.origin.answer(&asked, &message)?.at(&self.origin.url, &self.url);
        match self.fault.as_ref().filter(|(struck, fault, _)| struck.meets(&asked, fault)) {
            Some((_, fault, times)) if self.struck.load(Ordering::Relaxed) < *times => {
                self.struck.fetch_add(1, Ordering::Relaxed);
                self.strike(&stream, fault, &clean)
            }
            _ => (&stream).write_all(&clean.whole()),
        }
    }

    fn strike(&self, mut stream: &TcpStream, fault: &Fault, clean: &Answer) -> io::Result<()> {
        let half = &clean.body[..clean.body.len() / 2];
        let stated = format!("content-length: {}\r\n", clean.body.len().max(1));
        let chunked = "transfer-encoding: chunked\r\n";
        let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        match fault {
            Fault::Answer(answer) => stream.write_all(&answer.at(&self.origin.url, &self.url).whole()),
            Fault::Silence => gone(stream, Duration::from_secs(60)).map(|_| ()),
            Fault::Trickle => {
                stream.write_all(&clean.head(&stated))?;
                for byte in &clean.body[..clean.body.len().saturating_sub(1)] {
                    stream.write_all(&[*byte])?;
                    if gone(stream, Duration::from_millis(100))? {
                        return Ok(());
                    }
                }
                // The last byte never comes.
                gone(stream, Duration::from_secs(60)).map(|_| ())
            }
            Fault::HeadOnly => stream.write_all(&clean.head(&stated)),
            Fault::Short => {
                stream.write_all(&clean.head(&format!("content-length: {}\r\n", clean.body.len() + 100)))?;
                stream.write_all(&clean.body)
            }
            Fault::Unframed => {
                stream.write_all(&clean.head(""))?;
                stream.write_all(half)
            }
            Fault::CutChunks => {
                stream.write_all(&clean.head(chunked))?;
                stream.write_all(&chunk(if clean.body.is_empty() { b" " } else { &clean.body }))
            }
            Fault::Endless => {
                stream.write_all(&clean.head(chunked))?;
                let chunk = chunk(&[b' '; 64 << 10]);
                // The client hangs up at its limit.
                for _ in 0..1_000 {
                    stream.write_all(&chunk)?;
                }
                Ok(())
            }
        }
    }
}

/// Whether the client hangs up within the time.
fn gone(mut stream: &TcpStream, within: Duration) -> io::Result<bool> {
    stream.set_read_timeout(Some(within))?;
    match stream.read(&mut [0; 64]) {
        Ok(read) => Ok(read == 0),
        Err(error) => Ok(!matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)),
    }
}

/// One HTTP/1.1 message.
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    /// `None`: the other side had nothing to say.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = || {
            let mut text = String::new();
            from.read_line(&mut text).map(|_| text.trim_end().to_owned())
        };
        let first = line()?;
        let mut headers = Vec::new();
        loop {
            let text = line()?;
            let Some((name, value)) = text.split_once(':') else { break };
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Self { first, headers, body: Vec::new() };
        if message.first.is_empty() {
            return Ok(None);
        }
        let length = message.header("content-length").parse().unwrap_or(0);
        message.body = vec![0; length];
        from.read_exact(&mut message.body)?;
        Ok(Some(message))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
}
