//! The service that the tests script: it keeps datasets, makes contents at the second look, and gives rows in another order each time.

use std::collections::BTreeMap;

use crate::live::scripted::{Asked, Reply};
use crate::time::{DAY_NANOS, Nanos, TimeFormat};
use crate::value::Value;

/// What the service does wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    /// Contents of more days than this fail.
    pub(super) days_max: Option<i64>,
    /// So many presigned addresses have expired.
    pub(super) stale: usize,
    /// So many downloads break off.
    pub(super) broken: usize,
    /// This operation, as method and path's end, is refused with this code.
    pub(super) refused: Option<(&'static str, &'static str, u16, &'static str)>,
    /// From this request on, credentials have expired.
    pub(super) expired_from: Option<usize>,
    /// The survey counts so many rows more than there are.
    pub(super) overcounted: u64,
}

#[derive(Default)]
pub(super) struct Account {
    pub(super) datasets: BTreeMap<String, Dataset>,
    pub(super) trouble: Trouble,
    pub(super) requests: usize,
    pub(super) looks: BTreeMap<String, usize>,
    pub(super) under_way_max: usize,
    pub(super) seed: u64,
}

#[derive(Default)]
pub(super) struct Dataset {
    pub(super) sql: String,
    /// Versions with state and entries.
    pub(super) contents: Vec<(String, String, Vec<String>)>,
}

pub(super) const FIRST_DAY: i64 = 20_000;

/// The rows of the store: by day of arrival.
pub(super) fn rows_of(day: i64) -> Vec<String> {
    let count = match day - FIRST_DAY {
        0 | 3 => 2,
        1 => 5,
        9 => 1,
        _ => 0,
    };
    (0..count).map(|n| format!("\"pump-{n}\",\"{n}.50\",\"line \"\"{n}\"\"\nnext\",\"{}.000\"\n", arrived(day))).collect()
}

fn arrived(day: i64) -> String {
    Nanos(day * DAY_NANOS).to_timestream().get(..19).unwrap().to_owned()
}

impl Account {
    fn result(&mut self, sql: &str) -> Result<String, String> {
        if sql.contains("count(*)") {
            let days = (0..12).map(|day| FIRST_DAY + day).filter(|day| !rows_of(*day).is_empty());
            let over = self.trouble.overcounted;
            let line =
                |day| format!("\"{}.000\",\"{}\"\n", arrived(day), rows_of(day).len() as u64 + if day == FIRST_DAY { over } else { 0 });
            return Ok(format!("\"arrived\",\"row_count\"\n{}", days.map(line).collect::<String>()));
        }
        let bounds: Vec<i64> = sql
            .split("timestamp '")
            .skip(1)
            .map(|text| TimeFormat::Athena.read(&Value::String(text.get(..19).unwrap().to_owned())).unwrap().day())
            .collect();
        let [from, to] = bounds[..] else { panic!("{sql}") };
        if self.trouble.days_max.is_some_and(|most| to - from > most) {
            return Err("Query timed out".to_owned());
        }
        let mut rows: Vec<String> = (from..to).flat_map(rows_of).collect();
        // No order, and another one each time.
        self.seed += 1;
        let seed = self.seed;
        rows.sort_by_key(|row| xxhash_rust::xxh3::xxh3_64_with_seed(row.as_bytes(), seed));
        Ok(format!("\"device\",\"flow\",\"note\",\"__dt\"\n{}", rows.concat()))
    }

    pub(super) fn answer(&mut self, asked: &Asked) -> Reply {
        let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
        if parts.first() == Some(&"results") {
            return self.file(&parts);
        }
        self.requests += 1;
        if self.trouble.expired_from.is_some_and(|from| self.requests >= from) {
            return Reply::Error(403, "ExpiredTokenException", "The security token included in the request is expired");
        }
        if let Some((method, end, status, code)) = self.trouble.refused
            && asked.method == method
            && asked.path.ends_with(end)
        {
            return Reply::Error(status, code, "not you");
        }
        match (asked.method.as_str(), parts.as_slice()) {
            ("POST", ["datasets"]) => {
                let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
                let name = body["datasetName"].as_str().unwrap().to_owned();
                if self.datasets.contains_key(&name) {
                    return Reply::Error(409, "ResourceAlreadyExistsException", "there");
                }
                let sql = body["actions"][0]["queryAction"]["sqlQuery"].as_str().unwrap().to_owned();
                self.datasets.insert(name, Dataset { sql, contents: Vec::new() });
                Reply::Json(201, "{}".into())
            }
            ("POST", ["datasets", name, "content"]) => {
                let dataset = self.datasets.get_mut(*name).unwrap();
                let version = format!("{name}-v{}", dataset.contents.len());
                dataset.contents.push((version.clone(), "CREATING".to_owned(), Vec::new()));
                let under_way = self.datasets.values().flat_map(|one| &one.contents).filter(|content| content.1 == "CREATING").count();
                self.under_way_max = self.under_way_max.max(under_way);
                Reply::Json(200, format!(r#"{{"versionId":"{version}"}}"#))
            }
            ("GET", ["datasets", name, "content"]) => self.content(name, asked),
            ("GET", ["datasets", name, "contents"]) => {
                let Some(dataset) = self.datasets.get(*name) else { return missing() };
                let list = dataset.contents.iter().enumerate().map(|(at, (version, state, _))| {
                    format!(r#"{{"version":"{version}","status":{{"state":"{state}"}},"creationTime":15578632{at:02}}}"#)
                });
                Reply::Json(200, format!(r#"{{"datasetContentSummaries":[{}]}}"#, list.collect::<Vec<_>>().join(",")))
            }
            ("GET", ["datasets", name]) => {
                let Some(dataset) = self.datasets.get(*name) else { return missing() };
                let action = if dataset.sql.is_empty() {
                    serde_json::json!({"containerAction":{"image":"i","executionRoleArn":"arn:aws:iam::123456789012:role/r","resourceConfiguration":{"computeType":"ACU_1","volumeSizeInGB":1}}})
                } else {
                    serde_json::json!({"queryAction":{"sqlQuery":dataset.sql}})
                };
                Reply::Json(200, serde_json::json!({"dataset":{"name":name,"actions":[action]}}).to_string())
            }
            ("DELETE", ["datasets", name]) => match self.datasets.remove(*name) {
                Some(_) => Reply::Json(204, String::new()),
                None => missing(),
            },
            other => panic!("{other:?}"),
        }
    }

    fn content(&mut self, name: &str, asked: &Asked) -> Reply {
        let version = asked.parameter("versionId").unwrap().to_owned();
        let Some(dataset) = self.datasets.get(name) else { return missing() };
        let Some(at) = dataset.contents.iter().position(|content| content.0 == version) else { return missing() };
        let (sql, creating) = (dataset.sql.clone(), dataset.contents[at].1 == "CREATING");
        let looks = self.looks.entry(version.clone()).or_default();
        *looks += 1;
        if creating && *looks > 1 {
            let (state, entries) = match self.result(&sql) {
                Ok(csv) => ("SUCCEEDED".to_owned(), vec![csv]),
                Err(reason) => (format!("FAILED:{reason}"), Vec::new()),
            };
            let content = &mut self.datasets.get_mut(name).unwrap().contents[at];
            (content.1, content.2) = (state, entries);
        }
        let (_, state, entries) = &self.datasets[name].contents[at];
        let host = asked.header("host").unwrap();
        let uris = (0..entries.len())
            .map(|entry| format!(r#"{{"dataURI":"http://{host}/results/{name}/{at}/{entry}.csv?X-Amz-Signature=very-secret"}}"#));
        let (state, reason) = state.split_once(':').unwrap_or((state, ""));
        let uris = uris.collect::<Vec<_>>().join(",");
        Reply::Json(200, format!(r#"{{"entries":[{uris}],"timestamp":1557863215,"status":{{"state":"{state}","reason":"{reason}"}}}}"#))
    }

    fn file(&mut self, parts: &[&str]) -> Reply {
        let [_, name, content, entry] = parts else { panic!("{parts:?}") };
        if self.trouble.stale > 0 {
            self.trouble.stale -= 1;
            return Reply::With(
                403,
                Vec::new(),
                b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>".to_vec(),
            );
        }
        if self.trouble.broken > 0 {
            self.trouble.broken -= 1;
            return Reply::Dropped;
        }
        let entry: usize = entry.trim_end_matches(".csv").parse().unwrap();
        let csv = &self.datasets[*name].contents[content.parse::<usize>().unwrap()].2[entry];
        Reply::With(200, Vec::new(), csv.clone().into_bytes())
    }

    pub(super) fn temporary(&self) -> Vec<&String> {
        self.datasets.keys().filter(|name| name.starts_with("iota2ts_tmp_")).collect()
    }
}

fn missing() -> Reply {
    Reply::Error(404, "ResourceNotFoundException", "none")
}
