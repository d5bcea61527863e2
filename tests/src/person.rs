//! Somebody with a password and an authenticator app, at the console.

use std::cell::Cell;

use clock::{Clock, SystemClock};

use crate::api::Reply;
use crate::control_plane::ControlPlane;
use crate::service::until;
use crate::totp::{STEP_SECONDS, code_of_step};
use crate::visitor::Visitor;

/// A password that nobody else has.
pub const PASSWORD: &str = "correct horse battery console";

/// A code that is about to be over is not used: it has to arrive in time.
const MARGIN_SECONDS: u64 = 4;

/// An authenticator app with one secret, which gives every code once.
#[derive(Debug, Clone)]
pub struct Authenticator {
    secret: String,
    last_step: Cell<u64>,
}

impl Authenticator {
    /// The app after the secret was typed or scanned.
    pub fn new(secret: &str) -> Self {
        Self { secret: secret.to_owned(), last_step: Cell::new(0) }
    }

    /// What was typed or scanned.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// A code that counts now and was never given before. The control plane takes the steps beside the present one too,
    /// so three codes can be had at once; the fourth one comes with time.
    pub fn code(&self) -> String {
        let clock = SystemClock::new();
        until("the authenticator has another code", || {
            let seconds = u64::try_from(clock.now().as_millis() / 1000).unwrap_or(0);
            let now = seconds / STEP_SECONDS;
            let is_late = STEP_SECONDS - seconds % STEP_SECONDS <= MARGIN_SECONDS;
            let step = (self.last_step.get() + 1).max(if is_late { now } else { now - 1 });
            (step <= now + 1).then(|| {
                self.last_step.set(step);
                code_of_step(&self.secret, step)
            })
        })
    }

    /// A code that can never be right: no step near now has it.
    pub fn wrong_code(&self) -> String {
        let now = u64::try_from(SystemClock::new().now().as_millis() / 1000).unwrap_or(0) / STEP_SECONDS;
        let near: Vec<String> = (now - 3..now + 4).map(|step| code_of_step(&self.secret, step)).collect();
        let wrong = (0..1_000_000).map(|number| format!("{number:06}")).find(|code| !near.contains(code));
        wrong.expect("not every code is near")
    }
}

/// A person who is signed in over HTTP.
pub struct Person {
    /// Their browser.
    pub visitor: Visitor,
    /// Their password.
    pub password: String,
    /// Their second factor.
    pub authenticator: Authenticator,
    /// Their recovery codes.
    pub recovery_codes: Vec<String>,
    /// Their mail address.
    pub email: String,
}

impl Person {
    /// Comes with a link: chooses a password, sets up the second factor, keeps the recovery codes.
    pub fn join(control_plane: &ControlPlane, link: &str, email: &str) -> Self {
        let visitor = Visitor::new(control_plane);
        let shown = visitor.get(link).with_status(200);
        let path = link.split_once("/link/").map(|(_, text)| format!("/link/{text}"));
        let form = shown.form(&path.expect("a link leads to /link")).with_password(PASSWORD);
        let factor = visitor.submit_and_follow(&form).with_status(200);
        let authenticator = Authenticator::new(&secret_in(&factor));
        let form = factor.form("/second-factor/new").with("code", &authenticator.code());
        let done = visitor.submit_and_follow(&form).with_status(200);
        let recovery_codes = codes_in(&done);
        assert!(recovery_codes.len() >= 8, "recovery codes in\n{}", done.text());
        let _ = visitor.visit("/").with_status(200);
        Self { visitor, password: PASSWORD.to_owned(), authenticator, recovery_codes, email: email.to_owned() }
    }

    /// Signs in once more, in another browser.
    pub fn sign_in(&self, control_plane: &ControlPlane) -> Visitor {
        let visitor = Visitor::new(control_plane);
        let form = visitor.get("/sign-in").with_status(200).form("/sign-in");
        let form = form.with("email", &self.email).with_password(&self.password);
        let factor = visitor.submit_and_follow(&form).with_status(200);
        let form = factor.form("/second-factor").with("code", &self.authenticator.code());
        let _ = visitor.submit_and_follow(&form).with_status(200);
        visitor
    }
}

/// What can be read on a page, tags taken away.
pub(crate) fn reading(page: &Reply) -> String {
    let text = page.text();
    let pieces = text.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<Vec<_>>().join(" ")
}

/// The secret for the authenticator app, as it is shown to be typed: 32 letters of base32, in groups or not.
fn secret_in(page: &Reply) -> String {
    let text = reading(page);
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_base32 = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte));
    let whole = words.iter().find(|word| word.len() == 32 && is_base32(word)).map(|word| (*word).to_owned());
    let groups = words.windows(8).find(|group| group.iter().all(|word| word.len() == 4 && is_base32(word)));
    let found = whole.or_else(|| groups.map(<[&str]>::concat));
    assert!(found.is_some(), "no secret on the page:\n{text}");
    found.expect("it was found")
}

/// The recovery codes of a page.
fn codes_in(page: &Reply) -> Vec<String> {
    let text = page.text();
    let items = text.split("<li").skip(1).filter_map(|item| {
        let text = item.split_once('>')?.1.split("</li>").next()?;
        let text = text.replace("<code>", "").replace("</code>", "");
        let text = text.rsplit('>').next().unwrap_or_default().trim().to_owned();
        let is_code = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_code.then_some(text)
    });
    items.collect()
}
