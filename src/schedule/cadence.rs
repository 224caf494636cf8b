//! How often a control is to be read, and whether it was: days, weeks, months and quarters against the times of
//! complete readings. A statement about times; whether the control works is for others to say.

use crate::config::Span;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use evidenced_collectors::contract::Window;
use serde::{Deserialize, Serialize};

/// How often a control operates, and so how often it must be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// At all times: a reading on 95 of 100 days, no gap over 72 hours; stale after 24 hours.
    Continuous,
    /// As continuous; stale after 36 hours.
    Daily,
    /// In each ISO week, never two missed running, no gap over 14 days; stale after 9 days.
    Weekly,
    /// In each calendar month or within 7 days after it, no gap over 45 days; stale after 38 days.
    Monthly,
    /// In each calendar quarter or within 14 days after it, no gap over 120 days; stale after 106 days.
    Quarterly,
    /// Once within the period, no gap over 395 days; stale after 395 days.
    Annual,
    /// Whenever something happens: every event is in a population, no gap over 7 days; stale after 36 hours.
    PerEvent,
}

/// Whether the cadence was met in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Met {
    /// It was.
    Met,
    /// It cannot be said: nothing of it is over yet, or it is not known how the window went on.
    Open,
    /// It was not, and nothing can be done about it any more.
    NotMet,
}

/// What the times of complete readings say of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cadence {
    /// The window that is looked at.
    pub window: Window,
    /// Whether it was met.
    pub met: Met,
    /// Number of complete readings in the window.
    pub readings: u64,
    /// Number of days, weeks, months or quarters (UTC) that lie wholly in the window and are over, grace
    /// included. None for annual and per event.
    pub due: u64,
    /// Those of them without a reading, also those that the rule allows: `2026-01-05`, `2026-W02`, `2026-01`,
    /// `2026-Q1`.
    pub missing: Vec<String>,
    /// Stretches of the window without a reading that are longer than `Frequency::gap_after`. One that began
    /// before the window counts from its beginning.
    pub gaps: Vec<Window>,
}

/// A day, week, month or quarter.
struct Unit {
    name: String,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

const fn hours(hours: u32) -> Span {
    Span::seconds(hours * 3_600)
}

impl Frequency {
    /// After this long without complete evidence the control is stale, unless it says otherwise itself.
    pub fn stale_after(self) -> Span {
        match self {
            Self::Continuous => hours(24),
            Self::Daily | Self::PerEvent => hours(36),
            Self::Weekly => hours(9 * 24),
            Self::Monthly => hours(38 * 24),
            Self::Quarterly => hours(106 * 24),
            Self::Annual => hours(395 * 24),
        }
    }

    /// A longer time without complete evidence is a finding that nothing can mend.
    pub fn gap_after(self) -> Span {
        match self {
            Self::Continuous | Self::Daily => hours(72),
            Self::Weekly => hours(14 * 24),
            Self::Monthly => hours(45 * 24),
            Self::Quarterly => hours(120 * 24),
            Self::Annual => hours(395 * 24),
            Self::PerEvent => hours(7 * 24),
        }
    }

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Annual => "annual",
            Self::PerEvent => "per_event",
        }
    }

    /// How long after its end a unit may still be read.
    fn grace(self) -> TimeDelta {
        match self {
            Self::Monthly => TimeDelta::days(7),
            Self::Quarterly => TimeDelta::days(14),
            _ => TimeDelta::zero(),
        }
    }

    /// The first day of the unit that holds `day`, and of the one after it; `None`: it counts no units.
    fn unit(self, day: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        match self {
            Self::Continuous | Self::Daily => Some((day, day.checked_add_days(Days::new(1))?)),
            Self::Weekly => {
                let monday = day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()))?;
                Some((monday, monday.checked_add_days(Days::new(7))?))
            }
            Self::Monthly => months(day, 1),
            Self::Quarterly => months(day, 3),
            Self::Annual | Self::PerEvent => None,
        }
    }

    fn name(self, first: NaiveDate) -> String {
        match self {
            Self::Weekly => first.format("%G-W%V").to_string(),
            Self::Monthly => first.format("%Y-%m").to_string(),
            Self::Quarterly => format!("{}-Q{}", first.year(), first.month0() / 3 + 1),
            _ => first.to_string(),
        }
    }

    /// The units that lie wholly in the window, oldest first.
    fn units(self, window: Window) -> Vec<Unit> {
        let mut units = Vec::new();
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let mut next = self.unit(window.start.date_naive());
        while let Some((first, after)) = next.filter(|(_, after)| midnight(*after) <= window.end) {
            if midnight(first) >= window.start {
                units.push(Unit { name: self.name(first), start: midnight(first), end: midnight(after) });
            }
            next = self.unit(after);
        }
        units
    }

    /// How many days, weeks, months or quarters lie wholly in the window.
    pub fn whole(self, window: Window) -> usize {
        self.units(window).len()
    }

    /// Whether the rule allows that these units have no reading; `missed` says so of each, oldest first.
    fn allows(self, missed: &[bool]) -> bool {
        let count = missed.iter().filter(|missed| **missed).count();
        match self {
            Self::Continuous | Self::Daily => count * 20 <= missed.len(),
            Self::Weekly => !missed.windows(2).any(|two| two.iter().all(|missed| *missed)),
            _ => count == 0,
        }
    }
}

/// The calendar months that `day` lies in, `many` to a unit that begins with the year.
fn months(day: NaiveDate, many: u32) -> Option<(NaiveDate, NaiveDate)> {
    let first = NaiveDate::from_ymd_opt(day.year(), day.month0() / many * many + 1, 1)?;
    Some((first, first.checked_add_months(Months::new(many))?))
}

/// Whether the cadence of a control was met in a window, by the times of its complete readings, in any order;
/// those outside of the window may be among them. `known_until` is until when all readings are known: now, or
/// where the records end. Without a reading it is never met.
pub fn cadence(
    frequency: Frequency,
    window: Window,
    readings: &[DateTime<Utc>],
    known_until: DateTime<Utc>,
) -> Cadence {
    let until = known_until.clamp(window.start, window.end);
    let mut all: Vec<_> = readings.iter().copied().filter(|at| window.start <= *at && *at <= known_until).collect();
    all.sort();
    let inside: Vec<_> = all.iter().copied().filter(|at| *at < window.end).collect();
    let gaps = gaps(&inside, Window { end: until, ..window }, frequency.gap_after());
    let (names, missed, pending) = missed(frequency, window, &all, known_until);
    let missing: Vec<String> =
        names.iter().zip(&missed).filter(|(_, missed)| **missed).map(|(n, _)| n.clone()).collect();
    let counted = !missed.is_empty() || matches!(frequency, Frequency::Annual | Frequency::PerEvent);
    let a_year_without = frequency == Frequency::Annual && inside.is_empty() && until - window.start >= A_YEAR;
    let met = if !gaps.is_empty() || !frequency.allows(&missed) || a_year_without {
        Met::NotMet
    } else if inside.is_empty() || !counted || pending || until < window.end {
        Met::Open
    } else {
        Met::Met
    };
    Cadence { window, met, readings: inside.len() as u64, due: missed.len() as u64, missing, gaps }
}

const A_YEAR: TimeDelta = TimeDelta::days(365);

/// The units that are over, by name, and whether each was missed; and whether one without a reading is not over.
/// One reading counts for one unit.
fn missed(
    frequency: Frequency,
    window: Window,
    readings: &[DateTime<Utc>],
    known_until: DateTime<Utc>,
) -> (Vec<String>, Vec<bool>, bool) {
    let (mut names, mut missed, mut pending) = (Vec::new(), Vec::new(), false);
    let mut used: Option<DateTime<Utc>> = None;
    for unit in frequency.units(window) {
        let last = unit.end + frequency.grace();
        let free = |at: &&DateTime<Utc>| **at >= unit.start && used.is_none_or(|used| **at > used);
        let found = readings.iter().find(free).filter(|at| **at < last).copied();
        match found {
            Some(at) => used = Some(at),
            None if known_until < last => {
                pending = true;
                continue;
            }
            None => {}
        }
        names.push(unit.name);
        missed.push(found.is_none());
    }
    (names, missed, pending)
}

fn gaps(readings: &[DateTime<Utc>], window: Window, limit: Span) -> Vec<Window> {
    let starts = std::iter::once(window.start).chain(readings.iter().copied());
    let ends = readings.iter().copied().chain(std::iter::once(window.end));
    let all = starts.zip(ends).map(|(start, end)| Window { start, end });
    all.filter(|gap| gap.end - gap.start > limit.delta()).collect()
}

impl Cadence {
    /// The first or the last unit of the window, by name, if that has no reading.
    pub fn missed_end(&self, frequency: Frequency) -> Option<String> {
        let units = frequency.units(self.window);
        let ends = [units.first(), units.last()];
        ends.into_iter().flatten().find(|unit| self.missing.contains(&unit.name)).map(|unit| unit.name.clone())
    }

    /// The first instant from which on something is missing for good: a unit without a reading is over, or a gap
    /// is too long.
    pub fn first_missed(&self, frequency: Frequency) -> Option<DateTime<Utc>> {
        let unit = frequency.units(self.window).into_iter().find(|unit| self.missing.contains(&unit.name));
        let gap = self.gaps.first().map(|gap| gap.start + frequency.gap_after().delta());
        unit.map(|unit| unit.end + frequency.grace()).into_iter().chain(gap).min()
    }

    /// In one sentence: `12 of 13 weeks read; without a reading: 2026-W03`.
    pub fn sentence(&self, frequency: Frequency) -> String {
        const NAMED_MAX: usize = 12;
        let unit = match frequency {
            Frequency::Continuous | Frequency::Daily => "days",
            Frequency::Weekly => "weeks",
            Frequency::Monthly => "months",
            Frequency::Quarterly => "quarters",
            Frequency::Annual | Frequency::PerEvent => "",
        };
        let mut text = format!("{} complete readings", self.readings);
        if !unit.is_empty() {
            text.push_str(&format!(", {} of {} {unit} read", self.due - self.missing.len() as u64, self.due));
        }
        let mut list = |what: &str, names: Vec<String>| {
            if !names.is_empty() {
                let more = names.len().saturating_sub(NAMED_MAX);
                text.push_str(&format!("; {what}: {}", names[..names.len() - more].join(", ")));
                if more > 0 {
                    text.push_str(&format!(" and {more} more"));
                }
            }
        };
        list("without a reading", self.missing.clone());
        let minute = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%MZ").to_string();
        let gaps = self.gaps.iter().map(|gap| format!("{} to {}", minute(gap.start), minute(gap.end))).collect();
        list(&format!("gaps over {}", frequency.gap_after()), gaps);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window { start: at(&format!("{start}T00:00:00Z")), end: at(&format!("{end}T00:00:00Z")) }
    }

    /// At noon of each of these days, and nothing later is known than the window's end.
    fn read(frequency: Frequency, window: Window, days: impl IntoIterator<Item = String>) -> Cadence {
        let readings: Vec<_> = days.into_iter().map(|day| at(&format!("{day}T12:00:00Z"))).collect();
        cadence(frequency, window, &readings, window.end)
    }

    fn each_day(window: Window, but: &[u64]) -> Vec<String> {
        let days = (window.end - window.start).num_days().unsigned_abs();
        let day = |n| (window.start.date_naive() + Days::new(n)).to_string();
        (0..days).filter(|n| !but.contains(n)).map(day).collect()
    }

    const ALL: [Frequency; 7] = [
        Frequency::Continuous,
        Frequency::Daily,
        Frequency::Weekly,
        Frequency::Monthly,
        Frequency::Quarterly,
        Frequency::Annual,
        Frequency::PerEvent,
    ];

    #[test]
    fn without_a_reading_no_cadence_is_met_in_any_window() {
        for frequency in ALL {
            for end in ["2026-01-02", "2026-01-20", "2026-04-01", "2027-01-01", "2028-01-01"] {
                let none = read(frequency, window("2026-01-01", end), []);
                assert_ne!(none.met, Met::Met, "{frequency:?} until {end}");
            }
            let years = read(frequency, window("2026-01-01", "2028-01-01"), []);
            assert_eq!(years.met, Met::NotMet, "{frequency:?}");
        }
    }

    #[test]
    fn read_every_day_every_cadence_is_met() {
        let year = window("2026-01-01", "2027-01-01");
        for frequency in ALL {
            let cadence = read(frequency, year, each_day(year, &[]));
            assert_eq!((cadence.met, cadence.missing.len(), cadence.gaps.len()), (Met::Met, 0, 0), "{frequency:?}");
        }
        let due = |frequency| read(frequency, year, each_day(year, &[])).due;
        assert_eq!(ALL.map(due), [365, 365, 51, 12, 4, 0, 0], "2026-W01 began the year before");
    }

    #[test]
    fn of_a_hundred_days_five_may_be_missed_and_six_may_not() {
        let hundred = window("2026-01-01", "2026-04-11");
        let five = read(Frequency::Daily, hundred, each_day(hundred, &[10, 20, 30, 40, 50]));
        assert_eq!((five.met, five.due), (Met::Met, 100));
        assert_eq!(five.missing, ["2026-01-11", "2026-01-21", "2026-01-31", "2026-02-10", "2026-02-20"]);
        let six = read(Frequency::Continuous, hundred, each_day(hundred, &[10, 20, 30, 40, 50, 60]));
        assert_eq!(six.met, Met::NotMet);
    }

    #[test]
    fn a_gap_over_the_limit_is_never_met_however_many_days_were_read() {
        let year = window("2026-01-01", "2027-01-01");
        let met = |but: &[u64]| read(Frequency::Daily, year, each_day(year, but));
        assert_eq!(met(&[100, 101]).met, Met::Met, "noon to noon of the third day are 72 h");
        let three = met(&[100, 101, 102]);
        assert_eq!((three.met, three.gaps.len()), (Met::NotMet, 1));
        assert_eq!(three.gaps[0].start, at("2026-04-10T12:00:00Z"));
        assert_eq!(met(&[0, 1, 2]).met, Met::NotMet, "84 h from the beginning of the window");
        assert_eq!(met(&[362, 363, 364]).met, Met::NotMet, "84 h to its end");
    }

    #[test]
    fn one_week_may_be_missed_and_never_two_running() {
        let quarter = window("2026-01-01", "2026-04-01");
        let mondays = |but: &[usize]| {
            let all = ["01-05", "01-12", "01-19", "01-26", "02-02", "02-09", "02-16", "02-23", "03-02", "03-09"];
            let all = all.into_iter().chain(["03-16", "03-23", "03-30"]).enumerate();
            let kept: Vec<String> =
                all.filter(|(n, _)| !but.contains(n)).map(|(_, day)| format!("2026-{day}")).collect();
            read(Frequency::Weekly, quarter, kept)
        };
        let one = mondays(&[1]);
        assert_eq!((one.met, one.due, one.missing), (Met::Met, 12, vec!["2026-W03".to_owned()]));
        assert_eq!(mondays(&[1, 2]).met, Met::NotMet);
        assert_eq!(mondays(&[1, 5]).met, Met::Met);
    }

    #[test]
    fn a_month_may_be_read_within_seven_days_after_it_and_one_reading_counts_once() {
        let quarter = window("2026-01-01", "2026-04-01");
        let days = |days: &[&str]| read(Frequency::Monthly, quarter, days.iter().map(|d| (*d).to_owned()));
        assert_eq!(days(&["2026-02-03", "2026-02-20", "2026-03-20"]).met, Met::Met);
        let once = days(&["2026-02-03", "2026-03-20"]);
        assert_eq!((once.met, once.missing), (Met::NotMet, vec!["2026-02".to_owned()]));
        let late = days(&["2026-02-08", "2026-02-20", "2026-03-20"]);
        assert_eq!((late.met, late.missing), (Met::NotMet, vec!["2026-01".to_owned()]));
        // March may still be read, and until then nothing is met.
        let march = days(&["2026-01-20", "2026-02-27"]);
        assert_eq!((march.met, march.due), (Met::Open, 2));
    }

    #[test]
    fn what_is_not_known_to_the_end_stays_open() {
        let quarter = window("2026-01-01", "2026-04-01");
        let readings: Vec<_> = each_day(quarter, &[]).iter().take(40).map(|d| at(&format!("{d}T12:00:00Z"))).collect();
        assert_eq!(cadence(Frequency::Daily, quarter, &readings, at("2026-02-10T00:00:00Z")).met, Met::Open);
        assert_eq!(cadence(Frequency::Daily, quarter, &readings, at("2026-04-01T00:00:00Z")).met, Met::NotMet);
        let short = window("2026-01-05", "2026-01-20");
        assert_eq!(read(Frequency::Quarterly, short, ["2026-01-10".to_owned()]).met, Met::Open, "no whole quarter");
    }

    #[test]
    fn a_missed_end_of_the_window_and_the_first_instant_of_a_miss_are_told() {
        let quarter = window("2026-01-01", "2026-04-01");
        let read = |but: &[u64]| read(Frequency::Daily, quarter, each_day(quarter, but));
        assert_eq!(read(&[]).missed_end(Frequency::Daily), None);
        assert_eq!(read(&[40]).missed_end(Frequency::Daily), None, "in the middle");
        assert_eq!(read(&[0]).missed_end(Frequency::Daily).as_deref(), Some("2026-01-01"));
        assert_eq!(read(&[89]).missed_end(Frequency::Daily).as_deref(), Some("2026-03-31"));
        assert_eq!(read(&[]).first_missed(Frequency::Daily), None);
        assert_eq!(read(&[40]).first_missed(Frequency::Daily), Some(at("2026-02-11T00:00:00Z")));
        assert_eq!(read(&[40, 41, 42]).first_missed(Frequency::Daily), Some(at("2026-02-11T00:00:00Z")));
    }

    #[test]
    fn a_sentence_names_what_is_missing_and_counts_what_it_leaves_out() {
        let quarter = window("2026-01-01", "2026-04-01");
        let cadence = read(Frequency::Daily, quarter, ["2026-01-01".to_owned()]);
        let text = cadence.sentence(Frequency::Daily);
        assert!(text.starts_with("1 complete readings, 1 of 90 days read; without a reading: 2026-01-02, "), "{text}");
        assert!(text.contains(" and 77 more; gaps over 3days: 2026-01-01 12:00Z to 2026-04-01 00:00Z"), "{text}");
    }
}
