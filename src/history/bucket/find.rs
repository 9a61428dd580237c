//! Everything below the prefix, page by page.

use std::sync::Arc;

use aws_sdk_s3::types::Object;

use super::{ATTEMPTS, PAUSE, Reach, fault};
use crate::history::listing::{Found, Gathered};
use crate::history::sniff::{self, HEAD_BYTES, Sniffer};
use crate::history::{HistoryError, Listing, directory, key};
use crate::progress::Progress;

/// More objects than this in one root are refused: their listing alone would take more than a gigabyte.
const OBJECTS_MAX: usize = 10_000_000;

/// Lists the bucket. No object is read but those whose names say nothing of their format: a few bytes of each.
pub(super) async fn all(reach: &Arc<Reach>, progress: &dyn Progress) -> Result<Listing, HistoryError> {
    let root = format!("s3://{}/{}", reach.bucket, reach.prefix);
    let folders: Vec<String> = reach.prefix.split('/').filter(|folder| !folder.is_empty()).map(key::decoded).collect();
    let mut finder = Finder { reach, folders: vec![folders], gathered: Gathered::default(), sniffer: Sniffer::new() };
    let mut token = None;
    loop {
        let asked = reach.client.list_objects_v2().bucket(&reach.bucket).set_continuation_token(token);
        let asked = if reach.prefix.is_empty() { asked } else { asked.prefix(&reach.prefix) };
        let page = asked.send().await.map_err(|error| fault::of_listing(&error, reach))?;
        for object in page.contents() {
            finder.take(object).await?;
        }
        progress.advance(u64::try_from(page.contents().len()).unwrap_or(0));
        if finder.gathered.objects() > OBJECTS_MAX {
            return Err(HistoryError::TooManyObjects { root, max: OBJECTS_MAX });
        }
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    if finder.gathered.is_empty() {
        return Err(HistoryError::RootMissing { root });
    }
    Ok(finder.gathered.listing(root))
}

struct Finder<'a> {
    reach: &'a Reach,
    /// As the directory has them: the names that lead to the root.
    folders: Vec<Vec<String>>,
    gathered: Gathered,
    sniffer: Sniffer,
}

impl Finder<'_> {
    async fn take(&mut self, object: &Object) -> Result<(), HistoryError> {
        let Some(raw_key) = object.key().and_then(|key| key.strip_prefix(&self.reach.prefix)).filter(|key| !key.is_empty()) else {
            return Ok(());
        };
        let (folder, name) = raw_key.rsplit_once('/').unwrap_or(("", raw_key));
        let reason = if name.is_empty() {
            Some("a folder's marker")
        } else {
            folder.split('/').find_map(directory::folder_passed_over).or_else(|| sniff::passed_over(name))
        };
        if let Some(reason) = reason {
            return self.pass_over(raw_key, reason);
        }
        let Some(place) = self.folders.iter().find_map(|root| key::place(root, raw_key)) else {
            return self.pass_over(raw_key, directory::NO_LAYOUT);
        };
        let etag = object.e_tag().unwrap_or_default().trim_matches('"').to_owned();
        let size_bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        let kind = match sniff::kind_by_name(name) {
            Some(kind) => Ok(kind),
            None => {
                let head = self.head(raw_key, &etag, size_bytes).await?;
                self.sniffer.kind(name, head)
            }
        };
        match kind {
            Ok(kind) => self.gathered.found(Found { raw_key: raw_key.to_owned(), etag, size_bytes, kind, place }),
            Err(reason) => return self.pass_over(raw_key, &reason),
        }
        Ok(())
    }

    /// The beginning of an object whose name says nothing, as long as it is the listed one.
    async fn head(&self, raw_key: &str, etag: &str, size_bytes: u64) -> Result<Vec<u8>, HistoryError> {
        if size_bytes == 0 {
            return Ok(Vec::new());
        }
        let reach = self.reach;
        let range = format!("bytes=0-{}", HEAD_BYTES - 1);
        let asked = reach.client.get_object().bucket(&reach.bucket).key(format!("{}{raw_key}", reach.prefix)).range(range);
        let asked = asked.if_match(format!("\"{etag}\""));
        let mut attempt = 0;
        loop {
            let got = asked.clone().send().await.map_err(|error| fault::of_key(&error, reach, raw_key, &key::decoded(raw_key), etag))?;
            match got.body.collect().await {
                Ok(head) => return Ok(head.to_vec()),
                Err(_) if attempt + 1 < ATTEMPTS => tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await,
                Err(error) => return Err(HistoryError::Read { key: raw_key.to_owned(), source: error.into() }),
            }
            attempt += 1;
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "ends `take` with one word wherever an object is passed over")]
    fn pass_over(&mut self, key: &str, reason: &str) -> Result<(), HistoryError> {
        self.gathered.pass_over(key.to_owned(), reason);
        Ok(())
    }
}
