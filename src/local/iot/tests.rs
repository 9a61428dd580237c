//! The service as a client meets it, without the socket.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::Service;
use super::route::Asked;
use crate::local::exception::Exception;
use crate::time::{Clock, ManualClock, Nanos};

const NOW: i64 = 1_700_000_000_000_000_000;

struct Ground {
    dir: tempfile::TempDir,
    service: Service,
}

fn open(dir: &tempfile::TempDir) -> Service {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Nanos(NOW)));
    Service::open(&dir.path().join("iot.db"), clock, "us-east-1".into()).unwrap()
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = open(&dir);
        Self { dir, service }
    }

    /// `what` is method, path and query, as in `GET /things?maxResults=1`.
    fn ask(&self, what: &str, body: &Value) -> Result<Value, Exception> {
        let (method, uri) = what.split_once(' ').unwrap();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let asked = Asked::read(&method, path, query).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.service.carry_out(&asked, body.as_bytes())
    }

    fn ok(&self, what: &str, body: &Value) -> Value {
        self.ask(what, body).unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    fn refused(&self, what: &str, body: &Value) -> (u16, &'static str, String) {
        let error = self.ask(what, body).unwrap_err();
        (error.status.as_u16(), error.code, error.message)
    }
}

fn rule(sql: &str) -> Value {
    json!({ "sql": sql, "actions": [{ "iotAnalytics": { "channelName": "c" } }] })
}

#[test]
fn a_rule_is_handed_out_as_it_came_and_outlives_the_server() {
    let ground = Ground::new();
    // Numbers keep their text.
    let payload = json!({ "sql": "SELECT * FROM \"topic/sensor/data\"", "description": "d", "awsIotSqlVersion": "2016-03-23",
        "actions": [{ "kinesis": { "roleArn": "r", "streamName": "s", "partitionKey": "${topic()}" } }] });
    assert_eq!(ground.ok("POST /rules/one", &payload), Value::Null);
    let Ground { dir, service } = ground;
    drop(service);
    let again = Ground { service: open(&dir), dir };
    let got = again.ok("GET /rules/one", &Value::Null);
    assert_eq!(got["ruleArn"], "arn:aws:iot:us-east-1:000000000000:rule/one");
    for member in ["sql", "description", "awsIotSqlVersion", "actions"] {
        assert_eq!(got["rule"][member], payload[member]);
    }
    assert_eq!((&got["rule"]["ruleName"], &got["rule"]["ruleDisabled"]), (&json!("one"), &json!(false)));
    assert_eq!(got["rule"]["createdAt"].to_string(), "1700000000.000");
    again.ok("POST /rules/one/disable", &Value::Null);
    assert_eq!(again.ok("GET /rules/one", &Value::Null)["rule"]["ruleDisabled"], true);
    again.ok("PATCH /rules/one", &rule("SELECT 1"));
    let replaced = again.ok("GET /rules/one", &Value::Null);
    assert_eq!((&replaced["rule"]["sql"], &replaced["rule"]["awsIotSqlVersion"]), (&json!("SELECT 1"), &json!("2015-10-08")));
    again.ok("DELETE /rules/one", &Value::Null);
    assert_eq!(again.ok("GET /rules", &Value::Null), json!({ "rules": [] }));
}

#[test]
fn rules_are_listed_by_page_and_by_topic() {
    let ground = Ground::new();
    for (name, sql) in [("a", "SELECT * FROM 'plant/+/temp'"), ("b", "SELECT * FROM 'plant/#'"), ("c", "SELECT * FROM 'other'")] {
        ground.ok(&format!("POST /rules/{name}"), &rule(sql));
    }
    let names = |answer: &Value| -> Vec<String> {
        answer["rules"].as_array().unwrap().iter().map(|rule| rule["ruleName"].as_str().unwrap().to_owned()).collect()
    };
    let first = ground.ok("GET /rules?maxResults=2", &Value::Null);
    assert_eq!(names(&first), ["a", "b"]);
    let next = first["nextToken"].as_str().unwrap();
    assert_eq!(names(&ground.ok(&format!("GET /rules?maxResults=2&nextToken={next}"), &Value::Null)), ["c"]);
    assert_eq!(names(&ground.ok("GET /rules?topic=plant%2Fx%2Ftemp", &Value::Null)), ["a", "b"]);
    assert_eq!(names(&ground.ok("GET /rules?ruleDisabled=true", &Value::Null)), [""; 0]);
}

#[test]
fn rules_are_refused_in_the_names_of_the_service() {
    let ground = Ground::new();
    ground.ok("POST /rules/there", &rule("SELECT 1"));
    let code = |what: &str, body: Value| {
        let (status, code, _) = ground.refused(what, &body);
        (status, code)
    };
    assert_eq!(code("POST /rules/there", rule("SELECT 1")), (409, "ResourceAlreadyExistsException"));
    assert_eq!(code("POST /rules/no-dashes", rule("SELECT 1")), (400, "InvalidRequestException"));
    assert_eq!(code("POST /rules/r", rule("FROM x")), (400, "SqlParseException"));
    assert_eq!(code("POST /rules/r", rule("SELECTED")), (400, "SqlParseException"));
    assert_eq!(code("POST /rules/r", json!({ "sql": "SELECT 1" })), (400, "InvalidRequestException"));
    let (_, _, message) = ground.refused("POST /rules/r", &json!({ "sql": "SELECT 1", "actions": [{ "kinesis": { "streamName": "s" } }] }));
    assert!(message.contains("at 'topicRulePayload.actions.1.member.kinesis.roleArn'"), "{message}");
    assert_eq!(code("POST /rules/r", json!({ "sql": "SELECT 1", "actions": [{ "fax": {} }] })), (400, "InvalidRequestException"));
    // The service does not tell a missing rule from a forbidden one.
    for what in ["GET /rules/gone", "DELETE /rules/gone", "POST /rules/gone/enable"] {
        let refused = ground.refused(what, &Value::Null);
        assert_eq!(refused, (401, "UnauthorizedException", "Access to topic rule 'gone' was denied".to_owned()), "{what}");
    }
}

#[test]
fn things_are_made_described_changed_and_removed() {
    let ground = Ground::new();
    let made = ground.ok("POST /things/pump:7", &json!({ "attributePayload": { "attributes": { "site": "north", "line": "2" } } }));
    assert_eq!(made["thingArn"], "arn:aws:iot:us-east-1:000000000000:thing/pump:7");
    // The same again is the same thing; another one of that name is refused.
    let again = ground.ok("POST /things/pump:7", &json!({ "attributePayload": { "attributes": { "site": "north", "line": "2" } } }));
    assert_eq!(again, made);
    assert_eq!(ground.refused("POST /things/pump:7", &Value::Null).1, "ResourceAlreadyExistsException");
    let change = json!({ "attributePayload": { "attributes": { "line": "", "hall": "3" }, "merge": true }, "thingTypeName": "pump", "expectedVersion": 1 });
    ground.ok("PATCH /things/pump:7", &change);
    let described = ground.ok("GET /things/pump%3A7", &Value::Null);
    assert_eq!(described["attributes"], json!({ "site": "north", "hall": "3" }));
    assert_eq!((&described["version"], &described["thingTypeName"], &described["thingId"]), (&json!(2), &json!("pump"), &made["thingId"]));
    assert_eq!(ground.refused("PATCH /things/pump:7", &change).1, "VersionConflictException");
    assert_eq!(ground.refused("DELETE /things/pump:7?expectedVersion=1", &Value::Null).0, 409);
    ground.ok("DELETE /things/pump:7?expectedVersion=2", &Value::Null);
    assert_eq!(ground.refused("GET /things/pump:7", &Value::Null).1, "ResourceNotFoundException");
    // As on the service, deleting what is not there succeeds.
    ground.ok("DELETE /things/pump:7", &Value::Null);
    assert_eq!(ground.refused("POST /things/no%20blanks", &Value::Null).1, "InvalidRequestException");
    let four = json!({ "attributePayload": { "attributes": { "a": "1", "b": "2", "c": "3", "d": "4" } } });
    assert!(ground.refused("POST /things/many", &four).2.contains("at most 3 attributes"));
}

#[test]
fn things_are_listed_by_page_and_by_attribute() {
    let ground = Ground::new();
    for n in 0..5 {
        let attributes = json!({ "attributePayload": { "attributes": { "site": if n % 2 == 0 { "north" } else { "south" } } } });
        ground.ok(&format!("POST /things/t{n}"), &attributes);
    }
    let first = ground.ok("GET /things?maxResults=3", &Value::Null);
    assert_eq!((first["things"].as_array().unwrap().len(), &first["nextToken"]), (3, &json!("t2")));
    assert_eq!(ground.ok("GET /things?maxResults=3&nextToken=t2", &Value::Null)["things"].as_array().unwrap().len(), 2);
    let by = |query: &str| ground.ok(&format!("GET /things?{query}"), &Value::Null)["things"].as_array().unwrap().len();
    assert_eq!(by("attributeName=site&attributeValue=north"), 3);
    assert_eq!(by("attributeName=site&attributeValue=no&usePrefixAttributeValue=true"), 3);
    assert_eq!(by("attributeName=hall"), 0);
    assert_eq!(ground.refused("GET /things?maxResults=251", &Value::Null).1, "InvalidRequestException");
}

#[test]
fn shadows_are_merged_and_versioned_and_a_deleted_one_goes_on_counting() {
    let ground = Ground::new();
    let missing = ground.ask("GET /things/t/shadow", &Value::Null).unwrap_err();
    assert_eq!((missing.message.as_str(), missing.members), ("No shadow exists with name: 't'", vec![("code", json!(404))]));
    let first = ground.ok("POST /things/t/shadow", &json!({ "state": { "reported": { "rpm": 900 } }, "clientToken": "x" }));
    assert_eq!((&first["version"], &first["clientToken"], &first["timestamp"]), (&json!(1), &json!("x"), &json!(1_700_000_000)));
    ground.ok("POST /things/t/shadow", &json!({ "state": { "desired": { "rpm": 1000 } }, "version": 1 }));
    let shown = ground.ok("GET /things/t/shadow", &Value::Null);
    assert_eq!(shown["state"], json!({ "reported": { "rpm": 900 }, "desired": { "rpm": 1000 }, "delta": { "rpm": 1000 } }));
    assert_eq!(ground.refused("POST /things/t/shadow", &json!({ "state": {}, "version": 1 })).1, "ConflictException");
    ground.ok("DELETE /things/t/shadow", &Value::Null);
    assert_eq!(ground.refused("DELETE /things/t/shadow", &Value::Null).0, 404);
    let reborn = ground.ok("POST /things/t/shadow", &json!({ "state": { "reported": { "on": true } } }));
    assert_eq!(reborn["version"], 3);
    assert_eq!(ground.ok("GET /things/t/shadow", &Value::Null)["state"], json!({ "reported": { "on": true } }));
}

#[test]
fn shadows_have_names_of_their_own_and_are_refused_by_what_is_wrong() {
    let ground = Ground::new();
    for name in ["b", "a"] {
        ground.ok(&format!("POST /things/t/shadow?name={name}"), &json!({ "state": { "reported": { "n": name } } }));
    }
    let list = |query: &str| ground.ok(&format!("GET /api/things/shadow/ListNamedShadowsForThing/t?{query}"), &Value::Null);
    assert_eq!(list("")["results"], json!(["a", "b"]));
    assert_eq!((&list("pageSize=1")["results"], &list("nextToken=a")["results"]), (&json!(["a"]), &json!(["b"])));
    assert_eq!(ground.refused("GET /things/t/shadow?name=c", &Value::Null).2, "No shadow exists with name: 't~c'");
    let message = |body: Value| ground.refused("POST /things/t/shadow", &body).2;
    assert_eq!(message(json!({})), "Missing required node: state");
    assert_eq!(message(json!({ "state": { "desired": 3 } })), "Desired node must be an object");
    assert_eq!(message(json!({ "state": {}, "version": "1" })), "Invalid version");
    assert_eq!(message(json!({ "state": {}, "clientToken": "x".repeat(65) })), "Invalid clientToken");
    assert_eq!(ground.refused("POST /things/t/shadow", &json!({ "state": { "reported": { "x": "y".repeat(8192) } } })).0, 413);
}
