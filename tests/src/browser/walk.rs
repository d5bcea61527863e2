//! What a person does with a page: looks, waits, clicks, types. Everything waits until it can be done.

use fantoccini::Locator;
use fantoccini::elements::Element;
use serde_json::Value;

use super::Browser;

impl Browser {
    /// Waits until such an element can be seen.
    #[track_caller]
    pub fn see(&self, css: &str) {
        self.until(&format!("`{css}` can be seen"), || self.shown(Locator::Css(css)).map(drop));
    }

    /// Waits until no such element can be seen.
    #[track_caller]
    pub fn gone(&self, css: &str) {
        self.until(&format!("`{css}` is gone"), || self.shown(Locator::Css(css)).is_none().then_some(()));
    }

    /// Waits until the page says this.
    #[track_caller]
    pub fn says(&self, text: &str) {
        self.until(&format!("the page says `{text}`"), || self.reading().contains(text).then_some(()));
    }

    /// Waits until the browser is at this path, whatever the query.
    #[track_caller]
    pub fn at(&self, path: &str) {
        self.until(&format!("the browser is at {path}"), || {
            (self.path().split('?').next() == Some(path)).then_some(())
        });
    }

    /// Everything that can be read on the page.
    pub fn reading(&self) -> String {
        let found = self.runtime.block_on(self.client.find(Locator::Css("body")));
        let text = found.ok().and_then(|body| self.runtime.block_on(body.text()).ok());
        text.unwrap_or_default()
    }

    /// What can be read in the first such element.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        self.of(css, |browser, element| browser.runtime.block_on(element.text()).ok())
    }

    /// What was typed into the first such field.
    #[track_caller]
    pub fn value(&self, css: &str) -> String {
        self.of(css, |browser, element| browser.runtime.block_on(element.prop("value")).ok().flatten())
    }

    /// An attribute of the first such element, empty if it has none.
    #[track_caller]
    pub fn attribute(&self, css: &str, name: &str) -> String {
        self.of(css, |browser, element| Some(browser.runtime.block_on(element.attr(name)).ok()?.unwrap_or_default()))
    }

    /// How many such elements there are, seen or not.
    pub fn count(&self, css: &str) -> usize {
        self.runtime.block_on(self.client.find_all(Locator::Css(css))).map_or(0, |all| all.len())
    }

    /// Clicks on the first such element.
    #[track_caller]
    pub fn click(&self, css: &str) {
        self.click_on(&format!("`{css}`"), Locator::Css(css));
    }

    /// Presses the button with this name.
    #[track_caller]
    pub fn press(&self, name: &str) {
        let name = literal(name);
        let path = format!("//button[normalize-space(.)={name}] | //input[@type='submit'][@value={name}]");
        self.click_on(&format!("the button {name}"), Locator::XPath(&path));
    }

    /// Follows the link with this name.
    #[track_caller]
    pub fn follow(&self, name: &str) {
        let name = literal(name);
        self.click_on(&format!("the link {name}"), Locator::XPath(&format!("//a[normalize-space(.)={name}]")));
    }

    /// Empties the field with this name in its form and types into it.
    #[track_caller]
    pub fn fill(&self, name: &str, text: &str) {
        self.type_into(&format!("[name={name:?}]:not([type=hidden])"), text);
    }

    /// Empties the first such field and types into it.
    #[track_caller]
    pub fn type_into(&self, css: &str, text: &str) {
        self.until(&format!("`{css}` can be typed into"), || {
            let field = self.shown(Locator::Css(css))?;
            self.runtime.block_on(field.clear()).ok()?;
            self.runtime.block_on(field.send_keys(text)).ok()
        });
    }

    /// Chooses an option of a list by its value.
    #[track_caller]
    pub fn choose(&self, name: &str, value: &str) {
        let css = format!("select[name={name:?}] option[value={value:?}]");
        self.until(&format!("`{css}` can be chosen"), || {
            let option = self.runtime.block_on(self.client.find(Locator::Css(&css))).ok()?;
            self.runtime.block_on(option.click()).ok()
        });
    }

    /// Puts a value into the page's storage that only a new document forgets, so that a test can tell whether it was
    /// loaded again.
    pub fn mark(&self) {
        self.eval("window.walkedHere = true");
    }

    /// Whether the document is still the one that was marked.
    pub fn is_marked(&self) -> bool {
        self.eval("window.walkedHere === true") == Value::Bool(true)
    }

    #[track_caller]
    fn click_on(&self, what: &str, place: Locator<'_>) {
        self.until(&format!("{what} can be clicked"), || {
            let element = self.shown(place)?;
            self.runtime.block_on(element.click()).ok()
        });
    }

    #[track_caller]
    fn of<T>(&self, css: &str, ask: impl Fn(&Self, &Element) -> Option<T>) -> T {
        self.until(&format!("`{css}` is there"), || {
            let element = self.runtime.block_on(self.client.find(Locator::Css(css))).ok()?;
            ask(self, &element)
        })
    }

    fn shown(&self, place: Locator<'_>) -> Option<Element> {
        let all = self.runtime.block_on(self.client.find_all(place)).ok()?;
        all.into_iter().find(|element| self.runtime.block_on(element.is_displayed()).unwrap_or(false))
    }
}

/// A text as XPath writes it down.
fn literal(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}
