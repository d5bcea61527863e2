//! The table of rooms: which crate may depend on which, and which library may be named where.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Every room with the rooms that it may depend on. A new crate or a new edge is a decision, and is made here.
const ROOMS: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("clock", &[]),
    ("verdict", &[]),
    ("crypto", &["ids", "clock"]),
    ("proof", &["ids", "clock", "crypto", "verdict"]),
    ("procedure", &["ids", "clock", "crypto", "verdict"]),
    ("proto", &[]),
    ("contract", &["ids", "clock", "crypto", "verdict", "proof", "procedure", "proto"]),
    ("terminal", &["verdict", "proof"]),
    ("verify", &["terminal", "ids", "clock", "crypto", "verdict", "proof", "procedure"]),
    ("runner-evidence", &["ids", "clock", "crypto", "verdict", "proof"]),
    ("runner-connectors", &["ids", "clock", "crypto", "verdict", "procedure", "runner-evidence"]),
    ("runner-engine", &["ids", "clock", "crypto", "verdict", "procedure"]),
    ("runner-vault", &["ids", "clock", "crypto", "verdict", "proof", "runner-evidence"]),
    (
        "runner-disclosure",
        &[
            "ids",
            "clock",
            "crypto",
            "verdict",
            "procedure",
            "proof",
            "contract",
            "runner-engine",
            "runner-evidence",
            "runner-vault",
        ],
    ),
    ("runner-link", &["ids", "clock", "crypto", "contract", "proto"]),
    (
        "runner-agent",
        &[
            "ids",
            "clock",
            "crypto",
            "verdict",
            "procedure",
            "proof",
            "contract",
            "terminal",
            "runner-connectors",
            "runner-disclosure",
            "runner-engine",
            "runner-evidence",
            "runner-link",
            "runner-vault",
        ],
    ),
    ("control-plane-domain", &["ids", "clock", "crypto", "verdict", "proof", "procedure", "contract"]),
    (
        "control-plane-store",
        &["ids", "clock", "crypto", "verdict", "proof", "procedure", "contract", "control-plane-domain"],
    ),
    ("control-plane-authority", &["ids", "clock", "crypto", "contract", "control-plane-domain"]),
    ("control-plane-authn", &["ids", "clock", "crypto", "control-plane-domain"]),
    (
        "control-plane-operations",
        &[
            "ids",
            "clock",
            "crypto",
            "verdict",
            "proof",
            "procedure",
            "contract",
            "control-plane-domain",
            "control-plane-store",
            "control-plane-authority",
            "control-plane-authn",
        ],
    ),
    (
        "control-plane-gateway",
        &[
            "ids",
            "clock",
            "crypto",
            "proof",
            "contract",
            "proto",
            "control-plane-domain",
            "control-plane-authority",
            "control-plane-operations",
        ],
    ),
    (
        "control-plane-web",
        &[
            "ids",
            "clock",
            "crypto",
            "verdict",
            "proof",
            "contract",
            "control-plane-domain",
            "control-plane-authn",
            "control-plane-operations",
        ],
    ),
    (
        "control-plane-server",
        &[
            "ids",
            "clock",
            "crypto",
            "verdict",
            "proof",
            "contract",
            "control-plane-domain",
            "control-plane-store",
            "control-plane-authority",
            "control-plane-authn",
            "control-plane-operations",
            "control-plane-gateway",
            "control-plane-web",
            "terminal",
        ],
    ),
    ("quickstart", &["clock"]),
];

/// Libraries that only some rooms may name.
const KEPT: &[(&[&str], &[&str])] = &[
    (&["aes-gcm", "argon2", "ed25519-dalek", "ring", "hpke", "subtle"], &["crypto"]),
    (&["rusqlite"], &["runner-vault", "runner-connectors", "control-plane-store", "quickstart"]),
    (&["reqwest"], &["runner-connectors", "verify"]),
    (&["tokio-postgres", "tokio-postgres-rustls"], &["runner-connectors", "control-plane-store"]),
    (&["deadpool-postgres", "refinery"], &["control-plane-store"]),
    (&["x509-parser"], &["runner-connectors", "runner-link", "control-plane-authority"]),
    (&["rcgen", "rustls-webpki"], &["runner-link", "control-plane-authority", "quickstart"]),
    (&["tonic"], &["proto", "runner-link", "control-plane-gateway"]),
    (&["axum"], &["control-plane-web", "control-plane-server"]),
    (&["askama", "qrcodegen"], &["control-plane-web"]),
    (&["cel"], &["procedure"]),
    (&["clap"], &["runner-agent", "control-plane-server", "verify", "quickstart"]),
    (
        &["tokio", "rustls", "tokio-rustls", "rustls-platform-verifier"],
        &[
            "runner-connectors",
            "runner-link",
            "runner-agent",
            "control-plane-authority",
            "control-plane-store",
            "control-plane-operations",
            "control-plane-gateway",
            "control-plane-web",
            "control-plane-server",
            "verify",
            "quickstart",
        ],
    ),
];

/// What must not be linked in any room, directly or through others: a second TLS or cryptography stack, and YAML
/// readers that are no longer kept.
const BANNED: &[&str] = &[
    "aws-lc-sys",
    "aws-lc-rs",
    "openssl",
    "openssl-sys",
    "native-tls",
    "serde_yaml",
    "serde_yml",
    "serde_norway",
    "antlr-rust",
    "wasm-bindgen-cli",
];

const LICENSES: &[&str] = &[
    "Apache-2.0",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "MPL-2.0",
    "0BSD",
    "Apache-2.0 WITH LLVM-exception",
];

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    command.other_options(["--locked".to_owned(), "--offline".to_owned()]);
    command.exec().expect("cargo describes the workspace")
}

fn production(package: &Package) -> impl Iterator<Item = &str> {
    let kinds = [DependencyKind::Normal, DependencyKind::Build];
    package.dependencies.iter().filter(move |d| kinds.contains(&d.kind)).map(|d| d.name.as_str())
}

#[test]
fn rooms_depend_only_on_the_rooms_in_the_table() {
    let metadata = metadata();
    let table: BTreeMap<_, BTreeSet<_>> =
        ROOMS.iter().map(|(name, to)| (*name, to.iter().copied().collect())).collect();
    let mut faults = Vec::new();
    for package in metadata.workspace_packages().into_iter().filter(|package| package.name.as_str() != "tests") {
        let Some(allowed) = table.get(package.name.as_str()) else {
            faults.push(format!("{} is not in the table of rooms", package.name));
            continue;
        };
        let rooms = production(package).filter(|name| table.contains_key(name) || *name == "tests");
        faults.extend(
            rooms.filter(|to| !allowed.contains(to)).map(|to| format!("{} must not depend on {to}", package.name)),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn kept_libraries_are_named_only_in_their_rooms() {
    let metadata = metadata();
    let mut faults = Vec::new();
    for package in metadata.workspace_packages().into_iter().filter(|package| package.name.as_str() != "tests") {
        for (libraries, rooms) in KEPT {
            let named = production(package).filter(|name| libraries.contains(name));
            faults.extend(
                named
                    .filter(|_| !rooms.contains(&package.name.as_str()))
                    .map(|library| format!("{} must not name {library}; it belongs in {rooms:?}", package.name)),
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_banned_is_linked_and_sqlite_is_linked_once() {
    let metadata = metadata();
    let banned: Vec<_> =
        metadata.packages.iter().map(|p| p.name.as_str()).filter(|name| BANNED.contains(name)).collect();
    assert!(banned.is_empty(), "banned packages are in the tree: {banned:?}");
    let sqlite = metadata.packages.iter().filter(|package| package.links.as_deref() == Some("sqlite3")).count();
    assert_eq!(sqlite, 1, "exactly one package links SQLite");
}

#[test]
fn every_licence_is_one_that_we_accept() {
    let metadata = metadata();
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let license = package.license.clone().unwrap_or_default().replace('/', " OR ");
        let satisfied = license
            .replace(['(', ')'], "")
            .split(" AND ")
            .all(|required| required.split(" OR ").any(|choice| LICENSES.contains(&choice.trim())));
        if !satisfied {
            faults.push(format!("{} {}: {license:?}", package.name, package.version));
        }
    }
    assert!(faults.is_empty(), "licences to decide on:\n{}", faults.join("\n"));
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest is readable");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} does not take the workspace's lints", package.name);
    }
}
