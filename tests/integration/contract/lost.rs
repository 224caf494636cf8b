//! One item lost in a thousand, from an answer that is otherwise as it should be: in each kind, from every list
//! that the population is made of.

use super::bed::{self, Bed, now};
use super::files::{Harm, Logs};
use super::itself;
use super::proxy::{Answer, Asked, Fault};
use crate::github_changes::bed::{pull, week};
use chrono::{Duration, SecondsFormat};
use evidenced::demo::aws::{AwsHistory, Factor, UserSpec};
use evidenced::demo::github::{AlertSpec, GithubHistory};
use evidenced_collectors::door::Network;
use serde_json::{Value, json};
use std::fs;

/// Its name, whose answer it changes, and how; `None`: not that answer.
type Loss<'a> = (&'a str, &'a str, &'a dyn Fn(&str) -> Option<String>);

/// Runs the source whole, and then with each loss: which request's answer, and what it says then.
async fn each_is_noticed(bed: Bed, items: usize, losses: &[Loss<'_>]) {
    let network = Network::new();
    let (clean, _) = bed.run(itself, &network, None, 1).await;
    let population = clean.result.as_ref().unwrap_or_else(|error| panic!("{error}: {:#?}", error.unread()));
    assert_eq!(population.items().len(), items);
    for (name, request, loss) in losses {
        let holds = |asked: &&Asked| asked.target.contains(request) || asked.body.contains(request);
        let mut found = clean.seen.iter().filter(holds).filter_map(|asked| {
            let answer: Answer = bed.answer(asked);
            let less = loss(std::str::from_utf8(&answer.body).unwrap())?;
            assert!(less.as_bytes() != answer.body, "{name}: nothing is lost");
            Some((asked.clone(), Fault::Answer(answer.saying(less))))
        });
        let fault = found.next().unwrap_or_else(|| panic!("{name}: no answer to lose it from"));
        let (outcome, _) = bed.run(itself, &network, Some(fault), 1).await;
        assert!(outcome.struck > 0, "{name}");
        let error = outcome.result.expect_err(name);
        assert!(!error.unread().is_empty(), "{name}");
    }
}

fn json(text: &str, change: impl Fn(&mut Value) -> bool) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).unwrap();
    change(&mut value).then(|| value.to_string())
}

/// Without the middle one of the elements of that name that hold the text.
fn without(xml: &str, element: &str, holds: &str) -> Option<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let start = xml.match_indices(&open).map(|(at, _)| at).find(|at| {
        let end = xml[*at..].find(&close).map_or(*at, |end| at + end);
        xml[*at..end].contains(holds)
    })?;
    let end = start + xml[start..].find(&close)? + close.len();
    Some(format!("{}{}", &xml[..start], &xml[end..]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_lost_in_a_thousand_changes_is_noticed() {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    for number in 1..=1_000_u32 {
        let at = week().start + Duration::minutes(9) * i32::try_from(number).unwrap();
        let mut spec =
            pull(u64::from(number), &at.to_rfc3339_opts(SecondsFormat::Secs, true)).approved_by("example-ben");
        if number == 500 {
            let early = at - Duration::minutes(50);
            spec = spec.reviewed("example-cleo", early, "COMMENTED").reviewed("example-dan", early, "COMMENTED");
        }
        history.merge(spec);
    }
    let row = |text: &str| {
        json(text, |rows| {
            let rows = rows.as_array_mut().unwrap();
            let merge = rows.iter().rposition(|row| row["activity_type"] == "pr_merge");
            merge.map(|merge| rows.remove(merge)).is_some()
        })
    };
    let landed = |text: &str| {
        json(text, |answer| {
            let commits = answer["data"]["repository"].as_object_mut().unwrap();
            commits["c1"]["associatedPullRequests"]["nodes"] = json!([]);
            commits["c1"]["associatedPullRequests"]["totalCount"] = json!(0);
            true
        })
    };
    let page = |text: &str| {
        json(text, |answer| {
            let reviews = &mut answer["data"]["m0"]["reviews"];
            reviews["nodes"] = json!([]);
            reviews.is_object()
        })
    };
    let counted = |text: &str| {
        json(text, |answer| {
            let count = answer["data"]["s0"]["issueCount"].as_u64().unwrap();
            answer["data"]["s0"]["issueCount"] = json!(count - 1);
            true
        })
    };
    let losses: [Loss<'_>; 4] = [
        ("a row of the activity log", "/activity?", &row),
        ("a pull request of a landed commit", "c1:object(", &landed),
        ("a page of reviews", "m0:node(", &page),
        ("a merged pull request of the search", "s0:search(", &counted),
    ];
    each_is_noticed(bed::github_of(history, 50).await, 1_000, &losses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_lost_in_a_thousand_alerts_is_noticed() {
    let mut history = GithubHistory::new();
    history.repository("acme/shop", "main");
    for number in 1..=1_000 {
        history.alert("acme/shop", AlertSpec::open(number, "high", week().start + Duration::minutes(9)));
    }
    let alert = |text: &str| json(text, |rows| rows.as_array_mut().map(|rows| rows.remove(2)).is_some());
    let counted = |text: &str| {
        json(text, |answer| {
            answer["data"]["repository"]["vulnerabilityAlerts"]["totalCount"] = json!(999);
            true
        })
    };
    let listed = |text: &str| {
        json(text, |answer| {
            answer["data"]["organization"]["repositories"]["nodes"] = json!([]);
            true
        })
    };
    let losses: [Loss<'_>; 3] = [
        ("an alert", "/dependabot/alerts?", &alert),
        ("one of the count", "hasVulnerabilityAlertsEnabled", &counted),
        ("a repository", "organization(login:$login)", &listed),
    ];
    // With the repository itself.
    each_is_noticed(bed::alerts_of(history).await, 1_000 + 1, &losses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_lost_in_a_thousand_users_is_noticed() {
    let mut history = AwsHistory::new("111122223333").page_size(300);
    for number in 0..1_000 {
        let created = now() - Duration::days(100);
        let mfa = Some(now() - Duration::days(90));
        let spec = UserSpec { created, mfa, factor: Factor::Virtual, ..UserSpec::default() };
        history = history.user(&format!("user{number:04}"), spec);
    }
    let row = |xml: &str| {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD as BASE64;
        let (before, rest) = xml.split_once("<Content>")?;
        let (content, after) = rest.split_once("</Content>")?;
        let table = String::from_utf8(BASE64.decode(content).unwrap()).unwrap();
        let less: Vec<&str> = table.lines().filter(|line| !line.starts_with("user0500,")).collect();
        Some(format!("{before}<Content>{}</Content>{after}", BASE64.encode(less.join("\n"))))
    };
    let user = |xml: &str| without(xml, "member", ">user0500<");
    let fewer = |xml: &str| Some(xml.replace("<key>Users</key><value>1000<", "<key>Users</key><value>999<"));
    let more = |xml: &str| Some(xml.replace("<key>Users</key><value>1000<", "<key>Users</key><value>1001<"));
    let losses: [Loss<'_>; 6] = [
        ("a row of the report", "Action=GetCredentialReport", &row),
        ("a listed user", "Action=ListUsers", &user),
        ("an assigned device", "AssignmentStatus=Assigned", &user),
        ("a device", "AssignmentStatus=Any", &user),
        ("one of the total", "Action=GetAccountSummary", &fewer),
        ("one more in the total", "Action=GetAccountSummary", &more),
    ];
    // With root, and three closed accounts.
    each_is_noticed(bed::aws_of(history).await, 1_000 + 1 + 3, &losses).await;
}

#[tokio::test]
async fn one_lost_in_a_thousand_restore_tests_is_noticed() {
    let logs = Logs::of(475, 50).await;
    let losses: [(&str, Harm); 4] = [
        (
            "a line",
            Box::new(|logs| {
                let file = logs.join("orders-db-4.jsonl");
                let text = fs::read_to_string(&file).unwrap();
                let less: Vec<&str> =
                    text.lines().enumerate().filter(|(number, _)| *number != 25).map(|(_, l)| l).collect();
                fs::write(&file, less.join("\n") + "\n").unwrap();
            }),
        ),
        ("a file of lines", Box::new(|logs| fs::remove_file(logs.join("orders-db-4.jsonl")).unwrap())),
        ("a drill", Box::new(|logs| fs::remove_dir_all(logs.join("drill-25")).unwrap())),
        ("a file of a drill", Box::new(|logs| fs::remove_file(logs.join("drill-25/restore.out")).unwrap())),
    ];
    let nothing: Harm = Box::new(|_| {});
    assert!(logs.harmed(itself, "nothing", &nothing).await.complete);
    for (name, harm) in &losses {
        let seen = logs.harmed(itself, name, harm).await;
        assert_eq!(seen.violation, None);
    }
}
