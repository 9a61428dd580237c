//! A content's file through its presigned address.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_iotanalytics::config::http::HttpRequest;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};

use super::error::ContentsError;
use crate::export::Hashed;
use crate::failpoint::{self, Failpoints};
use crate::live::fault::{chain, one_line};

const CONNECT: Duration = Duration::from_secs(10);
/// An answer, or the next piece of one, takes no longer.
const STALLED: Duration = Duration::from_secs(60);

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Why a file did not arrive whole.
#[derive(Debug)]
pub(super) enum Missed {
    /// The address is good for nothing any more: a fresh one is needed.
    Stale(String),
    /// It may arrive at the next attempt.
    MayPass(String),
    TooLarge(u64),
    Ours(ContentsError),
}

/// Fetches files.
pub(super) struct Downloads<'a> {
    connector: Option<SharedHttpConnector>,
    failpoints: &'a Failpoints,
}

impl<'a> Downloads<'a> {
    pub(super) fn new(sdk_config: &SdkConfig, failpoints: &'a Failpoints) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(STALLED).build();
        Self { connector: default_connector(&settings, sdk_config.sleep_impl()), failpoints }
    }

    /// Writes the file behind `url` to `path`, durably. `bytes_max`: a longer one is not begun.
    pub(super) async fn fetch(&self, url: &str, path: &Path, bytes_max: Option<u64>) -> Result<Arrived, Missed> {
        let connector = self.connector.as_ref().ok_or_else(|| Missed::MayPass("there is no HTTP client".to_owned()))?;
        let request = get(url).map_err(|reason| Missed::MayPass(format!("the address cannot be used: {reason}")))?;
        // An error of the client may quote the address.
        let passing = |error: &dyn std::error::Error| Missed::MayPass(one_line(&chain(error).replace(url, "the address")));
        let response = connector.call(request).await.map_err(|error| passing(&error))?;
        let status = response.status().as_u16();
        let length = response.headers().get("content-length").and_then(|length| length.parse::<u64>().ok());
        let mut body = ByteStream::new(response.into_body());
        match status {
            200 => {}
            // S3 refuses an expired address with 403, one with expired credentials behind it with 400.
            400 | 401 | 403 => return Err(Missed::Stale(format!("HTTP {status} to a presigned address"))),
            _ => return Err(Missed::MayPass(format!("HTTP {status} to a presigned address"))),
        }
        if let (Some(length), Some(most)) = (length, bytes_max)
            && length > most
        {
            return Err(Missed::TooLarge(length));
        }
        let ours = |action| move |error| Missed::Ours(ContentsError::io(action, path)(error));
        let mut file = Hashed::new(std::fs::File::create(path).map_err(ours("made"))?);
        loop {
            let piece = tokio::time::timeout(STALLED, body.try_next()).await;
            let piece = piece.map_err(|_| Missed::MayPass(format!("no more bytes within {} s", STALLED.as_secs())))?;
            let Some(piece) = piece.map_err(|error| passing(&error))? else { break };
            file.write_all(&piece).map_err(ours("written"))?;
            self.failpoints.hit(failpoint::CONTENTS_MID_DOWNLOAD);
        }
        let (bytes, sha256) = file.ended();
        if let Some(length) = length.filter(|length| *length != bytes) {
            return Err(Missed::MayPass(format!("{bytes} of {length} bytes arrived")));
        }
        file.inner.sync_all().map_err(ours("made durable"))?;
        Ok(Arrived { bytes, sha256 })
    }
}

fn get(url: &str) -> Result<HttpRequest, String> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET").map_err(|error| error.to_string())?;
    // The error would quote the address.
    request.set_uri(url).map_err(|_| "it is no URI".to_owned())?;
    Ok(request)
}
