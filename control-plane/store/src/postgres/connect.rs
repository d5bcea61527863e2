//! How a PostgreSQL server is reached, and with which role.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::wire::chain;
use crate::StoreError;
use crate::config::{PostgresConfig, PostgresTls};
use crate::dialect::SERVER_ROLE;

/// What every session of ours is set to: nothing waits for ever, and names are looked up in one schema alone. No statement
/// is compiled to machine code: all are short, and compiling one takes many times what it runs.
const OPTIONS: &str = "-c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s \
                       -c search_path=public,pg_temp -c row_security=on -c jit=off";

/// Seconds to wait for a free connection.
const WAIT: Duration = Duration::from_secs(10);

enum Transport {
    Plain,
    Tls(Box<MakeRustlsConnect>),
}

/// A pool of connections for the server's role.
pub(crate) fn open_pool(config: &PostgresConfig) -> Result<Pool, StoreError> {
    let settings = settings(config)?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match transport(config, &settings)? {
        Transport::Plain => Manager::from_config(settings, NoTls, recycling),
        Transport::Tls(tls) => Manager::from_config(settings, *tls, recycling),
    };
    let timeouts = Timeouts { wait: Some(WAIT), create: Some(WAIT), recycle: Some(WAIT) };
    Pool::builder(manager)
        .max_size(config.max_connections.max(1))
        .timeouts(timeouts)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Config(error.to_string()))
}

/// One connection, to look at the schema or to migrate it: without limits of time.
pub(crate) async fn connect_once(config: &PostgresConfig) -> Result<Client, StoreError> {
    let mut settings = settings(config)?;
    settings.options("-c search_path=public,pg_temp -c lock_timeout=60s");
    let unavailable = |error: tokio_postgres::Error| StoreError::Unavailable(chain(&error));
    match transport(config, &settings)? {
        Transport::Plain => {
            let (client, connection) = settings.connect(NoTls).await.map_err(unavailable)?;
            tokio::spawn(connection);
            Ok(client)
        }
        Transport::Tls(tls) => {
            let (client, connection) = settings.connect(*tls).await.map_err(unavailable)?;
            tokio::spawn(connection);
            Ok(client)
        }
    }
}

fn settings(config: &PostgresConfig) -> Result<tokio_postgres::Config, StoreError> {
    // The parser's own error can quote the text, and with it a password.
    let mut settings = tokio_postgres::Config::from_str(&config.url)
        .map_err(|_| StoreError::Config("the database's address is not like postgresql://user@host/database".into()))?;
    if settings.get_password().is_some() {
        let why = "a password does not belong in the database's address: put it into a file and name that".to_owned();
        return Err(StoreError::Config(why));
    }
    if let Some(password) = &config.password {
        settings.password(password.expose());
    }
    settings.options(OPTIONS).application_name("proctor-control-plane").connect_timeout(WAIT);
    settings.ssl_negotiation(SslNegotiation::Postgres);
    Ok(settings)
}

fn transport(config: &PostgresConfig, settings: &tokio_postgres::Config) -> Result<Transport, StoreError> {
    let authorities = match &config.tls {
        PostgresTls::Off if settings.get_hosts().iter().all(is_local) => return Ok(Transport::Plain),
        PostgresTls::Off => {
            let why = "without TLS only a Unix socket or a loopback address is connected to".to_owned();
            return Err(StoreError::Config(why));
        }
        PostgresTls::Full { authorities_pem } => authorities_pem,
    };
    if settings.get_ssl_mode() == SslMode::Disable {
        return Err(StoreError::Config("`sslmode=disable` contradicts the TLS that is configured".to_owned()));
    }
    let roots = roots(authorities.as_deref())?;
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Config(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Transport::Tls(Box::new(MakeRustlsConnect::new(tls))))
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name.parse::<IpAddr>().map_or(name == "localhost", |address| address.is_loopback()),
    }
}

fn roots(pem: Option<&[u8]>) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = pem {
        let bad = |why: String| StoreError::Config(format!("the database's authorities cannot be used: {why}"));
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(StoreError::Config("there is no certificate authority to trust the database by".to_owned()));
    }
    Ok(roots)
}

/// Refuses a role that row-level security does not bind: the owner of tables, a superuser, one with BYPASSRLS.
pub(crate) async fn check_server_role(client: &Client) -> Result<(), StoreError> {
    let sql = "SELECT current_user::text, session_user::text, r.rolsuper, r.rolbypassrls, r.rolcreaterole, \
               EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                       WHERE n.nspname = 'public' AND pg_has_role(current_user, c.relowner, 'MEMBER')), \
               current_setting('server_encoding') \
               FROM pg_roles r WHERE r.rolname = current_user";
    let row = client.query_one(sql, &[]).await.map_err(|error| StoreError::Unavailable(chain(&error)))?;
    let (user, session): (String, String) = (row.get(0), row.get(1));
    if user != SERVER_ROLE || session != SERVER_ROLE {
        let why = format!("the server connects as `{SERVER_ROLE}` and as nobody else; the address names `{user}`");
        return Err(StoreError::Role(why));
    }
    let too_much = [
        (row.get::<_, bool>(2), "is a superuser"),
        (row.get(3), "may bypass row-level security"),
        (row.get(4), "may make roles"),
        (row.get(5), "owns tables, or is a member of the role that does"),
    ];
    if let Some((_, what)) = too_much.into_iter().find(|(held, _)| *held) {
        let why = format!("the role `{SERVER_ROLE}` {what}: take that from it, tenants would not be kept apart");
        return Err(StoreError::Role(why));
    }
    let encoding: String = row.get(6);
    if encoding != "UTF8" {
        return Err(StoreError::Role(format!("the database's encoding is {encoding}: make it with UTF8")));
    }
    check_policies(client).await
}

/// Refuses tables of tenants whose rows are not kept apart any more: somebody switched row-level security off, or added
/// a policy to the one of the migrations. Policies of the same table add up.
async fn check_policies(client: &Client) -> Result<(), StoreError> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped \
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') \
               AND (NOT c.relrowsecurity OR NOT c.relforcerowsecurity OR 1 <> \
                    (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive \
                     AND (0 = ANY (p.polroles) OR current_user::regrole::oid = ANY (p.polroles)))) \
               ORDER BY c.relname LIMIT 1";
    let open = client.query_opt(sql, &[]).await.map_err(|error| StoreError::Unavailable(chain(&error)))?;
    open.map_or(Ok(()), |row| {
        let table: String = row.get(0);
        Err(StoreError::Role(format!(
            "tenants are not kept apart in the table `{table}`: somebody changed its row-level security. Put it back as \
             the migrations made it: enabled, forced, with one policy"
        )))
    })
}
