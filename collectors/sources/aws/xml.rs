//! The elements of an AWS answer with their paths, for finding a place again. No parser to rely on:
//! the SDK reads the answers that count, this one only points into them.

/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 32;

/// One element without children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// `/A/B/member[2]/C`: from the second on, and for list entries always, its number among its namesakes.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// An element that has begun.
struct Open<'a> {
    name: &'a str,
    path: String,
    children: Vec<&'a str>,
}

/// Every element without children, in order. Empty where the text is no such document.
pub(crate) fn leaves(text: &str) -> Vec<Leaf> {
    read(text).unwrap_or_default()
}

fn read(text: &str) -> Option<Vec<Leaf>> {
    let mut leaves = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>')?;
        rest = after;
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().filter(|element| element.name == name.trim())?;
            if element.children.is_empty() {
                leaves.push(Leaf { path: element.path, text: unescaped(before) });
            }
            continue;
        }
        let empty = tag.ends_with('/');
        let name = tag.trim_end_matches('/').split_whitespace().next()?;
        let path = path(open.last_mut(), name);
        if empty {
            leaves.push(Leaf { path, text: String::new() });
        } else {
            open.push(Open { name, path, children: Vec::new() });
        }
        if open.len() > DEPTH_MAX {
            return None;
        }
    }
    open.is_empty().then_some(leaves)
}

fn path<'a>(parent: Option<&mut Open<'a>>, name: &'a str) -> String {
    let Some(parent) = parent else { return format!("/{name}") };
    parent.children.push(name);
    let number = parent.children.iter().filter(|child| **child == name).count();
    let listed = number > 1 || matches!(name, "member" | "entry");
    if listed { format!("{}/{name}[{number}]", parent.path) } else { format!("{}/{name}", parent.path) }
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&#xD;", "\r").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_has_the_path_that_leads_to_it_and_a_broken_document_has_none() {
        let text = "<?xml version='1.0'?><R xmlns=\"https://x\">\n<L><member><A>1</A><A>&amp;lt;</A></member>\
                    <member><A>2</A><E/></member></L></R>";
        let found: Vec<(String, String)> = leaves(text).into_iter().map(|leaf| (leaf.path, leaf.text)).collect();
        let pair = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        assert_eq!(
            found,
            [
                pair("/R/L/member[1]/A", "1"),
                pair("/R/L/member[1]/A[2]", "&lt;"),
                pair("/R/L/member[2]/A", "2"),
                pair("/R/L/member[2]/E", ""),
            ]
        );
        for broken in ["<A><B></A></B>", "<A>", "<A", "", &"<A>".repeat(40)] {
            assert_eq!(leaves(broken), [], "{broken}");
        }
    }
}
