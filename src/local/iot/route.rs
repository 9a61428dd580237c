//! Which operation a method and a path ask for (iot and iot-data 2015-05-28).

use std::collections::BTreeMap;

use hyper::Method;

/// The operations that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    CreateTopicRule,
    GetTopicRule,
    ListTopicRules,
    ReplaceTopicRule,
    DeleteTopicRule,
    EnableTopicRule,
    DisableTopicRule,
    CreateThing,
    DescribeThing,
    ListThings,
    UpdateThing,
    DeleteThing,
    GetThingShadow,
    UpdateThingShadow,
    DeleteThingShadow,
    ListNamedShadowsForThing,
}

impl Operation {
    pub(super) const ALL: [Self; 16] = [
        Self::CreateTopicRule,
        Self::GetTopicRule,
        Self::ListTopicRules,
        Self::ReplaceTopicRule,
        Self::DeleteTopicRule,
        Self::EnableTopicRule,
        Self::DisableTopicRule,
        Self::CreateThing,
        Self::DescribeThing,
        Self::ListThings,
        Self::UpdateThing,
        Self::DeleteThing,
        Self::GetThingShadow,
        Self::UpdateThingShadow,
        Self::DeleteThingShadow,
        Self::ListNamedShadowsForThing,
    ];

    /// As the API names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateTopicRule => "CreateTopicRule",
            Self::GetTopicRule => "GetTopicRule",
            Self::ListTopicRules => "ListTopicRules",
            Self::ReplaceTopicRule => "ReplaceTopicRule",
            Self::DeleteTopicRule => "DeleteTopicRule",
            Self::EnableTopicRule => "EnableTopicRule",
            Self::DisableTopicRule => "DisableTopicRule",
            Self::CreateThing => "CreateThing",
            Self::DescribeThing => "DescribeThing",
            Self::ListThings => "ListThings",
            Self::UpdateThing => "UpdateThing",
            Self::DeleteThing => "DeleteThing",
            Self::GetThingShadow => "GetThingShadow",
            Self::UpdateThingShadow => "UpdateThingShadow",
            Self::DeleteThingShadow => "DeleteThingShadow",
            Self::ListNamedShadowsForThing => "ListNamedShadowsForThing",
        }
    }
}

/// An operation, the rule or thing that it is about (empty for lists), and what stands behind the `?`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::local) struct Asked {
    pub(super) operation: Operation,
    pub(super) name: String,
    pub(super) query: Query,
}

impl Asked {
    /// `None` if it is no operation that is served.
    pub(super) fn read(method: &Method, path: &str, query: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let (operation, name) = match (method.as_str(), parts.as_slice()) {
            ("GET", ["rules"]) => (Operation::ListTopicRules, ""),
            ("POST", ["rules", name]) => (Operation::CreateTopicRule, *name),
            ("GET", ["rules", name]) => (Operation::GetTopicRule, *name),
            ("PATCH", ["rules", name]) => (Operation::ReplaceTopicRule, *name),
            ("DELETE", ["rules", name]) => (Operation::DeleteTopicRule, *name),
            ("POST", ["rules", name, "enable"]) => (Operation::EnableTopicRule, *name),
            ("POST", ["rules", name, "disable"]) => (Operation::DisableTopicRule, *name),
            ("GET", ["things"]) => (Operation::ListThings, ""),
            ("POST", ["things", name]) => (Operation::CreateThing, *name),
            ("GET", ["things", name]) => (Operation::DescribeThing, *name),
            ("PATCH", ["things", name]) => (Operation::UpdateThing, *name),
            ("DELETE", ["things", name]) => (Operation::DeleteThing, *name),
            ("GET", ["things", name, "shadow"]) => (Operation::GetThingShadow, *name),
            ("POST", ["things", name, "shadow"]) => (Operation::UpdateThingShadow, *name),
            ("DELETE", ["things", name, "shadow"]) => (Operation::DeleteThingShadow, *name),
            ("GET", ["api", "things", "shadow", "ListNamedShadowsForThing", name]) => (Operation::ListNamedShadowsForThing, *name),
            _ => return None,
        };
        Some(Self { operation, name: decoded(name)?, query: Query::read(query)? })
    }
}

/// The parameters of a query, by name; the first of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    fn read(text: &str) -> Option<Self> {
        let mut values = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            values.entry(decoded(name)?).or_insert(decoded(&value.replace('+', " "))?);
        }
        Some(Self(values))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Takes the `%` escapes out. `None` if one is none, or the bytes are no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped_once_and_a_slash_in_one_makes_no_path() {
        let asked = |path| Asked::read(&Method::GET, path, "name=a%3Ab&pageSize=5").map(|asked| (asked.operation, asked.name));
        assert_eq!(asked("/things/pump%3A7"), Some((Operation::DescribeThing, "pump:7".to_owned())));
        assert_eq!(asked("/things/a%2Fshadow"), Some((Operation::DescribeThing, "a/shadow".to_owned())));
        assert_eq!(asked("/things/a%252F/shadow"), Some((Operation::GetThingShadow, "a%2F".to_owned())));
        for none in ["/things/%zz", "/things/%4", "/things/%ff", "/thing-groups", "things", "/"] {
            assert_eq!(asked(none), None, "{none}");
        }
        let query = Asked::read(&Method::GET, "/things", "attributeValue=a%20b+c&x").unwrap().query;
        assert_eq!((query.text("attributeValue"), query.text("x"), query.text("y")), (Some("a b c"), Some(""), None));
    }
}
