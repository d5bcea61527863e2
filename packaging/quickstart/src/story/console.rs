//! The console: what the first owner does in a browser, and the same over HTTP when nobody sits there.

use clock::Clock;
use serde_json::Value;

use super::line;
use super::runs::Run;
use crate::authenticator;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::say::Say;
use crate::shell::Shell;
use crate::visitor::{Page, Visitor};

/// The owner of the quickstart's organisation.
pub(super) const OWNER: &str = "olga@example.org";
/// Of the visitor that ends with the story; a person chooses another.
const PASSWORD: &str = "a passphrase for one afternoon";

/// What came of it.
#[derive(Debug)]
pub(super) struct Told {
    /// The owner's link, if nobody used it yet.
    pub(super) link: Option<String>,
    /// Whether the runs were seen.
    pub(super) seen: bool,
}

/// Signs in as a browser would and looks for the runs.
pub(super) fn visit(
    folder: &Folder,
    shell: &mut Shell<'_>,
    say: Say,
    clock: &dyn Clock,
    runs: &[&Run],
) -> Result<Told, Fault> {
    say.title("8  The console, as a browser meets it");
    say.line("A page without a session leads to the sign-in, whatever it is. The operator makes a link for the owner:");
    let link = link(shell)?;
    let mut browser = Visitor::new(folder)?;
    let mut must = |is: bool, what: &str| {
        if is {
            say.good(what)
        } else {
            shell.surprise(format!("the console: not so: {what}"))
        }
        is
    };
    let stranger = browser.look("/runs")?;
    let mut seen = must(stranger.status == 303, "a stranger is led to the sign-in");
    let shown = browser.get(&link)?;
    seen &= must(shown.status == 200, "the link shows who it is for, and is still good after it was looked at");
    let path = link.split_once("/link/").map(|(_, text)| format!("/link/{text}")).unwrap_or_default();
    let factor = browser.submit(&shown, &path, &[("password", PASSWORD)])?;
    let secret = secret(&factor).ok_or_else(|| Fault::Console("no secret for an authenticator".to_owned()))?;
    seen &= must(browser.look("/runs")?.status == 303, "the password alone reaches nothing");
    let code = authenticator::code(&secret, clock.now()).unwrap_or_default();
    let codes = browser.submit(&factor, "/second-factor/new", &[("code", &code)])?;
    seen &=
        must(codes.status == 200, "a code of the authenticator opens the session, and recovery codes are shown once");
    seen &= must(browser.look(&link)?.status == 404, "the link is used up");
    let overview = browser.get("/")?;
    seen &= must(overview.status == 200 && overview.reading().contains("Example Ltd"), "the overview is there");
    let listed = browser.get("/runs")?;
    let all = runs.iter().all(|run| listed.text.contains(&run.id));
    seen &= must(all, "every run above is on the page of runs");
    for run in runs {
        let page = browser.get(&format!("/runs/{}", run.id))?;
        let is_right = page.status == 200 && page.reading().contains(&run.verdict);
        seen &= must(is_right, &format!("{}: {} on a page of its own", run.procedure, run.verdict));
    }
    Ok(Told { link: None, seen })
}

/// Says where the console is, and makes the link with which a person goes on.
pub(super) fn invite(folder: &Folder, shell: &Shell<'_>, say: Say) -> Result<Told, Fault> {
    say.title("8  Now you: the console");
    let url = folder.control_plane.url();
    let link = link(shell)?;
    say.line(format_args!("The console is at  {url}"));
    say.line("You are Olga, who owns the organisation. This link is yours for a day and works once; it leads from a password");
    say.line("over the second factor (an app of your choice reads the QR code) to the overview with the runs above:");
    say.line(format_args!("\n  {link}\n"));
    say.line(
        "The browser warns that it does not know the certificate's authority, which was made with this folder. Go on",
    );
    say.line(format_args!(
        "for this host, or have it trust {} first.",
        folder.join(crate::control_plane::AUTHORITY).display()
    ));
    say.line(
        "To open evidence in a page, an auditor's browser makes a key, and the Runner's operator approves it, as in 4.",
    );
    say.line("The page shows the fingerprint and the command; in a shell that has read env.sh it is");
    say.dim("\n  proctor-runner readers approve FINGERPRINT --label \"Olga's browser\"\n");
    say.line("The Runner's policy opens evidence to auditors alone: under People invite somebody as one, with another e-mail");
    say.line("address than your own, and open that link in a private window.");
    Ok(Told { link: Some(link), seen: true })
}

/// A new link for the owner, also for one who signed in before.
fn link(shell: &Shell<'_>) -> Result<String, Fault> {
    let asked = ["proctor-control-plane", "admin", "person", "link", OWNER, "--kind", "everything"];
    shell.show(&asked);
    let made: Value = shell.ask(&asked)?;
    line::text(&made, "link", &asked)
}

/// The secret as the page shows it to be typed: 32 letters of base32, in groups or not.
fn secret(page: &Page) -> Option<String> {
    let text = page.reading();
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_base32 = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte));
    let whole = words.iter().find(|word| word.len() == 32 && is_base32(word)).map(|word| (*word).to_owned());
    let mut groups = words.windows(8);
    whole.or_else(|| {
        groups.find(|group| group.iter().all(|word| word.len() == 4 && is_base32(word))).map(<[&str]>::concat)
    })
}
