//! What the sandbox answers beside users and their report: identity providers, policies, and the
//! organisation's accounts.

use super::{Answer, Asking, escaped, time};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::json;

/// The organisation's answers come in pages of so many at most.
const ACCOUNTS_PAGE: usize = 20;

impl Asking<'_> {
    pub(super) fn saml_providers(&self) -> String {
        let number = &self.account.number;
        let member = |(name, made): &(String, DateTime<Utc>)| {
            format!(
                "<member><Arn>arn:aws:iam::{number}:saml-provider/{}</Arn><ValidUntil>2099-01-01T00:00:00Z</ValidUntil>\
                 <CreateDate>{}</CreateDate></member>",
                escaped(name),
                time(*made)
            )
        };
        let members: String = self.account.saml_providers.iter().map(member).collect();
        format!("<SAMLProviderList>{members}</SAMLProviderList>")
    }

    pub(super) fn oidc_providers(&self) -> String {
        let number = &self.account.number;
        let member = |name: &String| {
            format!("<member><Arn>arn:aws:iam::{number}:oidc-provider/{}</Arn></member>", escaped(name))
        };
        let members: String = self.account.oidc_providers.iter().map(member).collect();
        format!("<OpenIDConnectProviderList>{members}</OpenIDConnectProviderList>")
    }

    /// Users with their own policies; this company has no groups and no managed policies.
    pub(super) fn authorization_details(&self) -> Answer {
        let number = &self.account.number;
        let members = self.account.users_at(self.now).into_iter().map(|user| {
            let policies = self.account.policies.iter().filter(|(name, _)| name == user.name);
            let policies: String = policies.map(|(_, document)| {
                let document: String = document.bytes().map(|byte| format!("%{byte:02X}")).collect();
                format!("<member><PolicyName>own</PolicyName><PolicyDocument>{document}</PolicyDocument></member>")
            }).collect();
            format!(
                "<member><Path>{path}</Path><UserName>{name}</UserName><Arn>arn:aws:iam::{number}:user{path}{name}</Arn>\
                 <CreateDate>{created}</CreateDate><UserPolicyList>{policies}</UserPolicyList><GroupList></GroupList>\
                 <AttachedManagedPolicies></AttachedManagedPolicies></member>",
                path = user.spec.path,
                name = escaped(user.name),
                created = time(user.spec.created),
            )
        });
        let page = self.page("UserDetailList", members.collect())?;
        Ok(format!("<GroupDetailList></GroupDetailList><RoleDetailList></RoleDetailList><Policies></Policies>{page}"))
    }

    /// JSON, unlike the rest.
    pub(super) fn accounts(&self) -> Answer {
        let all: Vec<_> = self.inner.accounts.iter().map(|account| {
            let number = &account.number;
            let arn = format!("arn:aws:organizations::{}:account/o-sandbox/{number}", self.account.number);
            json!({ "Id": number, "Arn": arn, "Name": account.name, "State": account.state, "Status": account.status() })
        }).collect();
        let start = match self.params.get("NextToken") {
            None => 0,
            Some(token) => token.trim_start_matches("after-").parse().unwrap_or(usize::MAX),
        };
        if start > all.len() {
            return Err((
                StatusCode::BAD_REQUEST,
                "InvalidInputException",
                "You provided an invalid token.".to_owned(),
            ));
        }
        let end = (start + self.account.page_size.min(ACCOUNTS_PAGE)).min(all.len());
        let mut page = json!({ "Accounts": all[start..end] });
        if end < all.len() {
            page["NextToken"] = json!(format!("after-{end}"));
        }
        Ok(page.to_string())
    }
}
