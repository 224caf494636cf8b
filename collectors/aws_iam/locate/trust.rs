//! Where it stands which providers an account trusts, what the settings say of them, which accounts an
//! organisation lists, and which policies a user has.

use super::Search;
use crate::contract::{At, Fact, Found, PrincipalDetail, Protocol, Stands, found_json};
use crate::door::Exchange;
use crate::sources::aws::organization::SOURCE;
use crate::sources::aws::xml::Leaf;
use serde_json::Value;

impl Search<'_> {
    /// What the settings say of providers and the directory, or that they say nothing.
    pub(super) fn trusted(&self, run: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        let center = run.pointer("/settings/identity_center");
        if self.wanted(&Fact::Directory) {
            found.push(self.said_or_not(&Fact::Directory, run, "/settings/identity_center"));
        }
        if self.wanted(&Fact::ProviderRegister) {
            const LINES: &str = "/settings/identity_providers";
            let of_center = center.and_then(|center| center.get("provider")).and_then(Value::as_str);
            let lines = run.pointer(LINES).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let ours = |line: &Value| {
                let name = line.get("provider").and_then(Value::as_str).map(str::trim);
                name.is_some_and(|name| match self.principal.detail {
                    PrincipalDetail::IdentityCenter { .. } => Some(name) == of_center,
                    _ => self.is_named(name),
                })
            };
            let numbers = lines.iter().enumerate().filter(|(_, line)| ours(line)).map(|(number, _)| number);
            let places = numbers.map(|number| format!("{LINES}/{number}"));
            let said: Vec<Found> = places.filter_map(|at| found_json(&Fact::ProviderRegister, run, at)).collect();
            if said.is_empty() {
                let at = if run.pointer(LINES).is_some() { LINES } else { "/settings" };
                let (at, stands) = (At::Pointer(at.to_owned()), Stands::without_it(run.pointer(at)));
                found.push(Found { fact: Fact::ProviderRegister, at, stands });
            }
            found.extend(said);
        }
        // Without the setting nobody asked.
        let asked = run.pointer("/settings/mfa_deny_policies") == Some(&Value::Bool(true));
        if self.wanted(&Fact::DenyPolicy) && !asked {
            found.push(self.said_or_not(&Fact::DenyPolicy, run, "/settings/mfa_deny_policies"));
        }
        found
    }

    fn said_or_not(&self, fact: &Fact, run: &Value, at: &str) -> Found {
        found_json(fact, run, at.to_owned()).unwrap_or_else(|| {
            let stands = Stands::without_it(run.pointer("/settings"));
            Found { fact: fact.clone(), at: At::Pointer("/settings".to_owned()), stands }
        })
    }

    /// With its account, or by the address of a provider of OpenID Connect.
    fn is_named(&self, line: &str) -> bool {
        let id = &self.principal.id;
        let key = id.split_once(':').map(|(_, key)| key).filter(|key| key.starts_with("oidc/"));
        line == id || key == Some(line)
    }

    /// The organisation's line of the account, or that it has none.
    pub(super) fn organization(&self, exchange: &Exchange) -> Option<Vec<Found>> {
        if exchange.head.request.source != SOURCE {
            return None;
        }
        let body: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
        let is_account = matches!(self.principal.detail, PrincipalDetail::Account { .. });
        let Some(accounts) = body.get("Accounts").and_then(Value::as_array).filter(|_| is_account) else {
            return Some(Vec::new());
        };
        if !self.wanted(&Fact::Account) {
            return Some(Vec::new());
        }
        let ours = |account: &Value| account.get("Id").and_then(Value::as_str) == Some(&self.principal.account);
        let line = accounts.iter().position(ours);
        Some(line.and_then(|line| found_json(&Fact::Account, &body, format!("/Accounts/{line}"))).into_iter().collect())
    }

    /// The provider's line in the account's list.
    pub(super) fn provider(&self, protocol: Protocol, leaves: &[Leaf]) -> Vec<Found> {
        let kind = match protocol {
            Protocol::Saml => "saml-provider",
            Protocol::Oidc => "oidc-provider",
        };
        let ours = match self.principal.detail {
            PrincipalDetail::IdentityProvider { protocol: own, .. } => own == protocol,
            PrincipalDetail::IdentityCenter { .. } => protocol == Protocol::Saml,
            _ => false,
        };
        let arn = format!("::{}:{kind}/{}", self.principal.account, self.principal.name);
        let rows = leaves.iter().filter(|leaf| ours && leaf.path.ends_with("/Arn") && leaf.text.ends_with(&arn));
        rows.filter_map(|leaf| self.element(&Fact::Provider, leaf)).collect()
    }

    /// What the user has of policies, by itself, by its groups, and as managed policies in force. Documents
    /// before names, for few places are shown.
    pub(super) fn policies(&mut self, leaves: &[Leaf]) -> Vec<Found> {
        let users = members(leaves, "/UserDetailList/member[");
        let groups = members(leaves, "/GroupDetailList/member[");
        let managed = members(leaves, "/Policies/member[");
        let (mut documents, mut names) = (Vec::new(), Vec::new());
        for user in users.iter().filter(|user| value(user, "/UserName") == Some(&self.principal.name)) {
            names.extend(user.iter().filter(|leaf| leaf.path.ends_with("/UserName")));
            names.extend(
                user.iter().filter(|leaf| leaf.path.contains("/GroupList/") || leaf.path.ends_with("/PolicyArn")),
            );
            documents.extend(user.iter().filter(|leaf| leaf.path.ends_with("/PolicyDocument")));
            let of_groups = user.iter().filter(|leaf| leaf.path.contains("/GroupList/"));
            self.groups.extend(of_groups.map(|leaf| leaf.text.clone()));
            self.attached.extend(attached(user));
        }
        for group in groups.iter().filter(|group| value(group, "/GroupName").is_some_and(|g| self.groups.contains(g))) {
            documents.extend(group.iter().filter(|leaf| leaf.path.ends_with("/PolicyDocument")));
            self.attached.extend(attached(group));
        }
        for policy in managed.iter().filter(|policy| value(policy, "/Arn").is_some_and(|a| self.attached.contains(a))) {
            let in_force = policy.iter().filter(|leaf| leaf.path.ends_with("/IsDefaultVersion") && leaf.text == "true");
            for version in in_force.filter_map(|leaf| leaf.path.rsplit_once('/')) {
                let document = format!("{}/Document", version.0);
                documents.extend(policy.iter().filter(|leaf| leaf.path == document));
            }
        }
        documents.into_iter().chain(names).filter_map(|leaf| self.element(&Fact::DenyPolicy, leaf)).collect()
    }
}

/// Leaves by the member that they are in.
fn members<'l>(leaves: &'l [Leaf], list: &str) -> Vec<Vec<&'l Leaf>> {
    let mut members: Vec<(&str, Vec<&Leaf>)> = Vec::new();
    for leaf in leaves {
        let Some(start) = leaf.path.find(list).map(|at| at + list.len()) else { continue };
        let Some(end) = leaf.path[start..].find(']') else { continue };
        let number = &leaf.path[..start + end];
        match members.last_mut() {
            Some((last, of_it)) if *last == number => of_it.push(leaf),
            _ => members.push((number, vec![leaf])),
        }
    }
    members.into_iter().map(|(_, leaves)| leaves).collect()
}

fn value<'l>(member: &[&'l Leaf], name: &str) -> Option<&'l String> {
    member.iter().find(|leaf| leaf.path.ends_with(name)).map(|leaf| &leaf.text)
}

fn attached(member: &[&Leaf]) -> Vec<String> {
    member.iter().filter(|leaf| leaf.path.ends_with("/PolicyArn")).map(|leaf| leaf.text.clone()).collect()
}
