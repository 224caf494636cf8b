//! The permission that kinds need which read files.

use crate::contract::{Permission, System};
use crate::door::RecordedRequest;

/// Reading, and nothing else.
pub(crate) const READ: Permission = Permission {
    system: System::Files,
    name: "read on the files, read and search on their directories",
    only_for: None,
};

/// What a request needs.
pub(crate) fn needs(request: &RecordedRequest) -> Vec<String> {
    let known = ["LIST", "READ"].contains(&request.method.as_str());
    known.then(|| READ.name.to_owned()).into_iter().collect()
}
