//! Two tenants with people, keys and one thing of each kind.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Body;
use clock::{ManualClock, Timestamp};
use control_plane_authority::{Authority, RootKey};
use control_plane_domain::policy::{Permission, Scopes};
use control_plane_operations::{CreateApiKey, CreateTenant, Operations, Parts};
use control_plane_store::{Config, SqliteConfig, Store, migrate};
use crypto::{Secret, SystemEntropy};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use ids::{PersonId, TenantId};
use serde_json::Value;

use super::samples::Things;
use crate::http::headers::{ALWAYS, OTHERWISE, REQUEST_ID};
use crate::{Limits, Rate, Settings, Web};

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) owner: PersonId,
    pub(crate) key: String,
    pub(crate) things: Things,
}

pub(crate) struct Fixture {
    pub(crate) operations: Operations,
    pub(crate) web: Arc<Web>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ours: Tenant,
    pub(crate) theirs: Tenant,
    pub(crate) folder: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        let document = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json", "{document}");
        // The page that helps is named to scripts of ours alone.
        let keys: Vec<&String> = document.as_object().unwrap().keys().filter(|key| *key != "next_page").collect();
        assert_eq!(keys, ["code", "detail", "next", "status", "title", "type"]);
        assert_eq!(document["status"], self.status.as_u16());
        assert_eq!(document["type"], format!("urn:proctor:error:{}", document["code"].as_str().unwrap()));
        assert!(document["detail"].as_str().unwrap().len() > 5 && document["next"].as_str().unwrap().len() > 5);
        document["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

pub(crate) fn generous() -> Limits {
    let many = Rate { per_second: NonZeroU32::new(100_000).unwrap(), burst: NonZeroU32::new(1_000_000).unwrap() };
    Limits { by_address: many, by_key: many, ..Limits::default() }
}

pub(crate) async fn fixture() -> Fixture {
    fixture_with(generous()).await
}

pub(crate) async fn fixture_with(limits: Limits) -> Fixture {
    fixture_behind(limits, Vec::new()).await
}

/// The same behind these proxies.
pub(crate) async fn fixture_behind(limits: Limits, trusted_proxies: Vec<IpAddr>) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::Sqlite(SqliteConfig::at(folder.path().join("control-plane.db")));
    migrate(&config).await.unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
    let store = Store::open(&config, Arc::clone(&clock) as Arc<dyn clock::Clock>).await.unwrap();
    let operations = Operations::new(Parts {
        store,
        authority: Arc::new(Authority::new(RootKey::new(Secret::new([7; 32])))),
        clock: Arc::clone(&clock) as Arc<dyn clock::Clock>,
        entropy: SystemEntropy::new(),
        settings: control_plane_operations::Settings::new("line.example.org:8442".parse().unwrap()),
    });
    let pin = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
    let settings =
        Settings { limits, trusted_proxies, ..Settings::new("enrol.example.org:8441".parse().unwrap(), pin) };
    let web = Web::new(operations.clone(), settings);
    let ours = tenant(&operations, "ours").await;
    let theirs = tenant(&operations, "theirs").await;
    Fixture { operations, web, clock, ours, theirs, folder }
}

async fn tenant(operations: &Operations, name: &str) -> Tenant {
    let made = operations
        .create_tenant(CreateTenant {
            name: name.parse().unwrap(),
            owner_email: format!("owner@{name}.example").parse().unwrap(),
            owner_name: format!("Owner of {name}").parse().unwrap(),
        })
        .await
        .unwrap();
    let key = made.api_key.expose().clone();
    let things = Things::make(operations, made.tenant, made.owner, made.key).await;
    Tenant { id: made.tenant, owner: made.owner, key, things }
}

impl Fixture {
    /// A key of our owner that carries these permissions.
    pub(crate) async fn key_with(&self, scopes: impl IntoIterator<Item = Permission>) -> String {
        let caller = self.operations.authenticate(&self.ours.key, CLIENT).await.unwrap();
        let words: Vec<&str> = scopes.into_iter().map(Permission::as_str).collect();
        let input = CreateApiKey {
            person: None,
            label: "narrow".parse().unwrap(),
            scopes: Some(Scopes::parse(words).unwrap()),
            expires: self.operations.clock().now().plus_ms(3_600_000),
        };
        self.operations.create_api_key(&caller, input).await.unwrap().text.expose().clone()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &self.ours.key, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, &self.ours.key, Some(body)).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, key: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// Sends a request as it is. Whatever the answer, it must carry every header that answers carry.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.web.respond(request, CLIENT).await;
        let (head, body) = response.into_parts();
        for (name, value) in ALWAYS {
            let found: Vec<_> = head.headers.get_all(*name).iter().collect();
            assert_eq!(found, [value], "{name} on {}", head.status);
        }
        for (name, _) in OTHERWISE {
            assert_eq!(head.headers.get_all(*name).iter().count(), 1, "{name} on {}", head.status);
        }
        let media = head.headers.get("content-type").map(|media| media.as_bytes()).unwrap_or_default();
        if media.ends_with(b"json") {
            let (policy, cache) = (&head.headers["content-security-policy"], &head.headers["cache-control"]);
            assert!(policy.to_str().unwrap().starts_with("default-src 'none'") && cache == "no-store");
        }
        let id = head.headers[REQUEST_ID].to_str().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(!head.headers.contains_key("server"));
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, bytes }
    }
}
