//! The items of one evidence record as a table: changes, principals, restore tests and stores, or the rows
//! of a register; the others are in `watched` and `documents`.

use super::table::{Table, instant, known, list, maybe, word};
use super::{documents, watched};
use crate::bundle::BundleError;
use crate::bundle::format::{Source, record_path};
use crate::ledger::record::{Body, Status};
use crate::run_file::{PARTIAL, POPULATION};
use evidenced_collectors::contract::{
    Actor, Change, CommitAuthor, Items, Lookup, Partial, Population, Principal, PrincipalDetail, ProviderEvidence,
    PullRequest, RestoreTest, Restores, ReviewState, Store,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;

/// Writes the table.
pub(super) fn population(index: u64, source: &dyn Source, out: &mut dyn Write) -> Result<(), BundleError> {
    match items(index, source)? {
        Items::Changes(changes) => write_changes(&changes, out),
        Items::Principals(principals) => write_principals(&principals, out),
        Items::Restores(restores) => write_restores(&restores, out),
        Items::Documents(items) => documents::documents(index, &items, source, out),
        register @ (Items::AccessReviews(_)
        | Items::Assets(_)
        | Items::Incidents(_)
        | Items::Risks(_)
        | Items::Vendors(_)
        | Items::Workforce(_)) => write_register(&register, out),
        Items::Vulnerabilities(items) => watched::vulnerabilities(&items, out),
        Items::AuditLogs(items) => watched::audit_logs(&items, out),
    }
}

fn items(index: u64, source: &dyn Source) -> Result<Items, BundleError> {
    let Body::Evidence { status, .. } = source.record(index)?.body else {
        return Err(BundleError::malformed(record_path(index), "is not evidence"));
    };
    let name = if status == Status::Complete { POPULATION } else { PARTIAL };
    let malformed = |e| BundleError::malformed(format!("data/evidence/{index:012}/{name}"), e);
    let bytes = source.file(index, name)?;
    if status == Status::Complete {
        let population: Population = serde_json::from_slice(&bytes).map_err(malformed)?;
        Ok(population.items().clone())
    } else {
        let partial: Partial = serde_json::from_slice(&bytes).map_err(malformed)?;
        Ok(partial.items)
    }
}

const CHANGE_COLUMNS: [&str; 25] = [
    "id",
    "repository",
    "branch",
    "landed_at",
    "landing",
    "landed_by",
    "before",
    "after",
    "url",
    "pull_request",
    "author",
    "author_kind",
    "initiator",
    "base",
    "head",
    "merged_at",
    "approved_by_now",
    "reviews",
    "dismissals",
    "commits",
    "commit_authors",
    "paths",
    "branch_rules",
    "post_hoc_ticket",
    "post_hoc_reviewer",
];

fn write_changes(changes: &[Change], out: &mut dyn Write) -> Result<(), BundleError> {
    let mut table = Table::new(out, &CHANGE_COLUMNS)?;
    for c in changes {
        let (state, pr) = match &c.pull_request {
            Lookup::Found(pr) => (pr.number.to_string(), Some(pr.as_ref())),
            Lookup::None => ("none".to_owned(), None),
            Lookup::Failed(why) => (format!("not read: {why}"), None),
        };
        let mut row = vec![
            c.id.clone(),
            c.repository.clone(),
            c.branch.clone(),
            instant(Some(c.landing.at)),
            word(c.landing.kind),
            login(c.landing.actor.as_ref()),
            c.landing.before.clone(),
            c.landing.after.clone(),
            c.url.clone(),
            state,
        ];
        row.extend(pull_request_cells(pr));
        row.extend([
            pr.map_or_else(|| authors(&c.authors), |pr| list(pr.commits.iter().map(|c| authors(&c.authors)))),
            c.paths.as_ref().map_or_else(|| "not read".to_owned(), list),
            maybe(pr.map(|pr| word(pr.rule))),
            list(c.post_hoc.iter().map(|p| p.ticket.as_deref().unwrap_or("none"))),
            list(c.post_hoc.iter().map(|p| login(p.reviewer.as_ref()))),
        ]);
        table.row(&row)?;
    }
    table.end()
}

fn pull_request_cells(pr: Option<&PullRequest>) -> [String; 10] {
    let Some(pr) = pr else { return Default::default() };
    let approved = pr.reviews.iter().filter(|r| r.state == ReviewState::Approved);
    [
        login(pr.author.as_ref()),
        maybe(pr.author.as_ref().map(|a| word(a.kind))),
        maybe(pr.initiator.clone()),
        pr.base.clone(),
        pr.head.clone(),
        instant(Some(pr.merged_at)),
        list(approved.map(|r| login(r.author.as_ref()))),
        pr.reviews.len().to_string(),
        pr.dismissals.len().to_string(),
        pr.commits.len().to_string(),
    ]
}

fn login(actor: Option<&Actor>) -> String {
    actor.map_or_else(|| "deleted account".to_owned(), |a| a.login.clone())
}

fn authors(authors: &[CommitAuthor]) -> String {
    list(authors.iter().map(|a| a.login.as_deref().unwrap_or("no account")))
}

const PRINCIPAL_COLUMNS: [&str; 20] = [
    "id",
    "account",
    "name",
    "owner",
    "report_at",
    "type",
    "password",
    "mfa",
    "factors",
    "access_keys",
    "certificates",
    "used_by",
    "mfa_deny_policy",
    "account_state",
    "account_read",
    "assignments",
    "signs_in_at",
    "idp_evidence",
    "setting_evidence",
    "signin_factors",
];

fn write_principals(principals: &[Principal], out: &mut dyn Write) -> Result<(), BundleError> {
    let mut table = Table::new(out, &PRINCIPAL_COLUMNS)?;
    for p in principals {
        let mut row =
            vec![p.id.clone(), p.account.clone(), p.name.clone(), maybe(p.owner.clone()), instant(p.report_at)];
        row.extend(principal_cells(&p.detail));
        table.row(&row)?;
    }
    table.end()
}

fn principal_cells(detail: &PrincipalDetail) -> [String; 15] {
    let mut cells: [String; 15] = Default::default();
    match detail {
        PrincipalDetail::Account { state, read } => {
            cells[0] = "account".to_owned();
            (cells[8], cells[9]) = (word(state), read.to_string());
        }
        PrincipalDetail::Root { password, mfa, virtual_mfa, keys, certificates } => {
            cells[0] = "root".to_owned();
            (cells[1], cells[2], cells[4], cells[5]) =
                (known(*password), known(*mfa), known(*keys), known(*certificates));
            cells[3] = match (mfa, virtual_mfa) {
                (Some(false), _) => String::new(),
                (_, Some(true)) => "virtual".to_owned(),
                (_, Some(false)) => "hardware or passkey".to_owned(),
                (_, None) => "not read".to_owned(),
            };
        }
        PrincipalDetail::IamUser { password, mfa, devices, keys, principal_type, mfa_deny_policy } => {
            cells[0] = "iam_user".to_owned();
            (cells[1], cells[2], cells[4]) = (password.to_string(), mfa.to_string(), keys.to_string());
            (cells[3], cells[6], cells[7]) =
                (list(devices.iter().map(word)), word(principal_type), known(*mfa_deny_policy));
        }
        PrincipalDetail::IdentityCenter { assignments, source, idp_evidence, setting_evidence, signin_factors } => {
            cells[0] = "identity_center".to_owned();
            (cells[10], cells[11], cells[14]) = (assignments.to_string(), word(source), list(signin_factors));
            (cells[12], cells[13]) = (idp_evidence.to_string(), setting_evidence.to_string());
        }
        PrincipalDetail::IdentityProvider { protocol, machines, evidence } => {
            cells[0] = "identity_provider".to_owned();
            cells[6] = if machines.is_some() { "service" } else { "unknown" }.to_owned();
            cells[11] = word(protocol);
            cells[12] = match evidence {
                ProviderEvidence::Missing => "false".to_owned(),
                ProviderEvidence::Held(held) => format!("{}, {}, {}", held.document, held.by, held.on),
                ProviderEvidence::TooOld(held) => format!("false: too old, of {}", held.on),
                ProviderEvidence::NotYet(held) => format!("false: dated {}", held.on),
                ProviderEvidence::MadeSince(held) => format!("false: made since, of {}", held.on),
            };
        }
    }
    cells
}

const RESTORE_COLUMNS: [&str; 27] = [
    "row",
    "id",
    "store",
    "read_from",
    "tool",
    "backup_id",
    "recovery_point",
    "started",
    "restored",
    "validated",
    "status",
    "validation",
    "checks_ok",
    "checks_failed",
    "rto_target_s",
    "rpo_target_s",
    "source",
    "target",
    "performer",
    "reviewer",
    "reviewed_at",
    "ticket",
    "ticket_closed",
    "in_scope",
    "since",
    "retired",
    "reason",
];

fn write_restores(restores: &Restores, out: &mut dyn Write) -> Result<(), BundleError> {
    let mut table = Table::new(out, &RESTORE_COLUMNS)?;
    for store in &restores.stores {
        table.row(&store_row(store))?;
    }
    for test in &restores.tests {
        table.row(&test_row(test))?;
    }
    table.end()
}

fn store_row(store: &Store) -> [String; 27] {
    let mut row: [String; 27] = Default::default();
    (row[0], row[2]) = ("store".to_owned(), store.name.clone());
    (row[14], row[15]) = (maybe(store.rto_target_s), maybe(store.rpo_target_s));
    (row[23], row[24]) = (store.in_scope.to_string(), maybe(store.since));
    (row[25], row[26]) = (maybe(store.retired), maybe(store.reason.clone()));
    row
}

fn test_row(t: &RestoreTest) -> [String; 27] {
    let named = |ok: bool| list(t.checks.iter().filter(|c| c.ok == ok).map(|c| c.name.as_str()));
    [
        "test".to_owned(),
        t.id.clone(),
        t.store.clone(),
        t.read_from.clone(),
        maybe(t.tool.clone()),
        maybe(t.backup_id.clone()),
        instant(t.recovery_point),
        instant(Some(t.started)),
        instant(t.restored),
        instant(t.validated),
        word(t.status),
        t.validation.map_or_else(|| "none".to_owned(), word),
        named(true),
        named(false),
        maybe(t.rto_target_s),
        maybe(t.rpo_target_s),
        t.env_source.clone(),
        maybe(t.env_target.clone()),
        maybe(t.performer.clone()),
        maybe(t.reviewer.clone()),
        instant(t.reviewed_at),
        maybe(t.ticket.clone()),
        t.ticket_closed.to_string(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ]
}

/// Rows of all lists of a register, under the columns of all of them in alphabetical order. A column that the
/// list does not have is empty, as is a cell in which nothing stands.
fn write_register(register: &Items, out: &mut dyn Write) -> Result<(), BundleError> {
    let malformed = |why: &str| BundleError::malformed("a register", why);
    let register = serde_json::to_value(register).map_err(|error| malformed(&error.to_string()))?;
    let lists = register.as_object().and_then(|family| family.values().next()).and_then(Value::as_object);
    let lists = lists.ok_or_else(|| malformed("has no lists"))?;
    let rows = || lists.values().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let names: BTreeSet<&str> =
        rows().flat_map(|row| row.keys()).map(String::as_str).filter(|name| *name != "at").collect();
    let columns: Vec<&str> = PLACE_COLUMNS.into_iter().chain(names.iter().copied()).collect();
    let mut table = Table::new(out, &columns)?;
    for row in rows() {
        let place = PLACE_COLUMNS.iter().map(|name| row.get("at").and_then(|at| at.get(*name)));
        let cells = place.chain(names.iter().map(|name| row.get(*name)));
        table.row(&cells.map(|cell| maybe(cell.filter(|cell| !cell.is_null()).map(word))).collect::<Vec<_>>())?;
    }
    table.end()
}

/// Where a row stands; `gone`: it did.
const PLACE_COLUMNS: [&str; 4] = ["list", "file", "line", "gone"];
