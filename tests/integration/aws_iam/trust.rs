//! Identity providers, and policies that ask for a factor.

use super::*;
use evidenced_collectors::contract::{IdentitySource, Protocol, ProviderEvidence};

const CENTER: &str = "AWSSSO_0123456789abcdef_DO_NOT_DELETE";
const GITHUB: &str = "token.actions.githubusercontent.com";
const OKTA: &str = "111122223333:saml/Okta";

/// When the providers of the sandbox were made, where a test says nothing else.
fn made() -> DateTime<Utc> {
    "2022-01-01T00:00:00Z".parse().unwrap()
}

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
        "identity_providers": [{ "provider": format!("oidc/{GITHUB}"), "machines": true, "reason": "builds only" }],
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
    // The sandbox's clock is at 2 March 2026, 8:00; 16 November is 106 days before.
    for (on, expected) in [
        ("2026-03-02", "held"),
        ("2025-11-17", "held"),
        ("2025-11-16", "too_old"),
        ("2024-01-01", "too_old"),
        ("2026-03-03", "not_yet"),
    ] {
        let settings = json!({ "identity_providers": [attested(OKTA, on)] });
        let population = sandbox(vec![company().saml_provider("Okta", made())], &morning(), settings).await.unwrap();
        let (_, evidence) = evidence(&population, OKTA);
        let found = serde_json::to_value(evidence).unwrap();
        assert_eq!(found[expected]["on"], json!(on), "{found}");
        let said = population.ipe().limitations.iter().any(|one| one.contains("does not count"));
        assert_eq!(said, expected != "held", "{on}: {:?}", population.ipe().limitations);
    }
    let renewed = json!({ "identity_providers": [
        attested(OKTA, "2026-02-01"), attested(OKTA, "2025-01-01"), attested(OKTA, "2027-01-01"),
        attested("111122223333:saml/Ping", "2026-02-01"),
    ]});
    let population = sandbox(vec![company().saml_provider("Okta", made())], &morning(), renewed).await.unwrap();
    assert!(
        matches!(evidence(&population, OKTA).1, ProviderEvidence::Held(held) if held.on.to_string() == "2026-02-01")
    );
    assert!(population.ipe().limitations.iter().any(|one| one.contains("saml/Ping: in the register, and no account")));
}

/// That only machines sign in there; of a SAML provider as of the day before this one.
fn machines(provider: &str) -> Value {
    let mut line = json!({ "provider": provider, "machines": true, "reason": "builds" });
    if provider.contains(":saml/") {
        line["on"] = json!("2026-03-01");
    }
    line
}

#[tokio::test]
async fn a_saml_provider_that_was_made_after_it_was_said_to_be_of_machines_is_not() {
    for (on, counts) in [("2025-12-31", false), ("2026-03-01", true), ("2026-03-03", false)] {
        let mut line = machines(OKTA);
        line["on"] = json!(on);
        let settings = json!({ "identity_providers": [line] });
        let history = company().saml_provider("Okta", "2026-01-01T08:00:00Z".parse().unwrap());
        let population = sandbox(vec![history], &morning(), settings).await.unwrap();
        assert_eq!(evidence(&population, OKTA).0.is_some(), counts, "{on}");
        let said = population.ipe().limitations.iter().any(|one| one.contains("so it does not count"));
        assert_eq!(said, !counts, "{on}: {:?}", population.ipe().limitations);
    }
}

#[tokio::test]
async fn a_line_of_the_register_speaks_of_the_provider_that_it_names() {
    let history = || company().saml_provider(GITHUB, made()).oidc_provider(GITHUB).oidc_provider("accounts.google.com");
    let ids = [
        "saml/token.actions.githubusercontent.com",
        "oidc/token.actions.githubusercontent.com",
        "oidc/accounts.google.com",
    ];
    for (line, expected) in [
        (format!("oidc/{GITHUB}"), [false, true, false]),
        (format!("111122223333:saml/{GITHUB}"), [true, false, false]),
        (format!("222233334444:saml/{GITHUB}"), [false, false, false]),
        (format!("identity-center/{GITHUB}"), [false, false, false]),
        (format!("111122223333:oidc/{GITHUB}"), [false, true, false]),
        (format!("222233334444:oidc/{GITHUB}"), [false, false, false]),
        ("oidc/google.com".to_owned(), [false, false, false]),
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
        let settings =
            json!({ "identity_center": center, "identity_providers": [attested("identity-center/Okta", on)] });
        let population = sandbox(vec![company().saml_provider(CENTER, made())], &morning(), settings).await.unwrap();
        match principals(population.items())[format!("111122223333:saml/{CENTER}").as_str()].detail {
            PrincipalDetail::IdentityCenter { source, idp_evidence, .. } => (source, idp_evidence),
            ref other => panic!("{other:?}"),
        }
    };
    let okta = || json!({ "source": "external", "provider": "identity-center/Okta" });
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
    assert!(build(attested(OKTA, "2026-02-01")).is_none());
    for key in ["provider", "says", "document", "by", "on", "scope"] {
        for value in [None, Some(json!("")), Some(json!(" "))] {
            let mut line = attested(OKTA, "2026-02-01");
            match value {
                None => line.as_object_mut().unwrap().remove(key),
                Some(value) => line.as_object_mut().unwrap().insert(key.to_owned(), value),
            };
            assert!(build(line.clone()).is_some(), "{line}");
        }
    }
    for (key, value) in [("says", "mfa-optional"), ("scope", "staff"), ("reason", "x")] {
        let mut line = attested(OKTA, "2026-02-01");
        line[key] = json!(value);
        assert!(build(line).is_some(), "{key}");
    }
    assert!(build(json!({ "provider": "oidc/x", "machines": true })).is_some());
    for (provider, on) in [(OKTA, Value::Null), ("oidc/x", json!("2026-03-01"))] {
        let line = json!({ "provider": provider, "machines": true, "reason": "builds", "on": on });
        assert!(build(line.clone()).is_some(), "{line}");
    }
    let mut both = attested("oidc/x", "2026-02-01");
    both["machines"] = json!(true);
    both["reason"] = json!("builds");
    assert!(build(both).is_some());
}

#[test]
fn a_saml_provider_by_its_name_alone_is_refused_and_the_form_is_shown() {
    let build = |settings: Value| {
        let built = (evidenced_collectors::kind("aws_iam").unwrap().build)(&settings);
        built.err().map(|error| (error.message, error.hint.unwrap_or_default()))
    };
    let lines = |line: Value| json!({ "accounts": [{ "name": "a" }], "identity_providers": [line] });
    for name in ["Okta", "saml/Okta", GITHUB, "1234:saml/Okta", "111122223333:Okta", "111122223333:saml/", "oidc/"] {
        for line in [attested(name, "2026-02-01"), machines(name)] {
            let (message, hint) = build(lines(line)).unwrap_or_else(|| panic!("{name}"));
            assert!(message.contains(name) && hint.contains("111122223333:saml/Okta"), "{message}: {hint}");
        }
    }
    for name in [OKTA.to_owned(), format!("oidc/{GITHUB}"), format!("111122223333:oidc/{GITHUB}")] {
        assert_eq!(build(lines(machines(&name))), None);
        assert_eq!(build(lines(attested(&name, "2026-02-01"))), None);
    }
    let mut center = lines(attested("identity-center/Okta", "2026-02-01"));
    for (provider, refused) in [("identity-center/Okta", false), ("Okta", true), ("identity-center/Ping", true)] {
        center["identity_center"] = json!({ "source": "external", "provider": provider });
        assert_eq!(build(center.clone()).is_some(), refused, "{provider}");
    }
}

#[tokio::test]
async fn an_attestation_of_one_account_s_provider_is_none_of_another_s_of_that_name() {
    let other = AwsHistory::new("222233334444").saml_provider("Okta", made());
    let role = "arn:aws:iam::222233334444:role/evidenced";
    let settings = json!({
        "identity_providers": [attested(OKTA, "2026-02-01")],
        "accounts": [{ "name": "other", "account_id": "222233334444", "role_arn": role }],
    });
    let accounts = vec![company().saml_provider("Okta", made()), other];
    let population = sandbox(accounts, &morning(), settings).await.unwrap();
    assert!(matches!(evidence(&population, OKTA).1, ProviderEvidence::Held(_)));
    assert_eq!(evidence(&population, "222233334444:saml/Okta").1, &ProviderEvidence::Missing);
    let limitations = &population.ipe().limitations;
    assert!(limitations.iter().any(|one| one.contains("can replace its metadata")), "{limitations:?}");
}

#[tokio::test]
async fn a_provider_that_is_newer_than_its_attestation_is_not_covered_by_it() {
    for (day, covered) in
        [("2026-01-31T12:00:00Z", true), ("2026-02-01T23:00:00Z", true), ("2026-02-02T00:00:00Z", false)]
    {
        let made = day.parse().unwrap();
        let lines = [attested(OKTA, "2026-02-01"), attested("identity-center/Okta", "2026-02-01")];
        let center = json!({ "source": "external", "provider": "identity-center/Okta" });
        let settings = json!({ "identity_providers": lines, "identity_center": center });
        let company = company().saml_provider("Okta", made).saml_provider(CENTER, made);
        let population = sandbox(vec![company], &morning(), settings).await.unwrap();
        let found = serde_json::to_value(evidence(&population, OKTA).1).unwrap();
        let word = if covered { "held" } else { "made_since" };
        assert_eq!(found[word]["on"], json!("2026-02-01"), "{day}: {found}");
        let center = &principals(population.items())[format!("111122223333:saml/{CENTER}").as_str()].detail;
        let PrincipalDetail::IdentityCenter { idp_evidence, .. } = center else { panic!("{center:?}") };
        assert_eq!(*idp_evidence, covered, "{day}");
        let said = |one: &String| one.contains("Identity Center's provider was made on 2026-02-02");
        assert_eq!(population.ipe().limitations.iter().any(said), !covered, "{day}");
    }
}

#[tokio::test]
async fn two_providers_that_look_like_identity_center_s_are_unread() {
    let company = company().saml_provider(CENTER, made()).saml_provider("AWSSSO_fedcba_DO_NOT_DELETE", made());
    let partial = incomplete(sandbox(vec![company], &morning(), json!({})).await);
    let [unread] = partial.unread.as_slice() else { panic!("{partial:?}") };
    assert!(unread.what.contains("iam:ListSAMLProviders") && unread.why.contains(CENTER), "{unread:?}");
}

#[tokio::test]
async fn no_damage_to_what_is_said_of_providers_and_policies_gives_a_whole_population() {
    type Damage = fn(String) -> String;
    let keys = UserSpec { console: false, keys: 1, ..UserSpec::default() };
    let history = || company().user("keys", keys.clone()).saml_provider("Okta", made()).oidc_provider(GITHUB);
    let settings = || json!({ "mfa_deny_policies": true });
    let whole = sandbox(vec![history()], &morning(), settings()).await.unwrap();
    assert_eq!(whole.items().len(), 1 + 6 + 2);

    let saml = "ListSAMLProviders";
    let oidc = "ListOpenIDConnectProviders";
    let details = "GetAccountAuthorizationDetails";
    let answers: [(&str, &str, Damage); 16] = [
        ("no day", saml, |xml| xml.replace("CreateDate>", "MadeOn>")),
        ("another word for its day", saml, |xml| xml.replace("2022-01-01T", "lately")),
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
