//! Where pages are. Links and redirects come from here alone, so that a path has one spelling and a parameter its type.

use std::fmt;

use crypto::Digest;
use ids::{AlarmId, ApiKeyId, PersonId, RequestId, RunId, RunnerId, SessionId, TokenId};
use url::form_urlencoded;

use super::given::Given;

/// A path of ours, perhaps with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Href(String);

impl Href {
    fn of(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The path and query that a request came with. A router took it, so it is one of ours.
    pub(super) fn asked_for(path_and_query: &str) -> Self {
        Self(path_and_query.to_owned())
    }

    /// What is called so below it: one segment, whatever characters are in the name.
    fn below(self, name: &str) -> Self {
        let mut path = self.0;
        path.push('/');
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => path.push(char::from(byte)),
                b'.' if name != "." && name != ".." => path.push('.'),
                other => path.push_str(&format!("%{other:02X}")),
            }
        }
        Self(path)
    }

    /// The same with a parameter more.
    pub(crate) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        let start = if self.0.contains('?') { '&' } else { '?' };
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, &value.to_string()).finish();
        self.0.push(start);
        self.0.push_str(&pair);
        self
    }

    /// The same with a place in the page.
    pub(crate) fn at(mut self, id: &str) -> Self {
        self.0.push('#');
        self.0.push_str(id);
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A path to return to that a request names: of this console, and nothing that a browser could read as another
    /// place. Everything else is as if it were not there.
    pub(crate) fn returning(text: &str) -> Option<Self> {
        let is_plain = text.len() <= 2_048 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if !is_plain || !text.starts_with('/') || text.starts_with("//") {
            return None;
        }
        // What a browser would make of it.
        let base = url::Url::parse("https://console.invalid/").ok()?;
        let url = base.join(text).ok()?;
        let stays = url.origin() == base.origin() && url.fragment().is_none() && !url.path().starts_with("//");
        let is_page = !["/api", "/assets", "/console", "/live", "/sign-out"]
            .iter()
            .any(|other| url.path() == *other || url.path().starts_with(&format!("{other}/")));
        let text = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        (stays && is_page).then_some(Self(text))
    }
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! places {
    ($($name:ident = $path:literal;)*) => {$(
        pub(crate) fn $name() -> Href {
            Href::of($path)
        }
    )*};
}

places! {
    overview = "/";
    sign_in = "/sign-in";
    sign_out = "/sign-out";
    second_factor = "/second-factor";
    new_factor = "/second-factor/new";
    half_sign_out = "/second-factor/sign-out";
    confirmation = "/confirm";
    account = "/account";
    account_password = "/account/password";
    account_factor = "/account/second-factor";
    account_codes = "/account/recovery-codes";
    codes_file = "/account/recovery-codes/file";
    account_sessions = "/account/sessions";
    account_zone = "/account/zone";
    account_activity = "/account/activity";
    procedures = "/procedures";
    runs = "/runs";
    requests = "/requests";
    missed = "/missed";
    changes = "/changes";
    codes = "/codes";
    findings = "/findings";
    coverage = "/coverage";
    coverage_scopes = "/coverage/scopes";
    runners = "/runners";
    add_runner = "/runners/add";
    people = "/people";
    invite = "/people/invite";
    api_keys = "/account/keys";
    new_api_key = "/account/keys/new";
    audit = "/audit";
    audit_verify = "/audit/verify";
    audit_checkpoint = "/audit/checkpoint";
    audit_key = "/audit/key";
    audit_export = "/audit/export";
    alarms = "/alarms";
    drilldowns = "/drilldowns";
    secrets = "/secrets";
    new_secret = "/secrets/new";
    settings = "/settings";
    switch_drilldowns = "/settings/drilldowns";
}

pub(crate) fn sign_in_to(next: &Href) -> Href {
    if next.as_str() == "/" { sign_in() } else { sign_in().with("next", next) }
}

pub(crate) fn confirm(next: &Href) -> Href {
    confirmation().with("next", next)
}

pub(crate) fn account_session_end(session: impl Given<SessionId>) -> Href {
    let session = session.given();
    Href::of(format!("/account/sessions/{session}/end"))
}

pub(crate) fn account_device_remove(fingerprint: impl Given<Digest>) -> Href {
    let fingerprint = fingerprint.given();
    Href::of(format!("/account/devices/{fingerprint}/remove"))
}

pub(crate) fn procedure(runner: impl Given<RunnerId>, digest: impl Given<Digest>) -> Href {
    let runner = runner.given();
    let digest = digest.given();
    Href::of(format!("/procedures/{runner}/{digest}"))
}

pub(crate) fn run(run: impl Given<RunId>) -> Href {
    let run = run.given();
    Href::of(format!("/runs/{run}"))
}

pub(crate) fn compare(run: impl Given<RunId>, other: impl Given<RunId>) -> Href {
    let run = run.given();
    let other = other.given();
    Href::of(format!("/runs/{run}/compare/{other}"))
}

pub(crate) fn bundle(run: impl Given<RunId>) -> Href {
    let run = run.given();
    Href::of(format!("/runs/{run}/bundle"))
}

pub(crate) fn open_evidence(run: impl Given<RunId>) -> Href {
    let run = run.given();
    Href::of(format!("/runs/{run}/open"))
}

pub(crate) fn runner(runner: impl Given<RunnerId>) -> Href {
    let runner = runner.given();
    Href::of(format!("/runners/{runner}"))
}

pub(crate) fn person(person: impl Given<PersonId>) -> Href {
    let person = person.given();
    Href::of(format!("/people/{person}"))
}

pub(crate) fn drilldown(drilldown: impl Given<RequestId>) -> Href {
    let drilldown = drilldown.given();
    Href::of(format!("/drilldowns/{drilldown}"))
}

pub(crate) fn drilldown_cancel(drilldown: impl Given<RequestId>) -> Href {
    let drilldown = drilldown.given();
    Href::of(format!("/drilldowns/{drilldown}/cancel"))
}

pub(crate) fn drilldown_receipt(drilldown: impl Given<RequestId>) -> Href {
    let drilldown = drilldown.given();
    Href::of(format!("/drilldowns/{drilldown}/receipt"))
}

/// The coverage of one framework.
pub(crate) fn coverage_of(framework: &str) -> Href {
    Href::of("/coverage/frameworks").below(framework)
}

/// The controls of a framework that are in scope.
pub(crate) fn coverage_scope(framework: &str) -> Href {
    coverage_scopes().below(framework)
}

pub(crate) fn coverage_scope_remove(framework: &str) -> Href {
    let Href(path) = coverage_scope(framework);
    Href(format!("{path}/remove"))
}

/// Where a Runner is asked to run a procedure.
pub(crate) fn ask_for_run(runner: impl Given<RunnerId>, digest: impl Given<Digest>) -> Href {
    let runner = runner.given();
    let digest = digest.given();
    Href::of(format!("/procedures/{runner}/{digest}/run"))
}

pub(crate) fn procedure_source(runner: impl Given<RunnerId>, digest: impl Given<Digest>) -> Href {
    let runner = runner.given();
    let digest = digest.given();
    Href::of(format!("/procedures/{runner}/{digest}/source"))
}

/// A run that somebody asked for.
pub(crate) fn request(request: impl Given<RequestId>) -> Href {
    let request = request.given();
    Href::of(format!("/requests/{request}"))
}

/// Exact bytes of a run: `manifest` or `attestation`.
pub(crate) fn run_file(run: impl Given<RunId>, file: &str) -> Href {
    let run = run.given();
    Href::of(format!("/runs/{run}/{file}"))
}

/// Where another run is chosen to compare with.
pub(crate) fn compare_with(run: impl Given<RunId>) -> Href {
    let run = run.given();
    Href::of(format!("/runs/{run}/compare"))
}

/// What a code means.
pub(crate) fn code(code: &str) -> Href {
    codes().with("code", code)
}

/// What is done to a Runner: `approve`, `revoke` or `unlock`.
pub(crate) fn runner_act(runner: impl Given<RunnerId>, act: &str) -> Href {
    let runner = runner.given();
    Href::of(format!("/runners/{runner}/{act}"))
}

pub(crate) fn token_revoke(token: impl Given<TokenId>) -> Href {
    let token = token.given();
    Href::of(format!("/runners/tokens/{token}/revoke"))
}

/// What is done to a person: `role`, `link`, `sessions` or `remove`.
pub(crate) fn person_act(person: impl Given<PersonId>, act: &str) -> Href {
    let person = person.given();
    Href::of(format!("/people/{person}/{act}"))
}

pub(crate) fn api_key_revoke(key: impl Given<ApiKeyId>) -> Href {
    let key = key.given();
    Href::of(format!("/account/keys/{key}/revoke"))
}

pub(crate) fn alarm(alarm: impl Given<AlarmId>) -> Href {
    let alarm = alarm.given();
    Href::of(format!("/alarms/{alarm}"))
}

pub(crate) fn alarm_acknowledge(alarm: impl Given<AlarmId>) -> Href {
    let alarm = alarm.given();
    Href::of(format!("/alarms/{alarm}/acknowledge"))
}

pub(crate) fn alarm_evidence(alarm: impl Given<AlarmId>) -> Href {
    let alarm = alarm.given();
    Href::of(format!("/alarms/{alarm}/evidence"))
}

pub(crate) fn secret_cancel(secret: impl Given<RequestId>) -> Href {
    let secret = secret.given();
    Href::of(format!("/secrets/{secret}/cancel"))
}

/// The page of a link that lets a person in. Its text is a secret.
pub(crate) fn link(text: &str) -> Href {
    Href::of(format!("/link/{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_console_are_returned_to() {
        for good in ["/", "/runs", "/runs?verdict=fail&cursor=00", "/runners/019aa7f0-0000-7000-8000-000000000003"] {
            assert_eq!(Href::returning(good), Some(Href::of(good)), "{good}");
        }
        for bad in [
            "",
            "runs",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "https:/runs",
            "javascript:alert(1)",
            "/a\nb",
            "/a b",
            "/\t/evil.example",
            "/é",
            "/.//evil.example",
            "/a/..//evil.example",
            "/api/v1/me",
            "/api",
            "/sign-out",
            "/live",
            "/console/x",
            "/runs#x",
            "@evil.example",
            "/%0d%0aSet-Cookie:x\r\n",
            "/\u{202e}",
        ] {
            assert_eq!(Href::returning(bad), None, "{bad:?}");
        }
        assert_eq!(Href::returning(&format!("/{}", "a".repeat(2_048))), None);
        assert_eq!(Href::returning("/a/../runs"), Some(Href::of("/runs")));
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        for (name, path) in [
            ("iso-27001-2022", "/coverage/frameworks/iso-27001-2022"),
            ("nist-csf-2.0", "/coverage/frameworks/nist-csf-2.0"),
            ("..", "/coverage/frameworks/%2E%2E"),
            ("a/../b?c#d", "/coverage/frameworks/a%2F..%2Fb%3Fc%23d"),
            ("\u{e9} <", "/coverage/frameworks/%C3%A9%20%3C"),
        ] {
            assert_eq!(coverage_of(name).as_str(), path);
        }
    }

    #[test]
    fn parameters_are_encoded() {
        let href = runs().with("verdict", "fail").with("q", "a&b=c d\u{e9}");
        assert_eq!(href.as_str(), "/runs?verdict=fail&q=a%26b%3Dc+d%C3%A9");
        assert_eq!(
            sign_in_to(&href).as_str(),
            "/sign-in?next=%2Fruns%3Fverdict%3Dfail%26q%3Da%2526b%253Dc%2Bd%25C3%25A9"
        );
    }
}
