//! The line that one account goes through: its regions, the trails of each, and each trail once.

use super::api::Api;
use super::settings::Settings;
use super::{Signed, wire};
use crate::contract::{
    AuditLog, AuditLogDetail, CollectError, Kept, RegionLogs, Trail, TrailEvents, TrailStatus, Unread, Whole,
};
use crate::door::Door;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What one account gave.
pub(super) struct Read {
    pub(super) items: Vec<AuditLog>,
    pub(super) whole: Vec<Whole>,
    pub(super) unread: Vec<Unread>,
    pub(super) sources: BTreeSet<String>,
    pub(super) limitations: Vec<String>,
}

/// One region's answers.
struct Region {
    name: String,
    trails: Option<BTreeMap<String, wire::Trail>>,
    threat_detection: Option<bool>,
}

struct Walk<'a> {
    door: &'a Door,
    signed: &'a Signed<'a>,
    all: &'a BTreeMap<String, Signed<'a>>,
    settings: &'a Settings,
    out: Read,
}

/// Reads an account. An error: not even its regions are known. `since` is what a break must not be older than.
pub(super) async fn read(
    door: &Door,
    signed: &Signed<'_>,
    all: &BTreeMap<String, Signed<'_>>,
    settings: &Settings,
    since: DateTime<Utc>,
) -> Result<Read, CollectError> {
    let (items, whole, unread, limitations) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let out = Read { items, whole, unread, sources: BTreeSet::new(), limitations };
    let mut walk = Walk { door, signed, all, settings, out };
    let mut regions = Vec::new();
    for name in walk.regions().await? {
        regions.push(walk.region(name).await);
    }
    walk.agree(&mut regions);
    let mut trails = BTreeMap::new();
    let listed = regions.iter().flat_map(|region| region.trails.iter().flat_map(BTreeMap::values));
    let listed: BTreeMap<String, wire::Trail> = listed.map(|trail| (trail.arn.clone(), trail.clone())).collect();
    for (arn, trail) in listed {
        trails.insert(arn, walk.trail(&trail).await);
    }
    for region in regions {
        let of =
            |listed: BTreeMap<String, wire::Trail>| listed.keys().filter_map(|arn| trails.get(arn).cloned()).collect();
        let (account, name) = (signed.caller.account.clone(), signed.account.name.clone());
        let logs = RegionLogs {
            since,
            trails: region.trails.map(of),
            threat_detection: region.threat_detection,
            region: region.name,
        };
        let id = format!("{account}:{}", logs.region);
        walk.out.items.push(AuditLog { id, account, name, detail: AuditLogDetail::Region(logs) });
    }
    Ok(walk.out)
}

impl<'a> Walk<'a> {
    fn api(&mut self, signed: &'a Signed<'a>, region: &str) -> Result<Api<'a>, CollectError> {
        let title = format!("account {}", signed.account.title(Some(&signed.caller.account)));
        let hosts = signed.account.hosts();
        let hosts = hosts.map_err(|e| CollectError::Malformed { what: title.clone(), why: e.message })?;
        let source = format!("{}:{region}", signed.account.source());
        self.out.sources.insert(source.clone());
        let what = format!("{title}, {region}");
        Ok(Api { door: self.door, config: &signed.config, what, source, hosts, region: region.to_owned() })
    }

    /// The regions in use, by two questions that must have one answer.
    async fn regions(&mut self) -> Result<Vec<String>, CollectError> {
        let own = self.signed.config.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string);
        let api = self.api(self.signed, &own)?;
        let (regions, again) = (api.regions(false).await?, api.regions(true).await?);
        if regions != again {
            let why = format!("in use are {}; of all there are, {}", regions.join(", "), again.join(", "));
            return Err(CollectError::Malformed { what: format!("{}, ec2:DescribeRegions", api.what), why });
        }
        let what = format!("account {}: regions in use", self.signed.account.title(Some(&self.signed.caller.account)));
        let stated = again.len() as u64;
        let total = Whole::total(what, regions.len() as u64, "ec2:DescribeRegions for all regions", stated);
        self.out.whole.extend(total.map(|(whole, _)| whole));
        Ok(regions)
    }

    /// What one region answers; what it refuses is told.
    async fn region(&mut self, name: String) -> Region {
        let mut region = Region { name, trails: None, threat_detection: None };
        match self.api(self.signed, &region.name) {
            Ok(api) => {
                region.trails = self.known(api.trails().await);
                region.threat_detection = self.known(api.threat_detection().await);
            }
            Err(error) => self.out.unread.extend(error.unread()),
        }
        region
    }

    fn known<T>(&mut self, answer: Result<T, CollectError>) -> Option<T> {
        answer.map_err(|error| self.out.unread.extend(error.unread())).ok()
    }

    /// A trail for every region must be listed in each, and as the same trail everywhere. Where it is not, the
    /// region's list is not believed.
    fn agree(&mut self, regions: &mut [Region]) {
        let mut known: BTreeMap<String, wire::Trail> = BTreeMap::new();
        for trail in regions.iter().flat_map(|region| region.trails.iter().flat_map(BTreeMap::values)) {
            known.entry(trail.arn.clone()).or_insert_with(|| trail.clone());
        }
        for region in regions {
            let Some(listed) = &region.trails else { continue };
            let lacks = known.values().find(|trail| trail.every_region && !listed.contains_key(&trail.arn));
            let other = listed.values().find(|trail| known.get(&trail.arn) != Some(*trail));
            let why = match (lacks, other) {
                (Some(trail), _) => format!("{} is for every region, and is not listed here", trail.arn),
                (None, Some(trail)) => format!("{} is another one here than elsewhere", trail.arn),
                (None, None) => continue,
            };
            let title = self.signed.account.title(Some(&self.signed.caller.account));
            self.out.unread.push(Unread {
                what: format!("account {title}, {}, cloudtrail:DescribeTrails", region.name),
                why,
                permission: None,
                hint: Some("the next run reads again; look at the sealed exchanges".to_owned()),
            });
            region.trails = None;
        }
    }

    /// One trail, asked in the region that it was made in.
    async fn trail(&mut self, listed: &wire::Trail) -> Trail {
        let (mut status, mut events): (Option<TrailStatus>, Option<TrailEvents>) = (None, None);
        match self.api(self.signed, &listed.home) {
            Ok(api) => {
                status = self.known(api.status(&listed.arn).await);
                events = self.known(api.events(&listed.arn).await);
            }
            Err(error) => self.out.unread.extend(error.unread()),
        }
        Trail {
            arn: listed.arn.clone(),
            home: listed.home.clone(),
            every_region: listed.every_region,
            validation: listed.validation,
            own_key: listed.key.as_ref().is_some_and(|key| !key.is_empty()),
            status,
            events,
            store: listed.bucket.clone(),
            kept: self.kept(listed).await,
        }
    }

    /// How long the trail's bucket keeps its files, by the account that has the bucket.
    async fn kept(&mut self, listed: &wire::Trail) -> Kept {
        let owner = match self.settings.buckets.get(&listed.bucket) {
            None => Some(self.signed),
            Some(name) => self.all.values().find(|signed| signed.account.name == *name),
        };
        let Some(owner) = owner else {
            self.out.unread.push(Unread {
                what: format!("bucket {}", listed.bucket),
                why: "the account that it belongs to could not be signed in to".to_owned(),
                permission: None,
                hint: Some("see what is said of that account".to_owned()),
            });
            return Kept::Unread;
        };
        let prefix = listed.prefix.as_deref().filter(|prefix| !prefix.is_empty());
        let below = prefix.map_or_else(|| "AWSLogs/".to_owned(), |prefix| format!("{prefix}/AWSLogs/"));
        let asked = match self.api(owner, &listed.home) {
            Ok(api) => api.kept(&listed.bucket, &below).await,
            Err(error) => Err(error),
        };
        self.known(asked).unwrap_or(Kept::Unread)
    }
}
