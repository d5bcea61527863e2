//! The OpenAPI document, made of the table of routes.

use std::sync::LazyLock;

use http::StatusCode;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ComponentsBuilder, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required,
    ResponseBuilder,
};

use crate::api::route::{Access, Form, Reply, Route, SchemaOf, Shape, Verb, schema_of};
use crate::http::query::{CURSOR, LIMIT};
use crate::problem;

pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/api/v1/openapi.json",
    id: "getOpenapi",
    summary: "This document",
    access: Access::Open(|| Reply::bytes("application/json", DOCUMENT.as_bytes())),
    query: &[],
    body: None,
    shape: Shape::Bytes("application/json"),
}];

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut text = openapi().to_pretty_json().expect("a document of texts and numbers is written as JSON");
    text.push('\n');
    text
});

/// What is said when something is not done (RFC 9457).
#[derive(utoipa::ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "it describes what `Problem` writes")]
struct ProblemDocument {
    /// The kind of problem: `urn:proctor:error:` and the code.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// The stable code.
    code: String,
    /// What is wrong.
    detail: String,
    /// What to do about it.
    next: String,
}

/// The OpenAPI document.
pub fn openapi() -> OpenApi {
    let mut components = ComponentsBuilder::new().security_scheme(
        "key",
        SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("pck_…").build()),
    );
    let mut parts = vec![named(schema_of::<ProblemDocument>())];
    let mut paths = PathsBuilder::new();
    for route in crate::api::resource::routes() {
        for schema in schemas_of(route) {
            parts.push(named(schema));
            (schema.parts)(&mut parts);
        }
        paths = paths.path(route.path, PathItem::new(method(route.verb), operation(route)));
    }
    for (name, schema) in parts {
        components = components.schema(name, schema);
    }
    let info = InfoBuilder::new()
        .title("Proctor control plane")
        .version("1.0.0")
        .description(Some(
            "What an organisation's Runners reported, and what can be asked of them. Evidence never passes through here \
             but sealed to the person who asked.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

fn named(schema: SchemaOf) -> (String, RefOr<Schema>) {
    ((schema.name)().into_owned(), (schema.schema)())
}

fn schemas_of(route: &Route) -> impl Iterator<Item = SchemaOf> {
    let answered = match route.shape {
        Shape::Json(_, schema) | Shape::Page(schema) => Some(schema),
        Shape::Bytes(_) | Shape::Stream(_) | Shape::Empty => None,
    };
    route.body.into_iter().chain(answered)
}

fn method(verb: Verb) -> HttpMethod {
    match verb {
        Verb::Get => HttpMethod::Get,
        Verb::Post => HttpMethod::Post,
    }
}

fn operation(route: &Route) -> OperationBuilder {
    let tag = route.path.split('/').nth(3).unwrap_or_default();
    let mut operation = OperationBuilder::new().operation_id(Some(route.id)).summary(Some(route.summary)).tag(tag);
    for parameter in parameters(route) {
        operation = operation.parameter(parameter);
    }
    let words: Vec<&str> = route.access.permissions().iter().map(|permission| permission.as_str()).collect();
    operation = match &route.access {
        Access::Open(_) => operation.securities(Some([SecurityRequirement::default()])),
        Access::Key(_) | Access::Permitted(..) => operation.security(SecurityRequirement::new::<_, _, &str>("key", [])),
    };
    if !words.is_empty() {
        operation = operation.description(Some(format!("Needs the permission {}.", words.join(" or "))));
    }
    if let Some(body) = route.body {
        let content = ContentBuilder::new().schema(Some(reference(body))).build();
        let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    let (status, success) = success(&route.shape);
    operation = operation.response(status.as_str(), success);
    let refusals = refusals(route).into_iter().map(|(status, description)| (status.as_str().to_owned(), description));
    for (status, description) in refusals.chain([("default".to_owned(), "Any other refusal")]) {
        let content = ContentBuilder::new().schema(Some(reference(schema_of::<ProblemDocument>()))).build();
        let response = ResponseBuilder::new().description(description).content(problem::MEDIA, content);
        operation = operation.response(status, response.build());
    }
    operation
}

fn parameters(route: &Route) -> Vec<Parameter> {
    let parameter = |name: &str, place, required, description: &str, form| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(description))
            .schema(Some(schema_of_form(form)))
            .build()
    };
    let mut parameters = Vec::new();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let (form, what) = if name == "digest" { (Form::Digest, "A digest") } else { (Form::Id, "An id") };
        let description = format!("{what} of this tenant; another's is not found.");
        parameters.push(parameter(name, ParameterIn::Path, Required::True, &description, form));
    }
    for query in route.query {
        parameters.push(parameter(query.name, ParameterIn::Query, Required::False, query.description, query.form));
    }
    if matches!(route.shape, Shape::Page(_)) {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(200));
        let limit = ParameterBuilder::new().name(LIMIT).parameter_in(ParameterIn::Query).required(Required::False);
        let limit = limit.description(Some("Entries of the page; 50 when left out.")).schema(Some(number));
        parameters.push(limit.build());
        let about = "`next` of the page before.";
        parameters.push(parameter(CURSOR, ParameterIn::Query, Required::False, about, Form::Text));
    }
    if route.verb == Verb::Post {
        let about = "1 to 64 printable characters. The same request with the same key is done once.";
        parameters.push(parameter("Idempotency-Key", ParameterIn::Header, Required::False, about, Form::Text));
    }
    parameters
}

fn schema_of_form(form: Form) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    match form {
        Form::Id => text.format(Some(SchemaFormat::Custom("uuid".into()))),
        Form::Digest => text.pattern(Some("^[0-9a-f]{64}$")),
        Form::Time => text.format(Some(SchemaFormat::Custom("date-time".into()))),
        Form::Text => text.min_length(Some(1)),
        Form::Flag => ObjectBuilder::new().schema_type(Type::Boolean),
        Form::Words(words) => text.enum_values(Some(words.iter().copied())),
    }
    .into()
}

fn reference(schema: SchemaOf) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name((schema.name)()))
}

fn success(shape: &Shape) -> (StatusCode, ResponseBuilder) {
    let response = ResponseBuilder::new();
    match shape {
        Shape::Json(status, schema) => {
            let content = ContentBuilder::new().schema(Some(reference(*schema))).build();
            (*status, response.description("As asked").content("application/json", content))
        }
        Shape::Page(schema) => {
            let next = ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
                .description(Some("Pass it as `cursor` to get the next page; nothing on the last one."));
            let page = ObjectBuilder::new()
                .property("items", ArrayBuilder::new().items(reference(*schema)))
                .property("next", next)
                .required("items")
                .required("next");
            let content = ContentBuilder::new().schema(Some(RefOr::T(Schema::from(page.build())))).build();
            (StatusCode::OK, response.description("A page").content("application/json", content))
        }
        Shape::Bytes(media) | Shape::Stream(media) => {
            let bytes = ObjectBuilder::new().schema_type(Type::String);
            let content = ContentBuilder::new().schema(Some(RefOr::T(Schema::from(bytes.build())))).build();
            (StatusCode::OK, response.description("Exact bytes").content(*media, content))
        }
        Shape::Empty => (StatusCode::NO_CONTENT, response.description("Done")),
    }
}

/// The refusals that a route can answer with, besides those of any server.
fn refusals(route: &Route) -> Vec<(StatusCode, &'static str)> {
    let mut refusals = vec![
        (StatusCode::BAD_REQUEST, "The request cannot be understood"),
        (StatusCode::TOO_MANY_REQUESTS, "Too many requests; Retry-After says how long to wait"),
        (StatusCode::SERVICE_UNAVAILABLE, "The control plane cannot do this now"),
    ];
    if !matches!(route.access, Access::Open(_)) {
        refusals.push((StatusCode::UNAUTHORIZED, "No API key, or none that holds"));
    }
    if matches!(route.access, Access::Permitted(..)) {
        refusals.push((StatusCode::FORBIDDEN, "The person or the key may not"));
    }
    if route.path.contains('{') || route.body.is_some() || matches!(route.shape, Shape::Bytes(_) | Shape::Stream(_)) {
        refusals.push((StatusCode::NOT_FOUND, "There is no such thing in this tenant"));
    }
    if route.verb == Verb::Post {
        refusals.push((StatusCode::CONFLICT, "It does not go together with how things stand"));
        refusals.push((StatusCode::UNPROCESSABLE_ENTITY, "The request says something that cannot be"));
    }
    if route.body.is_some() {
        refusals.push((StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"));
        refusals.push((StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not plain application/json"));
    }
    if matches!(route.shape, Shape::Stream(_)) {
        refusals.push((StatusCode::CONFLICT, "It cannot be read now, or was read before"));
    }
    refusals
}
