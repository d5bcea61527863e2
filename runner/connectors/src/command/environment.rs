//! What a program finds in its environment.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::connection::{Postgres, PostgresTls, Target};
use crate::registry::Context;
use crate::request::{Fault, Request, Result};

pub(super) type Environment = BTreeMap<String, Zeroizing<String>>;

/// The fixed environment, and on top of it what the connection gives.
pub(super) async fn of(context: &Context, request: &Request<'_>) -> Result<Environment> {
    let home = request.scratch.map_or("/nonexistent".into(), |scratch| scratch.to_string_lossy());
    let mut environment = Environment::new();
    let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), Zeroizing::new(value.to_owned()));
    set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    set("LANG", "C.UTF-8");
    set("TZ", "UTC");
    set("HOME", &home);
    let Some(connection) = request.connection else { return Ok(environment) };
    match &connection.target {
        Target::Command { environment: more } => {
            for (name, value) in more {
                let name_is_plain = !name.is_empty() && !name.contains(['=', '\0']);
                if !name_is_plain || value.expose().contains('\0') {
                    let detail = format!("connection {}: {name:?} cannot stand in an environment", connection.name);
                    return Err(Fault::denied(detail));
                }
                set(name, value.expose());
            }
        }
        Target::Postgres(server) => postgres(context, server, &mut set).await?,
        Target::Http(_) | Target::Sqlite { .. } | Target::Unavailable { .. } => {
            let (name, kind) = (&connection.name, connection.target.kind());
            return Err(Fault::denied(format!(
                "connection {name} is of type {kind}; a command takes command or postgres"
            )));
        }
    }
    Ok(environment)
}

/// The variables that libpq and every PostgreSQL tool read. The address is the one that the guard has judged.
async fn postgres(
    context: &Context,
    server: &Postgres,
    set: &mut impl FnMut(&str, &str) -> Option<Zeroizing<String>>,
) -> Result<()> {
    let is_socket = server.host.starts_with('/');
    if !is_socket {
        let target = context.admit(&server.host, server.port).await?;
        if let Some(address) = target.addresses.first() {
            set("PGHOSTADDR", &address.ip().to_string());
        }
    }
    set("PGHOST", &server.host);
    set("PGPORT", &server.port.to_string());
    set("PGUSER", &server.user);
    set("PGDATABASE", &server.database);
    set("PGSSLMODE", if server.tls == PostgresTls::VerifyFull && !is_socket { "verify-full" } else { "disable" });
    let bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    if let Some(bundle) = bundles.into_iter().find(|bundle| std::path::Path::new(bundle).exists()) {
        set("PGSSLROOTCERT", bundle);
    }
    if let Some(password) = &server.password {
        set("PGPASSWORD", password.expose());
    }
    Ok(())
}
