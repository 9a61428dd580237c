//! `archive`: what the migration leaves behind, into a bucket.

use std::path::Path;

use iota2ts::archive::Archive;
use iota2ts::history::BucketAccess;
use iota2ts::report;

use super::target::aws_config;
use crate::cli::args::ArchiveArgs;
use crate::cli::{CommandError, Context, Ended, runtime};

/// Files and folders of a migration directory that others may want; what is not here is the ledger, which is of no use without this machine,
/// and sample messages, which may be private.
const KEPT: [&str; 9] =
    ["captured", "evidence.json", "inventory.json", "migration.toml", "plan.json", "quarantine", "report", "spec", "stack"];
const STAGING: &str = "staging";

pub(in crate::cli) fn archive(context: &Context, args: &ArchiveArgs) -> Result<Ended, CommandError> {
    let runtime = runtime()?;
    let access = BucketAccess { sdk_config: runtime.block_on(aws_config(context))?, endpoint_url: context.global.endpoint_url.clone() };
    let archive = Archive::at(&args.to, &access)?;
    if args.check {
        let looked = runtime.block_on(archive.look(&*context.progress))?;
        context.printer.result(&report::archive_check_text(&looked), &looked)?;
        return Ok(if looked.wrong.is_empty() { Ended::Clean } else { Ended::WithFindings });
    }
    let root = context.dir.root();
    let mut names = Vec::new();
    for name in KEPT.into_iter().chain((!args.no_staging).then_some(STAGING)) {
        files(root, name, &mut names)?;
    }
    if names.is_empty() {
        return Err(
            CommandError::new(format!("there is nothing of a migration in `{}`", root.display())).hinted("name its directory with --dir")
        );
    }
    names.sort_unstable();
    let archived = runtime.block_on(archive.put(root, &names, &*context.progress))?;
    context.printer.result(&report::archive_text(&archived), &archived)?;
    Ok(Ended::Clean)
}

/// The files at or below `name`, those that are half written left out.
fn files(root: &Path, name: &str, names: &mut Vec<String>) -> Result<(), CommandError> {
    let path = root.join(name);
    let failed = |e: std::io::Error| CommandError::new(format!("`{}` could not be looked at: {e}", path.display()));
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    if metadata.is_file() {
        names.push(name.to_owned());
    } else if metadata.is_dir() {
        for entry in path.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let below = entry.file_name().into_string().map_err(|name| {
                CommandError::new(format!("`{}` in `{}` is no UTF-8", name.to_string_lossy(), path.display())).hinted("rename or remove it")
            })?;
            if !below.starts_with('.') {
                files(root, &format!("{name}/{below}"), names)?;
            }
        }
    }
    Ok(())
}
