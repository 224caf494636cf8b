//! What several kinds ask of one outside system: how it is addressed, paged and refused there. No kind lives
//! here, nothing is concluded, and whatever goes out goes through the door.

pub(crate) mod aws;
pub(crate) mod github;
