//! One fault at every request of a clean run, in turn, and what must never come of it.

use super::bed::{Bed, Outcome, Wrap};
use super::proxy::{Answer, Asked, Fault};
use super::{json, wire, xml};
use crate::support::replay::{Ran, verdicts};
use evidenced::judge::VerdictOutcome;
use evidenced_collectors::contract::{CollectError, Collector, Items, Population, Task};
use evidenced_collectors::door::Network;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Runs at the same time.
const AT_ONCE: usize = 12;

/// One fault, at one request.
pub(crate) struct Injection {
    asked: Asked,
    /// What is broken: class, and where in the answer.
    name: String,
    fault: Fault,
}

impl Injection {
    /// Whether it is a fault of that name, or one part of it.
    pub(crate) fn is(&self, part: &str) -> bool {
        self.name.contains(part)
    }
}

/// What came of all faults of one kind.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) bed: String,
    pub(crate) requests: usize,
    pub(crate) faults: usize,
    pub(crate) complete: usize,
    pub(crate) passes: usize,
    /// Faults that nobody can see, listed in `UNDETECTABLE`.
    pub(crate) undetectable: usize,
    /// Which sorts of faults there were.
    pub(crate) classes: BTreeSet<String>,
    pub(crate) violations: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bed, requests, faults, complete, passes, undetectable, classes, .. } = self;
        write!(
            to,
            "{bed}: {requests} requests, {faults} faults of {} sorts: {complete} complete, {passes} pass; \
             {undetectable} that nobody can see",
            classes.len()
        )
    }
}

/// Every fault for every request of the clean run, but for requests of the sorts that another source has already.
pub(crate) fn injections(bed: &Bed, clean: &[Asked], covered: &BTreeSet<String>) -> Vec<Injection> {
    let (mut all, mut tried) = (Vec::new(), BTreeSet::new());
    for (number, asked) in clean.iter().enumerate().filter(|(_, asked)| !covered.contains(&label(asked))) {
        let answer = bed.answer(asked);
        let mut inject = |name: String, fault: Fault| all.push(Injection { asked: asked.clone(), name, fault });
        for (name, fault) in wire::faults(&answer) {
            inject(name.to_owned(), fault);
        }
        let earlier = page_before(bed, &clean[..number], asked);
        // A page that has all that is needed is the last one read, whatever it says of a next.
        let link = answer.header("link").unwrap_or_default();
        let last = !link.is_empty() && !clean.iter().any(|next| link.contains(&format!("{}>", next.target)));
        for (name, fault) in wire::links(asked, &answer, earlier.as_ref().map(|(asked, answer)| (*asked, answer))) {
            if !last || !name.contains("next") {
                inject(name, fault);
            }
        }
        for (name, changed) in changes(asked, &answer) {
            // What is odd in one page is as odd in the next; what is lost from one is not lost from the next.
            let once =
                !["page: ", "an element removed", "an element in the place"].iter().any(|of| name.starts_with(of));
            let first = tried.insert((label(asked), name.clone()));
            if (first || !once) && !bed.not_read.iter().any(|part| format!("{name}/").contains(part)) {
                inject(name, Fault::Answer(answer.saying(changed)));
            }
        }
    }
    all
}

fn changes(asked: &Asked, answer: &Answer) -> Vec<(String, Vec<u8>)> {
    if let Ok(clean) = serde_json::from_slice(&answer.body) {
        return json::changes(&clean).into_iter().map(|(name, value)| (name, value.to_string().into_bytes())).collect();
    }
    let marker = asked.body.split('&').find_map(|pair| pair.strip_prefix("Marker="));
    let text = String::from_utf8_lossy(&answer.body);
    xml::changes(&text, marker).into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
}

/// The page whose link led to this one.
fn page_before<'a>(bed: &Bed, before: &'a [Asked], asked: &Asked) -> Option<(&'a Asked, Answer)> {
    let found = before.iter().rev().map(|asked| (asked, bed.answer(asked)));
    let mut found = found.filter(|(_, answer)| answer.header("link").is_some_and(|l| l.contains(&asked.target)));
    found.next()
}

/// Injects all of it, and looks at what comes.
pub(crate) async fn check(
    bed: &Arc<Bed>,
    wrap: Wrap,
    all: Vec<Injection>,
    listed: &'static [(&str, &str, &str)],
) -> Tally {
    let network = Network::new();
    let mut tally = Tally { bed: format!("{}, {}", bed.kind, bed.name), ..Tally::default() };
    let mut running = JoinSet::new();
    for injection in all {
        if running.len() == AT_ONCE {
            note(&mut tally, running.join_next().await.unwrap().unwrap());
        }
        let (bed, network) = (Arc::clone(bed), network.clone());
        running.spawn(async move { one(&bed, wrap, &network, injection, listed).await });
    }
    while let Some(done) = running.join_next().await {
        note(&mut tally, done.unwrap());
    }
    tally.violations.sort();
    tally
}

/// What came of one fault.
pub(crate) struct Seen {
    pub(crate) class: String,
    pub(crate) complete: bool,
    pub(crate) pass: bool,
    pub(crate) undetectable: bool,
    pub(crate) violation: Option<String>,
}

pub(crate) fn note(tally: &mut Tally, seen: Seen) {
    tally.faults += 1;
    tally.undetectable += usize::from(seen.undetectable);
    tally.complete += usize::from(seen.complete && !seen.undetectable);
    tally.passes += usize::from(seen.pass && !seen.undetectable);
    tally.classes.insert(seen.class);
    tally.violations.extend(seen.violation);
}

async fn one(
    bed: &Bed,
    wrap: Wrap,
    network: &Network,
    injection: Injection,
    listed: &'static [(&str, &str, &str)],
) -> Seen {
    let Injection { asked, name, fault } = injection;
    let (mut outcome, mut collector) = bed.run(wrap, network, Some((asked.clone(), fault.clone())), 1).await;
    if outcome.struck == 0 {
        // A machine that is busy lets other requests run out of time before.
        (outcome, collector) = bed.run(wrap, network, Some((asked.clone(), fault)), 10).await;
    }
    let what = format!("{} #{}: {name}", label(&asked), asked.nth);
    let undetectable = listed.iter().any(|(request, fault, _)| what.contains(request) && name.contains(fault));
    let mut seen = look(&what, &name, &outcome, collector.as_ref(), &bed.task).await;
    if outcome.struck == 0 {
        seen.violation = Some(format!("{what}: the fault was never met"));
    }
    if undetectable {
        seen = Seen { undetectable, violation: None, ..seen };
    }
    seen
}

async fn look(what: &str, name: &str, outcome: &Outcome, collector: &dyn Collector, task: &Task) -> Seen {
    let Outcome { result, exchanges, as_of, limits, .. } = outcome;
    let ran = Ran { limits: *limits, task, as_of: *as_of, exchanges, result };
    let replayed = ran.difference_on_replay(collector).await;
    judged(what, name, result, verdicts(result, task, *as_of).iter().map(|verdict| verdict.outcome), replayed)
}

/// What must never come of a fault: a whole population, a pass, an error that names nothing, another replay.
pub(crate) fn judged(
    what: &str,
    name: &str,
    result: &Result<Population, CollectError>,
    mut verdicts: impl Iterator<Item = VerdictOutcome>,
    replayed: Option<String>,
) -> Seen {
    let complete = result.is_ok();
    let pass = verdicts.any(|verdict| verdict == VerdictOutcome::Pass);
    let unread = result.as_ref().err().map_or_else(Vec::new, CollectError::unread);
    let named =
        !unread.is_empty() && unread.iter().all(|one| !one.what.trim().is_empty() && !one.why.trim().is_empty());
    let remembers = result.as_ref().err().and_then(remembers_wrongly);
    let violation = match (complete, pass, named, replayed.or(remembers)) {
        (true, true, ..) => Some("complete, and a pass".to_owned()),
        (true, false, ..) => Some("complete".to_owned()),
        (false, true, ..) => Some("a pass".to_owned()),
        (false, false, false, _) => Some(format!("names nothing: {unread:?}")),
        (_, _, _, replayed) => replayed,
    };
    let class = name.split(": /").next().unwrap_or_default().to_owned();
    Seen { class, complete, pass, undetectable: false, violation: violation.map(|why| format!("{what}: {why}")) }
}

/// What a run that was not whole may leave for the next one: what people keep, all that may not go of it; the other
/// kinds go on from where their last complete run ended.
fn remembers_wrongly(error: &CollectError) -> Option<String> {
    let CollectError::Incomplete(partial) = error else { return None };
    let goes_on = matches!(
        partial.items,
        Items::Changes(_) | Items::Vulnerabilities(_) | Items::Principals(_) | Items::AuditLogs(_)
    );
    (goes_on == partial.carry.is_some()).then(|| format!("leaves for the next run: {:?}", partial.carry))
}

/// Requests of one sort: the path without what varies, and what the body asks for.
pub(crate) fn label(asked: &Asked) -> String {
    let path = asked.target.split('?').next().unwrap_or_default();
    // A comparison for its paths alone is another question than one for its commits.
    let alone = if asked.target.contains("per_page=1&") { "?per_page=1" } else { "" };
    let path: Vec<&str> = path.split('/').map(|part| if part.len() > 40 { "*" } else { part }).collect();
    format!(
        "{} {} {}{}",
        asked.method,
        path.join("/") + alone,
        asked.action,
        shape(asked.body.split("&Marker=").next().unwrap_or_default())
    )
}

/// What a body asks for, short enough to be read: of GraphQL the first fields, without numbers and commits.
fn shape(body: &str) -> String {
    let asked = body.split_once("{\"query\":\"").map_or(body, |(_, rest)| rest);
    let asked = asked.split_once('{').map_or(asked, |(_, fields)| fields);
    let mut asked = asked.replace("rateLimit{cost remaining resetAt}", "").replace("viewer{login}", "");
    asked = asked.replace("repository(owner:$owner,name:$name){nameWithOwner", "");
    let words = asked.split('\\').map(|part| if part.len() > 40 && part.starts_with('"') { "\"*" } else { part });
    words.collect::<String>().trim().chars().filter(|c| !c.is_ascii_digit()).take(70).collect()
}
