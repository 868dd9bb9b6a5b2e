//! How far a scan is, on stderr: a bar for each stage on a terminal, lines where asked for.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reports::escape::shown;
use scan::Stage;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Not at all.
    Silent,
    /// A bar for each stage.
    Bars,
    /// A line for each stage, and one for each thing looked at.
    Lines,
}

impl Way {
    /// What suits stderr and the flags.
    pub(crate) fn suiting(quiet: bool, verbose: bool) -> Self {
        match (quiet, io::stderr().is_terminal(), verbose) {
            (true, _, _) | (false, false, false) => Self::Silent,
            (false, true, _) => Self::Bars,
            (false, false, true) => Self::Lines,
        }
    }
}

/// Shows progress and keeps the time of each stage.
pub(crate) struct Display {
    way: Way,
    state: Mutex<State>,
}

struct State {
    stage: Option<Stage>,
    bar: Option<ProgressBar>,
    /// The highest count shown: threads may tell out of order.
    done: usize,
    started: Vec<(Stage, Instant)>,
}

impl Display {
    pub(crate) const fn new(way: Way) -> Self {
        Self { way, state: Mutex::new(State { stage: None, bar: None, done: 0, started: Vec::new() }) }
    }

    /// Ends the last bar; how long each stage took.
    pub(crate) fn finish(self) -> Vec<(Stage, Duration)> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar {
            bar.finish_and_clear();
        }
        let now = Instant::now();
        let ends = state.started.iter().skip(1).map(|(_, start)| *start).chain(std::iter::once(now));
        state.started.iter().zip(ends).map(|((stage, start), end)| (*stage, end.duration_since(*start))).collect()
    }

    fn enter(&self, state: &mut State, stage: Stage, total: usize) {
        state.stage = Some(stage);
        state.done = 0;
        state.started.push((stage, Instant::now()));
        if let Some(bar) = state.bar.take() {
            bar.finish();
        }
        match self.way {
            Way::Silent => {}
            Way::Lines => line(stage.words()),
            Way::Bars => state.bar = Some(bar(stage, total)),
        }
    }
}

impl scan::Progress for Display {
    fn at(&self, stage: Stage, done: usize, total: usize, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stage != Some(stage) {
            // A late word from a stage that is over is dropped.
            if state.stage.is_some_and(|current| current > stage) {
                return;
            }
            self.enter(&mut state, stage, total);
        }
        state.done = state.done.max(done);
        match self.way {
            Way::Silent => {}
            Way::Lines if what.is_empty() => {}
            Way::Lines if total == 0 => line(&format!("{}: {what}", stage.words())),
            Way::Lines => line(&format!("{}: {done} of {total}: {what}", stage.words())),
            Way::Bars => {
                if let Some(bar) = &state.bar {
                    bar.set_position(u64::try_from(state.done).unwrap_or(u64::MAX));
                    bar.set_message(shown(what).into_owned());
                }
            }
        }
    }
}

/// A stage whose end is not known has a spinner and a count.
fn bar(stage: Stage, total: usize) -> ProgressBar {
    let (bar, template) = match total {
        0 => (ProgressBar::new_spinner(), "{prefix:<18} {spinner} {human_pos} {wide_msg:.dim}"),
        _ => {
            let total = u64::try_from(total).unwrap_or(u64::MAX);
            (ProgressBar::new(total), "{prefix:<18} {bar:24} {human_pos} of {human_len} {wide_msg:.dim}")
        }
    };
    // A template that cannot be read would only cost the layout.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(stage.words());
    bar
}

fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", shown(text));
}
