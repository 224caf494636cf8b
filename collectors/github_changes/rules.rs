//! Which landings bypassed rulesets, as GitHub's rule suites tell it. Of classic branch protection there are none.

use crate::contract::{CollectError, Remembers};
use crate::sources::github::client::{Client, malformed};
use crate::sources::github::permissions;
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What GitHub asks for here.
const ADMINISTRATION: &str = permissions::ADMINISTRATION.name;

/// One bypass.
#[derive(Deserialize)]
pub(super) struct Suite {
    pub id: u64,
    pub after_sha: String,
    #[serde(rename = "ref")]
    reference: String,
    pub pushed_at: DateTime<Utc>,
    result: String,
}

/// How long a bypass can be asked for: a month, of which the shortest has 28 days, less a day for clocks.
pub(super) const MEMORY: Remembers = Remembers {
    what: "GitHub's rule suites: bypasses of rulesets",
    days: 27,
    documented: "https://docs.github.com/en/rest/repos/rule-suites#list-repository-rule-suites (time_period)",
};

/// The oldest landing that the rule suites surely tell of.
pub(super) fn reach(as_of: DateTime<Utc>) -> DateTime<Utc> {
    as_of - Duration::days(MEMORY.days.into())
}

/// The bypasses of the last month on one branch.
pub(super) async fn read(client: &Client, repository: &str, branch: &str) -> Result<Vec<Suite>, CollectError> {
    let what = format!("repository {repository}: rule suites of {branch}");
    let reference = format!("refs/heads/{branch}");
    // Of a default branch any name goes, and a `+` left as it is would ask of another one.
    let asked: String = url::form_urlencoded::byte_serialize(reference.as_bytes()).collect();
    let path = format!(
        "/repos/{repository}/rulesets/rule-suites?ref={asked}&rule_suite_result=bypass&time_period=month&per_page=100"
    );
    let first = client.get(&what, &path, None).await?;
    let (suites, _) = client.pages(&what, (&path, first), ADMINISTRATION, |_: &[Suite]| false).await?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = suites.iter().find(|suite| !ids.insert(suite.id)) {
        return Err(malformed(&what, format!("suite {} is listed twice", twice.id)));
    }
    match suites.iter().find(|suite| suite.result != "bypass" || suite.reference != reference) {
        Some(suite) => Err(malformed(&what, format!("suite {} is not one that was asked for", suite.id))),
        None => Ok(suites),
    }
}
