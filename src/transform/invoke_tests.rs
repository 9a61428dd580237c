//! Functions of AWS, played by a service on the loopback.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::SharedCredentialsProvider;

use super::super::json::{parsed, text};
use super::*;
use crate::encoding::hex;
use crate::live::scripted::{Asked, Reply, Scripted};

const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:clean:live";

fn functions(url: &str, timeout: Duration) -> InvokedFunctions {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("token".to_owned()), None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let of = |function: &str| AwsFunction { function: function.to_owned(), timeout };
    let functions = BTreeMap::from([("clean".to_owned(), of("clean_up")), ("by_arn".to_owned(), of(ARN))]);
    let insistence = Insistence { attempts_max: 3, pause: Duration::from_millis(1), pause_max: Duration::from_millis(1) };
    InvokedFunctions::start(config, Some(url.to_owned()), functions, insistence).unwrap()
}

fn call(service: &Scripted, name: &str) -> Result<Vec<Object>, LambdaError> {
    functions(&service.url(), Duration::from_secs(30)).call(name, &[parsed(r#"{"a":1E5}"#), parsed(r#"{"b":2.0}"#)])
}

/// The function returns what it was given.
fn echo(asked: &Asked) -> Reply {
    Reply::With(200, vec![("x-amz-executed-version", "$LATEST".to_owned())], asked.body.clone())
}

#[test]
fn a_batch_goes_to_the_function_signed_and_comes_back_untouched() {
    let service = Scripted::serve(echo);
    let answer = call(&service, "clean").unwrap();
    assert_eq!(answer.iter().map(text).collect::<Vec<_>>(), [r#"{"a":1E5}"#, r#"{"b":2.0}"#]);
    let asked = &service.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/2015-03-31/functions/clean_up/invocations"));
    assert_eq!(asked.body, br#"[{"a":1E5},{"b":2.0}]"#);
    let signature = asked.header("authorization").unwrap();
    assert!(signature.contains("/eu-west-1/lambda/aws4_request") && signature.contains("SignedHeaders="), "{signature}");
    assert_eq!(asked.header("x-amz-security-token"), Some("token"));
    assert_eq!(asked.header("x-amz-invocation-type"), Some("RequestResponse"));
}

#[test]
fn an_arn_says_its_own_region_and_is_one_part_of_the_path() {
    let service = Scripted::serve(echo);
    call(&service, "by_arn").unwrap();
    let asked = &service.asked()[0];
    assert_eq!(asked.path, "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aclean%3Alive/invocations");
    assert!(asked.header("authorization").unwrap().contains("/eu-central-1/lambda/"));
}

/// The signature is computed again with the secret key, by the rules of Signature Version 4 and none of the code above.
#[test]
fn the_signature_is_that_of_the_request_as_it_was_sent() {
    use hmac_by_hand::{hmac, sha256};
    let service = Scripted::serve(echo);
    call(&service, "by_arn").unwrap();
    let asked = &service.asked()[0];
    let authorization = asked.header("authorization").unwrap();
    let field = |name: &str| authorization.split(name).nth(1).unwrap().split([',', ' ']).next().unwrap().to_owned();
    let (credential, signed, signature) = (field("Credential="), field("SignedHeaders="), field("Signature="));
    let scope = credential.split_once('/').unwrap().1;
    let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", asked.header(name).unwrap())).collect();
    // Each part of the path is encoded once more.
    let path = asked.path.replace('%', "%25");
    let canonical = format!("POST\n{path}\n\n{headers}\n{signed}\n{}", hex(&sha256(&asked.body)));
    let date = asked.header("x-amz-date").unwrap();
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&sha256(canonical.as_bytes())));
    let key = scope.split('/').fold(b"AWS4secret".to_vec(), |key, part| hmac(&key, part.as_bytes()));
    assert_eq!(signature, hex(&hmac(&key, to_sign.as_bytes())));
}

/// RFC 2104 on SHA-256.
mod hmac_by_hand {
    use sha2::{Digest as _, Sha256};

    pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
        Sha256::digest(bytes).to_vec()
    }

    pub(super) fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut block = if key.len() > 64 { sha256(key) } else { key.to_vec() };
        block.resize(64, 0);
        let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
        let inner = sha256(&[pad(0x36), message.to_vec()].concat());
        sha256(&[pad(0x5c), inner].concat())
    }
}

#[test]
fn a_function_that_fails_is_quoted_and_not_called_again() {
    let service = Scripted::serve(|_| {
        let headers = vec![("x-amz-function-error", "Unhandled".to_owned())];
        Reply::With(200, headers, br#"{"errorMessage":"division by zero","errorType":"ZeroDivisionError"}"#.to_vec())
    });
    let error = call(&service, "clean").unwrap_err();
    assert!(error.to_string().starts_with("the function `clean` failed: Unhandled: {\"errorMessage\":\"division by zero\""), "{error}");
    assert_eq!(service.asked().len(), 1);
}

#[test]
fn throttling_and_failures_of_aws_pass_and_are_bounded() {
    let count = AtomicUsize::new(0);
    let service = Scripted::serve(move |asked| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Error(429, "TooManyRequestsException", "Rate Exceeded."),
        1 => Reply::Error(500, "ServiceException", "oops"),
        _ => echo(asked),
    });
    assert_eq!(call(&service, "clean").unwrap().len(), 2);
    let service = Scripted::serve(|_| Reply::Error(429, "TooManyRequestsException", "Rate Exceeded."));
    let error = call(&service, "clean").unwrap_err();
    assert!(error.to_string().contains("HTTP 429 TooManyRequestsException") && error.to_string().contains("asked 3 times"), "{error}");
}

#[test]
fn a_refusal_says_what_to_allow() {
    for (status, code) in [(403, "AccessDeniedException"), (404, "ResourceNotFoundException")] {
        let service = Scripted::serve(move |_| Reply::Error(status, code, "no"));
        let error = call(&service, "clean").unwrap_err();
        assert!(matches!(error, LambdaError::Refused { .. }), "{error}");
        assert!(error.hint().unwrap().contains("lambda:InvokeFunction"));
        assert_eq!(service.asked().len(), 1);
    }
}

#[test]
fn answers_that_are_no_messages_are_refused_and_fewer_are_handed_on() {
    for body in ["null", "{}", "[1]", ""] {
        let service = Scripted::serve(move |_| Reply::Json(200, body.to_owned()));
        assert!(matches!(call(&service, "clean"), Err(LambdaError::Answer { .. })), "{body}");
    }
    let service = Scripted::serve(|_| Reply::Json(200, r#"[{"only":1}]"#.to_owned()));
    assert_eq!(call(&service, "clean").unwrap().len(), 1);
}

#[test]
fn a_function_that_takes_too_long_is_left_and_not_called_twice() {
    let service = Scripted::serve(|asked| {
        std::thread::sleep(Duration::from_secs(3));
        echo(asked)
    });
    let begun = Instant::now();
    let error = functions(&service.url(), Duration::from_millis(200)).call("clean", &[]).unwrap_err();
    assert!(error.to_string().contains("no answer within"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(service.asked().len(), 1);
}

#[test]
fn a_connection_that_breaks_after_the_request_is_not_asked_again() {
    let service = Scripted::serve(|_| Reply::Dropped);
    assert!(matches!(call(&service, "clean"), Err(LambdaError::Function { .. })));
    assert_eq!(service.asked().len(), 1, "it may have run");
}

#[test]
fn more_than_a_call_takes_is_refused_before_it_is_sent() {
    let service = Scripted::serve(echo);
    let large = parsed(&format!(r#"{{"text":"{}"}}"#, "x".repeat(PAYLOAD_BYTES_MAX)));
    let error = functions(&service.url(), Duration::from_secs(5)).call("clean", &[large]).unwrap_err();
    assert!(error.to_string().contains("the batch of 1 messages has"), "{error}");
    assert!(service.asked().is_empty());
}

/// The engine is asked from threads that may belong to a runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_may_be_asked_and_dropped_on_a_runtime() {
    let service = Scripted::serve(echo);
    let functions = Arc::new(functions(&service.url(), Duration::from_secs(30)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let functions = Arc::clone(&functions);
        tasks.spawn_blocking(move || functions.call("clean", &[parsed("{}")]).unwrap().len());
    }
    assert_eq!(tasks.join_all().await, [1, 1, 1, 1]);
    drop(functions);
}

#[test]
fn only_names_and_arns_are_taken() {
    for good in ["clean_up", "clean-up:live", ARN, "123456789012:function:f", "f:$LATEST"] {
        assert!(AwsFunction::is_name_or_arn(good), "{good}");
    }
    for bad in ["", "a b", "f?x=1", "f\n", "ü", "../x#", &"x".repeat(300)] {
        assert!(!AwsFunction::is_name_or_arn(bad), "{bad}");
    }
    assert_eq!(AwsFunction { function: "f".into(), timeout: Duration::ZERO }.region(), None);
}
