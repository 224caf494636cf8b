//! What GitHub tells of a credential: everything of an App, scopes of a classic token, nothing of a fine-grained one
//! but whether it answers.

use super::client::Client;
use super::permissions::{
    ADMINISTRATION, CONTENTS, DEPENDABOT_ALERTS, MEMBERS, METADATA, PULL_REQUESTS, key, name, scopes,
};
use super::settings::Organization;
use crate::contract::{Asking, Permission, Rights};
use crate::door::{Door, Exchange, GithubCredentials};
use std::collections::{BTreeMap, BTreeSet};

/// Where a fine-grained token can be tried.
pub(crate) struct Places {
    repository: Option<String>,
    organization: Option<String>,
}

impl Places {
    /// Of those in scope, the first.
    pub(crate) fn of(repository: Option<&str>, organizations: &[Organization]) -> Self {
        let owner = |repository: &str| repository.split('/').next().map(str::to_owned);
        let organization = organizations.first().map(|organization| organization.name.clone());
        let organization = organization.or_else(|| repository.and_then(owner));
        Self { repository: repository.map(str::to_owned), organization }
    }
}

/// What the credential may do.
pub(crate) async fn of(
    door: &Door,
    (api_url, credentials): (&str, &GithubCredentials),
    places: &Places,
    asking: &Asking<'_>,
) -> Rights {
    if let Some(granted) = door.granted() {
        return of_app(&granted, asking.needed);
    }
    if matches!(credentials, GithubCredentials::App { .. }) {
        let (found, fix) = ("GitHub gave no token, and so does not say what the App may do", "see what is not read");
        return Rights { unknown: vec![(found.to_owned(), fix.to_owned())], ..Rights::default() };
    }
    match header(asking.exchanges, "x-oauth-scopes") {
        Some(listed) => of_scopes(listed, asking.needed),
        None => of_fine_grained(door, (api_url, credentials), places, asking).await,
    }
}

fn header<'a>(exchanges: &'a [Exchange], name: &str) -> Option<&'a str> {
    exchanges.iter().find_map(|exchange| exchange.head.response.as_ref().ok()?.header(name))
}

/// By the installation's own list, which is all of it.
fn of_app(granted: &BTreeMap<String, String>, needed: &[Permission]) -> Rights {
    let mut rights = Rights::default();
    let wanted: BTreeMap<&str, &str> =
        needed.iter().filter_map(|permission| Some((key(permission.name)?, permission.name))).collect();
    for (key, name) in &wanted {
        if granted.contains_key(*key) {
            rights.has.insert((*name).to_owned());
        } else {
            rights.lacks.insert((*name).to_owned(), (*name).to_owned());
        }
    }
    for (key, level) in granted {
        match name(key) {
            Some(name) if level == "read" => {
                if !wanted.contains_key(key.as_str()) {
                    rights.more.insert(name.to_owned());
                }
            }
            _ => drop(rights.more.insert(format!("{key}: {level}"))),
        }
    }
    rights
}

fn of_scopes(listed: &str, needed: &[Permission]) -> Rights {
    let held: BTreeSet<&str> = listed.split(',').map(str::trim).filter(|scope| !scope.is_empty()).collect();
    let mut rights = Rights::default();
    for permission in needed {
        let any = scopes(permission.name);
        if any.iter().any(|scope| held.contains(scope)) {
            rights.has.insert(permission.name.to_owned());
        } else if let Some(least) = any.first() {
            rights.lacks.insert(permission.name.to_owned(), format!("the scope {least}"));
        }
    }
    let of_no_use = |scope: &&&str| !needed.iter().any(|permission| scopes(permission.name).contains(scope));
    let more = held.iter().filter(|scope| writes(scope) || of_no_use(scope));
    rights.more = more.map(|scope| format!("scope {scope}")).collect();
    rights
}

/// Whether a scope of a classic token lets it change something.
fn writes(scope: &str) -> bool {
    !(scope.starts_with("read:") || ["repo:status", "user:email"].contains(&scope))
}

/// By what it is answered, permission by permission.
async fn of_fine_grained(
    door: &Door,
    (api_url, credentials): (&str, &GithubCredentials),
    places: &Places,
    asking: &Asking<'_>,
) -> Rights {
    let mut rights = Rights { lacks: refused(asking), ..Rights::default() };
    let known = rights.lacks.clone();
    let untold: Vec<&Permission> = asking.untold.iter().filter(|p| !known.contains_key(p.name)).collect();
    if !untold.is_empty()
        && let Ok(client) = Client::new(door, api_url, credentials)
    {
        for permission in untold {
            if let Some(path) = places.path(permission.name) {
                let what = format!("GET {path}");
                match client.get(&what, &path, None).await {
                    Ok(answer) if answer.status.is_success() => drop(rights.has.insert(permission.name.to_owned())),
                    Ok(answer) if answer.status == http::StatusCode::FORBIDDEN => {
                        rights.lacks.insert(permission.name.to_owned(), permission.name.to_owned());
                    }
                    _ => {}
                }
            }
        }
    }
    let found = "GitHub does not tell what a fine-grained token may do beside what it is asked for";
    let fix = "compare its page on GitHub with `evidenced permissions github`; of an App GitHub tells all";
    rights.unknown.push((found.to_owned(), fix.to_owned()));
    rights
}

/// What refusals name: `x-accepted-github-permissions: contents=read; …` says what would have been enough.
fn refused(asking: &Asking<'_>) -> BTreeMap<String, String> {
    let answers = asking.exchanges.iter().filter_map(|exchange| exchange.head.response.as_ref().ok());
    let named = answers.filter(|answer| [403, 404].contains(&answer.status)).filter_map(|answer| {
        let first = answer.header("x-accepted-github-permissions")?.split(';').next()?;
        Some(first.split(',').filter_map(|one| name(one.split('=').next()?.trim())).collect::<Vec<_>>())
    });
    named.flatten().map(|name| (name.to_owned(), name.to_owned())).collect()
}

impl Places {
    /// The least that a permission is needed for.
    fn path(&self, permission: &str) -> Option<String> {
        let of = |rest: &str| self.repository.as_ref().map(|repository| format!("/repos/{repository}{rest}"));
        match permission {
            _ if permission == METADATA.name => of(""),
            _ if permission == CONTENTS.name => of("/commits?per_page=1"),
            _ if permission == PULL_REQUESTS.name => of("/pulls?per_page=1"),
            _ if permission == ADMINISTRATION.name => of("/rulesets/rule-suites?per_page=1"),
            _ if permission == DEPENDABOT_ALERTS.name => of("/dependabot/alerts?per_page=1"),
            _ if permission == MEMBERS.name => {
                self.organization.as_ref().map(|login| format!("/orgs/{login}/teams?per_page=1"))
            }
            _ => None,
        }
    }
}
