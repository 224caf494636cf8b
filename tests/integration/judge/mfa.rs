//! MFA: what the text decides and the table does not list.

use super::facts::{at, only, reading, test, user, user_without_mfa, verdict};
use evidenced::judge::Outcome::{self, Deviation, Excluded, Indeterminate, Pass};
use evidenced::judge::judge;
use evidenced_collectors::contract::{
    AccountState, Attestation, Device, IdentitySource, Items, Principal, PrincipalDetail, PrincipalType, Protocol,
    ProviderEvidence,
};
use serde_json::{Value, json};

#[track_caller]
fn expect(policy: Value, principal: Principal, outcome: Outcome, reason: &str) {
    let verdict = verdict("mfa", &policy, Items::Principals(vec![principal]));
    let judgement = only(&verdict);
    assert_eq!((judgement.outcome, judgement.reason.as_str()), (outcome, reason), "{}", judgement.seen);
}

fn of(detail: PrincipalDetail) -> Principal {
    Principal { detail, ..user("x") }
}

fn root(password: Option<bool>, mfa: Option<bool>, keys: Option<u32>, certificates: Option<u32>) -> Principal {
    of(PrincipalDetail::Root { password, mfa, virtual_mfa: Some(false), keys, certificates })
}

fn with_devices(devices: &[Device]) -> Principal {
    of(PrincipalDetail::IamUser {
        password: true,
        mfa: true,
        devices: devices.to_vec(),
        keys: 0,
        principal_type: PrincipalType::Person,
        mfa_deny_policy: None,
    })
}

fn with_keys(principal_type: PrincipalType, mfa_deny_policy: Option<bool>) -> Principal {
    of(PrincipalDetail::IamUser {
        password: false,
        mfa: true,
        devices: Vec::new(),
        keys: 1,
        principal_type,
        mfa_deny_policy,
    })
}

fn own_directory(setting_evidence: bool, factors: &[&str]) -> Principal {
    of(PrincipalDetail::IdentityCenter {
        assignments: 1,
        source: IdentitySource::Own,
        idp_evidence: true,
        setting_evidence,
        signin_factors: factors.iter().map(|factor| (*factor).to_owned()).collect(),
    })
}

#[test]
fn a_factor_of_unknown_kind_is_a_factor_but_not_a_phishing_resistant_one() {
    let resistant = || json!({"user_kind": "phishing_resistant"});
    expect(json!({}), with_devices(&[Device::KeyOrToken]), Pass, "mfa-active");
    expect(resistant(), with_devices(&[Device::KeyOrToken]), Indeterminate, "device-kind-unknown");
    expect(resistant(), with_devices(&[Device::Virtual, Device::KeyOrToken]), Indeterminate, "device-kind-unknown");
    expect(resistant(), with_devices(&[]), Indeterminate, "device-kind-unknown");
    expect(resistant(), with_devices(&[Device::Virtual, Device::Fido]), Pass, "mfa-active");
    expect(
        resistant(),
        with_devices(&[Device::Virtual, Device::Totp, Device::Sms]),
        Deviation,
        "mfa-not-phishing-resistant",
    );
}

#[test]
fn a_report_may_be_as_old_as_the_policy_says_when_it_is_read() {
    let report = |text: &str| Principal { report_at: Some(at(text)), ..user("x") };
    expect(json!({}), report("08:00"), Pass, "mfa-active");
    expect(json!({}), report("2026-03-02T07:59:59Z"), Indeterminate, "report-too-old");
    expect(json!({"report_max_hours": 5}), report("07:00"), Pass, "mfa-active");
    expect(json!({}), report("12:05"), Pass, "mfa-active");
    expect(json!({}), report("12:06"), Indeterminate, "report-time-unknown");
    expect(json!({}), Principal { report_at: None, ..user("x") }, Indeterminate, "report-time-unknown");
    let live = Principal { report_at: None, ..root(Some(true), Some(true), Some(0), Some(0)) };
    expect(json!({}), live, Pass, "root-mfa");
}

#[test]
fn an_old_report_does_not_show_a_deviation_either() {
    let old = Principal { report_at: Some(at("01:00")), ..user_without_mfa("x") };
    expect(json!({}), old, Indeterminate, "report-too-old");
}

#[test]
fn a_reading_judged_again_later_is_as_old_as_when_it_was_read() {
    let readings = [reading(Items::Principals(vec![user("x")]))];
    let later = judge(&test("mfa", &json!({})), &readings, &[], at("2026-03-09T12:00:00Z"));
    assert_eq!(only(&later).reason, "mfa-active");
}

#[test]
fn what_the_source_leaves_open_about_root_is_no_pass() {
    let yes = Some(true);
    expect(json!({}), root(None, yes, Some(0), Some(0)), Indeterminate, "root-state-unknown");
    expect(json!({}), root(yes, None, Some(0), Some(0)), Indeterminate, "root-state-unknown");
    expect(json!({}), root(yes, yes, None, Some(0)), Indeterminate, "root-state-unknown");
    expect(json!({}), root(Some(false), None, Some(0), None), Indeterminate, "root-state-unknown");
    let kind = |virtual_mfa| {
        of(PrincipalDetail::Root { password: yes, mfa: yes, virtual_mfa, keys: Some(0), certificates: None })
    };
    expect(json!({}), kind(None), Indeterminate, "root-state-unknown");
    expect(json!({"root_kind": "any"}), kind(None), Pass, "root-mfa");
    expect(json!({}), kind(Some(false)), Pass, "root-mfa");
}

#[test]
fn root_without_a_factor_passes_only_if_it_has_nothing_to_sign_in_with() {
    let no = Some(false);
    expect(json!({}), root(no, no, Some(0), Some(0)), Pass, "root-no-credentials");
    expect(json!({}), root(no, no, Some(0), Some(1)), Deviation, "root-without-mfa");
    expect(json!({}), root(Some(true), no, Some(0), Some(0)), Deviation, "root-without-mfa");
    expect(json!({}), root(None, None, Some(2), None), Deviation, "root-access-keys");
}

#[test]
fn a_key_without_password_is_a_persons_unless_a_register_or_a_policy_says_more() {
    for kind in [PrincipalType::Person, PrincipalType::Unknown] {
        expect(json!({}), with_keys(kind, Some(true)), Pass, "keys-require-mfa");
        expect(json!({}), with_keys(kind, Some(false)), Deviation, "person-with-keys-only");
        expect(json!({}), with_keys(kind, None), Deviation, "person-with-keys-only");
    }
    expect(json!({}), with_keys(PrincipalType::Service, None), Excluded, "service-identity");
    let service = |password, keys| {
        let (mfa, devices, principal_type) = (false, Vec::new(), PrincipalType::Service);
        of(PrincipalDetail::IamUser { password, mfa, devices, keys, principal_type, mfa_deny_policy: None })
    };
    // No register makes a machine of somebody who can sign in to the console, nor of somebody without keys.
    expect(json!({}), service(true, 1), Deviation, "console-without-mfa");
    expect(json!({}), service(true, 0), Deviation, "console-without-mfa");
    expect(json!({}), service(false, 0), Excluded, "no-credentials");
}

#[test]
fn a_suspended_account_is_excluded_and_an_active_one_must_be_read() {
    let account = |state, read| of(PrincipalDetail::Account { state, read });
    expect(json!({}), account(AccountState::Suspended, false), Excluded, "account-not-active");
    expect(json!({}), account(AccountState::Active, true), Pass, "account-read");
    expect(json!({}), account(AccountState::Active, false), Indeterminate, "account-unread");
}

#[test]
fn an_own_directory_passes_with_both_the_setting_and_a_known_second_factor() {
    expect(json!({}), own_directory(true, &["WEBAUTHN"]), Pass, "identity-center-mfa-seen");
    expect(json!({}), own_directory(true, &["PASSWORD"]), Deviation, "identity-center-password-only");
    expect(json!({}), own_directory(false, &["PASSWORD", "TOTP"]), Indeterminate, "identity-center-unobservable");
    expect(json!({}), own_directory(true, &[]), Indeterminate, "identity-center-unobservable");
    expect(json!({}), own_directory(true, &["PASSWORD", "NEW"]), Indeterminate, "identity-center-unobservable");
}

#[test]
fn an_identity_provider_passes_with_an_attestation_that_counts_and_with_nothing_else() {
    let provider = |protocol, machines: Option<&str>, evidence| {
        let machines = machines.map(str::to_owned);
        let detail = PrincipalDetail::IdentityProvider { protocol, machines, evidence };
        Principal { report_at: None, ..of(detail) }
    };
    let attested = || Attestation {
        document: "policy 7".to_owned(),
        by: "Anna Smith".to_owned(),
        on: "2026-03-01".parse().unwrap(),
    };
    for protocol in [Protocol::Saml, Protocol::Oidc] {
        let alone = |evidence| provider(protocol, None, evidence);
        expect(json!({}), alone(ProviderEvidence::Held(attested())), Pass, "idp-enforces-mfa");
        for missing in [
            ProviderEvidence::Missing,
            ProviderEvidence::TooOld(attested()),
            ProviderEvidence::NotYet(attested()),
            ProviderEvidence::MadeSince(attested()),
        ] {
            expect(json!({}), alone(missing), Indeterminate, "idp-evidence-missing");
        }
        let machines = provider(protocol, Some("builds only"), ProviderEvidence::Missing);
        expect(json!({}), machines, Excluded, "service-identity");
    }
    let old = provider(Protocol::Saml, None, ProviderEvidence::TooOld(attested()));
    let verdict = verdict("mfa", &json!({}), Items::Principals(vec![old]));
    let seen = &only(&verdict).seen;
    assert!(seen.contains("Anna Smith on 2026-03-01 (policy 7): too old"), "{seen}");
}
