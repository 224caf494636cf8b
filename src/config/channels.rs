//! `[channels.<name>]`: how people are told. When and of what is said elsewhere.

use crate::outside::{Address, host};
use evidenced_collectors::contract::SecretRef;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Host;

/// One channel, by its `way`.
///
/// Where a channel has `private_host`: a host that may be at an address of your own network, or this machine. Any
/// other is refused there, so that whoever can change an address cannot reach your network with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum ChannelConfig {
    /// An incoming webhook of Slack.
    Slack(Slack),
    /// A webhook of a workflow of Microsoft Teams.
    Teams(Teams),
    /// A webhook of your own, signed after Standard Webhooks.
    Webhook(Webhook),
    /// E-mail over SMTP.
    Email(Email),
    /// PagerDuty's Events API v2.
    Pagerduty(Pagerduty),
    /// An issue on GitHub for each subject.
    GithubIssue(GithubIssue),
    /// Standard output of the program.
    Stdout(Stdout),
}

/// `way = "slack"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// Where the webhook's address is to be found; whoever has it can post.
    pub url: SecretRef,
    /// See above; of use with a proxy of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_host: Option<String>,
}

/// `way = "teams"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// Where the address is to be found that the workflow "when a Teams webhook request is received" shows;
    /// whoever has it can post.
    pub url: SecretRef,
    /// See above; of use with a proxy of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_host: Option<String>,
}

/// `way = "webhook"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where the address is to be found.
    pub url: SecretRef,
    /// Where the key is to be found that each request is signed with: `whsec_` and 24 to 64 bytes in base64. For
    /// the time of a change there may be several, apart by spaces or lines: each signs.
    pub secret: SecretRef,
    /// See above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_host: Option<String>,
}

/// `way = "email"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The mail server; it may be in your own network.
    pub host: String,
    /// How the connection is encrypted. Default `starttls`.
    #[serde(default)]
    pub tls: MailTls,
    /// Default 587, with `implicit` 465, with `none` 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Who it is from: `evidenced <evidenced@acme.example>`.
    pub from: String,
    /// Who it goes to. If one of them is refused, the mail goes to none of them.
    pub to: Vec<String>,
    /// How to sign in, if the server wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<MailCredentials>,
    /// Certificates in PEM that the server's may lead to, beside those that this machine trusts; relative to this
    /// file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// Begins in the clear and must go over to TLS before anything is said.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// Not at all: to a mail server on this machine only.
    None,
}

/// How to sign in to a mail server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailCredentials {
    /// The user.
    pub user: String,
    /// Where the password is to be found.
    pub password: SecretRef,
}

/// `way = "pagerduty"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pagerduty {
    /// Where the integration key of the service is to be found.
    pub routing_key: SecretRef,
    /// Default `https://events.pagerduty.com/v2/enqueue`; accounts in Europe have
    /// `https://events.eu.pagerduty.com/v2/enqueue`.
    #[serde(default = "pagerduty_url")]
    pub url: String,
    /// See above; of use with a proxy of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_host: Option<String>,
}

/// `way = "github_issue"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GithubIssue {
    /// The repository, `acme/compliance`. Whoever can read it can read the alerts.
    pub repository: String,
    /// Where a token is to be found that may write the repository's issues.
    pub token: SecretRef,
    /// The label that our issues have, and that they are found by. Default `evidenced`.
    #[serde(default = "label")]
    pub label: String,
    /// Default `https://api.github.com/`; GitHub Enterprise Server has `https://HOST/api/v3/`.
    #[serde(default = "github_url")]
    pub api_url: String,
    /// See above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_host: Option<String>,
}

/// `way = "stdout"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stdout {
    /// Default `json`.
    #[serde(default)]
    pub format: StdoutFormat,
}

/// How alerts are written to standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StdoutFormat {
    /// One alert a line, for programs.
    #[default]
    Json,
    /// For people.
    Text,
}

type Checked = Result<(), (String, Option<String>)>;

fn wrong(what: impl Into<String>, hint: &str) -> Checked {
    Err((what.into(), Some(hint.to_owned())))
}

impl ChannelConfig {
    /// What is wrong with it, and what to write instead.
    pub(super) fn check(&self) -> Checked {
        let private = match self {
            Self::Slack(Slack { private_host, .. })
            | Self::Teams(Teams { private_host, .. })
            | Self::Webhook(Webhook { private_host, .. })
            | Self::Pagerduty(Pagerduty { private_host, .. })
            | Self::GithubIssue(GithubIssue { private_host, .. }) => private_host.as_deref(),
            Self::Email(_) | Self::Stdout(_) => None,
        };
        if let Some(Err(why)) = private.map(host) {
            return wrong(
                format!("private_host: {why}"),
                "a host alone, as it stands in the address: hooks.acme.example",
            );
        }
        match self {
            Self::Slack(_) | Self::Teams(_) | Self::Webhook(_) | Self::Stdout(_) => Ok(()),
            Self::Email(email) => email.check(),
            Self::Pagerduty(pagerduty) => match Address::outside(&pagerduty.url, private) {
                Ok(_) => Ok(()),
                Err(why) => wrong(format!("url: {why}"), "https://events.pagerduty.com/v2/enqueue"),
            },
            Self::GithubIssue(issue) => issue.check(private),
        }
    }
}

impl Email {
    fn check(&self) -> Checked {
        let Ok(server) = host(&self.host) else {
            return wrong("host: it is no name or address of a host", "mail.acme.example");
        };
        let loopback = match server {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        if self.tls == MailTls::None && !loopback {
            return wrong("tls: mail would be readable on its way", "`starttls` or `implicit`");
        }
        if self.to.is_empty() {
            return wrong("to: it goes to nobody", "name at least one address");
        }
        match self.to.iter().chain([&self.from]).find(|address| address.parse::<Mailbox>().is_err()) {
            Some(address) => wrong(format!("`{address}` is no address of mail"), "`Name <name@acme.example>`"),
            None => Ok(()),
        }
    }

    /// Where the server listens.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Implicit => 465,
            MailTls::None => 25,
        })
    }
}

impl GithubIssue {
    fn check(&self, private: Option<&str>) -> Checked {
        if let Err(why) = Address::outside(&self.api_url, private) {
            return wrong(format!("api_url: {why}"), "https://api.github.com/");
        }
        // GitHub takes a comma for the end of a label.
        if self.label.is_empty() || self.label.chars().count() > 50 || self.label.contains(',') {
            return wrong("label: cannot be one", "at most 50 characters, without a comma");
        }
        match self.owner_and_name() {
            Some(_) => Ok(()),
            None => wrong("repository: cannot name one", "owner and name: acme/compliance"),
        }
    }

    /// The parts of the repository's name.
    pub fn owner_and_name(&self) -> Option<(&str, &str)> {
        let plain = |part: &str| {
            let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
            !part.is_empty() && part.len() <= 100 && part != "." && part != ".." && part.bytes().all(plain)
        };
        self.repository.split_once('/').filter(|(owner, name)| plain(owner) && plain(name))
    }
}

fn pagerduty_url() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

fn github_url() -> String {
    "https://api.github.com/".to_owned()
}

fn label() -> String {
    "evidenced".to_owned()
}
