//! Removal of secrets from what comes in.

/// One secret that a source's answers carry.
#[derive(Debug, Clone)]
pub struct Strike {
    /// Its name in the record.
    pub rule: &'static str,
    /// Finds it; the first group is replaced, the whole match if there is none.
    pub pattern: regex::bytes::Regex,
}
