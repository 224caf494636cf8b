//! E-mail over SMTP with TLS: plain text in UTF-8, one mail for all alerts of a letter.
//!
//! The message's id is made of the alerts' keys, so that a mail which is sent again after a lost answer can be
//! told. Mails of one subject refer to one another. The server is named in the configuration and may be in our own
//! network; nothing else is asked.

use super::{secret, together};
use crate::config::{Email, MailTls};
use crate::notify::message::Letter;
use crate::notify::page::{Page, several, shown, thread};
use crate::notify::plain::plain;
use crate::notify::{PASSING, Refusal};
use crate::outside::strike;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// How long one step of the conversation may take, and all of it.
const STEP: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(90);

/// Largest text of one mail, bytes. No server that is in use takes less.
const TEXT_BYTES: usize = 200_000;

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

/// What of a mail depends on which alerts it holds.
struct Made {
    subject: String,
    text: String,
}

pub(super) async fn send(config: &Email, base: &Path, letter: &Letter, now: DateTime<Utc>) -> Result<(), Refusal> {
    let password = config.credentials.as_ref().map(|credentials| secret("its password", &credentials.password));
    let password = password.transpose()?;
    let smtp = smtp(config, base, password.as_ref())?;
    let hidden = hidden(config, password.as_ref());
    let make = |pages: &[Page]| Made {
        subject: format!("[evidenced] {}", several(pages)),
        text: plain(pages, letter.delayed.as_deref()),
    };
    let fits = |made: &Made| made.text.len() <= TEXT_BYTES;
    for (before, made) in together(letter, make, fits) {
        let mail = mail(config, letter, made, now).map_err(|why| Refusal::ours("the mail", why).after(before))?;
        let sent = tokio::time::timeout(ALL, smtp.send(mail)).await;
        let late = || Refusal::later(format!("no end of it within {} s", ALL.as_secs()), PASSING);
        let sent = sent.map_err(|_| late()).and_then(|sent| sent.map_err(|error| refused(&error, &hidden)));
        sent.map_err(|refusal| refusal.after(before))?;
    }
    Ok(())
}

/// The server's 5xx are its last word, unless it is about signing in, which is ours to mend.
fn refused(error: &lettre::transport::smtp::Error, hidden: &[String]) -> Refusal {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    let why = shown(&strike(text, hidden), 300);
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    match code.as_str() {
        "530" | "534" | "535" | "538" => Refusal::never(why, "are the credentials good?"),
        _ if error.is_permanent() => Refusal::never(why, "see what the server says about sender and recipients"),
        // The kind of the error is that of the connection.
        _ if why.contains("certificate") => {
            Refusal::later(why, "is its certificate for this host, and do we trust it (`root`)?")
        }
        _ => Refusal::later(why, PASSING),
    }
}

/// The password, and how it is said when signing in; a server's refusal may repeat it.
fn hidden(config: &Email, password: Option<&SecretString>) -> Vec<String> {
    let (Some(credentials), Some(password)) = (&config.credentials, password) else { return Vec::new() };
    let password = password.expose_secret();
    vec![STANDARD.encode(format!("\0{}\0{password}", credentials.user)), password.to_owned()]
}

fn smtp(config: &Email, base: &Path, password: Option<&SecretString>) -> Result<Smtp, Refusal> {
    let tls = |config: &Email| -> Result<TlsParameters, Refusal> {
        let mut tls = TlsParameters::builder(config.host.clone());
        if let Some(root) = &config.root {
            let path = base.join(root);
            let wrong = |why: String| Refusal::ours(&format!("its `root` ({})", path.display()), why);
            let pem = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
            let root = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
            tls = tls.add_root_certificate(root);
        }
        tls.build_rustls().map_err(|error| Refusal::ours("TLS", error))
    };
    let tls = match config.tls {
        MailTls::Starttls => Tls::Required(tls(config)?),
        MailTls::Implicit => Tls::Wrapper(tls(config)?),
        MailTls::None => Tls::None,
    };
    let mut smtp = Smtp::builder_dangerous(&config.host).port(config.port()).tls(tls).timeout(Some(STEP));
    if let (Some(credentials), Some(password)) = (&config.credentials, password) {
        smtp = smtp.credentials(Credentials::new(credentials.user.clone(), password.expose_secret().to_owned()));
    }
    Ok(smtp.build())
}

fn mail(config: &Email, letter: &Letter, made: Made, now: DateTime<Utc>) -> Result<Message, String> {
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|error| format!("{text}: {error}"));
    let from = mailbox(&config.from)?;
    let domain = from.email.domain().to_owned();
    let id = |name: &str| format!("<{name}@{domain}>");
    let keys = letter.alerts.iter().map(|(_, message)| message.key.as_str()).collect::<Vec<_>>().join("\n");
    // What is the second mail of a letter differs in its text.
    let own = hex::encode(Sha256::digest(format!("{keys}\n\n{}", made.text)));
    let mut mail = Message::builder().from(from).date(now.into()).subject(made.subject).message_id(Some(id(&own)));
    for to in &config.to {
        mail = mail.to(mailbox(to)?);
    }
    if let [(_, message)] = letter.alerts.as_slice() {
        mail = mail.references(id(&thread(message)));
    }
    // So that nobody's absence is answered to us (RFC 3834).
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    mail.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(made.text)
        .map_err(|error| error.to_string())
}
