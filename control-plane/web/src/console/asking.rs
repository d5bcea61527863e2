//! Who asks for a page, as far as the cookie says.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use control_plane_operations::{Client, Half, Seen, Signed};
use crypto::Secret;
use http::request::Parts;
use http::{Method, header};

use super::pages::again::{self, Again, Shown};
use super::trouble::Trouble;
use super::zone::Zone;
use super::{cookie, csrf};
use crate::Web;
use crate::front::{Peer, RequestId};
use crate::http::body::Sender;
use crate::places::Whose;
use crate::problem::Problem;

/// Says that a page is loaded because something changed, and not because the person does something.
const UNATTENDED: &str = "x-proctor-unattended";

/// The stream that live pages follow.
const LIVE: &str = "/live";

/// Who asks.
#[derive(Clone)]
pub(super) enum Known {
    Stranger,
    Half(Half),
    Full(Box<Signed>),
}

impl Known {
    /// Who sends a body, with the patience that they get.
    pub(super) fn sender(&self, client: &Client) -> Sender<'_> {
        match self {
            Self::Full(signed) => Sender::Known(&signed.caller),
            Self::Stranger | Self::Half(_) => Sender::Stranger(client.address()),
        }
    }

    /// The session that has a share of what there is.
    pub(super) fn means(&self) -> Option<Whose> {
        match self {
            Self::Full(signed) => Some(Whose::means(&signed.caller)),
            Self::Half(half) => Some(Whose::Means(half.tenant, *half.session.as_bytes())),
            Self::Stranger => None,
        }
    }
}

/// A request, and who asks.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) head: Parts,
    pub(super) known: Known,
    /// The session's cookie, where both factors were shown on the way and it became another one. A change that is carried
    /// on shares it with the answer, which says so also when the change itself takes too long.
    pub(super) renewed: Arc<OnceLock<Secret<String>>>,
}

impl Asking {
    pub(super) fn new(head: Parts, known: Known) -> Self {
        Self { head, known, renewed: Arc::default() }
    }

    /// Goes on as if the request had come with the session's new cookie, if it has one.
    pub(super) fn renew(&mut self) {
        if let Some(session) = self.renewed.get() {
            cookie::renew(&mut self.head.headers, cookie::SESSION, session);
        }
    }

    /// Looks again who asks.
    pub(super) async fn look_again(&mut self, web: &Web) -> Result<(), Trouble> {
        self.known = known(web, &self.head).await?;
        Ok(())
    }

    /// Shows both factors that came with a form. What comes back says why they were refused, where they can be typed
    /// again. From here on the request is as if it had come with the session's new cookie.
    pub(super) async fn shows(&mut self, web: &Web, again: Again, client: &Client) -> Result<Option<String>, Trouble> {
        let Known::Full(signed) = &self.known else { return Err(Trouble::SignIn) };
        match again::shown(web, &signed.caller, again, client).await? {
            Shown::Refused(why) => Ok(Some(why)),
            Shown::Renewed(session) => {
                self.renewed.get_or_init(|| session);
                self.renew();
                self.look_again(web).await.map(|()| None)
            }
        }
    }

    /// A token for the forms of a page that is not the one asked for.
    pub(super) fn token(&self, web: &Web) -> String {
        let session = cookie::read(&self.head.headers, cookie::SESSION);
        session.map_or_else(String::new, |session| csrf::token(&session, &web.entropy))
    }

    /// In which zone times are read: the account's.
    pub(super) fn zone(&self) -> Zone {
        let of_account = match &self.known {
            Known::Full(signed) => signed.zone.as_ref().and_then(|zone| zone.as_str().parse().ok()),
            Known::Stranger | Known::Half(_) => None,
        };
        of_account.unwrap_or(Zone::UTC)
    }

    pub(super) fn id(&self) -> RequestId {
        id_of(&self.head)
    }
}

/// The id of a request.
pub(super) fn id_of(head: &Parts) -> RequestId {
    head.extensions.get::<RequestId>().cloned().unwrap_or(RequestId(String::new()))
}

/// Where the browser is and what it calls itself.
pub(super) fn client_of(head: &Parts) -> Result<Client, Trouble> {
    let address: IpAddr = head.extensions.get::<Peer>().ok_or_else(Problem::fault)?.0;
    let agent = head.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Ok(Client::new(address, agent))
}

/// Looks the session up. A page that loads itself again does not count as somebody who does something.
pub(super) async fn known(web: &Web, head: &Parts) -> Result<Known, Trouble> {
    let Some(session) = cookie::read(&head.headers, cookie::SESSION) else { return Ok(Known::Stranger) };
    let client = client_of(head)?;
    let seen = if is_unattended(head) {
        web.operations.look_at_session(session.expose(), &client).await?
    } else {
        web.operations.session(session.expose(), &client).await?
    };
    Ok(match seen {
        Seen::Nobody => Known::Stranger,
        Seen::Half(half) => Known::Half(half),
        Seen::Full(signed) => Known::Full(Box::new(signed)),
    })
}

/// Whether a page asks by itself. Only who looks can do that, and only a script of a page, as the browser says of it
/// (Fetch Metadata): whatever else carries the header is somebody who does something.
fn is_unattended(head: &Parts) -> bool {
    let looks = [Method::GET, Method::HEAD].contains(&head.method);
    let mode = head.headers.get("sec-fetch-mode").map(|mode| mode.as_bytes());
    let by_script = matches!(mode, Some(b"cors" | b"same-origin")) && head.headers.contains_key(UNATTENDED);
    looks && (by_script || head.uri.path() == LIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(method: &str, path: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_unattended(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_a_script_that_looks_is_unattended() {
        let mode = |mode| [(UNATTENDED, "1"), ("sec-fetch-mode", mode)];
        assert!(asks("GET", "/runs", &mode("cors")) && asks("HEAD", "/runs", &mode("same-origin")));
        assert!(asks("GET", LIVE, &[]), "an event stream cannot carry the header");
        for (method, path, headers) in [
            ("POST", "/runs", &mode("cors")[..]),
            ("POST", LIVE, &mode("cors")),
            ("GET", "/runs", &mode("navigate")),
            ("GET", "/runs", &mode("no-cors")),
            ("GET", "/runs", &[(UNATTENDED, "1")]),
            ("GET", "/runs", &[("sec-fetch-mode", "cors")]),
        ] {
            assert!(!asks(method, path, headers), "{method} {path} {headers:?}");
        }
    }
}
