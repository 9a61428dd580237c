//! `local`: the embedded services for any AWS client, until Ctrl-C.

use std::sync::Arc;
use std::time::Duration;

use iota2ts::local::{self, Fault, LocalSettings, Rule, ThrottledStore, When, s3};
use serde::Serialize;

use crate::cli::args::{FaultArgs, LocalArgs};
use crate::cli::{CommandError, Context, Ended, runtime};

#[derive(Serialize)]
struct Serving {
    endpoint_url: String,
    environment: Vec<(&'static str, String)>,
}

pub(in crate::cli) fn local(context: &Context, args: &LocalArgs) -> Result<Ended, CommandError> {
    if !args.listen.ip().is_loopback() {
        return Err(CommandError::new(format!("`{}` is not a loopback address", args.listen))
            .hinted("the embedded service checks no signature, so it serves this machine only; use 127.0.0.1:PORT"));
    }
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(|e| {
            CommandError::new(format!("the address {} could not be listened on: {e}", args.listen))
                .hinted("choose another port with --listen")
        })?;
        let mut settings = LocalSettings::new(args.data_dir.clone(), Arc::clone(&context.clock));
        apply(&mut settings, args.faults);
        let running = local::start_on(listener, settings).await?;
        announce(context, &running.endpoint_url())?;
        // Serving goes on until a person ends it; a failed handler means no more Ctrl-C, so serving ends too.
        tokio::signal::ctrl_c().await.unwrap_or_default();
        running.stop().await?;
        Ok(Ended::Clean)
    })
}

fn announce(context: &Context, endpoint_url: &str) -> Result<(), CommandError> {
    let environment = vec![
        ("AWS_ENDPOINT_URL_TIMESTREAM_WRITE", endpoint_url.to_owned()),
        ("AWS_ENDPOINT_URL_TIMESTREAM_QUERY", endpoint_url.to_owned()),
        ("AWS_ENDPOINT_URL_S3", endpoint_url.to_owned()),
        ("AWS_ENDPOINT_URL_IOTANALYTICS", endpoint_url.to_owned()),
        ("AWS_ACCESS_KEY_ID", "embedded".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", s3::SECRET_ACCESS_KEY.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    let lines: Vec<String> = environment.iter().map(|(name, value)| format!("export {name}={value}")).collect();
    context
        .printer
        .note(&format!("serving Timestream write and query, S3 and IoT Analytics on {endpoint_url}; Ctrl-C ends it. For any AWS client:"));
    context.printer.note(
        "boto3 and the AWS CLI discover another endpoint in spite of these: give them endpoint_url=… or --endpoint-url, as the same address",
    );
    context.printer.result(&lines.join("\n"), &Serving { endpoint_url: endpoint_url.to_owned(), environment })
}

fn apply(settings: &mut LocalSettings, args: FaultArgs) {
    settings.magnetic_visibility_delay_nanos =
        i64::try_from(args.magnetic_delay_s).unwrap_or(i64::MAX / 1_000_000_000).saturating_mul(1_000_000_000);
    let rules = [
        (args.latency_ms > 0).then(|| Rule::new(Fault::Latency(Duration::from_millis(args.latency_ms)), When::Every(1))),
        args.throttle_memory_every.map(|n| Rule::new(Fault::Throttle(ThrottledStore::Memory), When::Every(n)).only("WriteRecords")),
        args.throttle_magnetic_every.map(|n| Rule::new(Fault::Throttle(ThrottledStore::Magnetic), When::Every(n)).only("WriteRecords")),
        args.lose_reply_every.map(|n| Rule::new(Fault::LostReply, When::Every(n)).only("WriteRecords")),
    ];
    rules.into_iter().flatten().for_each(|rule| settings.faults.add(rule));
}
