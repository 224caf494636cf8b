//! The list of an organisation's repositories, page by page, and GitHub's own count of them. Decides
//! nothing about scope: that is each kind's.

use super::client::{Client, METADATA, malformed, stated};
use super::graphql;
use super::installation::{self, Installation};
use super::settings::{Organization, same};
use crate::contract::{CollectError, Reconciliation, Unread, Whole};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Pages read of one list in one run, of 100 repositories each.
const PAGES_MAX: u32 = 1_000;
/// What GitHub asks for here.
// Oldest first: a repository that is made meanwhile comes last, and moves no page.
const QUESTION: &str = "query($login:String!,$after:String,$order:RepositoryOrder){viewer{login} \
    rateLimit{cost remaining resetAt} organization(login:$login){login repositories(first:100,after:$after,\
    ownerAffiliations:[OWNER],orderBy:$order){totalCount pageInfo{hasNextPage endCursor} nodes{databaseId \
    nameWithOwner createdAt isArchived archivedAt isDisabled isEmpty isPrivate defaultBranchRef{name}}}}}";

/// One repository of the list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed {
    /// GitHub's number for it; the name may change.
    #[serde(rename = "databaseId")]
    pub id: u64,
    #[serde(rename = "nameWithOwner")]
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub is_archived: bool,
    #[serde(deserialize_with = "stated")]
    pub archived_at: Option<DateTime<Utc>>,
    pub is_disabled: bool,
    pub is_empty: bool,
    is_private: bool,
    #[serde(deserialize_with = "stated")]
    default_branch_ref: Option<Named>,
}

impl Listed {
    /// None where there is no commit, or where the branch is gone.
    pub(crate) fn default_branch(&self) -> Option<&str> {
        self.default_branch_ref.as_ref().map(|branch| branch.name.as_str())
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

#[derive(Deserialize)]
struct Answer {
    login: String,
    repositories: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    total_count: u64,
    page_info: PageInfo,
    nodes: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    #[serde(deserialize_with = "stated")]
    end_cursor: Option<String>,
}

/// The whole list. `unread` says where its numbers do not add up.
pub(crate) struct Listing {
    pub repositories: Vec<Listed>,
    /// Who asked.
    pub identity: String,
    pub whole: Vec<Whole>,
    pub totals: Vec<Reconciliation>,
    pub unread: Vec<Unread>,
    pub limitations: Vec<String>,
}

/// The lists that could be read, and what could not be.
#[derive(Default)]
pub(crate) struct Lists<'a> {
    pub lists: Vec<(&'a Organization, Listing)>,
    pub unread: Vec<Unread>,
}

/// Reads the lists of organisations; of an App, first what it was installed on. Fails as a whole only without
/// sign-in.
pub(crate) async fn read<'a>(client: &Client, organizations: &'a [Organization]) -> Result<Lists<'a>, CollectError> {
    let mut all = Lists::default();
    if organizations.is_empty() {
        return Ok(all);
    }
    let installation = match installation::read(client).await {
        Ok(installation) => installation,
        Err(refused @ CollectError::Unauthenticated { .. }) => return Err(refused),
        Err(error) => {
            all.unread.extend(error.unread());
            None
        }
    };
    for organization in organizations {
        match list(client, &organization.name, installation.as_ref()).await {
            Ok(listing) => all.lists.push((organization, listing)),
            Err(refused @ CollectError::Unauthenticated { .. }) => return Err(refused),
            Err(error) => all.unread.extend(error.unread()),
        }
    }
    Ok(all)
}

/// Reads the list to its last page, one request per 100 repositories, and the count with one more.
async fn list(client: &Client, login: &str, installation: Option<&Installation>) -> Result<Listing, CollectError> {
    let what = format!("organisation {login}: list of repositories");
    let (mut repositories, mut cursors, mut pages) = (Vec::new(), BTreeSet::new(), 0);
    let mut after = None;
    let (identity, total) = loop {
        let (identity, page) = page(client, &what, login, after.as_deref()).await?;
        pages += 1;
        repositories.extend(page.nodes);
        after = match (page.page_info.has_next_page, page.page_info.end_cursor) {
            (false, _) => break (identity, page.total_count),
            (true, None) => return Err(malformed(&what, "a further page is stated, but not where".to_owned())),
            (true, Some(cursor)) if !cursors.insert(cursor.clone()) => {
                return Err(malformed(&what, "a page names itself or an earlier one as the next".to_owned()));
            }
            (true, cursor) => cursor,
        };
        if pages == PAGES_MAX {
            return Err(CollectError::Limit { what, why: format!("more than {PAGES_MAX} pages") });
        }
    };
    check(&what, login, &repositories)?;
    let mut listing = Listing {
        whole: vec![Whole::last_page(&what, pages)],
        identity,
        repositories,
        totals: Vec::new(),
        unread: Vec::new(),
        limitations: Vec::new(),
    };
    listing.compare(what, listing.repositories.len() as u64, "the list's own total", total);
    count(client, login, installation, &mut listing).await?;
    Ok(listing)
}

async fn page(client: &Client, what: &str, login: &str, after: Option<&str>) -> Result<(String, Page), CollectError> {
    let order = json!({ "field": "CREATED_AT", "direction": "ASC" });
    let variables = json!({ "login": login, "after": after, "order": order });
    let mut data = graphql::whole_answer(client, what, QUESTION, variables, METADATA).await?;
    let mut field = |name: &str| data.get_mut(name).map_or(Value::Null, Value::take);
    let wrong = |error: serde_json::Error| malformed(what, error.to_string());
    let identity: Login = serde_json::from_value(field("viewer")).map_err(wrong)?;
    let answer: Answer = serde_json::from_value(field("organization")).map_err(wrong)?;
    if !same(&answer.login, login) {
        return Err(malformed(what, format!("the answer is about {}", answer.login)));
    }
    Ok((identity.login, answer.repositories))
}

fn check(what: &str, login: &str, repositories: &[Listed]) -> Result<(), CollectError> {
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for repository in repositories {
        if !repository.name.split_once('/').is_some_and(|(owner, name)| same(owner, login) && !name.is_empty()) {
            return Err(malformed(what, format!("{} is not one of its repositories", repository.name)));
        }
        if !ids.insert(repository.id) || !names.insert(repository.name.to_ascii_lowercase()) {
            return Err(malformed(what, format!("{} is listed twice", repository.name)));
        }
    }
    Ok(())
}

/// Compares with the number that the organisation itself has, as far as the acting identity is told; an App is told
/// how many its installation has.
async fn count(
    client: &Client,
    login: &str,
    installation: Option<&Installation>,
    listing: &mut Listing,
) -> Result<(), CollectError> {
    #[derive(Deserialize)]
    struct Counts {
        public_repos: u64,
        total_private_repos: Option<u64>,
    }
    let what = format!("organisation {login}: count of repositories");
    let path = format!("/orgs/{login}");
    let counts: Counts = client.get(&what, &path, None).await?.json(&what, METADATA)?;
    let held = listing.repositories.len() as u64;
    let all = format!("organisation {login}: repositories");
    match installation.map(|installation| installation.total(login)) {
        Some(Ok(total)) => listing.compare(all.clone(), held, "the count of the App's installation", total),
        Some(Err(unread)) => listing.unread.push(unread),
        None => {}
    }
    if let Some(private) = counts.total_private_repos {
        let stated = counts.public_repos.saturating_add(private);
        listing.compare(all, held, "the organisation's own count", stated);
        return Ok(());
    }
    let held = listing.repositories.iter().filter(|repository| !repository.is_private).count() as u64;
    let what = format!("organisation {login}: public repositories");
    listing.compare(what, held, "the organisation's own count", counts.public_repos);
    if installation.is_some() {
        return Ok(());
    }
    listing.limitations.push(format!(
        "{login}: the list of repositories is what the acting identity may see; how many private ones there are is \
         not known, so one that it may not see would not be missed (GitHub tells only an organisation's owner: \
         organisation owner, with admin:org for a classic token)"
    ));
    Ok(())
}

impl Listing {
    fn compare(&mut self, what: String, held: u64, against: &str, stated: u64) {
        match Whole::total(what, held, against, stated) {
            Ok((whole, both)) => {
                self.whole.push(whole);
                self.totals.push(both);
            }
            Err(unread) => {
                let hint = "give the acting identity access to all repositories of the organisation; a repository \
                            made or deleted during the run is settled by the next one";
                self.unread.push(Unread {
                    hint: Some(hint.to_owned()),
                    permission: Some(METADATA.to_owned()),
                    ..unread
                });
            }
        }
    }
}
