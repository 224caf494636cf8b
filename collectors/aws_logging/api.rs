//! What is asked of AWS, one service and region at a time. Requests are few and small, so they are signed here
//! instead of bringing in the SDK's crates for CloudTrail, GuardDuty, EC2 and S3, which take minutes to build.

use super::wire;
use crate::contract::{CollectError, Kept, TrailEvents, TrailStatus};
use crate::door::{AwsRequest, Door, Hosts, Source};
use crate::sources::aws::refusal::answered;
use aws_config::SdkConfig;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// CloudTrail's name for its interface.
const CLOUDTRAIL: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";

/// One region of an account, asked through the door.
pub(super) struct Api<'a> {
    pub(super) door: &'a Door,
    pub(super) config: &'a SdkConfig,
    /// Names account and region in errors: `account production (111122223333), eu-west-1`.
    pub(super) what: String,
    /// At the door; regions of one account have names of their own, since a replay does not look at hosts.
    pub(super) source: String,
    pub(super) hosts: Hosts,
    pub(super) region: String,
}

impl Api<'_> {
    fn malformed(&self, action: &str, why: String) -> CollectError {
        CollectError::Malformed { what: format!("{}, {action}", self.what), why }
    }

    /// Status and body, whatever they say.
    async fn send(&self, action: &str, request: AwsRequest<'_>) -> Result<(StatusCode, Bytes), CollectError> {
        let source = Source { name: self.source.clone(), hosts: self.hosts.clone(), strikes: Vec::new() };
        let answer = self.door.signed(&source, self.config, request).await;
        let answer = answer.map_err(|failure| failure.into_error(&format!("{}, {action}", self.what)))?;
        Ok((answer.status(), answer.into_body()))
    }

    async fn ask(&self, action: &str, request: AwsRequest<'_>) -> Result<Bytes, CollectError> {
        match self.send(action, request).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, body) => Err(answered(&format!("{}, {action}", self.what), action, status.as_u16(), &body)),
        }
    }

    async fn cloudtrail(&self, operation: &str, asked: Value) -> Result<Bytes, CollectError> {
        let request = AwsRequest {
            service: "cloudtrail",
            region: &self.region,
            method: Method::POST,
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", format!("{CLOUDTRAIL}.{operation}")),
            ],
            body: Bytes::from(asked.to_string()),
        };
        self.ask(&format!("cloudtrail:{operation}"), request).await
    }

    fn get<'a>(&'a self, service: &'a str, path: String) -> AwsRequest<'a> {
        let (method, headers, body) = (Method::GET, Vec::new(), Bytes::new());
        AwsRequest { service, region: &self.region, method, path, headers, body }
    }

    /// The regions that are in use, by name. `all`: asks for the others too, and leaves them out here.
    pub(super) async fn regions(&self, all: bool) -> Result<Vec<String>, CollectError> {
        let action = "ec2:DescribeRegions";
        let asked = format!("Action=DescribeRegions&AllRegions={all}&Version=2016-11-15");
        let request = AwsRequest {
            service: "ec2",
            region: &self.region,
            method: Method::POST,
            path: "/".to_owned(),
            headers: vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())],
            body: Bytes::from(asked),
        };
        let body = self.ask(action, request).await?;
        wire::regions(&String::from_utf8_lossy(&body)).map_err(|why| self.malformed(action, why))
    }

    /// The trails that take in the region, by their full names.
    pub(super) async fn trails(&self) -> Result<BTreeMap<String, wire::Trail>, CollectError> {
        let body = self.cloudtrail("DescribeTrails", json!({ "includeShadowTrails": true })).await?;
        wire::trails(&body).map_err(|why| self.malformed("cloudtrail:DescribeTrails", why))
    }

    /// How a trail is now. To be asked in the region that it was made in.
    pub(super) async fn status(&self, arn: &str) -> Result<TrailStatus, CollectError> {
        let body = self.cloudtrail("GetTrailStatus", json!({ "Name": arn })).await?;
        wire::status(&body).map_err(|why| self.malformed("cloudtrail:GetTrailStatus", why))
    }

    /// What a trail writes down. To be asked in the region that it was made in.
    pub(super) async fn events(&self, arn: &str) -> Result<TrailEvents, CollectError> {
        let body = self.cloudtrail("GetEventSelectors", json!({ "TrailName": arn })).await?;
        wire::events(&body, arn).map_err(|why| self.malformed("cloudtrail:GetEventSelectors", why))
    }

    /// How long a bucket keeps what a trail writes below `prefix`.
    pub(super) async fn kept(&self, bucket: &str, prefix: &str) -> Result<Kept, CollectError> {
        let action = "s3:GetLifecycleConfiguration";
        let (status, body) = self.send(action, self.get("s3", format!("/{bucket}?lifecycle"))).await?;
        let read = match status {
            StatusCode::OK => super::lifecycle::kept(&String::from_utf8_lossy(&body), prefix),
            StatusCode::NOT_FOUND if super::lifecycle::none(&body) => Ok(Kept::Forever),
            _ => {
                let what = format!("{}, bucket {bucket}, {action}", self.what);
                return Err(answered(&what, action, status.as_u16(), &body));
            }
        };
        read.map_err(|why| self.malformed(action, why))
    }

    /// Whether GuardDuty looks through the region's events.
    pub(super) async fn threat_detection(&self) -> Result<bool, CollectError> {
        let action = "guardduty:ListDetectors";
        let body = self.ask(action, self.get("guardduty", "/detector".to_owned())).await?;
        let Some(id) = wire::detector(&body).map_err(|why| self.malformed(action, why))? else { return Ok(false) };
        let action = "guardduty:GetDetector";
        let body = self.ask(action, self.get("guardduty", format!("/detector/{id}"))).await?;
        wire::enabled(&body).map_err(|why| self.malformed(action, why))
    }
}
