use super::*;
use evidenced::catalogue::CONTROLS;
use evidenced::config::{Loaded, parse};
use evidenced::readiness::{Ask, GatherError, planned as read};
use std::path::Path;

const EXAMPLE: &str = include_str!("../../../config/evidenced.example.toml");

fn with_scope(scope: &str) -> Result<Loaded, String> {
    parse(Path::new("/nowhere/evidenced.toml"), &format!("{EXAMPLE}\n{scope}")).map_err(|error| error.to_string())
}

fn of(scope: &str, as_of: &str) -> Facts {
    let loaded = with_scope(scope).unwrap_or_else(|error| panic!("{error}"));
    read(&loaded, Ask::default(), at(as_of)).unwrap()
}

const PERIOD: &str =
    "[scope]\nboundary = 'the shop'\nperiod = { start = 2026-01-01, end = 2026-07-01, type = 'type2' }\n";

const CARRIED: &str = "[[scope.subservice]]\nname = 'AWS'\nservices = ['EC2']\nmethod = 'carve_out'\ncarries = ['CC6.4']\n\
    user_controls = [{ text = 'use a second factor', controls = ['SEC-004'] }]\n\
    reports = [{ start = 2025-10-01, end = '2026-04-01', bridge_until = 2026-06-01 }]\n\
    [[scope.not_applicable]]\nwhat = 'CC6.4'\nreason = 'no data centre'\napprover = 'CTO'\non = 2026-01-02\ncarried_by = 'AWS'\n";

#[test]
fn what_cannot_be_in_a_scope_is_refused_with_what_to_write_instead() {
    let na = |rest: &str| format!("{PERIOD}[[scope.not_applicable]]\n{rest}\non = 2026-01-02\n");
    let carried = format!("{PERIOD}{CARRIED}");
    for (scope, words) in [
        ("[scope]\ncategories = ['safety']\n".to_owned(), "an unknown value"),
        (
            "[scope]\nperiod = { start = 2026-07-01, end = 2026-01-01, type = 'type2' }\n".to_owned(),
            "it ends on 2026-01-01",
        ),
        ("[scope]\nperiod = { start = 'soon', end = 2026-01-01, type = 'type2' }\n".to_owned(), "is no day"),
        ("[scope]\ntolerable_percent = 50\n".to_owned(), "tolerable_percent is 50"),
        (
            na("what = 'CC6.4'\nreason = 'r'\napprover = 'CTO'"),
            "a criterion of security, or a control that one hangs on, applies",
        ),
        (na("what = 'CC6.44'\nreason = 'r'\napprover = 'CTO'"), "the nearest is `CC6.4`"),
        (na("what = 'A1.1'\nreason = ' '\napprover = 'CTO'"), "reason is empty"),
        (na("what = 'A1.1'\nreason = 'r'\napprover = 'TBD'"), "approver is empty"),
        (na("what = 'CC6.4'\nreason = 'r'\napprover = 'CTO'\ncarried_by = 'GCP'"), "is no subservice organisation"),
        (na("what = 'SEC-001'\nreason = 'r'\napprover = 'CTO'"), "or a control that one hangs on, applies"),
        (na("what = 'SEC-029'\nreason = 'r'\napprover = 'CTO'"), "or a control that one hangs on, applies"),
        (na("what = 'SEC-001'\nreason = 'r'\napprover = ' head of engineering '"), "owns it, and cannot approve this"),
        (carried.replace("carries = ['CC6.4']", "carries = ['CC6.5']"), "does not carry it"),
        (carried.replace("2025-10-01", "2026-02-01"), "no report of `AWS` is there for 2026-01-01"),
        (carried.replace("2026-06-01", "2026-09-01"), "the bridge of the report"),
        (carried.replace("['EC2']", "[]"), "services is empty"),
        (carried.replace("'SEC-004'", "'SEC-04'"), "the nearest is `SEC-0"),
    ] {
        let error = with_scope(&scope).err().unwrap_or_else(|| panic!("taken: {scope}"));
        assert!(error.contains(words) && error.contains("evidenced.toml"), "{words} is not in {error}");
    }
    assert!(with_scope(&carried).is_ok());
    assert!(with_scope(&na("what = 'A1.1'\nreason = 'no promise'\napprover = 'CTO'")).is_ok(), "not of security");
    let beside = na("what = 'SEC-045'\nreason = 'no hotfixes'\napprover = 'CTO'");
    assert!(with_scope(&beside).is_ok(), "CC8.1 hangs on SEC-001, and on no other");
    // Moved to a criterion that no control is key for, one of the configuration is what it hangs on.
    let moved = EXAMPLE.replacen("criteria = [\"A1.2\", \"A1.3\"]", "criteria = [\"CC2.2\"]", 1);
    let scope = na("what = 'AVL-008'\nreason = 'we would rather not'\napprover = 'CTO'");
    let error = parse(Path::new("/nowhere/evidenced.toml"), &format!("{moved}\n{scope}")).err().unwrap().to_string();
    assert!(error.contains("or a control that one hangs on, applies"), "{error}");
}

#[test]
fn what_somebody_else_carries_is_left_out_as_long_as_their_reports_go() {
    let scope = format!("{PERIOD}{CARRIED}");
    let left = |as_of| {
        let facts = of(&scope, as_of);
        let out = facts.criteria.iter().find(|criterion| criterion.id == "CC6.4").unwrap().not_applicable.is_some();
        assert_eq!(facts.applies("CC6.4"), !out, "what is told as left out is what is");
        (out, facts.warnings.join("\n"))
    };
    let (out, warnings) = left("2026-05-31");
    assert!(out && !warnings.contains("CC6.4: "), "{warnings}");
    let (out, warnings) = left("2026-01-01");
    assert!(!out && warnings.contains("is approved on 2026-01-02 only"), "{warnings}");
    let (out, warnings) = left("2026-03-31");
    assert!(!out && warnings.contains("no report of AWS covers 2026-01-01"), "a report of a time to come: {warnings}");
    let (out, warnings) = left("2026-06-02");
    assert!(!out && warnings.contains("CC6.4: the reports of AWS reach to 2026-06-01, so it applies"), "{warnings}");
}

#[test]
fn a_scope_is_warned_of_what_it_lacks() {
    let warnings = |scope: &str| of(scope, "2026-03-01").warnings.join("\n");
    assert!(warnings("").contains("no [scope] is configured"));
    let bare = warnings("[scope]\n");
    for words in ["the period is not set", "boundary", "security: 2"] {
        assert!(bare.contains(words), "{words} is not in {bare}");
    }
    let carve_out = "[[scope.subservice]]\nname = 'AWS'\nservices = ['EC2']\nmethod = 'carve_out'\n";
    assert!(warnings(&format!("{PERIOD}{carve_out}")).contains("AWS is carved out, and none"));
    let unknown = carve_out.to_owned() + "user_controls = [{ text = 'lock up', controls = ['SEC-012'] }]\n";
    assert!(warnings(&format!("{PERIOD}{unknown}")).contains("and SEC-012 is no control of yours"));
    let fresh = EXAMPLE.replacen("frequency = \"continuous\"", "frequency = \"continuous\"\nstale_after = \"900d\"", 1);
    let fresh = parse(Path::new("/nowhere/evidenced.toml"), &fresh).unwrap();
    let fresh = read(&fresh, Ask::default(), at("2026-03-01")).unwrap().warnings.join("\n");
    assert!(fresh.contains("SEC-004: its evidence counts as fresh for 900 days, though its frequency"), "{fresh}");
    assert!(!warnings("").contains("counts as fresh"));
    let short = PERIOD.replace("2026-07-01", "2026-02-15");
    let annual = |scope: &str| {
        let loaded = parse(
            Path::new("/nowhere/evidenced.toml"),
            &format!("{}\n{scope}", EXAMPLE.replacen("frequency = \"daily\"", "frequency = \"annual\"", 1)),
        );
        read(&loaded.unwrap(), Ask::default(), at("2026-03-01")).unwrap().warnings.join("\n")
    };
    assert!(annual(&short).contains("shorter than three months"));
    assert!(annual(PERIOD).contains("only if they run inside it: SEC-001"), "{}", annual(PERIOD));
    // Read every week, it is done once a year all the same: so says the library, or what it asks documents for.
    let read_weekly = |id: &str, control: &str, scope: &str| {
        let control =
            format!("[controls.{id}]\ntitle = 't'\nowner = 'o'\nseverity = 'high'\nfrequency = 'weekly'\n{control}");
        of(&format!("{scope}\n{control}"), "2026-03-01").warnings.join("\n")
    };
    let papers = "[collectors.papers]\nkind = 'documents'\nschedule = '0 7 * * 1'\n";
    let year = PERIOD.replace("2026-07-01", "2027-01-01");
    let documented = |every: &str| {
        format!(
            "criteria = ['CC1.3']\ncollectors = ['papers']\ntest = 'documented'\npolicy = {{ every = '{every}' }}\n{papers}"
        )
    };
    for (id, every, told) in [
        ("OWN-1", "year", "annual controls can be tested only if they run inside it: OWN-1"),
        ("SEC-027", "month", "annual controls can be tested only if they run inside it: SEC-027"),
        ("OWN-1", "quarter", ""),
    ] {
        let warned = read_weekly(id, &documented(every), PERIOD);
        assert_eq!(warned.contains("annual controls"), !told.is_empty(), "{id} {every}: {warned}");
        assert!(warned.contains(told), "{id} {every}: {warned}");
        let whole = read_weekly(id, &documented(every), &year);
        assert!(!whole.contains("annual controls"), "{id} {every}: {whole}");
    }
    assert!(!annual(&year).contains("only if they run inside it"), "{}", annual(&year));
}

#[test]
fn a_file_that_only_repeats_the_library_takes_nothing_on() {
    let with_library = |controls: &str| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("controls.toml");
        std::fs::write(&file, controls).unwrap();
        of(&format!("{PERIOD}[catalogue]\ncontrols = '{}'\n", file.display()), "2026-03-01")
    };
    let own = |facts: &Facts| -> Vec<String> {
        facts.controls.iter().filter(|control| control.own).map(|control| control.id.clone()).collect()
    };
    let (built_in, copied) = (of(PERIOD, "2026-03-01"), with_library(CONTROLS));
    assert_eq!((own(&copied), &copied.warnings), (own(&built_in), &built_in.warnings));
    assert!(copied.control("SEC-027").unwrap().owner.is_empty(), "a role that the library has in mind owns nothing");
    let (before, after) = CONTROLS.split_at(CONTROLS.find("id = \"SEC-027\"").unwrap());
    let changed = format!("{before}{}", after.replacen("owner_role = \"", "owner_role = \"Our ", 1));
    let changed = with_library(&changed);
    let more: Vec<String> = own(&changed).into_iter().filter(|id| !own(&built_in).contains(id)).collect();
    assert_eq!(more, ["SEC-027"], "what was changed is one's own");
    assert_eq!(changed.control("SEC-027").unwrap().owner, "Our People Lead");
}

#[test]
fn categories_are_those_of_the_scope_or_of_the_controls_and_security_always() {
    assert_eq!(of("", "2026-03-01").categories, [Category::Security, Category::Availability].into());
    let privacy = of("[scope]\ncategories = ['privacy']\n", "2026-03-01");
    assert_eq!(privacy.categories, [Category::Security, Category::Privacy].into());
    assert_eq!(privacy.criteria.len(), 33 + 18);
    assert!(privacy.controls.iter().all(|control| !control.criteria.is_empty()), "of these categories alone");
    let loaded = with_scope("").unwrap();
    let ask = Ask { audit: Some(AuditType::Type2), ..Ask::default() };
    assert!(matches!(read(&loaded, ask, at("2026-03-01")), Err(GatherError::NoPeriod)));
}

#[test]
fn each_of_the_61_criteria_has_a_control_in_the_library() {
    let all = "[scope]\ncategories = ['availability', 'confidentiality', 'processing-integrity', 'privacy']\n";
    let facts = of(all, "2026-03-01");
    assert_eq!(facts.criteria.len(), 61);
    for criterion in &facts.criteria {
        let serves = facts.controls.iter().any(|control| control.criteria.contains(&criterion.id));
        assert!(serves, "{} has none", criterion.id);
    }
}

#[test]
fn the_scope_of_the_example_can_be_used_as_it_stands() {
    let from = EXAMPLE.split("# [scope]\n").nth(1).unwrap();
    let lines = from.split("# --- ").next().unwrap().lines().filter_map(|line| line.strip_prefix("# "));
    let scope = format!("[scope]\n{}\n", lines.collect::<Vec<_>>().join("\n"));
    let facts = of(&scope, "2026-05-01");
    assert_eq!((facts.audit, facts.period.unwrap().end), (AuditType::Type2, at("2026-07-01")));
    let left = facts.criteria.iter().filter(|criterion| criterion.not_applicable.is_some());
    assert_eq!(left.map(|criterion| criterion.id.as_str()).collect::<Vec<_>>(), ["CC6.4"]);
}
