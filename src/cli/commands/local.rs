//! `local`: the embedded services for any AWS client, until Ctrl-C.

use std::sync::Arc;
use std::time::Duration;

use iota2ts::local::{self, DEAD_LETTERS, Fault, LocalSettings, PumpEvent, Rule, Stack, ThrottledStore, When, s3};
use iota2ts::transform::LocalCommands;
use serde::Serialize;

use crate::cli::args::{FaultArgs, LocalArgs};
use crate::cli::{CommandError, Context, Ended, runtime};

#[derive(Serialize)]
struct Serving {
    endpoint_url: String,
    environment: Vec<(String, String)>,
    /// The streams of the stack that runs, each with the function that it feeds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    feeds: Vec<Feed>,
}

#[derive(Serialize)]
struct Feed {
    stream: String,
    function: String,
}

pub(in crate::cli) fn local(context: &Context, args: &LocalArgs) -> Result<Ended, CommandError> {
    if !args.listen.ip().is_loopback() {
        return Err(CommandError::new(format!("`{}` is not a loopback address", args.listen))
            .hinted("the embedded service checks no signature, so it serves this machine only; use 127.0.0.1:PORT"));
    }
    // Read first: a mistake here is said before anything is made.
    let stack = args.with_stack.as_deref().map(Stack::read).transpose()?;
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(|e| {
            CommandError::new(format!("the address {} could not be listened on: {e}", args.listen))
                .hinted("choose another port with --listen")
        })?;
        let mut settings = LocalSettings::new(args.data_dir.clone(), Arc::clone(&context.clock));
        apply(&mut settings, args.faults);
        if !args.function.is_empty() {
            settings.functions = Some(Arc::new(LocalCommands::new(args.function.iter().cloned().collect())));
        }
        let running = local::start_on(listener, settings).await?;
        let feeds = stack.iter().flat_map(Stack::feeds).map(|(stream, function)| Feed { stream, function }).collect();
        let pump = match stack {
            None => None,
            Some(stack) => {
                let printer = context.printer;
                let report = move |event| told(&event).into_iter().for_each(|line| printer.note(&line));
                Some(running.pump(stack, args.python.clone(), report).await?)
            }
        };
        announce(context, &running.endpoint_url(), feeds)?;
        // Serving goes on until a person ends it; a failed handler means no more Ctrl-C, so serving ends too.
        tokio::signal::ctrl_c().await.unwrap_or_default();
        drop(pump);
        running.stop().await?;
        Ok(Ended::Clean)
    })
}

fn announce(context: &Context, endpoint_url: &str, feeds: Vec<Feed>) -> Result<(), CommandError> {
    // Each service by itself too: such a variable of the caller's own would go before the general one.
    let services = ["TIMESTREAM_WRITE", "TIMESTREAM_QUERY", "S3", "IOTANALYTICS", "KINESIS", "IOT", "IOT_DATA_PLANE"];
    let mut environment = vec![("AWS_ENDPOINT_URL".to_owned(), endpoint_url.to_owned())];
    environment.extend(services.map(|service| (format!("AWS_ENDPOINT_URL_{service}"), endpoint_url.to_owned())));
    let fixed = [("AWS_ACCESS_KEY_ID", "embedded"), ("AWS_SECRET_ACCESS_KEY", s3::SECRET_ACCESS_KEY), ("AWS_REGION", "us-east-1")];
    environment.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // boto3 and the AWS CLI of version 1 read this one.
    environment.push(("AWS_DEFAULT_REGION".to_owned(), "us-east-1".to_owned()));
    let lines: Vec<String> = environment.iter().map(|(name, value)| format!("export {name}={value}")).collect();
    context.printer.note(&format!("serving {} on {endpoint_url}; Ctrl-C ends it. For any AWS client:", local::SERVED));
    for Feed { stream, function } in &feeds {
        context.printer.note(&format!("what is put into the stream {stream} goes through the function {function}"));
    }
    if !feeds.is_empty() {
        context.printer.note(&format!("messages that cannot be written go to the bucket {DEAD_LETTERS} of the embedded S3"));
    }
    context.printer.result(&lines.join("\n"), &Serving { endpoint_url: endpoint_url.to_owned(), environment, feeds })
}

/// One line about a function. Its metrics, which CloudWatch would take out of its log, are none for people.
fn told(event: &PumpEvent) -> Option<String> {
    Some(match event {
        PumpEvent::Said { line, .. } if line.starts_with("{\"_aws\":") => return None,
        PumpEvent::Invoked { function, records, open: 0, .. } => format!("{function}: {records} records done"),
        PumpEvent::Invoked { function, records, open, .. } => format!("{function}: {open} of {records} records come again"),
        PumpEvent::Failed { function, records, why } => format!("{function}: failed with {records} records, which come again: {why}"),
        PumpEvent::GivenUp { function, records, letter } => format!("{function}: {records} records were given up, see {letter}"),
        PumpEvent::Said { function, line } => format!("{function}: {}", line.replace(char::is_control, " ")),
    })
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
