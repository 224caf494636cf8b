//! Whether every request that a kind makes is covered by a permission that it declares.

use evidenced_collectors::contract::Kind;
use evidenced_collectors::door::{Exchange, RecordedRequest};

/// What is wrong with a request, if something is.
pub(crate) fn undeclared(kind: &Kind, request: &RecordedRequest) -> Option<String> {
    let line = request.line();
    let needs = (kind.needs)(request);
    if needs.is_empty() {
        return Some(format!(
            "{}: nobody says which permission this needs: {line} {:?}\nhint: teach `Kind::needs` the request, and \
             declare its permission in `KIND.permissions`",
            kind.name, request.body
        ));
    }
    let declared = |name: &String| kind.permissions.iter().any(|permission| permission.name == name);
    let lacking = needs.iter().find(|name| !declared(name))?;
    Some(format!("{}: {line} needs {lacking}\nhint: declare it in `KIND.permissions`", kind.name))
}

/// Fails with the first request of a run that no declared permission covers.
pub(crate) fn declared(kind: &str, exchanges: &[Exchange]) {
    let kind = evidenced_collectors::kind(kind).unwrap();
    // Where credentials could not be had, nothing was asked.
    let all = exchanges.iter().map(|exchange| &exchange.head.request);
    let mut asked = all.filter(|request| request.method != "SIGN-IN");
    if let Some(wrong) = asked.find_map(|request| undeclared(kind, request)) {
        panic!("{wrong}");
    }
}
