//! `evidenced search`: words over criteria and controls, with the reason for every place in the list.

use super::table::table;
use super::{Exit, Known, print_json};
use crate::catalogue::Found;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Words. What has more of them comes first; then what has them in its id, title or other names (an exact
    /// word counts double), then in its description, then anywhere.
    #[arg(required = true)]
    words: Vec<String>,
    /// Most that are shown.
    #[arg(long, default_value_t = 10)]
    limit: usize,
}

pub(super) fn search(known: &Known, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let mut hits = known.catalogue.search(&args.words.join(" "))?;
    let found = hits.len();
    hits.truncate(args.limit);
    if json {
        print_json(&hits)?;
    } else if hits.is_empty() {
        outln!("nothing has one of these words");
    } else {
        let mut rows = table(&["score", "id", "title", "why"]);
        for hit in &hits {
            let (id, title) = match hit.found {
                Found::Criterion(criterion) => (&criterion.id, &criterion.title),
                Found::Control(control) => (&control.id, &control.title),
            };
            let why = hit.points.iter().map(|p| format!("{} {} in {}", p.points, p.stands, p.key));
            rows.add_row([hit.score.to_string(), id.clone(), title.clone(), why.collect::<Vec<_>>().join(", ")]);
        }
        outln!("{rows}");
    }
    if found > hits.len() {
        eprintln!("{} of {found} shown; --limit shows more", hits.len());
    }
    Ok(Exit::Ok)
}
