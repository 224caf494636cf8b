//! What AWS's answers mean. What they do not say is not taken for granted.

use crate::contract::{TrailEvents, TrailStatus};
use crate::sources::aws::xml::leaves;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A trail as `cloudtrail:DescribeTrails` has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Trail {
    #[serde(rename = "TrailARN")]
    pub(super) arn: String,
    #[serde(rename = "HomeRegion")]
    pub(super) home: String,
    #[serde(rename = "IsMultiRegionTrail")]
    pub(super) every_region: bool,
    #[serde(rename = "LogFileValidationEnabled")]
    pub(super) validation: bool,
    #[serde(rename = "S3BucketName")]
    pub(super) bucket: String,
    #[serde(rename = "S3KeyPrefix", default)]
    pub(super) prefix: Option<String>,
    /// Absent: files are encrypted under a key of S3's.
    #[serde(rename = "KmsKeyId", default)]
    pub(super) key: Option<String>,
}

pub(super) fn trails(body: &[u8]) -> Result<BTreeMap<String, Trail>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        trail_list: Vec<Trail>,
    }
    let List { trail_list } = read(body)?;
    let mut trails = BTreeMap::new();
    for trail in trail_list {
        let region = trail.arn.split(':').nth(3);
        if region != Some(&trail.home) || !plain(&trail.bucket) {
            return Err(format!("trail {}: home {}, bucket {}", trail.arn, trail.home, trail.bucket));
        }
        if let Some(twice) = trails.insert(trail.arn.clone(), trail) {
            return Err(format!("{} is listed twice", twice.arn));
        }
    }
    Ok(trails)
}

pub(super) fn status(body: &[u8]) -> Result<TrailStatus, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Wire {
        is_logging: bool,
        start_logging_time: Option<f64>,
        stop_logging_time: Option<f64>,
        latest_delivery_time: Option<f64>,
        latest_delivery_error: Option<String>,
        latest_digest_delivery_error: Option<String>,
    }
    let wire: Wire = read(body)?;
    let said = |error: Option<String>| error.filter(|error| !error.is_empty());
    let status = TrailStatus {
        logging: wire.is_logging,
        started: time(wire.start_logging_time)?,
        stopped: time(wire.stop_logging_time)?,
        delivered: time(wire.latest_delivery_time)?,
        delivery_error: said(wire.latest_delivery_error).or_else(|| {
            // Without its digests a change of the files would not show.
            said(wire.latest_digest_delivery_error).map(|error| format!("digest: {error}"))
        }),
    };
    if status.logging && status.started.is_none() {
        return Err("it writes, and nobody says since when".to_owned());
    }
    Ok(status)
}

fn time(seconds: Option<f64>) -> Result<Option<DateTime<Utc>>, String> {
    let Some(seconds) = seconds else { return Ok(None) };
    // A number too large for it is no time, and refused with the others.
    let millis = (seconds * 1_000.0) as i64;
    let time = DateTime::from_timestamp_millis(millis).filter(|_| (0.0..1e11).contains(&seconds));
    time.map(Some).ok_or_else(|| format!("{seconds} is no time"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Selector {
    read_write_type: ReadWrite,
    include_management_events: bool,
    #[serde(default)]
    exclude_management_event_sources: Vec<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum ReadWrite {
    ReadOnly,
    WriteOnly,
    All,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Advanced {
    field_selectors: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Field {
    field: String,
    #[serde(default)]
    equals: Vec<String>,
    #[serde(default)]
    not_equals: Vec<String>,
    #[serde(default)]
    starts_with: Vec<String>,
    #[serde(default)]
    ends_with: Vec<String>,
    #[serde(default)]
    not_starts_with: Vec<String>,
    #[serde(default)]
    not_ends_with: Vec<String>,
}

pub(super) fn events(body: &[u8], arn: &str) -> Result<TrailEvents, String> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "TrailARN")]
        arn: String,
        #[serde(rename = "EventSelectors", default)]
        selectors: Option<Vec<Selector>>,
        #[serde(rename = "AdvancedEventSelectors", default)]
        advanced: Option<Vec<Advanced>>,
    }
    let wire: Wire = read(body)?;
    if wire.arn != arn {
        return Err(format!("the answer is about {}", wire.arn));
    }
    let (selectors, advanced) = (wire.selectors.unwrap_or_default(), wire.advanced.unwrap_or_default());
    if selectors.is_empty() && advanced.is_empty() {
        return Err("it says nothing of what is written down".to_owned());
    }
    let mut all = TrailEvents { reads: false, writes: false, left_out: Vec::new() };
    let mut take = |reads: bool, writes: bool, left_out: Vec<String>| {
        all.reads |= reads;
        all.writes |= writes;
        all.left_out.extend(left_out);
    };
    for selector in selectors.into_iter().filter(|selector| selector.include_management_events) {
        let kind = selector.read_write_type;
        take(kind != ReadWrite::WriteOnly, kind != ReadWrite::ReadOnly, selector.exclude_management_event_sources);
    }
    for (reads, writes, left_out) in advanced.into_iter().filter_map(management) {
        take(reads, writes, left_out);
    }
    let once: BTreeSet<String> = all.left_out.drain(..).collect();
    all.left_out = once.into_iter().collect();
    Ok(all)
}

/// Which management events an advanced selector takes; none: it is about something else, or takes only some of them.
fn management(selector: Advanced) -> Option<(bool, bool, Vec<String>)> {
    let (mut about, mut reads, mut writes, mut left_out) = (false, true, true, Vec::new());
    for field in selector.field_selectors {
        let narrows = [&field.starts_with, &field.ends_with, &field.not_starts_with, &field.not_ends_with];
        if narrows.iter().any(|list| !list.is_empty()) {
            return None;
        }
        match (field.field.as_str(), field.equals.as_slice(), field.not_equals.as_slice()) {
            ("eventCategory", [category], []) if category == "Management" => about = true,
            ("readOnly", [only], []) if only == "true" => writes = false,
            ("readOnly", [only], []) if only == "false" => reads = false,
            ("eventSource", [], _) => left_out.extend(field.not_equals),
            _ => return None,
        }
    }
    about.then_some((reads, writes, left_out))
}

/// The region's detector, of which there can be one.
pub(super) fn detector(body: &[u8]) -> Result<Option<String>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        detector_ids: Vec<String>,
        #[serde(default)]
        next_token: Option<String>,
    }
    let List { mut detector_ids, next_token } = read(body)?;
    if detector_ids.len() > 1 || next_token.is_some_and(|token| !token.is_empty()) {
        return Err("more than one detector".to_owned());
    }
    match detector_ids.pop() {
        Some(id) if !plain(&id) => Err(format!("detector {id:?}")),
        id => Ok(id),
    }
}

pub(super) fn enabled(body: &[u8]) -> Result<bool, String> {
    #[derive(Deserialize)]
    enum Status {
        #[serde(rename = "ENABLED")]
        Enabled,
        #[serde(rename = "DISABLED")]
        Disabled,
    }
    #[derive(Deserialize)]
    struct Detector {
        status: Status,
    }
    Ok(matches!(read::<Detector>(body)?.status, Status::Enabled))
}

/// Names of regions that are in use, in order.
pub(super) fn regions(xml: &str) -> Result<Vec<String>, String> {
    let mut found: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    for leaf in leaves(xml) {
        let Some((item, field)) = leaf.path.rsplit_once('/') else { continue };
        if !item.contains("/regionInfo/item") {
            continue;
        }
        let (name, state) = found.entry(item.to_owned()).or_default();
        match field {
            "regionName" => *name = Some(leaf.text),
            "optInStatus" => *state = Some(leaf.text),
            _ => {}
        }
    }
    let mut regions = BTreeSet::new();
    for (name, state) in found.into_values() {
        let name = name.filter(|name| plain(name)).ok_or("a region without a name")?;
        let in_use = match state.as_deref() {
            Some("opt-in-not-required" | "opted-in") => true,
            Some("not-opted-in") => false,
            other => return Err(format!("region {name}: optInStatus {other:?}")),
        };
        if in_use && !regions.insert(name.clone()) {
            return Err(format!("region {name} is listed twice"));
        }
    }
    if regions.is_empty() {
        return Err("no region is in use".to_owned());
    }
    Ok(regions.into_iter().collect())
}

/// What may stand in an address as it is.
fn plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ARN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/all";

    fn of(key: &str, selectors: serde_json::Value) -> Result<(bool, bool, usize), String> {
        let all = events(json!({ "TrailARN": ARN, key: selectors }).to_string().as_bytes(), ARN)?;
        Ok((all.reads, all.writes, all.left_out.len()))
    }

    #[test]
    fn an_error_of_the_digests_is_one_of_the_delivery_and_a_trail_that_writes_began_some_time() {
        let of = |more: serde_json::Value| {
            let mut said = json!({ "IsLogging": true, "StartLoggingTime": 1_772_000_000.5 });
            said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            status(said.to_string().as_bytes())
        };
        let error = |more| of(more).unwrap().delivery_error;
        assert_eq!(error(json!({ "LatestDeliveryError": "", "LatestDigestDeliveryError": "" })), None);
        let denied = json!({ "LatestDigestDeliveryError": "AccessDenied" });
        assert_eq!(error(denied).as_deref(), Some("digest: AccessDenied"));
        let both = json!({ "LatestDeliveryError": "NoSuchBucket", "LatestDigestDeliveryError": "AccessDenied" });
        assert_eq!(error(both).as_deref(), Some("NoSuchBucket"));
        assert!(of(json!({ "StartLoggingTime": null })).is_err());
        assert!(of(json!({ "LatestDeliveryTime": -1.0 })).is_err());
        assert!(of(json!({ "LatestDeliveryTime": 1e11 })).is_err());
        assert!(of(json!({ "IsLogging": null })).is_err());
    }

    #[test]
    fn what_answers_leave_open_or_say_twice_is_not_read() {
        let trail = |home: &str, bucket: &str| {
            json!({ "TrailARN": ARN, "HomeRegion": home, "IsMultiRegionTrail": true, "LogFileValidationEnabled": true,
                "S3BucketName": bucket })
        };
        let listed = |list: serde_json::Value| trails(json!({ "trailList": list }).to_string().as_bytes());
        assert_eq!(listed(json!([trail("eu-west-1", "logs")])).unwrap().len(), 1);
        for bad in [
            json!([trail("eu-west-2", "logs")]),
            json!([trail("eu-west-1", "logs/../x")]),
            json!([trail("eu-west-1", "logs"), trail("eu-west-1", "logs")]),
            json!([{ "TrailARN": ARN }]),
        ] {
            assert!(listed(bad.clone()).is_err(), "{bad}");
        }
        let of = |said: serde_json::Value| detector(said.to_string().as_bytes());
        assert_eq!(of(json!({ "detectorIds": ["a1"], "nextToken": "" })), Ok(Some("a1".to_owned())));
        assert_eq!(of(json!({ "detectorIds": [] })), Ok(None));
        for bad in [
            json!({ "detectorIds": ["a1", "a2"] }),
            json!({ "detectorIds": ["a1"], "nextToken": "x" }),
            json!({ "detectorIds": ["a/1"] }),
            json!({}),
        ] {
            assert!(of(bad.clone()).is_err(), "{bad}");
        }
        assert_eq!(enabled(br#"{"status":"ENABLED"}"#), Ok(true));
        assert_eq!(enabled(br#"{"status":"DISABLED"}"#), Ok(false));
        assert!(enabled(br#"{"status":"SUSPENDED"}"#).is_err() && enabled(b"{}").is_err());
        assert!(events(json!({ "TrailARN": ARN, "EventSelectors": [] }).to_string().as_bytes(), "another").is_err());
    }

    #[test]
    fn only_regions_that_are_in_use_are_regions_and_a_state_that_is_not_known_is_refused() {
        let region = |name: &str, state: &str| {
            format!("<item><regionName>{name}</regionName><optInStatus>{state}</optInStatus></item>")
        };
        let of = |all: &[String]| {
            regions(&format!(
                "<DescribeRegionsResponse><regionInfo>{}</regionInfo></DescribeRegionsResponse>",
                all.concat()
            ))
        };
        let used = region("eu-west-1", "opt-in-not-required");
        let found = of(&[region("me-south-1", "opted-in"), used.clone(), region("af-south-1", "not-opted-in")]);
        assert_eq!(found, Ok(vec!["eu-west-1".to_owned(), "me-south-1".to_owned()]));
        for bad in [
            vec![used.clone(), used.clone()],
            vec![used.clone(), region("eu-west-2", "opting-out")],
            vec![used.clone(), region("", "opted-in")],
            vec![used.clone(), "<item><regionName>eu-west-2</regionName></item>".to_owned()],
            vec![region("af-south-1", "not-opted-in")],
            Vec::new(),
        ] {
            assert!(of(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn management_events_are_all_only_if_some_selector_takes_all_of_them() {
        let plain =
            |kind: &str, management: bool| json!({ "ReadWriteType": kind, "IncludeManagementEvents": management });
        let basic = |selectors| of("EventSelectors", selectors);
        assert_eq!(basic(json!([plain("All", true)])), Ok((true, true, 0)));
        assert_eq!(basic(json!([plain("All", false)])), Ok((false, false, 0)));
        assert_eq!(basic(json!([plain("ReadOnly", true), plain("WriteOnly", true)])), Ok((true, true, 0)));
        assert_eq!(basic(json!([plain("WriteOnly", true)])), Ok((false, true, 0)));
        let mut but_kms = plain("All", true);
        but_kms["ExcludeManagementEventSources"] = json!(["kms.amazonaws.com"]);
        assert_eq!(basic(json!([but_kms])), Ok((true, true, 1)));
        assert!(basic(json!([plain("Most", true)])).is_err());
        assert!(basic(json!([])).is_err());

        let field = |name: &str, how: &str, what: &str| json!({ "Field": name, how: [what] });
        let category = |of: &str| field("eventCategory", "Equals", of);
        let advanced =
            |fields: Vec<serde_json::Value>| of("AdvancedEventSelectors", json!([{ "FieldSelectors": fields }]));
        assert_eq!(advanced(vec![category("Management")]), Ok((true, true, 0)));
        assert_eq!(advanced(vec![category("Data")]), Ok((false, false, 0)));
        assert_eq!(advanced(vec![category("Management"), field("readOnly", "Equals", "false")]), Ok((false, true, 0)));
        let source = |how: &str| field("eventSource", how, "kms.amazonaws.com");
        assert_eq!(advanced(vec![category("Management"), source("NotEquals")]), Ok((true, true, 1)));
        assert_eq!(advanced(vec![category("Management"), source("Equals")]), Ok((false, false, 0)));
        assert_eq!(
            advanced(vec![category("Management"), field("eventName", "StartsWith", "Get")]),
            Ok((false, false, 0))
        );
        assert!(advanced(vec![json!({ "Field": "x", "Near": ["y"] })]).is_err());
    }
}
