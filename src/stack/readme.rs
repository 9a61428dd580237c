//! `stack/README.md`: what is in the folder, how it is deployed, cut over, rolled back and taken down.

use crate::transform::Fidelity;

use super::report::{ChannelReport, LeftOut, PipelineReport, Remark, RuleOnlyReport, TranslationReport};
use super::template::model::Deployment;

/// The text. Names of definitions stand in it escaped.
pub(crate) fn render(report: &TranslationReport, deployment: &Deployment) -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str(&pipelines(report));
    text.push_str(&feeds(report));
    text.push_str(&datasets(report));
    text.push_str(DEPLOY);
    text.push_str(&cut_over(report));
    text.push_str(&after(report, deployment));
    text
}

const INTRODUCTION: &str = "\
# The live path

Generated: changes here are lost when it is generated again. Decisions stand in `migration.toml`, beside this folder.

| file | holds |
| --- | --- |
| `template.yaml` | everything that is deployed: rules, streams, functions, tables, roles, alarms |
| `functions/<pipeline>/` | one Lambda function a pipeline, with its tests; it needs nothing but boto3 |
| `datasets/<dataset>.sql` | each dataset's query on the new tables, for notebooks, QuickSight and Athena |
| `rule-only/<pipeline>.yaml` | where offered: a pipeline as a topic rule alone, with differences |
| `../spec/<pipeline>.json` | each pipeline as data, with the grade of every step |

The way of a message: topic rule → stream → function → Timestream. The function writes the records that the backfill writes: the same
dimensions, measures, event time and version. Where the two overlap, the second write changes nothing.
";

fn pipelines(report: &TranslationReport) -> String {
    let mut text = "\n## Pipelines\n".to_owned();
    if report.pipelines.is_empty() {
        text.push_str("\nNone was captured.\n");
    }
    for pipeline in &report.pipelines {
        text.push_str(&one_pipeline(pipeline));
    }
    text
}

fn one_pipeline(pipeline: &PipelineReport) -> String {
    let mut text = format!("\n### {}\n\n", plain(&pipeline.pipeline));
    match (&pipeline.left_out, &pipeline.function) {
        (Some(left_out), _) => text.push_str(&format!("**Not in the stack**: {}.\n", because(left_out))),
        (None, Some(function)) => {
            let tables: Vec<String> = pipeline.tables.iter().map(|table| plain(table)).collect();
            text.push_str(&format!("`{function}`, to {}.\n", tables.join(", ")));
        }
        (None, None) => {}
    }
    if !pipeline.activities.is_empty() {
        text.push_str("\n| activity | kind | grade | what to know |\n| --- | --- | --- | --- |\n");
    }
    for activity in &pipeline.activities {
        let (grade, notes): (_, &[String]) = match &activity.fidelity {
            Fidelity::Exact => ("exact", &[]),
            Fidelity::Equivalent { differences } => ("equivalent", differences),
            Fidelity::Manual { to_do } => ("**manual**", to_do),
        };
        let notes: Vec<String> = notes.iter().map(|note| plain(note)).collect();
        text.push_str(&format!("| {} | {} | {grade} | {} |\n", plain(&activity.activity), activity.kind, notes.join("; ")));
    }
    text.push_str(&remarks(&pipeline.remarks));
    match &pipeline.rule_only {
        RuleOnlyReport::Refused { reason } => text.push_str(&format!("\nAs a rule alone: no, {}.\n", plain(reason))),
        RuleOnlyReport::Offered { file, differences } => {
            text.push_str(&format!("\nAs a rule alone: `{file}`, which differs:\n\n"));
            for difference in differences {
                text.push_str(&format!("- {}\n", plain(difference)));
            }
        }
    }
    text
}

fn remarks(remarks: &[Remark]) -> String {
    let mut text = String::new();
    for remark in remarks {
        let about = if remark.about.is_empty() { String::new() } else { format!("{}: ", plain(&remark.about)) };
        let lead = if text.is_empty() { "\n" } else { "" };
        text.push_str(&format!("{lead}- {}: {about}{}; {}\n", remark.grade.word(), plain(&remark.cause), plain(&remark.remedy)));
    }
    text
}

fn because(left_out: &LeftOut) -> String {
    if left_out.remedy.is_empty() { plain(&left_out.cause) } else { format!("{}; {}", plain(&left_out.cause), plain(&left_out.remedy)) }
}

fn feeds(report: &TranslationReport) -> String {
    let mut text = String::new();
    if !report.rules.is_empty() {
        text.push_str("\n## Topic rules\n\n| old rule | new rule | feeds |\n| --- | --- | --- |\n");
        for rule in &report.rules {
            let channels: Vec<String> = rule.channels.iter().map(|channel| plain(channel)).collect();
            let new_rule = rule.new_rule.as_deref().map_or_else(|| "none".to_owned(), plain);
            text.push_str(&format!("| {} | {new_rule} | {} |\n", plain(&rule.rule), channels.join(", ")));
        }
        text.push_str(
            "\nThe SQL is that of the old rule, to the letter. What a rule cannot put into its stream goes to the queue `RuleErrors`.\n",
        );
        for rule in report.rules.iter().filter(|rule| !rule.remarks.is_empty()) {
            text.push_str(&format!("\n{}:\n{}", plain(&rule.rule), remarks(&rule.remarks)));
        }
    }
    let pushed: Vec<&ChannelReport> = report.channels.iter().filter(|channel| channel.rules.is_empty()).collect();
    if !pushed.is_empty() {
        text.push_str(
            "\n## Channels without a rule\n\nNo captured rule feeds them, so programs called `BatchPutMessage`. Change those to Kinesis \
             `PutRecords`: the payload is the data, the device's name the partition key, and the stream is the output named here. A \
             message that fails is then in the answer, as before.\n\n",
        );
        for channel in pushed {
            text.push_str(&format!("- {}: output `{}`\n", plain(&channel.channel), channel.output));
        }
    }
    text
}

fn datasets(report: &TranslationReport) -> String {
    if report.datasets.is_empty() {
        return String::new();
    }
    let mut text = "\n## Datasets\n\n| dataset | query | scheduled |\n| --- | --- | --- |\n".to_owned();
    for dataset in &report.datasets {
        let file = dataset.file.as_deref().map_or_else(|| "not translated".to_owned(), |file| format!("`{file}`"));
        let scheduled = dataset
            .scheduled
            .as_ref()
            .map_or_else(|| "no".to_owned(), |scheduled| format!("{}, into {}", plain(&scheduled.schedule), plain(&scheduled.table)));
        text.push_str(&format!("| {} | {file} | {scheduled} |\n", plain(&dataset.dataset)));
    }
    for dataset in report.datasets.iter().filter(|dataset| !dataset.remarks.is_empty()) {
        text.push_str(&format!("\n{}:\n{}", plain(&dataset.dataset), remarks(&dataset.remarks)));
    }
    text
}

const DEPLOY: &str = "
## Deploy

Run the tests of the functions first; each folder has its own:

```sh
for folder in functions/*/; do (cd \"$folder\" && python3 -m unittest -q); done
```

Then deploy, with the AWS SAM CLI:

```sh
sam build && sam deploy --guided --capabilities CAPABILITY_IAM
```

or with the AWS CLI alone (a bucket holds the code of the functions):

```sh
aws cloudformation package --template-file template.yaml --s3-bucket BUCKET --output-template-file packaged.yaml
aws cloudformation deploy --template-file packaged.yaml --stack-name NAME --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND
```

Timestream for LiveAnalytics must already be in use in the account: it takes no new customers. All parameters have defaults; worth a
thought are `AlarmEmail`, `StreamMode`, `EnableRawArchive` and, when the backfill has already made the tables, `CreateDatabase=false`
and `CreateTables=false`.
";

fn cut_over(report: &TranslationReport) -> String {
    let mut text = "
## Cut over

The live path goes first, the backfill after it, up to an overlap. Nothing is lost in between, and nothing is counted twice.

1. Deploy with `RulesEnabled=false`. The stack makes the database and the tables, with the retention that the backfill needs.
2. Send one message to a stream by hand, and see its record in Timestream and no alarm.
3. Deploy again with `RulesEnabled=true`. Note the time: from here on, messages flow.
4. Put away the old rules' IoT Analytics actions, or disable the rules that have no other.
5. Run `iota2ts backfill --target aws` over all of the history, what came in since step 3 included. It finds the tables, checks that
   they suit, and uses them. Records that the live path has written already are the same records: writing them again is a no-op.
6. Run `iota2ts verify --target aws`.
"
    .to_owned();
    if report.datasets.iter().any(|dataset| dataset.scheduled.is_some()) {
        text.push_str(
            "7. Deploy again with `CreateScheduledQueries=true`. Timestream knows a column from its first value on, so the queries need \
             tables that hold data.\n",
        );
    }
    text.push_str("\n`EnableAnomalyQuery=true` needs data in the tables as well.\n");
    text
}

fn after(report: &TranslationReport, deployment: &Deployment) -> String {
    let mut text = "
## When an alarm comes

- *dead letters*: messages that became no record lie in the queue with the reason, and batches that failed for too long by their place
  in the stream, which keeps them for `StreamRetentionHours`. Mend the cause, then send the messages to the stream again.
- *rejected*, *refused after the fact*: the function's log and the reports in the rejected-data bucket name every record.
- *messages wait*: the function is slower than the stream. Raise `ParallelBatches`, or the shards.

## Roll back

Deploy with `RulesEnabled=false`. Messages that are in the streams still arrive. The old rules were never changed by this stack. What was
written stays written and is correct; writing it again later is a no-op.

## Tear down

Delete the stack. Database, tables, buckets and queues are kept on purpose (`DeletionPolicy`); delete them by hand when nobody needs them.
Streams, functions, rules, roles, logs and alarms go. A stack that is deployed again finds the tables and the database: give it
`CreateDatabase=false`, `CreateTables=false` and, where queries had run, `CreateResultTables=false`.
"
    .to_owned();
    let wide = deployment.functions.iter().any(|function| function.reads_registry || function.reads_shadows);
    text.push_str(
        "
## Permissions

Each role may do what its part does, on the one resource it does it to. What remains wide knows nothing narrower:
`timestream:DescribeEndpoints` and `timestream:SelectValues` have no resource.",
    );
    if wide {
        text.push_str(" Things are looked up by names that messages carry: narrow `ThingNamePattern` where they share a beginning.");
    }
    text.push('\n');
    if !report.remarks.is_empty() {
        text.push_str(&format!("\n## Remarks\n{}", remarks(&report.remarks)));
    }
    text
}

/// A text of a definition in Markdown: on one line, and nothing in it is markup.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::inventory::printable(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            // A remark quotes names between backticks; a backtick of a name would only end the quote.
            '`' => out.push('\''),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_markup() {
        for hostile in ["a\nb", "# head", "[x](javascript:alert(1))", "<script>", "a | b", "`code`", "**bold**", "![i](x)"] {
            let shown = plain(hostile);
            assert!(!shown.contains('\n') && !shown.contains('<') && !shown.contains('`'), "{shown}");
            assert!(!shown.contains("](") || shown.contains("\\]("), "{shown}");
            for at in shown.match_indices(['|', '#', '*']).map(|(at, _)| at) {
                assert_eq!(shown.as_bytes()[at - 1], b'\\', "{shown}");
            }
        }
    }
}
