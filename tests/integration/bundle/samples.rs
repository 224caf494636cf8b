//! Samples in bundles: what was drawn follows from seed and population, and the population from the verdicts.

use super::archive::{Files, sha256};
use super::tools::Audit;
use super::world::{World, at, exported, january, period};
use super::{check, wrong};
use crate::ledger::erase::left;
use crate::support::program;
use evidenced::ledger::{Filter, sweep};
use evidenced::samples::{Draft, POPULATION, SAMPLE, SampleError, draw};
use evidenced_collectors::contract::Window;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const PAGE: &str = "data/controls/AVL-001/index.html";

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files.get(path).to_vec()).unwrap()
}

/// The lines of Python in the page for auditors, over the folder of a sample.
pub(crate) fn drawn_again_in_python(page: &str, folder: &Path) -> std::process::Output {
    let lines = page.split_once("<pre id=\"draw\">").unwrap().1.split_once("</pre>").unwrap().0;
    assert!(!lines.contains('&') && !lines.contains('<'), "as they stand, they can be copied");
    let script = folder.join("draw.py");
    std::fs::write(&script, lines).unwrap();
    Command::new(program("python3")).arg("-I").arg(&script).arg(folder).output().unwrap()
}

#[test]
fn a_sample_is_drawn_again_by_verify_and_by_a_few_lines_of_python() {
    let world = World::new();
    let record = world.draw(period(), 3, "2026-02-11T09:00:00Z", |_| ());
    let bundle = world.bundle();
    let report = check(&bundle, true);
    assert!(report.ok(), "{}", wrong(&report));
    let said = report.checks.iter().find(|check| check.name == "samples").unwrap();
    assert_eq!(said.detail, "1 samples were drawn again, 1 of them from what the records say of the period");
    let files = Files::read(&bundle);
    let (folder, page) = (format!("data/samples/{record:012}"), text(&files, PAGE));
    let dir = tempfile::tempdir().unwrap();
    for name in ["sample.json", "population.csv"] {
        std::fs::write(dir.path().join(name), files.get(&format!("{folder}/{name}"))).unwrap();
    }
    let auditor = text(&files, "AUDITOR.html");
    let again = drawn_again_in_python(&auditor, dir.path());
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success(), "{said}{}", String::from_utf8_lossy(&again.stderr));
    let table = text(&files, "data/controls/AVL-001/samples.csv");
    assert_eq!((said.lines().count(), table.lines().count()), (3, 4), "{said}{table}");
    for line in said.lines() {
        let item = line.split(' ').skip(1).take(2).collect::<Vec<&str>>().join(" ");
        assert!(table.contains(&format!(",{item},")), "{item} is not in {table}");
    }
    assert!(page.contains(&folder["data/".len()..]) && page.contains("exchanges of "), "{page}");
    // Another seed is another draw, and Python says so.
    let sample = text(&files, &format!("{folder}/sample.json"));
    let other = sample.replace("\"seed\":\"by the auditor\"", "\"seed\":\"by another\"");
    std::fs::write(dir.path().join("sample.json"), other).unwrap();
    assert!(!drawn_again_in_python(&auditor, dir.path()).status.success());
    // A selection has it, too.
    let out = world.state().join("some.zip");
    exported(&world.runner, &january(&out, &["AVL-001"], &world.key())).unwrap();
    let report = check(&out, true);
    assert!(
        report.ok() && Files::read(&out).files.contains_key(&format!("{folder}/sample.json")),
        "{}",
        wrong(&report)
    );
}

#[test]
fn a_sample_stays_as_it_was_drawn_when_more_is_sealed_or_erased_of_its_period() {
    let world = World::quiet();
    let first = Window { start: at("2026-01-01T00:00:00Z"), end: at("2026-04-01T00:00:00Z") };
    let (told, all) = ("The population is another one by now", "1 of them from what the records say of the period");
    let looked_at = |bundle: &Path| {
        let report = check(bundle, true);
        assert!(report.ok(), "{}", wrong(&report));
        let said = report.checks.iter().find(|check| check.name == "samples").unwrap();
        (said.detail.clone(), text(&Files::read(bundle), PAGE).contains(told))
    };
    world.draw(first, 2, "2026-01-05T09:00:00Z", |_| ());
    let (detail, changed) = looked_at(&world.bundle_of(first, "Test Ltd."));
    assert!(detail.ends_with(all) && !changed, "{detail}");
    world.run("2026-01-09T02:00:00Z");
    let (detail, changed) = looked_at(&world.bundle_of(first, "Test Ltd."));
    assert!(detail.ends_with(all) && changed, "a damaged backup was found since: {detail}");
    let (detail, _) = looked_at(&world.bundle());
    assert!(detail.contains("1 samples") && detail.contains(" 0 of them"), "January is not all of it: {detail}");
    let reader = world.reader();
    let verdicts = reader.records(0..u64::MAX, &Filter::kind("verdict")).map(Result::unwrap);
    let inside: Vec<u64> = verdicts.filter(|(_, record)| first.contains(record.at)).map(|(index, _)| index).collect();
    drop(reader);
    world.erase(inside[1]);
    let (detail, _) = looked_at(&world.bundle_of(first, "Test Ltd."));
    assert!(detail.ends_with(all), "what came after the draw is no part of it: {detail}");
    world.erase(inside[0]);
    let (detail, _) = looked_at(&world.bundle_of(first, "Test Ltd."));
    assert!(detail.contains("1 samples") && detail.contains(" 0 of them"), "{detail}");
}

#[test]
fn of_an_erased_sample_no_digest_is_left_by_which_its_items_could_be_guessed() {
    let world = World::new();
    let record = world.draw(period(), 3, "2026-02-11T09:00:00Z", |_| ());
    let reader = world.reader();
    let digest = |name| sha256(&reader.read_file(record, name).unwrap());
    let written: BTreeSet<Vec<u8>> = [SAMPLE, POPULATION].map(|name| digest(name).into_bytes()).into();
    let raw: BTreeSet<Vec<u8>> = written.iter().map(|digest| hex::decode(digest).unwrap()).collect();
    drop(reader);
    assert_eq!(left(&world.state(), &raw).len(), 2, "the digests are there while the files are");
    world.erase(record);
    assert!(sweep(&world.state()).unwrap());
    let sought = raw.union(&written).cloned().collect();
    assert_eq!(left(&world.state(), &sought), Vec::<String>::new());
}

#[test]
fn the_script_and_the_page_draw_again_too_and_refuse_what_the_seed_did_not_draw() {
    for lie in [false, true] {
        let world = World::new();
        world.draw(period(), 2, "2026-02-11T09:00:00Z", |draft| {
            if lie {
                draft.sample.items.swap(0, 1);
            }
        });
        let audit = Audit::of(world);
        let (fine, said) = audit.desk.python(&audit.bundle);
        let page = audit.desk.page(&audit.bundle, "");
        let words = if lie {
            "sample.json: is not what its seed draws from its population"
        } else {
            "samples: 1 drawn again from their populations"
        };
        assert_eq!((fine, said.contains(words)), (!lie, true), "{said}");
        assert_eq!((page["state"] == "accepted", page.to_string().contains(words)), (!lie, true), "{page}");
    }
}

#[test]
pub(super) fn attack_42_files_of_a_sample_that_was_drawn_after_the_period_cannot_be_withheld() {
    let world = World::new();
    let key = world.key();
    let drawn = world.draw(period(), 2, "2026-02-11T09:00:00Z", |_| ());
    let signed = world.sign("2026-Q1", "2026-04-05T09:00:00Z", |_, _| ());
    let audit = Audit::of(world);
    let (fine, said) = audit.desk.python(&audit.bundle);
    assert!(fine && said.contains("samples: 1 drawn again"), "{said}");
    assert_eq!(audit.desk.page(&audit.bundle, "")["state"], "accepted");
    for index in [drawn, signed] {
        let mut files = Files::read(&audit.bundle);
        files.drop_files(index);
        files.remanifest();
        files.sign(&key);
        let less = files.write(&audit.path("."));
        assert!(!check(&less, false).ok());
        let words = format!("data/records/{index:012}.json: its files are missing");
        let (fine, said) = audit.desk.python(&less);
        assert!(!fine && said.contains(&words), "{said}");
        let page = audit.desk.page(&less, "");
        assert!(page["state"] == "refused" && page["verdict"].as_str().unwrap().contains(&words), "{page}");
    }
}

/// What is made of a draw before it is sealed.
type Lie = fn(&mut Draft);

#[test]
fn a_sample_that_does_not_follow_is_refused() {
    /// Puts hash, draw and record right again, as somebody does who wants to be believed.
    fn drawn_anew(draft: &mut Draft, rows: u64) {
        draft.sample.population.sha256 = sha256(&draft.population);
        draft.sample.population.size = rows;
        let drawn = draw(&draft.sample.seed, &draft.population, rows, draft.sample.size);
        for (item, row) in draft.sample.items.iter_mut().zip(drawn) {
            item.row = row;
        }
    }
    let changes: [(&str, Lie, &str); 5] = [
        ("another item", |draft| draft.sample.items.swap(0, 1), "is not what its seed draws from its population"),
        (
            "another population beside it",
            |draft| draft.population.push(b'\n'),
            "is not the population that the sample names",
        ),
        (
            "a population without its last item",
            |draft| {
                let text = String::from_utf8(draft.population.clone()).unwrap();
                let cut = text.trim_end().rfind('\n').unwrap();
                draft.population.truncate(cut + 1);
                drawn_anew(draft, text.lines().count() as u64 - 2);
            },
            "is not what the verdicts of the period were about",
        ),
        (
            "another outcome",
            |draft| draft.sample.items[0].outcome = evidenced::judge::Outcome::Waived,
            "names other outcomes, verdicts or evidence",
        ),
        ("said to be whole", |draft| draft.sample.population.unread.push("x: y".into()), "names other outcomes"),
    ];
    for (what, change, words) in changes {
        let world = World::new();
        world.draw(period(), 2, "2026-02-11T09:00:00Z", |draft| {
            change(draft);
            if let evidenced::ledger::record::Body::Sample { population_size, .. } = &mut draft.body {
                *population_size = draft.sample.population.size;
            }
        });
        let report = check(&world.bundle(), true);
        let found: Vec<&str> = report.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
        assert_eq!(found, ["samples"], "{what}: {}", wrong(&report));
        assert!(wrong(&report).contains(words), "{what}: {}", wrong(&report));
    }
}

#[test]
fn nothing_is_drawn_from_a_period_without_items() {
    use evidenced::samples::{Asked, Size, draft};
    let world = World::small();
    let period = Window { start: at("2024-01-01T00:00:00Z"), end: at("2025-01-01T00:00:00Z") };
    let asked = Asked { control: "AVL-001".into(), period, seed: "x".into(), size: Size::Items(1) };
    let refused = draft(&world.reader(), &asked, at("2026-02-01T00:00:00Z")).unwrap_err();
    assert!(matches!(refused, SampleError::Nothing { .. }), "{refused}");
}
