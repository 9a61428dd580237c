//! Pages, tokens, cancelling.

use super::fixture::{Fixture, NOW, cells, record};
use super::{Engine, EngineOptions, QueryFailure, QueryRequest, QueryResponse};
use crate::record::{Measure, MeasureKind};
use crate::time::{HOUR_NANOS, Nanos};

const SQL: &str = "SELECT n FROM db.t ORDER BY n";

fn numbered(count: i64) -> Fixture {
    let mut fixture = Fixture::new();
    fixture.table("db", "t", &["device"], &[("n", MeasureKind::Bigint), ("s", MeasureKind::Varchar)]);
    for n in 0..count {
        let measures = [("n", Measure::Bigint(n)), ("s", Measure::Varchar("x".repeat(2_000)))];
        fixture.insert("db", "t", &record(&[("device", "d")], n, &measures), NOW);
    }
    fixture
}

fn request(max_rows: Option<i64>, next_token: Option<&String>) -> QueryRequest {
    QueryRequest { query_string: SQL.to_owned(), next_token: next_token.cloned(), max_rows, client_token: None }
}

fn numbers(response: &QueryResponse) -> String {
    cells(&response.rows).concat().join(",")
}

fn token(response: &QueryResponse) -> String {
    response.next_token.clone().unwrap()
}

fn is_invalid(result: &Result<QueryResponse, QueryFailure>) -> bool {
    matches!(result, Err(QueryFailure::Validation(message)) if message == "Invalid pagination token.")
}

#[test]
fn pages_agree_with_each_other_while_writes_go_on() {
    let mut fixture = numbered(10);
    let first = fixture.send(&request(Some(4), None), NOW).unwrap();
    assert_eq!(numbers(&first), "0,1,2,3");
    fixture.connection.execute_batch("DELETE FROM t1 WHERE c2 > 5; UPDATE t1 SET c2 = 100").unwrap();
    fixture.insert("db", "t", &record(&[("device", "new")], 0, &[("n", Measure::Bigint(5))]), NOW);
    let second = fixture.send(&request(Some(4), Some(&token(&first))), NOW).unwrap();
    assert_eq!((numbers(&second), second.query_id.clone()), ("4,5,6,7".to_owned(), first.query_id));
    assert_eq!(second.columns, first.columns);
    let third = fixture.send(&request(Some(4), Some(&token(&second))), NOW).unwrap();
    assert_eq!((numbers(&third), third.next_token), ("8,9".to_owned(), None));
}

#[test]
fn a_token_gives_the_same_rows_five_times_and_only_with_its_query() {
    let fixture = numbered(10);
    let first = fixture.send(&request(Some(2), None), NOW).unwrap();
    let a = token(&first);
    let page = fixture.send(&request(Some(3), Some(&a)), NOW).unwrap();
    let mut other = request(Some(3), Some(&a));
    other.query_string.push(' ');
    assert!(is_invalid(&fixture.send(&other, NOW)), "another query string");
    for _ in 2..=5 {
        let again = fixture.send(&request(Some(1), Some(&a)), NOW).unwrap();
        assert_eq!(again, page);
    }
    assert!(is_invalid(&fixture.send(&request(Some(3), Some(&a)), NOW)), "a sixth use");
    let last = fixture.send(&request(None, Some(&token(&page))), NOW).unwrap();
    assert_eq!(numbers(&last), "5,6,7,8,9");
    assert_eq!(fixture.send(&request(None, Some(&token(&page))), NOW).unwrap(), last);
}

#[test]
fn only_the_newest_token_is_good_and_only_for_an_hour() {
    let fixture = numbered(10);
    let a = token(&fixture.send(&request(Some(2), None), NOW).unwrap());
    let b = token(&fixture.send(&request(Some(2), Some(&a)), NOW).unwrap());
    let c = token(&fixture.send(&request(Some(2), Some(&b)), NOW).unwrap());
    assert!(is_invalid(&fixture.send(&request(Some(2), Some(&a)), NOW)));
    assert!(fixture.send(&request(Some(2), Some(&b)), NOW).is_ok());
    let later = Nanos(NOW.0 + HOUR_NANOS + 1);
    assert!(is_invalid(&fixture.send(&request(Some(2), Some(&c)), later)));
    for wrong in ["", "x", "é".repeat(16).as_str(), &c[..40], &"0".repeat(48)] {
        assert!(matches!(fixture.send(&request(None, Some(&wrong.to_owned())), NOW), Err(QueryFailure::Validation(_))), "{wrong}");
    }
}

#[test]
fn a_page_ends_at_a_megabyte_and_nothing_is_lost() {
    let fixture = numbered(1_200);
    let mut ask = request(None, None);
    ask.query_string = "SELECT n, s FROM db.t ORDER BY n".to_owned();
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let response = fixture.send(&ask, NOW).unwrap();
        assert!(response.to_json()["Rows"].to_string().len() < 1_048_576);
        seen.extend(cells(&response.rows).into_iter().map(|row| row[0].clone()));
        pages += 1;
        ask.next_token = response.next_token;
        if ask.next_token.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..1_200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(pages, 3);
}

#[test]
fn the_first_page_can_be_empty() {
    let mut fixture = numbered(3);
    fixture.engine = Engine::new(EngineOptions { empty_first_page: true }).unwrap();
    let first = fixture.send(&request(None, None), NOW).unwrap();
    assert!(first.rows.is_empty());
    let second = fixture.send(&request(None, Some(&token(&first))), NOW).unwrap();
    assert_eq!((numbers(&second), second.next_token), ("0,1,2".to_owned(), None));
}

#[test]
fn a_cancelled_query_has_no_more_pages() {
    let fixture = numbered(10);
    let first = fixture.send(&request(Some(2), None), NOW).unwrap();
    assert_eq!(fixture.engine.cancel(&first.query_id), Ok(None));
    assert!(matches!(fixture.engine.cancel(&first.query_id), Ok(Some(message)) if message.contains("already")));
    assert!(matches!(fixture.send(&request(Some(2), Some(&token(&first))), NOW), Err(QueryFailure::Conflict(_))));
    assert!(matches!(fixture.engine.cancel("UNKNOWN1"), Ok(Some(message)) if message.contains("not running")));
    assert!(matches!(fixture.engine.cancel("no; such"), Err(QueryFailure::Validation(_))));
}

#[test]
fn open_results_are_bounded_and_the_one_unused_longest_goes() {
    let fixture = numbered(3);
    let tokens: Vec<String> = (0..257).map(|_| token(&fixture.send(&request(Some(1), None), NOW).unwrap())).collect();
    assert!(is_invalid(&fixture.send(&request(Some(1), Some(&tokens[0])), NOW)));
    assert!(fixture.send(&request(Some(1), Some(&tokens[1])), NOW).is_ok());
}

#[test]
fn a_query_that_fails_midway_leaves_nothing_open() {
    let fixture = numbered(10);
    let mut failing = request(Some(1), None);
    failing.query_string = "SELECT 10 / (9 - n) FROM db.t ORDER BY time".to_owned();
    assert!(matches!(fixture.send(&failing, NOW), Err(QueryFailure::Execution(message)) if message == "Division by zero"));
    assert_eq!(fixture.send(&request(None, None), NOW).unwrap().rows.len(), 10);
}

#[test]
fn a_client_token_names_one_request() {
    let fixture = numbered(2);
    let mut ask = request(Some(2), None);
    ask.client_token = Some("t".repeat(32));
    let first = fixture.send(&ask, NOW).unwrap();
    assert_eq!(fixture.send(&ask, NOW).unwrap().rows, first.rows);
    let after = |nanos: i64| Nanos(NOW.0 + nanos);
    assert!(matches!(fixture.send(&ask, after(HOUR_NANOS)), Err(QueryFailure::Validation(_))));
    assert!(fixture.send(&ask, after(4 * HOUR_NANOS + 1)).is_ok());
    ask.query_string.push(' ');
    assert!(matches!(fixture.send(&ask, after(4 * HOUR_NANOS + 1)), Err(QueryFailure::Validation(_))));
    ask.client_token = Some("short".to_owned());
    assert!(matches!(fixture.send(&ask, NOW), Err(QueryFailure::Validation(_))));
}

#[test]
fn the_number_of_rows_is_checked() {
    let fixture = numbered(1);
    for wrong in [0, -1, 1_001] {
        assert!(matches!(fixture.send(&request(Some(wrong), None), NOW), Err(QueryFailure::Validation(_))), "{wrong}");
    }
    assert!(fixture.send(&request(Some(1_000), None), NOW).is_ok());
}
