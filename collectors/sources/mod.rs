//! What several kinds ask of one outside system, or of directories, in the same way: how it is addressed, paged and
//! refused there, and which permission that needs. No kind lives here, nothing is concluded, and whatever goes out goes
//! through the door.

pub(crate) mod aws;
pub(crate) mod files;
pub(crate) mod github;
