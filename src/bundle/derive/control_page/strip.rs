//! The states of a control as a strip: one lane per state, so that it reads without colours, and the gaps.

use super::About;
use crate::bundle::derive::control::state_word;
use crate::bundle::format::time;
use crate::drift::State;
use crate::timeline::Interval;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use maud::{Markup, html};

/// Left edge of the lanes.
const LEFT: f64 = 86.0;
/// Their width.
const WIDTH: f64 = 910.0;
/// Height of one.
const LANE: f64 = 15.0;
/// Stretches and gaps that a strip can show before it is a blur.
const MARKS_MAX: usize = 2_000;
/// Most dates under it.
const DATES_MAX: i64 = 13;

/// The lanes, the best on top.
const LANES: [Option<State>; 6] = [
    Some(State::Effective),
    None,
    Some(State::Unmonitored),
    Some(State::Stale),
    Some(State::Indeterminate),
    Some(State::Deviating),
];

/// Draws it. What it shows stands in the table below it, too.
pub(super) fn strip(about: &About<'_>, stretches: &[Interval]) -> Markup {
    let period = about.contents.facts.period;
    let lanes: Vec<Option<State>> =
        LANES.into_iter().filter(|lane| stretches.iter().any(|s| s.state == *lane)).collect();
    let gaps: Vec<DateTime<Utc>> = about
        .control
        .gaps
        .iter()
        .filter_map(|at| about.contents.gaps.get(*at)?.scheduled_for)
        .filter(|due| period.contains(*due))
        .collect();
    if stretches.len() + gaps.len() > MARKS_MAX {
        return html! { p.soft { "More than " (MARKS_MAX) " stretches and gaps: too many to draw. See " a href="timeline.csv" { "timeline.csv" } "." } "\n" };
    }
    let rows = lanes.len() + usize::from(!gaps.is_empty());
    let y = |row: usize| row as f64 * LANE;
    let x = |at| LEFT + WIDTH * share(period, at);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="states over the period; the table below says the same"
            viewBox={ "0 0 1000 " (place(y(rows) + 16.0)) } {
            "\n"
            @for (row, lane) in lanes.iter().enumerate() {
                text x="0" y=(place(y(row) + 11.0)) { (lane_word(*lane)) }
                line.lane x1=(place(LEFT)) x2=(place(LEFT + WIDTH)) y1=(place(y(row) + LANE)) y2=(place(y(row) + LANE)) {}
                @for stretch in stretches.iter().filter(|stretch| stretch.state == *lane) {
                    rect class=(stretch.state.map_or("none", State::word)) y=(place(y(row) + 2.0)) height=(place(LANE - 3.0))
                        x=(place(x(stretch.from))) width=(place((x(stretch.until) - x(stretch.from)).max(0.8))) {
                        title { (state_word(stretch.state)) " from " (time(stretch.from)) " until before " (time(stretch.until)) }
                    } "\n"
                }
            }
            @if !gaps.is_empty() {
                text x="0" y=(place(y(lanes.len()) + 11.0)) { "gaps" }
                @for due in &gaps {
                    rect.gap x=(place(x(*due))) y=(place(y(lanes.len()) + 3.0)) width="1.6" height=(place(LANE - 5.0)) {
                        title { "gap: due " (time(*due)) }
                    } "\n"
                }
            }
            @for date in dates(period) {
                line.tick x1=(place(x(date))) x2=(place(x(date))) y1="0" y2=(place(y(rows) + 4.0)) {}
                text x=(place(x(date) + 2.0)) y=(place(y(rows) + 13.0)) { (date.format("%Y-%m-%d").to_string()) } "\n"
            }
        } "\n"
    }
}

fn lane_word(lane: Option<State>) -> &'static str {
    lane.map_or("no state", State::word)
}

/// One decimal, the same on every machine.
fn place(at: f64) -> String {
    format!("{at:.1}")
}

/// How far into the period an instant lies, 0 to 1.
fn share(period: Window, at: DateTime<Utc>) -> f64 {
    let whole = (period.end - period.start).num_seconds().max(1) as f64;
    ((at - period.start).num_seconds() as f64 / whole).clamp(0.0, 1.0)
}

/// Firsts of months, or fewer or more of them as there is room.
fn dates(period: Window) -> Vec<DateTime<Utc>> {
    let days = (period.end - period.start).num_days();
    if days <= 45 {
        let step = (days / DATES_MAX + 1).max(1) * 1440;
        return (0..DATES_MAX)
            .map(|nth| period.start + TimeDelta::minutes(nth * step))
            .filter(|at| *at < period.end)
            .take(10)
            .collect();
    }
    let every = u32::try_from(days / 30 / 9 + 1).unwrap_or(1);
    let mut found = vec![period.start];
    let mut day = period.start.date_naive().with_day(1).unwrap_or_default();
    let mut nth = 0;
    while let Some(next) = day.checked_add_months(chrono::Months::new(1)) {
        day = next;
        nth += 1;
        let at = day.and_time(chrono::NaiveTime::MIN).and_utc();
        if at >= period.end || found.len() > 24 {
            break;
        }
        if nth % every == 0 && share(period, at) > 0.05 {
            found.push(at);
        }
    }
    found
}
