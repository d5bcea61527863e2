//! A request for a page that was let in: what was asked for, and by whom.

use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use bytes::Bytes;
use clock::Timestamp;
use control_plane_domain::list::Listed;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_operations::{Client, Half, Operations};
use crypto::{Digest, Secret};
use futures_util::Stream;
use serde::de::DeserializeOwned;

use super::frame::{Frame, Section, Who};
use super::kit::Pager;
use super::path::Href;
use super::route::PageRoute;
use super::trouble::Trouble;
use super::values::Values;
use super::zone::Zone;
use crate::http::json;
use crate::http::lasting::lasting;
use crate::http::stream::{Cut, paced};
use crate::places::Place;
use crate::problem::Problem;
use crate::{Settings, Web};

/// What was asked for, whoever asks.
pub(crate) struct Asked {
    pub(super) web: Arc<Web>,
    pub(super) route: &'static PageRoute,
    pub(super) path: Vec<(String, String)>,
    pub(super) here: Href,
    pub(super) query: Values,
    pub(super) form: Values,
    pub(super) body: Bytes,
    /// Which page's form it was.
    pub(super) form_id: Option<Digest>,
    pub(super) client: Client,
    /// The cookie that stands for whoever asks: the session, or what stands in for it.
    pub(super) cookie: Secret<String>,
    /// The session's cookie as it came along, whatever it is worth.
    pub(super) session: Option<Secret<String>>,
    /// For the forms of the page that is answered.
    pub(super) token: String,
    pub(super) saying: Option<String>,
    pub(super) zone: Zone,
    pub(super) now: Timestamp,
}

impl Asked {
    pub(crate) fn operations(&self) -> &Operations {
        self.web.operations()
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.web.settings()
    }

    pub(crate) fn web(&self) -> &Arc<Web> {
        &self.web
    }

    pub(crate) fn query(&self) -> &Values {
        &self.query
    }

    /// What was typed. Token and origin were checked before anything of it was read.
    pub(crate) fn form(&self) -> &Values {
        &self.form
    }

    /// The document that a script of ours sent.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        json::read(&self.body).map_err(Trouble::from)
    }

    /// The parameter of the path. One that is no such id names nothing that there is.
    pub(crate) fn path<T: FromStr>(&self, name: &str, what: &'static str) -> Result<T, Trouble> {
        let value = self.path.iter().find(|(found, _)| found == name).and_then(|(_, value)| value.parse().ok());
        value.ok_or_else(|| Trouble::not_found(what))
    }

    /// What was asked for: path and query.
    pub(in crate::console) fn here(&self) -> &Href {
        &self.here
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn zone(&self) -> Zone {
        self.zone
    }

    /// Where the browser is and what it calls itself.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The text of the session's cookie; empty without one, which no session has.
    pub(in crate::console) fn session(&self) -> &str {
        self.session.as_ref().map_or("", |session| session.expose())
    }

    /// Links to the first page of a list and the next one, with the same filters.
    pub(crate) fn pager<T>(&self, listed: &Listed<T>) -> Pager {
        let path = self.here.as_str().split('?').next().unwrap_or("/");
        let same = || {
            let pairs = self.query.pairs().filter(|(name, _)| !["cursor", "format"].contains(name));
            pairs.fold(Href::asked_for(path), |href, (name, value)| href.with(name, value))
        };
        Pager {
            first: self.query.text("cursor").map(|_| same()),
            next: listed.next.as_ref().map(|next| same().with("cursor", next)),
            csv: self.route.query.iter().any(|field| field.name == "format").then(|| same().with("format", "csv")),
            rows: listed.items.len(),
        }
    }

    fn frame_with(&self, section: Section, title: String, who: Option<Who>) -> Frame {
        Frame::new(section, title, who, self.token.clone(), self.now, self.zone, self.saying.clone())
    }
}

/// Somebody who is signed in asks.
pub(crate) struct Visit {
    pub(super) asked: Asked,
    pub(super) caller: Caller,
    pub(super) who: Who,
    /// Whether its form is one that is sent once, and was taken for sent.
    pub(super) is_taken: AtomicBool,
}

impl Deref for Visit {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl Visit {
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Who it is, in words.
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.caller.may(permission)
    }

    /// Refuses a form that was sent before: what it made is not made again.
    pub(crate) fn once(&self) -> Result<(), Trouble> {
        match (self.caller.session(), self.form_id) {
            (Some(session), Some(form)) if self.web.once.first(session, form) => {
                self.is_taken.store(true, Ordering::Release);
                Ok(())
            }
            _ => Err(Problem::sent_before().into()),
        }
    }

    /// Nothing came of the form: it may be sent again.
    pub(super) fn not_done(&self) {
        if let (true, Some(session), Some(form)) =
            (self.is_taken.load(Ordering::Acquire), self.caller.session(), self.form_id)
        {
            self.web.once.forget(session, form);
        }
    }

    /// A place for something that is more than a page; to be taken before it is read.
    pub(crate) fn download(&self) -> Result<Place, Trouble> {
        Ok(self.web.download(&self.caller)?)
    }

    /// A body that comes as it comes, for as long as the session holds. The place is kept until it ends.
    pub(crate) fn streamed<S>(&self, place: Option<Place>, pieces: S) -> Body
    where
        S: Stream<Item = Result<Bytes, Cut>> + Send + 'static,
    {
        paced(lasting(&self.web, &self.caller, place, pieces), self.settings().limits.idle)
    }

    /// Asks for both factors again, unless they were shown a short while ago.
    pub(crate) fn confirmed(&self) -> Result<(), Trouble> {
        Ok(self.operations().check_confirmed(&self.caller)?)
    }

    /// The same, with a code of the app: a recovery code signs for no evidence and sends no secret.
    pub(crate) fn confirmed_by_app(&self) -> Result<(), Trouble> {
        self.confirmed()?;
        if self.caller.came_by_recovery_code() { Err(Trouble::ConfirmFirst) } else { Ok(()) }
    }

    /// What stands around a page.
    pub(crate) fn frame(&self, section: Section, title: impl Into<String>) -> Frame {
        self.frame_with(section, title.into(), Some(self.who.clone()))
    }
}

/// Somebody asks who is not signed in, or half.
pub(crate) struct Guest {
    pub(super) asked: Asked,
    pub(super) standing: Standing,
}

/// How far somebody has come.
pub(crate) enum Standing {
    /// Nothing was shown.
    Stranger,
    /// A password was shown.
    Half(Half),
    /// Both factors were shown.
    SignedIn,
}

impl Deref for Guest {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl Guest {
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The half session. Pages that need one are not reached without.
    pub(crate) fn half(&self) -> Result<&Half, Trouble> {
        match &self.standing {
            Standing::Half(half) => Ok(half),
            Standing::Stranger | Standing::SignedIn => Err(Trouble::SignIn),
        }
    }

    /// What stands around a page of somebody who is not signed in.
    pub(crate) fn frame(&self, title: impl Into<String>) -> Frame {
        self.frame_with(Section::None, title.into(), None)
    }
}
