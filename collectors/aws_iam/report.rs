//! The credential report: one row per user, and one for root. Every cell is looked at; a row that
//! cannot be understood is handed back as unread, never dropped.

use crate::contract::Unread;
use chrono::{DateTime, Utc};

/// What the report says, and which of its rows could not be understood.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Root's row; AWS always gives one, a stand-in may not.
    pub(super) root: Option<RootRow>,
    /// Users in the report's order, no name twice.
    pub(super) users: Vec<UserRow>,
    /// One for each row that could not be understood.
    pub(super) unread: Vec<Unread>,
}

/// A user's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserRow {
    /// Login name.
    pub(super) name: String,
    /// Path, from the ARN: `/eng/`.
    pub(super) path: String,
    /// When the user was made.
    pub(super) created: DateTime<Utc>,
    /// Has a console password.
    pub(super) password: bool,
    /// Has a factor of any kind.
    pub(super) mfa: bool,
    /// Active access keys.
    pub(super) keys: u32,
}

/// Root's row. `None` where the report says that it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RootRow {
    /// Has a password; older reports say `not_supported`.
    pub(super) password: Option<bool>,
    /// Has a factor.
    pub(super) mfa: Option<bool>,
    /// Active access keys.
    pub(super) keys: Option<u32>,
    /// Active signing certificates.
    pub(super) certificates: Option<u32>,
}

const ROOT: &str = "<root_account>";

/// The columns that AWS documents, by what stands in their cells. More columns may come; none may lack.
const COLUMNS: [(&str, Cell); 22] = [
    ("user", Cell::Text),
    ("arn", Cell::Text),
    ("user_creation_time", Cell::Time),
    ("password_enabled", Cell::Flag),
    ("password_last_used", Cell::Time),
    ("password_last_changed", Cell::Time),
    ("password_next_rotation", Cell::Time),
    ("mfa_active", Cell::Flag),
    ("access_key_1_active", Cell::Flag),
    ("access_key_1_last_rotated", Cell::Time),
    ("access_key_1_last_used_date", Cell::Time),
    ("access_key_1_last_used_region", Cell::Text),
    ("access_key_1_last_used_service", Cell::Text),
    ("access_key_2_active", Cell::Flag),
    ("access_key_2_last_rotated", Cell::Time),
    ("access_key_2_last_used_date", Cell::Time),
    ("access_key_2_last_used_region", Cell::Text),
    ("access_key_2_last_used_service", Cell::Text),
    ("cert_1_active", Cell::Flag),
    ("cert_1_last_rotated", Cell::Time),
    ("cert_2_active", Cell::Flag),
    ("cert_2_last_rotated", Cell::Time),
];

const USER: usize = 0;
const ARN: usize = 1;
const CREATED: usize = 2;
const PASSWORD: usize = 3;
const MFA: usize = 7;
const KEYS: (usize, usize) = (8, 13);
const CERTIFICATES: (usize, usize) = (18, 20);

#[derive(Clone, Copy)]
enum Cell {
    Text,
    Flag,
    Time,
}

/// Reads the report of the account whose ARNs start with `owner` (`arn:aws:iam::111122223333:`).
/// `what` names it in what could not be read. An error: nothing in it can be relied on.
pub(super) fn read(csv: &[u8], owner: &str, what: &str) -> Result<Report, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv);
    let header = reader.byte_headers().map_err(|e| format!("its header: {e}"))?.clone();
    let places = places(&header)?;
    let mut report = Report::default();
    let mut seen = std::collections::HashSet::new();
    let mut record = csv::ByteRecord::new();
    let mut number = 1_u32;
    while reader.read_byte_record(&mut record).map_err(|e| format!("after row {number}: {e}"))? {
        number += 1;
        let row = Row { record: &record, places: &places, fields: header.len() };
        let outcome = row.understand(owner).and_then(|read| match read {
            Read::Root(_) if report.root.is_some() => Err("root has a row already".to_owned()),
            Read::User(ref user) if !seen.insert(user.name.clone()) => Err("this user has a row already".to_owned()),
            read => Ok(read),
        });
        match outcome {
            Ok(Read::Root(root)) => report.root = Some(root),
            Ok(Read::User(user)) => report.users.push(user),
            Err(why) => report.unread.push(Unread {
                what: format!("{what}, row {number} (`{}`)", row.first()),
                why,
                permission: None,
                hint: Some("the sealed exchange of iam:GetCredentialReport holds the row".to_owned()),
            }),
        }
    }
    Ok(report)
}

fn places(header: &csv::ByteRecord) -> Result<[usize; COLUMNS.len()], String> {
    let mut places = [0; COLUMNS.len()];
    for (place, (name, _)) in places.iter_mut().zip(COLUMNS) {
        let mut at = header.iter().enumerate().filter(|(_, cell)| *cell == name.as_bytes()).map(|(i, _)| i);
        *place = at.next().ok_or_else(|| format!("its header has no column `{name}`"))?;
        if at.next().is_some() {
            return Err(format!("its header has the column `{name}` twice"));
        }
    }
    Ok(places)
}

enum Read {
    Root(RootRow),
    User(UserRow),
}

struct Row<'a> {
    record: &'a csv::ByteRecord,
    places: &'a [usize; COLUMNS.len()],
    fields: usize,
}

impl Row<'_> {
    /// The first cell as far as it can be shown, to recognise the row by.
    fn first(&self) -> String {
        String::from_utf8_lossy(self.record.get(0).unwrap_or_default()).chars().take(64).collect()
    }

    fn understand(&self, owner: &str) -> Result<Read, String> {
        if self.record.len() != self.fields {
            return Err(format!("{} fields under a header of {}", self.record.len(), self.fields));
        }
        for (column, (name, cell)) in COLUMNS.iter().enumerate() {
            let understood = match cell {
                Cell::Text => self.text(column).map(|_| ()),
                Cell::Flag => self.flag(column).map(|_| ()),
                Cell::Time => self.time(column).map(|_| ()),
            };
            understood.map_err(|why| format!("{name}: {why}"))?;
        }
        let name = self.text(USER)?;
        if name == ROOT {
            if self.text(ARN)?.strip_prefix(owner) != Some("root") {
                return Err(format!("arn: not root under {owner}"));
            }
            return Ok(Read::Root(RootRow {
                password: self.flag(PASSWORD)?,
                mfa: self.flag(MFA)?,
                keys: self.count(KEYS)?,
                certificates: self.count(CERTIFICATES)?,
            }));
        }
        let silent = |column: usize| format!("{}: says nothing, of a user", COLUMNS[column].0);
        Ok(Read::User(UserRow {
            path: path(self.text(ARN)?, owner, name)?,
            name: name.to_owned(),
            created: self.time(CREATED)?.ok_or_else(|| silent(CREATED))?,
            password: self.flag(PASSWORD)?.ok_or_else(|| silent(PASSWORD))?,
            mfa: self.flag(MFA)?.ok_or_else(|| silent(MFA))?,
            keys: self.count(KEYS)?.ok_or_else(|| silent(KEYS.0))?,
        }))
    }

    fn text(&self, column: usize) -> Result<&str, String> {
        let bytes = self.record.get(self.places[column]).ok_or("no such field")?;
        match std::str::from_utf8(bytes) {
            Ok("") => Err("empty".to_owned()),
            Ok(text) => Ok(text),
            Err(_) => Err("not UTF-8".to_owned()),
        }
    }

    /// `None`: the report says that it does not say.
    fn flag(&self, column: usize) -> Result<Option<bool>, String> {
        let text = self.text(column)?;
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            "n/a" | "no_information" | "not_supported" => Ok(None),
            _ => Err(format!("`{}` is neither true nor false", shown(text))),
        }
    }

    fn time(&self, column: usize) -> Result<Option<DateTime<Utc>>, String> {
        let text = self.text(column)?;
        if ["n/a", "no_information", "not_supported"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Ok(None);
        }
        DateTime::parse_from_rfc3339(text)
            .map(|at| Some(at.to_utc()))
            .map_err(|_| format!("`{}` is no time with an offset", shown(text)))
    }

    /// How many of two flags are set; `None` if one of them says nothing.
    fn count(&self, (one, two): (usize, usize)) -> Result<Option<u32>, String> {
        Ok(self.flag(one)?.zip(self.flag(two)?).map(|(one, two)| u32::from(one) + u32::from(two)))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}

/// The path in a user's ARN, `arn:aws:iam::111122223333:user/eng/alice`.
fn path(arn: &str, owner: &str, name: &str) -> Result<String, String> {
    arn.strip_prefix(owner)
        .and_then(|rest| rest.strip_prefix("user"))
        .and_then(|rest| rest.strip_suffix(name))
        .filter(|path| path.starts_with('/') && path.ends_with('/'))
        .map(str::to_owned)
        .ok_or_else(|| {
            format!("arn: `{}` is not a user of that name under {owner}", arn.chars().take(128).collect::<String>())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "arn:aws:iam::111122223333:";

    fn header() -> Vec<String> {
        COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn alice() -> Vec<String> {
        let text = "alice,arn:aws:iam::111122223333:user/eng/alice,2026-01-02T03:04:05+02:00,TRUE,no_information,\
            2026-01-02T03:04:05+00:00,N/A,false,true,2026-01-02T03:04:05Z,N/A,N/A,N/A,true,N/A,N/A,eu-west-1,s3,\
            false,N/A,false,N/A";
        text.split(',').map(str::to_owned).collect()
    }

    fn csv(rows: &[Vec<String>]) -> Vec<u8> {
        rows.iter().map(|row| row.join(",")).collect::<Vec<_>>().join("\n").into_bytes()
    }

    fn one(row: Vec<String>) -> Report {
        read(&csv(&[header(), row]), OWNER, "report").unwrap()
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_among_others() {
        let mut rows = vec![header(), alice()];
        for (row, extra) in rows.iter_mut().zip(["a_new_column", "whatever"]) {
            row.reverse();
            row.insert(3, extra.to_owned());
        }
        let report = read(&csv(&rows), OWNER, "report").unwrap();
        let [alice] = report.users.as_slice() else { panic!("{report:?}") };
        assert_eq!((alice.name.as_str(), alice.path.as_str()), ("alice", "/eng/"));
        assert_eq!((alice.password, alice.mfa, alice.keys), (true, false, 2));
        assert_eq!(alice.created.to_rfc3339(), "2026-01-02T01:04:05+00:00");
        assert!(report.unread.is_empty());
    }

    #[test]
    fn a_report_that_lacks_a_column_or_has_one_twice_says_nothing() {
        for column in 0..COLUMNS.len() {
            let mut lacking = header();
            lacking[column] = "other".to_owned();
            assert!(read(&csv(&[lacking, alice()]), OWNER, "report").unwrap_err().contains(COLUMNS[column].0));
            let mut twice = header();
            twice.push(COLUMNS[column].0.to_owned());
            assert!(read(&csv(&[twice]), OWNER, "report").unwrap_err().contains("twice"));
        }
        assert!(read(b"", OWNER, "report").is_err());
        assert!(read(b"<html>no report</html>", OWNER, "report").is_err());
    }

    #[test]
    fn a_cell_that_is_not_understood_makes_its_row_unread_in_every_checked_column() {
        for (column, (name, cell)) in COLUMNS.iter().enumerate() {
            let bad: &[&str] = match cell {
                Cell::Flag => &["", "yes", "fals", "1"],
                Cell::Time => &["", "N/", "2026-01-02", "2026-01-02T03:04:05"],
                Cell::Text => &[""],
            };
            for value in bad {
                let mut row = alice();
                row[column] = (*value).to_owned();
                let report = one(row);
                assert!(report.users.is_empty(), "{name}=`{value}`");
                assert_eq!(report.unread.len(), 1, "{name}=`{value}`");
            }
        }
    }

    #[test]
    fn a_user_of_whom_the_report_says_nothing_is_unread() {
        for column in [CREATED, PASSWORD, MFA, KEYS.0, KEYS.1] {
            let mut row = alice();
            row[column] = "not_supported".to_owned();
            assert_eq!(one(row).unread.len(), 1, "{}", COLUMNS[column].0);
        }
    }

    #[test]
    fn a_comma_in_a_name_gives_a_row_with_too_many_fields_and_is_unread() {
        let mut row = alice();
        row[0] = "a,b".to_owned();
        row[1] = "arn:aws:iam::111122223333:user/a,b".to_owned();
        let report = one(row);
        assert!(report.users.is_empty());
        assert_eq!(report.unread[0].why, "24 fields under a header of 22");
        assert_eq!(report.unread[0].what, "report, row 2 (`a`)");
        let mut quoted = alice();
        quoted[0] = "\"a,b\"".to_owned();
        quoted[1] = "\"arn:aws:iam::111122223333:user/a,b\"".to_owned();
        assert_eq!(one(quoted).users[0].name, "a,b");
    }

    #[test]
    fn rows_of_another_account_another_name_and_the_same_name_twice_are_unread() {
        let mut foreign = alice();
        foreign[1] = "arn:aws:iam::444455556666:user/eng/alice".to_owned();
        assert_eq!(one(foreign).unread.len(), 1);
        let mut other = alice();
        other[1] = "arn:aws:iam::111122223333:user/eng/malice".to_owned();
        assert_eq!(one(other).unread.len(), 1);
        let report = read(&csv(&[header(), alice(), alice()]), OWNER, "report").unwrap();
        assert_eq!((report.users.len(), report.unread.len()), (1, 1));
    }

    #[test]
    fn root_may_say_nothing_where_a_user_may_not() {
        let mut row = alice();
        row[0] = ROOT.to_owned();
        row[1] = "arn:aws:iam::111122223333:root".to_owned();
        row[3] = "not_supported".to_owned();
        row[13] = "N/A".to_owned();
        let root = one(row).root.unwrap();
        assert_eq!(root, RootRow { password: None, mfa: Some(false), keys: None, certificates: Some(0) });
    }

    #[test]
    fn wherever_the_report_is_cut_no_row_is_invented() {
        let whole = csv(&[header(), alice(), alice().into_iter().map(|c| c.replace("alice", "bob")).collect()]);
        let first = csv(&[header(), alice()]).len();
        for cut in 0..whole.len() {
            let Ok(report) = read(&whole[..cut], OWNER, "report") else { continue };
            let names: Vec<_> = report.users.iter().map(|user| user.name.as_str()).collect();
            assert!(names.is_empty() || names == ["alice"], "cut at {cut}: {names:?}");
            assert!(cut < first || names == ["alice"], "cut at {cut}: {names:?}");
        }
    }
}
