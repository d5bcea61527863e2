//! The scripts of the console by themselves, in the browser they are written for: held against the golden vectors, against
//! what the Rust code says of the same bytes, and with everything in them that a liar could change.

mod agreement;
mod answers;
mod dice;
mod served;
mod viewing;

use serde_json::{Value, json};
use tests::{Browser, Look};

use served::Served;

/// A browser on an empty page of the folder of scripts, under the policy that the console's pages have.
struct Scripts {
    browser: Browser,
    served: Served,
}

impl Scripts {
    fn start() -> Self {
        let served = Served::start();
        let browser = Browser::start_at(&served.base(), "", Look::default());
        browser.open("/");
        Self { browser, served }
    }

    /// Runs a script; its first argument is where the modules are.
    #[track_caller]
    fn run(&self, script: &str, arguments: Value) -> Value {
        let mut all = vec![json!(self.served.base() + "/js/")];
        all.extend(arguments.as_array().cloned().unwrap_or_default());
        self.browser.run(script, Value::Array(all))
    }
}

fn vectors(name: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/vectors/").to_owned() + name;
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_golden_vectors_hold() {
    let scripts = Scripts::start();
    let arguments = json!([vectors("formats-v1.json"), vectors("rfc9180.json"), vectors("secret-v2.json")]);
    let said = scripts.run(include_str!("../scripts/golden.js"), arguments);
    assert_eq!(said["failed"], json!([]));
    assert!(said["held"].as_u64().unwrap() > 600, "{said}");
}
