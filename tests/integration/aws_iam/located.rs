//! Where explanations find in AWS's answers what providers, policies and accounts were judged by: every place
//! is opened.

use super::*;
use evidenced::judge::{Attribute, Reading, Test, attributes};
use evidenced_collectors::contract::{At, Fact, Sealed, Stands};

const GITHUB: &str = "123456789012:oidc/token.actions.githubusercontent.com";
const CENTER: &str = "123456789012:saml/AWSSSO_0123456789abcdef_DO_NOT_DELETE";

struct Read {
    settings: Value,
    exchanges: Vec<Exchange>,
    readings: Vec<Reading>,
}

struct Explained {
    attributes: Vec<Attribute>,
    stands: BTreeMap<Fact, Vec<String>>,
    absent: Vec<Fact>,
}

impl Read {
    async fn of(settings: Value) -> Self {
        let (outcome, exchanges) = run(&settings, Arc::new(SystemClock)).await;
        let items = Some(outcome.unwrap().items().clone());
        let readings =
            vec![Reading { collector: "one".to_owned(), as_of: SystemClock.now(), items, unread: Vec::new() }];
        Self { settings, exchanges, readings }
    }

    fn explained(&self, id: &str) -> Explained {
        let test = Test::parse("mfa", &json!({})).unwrap();
        let basis = attributes(&test, &self.readings, SystemClock.now(), id).remove(0);
        let facts: Vec<Fact> = basis.attributes.iter().flat_map(|attribute| attribute.facts.clone()).collect();
        let mut locator = (evidenced_collectors::kind("aws_iam").unwrap().locate)(&basis.item, &facts);
        let (mut stands, mut absent) = (BTreeMap::<Fact, Vec<String>>::new(), Vec::new());
        let run = json!({ "settings": self.settings });
        let of_run = locator(Sealed::Run(&run)).into_iter().map(|found| (found, run.to_string()));
        let mut all: Vec<_> = of_run.collect();
        for exchange in &self.exchanges {
            let body = String::from_utf8_lossy(&exchange.body).into_owned();
            all.extend(locator(Sealed::Exchange(exchange)).into_iter().map(|found| (found, body.clone())));
        }
        for (found, document) in all {
            let Stands::Value(seen) = &found.stands else {
                absent.push(found.fact);
                continue;
            };
            let there = match &found.at {
                At::Pointer(pointer) => {
                    serde_json::from_str::<Value>(&document).unwrap().pointer(pointer).unwrap().to_string()
                }
                At::Element(path) => element(&document, path),
                _ => continue,
            };
            assert_eq!(*seen, shown(&there), "{:?}", found.at);
            stands.entry(found.fact).or_default().push(there);
        }
        drop(locator);
        Explained { attributes: basis.attributes, stands, absent }
    }
}

impl Explained {
    fn stands(&self, fact: &Fact) -> &[String] {
        self.stands.get(fact).map_or(&[], Vec::as_slice)
    }

    fn deciding(&self) -> Vec<&'static str> {
        self.attributes.iter().filter(|attribute| attribute.decides).map(|attribute| attribute.key).collect()
    }
}

fn shown(text: &str) -> String {
    let Stands::Value(shown) = Stands::text(text) else { panic!("no text") };
    shown
}

/// The text of the element at the path, found by counting namesakes level by level.
fn element(document: &str, path: &str) -> String {
    let mut inside = document;
    for step in path.trim_start_matches('/').split('/') {
        let (name, number) = step
            .split_once('[')
            .map_or((step, 1), |(name, number)| (name, number.trim_end_matches(']').parse::<usize>().unwrap()));
        inside = child(inside, name, number);
    }
    inside
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&amp;", "&")
}

/// What is in the child of that name and number.
fn child<'d>(inside: &'d str, name: &str, number: usize) -> &'d str {
    let (mut depth, mut seen, mut begin, mut at) = (0_usize, 0, None, 0);
    while let Some(open) = inside[at..].find('<').map(|offset| at + offset) {
        let end = open + inside[open..].find('>').unwrap();
        let tag = &inside[open + 1..end];
        at = end + 1;
        if tag.starts_with(['?', '!']) || tag.ends_with('/') {
            continue;
        }
        if tag.starts_with('/') {
            depth -= 1;
            if let Some(begin) = begin.filter(|_| depth == 0) {
                return &inside[begin..open];
            }
            continue;
        }
        if depth == 0 && tag.split_whitespace().next() == Some(name) {
            seen += 1;
            begin = (seen == number).then_some(at);
        }
        depth += 1;
    }
    panic!("no {name}[{number}] in {inside}")
}

#[tokio::test]
async fn providers_policies_and_accounts_are_found_in_motos_answers_and_in_the_registers() {
    let moto = Moto::trust();
    let key = moto.key(None);
    let number = |name: &str| moto.ready["accounts"][name].as_str().unwrap().to_owned();
    let read = Read::of(json!({
        "accounts": [{ "name": "production", "account_id": "123456789012", "via": key.via(&moto.url()) }],
        "organization": {
            "via": key.via(&moto.url()),
            "role_name": "evidenced",
            "exclude": [{ "account_id": number("sandbox"), "reason": "nobody works there" }],
        },
        "service_paths": ["/service/"],
        "mfa_deny_policies": true,
        "identity_providers": [
            { "provider": "oidc/elsewhere", "machines": true, "reason": "of another account" },
            { "provider": GITHUB, "machines": true, "reason": "builds only" },
        ],
    }))
    .await;

    let github = read.explained(GITHUB);
    assert_eq!(github.deciding(), ["used-by"]);
    let arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    assert_eq!(github.stands(&Fact::Provider), [arn]);
    let [line] = github.stands(&Fact::ProviderRegister) else { panic!("{:?}", github.stands) };
    assert!(line.contains("builds only"), "{line}");

    let okta = read.explained("123456789012:saml/Okta");
    assert_eq!(okta.deciding(), ["idp-evidence"]);
    assert_eq!(okta.stands(&Fact::Provider), ["arn:aws:iam::123456789012:saml-provider/Okta"]);
    assert!(okta.absent.contains(&Fact::ProviderRegister), "no line names it");

    let center = read.explained(CENTER);
    let [arn] = center.stands(&Fact::Provider) else { panic!("{:?}", center.stands) };
    assert!(arn.ends_with("saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE"), "{arn}");
    assert!(center.absent.contains(&Fact::Directory), "the settings say nothing of it");

    for (user, denied) in
        [("inline", true), ("attached", true), ("grouped", true), ("grouped-inline", true), ("revised", false)]
    {
        let user = format!("123456789012:user/{user}");
        let why = read.explained(&user);
        let policies = why.stands(&Fact::DenyPolicy);
        assert_eq!(policies.iter().any(|text| text.contains("MultiFactorAuthPresent")), denied, "{user}: {policies:?}");
        assert!(policies.iter().any(|text| user.ends_with(&format!("/{text}"))), "{user}: {policies:?}");
        let deny = why.attributes.iter().find(|attribute| attribute.key == "deny-policy").unwrap();
        assert_eq!(deny.seen == "true", denied, "{deny:?}");
    }

    let closed = number("closed");
    let principals = principals(read.readings[0].items.as_ref().unwrap());
    let id = principals.values().find(|principal| principal.account == closed).unwrap().id.clone();
    let account = read.explained(&id);
    let [line] = account.stands(&Fact::Account) else { panic!("{:?}", account.stands) };
    assert!(line.contains("SUSPENDED") && line.contains(&closed), "{line}");
}
