//! Lists that come in pages.

use std::collections::HashSet;

use runner_evidence::RawEvidence;
use serde_json::{Value, json};
use url::Url;
use verdict::Code;

use crate::http::client::{Client, Method};
use crate::http::{PageArguments, frame, locate};
use crate::registry::Context;
use crate::request::{Fault, Found, Result};

/// What a page says about the one after it.
enum Next {
    /// There is one, and this leads to it.
    Cursor(String),
    /// There is none.
    End,
    /// Nothing.
    Unsaid,
}

/// Fetches all pages. Reaching `max` with more to come is an error: whoever looks at the items alone must never take
/// a part for the whole. A single page that does not even mention a next one is told as not complete.
pub(super) async fn collect(
    context: &Context,
    client: &mut Client,
    method: Method<'_>,
    first: Url,
    expect: &[u16],
    arguments: &PageArguments,
) -> Result<Found> {
    let max = arguments.max.map_or(context.limits.pages, |max| context.limits.pages.min(max.into()));
    let (mut items, mut bytes, mut pages) = (Vec::new(), 0_u64, 0_u64);
    let (mut url, mut seen, mut was_said) = (first, HashSet::new(), false);
    let complete = loop {
        let limits = &context.limits;
        let left = limits.output_bytes.min(limits.step_bytes.saturating_sub(bytes));
        let answer = client.ask(method, url.clone(), expect, left).await?;
        bytes = bytes.saturating_add(answer.body.len() as u64);
        pages += 1;
        let body = match answer.format()? {
            Some(parse) => parse.read(&answer.body).map_err(|error| page_fault(pages, Code::Parse, &error))?,
            None => Value::Null,
        };
        let mut page = json!({"status": answer.status});
        if let Value::Object(page) = &mut page {
            page.insert("body".to_owned(), body);
        }
        let next = next(&page, arguments, pages)?;
        items.append(&mut take_items(page, arguments, pages)?);
        let cursor = match next {
            Next::Cursor(cursor) => cursor,
            Next::End => break true,
            Next::Unsaid => break was_said,
        };
        was_said = true;
        if pages >= max {
            return Err(Fault::new(Code::TooLarge, format!("there are more than {max} pages")));
        }
        if !seen.insert(cursor.clone()) {
            return Err(page_fault(pages, Code::BadOutput, &"its next page has been fetched before"));
        }
        url = match &arguments.param {
            Some(param) => locate::with_parameter(&url, param, &cursor),
            None => locate::follow(client.base(), &url, &cursor)?,
        };
    };
    let frame = frame([("pages", json!(pages)), ("complete", json!(complete))]);
    let evidence = RawEvidence::table(frame, "items", items)?;
    Ok(Found { evidence, source: client.source(), complete: Some(complete), bytes })
}

fn next(page: &Value, arguments: &PageArguments, number: u64) -> Result<Next> {
    Ok(match locate::at(page, &arguments.next) {
        None => Next::Unsaid,
        Some(Value::Null | Value::Bool(false)) => Next::End,
        Some(Value::String(text)) if text.is_empty() => Next::End,
        Some(Value::String(text)) => Next::Cursor(text.clone()),
        Some(Value::Number(cursor)) => Next::Cursor(cursor.to_string()),
        Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => {
            let why = format!("{} is neither a text nor a number", arguments.next);
            return Err(page_fault(number, Code::BadOutput, &why));
        }
    })
}

fn take_items(page: Value, arguments: &PageArguments, number: u64) -> Result<Vec<Value>> {
    match locate::take(page, &arguments.items) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(page_fault(number, Code::BadOutput, &format!("{} is not a list", arguments.items))),
    }
}

fn page_fault(number: u64, code: Code, why: &dyn std::fmt::Display) -> Fault {
    Fault::new(code, format!("page {number}: {why}"))
}
