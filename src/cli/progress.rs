//! Progress for people: bars with rate and time left on a terminal, a plain line now and then elsewhere, nothing with
//! `--quiet`. All of it on stderr.

use std::io::IsTerminal as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use iota2ts::progress::{Progress, Silent};

use super::printer::Printer;

/// How often a plain line is written where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// The right kind of progress for where stderr goes.
pub(crate) fn for_stderr(printer: Printer) -> std::sync::Arc<dyn Progress> {
    if printer.quiet {
        std::sync::Arc::new(Silent)
    } else if std::io::stderr().is_terminal() {
        std::sync::Arc::new(Bars(Mutex::new(None)))
    } else {
        std::sync::Arc::new(Lines { printer, phase: Mutex::new(None) })
    }
}

struct Bars(Mutex<Option<ProgressBar>>);

impl Bars {
    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn begin(&self, phase: &str, total: Option<u64>, unit: &'static str) {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                format!("{{msg:12}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit}  {{per_sec:>12}}  {{eta:>5}}"),
            ),
            None => (ProgressBar::new_spinner(), format!("{{msg:12}} {{spinner}} {{human_pos}} {unit}  {{per_sec}}")),
        };
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style).with_message(phase.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        if let Some(old) = self.bar().replace(bar) {
            old.finish_and_clear();
        }
    }

    fn advance(&self, count: u64) {
        if let Some(bar) = self.bar().as_ref() {
            bar.inc(count);
        }
    }

    fn note(&self, text: &str) {
        if let Some(bar) = self.bar().as_ref() {
            bar.println(iota2ts::report::text::shown(text));
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }
}

struct Lines {
    printer: Printer,
    phase: Mutex<Option<Phase>>,
}

struct Phase {
    name: String,
    unit: &'static str,
    total: Option<u64>,
    done: u64,
    began: Instant,
    spoke: Instant,
}

impl Phase {
    fn line(&self) -> String {
        let of = self.total.map_or_else(String::new, |total| format!(" of {}", iota2ts::report::text::count(total)));
        let seconds = self.began.elapsed().as_secs();
        format!("{}: {}{of} {} after {seconds} s", self.name, iota2ts::report::text::count(self.done), self.unit)
    }
}

impl Lines {
    fn phase(&self) -> MutexGuard<'_, Option<Phase>> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Lines {
    fn begin(&self, phase: &str, total: Option<u64>, unit: &'static str) {
        let now = Instant::now();
        *self.phase() = Some(Phase { name: phase.to_owned(), unit, total, done: 0, began: now, spoke: now });
    }

    fn advance(&self, count: u64) {
        if let Some(phase) = self.phase().as_mut() {
            phase.done += count;
            if phase.spoke.elapsed() >= PLAIN_EVERY {
                phase.spoke = Instant::now();
                self.printer.note(&phase.line());
            }
        }
    }

    fn note(&self, text: &str) {
        self.printer.note(&iota2ts::report::text::shown(text));
    }

    fn end(&self) {
        *self.phase() = None;
    }
}
