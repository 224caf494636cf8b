//! Alerts as plain text: for mail and for a terminal.

use super::page::Page;

/// The alerts one after another.
pub(super) fn plain(pages: &[Page], delayed: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(delayed) = delayed {
        text.push_str(&format!("{}\n\n", late(delayed)));
    }
    let pages: Vec<String> = pages.iter().map(page).collect();
    text.push_str(&pages.join("\n----------------------------------------\n\n"));
    text
}

/// What is said of a letter that comes late.
pub(super) fn late(why: &str) -> String {
    format!("This comes later than it could have: {}", super::page::shown(why, 200))
}

fn page(page: &Page) -> String {
    let mut lines = vec![page.title.clone(), page.headline.clone(), String::new()];
    lines.extend(page.facts.iter().map(|(name, fact)| format!("{name}: {fact}")));
    let items: Vec<String> = page.items.iter().map(|item| format!("- {}: {}", item.name, item.said())).collect();
    section(&mut lines, "Items", items, page.others());
    let steps = page.next.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)).collect();
    section(&mut lines, "What to do", steps, page.other_steps());
    lines.join("\n") + "\n"
}

fn section(lines: &mut Vec<String>, title: &str, inside: Vec<String>, others: Option<String>) {
    let inside: Vec<String> = inside.into_iter().chain(others).collect();
    if !inside.is_empty() {
        lines.extend([String::new(), format!("{title}:")]);
        lines.extend(inside);
    }
}
