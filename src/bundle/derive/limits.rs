//! What a bundle proves and what it does not, in sentences: the README and the pages say the same.

/// What holds once a bundle has been verified.
pub(super) const PROVES: &[&str] = &[
    "That every file here is the one that was committed to when its record was written; that the records are in \
     one log, in this order, and that none of the period's records was left out of the bundle, or, of a selection, \
     none of its controls'; that the tables and pages follow from the evidence; and, re-performed, that the populations and verdicts do.",
];

/// What does not hold however well it verifies; who holds a checkpoint is said beside it.
pub(super) const NOT_PROVEN: &[&str] = &[
    "That the sources told the truth, or that the machine which collected was not tampered with.",
    "When a record was written: its time is the daemon's clock, claimed and not proven, except as far as a \
     time-stamp or witness in data/anchors bounds it.",
    "That there is no second log. Whoever has the log's key could have written the whole of it anew before this \
     bundle was made, unless somebody else held a checkpoint then. If you were given an earlier checkpoint, compare it.",
    "That what is not configured to be collected is in order. See data/configs.",
    "That the configuration and the state shown for the time before the first record of the period are the last \
     ones before it: they were in the log before it, but what lies between is not disclosed.",
];

/// Sentences broken into lines of at most a hundred characters, each indented by two spaces.
pub(super) fn lines(sentences: &[&str]) -> String {
    let mut text = String::new();
    for sentence in sentences {
        let mut line = String::from(" ");
        for word in sentence.split_whitespace() {
            if line.len() + 1 + word.len() > 110 {
                text.push_str(&line);
                text.push('\n');
                line = String::from(" ");
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}
