//! What a route is: one row of the table from which everything else about it follows.

use std::borrow::Cow;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use control_plane_domain::idempotency::StoredResponse;
use control_plane_domain::list::Listed;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_operations::{Error, Operations};
use futures_util::Stream;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::held::keeping;
use crate::http::json;
use crate::http::lasting::lasting;
use crate::http::query::Query;
use crate::http::stream::{Cut, paced};
pub(crate) use crate::http::verb::Verb;
use crate::idempotency::Keep;
use crate::places::Place;
use crate::problem::Problem;
use crate::{Settings, Web};

/// One thing that can be asked for.
pub(crate) struct Route {
    pub(crate) verb: Verb,
    /// The whole path, with parameters in braces.
    pub(crate) path: &'static str,
    /// A name for it that programs may be generated from.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    /// The parameters of its query, besides those of a list.
    pub(crate) query: &'static [Parameter],
    /// The document in its body; without one no body is taken.
    pub(crate) body: Option<SchemaOf>,
    pub(crate) shape: Shape,
}

/// Who may ask, and what then happens.
pub(crate) enum Access {
    /// Everybody, also without a key.
    Open(fn() -> Reply),
    /// Everybody with a key.
    Key(Handle),
    /// Whoever has one of these permissions.
    Permitted(&'static [Permission], Handle),
}

impl Access {
    /// Any one of these suffices; none are needed if there are none.
    pub(crate) fn permissions(&self) -> &'static [Permission] {
        match self {
            Self::Open(_) | Self::Key(_) => &[],
            Self::Permitted(permissions, _) => permissions,
        }
    }
}

/// Does what is asked for.
pub(crate) type Handle = fn(Call) -> Answering;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

/// A parameter of a query.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) form: Form,
}

/// What a parameter looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    Id,
    Digest,
    Time,
    Text,
    Flag,
    Words(&'static [&'static str]),
}

/// What is answered when all goes well.
pub(crate) enum Shape {
    Json(StatusCode, SchemaOf),
    /// A page of a list.
    Page(SchemaOf),
    /// Bytes of this media type.
    Bytes(&'static str),
    /// Bytes of this media type that come as they come; nobody waits for the last of them.
    Stream(&'static str),
    /// Nothing but that it was done.
    Empty,
}

/// The schema of a document.
#[derive(Clone, Copy)]
pub(crate) struct SchemaOf {
    pub(crate) name: fn() -> Cow<'static, str>,
    pub(crate) schema: fn() -> RefOr<Schema>,
    pub(crate) parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

pub(crate) const fn schema_of<T: ToSchema>() -> SchemaOf {
    SchemaOf { name: T::name, schema: T::schema, parts: T::schemas }
}

/// A request that was let in.
pub(crate) struct Call {
    pub(crate) web: Arc<Web>,
    pub(crate) caller: Caller,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: Query,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn operations(&self) -> &Operations {
        self.web.operations()
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.web.settings()
    }

    /// A place for something that is more than a document; to be taken before it is read.
    pub(crate) fn download(&self) -> Result<Place, Problem> {
        self.web.download(&self.caller)
    }

    /// A body that comes as it comes, for as long as the key holds. The place is kept until it ends.
    pub(crate) fn streamed<S>(&self, place: Option<Place>, pieces: S) -> Body
    where
        S: Stream<Item = Result<Bytes, Cut>> + Send + 'static,
    {
        paced(lasting(&self.web, &self.caller, place, pieces), self.settings().limits.idle)
    }

    /// The parameter of the path. One that is no such id names nothing that there is.
    pub(crate) fn path<T: FromStr>(&self, name: &str, what: &'static str) -> Result<T, Problem> {
        let value = self.path.iter().find(|(found, _)| found == name).and_then(|(_, value)| value.parse().ok());
        value.ok_or_else(|| Error::NotFound(what).into())
    }

    /// The document in the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::read(&self.body)
    }
}

/// What is answered.
pub(crate) struct Reply {
    status: StatusCode,
    media: Option<&'static str>,
    content: Content,
    /// Whether it holds a secret, which is shown once and kept nowhere.
    secret: bool,
}

enum Content {
    Whole(Bytes),
    Streamed(Body),
}

#[derive(Serialize)]
struct PageOf<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Reply {
    /// A JSON document.
    pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Result<Self, Problem> {
        let bytes = serde_json::to_vec(document).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written as JSON");
            Problem::fault()
        })?;
        Ok(Self::bytes_with(status, "application/json", bytes))
    }

    pub(crate) fn ok(document: &impl Serialize) -> Result<Self, Problem> {
        Self::json(StatusCode::OK, document)
    }

    /// A page of a list, each entry written as `W`.
    pub(crate) fn page<T, W: Serialize + From<T>>(listed: Listed<T>) -> Result<Self, Problem> {
        let Listed { items, next } = listed.map(W::from);
        Self::ok(&PageOf { items, next: next.map(|cursor| cursor.to_string()) })
    }

    /// A JSON document with something that is shown once.
    pub(crate) fn secret(document: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { secret: true, ..Self::json(StatusCode::CREATED, document)? })
    }

    /// Exact bytes, with a place that is free again when they were taken.
    pub(crate) fn kept(media: &'static str, bytes: impl Into<Bytes>, place: Place) -> Self {
        Self::stream(media, keeping(Body::from(bytes.into()), place))
    }

    /// Exact bytes.
    pub(crate) fn bytes(media: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::bytes_with(StatusCode::OK, media, bytes)
    }

    /// Bytes that come as they come.
    pub(crate) fn stream(media: &'static str, body: Body) -> Self {
        Self { status: StatusCode::OK, media: Some(media), content: Content::Streamed(body), secret: false }
    }

    /// That it was done.
    pub(crate) fn done() -> Self {
        let content = Content::Whole(Bytes::new());
        Self { status: StatusCode::NO_CONTENT, media: None, content, secret: false }
    }

    /// What was answered before.
    pub(crate) fn again(status: u16, body: Vec<u8>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let media = (!body.is_empty()).then_some("application/json");
        Self { status, media, content: Content::Whole(body.into()), secret: false }
    }

    fn bytes_with(status: StatusCode, media: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self { status, media: Some(media), content: Content::Whole(bytes.into()), secret: false }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let body = match self.content {
            Content::Whole(bytes) => Body::from(bytes),
            Content::Streamed(body) => body,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if let Some(media) = self.media {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        }
        response
    }
}

impl Keep for Reply {
    fn to_keep(&self) -> Option<StoredResponse> {
        match &self.content {
            Content::Whole(bytes) if !self.secret => {
                Some(StoredResponse { status: self.status.as_u16(), body: bytes.to_vec() })
            }
            Content::Whole(_) | Content::Streamed(_) => None,
        }
    }
}
