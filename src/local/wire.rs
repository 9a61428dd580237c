//! Which service a request is for: the one that it was signed for, as on AWS, where each has a host of its own.

use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;

use super::kinesis;

/// The services of the one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wire {
    Timestream,
    S3,
    IotAnalytics,
    Kinesis,
    /// IoT Core: its control plane and its shadows.
    Iot,
    /// Signed for a service that is not embedded: its signing name.
    Other(String),
}

/// What is served, in words.
pub const SERVED: &str = "Timestream write and query, S3, IoT Analytics, Kinesis Data Streams, and IoT Core (topic rules, things, shadows)";

impl Wire {
    /// The service of `request`. One without a readable signature is held for the service that its target names, else for Timestream,
    /// which is the one that says what is wrong with it.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        match signing_name(request).as_deref() {
            Some("timestream") => Self::Timestream,
            Some("s3") => Self::S3,
            Some("iotanalytics") => Self::IotAnalytics,
            // The shadows sign for a name of their own.
            Some("iot" | "iotdata") => Self::Iot,
            Some("kinesis") => Self::Kinesis,
            Some(other) => Self::Other(other.to_owned()),
            None if header(request.headers(), "x-amz-target").starts_with(kinesis::TARGET_PREFIX) => Self::Kinesis,
            None => Self::Timestream,
        }
    }
}

/// The service of the credential scope (`key/day/region/service/aws4_request`), in the header or in a presigned address.
fn signing_name<B>(request: &Request<B>) -> Option<String> {
    let header = header(request.headers(), AUTHORIZATION.as_str());
    let query = request.uri().query().unwrap_or_default();
    let presigned = || query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential=")).map(|scope| scope.replace("%2F", "/"));
    let scope = match header.split_once("Credential=") {
        Some((_, rest)) => rest.split([',', ' ']).next().unwrap_or_default().to_owned(),
        None => presigned()?,
    };
    let mut parts = scope.rsplit('/');
    if parts.next() != Some("aws4_request") {
        return None;
    }
    parts.next().map(str::to_owned)
}

/// What is answered to a request for a service that is not embedded, by the service's signing name: what was asked, and what is served.
/// `action` is the operation where the request's body names it.
pub(super) fn not_served(service: &str, head: &Parts, action: Option<&str>) -> String {
    let target = header(&head.headers, "x-amz-target").rsplit_once('.').map(|(_, operation)| operation);
    let asked = match action.or(target) {
        Some(operation) => format!("the operation {}", operation.escape_debug()),
        None => format!("{} {}", head.method, head.uri.path().escape_debug()),
    };
    format!(
        "The embedded services do not include `{}`: {asked} is not served. Served are {SERVED}. For anything else, point the client at AWS \
         (set AWS_ENDPOINT_URL_… of single services instead of AWS_ENDPOINT_URL).",
        service.escape_debug()
    )
}

/// Whether the client expects answers in XML: the query protocol of services such as IAM and STS.
pub(super) fn speaks_xml(head: &Parts) -> bool {
    header(&head.headers, CONTENT_TYPE.as_str()).starts_with("application/x-www-form-urlencoded")
}

/// The operation that a form of the query protocol asks for.
pub(super) fn action(form: &[u8]) -> Option<&str> {
    let action = std::str::from_utf8(form).ok()?.split('&').find_map(|pair| pair.strip_prefix("Action="))?;
    // Names of operations need no escapes; what has one is no name.
    (!action.is_empty() && action.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(action)
}

fn header<'r>(headers: &'r HeaderMap, name: &str) -> &'r str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(authorization: &str, target: &str, uri: &str) -> Wire {
        let request = Request::builder().uri(uri).header("authorization", authorization).header("x-amz-target", target);
        Wire::of(&request.body(()).unwrap())
    }

    #[test]
    fn a_request_goes_to_the_service_that_it_was_signed_for() {
        let signed =
            |service: &str| format!("AWS4-HMAC-SHA256 Credential=AKIA/20251215/us-east-1/{service}/aws4_request, SignedHeaders=host");
        assert_eq!(wire(&signed("timestream"), "", "/"), Wire::Timestream);
        assert_eq!(wire(&signed("iotanalytics"), "", "/channels"), Wire::IotAnalytics);
        assert_eq!(wire(&signed("kinesis"), "", "/"), Wire::Kinesis);
        assert_eq!(wire(&signed("iot"), "", "/rules/r"), Wire::Iot);
        assert_eq!(wire(&signed("iotdata"), "", "/things/t/shadow"), Wire::Iot);
        assert_eq!(wire(&signed("s3"), "", "/bucket"), Wire::S3);
        assert_eq!(wire(&signed("sts"), "", "/"), Wire::Other("sts".to_owned()));
        assert_eq!(wire("", "", "/b/k?X-Amz-Credential=A%2F20251215%2Fus-east-1%2Fs3%2Faws4_request"), Wire::S3);
    }

    #[test]
    fn without_a_signature_the_target_decides() {
        assert_eq!(wire("AWS4-HMAC-SHA256 Credential=test", "Kinesis_20131202.ListStreams", "/"), Wire::Kinesis);
        assert_eq!(wire("AWS4-HMAC-SHA256 Credential=test", "Timestream_20181101.Query", "/"), Wire::Timestream);
        assert_eq!(wire("", "", "/"), Wire::Timestream);
    }

    #[test]
    fn what_is_not_served_is_named() {
        let head = |target: &str| Request::builder().uri("/x").header("x-amz-target", target).body(()).unwrap().into_parts().0;
        let message = not_served("secretsmanager", &head("secretsmanager.GetRandomPassword"), None);
        assert!(message.contains("`secretsmanager`: the operation GetRandomPassword is not served"), "{message}");
        assert!(message.contains("Kinesis"), "{message}");
        let message = not_served("iam", &head(""), action(b"Version=1&Action=CreateRole"));
        assert!(message.contains("the operation CreateRole is not served"), "{message}");
        let message = not_served("lambda", &head(""), action(b"Action=%3Cx%3E"));
        assert!(message.contains("GET /x is not served"), "{message}");
    }
}
