//! The simple values that documents are made of, as the OpenAPI document describes them.

use control_plane_domain::alarm::AlarmKind;
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::DrillDownWord;
use control_plane_domain::person::PersonState;
use control_plane_domain::policy::{Permission, Role};
use control_plane_domain::run_request::RunRequestWord;
use control_plane_domain::runner::{Condition, LockReason, Standing};
use control_plane_domain::secret::SecretWord;
use control_plane_operations::console::CoverageState;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};
use verdict::{EvidenceForm, Severity, Status, StepStatus, Trigger};

fn text() -> ObjectBuilder {
    Object::builder().schema_type(Type::String)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

texts! {
    /// An id.
    Id = text().format(Some(SchemaFormat::Custom("uuid".into()))).description(Some("A UUID in canonical lower case."));
    /// A time.
    Time = text()
        .format(Some(SchemaFormat::Custom("date-time".into())))
        .pattern(Some("^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$"))
        .description(Some("A time: RFC 3339, UTC, with milliseconds and Z."));
    /// A digest.
    Hex = text().pattern(Some("^[0-9a-f]{64}$")).description(Some("A SHA-256 digest: 64 lower-case hex digits."));
    /// A fingerprint.
    Groups = text()
        .pattern(Some("^([0-9a-fA-F]{4}[-: ]?){15}[0-9a-fA-F]{4}$"))
        .description(Some("A fingerprint of a Runner's keys: 64 hex digits, shown in groups of four."));
    /// Base64.
    Base64 = text()
        .format(Some(SchemaFormat::Custom("byte".into())))
        .description(Some("Bytes in standard base64 with padding."));
    /// A name.
    Word = text()
        .pattern(Some("^[A-Za-z0-9_.-]{1,64}$"))
        .description(Some("A name out of a procedure or a fixed vocabulary, or a stable code."));
    /// What a person typed.
    Typed = text().min_length(Some(1)).max_length(Some(500)).description(Some("A text on one line that a person typed."));
    /// A label.
    ShortText = text().min_length(Some(1)).max_length(Some(64)).description(Some("A label on one line."));
    /// A reason.
    Why = text().min_length(Some(1)).max_length(Some(200)).description(Some("Why a person asks, on one line."));
}

macro_rules! words {
    ($($name:ident = $words:expr;)*) => {
        texts! {$(
            /// A word of a fixed vocabulary.
            $name = text().enum_values(Some($words.iter().map(|word| word.as_str())));
        )*}
    };
}

words! {
    CoverageWord = CoverageState::ALL;
    RoleWord = Role::ALL;
    PersonWord = PersonState::ALL;
    ScopeWord = grantable();
    StandingWord = Standing::ALL;
    LockWord = LockReason::ALL;
    ConditionWord = Condition::ALL;
    StatusWord = Status::ALL;
    StepWord = StepStatus::ALL;
    SeverityWord = Severity::ALL;
    TriggerWord = Trigger::ALL;
    FormWord = EvidenceForm::ALL;
    RequestWord = RunRequestWord::ALL;
    DrillDownState = DrillDownWord::ALL;
    SecretStateWord = SecretWord::ALL;
    PurposeWord = Purpose::ALL;
    AlarmWord = AlarmKind::ALL;
}

fn grantable() -> Vec<Permission> {
    Permission::ALL.iter().copied().filter(|permission| permission.is_scope()).collect()
}
