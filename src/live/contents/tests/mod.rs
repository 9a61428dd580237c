//! Contents of a service that a test scripts.

mod account;

use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use self::account::{Account, Dataset, FIRST_DAY, Trouble, rows_of};
use super::state::{State, Step};
use super::*;
use crate::failpoint::Failpoints;
use crate::history::Source as _;
use crate::live::Fault;
use crate::live::scripted::Scripted;
use crate::live::tests::{connection, pace};
use crate::progress::Silent;
use crate::time::{Clock as _, Nanos, SystemClock};

struct Plant {
    account: Arc<Mutex<Account>>,
    service: Scripted,
    directory: tempfile::TempDir,
}

impl Plant {
    fn new(trouble: Trouble) -> Self {
        let account = Arc::new(Mutex::new(Account { trouble, ..Account::default() }));
        let of_service = Arc::clone(&account);
        let service = Scripted::serve(move |asked| of_service.lock().unwrap().answer(asked));
        Self { account, service, directory: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.directory.path().join("dataset-contents")
    }

    async fn fetch(&self, wanted: Vec<Wanted>, sizing: Sizing) -> Result<Fetched, Stopped> {
        let connection = connection(&self.service.url());
        let poll = Duration::from_millis(1);
        let job = ContentsJob {
            connection: &connection,
            pace: pace(),
            patience: Patience { poll, poll_max: poll, generation_max: Duration::from_secs(5) },
            folder: self.folder(),
            wanted,
            sizing,
            content_bytes_max: 1_000_000,
            staged: None,
            now: SystemClock.now(),
            progress: Arc::new(Silent),
            failpoints: &Failpoints::none(),
        };
        fetch(&job).await
    }

    async fn plant(&self) -> Result<Fetched, Stopped> {
        self.fetch(vec![store("plant")], Sizing::Rows(6)).await
    }

    fn state(&self) -> State {
        State::load(&self.folder()).unwrap().unwrap()
    }

    fn trouble(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.account.lock().unwrap().trouble);
    }

    fn nothing_left(&self) {
        assert_eq!(self.account.lock().unwrap().temporary(), Vec::<&String>::new());
        assert!(self.state().temporary.is_empty());
    }
}

fn store(name: &str) -> Wanted {
    Wanted::Datastore { name: ResourceName::new(name).unwrap() }
}

fn dataset(name: &str, version: &str, store: Option<&str>) -> Wanted {
    Wanted::Dataset {
        name: ResourceName::new(name).unwrap(),
        version: version.to_owned(),
        store: store.map(|store| ResourceName::new(store).unwrap()),
    }
}

/// Every line that was fetched, by object.
fn texts(contents: &FetchedContents) -> Vec<(String, String)> {
    let text = |object: crate::history::SourceObject| {
        let mut text = String::new();
        contents.open(&object).unwrap().read_to_string(&mut text).unwrap();
        (object.id.key.clone(), text)
    };
    contents.listing().objects.iter().map(text).collect()
}

/// Each row of the store stands in exactly one window.
fn is_complete(contents: &FetchedContents) {
    let mut found: Vec<String> = texts(contents)
        .iter()
        .flat_map(|(_, text)| text.split_inclusive(".000\"\n").map(str::to_owned).collect::<Vec<_>>())
        .map(|row| row.trim_start_matches("\"device\",\"flow\",\"note\",\"__dt\"\n").to_owned())
        .filter(|row| !row.is_empty())
        .collect();
    let mut expected: Vec<String> = (0..12).flat_map(|day| rows_of(FIRST_DAY + day)).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_datastore_comes_in_windows_and_nothing_is_left_behind() {
    let plant = Plant::new(Trouble::default());
    let fetched = plant.plant().await.unwrap();
    let keys: Vec<String> = fetched.contents.listing().objects.iter().map(|object| object.id.key.clone()).collect();
    assert_eq!(
        keys,
        [
            "datastore/plant/2024-10-04..2024-10-05/1.csv",
            "datastore/plant/2024-10-05..2024-10-07/1.csv",
            "datastore/plant/2024-10-07..2024-10-14/1.csv"
        ]
    );
    is_complete(&fetched.contents);
    assert!(fetched.differences.is_empty() && fetched.left.is_empty());
    plant.nothing_left();
    assert!(plant.account.lock().unwrap().under_way_max <= 2);

    // All is there: not one more question, and the same listing.
    let asked = plant.service.asked().len();
    let again = plant.plant().await.unwrap();
    assert_eq!(again.contents.listing(), fetched.contents.listing());
    assert_eq!(plant.service.asked().len(), asked);

    // Another export of the same store, with rows in another order: the same digests.
    let other = Plant::new(Trouble::default());
    other.account.lock().unwrap().seed = 77;
    assert_eq!(other.plant().await.unwrap().contents.listing().digest(), fetched.contents.listing().digest());
}

#[tokio::test]
async fn a_window_whose_content_fails_is_halved_down_to_days() {
    let plant = Plant::new(Trouble { days_max: Some(2), ..Trouble::default() });
    let fetched = plant.fetch(vec![store("plant")], Sizing::Days(30)).await.unwrap();
    assert_eq!(fetched.contents.listing().objects.len(), 6, "ten days: five and five, each two and three, each three one and two");
    is_complete(&fetched.contents);
    assert!(fetched.differences.is_empty(), "{:?}", fetched.differences);
    plant.nothing_left();
}

#[tokio::test]
async fn a_day_that_fails_is_named_and_all_else_is_kept() {
    let plant = Plant::new(Trouble { days_max: Some(0), ..Trouble::default() });
    let stopped = plant.plant().await.unwrap_err();
    assert!(stopped.to_string().contains("the content of `plant` that arrived on 2024-10-04 failed: Query timed out"), "{stopped}");
    assert!(stopped.hint().unwrap().contains("tries these again"));
    plant.nothing_left();
    plant.trouble(|trouble| trouble.days_max = None);
    is_complete(&plant.plant().await.unwrap().contents);
    plant.nothing_left();
}

#[tokio::test]
async fn a_content_that_is_too_long_is_halved() {
    let plant = Plant::new(Trouble::default());
    let connection = connection(&plant.service.url());
    let poll = Duration::from_millis(1);
    let job = ContentsJob {
        connection: &connection,
        pace: pace(),
        patience: Patience { poll, poll_max: poll, generation_max: Duration::from_secs(5) },
        folder: plant.folder(),
        wanted: vec![store("plant")],
        sizing: Sizing::Days(30),
        content_bytes_max: 400,
        staged: None,
        now: Nanos(0),
        progress: Arc::new(Silent),
        failpoints: &Failpoints::none(),
    };
    let fetched = fetch(&job).await.unwrap();
    assert!(fetched.contents.listing().objects.len() > 1);
    is_complete(&fetched.contents);
    plant.nothing_left();
}

#[tokio::test]
async fn expired_addresses_and_broken_downloads_are_met_with_fresh_addresses() {
    let plant = Plant::new(Trouble { stale: 2, broken: 1, ..Trouble::default() });
    is_complete(&plant.plant().await.unwrap().contents);
    let state = std::fs::read_to_string(plant.folder().join("state.json")).unwrap();
    assert!(!state.contains("very-secret") && !state.contains("http"), "no address is kept");

    let hopeless = Plant::new(Trouble { stale: 1000, ..Trouble::default() });
    let stopped = hopeless.plant().await.unwrap_err();
    assert!(stopped.to_string().contains("HTTP 403 to a presigned address (tried 4 times"), "{stopped}");
    assert!(!stopped.to_string().contains("very-secret"));
    hopeless.nothing_left();
}

#[tokio::test]
async fn each_denied_action_is_named_and_after_the_permission_it_goes_on() {
    for (method, end, action) in [
        ("POST", "/datasets", "iotanalytics:CreateDataset"),
        ("POST", "/content", "iotanalytics:CreateDatasetContent"),
        ("GET", "/content", "iotanalytics:GetDatasetContent"),
    ] {
        let plant = Plant::new(Trouble { refused: Some((method, end, 403, "AccessDeniedException")), ..Trouble::default() });
        let stopped = plant.plant().await.unwrap_err();
        assert!(stopped.hint().unwrap().contains(&format!("allow {action} and")), "{:?}", stopped.hint());
        plant.nothing_left();
        plant.trouble(|trouble| trouble.refused = None);
        is_complete(&plant.plant().await.unwrap().contents);
        plant.nothing_left();
    }
}

#[tokio::test]
async fn datasets_that_may_not_be_removed_are_named_and_cleaned_up_later() {
    let plant = Plant::new(Trouble { refused: Some(("DELETE", "", 403, "AccessDeniedException")), ..Trouble::default() });
    let fetched = plant.plant().await.unwrap();
    is_complete(&fetched.contents);
    assert_eq!(fetched.left.len(), 4);
    assert!(fetched.left[0].starts_with("iota2ts_tmp_") && fetched.left[0].contains("access was refused"), "{:?}", fetched.left);
    let connection = connection(&plant.service.url());
    let (gone, left) = clean_up(&connection, pace(), &plant.folder()).await.unwrap();
    assert_eq!((gone.len(), left.len()), (0, 4));
    plant.trouble(|trouble| trouble.refused = None);
    let (gone, left) = clean_up(&connection, pace(), &plant.folder()).await.unwrap();
    assert_eq!((gone.len(), left.len()), (4, 0));
    plant.nothing_left();
}

#[tokio::test]
async fn credentials_that_expire_at_any_request_lose_nothing() {
    let whole = Plant::new(Trouble::default());
    let digest = whole.plant().await.unwrap().contents.listing().digest();
    let requests = whole.account.lock().unwrap().requests;
    for from in 1..=requests {
        let plant = Plant::new(Trouble { expired_from: Some(from), ..Trouble::default() });
        match plant.plant().await {
            Err(stopped) => {
                assert!(matches!(&stopped.cause, ContentsError::Refused { fault: Fault::Expired { .. }, .. }), "{stopped}");
                assert!(stopped.hint().unwrap().contains("goes on"));
                for name in plant.account.lock().unwrap().temporary() {
                    assert!(stopped.left.iter().any(|left| left.starts_with(name.as_str())), "{name} is not named: {:?}", stopped.left);
                }
            }
            // Only what removes the last dataset was refused.
            Ok(fetched) => assert!(!fetched.left.is_empty()),
        }
        let fetched_before = plant.state().parts.iter().filter(|part| matches!(part.step, Step::Fetched { .. })).count();
        plant.trouble(|trouble| trouble.expired_from = None);
        let fetched = plant.plant().await.unwrap();
        assert_eq!(fetched.contents.listing().digest(), digest, "expired from request {from}, {fetched_before} were fetched");
        plant.nothing_left();
    }
}

#[tokio::test]
async fn a_survey_that_counted_other_rows_is_told_of() {
    let plant = Plant::new(Trouble { overcounted: 3, ..Trouble::default() });
    let fetched = plant.fetch(vec![store("plant")], Sizing::Days(1)).await.unwrap();
    assert_eq!(fetched.differences, ["`plant` from 2024-10-04 to before 2024-10-05: 2 rows were fetched, and the survey before counted 5"]);
}

#[tokio::test]
async fn contents_that_a_dataset_has_are_kept_to_the_letter() {
    let plant = Plant::new(Trouble::default());
    let content = |version: &str, state: &str, entries: &[&str]| {
        (version.to_owned(), state.to_owned(), entries.iter().map(|text| (*text).to_owned()).collect())
    };
    let contents = vec![
        content("v1", "SUCCEEDED", &["\"a\"\n\"old\"\n"]),
        content("v2", "SUCCEEDED", &["\"a\"\n\"z\"\n\"b\"", "\"a\"\n"]),
        content("v3", "FAILED:no", &[]),
    ];
    let daily = Dataset { sql: "SELECT * FROM plant".to_owned(), contents };
    plant.account.lock().unwrap().datasets.insert("daily".to_owned(), daily);
    let fetched = plant.fetch(vec![dataset("daily", "$LATEST_SUCCEEDED", None)], Sizing::default()).await.unwrap();
    let expected = [("dataset/daily/v2/1.csv", "\"a\"\n\"z\"\n\"b\""), ("dataset/daily/v2/2.csv", "\"a\"\n")];
    assert_eq!(texts(&fetched.contents), expected.map(|(key, text)| (key.to_owned(), text.to_owned())));
    assert_eq!(fetched.contents.listing().stores().into_iter().collect::<Vec<_>>(), ["plant"]);
    assert!(plant.account.lock().unwrap().datasets.contains_key("daily"), "the customer's own is never removed");

    let another = |wanted| {
        std::fs::remove_dir_all(plant.folder()).unwrap();
        plant.fetch(vec![wanted], Sizing::default())
    };
    let by_version = another(dataset("daily", "v1", Some("other"))).await.unwrap();
    assert_eq!(texts(&by_version.contents), [("dataset/daily/v1/1.csv".to_owned(), "\"a\"\n\"old\"\n".to_owned())]);
    assert_eq!(by_version.contents.listing().objects.get(0).unwrap().store, "other");
    let failed = another(dataset("daily", "$LATEST", None)).await.unwrap_err();
    assert_eq!(failed.to_string(), "the content v3 of the dataset `daily` failed: no");
    let none = another(dataset("daily", "v9", None)).await.unwrap_err();
    assert_eq!(none.to_string(), "the dataset `daily` has no content of the version v9");
    for (sql, told) in [("", "made by a container"), ("SELECT a FROM plant", "whose rows it gives is not known")] {
        plant.account.lock().unwrap().datasets.get_mut("daily").unwrap().sql = sql.to_owned();
        let stopped = another(dataset("daily", "v1", None)).await.unwrap_err();
        assert!(stopped.to_string().contains(told), "{stopped}");
    }
}

#[tokio::test]
async fn a_file_that_was_changed_or_lost_is_never_taken_for_the_content() {
    let plant = Plant::new(Trouble::default());
    let fetched = plant.plant().await.unwrap();
    let object = fetched.contents.listing().objects.get(0).unwrap();
    let path = plant.folder().join(&object.locator);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("0.50", "0.51")).unwrap();
    let read = fetched.contents.open(&object).unwrap().read_to_string(&mut String::new());
    assert!(read.unwrap_err().to_string().contains("is not the one that was listed"));
    std::fs::remove_file(&path).unwrap();
    is_complete(&plant.plant().await.unwrap().contents);
    plant.nothing_left();
}

#[tokio::test]
async fn other_names_do_not_mix_with_an_export_that_is_begun() {
    let plant = Plant::new(Trouble::default());
    drop(plant.plant().await.unwrap());
    let stopped = plant.fetch(vec![store("other")], Sizing::Rows(6)).await.unwrap_err();
    assert!(matches!(stopped.cause, ContentsError::Other { .. }), "{stopped}");
}

#[tokio::test]
async fn a_closed_service_is_told_of_plainly() {
    let directory = tempfile::tempdir().unwrap();
    // Nobody listens where the port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let connection = connection(&format!("http://{free}"));
    let job = ContentsJob {
        connection: &connection,
        pace: pace(),
        patience: Patience::default(),
        folder: directory.path().join("c"),
        wanted: vec![store("plant")],
        sizing: Sizing::default(),
        content_bytes_max: 1,
        staged: None,
        now: Nanos(0),
        progress: Arc::new(Silent),
        failpoints: &Failpoints::none(),
    };
    let stopped = fetch(&job).await.unwrap_err();
    assert!(stopped.to_string().contains("AWS closed it on 15 December 2025"), "{stopped}");
    assert!(stopped.hint().unwrap().contains("your own buckets"));
}

#[test]
fn a_state_of_another_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(directory.path().join("state.json"), text).unwrap();
    let load = |folder: &Path| State::load(folder).unwrap_err();
    write(r#"{"kind":"iota2ts dataset contents","version":2}"#);
    assert!(matches!(load(directory.path()), ContentsError::Version { found: 2, .. }));
    write(r#"{"kind":"x","version":1}"#);
    assert!(matches!(load(directory.path()), ContentsError::Damaged { .. }));
}
