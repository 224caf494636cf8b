//! Regions, trails and detectors of the sample accounts, in the wire forms of EC2, CloudTrail, S3 and GuardDuty.

use super::history::AwsHistory;
use axum::http::StatusCode;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

/// What writes down what happens in an account.
#[derive(Debug, Clone)]
pub struct LoggingSpec {
    /// Regions in use.
    pub regions: Vec<&'static str>,
    /// Trails; each takes in every region.
    pub trails: Vec<TrailSpec>,
    /// Regions where GuardDuty is off.
    pub without_detector: Vec<&'static str>,
}

/// One trail, made long ago.
#[derive(Debug, Clone)]
pub struct TrailSpec {
    /// Its name.
    pub name: &'static str,
    /// Where it was made.
    pub home: &'static str,
    /// Its bucket.
    pub bucket: &'static str,
    /// Days that the bucket keeps files; none: no rule.
    pub kept_days: Option<u32>,
    /// From when to when it is stopped.
    pub stopped: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl TrailSpec {
    /// One that is as it should be.
    pub fn good(name: &'static str, home: &'static str) -> Self {
        Self { name, home, bucket: "sample-logs", kept_days: Some(400), stopped: None }
    }

    fn arn(&self, account: &str) -> String {
        format!("arn:aws:cloudtrail:{}:{account}:trail/{}", self.home, self.name)
    }
}

/// One request to one of these services.
pub(super) struct Asking<'a> {
    pub(super) account: &'a AwsHistory,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    /// `DescribeTrails`, where a header or the body says so.
    pub(super) action: &'a str,
    pub(super) body: &'a [u8],
    pub(super) now: DateTime<Utc>,
}

/// Services that are answered here.
pub(super) const SERVICES: [&str; 4] = ["cloudtrail", "ec2", "guardduty", "s3"];

/// Kind of content, and content.
type Answer = (StatusCode, &'static str, String);

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

impl Asking<'_> {
    /// What is asked for, as permissions call it.
    pub(super) fn operation(&self) -> String {
        let action = match self.service {
            "s3" => "GetLifecycleConfiguration",
            "guardduty" if self.target == "/detector" => "ListDetectors",
            "guardduty" => "GetDetector",
            _ => self.action,
        };
        action.to_owned()
    }

    pub(super) fn answer(&self) -> Answer {
        let operation = self.operation();
        let refused = |name: &str| self.account.refuses(name, self.now);
        if refused(&operation) || refused(&format!("{}:{operation}", self.region)) {
            return self.refusal(&operation);
        }
        let nothing = LoggingSpec { regions: vec!["us-east-1"], trails: Vec::new(), without_detector: Vec::new() };
        let spec = self.account.logging.as_ref().unwrap_or(&nothing);
        match operation.as_str() {
            "DescribeRegions" => (StatusCode::OK, XML, self.regions(spec)),
            "DescribeTrails" => self.said(&self.trails(spec)),
            "GetTrailStatus" => self.of_trail(spec, "Name", |trail| self.status(trail)),
            "GetEventSelectors" => self.of_trail(spec, "TrailName", |trail| self.selectors(trail)),
            "GetLifecycleConfiguration" => self.lifecycle(spec),
            "ListDetectors" => {
                let on = !spec.without_detector.contains(&self.region);
                let ids: Vec<String> = on.then(|| self.detector()).into_iter().collect();
                self.said(&json!({ "detectorIds": ids }))
            }
            "GetDetector" if self.target == format!("/detector/{}", self.detector()) => {
                self.said(&json!({ "status": "ENABLED" }))
            }
            _ => (StatusCode::BAD_REQUEST, JSON, json!({ "__type": "InvalidAction" }).to_string()),
        }
    }

    fn said(&self, body: &Value) -> Answer {
        (StatusCode::OK, if self.service == "guardduty" { "application/json" } else { JSON }, body.to_string())
    }

    /// Each of the four says no in its own way.
    fn refusal(&self, operation: &str) -> Answer {
        let caller = format!("arn:aws:iam::{}:user/evidenced", self.account.number);
        let why = format!("User: {caller} is not authorized to perform: {}:{operation}", self.service);
        match self.service {
            "cloudtrail" => (
                StatusCode::BAD_REQUEST,
                JSON,
                json!({ "__type": "AccessDeniedException", "Message": why }).to_string(),
            ),
            "guardduty" => {
                (StatusCode::FORBIDDEN, JSON, json!({ "__type": "AccessDeniedException", "message": why }).to_string())
            }
            "ec2" => {
                let error = format!("<Error><Code>UnauthorizedOperation</Code><Message>{why}</Message></Error>");
                (StatusCode::FORBIDDEN, XML, format!("<Response><Errors>{error}</Errors></Response>"))
            }
            _ => (
                StatusCode::FORBIDDEN,
                XML,
                format!("<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>"),
            ),
        }
    }

    fn regions(&self, spec: &LoggingSpec) -> String {
        let all = String::from_utf8_lossy(self.body).contains("AllRegions=true");
        let mut listed: Vec<_> = spec.regions.iter().map(|region| (*region, "opt-in-not-required")).collect();
        if all {
            listed.insert(1.min(listed.len()), ("ap-east-1", "not-opted-in"));
        }
        let items: String = listed
            .into_iter()
            .map(|(region, state)| {
                format!(
                    "<item><regionName>{region}</regionName><regionEndpoint>ec2.{region}.amazonaws.com</regionEndpoint>\
                     <optInStatus>{state}</optInStatus></item>"
                )
            })
            .collect();
        format!(
            "<DescribeRegionsResponse><requestId>1</requestId><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
        )
    }

    fn trails(&self, spec: &LoggingSpec) -> Value {
        let listed = spec.trails.iter().map(|trail| {
            json!({
                "Name": trail.name, "TrailARN": trail.arn(&self.account.number), "HomeRegion": trail.home,
                "S3BucketName": trail.bucket, "IsMultiRegionTrail": true, "LogFileValidationEnabled": true,
            })
        });
        json!({ "trailList": listed.collect::<Vec<_>>() })
    }

    fn of_trail(&self, spec: &LoggingSpec, key: &str, say: impl Fn(&TrailSpec) -> Value) -> Answer {
        let asked: Value = serde_json::from_slice(self.body).unwrap_or_default();
        let own =
            |trail: &&TrailSpec| asked[key] == trail.arn(&self.account.number).as_str() && trail.home == self.region;
        match spec.trails.iter().find(own) {
            Some(trail) => self.said(&say(trail)),
            None => (StatusCode::BAD_REQUEST, JSON, json!({ "__type": "TrailNotFoundException" }).to_string()),
        }
    }

    fn status(&self, trail: &TrailSpec) -> Value {
        let began = DateTime::UNIX_EPOCH + Duration::days(19_000);
        let (stopped, again) = trail.stopped.filter(|(from, _)| *from <= self.now).unzip();
        let on = again.is_none_or(|again| again <= self.now);
        let delivered = if on { self.now - Duration::minutes(7) } else { stopped.unwrap_or(began) };
        let mut said = json!({
            "IsLogging": on, "LatestDeliveryTime": delivered.timestamp(),
            "StartLoggingTime": again.filter(|again| *again <= self.now).unwrap_or(began).timestamp(),
        });
        if let Some(stopped) = stopped {
            said["StopLoggingTime"] = json!(stopped.timestamp());
        }
        said
    }

    fn selectors(&self, trail: &TrailSpec) -> Value {
        let all = json!({
            "ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": [],
            "ExcludeManagementEventSources": [],
        });
        json!({ "TrailARN": trail.arn(&self.account.number), "EventSelectors": [all] })
    }

    fn lifecycle(&self, spec: &LoggingSpec) -> Answer {
        let bucket = self.target.trim_start_matches('/').trim_end_matches("?lifecycle");
        let Some(trail) = spec.trails.iter().find(|trail| trail.bucket == bucket) else {
            return (
                StatusCode::NOT_FOUND,
                XML,
                "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>".to_owned(),
            );
        };
        match trail.kept_days {
            None => {
                let none = "<Error><Code>NoSuchLifecycleConfiguration</Code><Message>none</Message></Error>";
                (StatusCode::NOT_FOUND, XML, none.to_owned())
            }
            Some(days) => {
                let rule = format!(
                    "<Rule><ID>logs</ID><Filter><Prefix>AWSLogs/</Prefix></Filter><Status>Enabled</Status>\
                     <Expiration><Days>{days}</Days></Expiration></Rule>"
                );
                (StatusCode::OK, XML, format!("<LifecycleConfiguration>{rule}</LifecycleConfiguration>"))
            }
        }
    }

    fn detector(&self) -> String {
        format!("detector-of-{}", self.region)
    }
}
