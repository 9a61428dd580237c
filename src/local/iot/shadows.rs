//! Device shadows, the classic one and named ones. Errors are those of the guide's list of error messages.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::Turn;
use super::document::Document;
use super::route::Query;
use super::rules::page_size;
use super::store::Shadow;
use super::things::check_name;
use crate::local::constraints::Violations;
use crate::local::exception::Exception;

const BYTES_MAX: usize = 8 * 1024;
const TOKEN_BYTES_MAX: usize = 64;
/// Names of a page, at most and where a request does not say.
const PAGE_MAX: usize = 100;
const PAGE: usize = 25;

impl Turn<'_> {
    pub(super) fn get_shadow(&mut self, thing: &str, query: &Query) -> Result<Value, Exception> {
        let name = shadow_name(thing, query)?;
        let found = self.store.shadow(thing, name)?;
        let Some((document, version)) = found.and_then(|shadow| Some((shadow.document?, shadow.version))) else {
            return Err(missing(thing, name));
        };
        let (state, metadata) = document.shown();
        Ok(json!({ "state": state, "metadata": metadata, "version": version, "timestamp": self.seconds() }))
    }

    pub(super) fn update_shadow(&mut self, thing: &str, query: &Query, body: &[u8]) -> Result<Value, Exception> {
        let name = shadow_name(thing, query)?;
        if body.len() > BYTES_MAX {
            let message = "The payload exceeds the maximum size allowed";
            return Err(coded(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message));
        }
        if std::str::from_utf8(body).is_err() {
            let message = "Unsupported documented encoding; supported encoding is UTF-8";
            return Err(coded(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedDocumentEncodingException", message));
        }
        let request: Value = serde_json::from_slice(body).map_err(|_| refused("Invalid JSON"))?;
        let Some(state) = request.get("state") else { return Err(refused("Missing required node: state")) };
        if let Some(problem) = Document::problem(state) {
            return Err(refused(problem));
        }
        let token = request.get("clientToken");
        if token.is_some_and(|token| token.as_str().is_none_or(|token| token.is_empty() || token.len() > TOKEN_BYTES_MAX)) {
            return Err(refused("Invalid clientToken"));
        }
        let there = self.store.shadow(thing, name)?;
        let version = there.as_ref().map_or(0, |shadow| shadow.version);
        match request.get("version").map(Value::as_i64) {
            Some(None) => return Err(refused("Invalid version")),
            Some(Some(expected)) if expected != version => {
                return Err(coded(StatusCode::CONFLICT, "ConflictException", "Version conflict"));
            }
            _ => {}
        }
        let mut document = there.and_then(|shadow| shadow.document).unwrap_or_default();
        let sections = state.as_object().cloned().unwrap_or_default();
        let accepted = document.change(&sections, self.seconds());
        self.store.put_shadow(thing, name, &Shadow { document: Some(document), version: version + 1, changed: self.now })?;
        let mut answer =
            json!({ "state": accepted.state, "metadata": accepted.metadata, "version": version + 1, "timestamp": self.seconds() });
        if let Some(token) = token {
            answer["clientToken"] = token.clone();
        }
        Ok(answer)
    }

    /// The version goes on where it was, should the shadow be made again.
    pub(super) fn delete_shadow(&mut self, thing: &str, query: &Query) -> Result<Value, Exception> {
        let name = shadow_name(thing, query)?;
        let there = self.store.shadow(thing, name)?.filter(|shadow| shadow.document.is_some());
        let Some(Shadow { version, .. }) = there else { return Err(missing(thing, name)) };
        self.store.put_shadow(thing, name, &Shadow { document: None, version, changed: self.now })?;
        Ok(json!({ "version": version, "timestamp": self.seconds() }))
    }

    pub(super) fn list_shadows(&mut self, thing: &str, query: &Query) -> Result<Value, Exception> {
        check_name(thing)?;
        let limit = page_size(query, "pageSize", PAGE_MAX)?.unwrap_or(PAGE);
        let mut names = self.store.named_shadows(thing)?;
        if let Some(after) = query.text("nextToken") {
            names.retain(|name| name.as_str() > after);
        }
        let more = names.len() > limit;
        names.truncate(limit);
        let mut answer = json!({ "results": names, "timestamp": self.seconds() });
        if let (true, Some(last)) = (more, names.last()) {
            answer["nextToken"] = last.as_str().into();
        }
        Ok(answer)
    }

    fn seconds(&self) -> i64 {
        self.now.0.div_euclid(1_000_000_000)
    }
}

/// The shadow that a request is about; the classic one has the empty name.
fn shadow_name<'q>(thing: &str, query: &'q Query) -> Result<&'q str, Exception> {
    check_name(thing)?;
    let name = query.text("name");
    let mut violations = Violations::default();
    let fits = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"$:_-".contains(&b));
    violations.pattern("shadowName", name, "[$a-zA-Z0-9:_-]+", fits);
    violations.length("shadowName", name, 1, 64);
    violations.message().map_or(Ok(name.unwrap_or_default()), |message| Err(refused(&message)))
}

fn missing(thing: &str, name: &str) -> Exception {
    let full = if name.is_empty() { thing.to_owned() } else { format!("{thing}~{name}") };
    coded(StatusCode::NOT_FOUND, "ResourceNotFoundException", &format!("No shadow exists with name: '{full}'"))
}

fn refused(message: &str) -> Exception {
    coded(StatusCode::BAD_REQUEST, "InvalidRequestException", message)
}

/// An error as the shadow service writes it: its body repeats the status.
fn coded(status: StatusCode, code: &'static str, message: &str) -> Exception {
    let mut exception = Exception::new(status, code, message);
    exception.members = vec![("code", status.as_u16().into())];
    exception
}
