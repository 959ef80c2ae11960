//! Names of hosts.

/// Ends of names that public DNS does not have, so that no other site has such a name: RFC 6761
/// (`.localhost`), RFC 6762 with its appendix G, RFC 8375 (`.home.arpa`), and what routers use.
const LOCAL: [&str; 10] = [
    ".localhost",
    ".local",
    ".home.arpa",
    ".internal",
    ".lan",
    ".home",
    ".intranet",
    ".private",
    ".corp",
    ".localdomain",
];

/// Whether a name is one that public DNS does not have.
pub fn is_local_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    LOCAL.iter().any(|end| name.ends_with(end))
}
