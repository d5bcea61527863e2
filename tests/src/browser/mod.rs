//! Chromium without a window, steered over WebDriver: one browser with a profile of its own for each value.

mod audit;
mod walk;

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::control_plane::ControlPlane;

/// How a browser looks at pages.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether the person prefers dark pages.
    pub dark: bool,
    /// Of the window, in CSS pixels.
    pub width: u32,
    /// Of the window, in CSS pixels.
    pub height: u32,
    /// Whether pages may run script.
    pub script: bool,
    /// Whether the person prefers less motion.
    pub reduced_motion: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { dark: false, width: 1280, height: 900, script: true, reduced_motion: false }
    }
}

impl Look {
    /// A small phone.
    pub const PHONE: Self = Self { dark: false, width: 360, height: 740, script: true, reduced_motion: false };

    /// How every page is looked at: by light, in the dark, on a phone, at four times the size (1280 pixels become 320),
    /// and on the largest screens.
    pub const ALL: [(&'static str, Self); 5] = [
        ("light", Self { dark: false, width: 1280, height: 900, script: true, reduced_motion: false }),
        ("dark", Self { dark: true, width: 1280, height: 900, script: true, reduced_motion: true }),
        ("phone", Self::PHONE),
        ("enlarged", Self { dark: true, width: 320, height: 256, script: true, reduced_motion: false }),
        ("large", Self { dark: true, width: 3840, height: 2160, script: true, reduced_motion: false }),
    ];
}

/// The program that steers the browser; it ends with this value, and so does its browser.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    fn start(home: &Path) -> Self {
        let mut command = Command::new("chromedriver");
        // A group of its own, so that the browser's processes can be ended with it.
        command.args(["--port=0", "--log-level=SEVERE"]).process_group(0).env("HOME", home).env("TMPDIR", home);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("chromedriver is installed: tests/run installs it");
        let said = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let port = said
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok());
        Self { child, port: port.expect("chromedriver says its port") }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // Processes of the group may be gone already.
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// A browser. Whatever its console complains of and was not meant makes the test fail when the browser is dropped.
pub struct Browser {
    runtime: tokio::runtime::Runtime,
    client: Client,
    base: String,
    meant: RefCell<Vec<String>>,
    complained: RefCell<Vec<String>>,
    is_closed: Cell<bool>,
    _driver: Driver,
    home: TempDir,
}

/// One of the tabs of a browser.
#[derive(Debug, Clone)]
pub struct Tab(WindowHandle);

/// A command of the DevTools protocol.
#[derive(Debug)]
struct Cdp(String, Value);

impl WebDriverCompatibleCommand for Cdp {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({"cmd": self.0, "params": self.1}).to_string()))
    }
}

/// What the browser's console said since it was asked last.
#[derive(Debug)]
struct Log;

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}

impl Browser {
    /// A browser that trusts the control plane's authority and no other.
    pub fn start(control_plane: &ControlPlane) -> Self {
        Self::start_with(control_plane, Look::default())
    }

    /// The same, looking otherwise.
    pub fn start_with(control_plane: &ControlPlane, look: Look) -> Self {
        Self::start_at(&control_plane.base(), &control_plane.pin(), look)
    }

    /// A browser at an address below which `open` looks, which trusts the key with this SHA-256, in base64, alone.
    pub fn start_at(base: &str, pin: &str, look: Look) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let driver = Driver::start(home.path());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(home.path(), pin, look));
        let client = runtime.block_on(builder.connect(&format!("http://127.0.0.1:{}", driver.port)));
        let client = client.expect("Chromium starts");
        let browser = Self {
            runtime,
            client,
            base: base.to_owned(),
            meant: RefCell::default(),
            complained: RefCell::default(),
            is_closed: Cell::new(false),
            _driver: driver,
            home,
        };
        browser.resize(look.width, look.height);
        browser.prefer(look.dark, look.reduced_motion);
        browser
    }

    /// The size of what the page has, in CSS pixels.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.cdp("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the person prefers.
    pub fn prefer(&self, dark: bool, reduced_motion: bool) {
        let word = |is: bool, word: &str| if is { word.to_owned() } else { String::new() };
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": word(reduced_motion, "reduce")},
        ]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Looks at the page otherwise from now on.
    pub fn look(&self, look: Look) {
        self.prefer(look.dark, look.reduced_motion);
        self.resize(look.width, look.height);
    }

    /// One more tab of the same browser, which is looked at from now on.
    pub fn new_tab(&self) -> Tab {
        let opened = self.runtime.block_on(self.client.new_window(true));
        let opened = opened.unwrap_or_else(|error| self.fail(&format!("a new tab: {error}")));
        let tab = Tab(opened.handle);
        self.turn_to(&tab);
        tab
    }

    /// The tab that is looked at.
    pub fn tab(&self) -> Tab {
        let at = self.runtime.block_on(self.client.window());
        Tab(at.unwrap_or_else(|error| self.fail(&format!("which tab: {error}"))))
    }

    /// Looks at another tab.
    pub fn turn_to(&self, tab: &Tab) {
        let turned = self.runtime.block_on(self.client.switch_to_window(tab.0.clone()));
        turned.unwrap_or_else(|error| self.fail(&format!("another tab: {error}")));
        self.cdp("Page.bringToFront", json!({}));
    }

    /// A command of the DevTools protocol.
    pub fn cdp(&self, command: &str, parameters: Value) -> Value {
        let answer = self.runtime.block_on(self.client.issue_cmd(Cdp(command.to_owned(), parameters)));
        answer.unwrap_or_else(|error| self.fail(&format!("{command}: {error}")))
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&self, path: &str) {
        let url = if path.contains("://") { path.to_owned() } else { self.url(path) };
        let opened = self.runtime.block_on(self.client.goto(&url));
        opened.unwrap_or_else(|error| self.fail(&format!("{url}: {error}")));
    }

    /// Loads the page once more.
    pub fn reload(&self) {
        let loaded = self.runtime.block_on(self.client.refresh());
        loaded.unwrap_or_else(|error| self.fail(&format!("reload: {error}")));
    }

    /// The page before.
    pub fn back(&self) {
        let went = self.runtime.block_on(self.client.back());
        went.unwrap_or_else(|error| self.fail(&format!("back: {error}")));
    }

    /// Path and query of the page.
    pub fn path(&self) -> String {
        let url = self.runtime.block_on(self.client.current_url());
        let url = url.unwrap_or_else(|error| self.fail(&format!("where: {error}")));
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", url.path())
    }

    /// The body of an asynchronous function in the page; `done(value)` is called with its result, or it returns it.
    /// `arguments` are the elements of the array.
    #[track_caller]
    pub fn run(&self, body: &str, arguments: Value) -> Value {
        let arguments = arguments.as_array().cloned().unwrap_or_default();
        // A body that calls it by itself is over then; every other when it has come to its end.
        let is_over = !body.contains("done(");
        let script = format!(
            "const given = Array.from(arguments); const answer = given.pop();
            const done = (value) => answer({{value: value === undefined ? null : value}});
            (async function () {{ {body} }}).apply(null, [...given, done])
                .then((value) => {{ if (value !== undefined || {is_over}) done(value); }}, (error) => answer({{error: String(error && error.stack || error)}}));"
        );
        let ran = self.runtime.block_on(self.client.execute_async(&script, arguments));
        let ran = ran.unwrap_or_else(|error| self.fail(&format!("{error}\nin the script\n{body}")));
        if let Some(error) = ran.get("error").and_then(Value::as_str) {
            self.fail(&format!("{error}\nin the script\n{body}"));
        }
        ran.get("value").cloned().unwrap_or_default()
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> Value {
        let ran = self.runtime.block_on(self.client.execute(&format!("return ({expression});"), Vec::new()));
        ran.unwrap_or_else(|error| self.fail(&format!("{error}\nin {expression}")))
    }

    /// The same without an end when the page goes away meanwhile.
    pub(crate) fn try_eval(&self, expression: &str, arguments: Vec<Value>) -> Option<Value> {
        self.runtime.block_on(self.client.execute(&format!("return ({expression});"), arguments)).ok()
    }

    /// Types keys to whatever has the focus; `\u{E004}` is Tab, `\u{E007}` Enter, `\u{E008}` Shift until it comes again.
    pub fn keys(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                let key = key.to_string();
                [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
            })
            .collect();
        self.actions(json!([{"type": "key", "id": "keyboard", "actions": actions}]));
    }

    /// A key with Shift held.
    pub fn shifted(&self, key: char) {
        let (shift, key) = ("\u{E008}", key.to_string());
        let actions = json!([
            {"type": "keyDown", "value": shift}, {"type": "keyDown", "value": key},
            {"type": "keyUp", "value": key}, {"type": "keyUp", "value": shift},
        ]);
        self.actions(json!([{"type": "key", "id": "keyboard", "actions": actions}]));
    }

    fn actions(&self, actions: Value) {
        let done = self.runtime.block_on(self.client.issue_cmd(Actions(actions)));
        done.unwrap_or_else(|error| self.fail(&format!("keys: {error}")));
    }

    /// The cookies that the browser keeps for the console, names with values.
    pub fn cookies(&self) -> Vec<(String, String)> {
        let cookies = self.cdp("Network.getCookies", json!({"urls": [self.base]}));
        let cookies = cookies.get("cookies").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |cookie: &Value, name: &str| cookie.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        cookies.iter().map(|cookie| (text(cookie, "name"), text(cookie, "value"))).collect()
    }

    /// Puts a cookie of the console's own kind in place.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let cookie = json!({
            "name": name, "value": value, "url": self.base, "path": "/", "secure": true, "httpOnly": true, "sameSite": "Lax",
        });
        self.cdp("Network.setCookie", cookie);
    }

    /// Forgets all cookies.
    pub fn forget_cookies(&self) {
        self.cdp("Network.clearBrowserCookies", json!({}));
    }

    /// A picture of the page from the top of this element on, so many pixels of it at most, as PNG.
    pub fn picture_of(&self, from: &str, tallest: u32) -> Vec<u8> {
        let size = self.run(
            "const top = document.querySelector(arguments[0]).getBoundingClientRect().top + scrollY;
             return [innerWidth, document.documentElement.scrollHeight, Math.max(0, Math.floor(top))];",
            json!([from]),
        );
        let number = |place: usize| size.get(place).and_then(Value::as_u64).unwrap_or(0);
        let height = number(1).saturating_sub(number(2)).min(tallest.into());
        let clip = json!({"x": 0, "y": number(2), "width": number(0), "height": height, "scale": 1});
        let how = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.cdp("Page.captureScreenshot", how);
        let data = picture.get("data").and_then(Value::as_str).unwrap_or_default();
        BASE64.decode(data).unwrap_or_else(|error| self.fail(&format!("a picture: {error}")))
    }

    /// A complaint that holds this text is meant.
    pub fn expect_complaint(&self, text: &str) {
        self.meant.borrow_mut().push(text.to_owned());
    }

    /// What the console complained of since the last call and was not meant: errors, uncaught exceptions, refusals by
    /// the content security policy.
    pub fn complaints(&self) -> Vec<String> {
        self.gather();
        std::mem::take(&mut self.complained.borrow_mut())
    }

    fn gather(&self) {
        let Ok(log) = self.runtime.block_on(self.client.issue_cmd(Log)) else { return };
        let meant = self.meant.borrow();
        for entry in log.as_array().map(Vec::as_slice).unwrap_or_default() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let line = format!("{} {}: {}", text("level"), text("source"), text("message"));
            let is_bad = text("level") == "SEVERE" || text("source") == "security" || line.contains("Content Security");
            if is_bad && !meant.iter().any(|meant| line.contains(meant.as_str())) {
                self.complained.borrow_mut().push(line);
            }
        }
    }

    /// Ends the test, and says how the page looked.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test stops at the first surprise")]
    pub(crate) fn fail(&self, what: &str) -> ! {
        let place = std::env::temp_dir().join(format!("proctor-console-{}.png", std::process::id()));
        let picture = self.runtime.block_on(self.client.screenshot());
        if let Ok(picture) = picture {
            // The picture is for whoever looks into the failure; without it the text has to do.
            let _ = std::fs::write(&place, picture);
        }
        let page = self.try_eval(
            "location.href + '\\n' + document.title + '\\n' + (document.body ? document.body.innerText : '')",
            Vec::new(),
        );
        let page = page.as_ref().and_then(Value::as_str).unwrap_or_default().chars().take(3000).collect::<String>();
        panic!("{what}\n-- picture: {}\n-- page: {page}\n-- console: {:#?}", place.display(), self.complaints());
    }

    /// Waits until it is so; a test that waits in vain says how the page looked.
    #[track_caller]
    pub fn until<T>(&self, what: &str, ask: impl FnMut() -> Option<T>) -> T {
        match crate::service::within(ask) {
            Some(found) => found,
            None => self.fail(&format!("waited in vain: {what}")),
        }
    }

    /// Ends the browser.
    fn close(&self) {
        if !self.is_closed.replace(true) {
            // A browser that is gone already cannot be closed.
            let _ = self.runtime.block_on(self.client.clone().close());
        }
    }
}

#[derive(Debug)]
struct Actions(Value);

impl WebDriverCompatibleCommand for Actions {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/actions", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({"actions": self.0}).to_string()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let complaints = self.complaints();
        self.close();
        if !std::thread::panicking() {
            assert!(complaints.is_empty(), "the browser's console complained:\n{}", complaints.join("\n"));
        }
    }
}

fn capabilities(home: &Path, pin: &str, look: Look) -> Capabilities {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        format!("--user-data-dir={}", home.join("profile").display()),
        // The control plane's own authority, by its key: nothing else is trusted, and no error is waved through.
        format!("--ignore-certificate-errors-spki-list={pin}"),
        format!("--window-size={},{}", look.width.max(500), look.height),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-extensions".to_owned(),
        "--disable-sync".to_owned(),
        "--no-first-run".to_owned(),
        "--no-default-browser-check".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--lang=en-GB".to_owned(),
    ];
    // Root, as in a container, cannot be confined further by Chromium.
    if nix::unistd::Uid::effective().is_root() {
        arguments.push("--no-sandbox".to_owned());
    }
    let mut preferences = json!({
        "credentials_enable_service": false,
        "profile.password_manager_enabled": false,
        "profile.password_manager_leak_detection": false,
        "download.default_directory": home.join("downloads").display().to_string(),
        "download.prompt_for_download": false,
    });
    if !look.script
        && let Some(preferences) = preferences.as_object_mut()
    {
        preferences.insert("profile.managed_default_content_settings.javascript".to_owned(), json!(2));
    }
    let all = json!({
        "browserName": "chrome",
        "pageLoadStrategy": "normal",
        "unhandledPromptBehavior": "ignore",
        "timeouts": {"script": 60_000, "pageLoad": 60_000},
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"args": arguments, "prefs": preferences},
    });
    all.as_object().cloned().unwrap_or_default()
}

/// Files that pages offer.
impl Browser {
    /// Waits until a file whose name ends so was saved, and reads it.
    #[track_caller]
    pub fn saved(&self, ends: &str) -> Vec<u8> {
        let folder = self.home.path().join("downloads");
        self.until("a file is saved", || {
            let entries = std::fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path());
            let mut done = entries.filter(|path| path.to_string_lossy().ends_with(ends));
            // The browser takes the name before it has the bytes.
            done.next().and_then(|path| std::fs::read(path).ok()).filter(|bytes| !bytes.is_empty())
        })
    }
}
