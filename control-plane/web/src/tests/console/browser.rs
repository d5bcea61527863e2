//! Somebody with a browser: cookies are kept as browsers keep them, forms are sent as pages have them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use axum::body::Body;
use control_plane_domain::link::LinkKind;
use control_plane_domain::policy::Role;
use control_plane_operations::{AddPerson, Client};
use crypto::Secret;
use hmac::{KeyInit, Mac};
use http::{Method, Request, StatusCode, header};
use ids::PersonId;
use url::form_urlencoded;

use super::html::value_of;
use crate::console::{cookie, csrf};
use crate::tests::harness::{Answer, CLIENT, Fixture, Tenant};

pub(crate) const PASSWORD: &str = "seven calm otters by the weir";

/// A browser.
pub(crate) struct Browser<'f> {
    pub(crate) fixture: &'f Fixture,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
    /// The seed of its person's authenticator, in base32.
    pub(crate) seed: RefCell<String>,
}

/// The code that an authenticator shows (RFC 6238).
pub(crate) fn totp(seed: &str, at_ms: i64) -> String {
    let key = data_encoding::BASE32_NOPAD.decode(seed.as_bytes()).unwrap();
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&u64::try_from(at_ms / 30_000).unwrap().to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

impl Fixture {
    /// A browser in which nobody is signed in.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { fixture: self, cookies: RefCell::default(), seed: RefCell::default() }
    }

    /// A browser in which the owner of this tenant is signed in, with both factors.
    pub(crate) async fn signed_in(&self, tenant: &Tenant) -> Browser<'_> {
        self.signed_in_as(tenant, tenant.owner).await
    }

    /// The same for another person.
    pub(crate) async fn signed_in_as(&self, tenant: &Tenant, person: PersonId) -> Browser<'_> {
        let link = self.operations.link_as_operator(tenant.id, person, LinkKind::Everything).await.unwrap();
        let client = Client::new(CLIENT, "a test");
        let password = Secret::new(PASSWORD.to_owned());
        let begun = self.operations.use_link(link.text.expose(), password, &client).await.unwrap();
        let offer = self.operations.offer_totp(begun.cookie.expose()).await.unwrap();
        let seed = offer.secret.expose().clone();
        let code = totp(&seed, self.operations.clock().now().as_millis());
        let finished = self.operations.enrol_totp(begun.cookie.expose(), &code, &client).await.unwrap();
        let browser = self.browser();
        browser.cookies.borrow_mut().insert(cookie::SESSION.to_owned(), finished.cookie.expose().clone());
        browser.seed.replace(seed);
        browser
    }

    /// A browser in which a new person of this role is signed in.
    pub(crate) async fn signed_in_with_role(&self, tenant: &Tenant, role: Role) -> Browser<'_> {
        let caller = self.operations.authenticate(&tenant.key, CLIENT).await.unwrap();
        let input = AddPerson {
            email: format!("{role}-{}@example.org", self.operations.clock().now().as_millis()).parse().unwrap(),
            name: format!("A person who is {role}").parse().unwrap(),
            role,
        };
        let person = self.operations.add_person(&caller, input).await.unwrap();
        self.signed_in_as(tenant, person.id).await
    }
}

impl Browser<'_> {
    /// What the authenticator shows now.
    pub(crate) fn code(&self) -> String {
        totp(&self.seed.borrow(), self.fixture.operations.clock().now().as_millis())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.cookies.borrow().contains_key(name)
    }

    pub(crate) fn session(&self) -> String {
        self.cookies.borrow()[cookie::SESSION].clone()
    }

    /// A token as a page of this browser's session has it.
    pub(crate) fn token(&self) -> String {
        csrf::token(&Secret::new(self.session()), &crypto::SystemEntropy::new())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form of this session as its page would.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token();
        self.post_with(path, &token, fields).await
    }

    /// Sends a form as a page has it: with the token that stands there.
    pub(crate) async fn post_from(&self, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = value_of(&page.text(), "input", "name", "csrf", "value").unwrap();
        self.post_with(path, &token, fields).await
    }

    pub(crate) async fn post_with(&self, path: &str, token: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("csrf", token);
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "null")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.finish()));
        self.send(request.unwrap()).await
    }

    /// Sends a request with this browser's cookies and keeps those that come back.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        let answer = self.fixture.send(request).await;
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let text = set.to_str().unwrap();
            let (pair, attributes) = text.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(name.starts_with("__Host-proctor-"), "{text}");
            assert!(attributes.starts_with("Path=/; Secure; HttpOnly; SameSite=Lax"), "{text}");
            assert!(!attributes.to_ascii_lowercase().contains("domain"), "{text}");
            if attributes.ends_with("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Goes where a redirect leads.
    pub(crate) async fn follow(&self, answer: Answer) -> Answer {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let place = place_of(&answer);
        self.get(&place).await
    }
}

/// Where a redirect leads, which is always to a path of ours.
pub(crate) fn place_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let place = answer.headers["location"].to_str().unwrap().to_owned();
    assert!(place.starts_with('/') && !place.starts_with("//"), "{place}");
    place
}

/// The code on a page that says that something was not done.
pub(crate) fn code_of(answer: &Answer) -> String {
    let text = answer.text();
    let start = text.find("<dt>Code</dt>").unwrap_or_else(|| panic!("no code on {text}"));
    let id = text[start..].find("E-").unwrap() + start;
    text[id..].split('<').next().unwrap().to_owned()
}

pub(crate) fn form_request(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(body.into())
        .unwrap()
}
