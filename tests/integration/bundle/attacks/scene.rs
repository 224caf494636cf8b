//! Where attacks happen: a company's ledger, what its auditor was given, and what attackers hold.

use crate::anchor::world::{World, evidenced};
use crate::bundle::archive::Files;
use crate::support::auditor::Auditor;
use crate::support::tsa::Server;
use evidenced::bundle::{VerifyOptions, VerifyReport, verify};
use evidenced::demo::restores::{RestoreHistory, SampleEnding, SampleTest};
use evidenced::ledger::Ledger;
use evidenced::ledger::bundle_key::{BUNDLE_NAMESPACE, BundleKey};
use evidenced::ledger::note::SigningKey;
use evidenced::timestamp::Query;
use evidenced_collectors::contract::clock::Clock;
use sha2::{Digest, Sha256};

/// What the attacker holds, and so makes anew after his change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// The bundle, and no more than that.
    Nothing,
    /// A program that writes manifests.
    Manifests,
    /// The key that signs bundles, too; and the authority stamps what he asks it to.
    Bundles,
    /// The key of the log, too; but what others hold of it stays what it is.
    Log,
}

use Holds::{Bundles, Log, Nothing};

/// What else the attacker has.
pub(super) struct Others {
    /// The bundle of another log.
    pub(super) log: Files,
    /// The bundle of another period of the same log.
    pub(super) period: Files,
}

/// What is done to the files of a bundle.
pub(super) type Attack = fn(&mut Files, &Others);

pub(super) const TOKEN: &str = "tagmanifest-sha256.txt.tsr";

/// A company's ledger, what its auditor was given, and bundles of it and of another one.
pub(super) struct Scene {
    server: Server,
    pub(super) desk: Auditor,
    bundles: BundleKey,
    log: SigningKey,
    pub(super) good: Files,
    pub(super) others: Others,
}

/// A world whose checkpoints are dated and handed on.
async fn lived(server: &Server) -> World {
    let anchors = format!(
        "[anchors.share]\nway = 'folder'\npath = 'share'\n[anchors.t]\nway = 'rfc3161'\nurl = '{}'\n",
        server.url()
    );
    let world = World::new().anchored(&anchors);
    std::fs::create_dir(world.dir.path().join("share")).unwrap();
    let started = world.clock.now() - chrono::TimeDelta::days(2);
    let drill = SampleTest { store: "db".into(), started, ending: SampleEnding::Good };
    RestoreHistory::new(vec![drill]).write_until(&world.dir.path().join("logs"), world.clock.now()).unwrap();
    for anchor in ["t", "share", "t"] {
        world.run().await;
        world.hand_over(anchor).await.unwrap();
    }
    world.run().await;
    told(&world, &["waive", "T-1", "db*", "--reason", "r", "--approver", "a", "--expires-in", "9d"]);
    world
}

fn told(world: &World, args: &[&str]) {
    let (code, said) = evidenced(world.dir.path(), args);
    assert_eq!(code, 0, "{args:?}: {said}");
}

/// Exported by the built program, with a time-stamp.
fn exported(world: &World, days: i64, name: &str) -> Files {
    let day = |days: i64| (world.clock.now() + chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    told(world, &["export", "--from", &day(-60), "--to", &day(days), "--out", name, "--require-timestamp"]);
    Files::read(&world.dir.path().join(name))
}

impl Scene {
    pub(super) async fn set() -> Self {
        let server = Server::start();
        let (world, other) = (lived(&server).await, lived(&server).await);
        let good = exported(&world, 1, "good.zip");
        world.run().await;
        let others = Others { log: exported(&other, 1, "other.zip"), period: exported(&world, 3, "period.zip") };
        let desk = Auditor::new();
        let bundles = Ledger::open(&world.state()).unwrap().bundle_key().unwrap();
        let log = SigningKey::parse(std::fs::read_to_string(world.state().join("log.key")).unwrap().trim()).unwrap();
        std::fs::copy(world.state().join("log.vkey"), desk.path("KEYS/log.vkey")).unwrap();
        let signer = format!("evidence@test.example {}\n", bundles.public_line().unwrap());
        std::fs::write(desk.path("KEYS/allowed_signers"), signer).unwrap();
        std::fs::write(desk.path("KEYS/tsa-root.pem"), server.authority.pem("root")).unwrap();
        let mut scene = Self { server, desk, bundles, log, good: good.clone(), others };
        // Packed by another program, so that nothing but the attack is what is found.
        let mut repacked = good;
        scene.redo(&mut repacked, Bundles);
        scene.good = repacked;
        scene
    }

    /// Everything that the attacker can make anew.
    pub(super) fn redo(&self, files: &mut Files, holds: Holds) {
        if holds == Nothing {
            return;
        }
        let seals: Vec<(String, Vec<u8>)> = files
            .files
            .iter()
            .filter(|(path, _)| path.starts_with(SEAL))
            .map(|(p, b)| (p.clone(), b.clone()))
            .collect();
        if holds == Log {
            files.relog(&self.log);
        }
        files.remanifest();
        files.files.extend(seals);
        if holds < Bundles {
            return;
        }
        files.sign(&self.bundles);
        if files.get(TOKEN) == self.good.get(TOKEN) {
            let query = Query::new(Sha256::digest(files.get("tagmanifest-sha256.txt")).into(), [7; 8]);
            let token = self.server.authority.reply(&query.to_der(), "tsa", "fractions", None);
            files.files.insert(TOKEN.to_owned(), token);
        }
        let signature = self.bundles.sign(BUNDLE_NAMESPACE, files.get(TOKEN)).unwrap();
        files.files.insert(format!("{TOKEN}.sig"), signature.into_bytes());
    }

    pub(super) fn check(&self, zip: &std::path::Path) -> VerifyReport {
        let options = VerifyOptions {
            vkey: Some(self.desk.text("KEYS/log.vkey")),
            allowed_signers: Some(self.desk.text("KEYS/allowed_signers")),
            tsa_roots: Some(std::fs::read(self.desk.path("KEYS/tsa-root.pem")).unwrap()),
            ..VerifyOptions::default()
        };
        verify(zip, &options).unwrap()
    }
}

/// Begins the names of the signatures and the time-stamp.
const SEAL: &str = "tagmanifest-sha256.txt.";
