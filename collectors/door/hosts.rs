//! Where requests of one source may go.

use url::{Host, Url};

/// Where requests of one source may go.
#[derive(Debug, Clone)]
pub enum Hosts {
    /// This scheme, host and port.
    Origin(Url),
    /// `https` to this domain and those under it (`amazonaws.com`).
    Under(String),
}

impl Hosts {
    /// Why a request may not go there, if it may not.
    pub(super) fn refuse(&self, url: &Url) -> Option<String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Some("the address carries a user name or password".to_owned());
        }
        let allowed = match self {
            Self::Origin(origin) => {
                matches!(url.scheme(), "http" | "https")
                    && url.scheme() == origin.scheme()
                    && url.host() == origin.host()
                    && url.port_or_known_default() == origin.port_or_known_default()
            }
            Self::Under(domain) => {
                url.scheme() == "https"
                    && url.port().is_none()
                    && matches!(url.host(), Some(Host::Domain(host)) if under(host, domain))
            }
        };
        (!allowed).then(|| {
            format!("{} is not a host of this source, which is {}", url.origin().ascii_serialization(), self.text())
        })
    }

    fn text(&self) -> String {
        match self {
            Self::Origin(origin) => origin.origin().ascii_serialization(),
            Self::Under(domain) => format!("https under {domain}"),
        }
    }
}

fn under(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}
