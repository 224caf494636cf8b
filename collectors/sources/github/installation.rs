//! What an App was installed on: which account, and whether all of its repositories. Tokens have no such thing.

use super::client::{Client, METADATA};
use super::settings::same;
use crate::contract::{CollectError, Unread};
use serde::Deserialize;

/// What GitHub says of the installation.
#[derive(Deserialize)]
pub(super) struct Installation {
    total_count: u64,
    /// `all`, or `selected`.
    repository_selection: Option<String>,
    repositories: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    login: String,
}

/// Asks; nothing, where no App signs in.
pub(super) async fn read(client: &Client) -> Result<Option<Installation>, CollectError> {
    if !client.is_app {
        return Ok(None);
    }
    let what = "installation of the App: its repositories";
    // One is enough to see whose they are: an installation has one account.
    let answer = client.get(what, "/installation/repositories?per_page=1", None).await?;
    answer.json(what, METADATA).map(Some)
}

impl Installation {
    /// How many repositories an organisation has, if the App may see all of them, also those that are made later.
    pub(super) fn total(&self, login: &str) -> Result<u64, Unread> {
        let unread = |why: String, hint: &str| Unread {
            what: format!("organisation {login}: list of repositories"),
            why,
            permission: Some(METADATA.to_owned()),
            hint: Some(hint.to_owned()),
        };
        match self.repository_selection.as_deref() {
            Some("all") => {}
            said => {
                let why = format!(
                    "the App does not see all repositories (repository_selection: {}): one that nobody selected, or \
                     that is made later, would not be missed",
                    said.unwrap_or("not stated")
                );
                let hint = "let the App have all repositories (Settings, GitHub Apps, Configure, Repository access), or \
                            list the repositories in repositories instead of organizations";
                return Err(unread(why, hint));
            }
        }
        match self.repositories.first() {
            Some(repository) if same(&repository.owner.login, login) => Ok(self.total_count),
            other => {
                let on = other.map_or("an account without repositories", |repository| &repository.owner.login);
                let why =
                    format!("the App's installation is on {on}, and shows public repositories alone of any other");
                let hint = "write a collector for the organisation with the installation_id that the App has there";
                Err(unread(why, hint))
            }
        }
    }
}
