//! What a migration leaves behind, put into a bucket: the staged history, definitions, plan, reports, quarantine and evidence.
//!
//! Invariants
//! - A file is sent with its SHA-256, which the bucket must agree with to take it.
//! - The index is written last: where it is, everything that it names is there.
//! - Nothing in the bucket is removed, and a file that lies there already with the same content is not sent again.
//!
//! May be used by `cli`. Uses the way to a bucket that `history` has, and the vocabulary.

mod error;
mod index;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use md5::Md5;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use error::ArchiveError;
use index::{Filed, INDEX_NAME, Index};

use crate::encoding::{base64, hex};
use crate::history::{Address, BucketAccess};
use crate::progress::Progress;

/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 1024 * 1024;

/// What was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Archived {
    /// The index, which names everything.
    pub index: String,
    pub files: usize,
    pub bytes: u64,
    /// Files that were sent this time; the others were there.
    pub sent: usize,
}

/// What a look at an archive found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Looked {
    pub index: String,
    pub files: usize,
    pub bytes: u64,
    /// What is not as the index says, by file.
    pub wrong: BTreeMap<String, String>,
}

/// An archive in a bucket.
#[derive(Debug)]
pub struct Archive {
    client: Client,
    address: Address,
}

impl Archive {
    /// The archive at `s3://bucket` or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// When the address is none.
    pub fn at(address: &str, access: &BucketAccess) -> Result<Self, ArchiveError> {
        Ok(Self { client: access.client(), address: Address::read(address)? })
    }

    /// Puts the files below `root` that `names` names (parts divided by `/`) under the same names.
    ///
    /// # Errors
    /// When a file cannot be read, or the bucket does not take it. What was sent stays, and the same call goes on.
    pub async fn put(&self, root: &Path, names: &[String], progress: &dyn Progress) -> Result<Archived, ArchiveError> {
        progress.begin("archiving", Some(names.len() as u64), "files");
        let mut index = Index::default();
        let mut sent = 0;
        for name in names {
            let path = root.join(name);
            let file = hashed(&path)?;
            if !self.lies_there(name, &file).await? {
                self.send(name, &path, &file).await?;
                sent += 1;
            }
            index.files.push(Filed { name: name.clone(), bytes: file.bytes, sha256: hex(&file.sha256) });
            progress.advance(1);
        }
        let text = index.to_json();
        let sha256 = Sha256::digest(text.as_bytes()).to_vec();
        let put = self.client.put_object().bucket(&self.address.bucket).key(self.address.key(INDEX_NAME));
        let put = put.checksum_sha256(base64(&sha256)).body(ByteStream::from(text.into_bytes())).send().await;
        put.map_err(|error| self.address.unwritten(&error, INDEX_NAME))?;
        progress.end();
        Ok(Archived { index: self.address.to_string() + INDEX_NAME, files: index.files.len(), bytes: index.bytes(), sent })
    }

    /// Reads everything that the index names, and holds it against it.
    ///
    /// # Errors
    /// When there is no index that can be read, or the bucket gives nothing.
    pub async fn look(&self, progress: &dyn Progress) -> Result<Looked, ArchiveError> {
        let text =
            self.fetch(INDEX_NAME).await?.ok_or_else(|| ArchiveError::NoIndex { address: self.address.to_string() })?.collect().await;
        let text = text.map_err(|error| ArchiveError::Broken { name: INDEX_NAME.to_owned(), cause: error.to_string() })?;
        let index = Index::read(&text.to_vec())?;
        progress.begin("reading the archive", Some(index.files.len() as u64), "files");
        let mut wrong = BTreeMap::new();
        for file in &index.files {
            if let Some(what) = self.differs(file).await? {
                wrong.insert(file.name.clone(), what);
            }
            progress.advance(1);
        }
        progress.end();
        Ok(Looked { index: self.address.to_string() + INDEX_NAME, files: index.files.len(), bytes: index.bytes(), wrong })
    }

    /// How the object is otherwise than the index says.
    async fn differs(&self, file: &Filed) -> Result<Option<String>, ArchiveError> {
        let Some(mut body) = self.fetch(&file.name).await? else { return Ok(Some("it is gone".to_owned())) };
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        loop {
            match body.try_next().await {
                Ok(Some(piece)) => {
                    bytes += piece.len() as u64;
                    hash.update(&piece);
                }
                Ok(None) => break,
                Err(error) => return Err(ArchiveError::Broken { name: file.name.clone(), cause: error.to_string() }),
            }
        }
        if bytes != file.bytes {
            return Ok(Some(format!("it has {bytes} bytes instead of {}", file.bytes)));
        }
        Ok((hex(&hash.finalize()) != file.sha256).then(|| "its content is another".to_owned()))
    }

    /// The object's body; none where there is no object.
    async fn fetch(&self, name: &str) -> Result<Option<ByteStream>, ArchiveError> {
        match self.client.get_object().bucket(&self.address.bucket).key(self.address.key(name)).send().await {
            Ok(object) => Ok(Some(object.body)),
            Err(error) if error.as_service_error().is_some_and(aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key) => {
                Ok(None)
            }
            Err(error) => Err(self.address.unread(&error, name).into()),
        }
    }

    /// Whether the object holds the same already: an ETag that is an MD5 tells; another one tells nothing, and the file is sent again.
    async fn lies_there(&self, name: &str, file: &Hashed) -> Result<bool, ArchiveError> {
        match self.client.head_object().bucket(&self.address.bucket).key(self.address.key(name)).send().await {
            Ok(head) => {
                let same_size = head.content_length().and_then(|bytes| u64::try_from(bytes).ok()) == Some(file.bytes);
                Ok(same_size && head.e_tag().is_some_and(|etag| etag.trim_matches('"') == hex(&file.md5)))
            }
            // Without the permission to list, S3 denies what is not there. Sending it will tell.
            Err(error) if error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 403 | 404)) => Ok(false),
            Err(error) => Err(self.address.unread(&error, name).into()),
        }
    }

    async fn send(&self, name: &str, path: &Path, file: &Hashed) -> Result<(), ArchiveError> {
        let body = ByteStream::from_path(path).await;
        let body = body.map_err(|error| ArchiveError::File { path: path.to_owned(), source: std::io::Error::other(error) })?;
        let put = self.client.put_object().bucket(&self.address.bucket).key(self.address.key(name));
        let put = put.checksum_sha256(base64(&file.sha256)).body(body).send().await;
        put.map(drop).map_err(|error| self.address.unwritten(&error, name).into())
    }
}

struct Hashed {
    bytes: u64,
    sha256: Vec<u8>,
    md5: Vec<u8>,
}

fn hashed(path: &Path) -> Result<Hashed, ArchiveError> {
    let failed = |source| ArchiveError::File { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let (mut sha256, mut md5, mut bytes) = (Sha256::new(), Md5::new(), 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = file.read(&mut piece).map_err(failed)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
        sha256.update(read);
        md5.update(read);
        bytes += count as u64;
    }
    Ok(Hashed { bytes, sha256: sha256.finalize().to_vec(), md5: md5.finalize().to_vec() })
}
