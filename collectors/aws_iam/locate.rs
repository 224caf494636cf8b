//! Where the facts of a principal stand in AWS's answers. Decides nothing; what it does not recognise,
//! it does not find.

mod trust;

use crate::contract::{
    At, Fact, Found, Item, Locator, Principal, PrincipalDetail, PrincipalType, Protocol, Sealed, Stands,
};
use crate::contract::{found_head, found_json, pointer_step};
use crate::door::{Exchange, RequestBody};
use crate::sources::aws::xml::{Leaf, leaves};
use base64::Engine;
use serde_json::Value;
use std::collections::BTreeSet;

/// Root's row.
const ROOT: &str = "<root_account>";

/// For `Kind::locate`.
pub(super) fn locate<'a>(item: &'a Item<'a>, facts: &'a [Fact]) -> Locator<'a> {
    let Item::Principal(principal) = item else { return Box::new(|_| Vec::new()) };
    let mut search = Search {
        principal,
        facts,
        sources: BTreeSet::new(),
        arn: None,
        groups: BTreeSet::new(),
        attached: BTreeSet::new(),
    };
    Box::new(move |sealed| match sealed {
        Sealed::Run(run) => search.settings(run),
        Sealed::Exchange(exchange) => search.exchange(exchange),
    })
}

struct Search<'a> {
    principal: &'a Principal,
    facts: &'a [Fact],
    /// What the door calls the account.
    sources: BTreeSet<String>,
    /// The principal's own, once its row was seen.
    arn: Option<String>,
    /// Groups that the user is in, and managed policies attached to it or them, once these were seen.
    groups: BTreeSet<String>,
    attached: BTreeSet<String>,
}

/// The columns and the total that a fact rests on.
fn columns(fact: &Fact) -> Option<(&'static [&'static str], &'static str)> {
    match fact {
        Fact::Password => Some((&["password_enabled"], "AccountPasswordPresent")),
        Fact::Factor => Some((&["mfa_active"], "AccountMFAEnabled")),
        Fact::Keys => Some((&["access_key_1_active", "access_key_2_active"], "AccountAccessKeysPresent")),
        Fact::Certificates => Some((&["cert_1_active", "cert_2_active"], "AccountSigningCertificatesPresent")),
        _ => None,
    }
}

impl Search<'_> {
    fn root(&self) -> bool {
        matches!(self.principal.detail, PrincipalDetail::Root { .. })
    }

    fn principal_type(&self) -> Option<PrincipalType> {
        match self.principal.detail {
            PrincipalDetail::IamUser { principal_type, .. } => Some(principal_type),
            _ => None,
        }
    }

    fn wanted(&self, fact: &Fact) -> bool {
        self.facts.contains(fact)
    }

    /// What the configuration says: the register that names it, or an account's state.
    fn settings(&self, run: &Value) -> Vec<Found> {
        let mut found = self.trusted(run);
        if self.wanted(&Fact::UsedBy) {
            found.extend(self.register(run));
        }
        if self.wanted(&Fact::Account) {
            let accounts = run.pointer("/settings/accounts").and_then(Value::as_array);
            let named = |account: &Value| account.get("name").and_then(Value::as_str) == Some(&self.principal.name);
            let number = accounts.and_then(|accounts| accounts.iter().position(named));
            let at = number.map(|number| format!("/settings/accounts/{number}/suspended"));
            found.extend(at.and_then(|at| found_json(&Fact::Account, run, at)));
        }
        found
    }

    /// The first register that names the user; else that none does.
    fn register(&self, run: &Value) -> Vec<Found> {
        let person = format!("/settings/people/{}", pointer_step(&self.principal.name));
        if let Some(found) = found_json(&Fact::UsedBy, run, person) {
            return vec![found];
        }
        // Which entry matched depends on the path, which is in the report and not here: all of them are shown.
        let listed = self.principal_type() == Some(PrincipalType::Service);
        let mut found = Vec::new();
        for at in ["/settings/service_users", "/settings/service_paths"] {
            let Some(list) = run.pointer(at) else { continue };
            let stands = if listed { Stands::json(list) } else { Stands::without_it(Some(list)) };
            found.push(Found { fact: Fact::UsedBy, at: At::Pointer(at.to_owned()), stands });
        }
        if found.is_empty() {
            let stands = Stands::without_it(run.pointer("/settings"));
            found.push(Found { fact: Fact::UsedBy, at: At::Pointer("/settings".to_owned()), stands });
        }
        found
    }

    fn exchange(&mut self, exchange: &Exchange) -> Vec<Found> {
        let source = &exchange.head.request.source;
        if let Some(found) = self.organization(exchange) {
            return found;
        }
        if let PrincipalDetail::Account { read: false, .. } = self.principal.detail {
            let ours = *source == format!("aws:{}", self.principal.name);
            return if ours && self.wanted(&Fact::Account) { refused(exchange) } else { Vec::new() };
        }
        let action = action(exchange);
        let answered = exchange.head.response.as_ref().is_ok_and(|response| response.status == 200);
        let Some(text) = std::str::from_utf8(&exchange.body).ok().filter(|_| answered) else { return Vec::new() };
        let leaves = leaves(text);
        if action.as_deref() == Some("GetCallerIdentity") {
            if leaves.iter().any(|leaf| leaf.path.ends_with("/Account") && leaf.text == self.principal.account) {
                self.sources.insert(source.clone());
            }
            return Vec::new();
        }
        if !self.sources.contains(source) {
            return Vec::new();
        }
        match action.as_deref() {
            Some("GetCredentialReport") => self.report(&leaves),
            Some("GetAccountSummary") if self.root() => self.summary(&leaves),
            Some("ListVirtualMFADevices") => self.virtual_devices(&leaves),
            Some("ListMFADevices") => self.devices(exchange, &leaves),
            Some("ListSAMLProviders") => self.provider(Protocol::Saml, &leaves),
            Some("ListOpenIDConnectProviders") => self.provider(Protocol::Oidc, &leaves),
            Some("GetAccountAuthorizationDetails") if self.wanted(&Fact::DenyPolicy) => self.policies(&leaves),
            _ => Vec::new(),
        }
    }

    fn report(&mut self, leaves: &[Leaf]) -> Vec<Found> {
        let mut found = Vec::new();
        if let Some(leaf) = leaves.iter().find(|leaf| leaf.path.ends_with("/GeneratedTime")) {
            found.extend(self.element(&Fact::ReportTime, leaf));
        }
        let Some(content) = leaves.iter().find(|leaf| leaf.path.ends_with("/Content")) else { return found };
        let packed: String = content.text.split_whitespace().collect();
        let Ok(table) = base64::engine::general_purpose::STANDARD.decode(packed) else { return found };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(table.as_slice());
        let Ok(header) = reader.headers().cloned() else { return found };
        let place = |name: &str| header.iter().position(|cell| cell == name);
        let (Some(user), Some(arn)) = (place("user"), place("arn")) else { return found };
        let name = if self.root() { ROOT } else { &self.principal.name };
        for (number, row) in reader.records().enumerate() {
            let Ok(row) = row else { continue };
            if row.get(user) != Some(name) {
                continue;
            }
            self.arn = row.get(arn).map(str::to_owned);
            for fact in self.facts {
                for column in columns(fact).into_iter().flat_map(|(columns, _)| columns) {
                    let Some(cell) = place(column).and_then(|place| row.get(place)) else { continue };
                    let (element, column) = (content.path.clone(), (*column).to_owned());
                    let at = At::Cell { element, row: number as u64 + 2, column };
                    found.push(Found { fact: fact.clone(), at, stands: Stands::text(cell) });
                }
            }
        }
        found
    }

    /// AWS's totals, which speak of root.
    fn summary(&self, leaves: &[Leaf]) -> Vec<Found> {
        let mut found = Vec::new();
        for (key, value) in leaves.iter().zip(leaves.iter().skip(1)) {
            let pair = key.path.ends_with("/key") && value.path.ends_with("/value");
            let fact = self.facts.iter().find(|fact| columns(fact).is_some_and(|(_, total)| total == key.text));
            found.extend(fact.filter(|_| pair).and_then(|fact| self.element(fact, value)));
        }
        found
    }

    /// The assigned virtual device, or that this page has none of this principal.
    fn virtual_devices(&self, leaves: &[Leaf]) -> Vec<Found> {
        let Some(arn) = &self.arn else { return Vec::new() };
        let mine = |leaf: &&Leaf| leaf.path.ends_with("/User/Arn") && leaf.text == *arn;
        let found: Vec<Found> =
            leaves.iter().filter(mine).filter_map(|leaf| self.element(&Fact::Devices, leaf)).collect();
        if !found.is_empty() || !self.wanted(&Fact::Devices) {
            return found;
        }
        let of = leaves.iter().filter(|leaf| leaf.path.ends_with("/SerialNumber")).count();
        let at = At::Element("/ListVirtualMFADevicesResponse/ListVirtualMFADevicesResult/VirtualMFADevices".to_owned());
        vec![Found { fact: Fact::Devices, at, stands: Stands::WithoutIt(of as u64) }]
    }

    /// Devices of one user, asked for by name.
    fn devices(&self, exchange: &Exchange, leaves: &[Leaf]) -> Vec<Found> {
        if parameter(exchange, "UserName").as_deref() != Some(&self.principal.name) {
            return Vec::new();
        }
        let serials = leaves.iter().filter(|leaf| leaf.path.ends_with("/SerialNumber"));
        serials.filter_map(|leaf| self.element(&Fact::Devices, leaf)).collect()
    }

    fn element(&self, fact: &Fact, leaf: &Leaf) -> Option<Found> {
        let found = Found { fact: fact.clone(), at: At::Element(leaf.path.clone()), stands: Stands::text(&leaf.text) };
        self.wanted(fact).then_some(found)
    }
}

/// What an account answered in place of what it was asked for: AWS's own words, or the failure.
fn refused(exchange: &Exchange) -> Vec<Found> {
    if exchange.head.response.as_ref().is_ok_and(|response| response.status == 200) {
        return Vec::new();
    }
    let text = std::str::from_utf8(&exchange.body).unwrap_or_default();
    let said = leaves(text).into_iter().filter(|leaf| leaf.path.ends_with("/Code") || leaf.path.ends_with("/Message"));
    let mut found: Vec<Found> = said
        .map(|leaf| Found { fact: Fact::Account, at: At::Element(leaf.path), stands: Stands::text(&leaf.text) })
        .collect();
    if found.is_empty() {
        found.extend(found_head(&Fact::Account, exchange));
    }
    found
}

fn action(exchange: &Exchange) -> Option<String> {
    parameter(exchange, "Action")
}

fn parameter(exchange: &Exchange, name: &str) -> Option<String> {
    let RequestBody::Text(form) = &exchange.head.request.body else { return None };
    url::form_urlencoded::parse(form.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
