//! Dependabot alerts of repositories on GitHub that were open at some time of a window, and whether each repository
//! in scope has them at all.
//!
//! `settings` is what a user writes, `scope` which repositories there are, `alerts` what is asked of one, `memory`
//! what one run tells the next; `locate` finds an item's facts again in what was sealed. How soon an alert must be
//! mended is the judge's business.

mod alerts;
mod locate;
mod memory;
mod scope;
mod settings;

use crate::contract::{
    Asking, CollectError, Collector, Ipe, Items, Kind, Partial, Population, Reading, Remembers, Rights, Scanning, Task,
    Vulnerability, VulnerabilityDetail, carry,
};
use crate::door::Door;
use crate::sources::github::client::{API_VERSION, Client, SOURCE};
use crate::sources::github::permissions;
use crate::sources::github::rights::{self, Places};
use alerts::Read;
use memory::{Memory, RepositoryMemory};
use settings::Settings;

/// What `crate::KINDS` lists.
pub(crate) const KIND: Kind = Kind {
    name: "github_alerts",
    version: 2,
    about: "Dependabot alerts of repositories on GitHub, how they ended, and where there are none because nobody looks",
    reading: Reading::Window,
    keeps: false,
    permissions: &[permissions::METADATA, permissions::DEPENDABOT_ALERTS],
    needs: permissions::needs,
    build: |settings| Ok(Box::new(GithubAlerts { settings: Settings::parse(settings)? })),
    settings_schema: || schemars::schema_for!(Settings),
    locate: locate::locate,
};

struct GithubAlerts {
    settings: Settings,
}

/// What this reading cannot tell, whatever the run.
const LIMITATIONS: [&str; 4] = [
    "GitHub does not say when it last looked through a repository: it does so when the default branch or an advisory \
     changes",
    "how grave an alert was before the first run that read it is not known: what it was then counts from its beginning",
    "alerts of code scanning and secret scanning are not read",
    "an alert goes by the name that its repository has at the reading",
];

#[async_trait::async_trait]
impl Collector for GithubAlerts {
    async fn collect(&self, door: &Door, task: &Task) -> Result<Population, CollectError> {
        let client = Client::new(door, &self.settings.api_url, &self.settings.credentials)?;
        let memory: Memory = carry::read(task.carry.as_ref())?;
        let mut scope = scope::find(&client, &self.settings, &memory).await?;
        let (mut items, mut found) = (std::mem::take(&mut scope.items), Vec::new());
        let mut next = std::mem::take(&mut scope.archived);
        for target in std::mem::take(&mut scope.targets) {
            match alerts::read(&client, &target.name).await {
                Ok(read) => {
                    found.push(target.name.clone());
                    let known = memory.of(read.id);
                    let Read { id, identity, scanning, alerts, whole, total } = read;
                    items.push(place(&target.name, &self.settings, scanning));
                    scope.identity.insert(identity);
                    scope.whole.extend(whole);
                    scope.totals.extend(total);
                    let alerts = match scanning {
                        Scanning::On => memory::rated(alerts, known, client.as_of),
                        // No list says what became of them.
                        _ => memory::left(known, &target.name),
                    };
                    let early = alerts.iter().filter(|alert| memory::ended_before(alert, task.window.start)).count();
                    if early > 0 {
                        scope.filters.push(format!(
                            "{}: {early} of {} alerts were mended before the window",
                            target.name,
                            alerts.len()
                        ));
                    }
                    let kept = RepositoryMemory::of(id, target.organization, &alerts);
                    items.extend(alerts.into_iter().filter(|alert| memory::open_in(alert, task.window)));
                    next.repositories.insert(target.name, kept);
                }
                Err(refused @ CollectError::Unauthenticated { .. }) => return Err(refused),
                Err(error) => {
                    scope.unread.extend(error.unread());
                    items.push(place(&target.name, &self.settings, Scanning::Unread));
                }
            }
        }
        scope.gone(&memory, &next, &self.settings);
        let ipe = Ipe {
            source: "GitHub Dependabot".to_owned(),
            api_version: Some(API_VERSION.to_owned()),
            identity: scope.identity.into_iter().collect(),
            scope_claimed: self.settings.scope(),
            scope_found: found,
            filters: scope.filters,
            limitations: LIMITATIONS.map(str::to_owned).into_iter().chain(scope.limitations).collect(),
            reconciliations: scope.totals,
            ..door.ipe(SOURCE)
        };
        let items = Items::Vulnerabilities(items);
        if scope.unread.is_empty() {
            Population::new(items, scope.whole, ipe, Some(carry::write(&next)?))
        } else {
            Err(Partial::of(items, None, scope.unread, ipe, None))
        }
    }

    fn remembers(&self) -> Vec<Remembers> {
        // The list has every alert there was, closed ones too.
        Vec::new()
    }

    async fn rights(&self, door: &Door, asking: &Asking<'_>) -> Rights {
        let Settings { api_url, credentials, repositories, organizations } = &self.settings;
        let places = Places::of(repositories.first().map(String::as_str), organizations);
        rights::of(door, (api_url, credentials), &places, asking).await
    }
}

/// A repository as an item of its own.
fn place(name: &str, settings: &Settings, scanning: Scanning) -> Vulnerability {
    Vulnerability {
        id: name.to_owned(),
        place: name.to_owned(),
        url: settings.page_of(name),
        detail: VulnerabilityDetail::Place { scanning },
    }
}
