//! Who does something, as far as the system says. Names are claims: whoever may act under a user's name can
//! use it.

/// The number of the user of this process.
pub fn uid() -> std::io::Result<u32> {
    // The system says of both ends of a pair of sockets whose they are, without any unsafe call of ours.
    Ok(tokio::net::UnixStream::pair()?.0.peer_cred()?.uid())
}

/// The user of this process, and whom sudo says that it is for: `uid 0 (root), for anna as sudo says`.
pub fn me() -> String {
    let uid = uid().map_or_else(|_| "a user that is not known".to_owned(), user);
    match behind() {
        Some(name) => format!("{uid}, for {name} as sudo says"),
        None => uid,
    }
}

/// A user by number, with the name if the system's list of users has one: `uid 0 (root)`.
pub fn user(uid: u32) -> String {
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then_some(name)
    });
    match name.and_then(shown) {
        Some(name) => format!("uid {uid} ({name})"),
        None => format!("uid {uid}"),
    }
}

/// Whom sudo says that it works for.
pub fn behind() -> Option<String> {
    std::env::var("SUDO_USER").ok().as_deref().and_then(shown)
}

/// A user's name that may stand in a record; `None`: it is none.
pub fn shown(name: &str) -> Option<String> {
    let ok = !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_alphanumeric() || "._-@\\+".contains(c));
    ok.then(|| name.to_owned())
}
