//! What checks a bundle without us: scripts and pages that are in every bundle and in every release, the same
//! bytes in both. Their own sources are beside this file; nothing here runs them.

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name, in the bundle's folder too.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// All of them, by name.
pub const ALL: [Tool; 4] = [
    Tool { name: "AUDITOR.html", text: include_str!("tools/AUDITOR.html") },
    Tool { name: "verify.html", text: include_str!("tools/verify.html") },
    Tool { name: "verify.py", text: include_str!("tools/verify.py") },
    Tool { name: "verify.sh", text: include_str!("tools/verify.sh") },
];
