//! GitHub, as kinds ask it: `client` sends and says what a refusal means, `graphql` asks one document whole,
//! `organization` lists repositories, `installation` says which of them an App may see, `permissions` what a request
//! needs, `rights` what a credential may do, `settings` is what configurations of all these kinds have alike.

pub(crate) mod client;
pub(crate) mod graphql;
mod installation;
pub(crate) mod organization;
pub(crate) mod permissions;
pub(crate) mod rights;
pub(crate) mod settings;
