//! Directories of files that people keep: the permission that they need, and what is said of one that
//! could not be listed or read.

use crate::contract::{CollectError, Permission, System, Unread};
use crate::door::{Failure, RecordedRequest};
use std::path::Path;

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

/// Something that is wrong with a file, and what to do about it.
pub(crate) fn told(what: &str, why: String, hint: &str) -> Unread {
    Unread { what: what.to_owned(), why, permission: None, hint: Some(hint.to_owned()) }
}

/// A file that could not be read.
pub(crate) fn not_read(name: &str, failure: &Failure) -> Unread {
    let (permission, hint) = match failure {
        Failure::Denied => (Some("read"), "let the service's user read it"),
        Failure::NotFound => (None, "it was listed a moment before; the next run reads again"),
        Failure::TooLarge(_) | Failure::Limit(_) => (None, "is it the right file? else raise the door's limits"),
        Failure::Refused(_) => (None, "put the file itself there; a link is not followed"),
        _ => (None, "look at the sealed exchange; the next run reads again"),
    };
    Unread { permission: permission.map(str::to_owned), ..told(name, failure.to_string(), hint) }
}

/// A directory that could not be listed.
pub(crate) fn not_listed(directory: &Path, failure: Failure) -> CollectError {
    let what = directory.display().to_string();
    let why = failure.to_string();
    match failure {
        Failure::Denied => {
            CollectError::Forbidden { what, why, permission: Some("read and search on the directory".to_owned()) }
        }
        Failure::TooLarge(_) | Failure::Limit(_) => CollectError::Limit { what, why },
        _ => CollectError::Unavailable { what, why },
    }
}
