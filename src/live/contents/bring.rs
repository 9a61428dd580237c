//! The files of a content, fetched and kept.

use std::fs;
use std::path::Path;

use super::download::Missed;
use super::error::ContentsError;
use super::order::{self, Ordered, RUN_BYTES};
use super::run::Run;
use super::service::{Address, Content};
use super::state::{Entry, entry_path};

/// How the fetching of a content ended.
pub(super) enum Brought {
    Whole(Vec<Entry>),
    TooLarge(u64),
}

impl Run<'_> {
    /// Fetches all entries. `in_order`: the rows are put in the order of their bytes.
    pub(super) async fn bring(
        &self,
        serial: u64,
        dataset: &str,
        version: &str,
        mut addresses: Vec<Address>,
        in_order: bool,
        most: Option<u64>,
    ) -> Result<Brought, ContentsError> {
        let missed = |reason: String| ContentsError::Download { dataset: dataset.to_owned(), reason };
        let pace = self.service.pace();
        let mut entries = Vec::new();
        for number in 1..=addresses.len() {
            let path = entry_path(&self.job.folder, serial, number);
            let parent = path.parent().unwrap_or(&self.job.folder);
            fs::create_dir_all(parent).map_err(ContentsError::io("made", parent))?;
            let raw = path.with_extension("fetching");
            let (mut attempt, mut pause) = (1, pace.pause);
            let (arrived, name) = loop {
                let address = addresses.get(number - 1).cloned().ok_or_else(|| missed("its entries changed".to_owned()))?;
                let reason = match self.downloads.fetch(&address.url, &raw, most).await {
                    Ok(arrived) => break (arrived, address.entry),
                    Err(Missed::Ours(error)) => return Err(error),
                    Err(Missed::TooLarge(bytes)) => return Ok(Brought::TooLarge(bytes)),
                    Err(Missed::Stale(reason) | Missed::MayPass(reason)) => reason,
                };
                if attempt >= pace.attempts_max {
                    return Err(missed(format!("{reason} (tried {attempt} times, each with a fresh address)")));
                }
                attempt += 1;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(pace.pause_max);
                addresses = match self.service.content(dataset, version).await? {
                    Content::Succeeded(fresh) => fresh,
                    other => return Err(missed(format!("{reason}, and the content is no more: {other:?}"))),
                };
            };
            let kept = self.keep(&raw, &path, in_order).await?;
            entries.push(Entry {
                name,
                fetched_bytes: arrived.bytes,
                fetched_sha256: arrived.sha256,
                bytes: kept.bytes,
                sha256: kept.sha256,
                rows: kept.rows,
            });
        }
        Ok(Brought::Whole(entries))
    }

    /// Gives a fetched file its own name, durably.
    async fn keep(&self, raw: &Path, path: &Path, in_order: bool) -> Result<Ordered, ContentsError> {
        let (from, to, failed_at) = (raw.to_owned(), path.to_owned(), path.to_owned());
        let work = move || {
            let kept = if in_order {
                let ordering = to.with_extension("ordering");
                let ordered = order::ordered(&from, &ordering, RUN_BYTES)?;
                fs::rename(&ordering, &to)?;
                fs::remove_file(&from)?;
                ordered
            } else {
                let (bytes, sha256) = crate::export::hash_file(&mut fs::File::open(&from)?)?;
                let rows = order::measure(&from)?.rows;
                fs::rename(&from, &to)?;
                Ordered { bytes, sha256, rows }
            };
            fs::File::open(to.parent().unwrap_or(&to))?.sync_all()?;
            Ok(kept)
        };
        let kept = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        kept.map_err(ContentsError::io("kept", &failed_at))
    }
}
