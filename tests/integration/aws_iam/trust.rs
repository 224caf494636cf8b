//! Identity providers, and policies that ask for a factor.

use super::*;
use evidenced_collectors::contract::{IdentitySource, Protocol, ProviderEvidence};

const CENTER: &str = "AWSSSO_0123456789abcdef_DO_NOT_DELETE";
const GITHUB: &str = "token.actions.githubusercontent.com";

fn attested(provider: &str, on: &str) -> Value {
    json!({
        "provider": provider, "says": "mfa-required", "document": "policy 7", "by": "Anna Smith", "on": on,
        "scope": "all",
    })
}

fn evidence<'a>(population: &'a Population, id: &str) -> (&'a Option<String>, &'a ProviderEvidence) {
    match &principals(population.items())[id].detail {
        PrincipalDetail::IdentityProvider { machines, evidence, .. } => (machines, evidence),
        other => panic!("{other:?}"),
    }
}

fn denied(items: &Items) -> BTreeMap<String, Option<bool>> {
    let of = |principal: &Principal| match principal.detail {
        PrincipalDetail::IamUser { mfa_deny_policy, .. } => Some((principal.name.clone(), mfa_deny_policy)),
        _ => None,
    };
    principals(items).into_values().filter_map(of).collect()
}

#[tokio::test]
async fn the_providers_and_policies_of_moto_are_what_was_put_there() {
    let moto = Moto::trust();
    let key = moto.key(None);
    let settings = json!({
        "accounts": [{ "name": "production", "via": key.via(&moto.url()) }],
        "service_paths": ["/service/"],
        "mfa_deny_policies": true,
        "identity_providers": [{ "provider": GITHUB, "machines": true, "reason": "builds only" }],
    });
    let (outcome, exchanges) = run(&settings, Arc::new(SystemClock)).await;
    let population = outcome.unwrap();
    assert!(exchanges.len() <= 12, "{}", exchanges.len());

    let items = principals(population.items());
    let okta = items["123456789012:saml/Okta"];
    assert_eq!((okta.name.as_str(), okta.report_at), ("Okta", None));
    assert!(matches!(okta.detail, PrincipalDetail::IdentityProvider { protocol: Protocol::Saml, .. }));
    assert_eq!(evidence(&population, "123456789012:saml/Okta"), (&None, &ProviderEvidence::Missing));
    let (machines, _) = evidence(&population, &format!("123456789012:oidc/{GITHUB}"));
    assert_eq!(machines.as_deref(), Some("builds only"));
    let center = &items[format!("123456789012:saml/{CENTER}").as_str()].detail;
    assert!(matches!(center, PrincipalDetail::IdentityCenter { assignments: 1, source: IdentitySource::Own, .. }));

    let mut truth: BTreeMap<String, Option<bool>> = moto.ready["denied"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, denied)| (name.clone(), denied.as_bool()))
        .collect();
    assert_eq!(truth.values().filter(|denied| **denied == Some(true)).count(), 4);
    truth.insert("evidenced".to_owned(), None);
    assert_eq!(denied(population.items()), truth);
    assert!(population.ipe().limitations.iter().any(|one| one.ends_with("denies everything without one to 4")));
}

#[tokio::test]
async fn nobody_asks_for_policies_where_nobody_has_keys_alone_or_the_settings_do_not_say_so() {
    let asked = |population: &Population| count(population, "iam:GetAccountAuthorizationDetails");
    let settings = || json!({ "mfa_deny_policies": true, "service_paths": ["/service/"] });
    let none = sandbox(vec![company()], &morning(), settings()).await.unwrap();
    assert_eq!(asked(&none), 0);
    let keys = UserSpec { console: false, keys: 1, ..UserSpec::default() };
    let with_keys = || company().user("keys", keys.clone());
    assert_eq!(asked(&sandbox(vec![with_keys()], &morning(), json!({})).await.unwrap()), 0);
    let paged = sandbox(vec![with_keys().page_size(2)], &morning(), settings()).await.unwrap();
    assert_eq!(asked(&paged), 3);
    assert_eq!(denied(paged.items())["keys"], Some(false));
}

#[tokio::test]
async fn an_attestation_counts_from_its_day_and_for_106_days() {
    let okta = "111122223333:saml/Okta";
    // The sandbox's clock is at 2 March 2026, 8:00; 16 November is 106 days before.
    for (on, expected) in [
        ("2026-03-02", "held"),
        ("2025-11-17", "held"),
        ("2025-11-16", "too_old"),
        ("2024-01-01", "too_old"),
        ("2026-03-03", "not_yet"),
    ] {
        let settings = json!({ "identity_providers": [attested("Okta", on)] });
        let population = sandbox(vec![company().saml_provider("Okta")], &morning(), settings).await.unwrap();
        let (_, evidence) = evidence(&population, okta);
        let found = serde_json::to_value(evidence).unwrap();
        assert_eq!(found[expected]["on"], json!(on), "{found}");
        let said = population.ipe().limitations.iter().any(|one| one.contains("does not count"));
        assert_eq!(said, expected != "held", "{on}: {:?}", population.ipe().limitations);
    }
    let renewed = json!({ "identity_providers": [
        attested("Okta", "2026-02-01"), attested("saml/Okta", "2025-01-01"), attested("Okta", "2027-01-01"),
        attested("Ping", "2026-02-01"),
    ]});
    let population = sandbox(vec![company().saml_provider("Okta")], &morning(), renewed).await.unwrap();
    assert!(
        matches!(evidence(&population, okta).1, ProviderEvidence::Held(held) if held.on.to_string() == "2026-02-01")
    );
    assert!(population.ipe().limitations.iter().any(|one| one.contains("Ping: in the register, and no account")));
}

#[tokio::test]
async fn a_line_of_the_register_speaks_of_the_provider_that_it_names() {
    let machines = |provider: &str| json!({ "provider": provider, "machines": true, "reason": "builds" });
    let history = || company().saml_provider(GITHUB).oidc_provider(GITHUB).oidc_provider("accounts.google.com");
    let ids = [
        "saml/token.actions.githubusercontent.com",
        "oidc/token.actions.githubusercontent.com",
        "oidc/accounts.google.com",
    ];
    for (line, expected) in [
        // A SAML provider may have any name, so that the bare one is not enough for "no people".
        (GITHUB.to_owned(), [false, true, false]),
        (format!("oidc/{GITHUB}"), [false, true, false]),
        (format!("saml/{GITHUB}"), [true, false, false]),
        (format!("111122223333:oidc/{GITHUB}"), [false, true, false]),
        (format!("222233334444:oidc/{GITHUB}"), [false, false, false]),
        ("google.com".to_owned(), [false, false, false]),
    ] {
        let settings = json!({ "identity_providers": [machines(&line)] });
        let population = sandbox(vec![history()], &morning(), settings).await.unwrap();
        let found = ids.map(|id| evidence(&population, &format!("111122223333:{id}")).0.is_some());
        assert_eq!(found, expected, "{line}");
    }
}

#[tokio::test]
async fn identity_center_at_an_external_provider_is_as_good_as_what_is_held_of_that_one() {
    let held = |center: Value, on: &'static str| async move {
        let settings = json!({ "identity_center": center, "identity_providers": [attested("Okta", on)] });
        let population = sandbox(vec![company().saml_provider(CENTER)], &morning(), settings).await.unwrap();
        match principals(population.items())[format!("111122223333:saml/{CENTER}").as_str()].detail {
            PrincipalDetail::IdentityCenter { source, idp_evidence, .. } => (source, idp_evidence),
            ref other => panic!("{other:?}"),
        }
    };
    let okta = || json!({ "source": "external", "provider": "Okta" });
    assert_eq!(held(okta(), "2026-02-01").await, (IdentitySource::External, true));
    assert_eq!(held(okta(), "2025-02-01").await, (IdentitySource::External, false));
    assert_eq!(held(json!({ "source": "external" }), "2026-02-01").await, (IdentitySource::External, false));
    assert_eq!(held(json!({ "source": "own" }), "2026-02-01").await, (IdentitySource::Own, false));
    assert_eq!(held(Value::Null, "2026-02-01").await, (IdentitySource::Own, false));
}

#[test]
fn a_register_that_says_half_is_refused() {
    let build = |line: Value| {
        let settings = json!({ "accounts": [{ "name": "a" }], "identity_providers": [line] });
        (evidenced_collectors::kind("aws_iam").unwrap().build)(&settings).err()
    };
    assert!(build(attested("Okta", "2026-02-01")).is_none());
    for key in ["provider", "says", "document", "by", "on", "scope"] {
        for value in [None, Some(json!("")), Some(json!(" "))] {
            let mut line = attested("Okta", "2026-02-01");
            match value {
                None => line.as_object_mut().unwrap().remove(key),
                Some(value) => line.as_object_mut().unwrap().insert(key.to_owned(), value),
            };
            assert!(build(line.clone()).is_some(), "{line}");
        }
    }
    for (key, value) in [("says", "mfa-optional"), ("scope", "staff"), ("reason", "x")] {
        let mut line = attested("Okta", "2026-02-01");
        line[key] = json!(value);
        assert!(build(line).is_some(), "{key}");
    }
    assert!(build(json!({ "provider": "x", "machines": true })).is_some());
    let mut both = attested("x", "2026-02-01");
    both["machines"] = json!(true);
    both["reason"] = json!("builds");
    assert!(build(both).is_some());
}

#[tokio::test]
async fn no_damage_to_what_is_said_of_providers_and_policies_gives_a_whole_population() {
    type Damage = fn(String) -> String;
    let keys = UserSpec { console: false, keys: 1, ..UserSpec::default() };
    let history = || company().user("keys", keys.clone()).saml_provider("Okta").oidc_provider(GITHUB);
    let settings = || json!({ "mfa_deny_policies": true });
    let whole = sandbox(vec![history()], &morning(), settings()).await.unwrap();
    assert_eq!(whole.items().len(), 1 + 6 + 2);

    let saml = "ListSAMLProviders";
    let oidc = "ListOpenIDConnectProviders";
    let details = "GetAccountAuthorizationDetails";
    let answers: [(&str, &str, Damage); 14] = [
        ("no list", saml, |xml| xml.replace("SAMLProviderList>", "List>")),
        ("another account's", saml, |xml| xml.replace("111122223333", "999988887777")),
        ("of another kind", saml, |xml| xml.replace("saml-provider", "oidc-provider")),
        ("without an ARN", saml, |xml| xml.replace("Arn>", "Nrn>")),
        ("one less than AWS counts", saml, |xml| xml.replace("member>", "other>")),
        ("cut", saml, |xml| xml[..xml.len() / 2].to_owned()),
        ("no list", oidc, |xml| xml.replace("OpenIDConnectProviderList>", "List>")),
        ("twice", oidc, |xml| {
            let (start, end) = (xml.find("<member>").unwrap(), xml.find("</member>").unwrap() + "</member>".len());
            format!("{}{}{}", &xml[..end], &xml[start..end], &xml[end..])
        }),
        ("no page", oidc, |_| "<html>Bad Gateway</html>".to_owned()),
        ("no word on the last page", details, |xml| xml.replace("<IsTruncated>false</IsTruncated>", "")),
        ("a user who is listed and not there", details, |xml| xml.replace(">keys<", ">locks<")),
        ("a group that is not there", details, |xml| {
            xml.replace("<GroupList></GroupList>", "<GroupList><member>staff</member></GroupList>")
        }),
        ("a policy that is not there", details, |xml| {
            let arn = "<member><PolicyArn>arn:aws:iam::111122223333:policy/p</PolicyArn></member>";
            xml.replace("<AttachedManagedPolicies>", &format!("<AttachedManagedPolicies>{arn}"))
        }),
        ("a user twice", details, |xml| xml.replace(">alice<", ">bob<")),
    ];
    for (name, action, damage) in answers {
        let outcome = sandbox(vec![history().rewrite_answer(action, damage)], &morning(), settings()).await;
        let partial = incomplete(outcome);
        assert!(partial.unread.iter().all(|u| u.what.contains("production")), "{action}, {name}: {partial:?}");
    }
    for action in [saml, oidc, details] {
        let history = history().refuse(action, at(0, 0), at(12, 0));
        let partial = incomplete(sandbox(vec![history], &morning(), settings()).await);
        let [unread] = partial.unread.as_slice() else { panic!("{partial:?}") };
        assert_eq!(unread.permission, Some(format!("iam:{action}")));
        assert_eq!(denied(&partial.items)["keys"], (action != details).then_some(false));
    }
}
