//! Why a bundle cannot be made or read, named by what the operator does next. A bundle that is read
//! and found wrong is not an error: that is what `VerifyReport` says.

/// Why a bundle cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The request makes no sense: ask otherwise.
    #[error("{what}\nhint: {hint}")]
    Request {
        /// What is wrong with it.
        what: String,
        /// What to ask instead.
        hint: String,
    },
    /// A control is asked for that there is not: ask for another.
    #[error("no configuration of the period knows the control {control}\nhint: those that it knows: {known}")]
    UnknownControl {
        /// The id asked for.
        control: String,
        /// Those there are.
        known: String,
    },
    /// No checkpoint that ends with a summary covers the period: append one.
    #[error(
        "no checkpoint over {needed} records or more ends with a summary\nhint: `evidenced export` appends one by itself; here none was"
    )]
    NotCovered {
        /// Size that the period needs.
        needed: u64,
    },
    /// The ledger does not give what it should: check it first.
    #[error(
        "the ledger does not give {what}: {why}\nhint: run `evidenced verify --ledger DIR`, with state_dir for DIR"
    )]
    Ledger {
        /// Which record or file.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// A file of the bundle does not have the form it should.
    #[error("{file}: {why}\nhint: ask for the bundle again; this copy is damaged, changed or not a bundle")]
    Malformed {
        /// Path inside the bundle.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A limit of the format was reached: ask for less.
    #[error("{what} is over the limit of {limit}\nhint: export a shorter period")]
    TooLarge {
        /// What is.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// A file outside cannot be read or written: see to the path.
    #[error("{what}: {source}\nhint: check that the path exists, may be written, and that the disk has room")]
    Io {
        /// What was tried, on which path.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl BundleError {
    pub(crate) fn malformed(file: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Malformed { file: file.into(), why: why.to_string() }
    }

    pub(crate) fn ledger(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Ledger { what: what.into(), why: why.to_string() }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Which file of the bundle it is about, and what is wrong with it.
    pub(crate) fn parts(&self) -> (String, String) {
        match self {
            Self::Malformed { file, why } => (file.clone(), why.clone()),
            other => (String::new(), other.to_string()),
        }
    }
}
