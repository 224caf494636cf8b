//! What happened in an AWS account, given up front, and what was true of it at any instant.

use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One account's history. Built up with the methods that take and return it.
#[derive(Clone)]
pub struct AwsHistory {
    pub(super) number: String,
    pub(super) name: String,
    /// In the organisation's word.
    pub(super) state: &'static str,
    users: Vec<User>,
    pub(super) root: RootSpec,
    refusals: Vec<Refusal>,
    pub(super) dropped_rows: BTreeSet<String>,
    pub(super) report_rewrite: Option<Rewrite>,
    pub(super) answer_rewrites: BTreeMap<String, Rewrite>,
    pub(super) page_size: usize,
    /// With when each was made.
    pub(super) saml_providers: Vec<(String, DateTime<Utc>)>,
    pub(super) oidc_providers: Vec<String>,
    /// By user.
    pub(super) policies: Vec<(String, String)>,
    pub(super) logging: Option<super::logging::LoggingSpec>,
}

type Rewrite = Arc<dyn Fn(String) -> String + Send + Sync>;

/// A user as first made.
#[derive(Debug, Clone)]
pub struct UserSpec {
    /// Has a console password.
    pub console: bool,
    /// When it is made; before that it is not there.
    pub created: DateTime<Utc>,
    /// When its factor is enabled, if it has one from the start.
    pub mfa: Option<DateTime<Utc>>,
    /// What kind of factor, whenever it has one.
    pub factor: Factor,
    /// Active access keys, two at most.
    pub keys: u32,
    /// `/`, `/service/`.
    pub path: &'static str,
}

impl Default for UserSpec {
    /// A console user of long ago, with neither factor nor keys.
    fn default() -> Self {
        let created = DateTime::UNIX_EPOCH + chrono::Duration::days(19_000);
        Self { console: true, created, mfa: None, factor: Factor::Virtual, keys: 0, path: "/" }
    }
}

/// Kinds of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// An app that makes codes.
    Virtual,
    /// A hardware token that makes codes.
    Hardware,
    /// A passkey or security key.
    Passkey,
}

/// The root user; it has no history here.
#[derive(Debug, Clone, Copy)]
pub struct RootSpec {
    /// Has a password.
    pub password: bool,
    /// Its factor, if it has one.
    pub mfa: Option<Factor>,
    /// Active access keys.
    pub keys: u32,
}

#[derive(Clone)]
struct User {
    name: String,
    spec: UserSpec,
    factor_events: Vec<(DateTime<Utc>, bool)>,
    deleted: Option<DateTime<Utc>>,
}

#[derive(Clone)]
struct Refusal {
    action: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// A user at an instant.
pub(super) struct UserState<'a> {
    pub(super) name: &'a str,
    pub(super) spec: &'a UserSpec,
    /// Since when it has its factor.
    pub(super) mfa: Option<DateTime<Utc>>,
}

impl AwsHistory {
    /// An account with nobody but root, who has a password and a hardware token.
    pub fn new(number: &str) -> Self {
        Self {
            number: number.to_owned(),
            name: format!("account of {number}"),
            state: "ACTIVE",
            users: Vec::new(),
            root: RootSpec { password: true, mfa: Some(Factor::Hardware), keys: 0 },
            refusals: Vec::new(),
            dropped_rows: BTreeSet::new(),
            report_rewrite: None,
            answer_rewrites: BTreeMap::new(),
            page_size: 1000,
            saml_providers: Vec::new(),
            oidc_providers: Vec::new(),
            policies: Vec::new(),
            logging: None,
        }
    }

    /// What the organisation calls it, and its state there, `SUSPENDED`; otherwise it is active.
    #[must_use]
    pub fn in_organization(mut self, name: &str, state: &'static str) -> Self {
        (self.name, self.state) = (name.to_owned(), state);
        self
    }

    /// The older word for its state.
    pub(super) fn status(&self) -> &'static str {
        if self.state == "CLOSED" { "SUSPENDED" } else { self.state }
    }

    /// The account trusts a SAML provider of this name, made then.
    #[must_use]
    pub fn saml_provider(mut self, name: &str, made: DateTime<Utc>) -> Self {
        self.saml_providers.push((name.to_owned(), made));
        self
    }

    /// The account trusts an OpenID Connect provider at this address, without `https://`.
    #[must_use]
    pub fn oidc_provider(mut self, name: &str) -> Self {
        self.oidc_providers.push(name.to_owned());
        self
    }

    /// A user has a policy of its own.
    #[must_use]
    pub fn user_policy(mut self, name: &str, document: &str) -> Self {
        self.policies.push((name.to_owned(), document.to_owned()));
        self
    }

    /// A user is made.
    #[must_use]
    pub fn user(mut self, name: &str, spec: UserSpec) -> Self {
        let factor_events = spec.mfa.map(|at| (at, true)).into_iter().collect();
        self.users.push(User { name: name.to_owned(), spec, factor_events, deleted: None });
        self
    }

    /// What writes down what happens; otherwise nothing does, in the one region that is in use.
    #[must_use]
    pub fn logging(mut self, logging: super::logging::LoggingSpec) -> Self {
        self.logging = Some(logging);
        self
    }

    /// Root is otherwise than `new` has it.
    #[must_use]
    pub fn root(mut self, root: RootSpec) -> Self {
        self.root = root;
        self
    }

    /// A user's factor is enabled. Names of users that are not there have no effect.
    #[must_use]
    pub fn mfa_enabled(self, name: &str, at: DateTime<Utc>) -> Self {
        self.each(name, |user| user.factor_events.push((at, true)))
    }

    /// A user's factor is taken away.
    #[must_use]
    pub fn mfa_removed(self, name: &str, at: DateTime<Utc>) -> Self {
        self.each(name, |user| user.factor_events.push((at, false)))
    }

    /// A user is deleted.
    #[must_use]
    pub fn deleted(self, name: &str, at: DateTime<Utc>) -> Self {
        self.each(name, |user| user.deleted = Some(at))
    }

    fn each(mut self, name: &str, change: impl Fn(&mut User)) -> Self {
        self.users.iter_mut().filter(|user| user.name == name).for_each(change);
        self
    }

    /// The acting identity lacks the permission for an action (`GenerateCredentialReport`) in `[from, to)`.
    #[must_use]
    pub fn refuse(mut self, action: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        self.refusals.push(Refusal { action: action.to_owned(), from, to });
        self
    }

    /// The credential report lacks this user's row: a defect that stand-ins for AWS have had.
    #[must_use]
    pub fn drop_report_row(mut self, name: &str) -> Self {
        self.dropped_rows.insert(name.to_owned());
        self
    }

    /// The credential report's CSV is damaged.
    #[must_use]
    pub fn rewrite_report(mut self, rewrite: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        self.report_rewrite = Some(Arc::new(rewrite));
        self
    }

    /// The answer to an action (`ListUsers`), XML, is damaged.
    #[must_use]
    pub fn rewrite_answer(mut self, action: &str, rewrite: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        self.answer_rewrites.insert(action.to_owned(), Arc::new(rewrite));
        self
    }

    /// Lists come in pages of at most so many, 1,000 otherwise.
    #[must_use]
    pub fn page_size(mut self, size: usize) -> Self {
        self.page_size = size.max(1);
        self
    }

    pub(super) fn refuses(&self, action: &str, at: DateTime<Utc>) -> bool {
        self.refusals.iter().any(|refusal| refusal.action == action && refusal.from <= at && at < refusal.to)
    }

    /// Everybody who is there at that instant, by name.
    pub(super) fn users_at(&self, at: DateTime<Utc>) -> Vec<UserState<'_>> {
        let there = |user: &&User| user.spec.created <= at && user.deleted.is_none_or(|deleted| at < deleted);
        let mut users: Vec<_> = self.users.iter().filter(there).map(|user| user.at(at)).collect();
        users.sort_by(|a, b| a.name.cmp(b.name));
        users
    }
}

impl User {
    fn at(&self, at: DateTime<Utc>) -> UserState<'_> {
        let past = self.factor_events.iter().filter(|(event, _)| *event <= at);
        let mfa = past.max_by_key(|(event, _)| *event).and_then(|(event, on)| on.then_some(*event));
        UserState { name: &self.name, spec: &self.spec, mfa }
    }
}
