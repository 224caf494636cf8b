//! Tests and policies as a configuration gives them.

use evidenced::judge::{Takes, Test};
use serde_json::{Value, json};

fn refused(name: &str, policy: Value) -> String {
    Test::parse(name, &policy).unwrap_err().to_string()
}

#[test]
fn a_policy_left_out_is_all_defaults_and_is_written_out_in_full() {
    let change = Test::parse("change_review", &Value::Null).unwrap();
    let written = json!({
        "min_approvals": 1,
        "independence": "last_pusher",
        "require_codeowner": false,
        "posthoc_hours": 24,
        "exempt_actors": {},
        "roster": null,
        "bot_approval": false,
        "since": null,
    });
    assert_eq!(change.policy_json(), written);
    let mfa = Test::parse("mfa", &json!({})).unwrap();
    assert_eq!(mfa.policy_json(), json!({"root_kind": "hardware", "user_kind": "any", "report_max_hours": 4}));
    let restore = Test::parse("restore_test", &json!({})).unwrap();
    let written = json!({"asks": "both", "grace_days": 14, "review_business_days": 10});
    assert_eq!(restore.policy_json(), written);
}

#[test]
fn a_policy_that_was_written_out_reads_back_as_the_same_test() {
    let policy = json!({"since": "2026-01-01", "roster": ["bob"], "exempt_actors": {"bot[bot]": ["docs/**"]}});
    let test = Test::parse("change_review", &policy).unwrap();
    assert_eq!(Test::parse(test.name(), &test.policy_json()).unwrap(), test);
    assert_eq!(test.policy_json()["since"], "2026-01-01");
}

#[test]
fn every_test_has_rules_a_schema_and_a_sort_of_items() {
    for (name, rules, takes) in [
        ("change_review", "change_review/3", Takes::Changes),
        ("mfa", "mfa/2", Takes::Principals),
        ("restore_test", "restore_test/2", Takes::Restores),
        ("vulnerabilities", "vulnerabilities/1", Takes::Vulnerabilities),
        ("audit_logging", "audit_logging/1", Takes::AuditLogs),
        ("access_grant", "access_grant/1", Takes::Workforce),
        ("access_review", "access_review/1", Takes::AccessReviews),
        ("acknowledgement", "acknowledgement/1", Takes::Workforce),
        ("asset_inventory", "asset_inventory/1", Takes::Assets),
        ("documented", "documented/1", Takes::Documents),
        ("incident_response", "incident_response/1", Takes::Incidents),
        ("leavers", "leavers/1", Takes::Workforce),
        ("risk_assessment", "risk_assessment/1", Takes::Risks),
        ("training", "training/1", Takes::Workforce),
        ("vendor_review", "vendor_review/1", Takes::Vendors),
    ] {
        let test = Test::parse(name, &Value::Null).unwrap();
        assert_eq!((test.name(), test.rules(), test.takes()), (name, rules, takes));
        let schema = serde_json::to_value(Test::policy_schema(name).unwrap()).unwrap();
        assert_eq!(schema["additionalProperties"], false);
        let described: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        let policy = test.policy_json();
        assert_eq!(described, policy.as_object().unwrap().keys().collect::<Vec<_>>());
    }
    assert!(Test::NAMES.iter().all(|name| Test::policy_schema(name).is_some()));
    assert!(Test::policy_schema("mfaa").is_none());
}

#[test]
fn an_unknown_name_or_key_is_refused_with_the_nearest_or_with_all() {
    assert!(refused("change_revue", json!({})).contains("did you mean \"change_review\"?"));
    assert!(refused("vibes", json!({})).contains("one of "));
    assert!(refused("change_review", json!({"min_aprovals": 2})).contains("did you mean \"min_approvals\"?"));
    let all = refused("mfa", json!({"colour": 1}));
    assert!(all.contains("report_max_hours") && all.contains("root_kind") && all.contains("user_kind"), "{all}");
}

#[test]
fn a_value_that_makes_no_sense_is_refused_with_its_key() {
    for (name, policy, key) in [
        ("change_review", json!({"posthoc_hours": 24, "min_approvals": "two"}), "min_approvals"),
        ("change_review", json!({"min_approvals": 0}), "min_approvals = 0"),
        ("change_review", json!({"min_approvals": -1}), "min_approvals"),
        ("change_review", json!({"posthoc_hours": 169}), "posthoc_hours = 169"),
        ("change_review", json!({"independence": "nobody"}), "independence"),
        ("change_review", json!({"since": "yesterday"}), "since"),
        ("change_review", json!({"exempt_actors": {"bot": ["docs/["]}}), "exempt_actors"),
        ("mfa", json!({"report_max_hours": 0}), "report_max_hours = 0"),
        ("mfa", json!({"root_kind": "Hardware"}), "root_kind"),
        ("restore_test", json!({"grace_days": 91}), "grace_days = 91"),
        ("restore_test", json!({"review_business_days": 0}), "review_business_days = 0"),
        ("restore_test", json!({"review_business_days": 31}), "review_business_days = 31"),
        ("restore_test", json!({"asks": "neither"}), "asks"),
        ("restore_test", json!([]), "not a table"),
        ("vulnerabilities", json!({"critical_days": 0}), "critical_days = 0"),
        ("vulnerabilities", json!({"low_days": 366}), "low_days = 366"),
        ("documented", json!({"grace_days": 91}), "grace_days = 91"),
        ("documented", json!({"every": "week"}), "every"),
        ("documented", json!({"late_days": 367}), "late_days = 367"),
        ("audit_logging", json!({"kept_days": 0}), "kept_days = 0"),
        ("audit_logging", json!({"delivery_max_hours": 169}), "delivery_max_hours = 169"),
    ] {
        let error = refused(name, policy);
        assert!(error.contains(key) && error.contains("hint:"), "{error}");
    }
}
