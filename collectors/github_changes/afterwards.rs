//! Reviews after the fact: what a text must say to be one. The text gives a ticket and an outcome; who wrote
//! it, and when, comes from GitHub. Pure.

use super::activity::Account;
use crate::contract::PostHoc;
use crate::sources::github::client::stated;
use chrono::{DateTime, Utc};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// Longest pattern, and longest ticket, bytes.
const PATTERN_MAX: usize = 200;
const TICKET_MAX: usize = 100;

/// What names a ticket, by configuration.
pub(super) struct Tickets {
    anywhere: Regex,
    line: Regex,
}

/// What is asked of a text on GitHub beside its writer and its first time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    body_text: Option<String>,
    /// None where it is not said, which is not the same as never.
    #[serde(default, deserialize_with = "said")]
    last_edited_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "said")]
    editor: Option<Option<Account>>,
}

/// A comment on a commit.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comment {
    created_at: DateTime<Utc>,
    #[serde(deserialize_with = "stated")]
    author: Option<Account>,
    author_association: Association,
    #[serde(flatten)]
    said: Written,
}

/// What an account is to the repository; another word is an answer that we do not understand.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Association {
    Owner,
    Member,
    Collaborator,
    Contributor,
    FirstTimer,
    FirstTimeContributor,
    Mannequin,
    None,
}

impl Association {
    /// Whether it goes with a right to push. GitHub says no more of who comments on a commit.
    fn can_push(self) -> bool {
        matches!(self, Self::Owner | Self::Member | Self::Collaborator)
    }
}

/// For fields that are not always asked for, and may be `null` where they are.
fn said<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl Tickets {
    /// Takes a pattern as the settings give it. Says why it cannot be one.
    pub(super) fn of(pattern: &str) -> Result<Self, String> {
        let compile =
            |pattern: &str| RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| error.to_string());
        if pattern.len() > PATTERN_MAX {
            return Err(format!("longer than {PATTERN_MAX} bytes"));
        }
        // Alone first: within the others an unbalanced parenthesis could make it say something else.
        if compile(pattern)?.is_match("") {
            return Err("it also fits an empty text, which names no ticket".to_owned());
        }
        Ok(Self {
            anywhere: compile(&format!(r"(?:^|[^\w-])(?<evidenced_ticket>{pattern})(?:$|[^\w-])"))?,
            line: compile(&format!(
                r"(?m)^[ \t]*Reviewed-after:[ \t]+(?<evidenced_ticket>{pattern})[ \t]+ok[ \t]*\r?$"
            ))?,
        })
    }

    /// The ticket that an approving review names, anywhere in its text, as a word of its own.
    fn named(&self, text: &str) -> Option<String> {
        ticket(&self.anywhere, text)
    }

    /// The ticket of a line `Reviewed-after: INC-17 ok`, and nothing else in that line.
    fn reviewed(&self, text: &str) -> Option<String> {
        ticket(&self.line, text)
    }

    /// An approving review of after the merge, as one after the fact. By whom, and whether he or she may push.
    pub(super) fn review(
        &self,
        by: (Option<&Account>, bool),
        at: DateTime<Utc>,
        said: &Written,
    ) -> Result<Option<PostHoc>, String> {
        said.review_after(by, at, |text| self.named(text))
    }

    /// A comment on a landed commit, as a review after the fact.
    pub(super) fn comment(&self, comment: &Comment) -> Result<Option<PostHoc>, String> {
        let by = (comment.author.as_ref(), comment.author_association.can_push());
        comment.said.review_after(by, comment.created_at, |text| self.reviewed(text))
    }
}

impl Written {
    /// What somebody else has edited is nobody's statement; what its writer edited was made when it was edited.
    fn review_after(
        &self,
        (by, can_push): (Option<&Account>, bool),
        at: DateTime<Utc>,
        ticket: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<PostHoc>, String> {
        let text = self.body_text.as_deref().ok_or("a text was asked for, and is not there")?;
        let (Some(edited), Some(editor)) = (self.last_edited_at, &self.editor) else {
            return Err("nothing is said of who edited a text, and when".to_owned());
        };
        let own = match (edited, editor) {
            (None, None) => true,
            (_, editor) => editor.as_ref().map(|editor| &editor.login) == by.map(|by| &by.login) && by.is_some(),
        };
        Ok(ticket(text).filter(|_| own).map(|ticket| PostHoc {
            ticket: Some(ticket),
            reviewer: by.map(Account::actor),
            can_push: Some(can_push),
            at: edited.map_or(at, |edited| edited.max(at)),
        }))
    }
}

fn ticket(pattern: &Regex, text: &str) -> Option<String> {
    let found = pattern.captures(text)?.name("evidenced_ticket")?.as_str();
    (!found.trim().is_empty() && found.len() <= TICKET_MAX).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_a_word_of_its_own_and_a_comment_needs_the_whole_line() {
        let tickets = Tickets::of("INC-[0-9]+|P[0-9]").unwrap();
        for (text, named) in [
            ("after the fact, see INC-17.", Some("INC-17")),
            ("(INC-17)", Some("INC-17")),
            ("P1", Some("P1")),
            ("XINC-17 and NO-INC-17 and INC-17b and INC-17-2", None),
            ("INC-", None),
            ("", None),
        ] {
            assert_eq!(tickets.named(text).as_deref(), named, "{text}");
        }
        for (text, reviewed) in [
            ("looked at it\nReviewed-after: INC-17 ok\nthanks", Some("INC-17")),
            ("Reviewed-after: INC-17 ok\r\n", Some("INC-17")),
            ("Reviewed-after: INC-17 not ok", None),
            ("Reviewed-after: INC-17", None),
            ("Reviewed-after: INC-17 okay", None),
            ("> not Reviewed-after: INC-17 ok", None),
            ("INC-17 ok", None),
        ] {
            assert_eq!(tickets.reviewed(text).as_deref(), reviewed, "{text}");
        }
    }

    #[test]
    fn a_pattern_that_fits_nothing_or_anything_or_breaks_out_is_refused() {
        for pattern in ["", "(INC-[0-9]+)?", "INC-[0-9", "a)|(b", &"x".repeat(201)] {
            assert!(Tickets::of(pattern).is_err(), "{pattern}");
        }
    }
}
