//! Whole organisations as an App sees them: all of one, some of one, and none of another.

use super::*;
use crate::github_changes::sign_in::private_key;
use std::io::Write;

const ASKED: &str = "/installation/repositories";

/// An App, and its key for as long as it is asked.
async fn app(history: GithubHistory) -> (Bed, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(private_key().as_bytes()).unwrap();
    let app = json!({ "app": { "app_id": 1, "installation_id": 7, "private_key": { "file": file.path() } } });
    (acme(history).await.with("credentials", app), file)
}

/// Of the six, an App is not told how many private ones there are.
fn told_to_apps() -> GithubHistory {
    let mut history = six();
    history.hide_private_count();
    history
}

#[tokio::test]
async fn an_app_that_has_all_repositories_is_told_their_number_and_a_token_is_not_asked() {
    let (bed, _key) = app(told_to_apps()).await;
    let outcome = bed.first().await;
    let ipe = outcome.whole().ipe();
    let own = ipe.reconciliations.iter().find(|both| both.what == "organisation acme: repositories").unwrap();
    assert_eq!((own.held, own.stated), (6, 6));
    assert!(!ipe.limitations.iter().any(|limitation| limitation.contains("admin:org")), "{ipe:#?}");
    assert_eq!(outcome.asked(ASKED), 1);
    let (held, said) = hold_to_schemas(&outcome.exchanges);
    assert!(held, "{said}");
    assert_eq!(acme(told_to_apps()).await.first().await.asked(ASKED), 0);
}

#[tokio::test]
async fn an_app_that_has_selected_repositories_sees_no_whole_organisation() {
    let mut history = told_to_apps();
    history.repository("acme/unseen", "main");
    history.private("acme/unseen");
    history.push_direct("acme/unseen", "main", "example-eve", at("2026-03-04T10:00:00Z"), &["a.rs"]);
    history.select(&["acme/shop", "acme/vault"], week().start);
    let (bed, _key) = app(history).await;
    let outcome = bed.first().await;
    let why = outcome.incomplete();
    for said in [
        "organisation acme: list of repositories",
        "repository_selection: selected",
        "let the App have all repositories",
        "list the repositories in repositories",
        "Metadata: read",
    ] {
        assert!(why.contains(said), "{said}: {why}");
    }
    let (held, said) = hold_to_schemas(&outcome.exchanges);
    assert!(held, "{said}");
    let named = json!([{ "name": "acme/shop", "branches": ["main"] }]);
    let bed = bed.with("organizations", json!([])).with("repositories", named);
    let named = bed.first().await;
    assert_eq!((named.whole().items().len(), named.asked(ASKED)), (13, 0));
}

#[tokio::test]
async fn an_app_sees_no_other_organisation_than_the_one_that_it_is_installed_on() {
    let mut history = told_to_apps();
    history.repository("other/tool", "main");
    let (bed, _key) = app(history).await;
    let outcome = bed.with("organizations", json!([{ "name": "acme" }, { "name": "other" }])).first().await;
    let why = outcome.incomplete();
    assert!(why.contains("organisation other") && why.contains("installation is on acme"), "{why}");
    assert!(!why.contains("organisation acme"), "{why}");
    assert_eq!(outcome.asked(ASKED), 1);
}

#[tokio::test]
async fn an_installation_that_says_nothing_or_something_else_is_not_believed() {
    for (find, put, reason) in [
        ("\"repository_selection\"", "\"selection\"", "repository_selection: not stated"),
        ("\"total_count\":6", "\"total_count\":7", "the count of the App's installation states 7"),
        ("\"total_count\":6", "\"total\":6", "missing field"),
        ("\"repositories\":[", "\"repositories\":[],\"rest\":[", "an account without repositories"),
    ] {
        let mut history = told_to_apps();
        history.replace(ASKED, find, put);
        let (bed, _key) = app(history).await;
        let why = bed.first().await.incomplete();
        assert!(why.contains(reason), "{put}: {why}");
    }
    for status in [403, 404, 500] {
        let mut history = told_to_apps();
        history.refuse(ASKED, week().start, day(1), status);
        let (bed, _key) = app(history).await;
        let outcome = bed.first().await;
        let why = outcome.incomplete();
        assert!(why.contains("installation of the App"), "{status}: {why}");
        assert!(!outcome.changes().is_empty(), "the others are read");
    }
}
