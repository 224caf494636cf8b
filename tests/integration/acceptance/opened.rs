//! What people and their tools open: pages by a parser of HTML, the spreadsheet by openpyxl, the OSCAL document
//! by trestle and by NIST's own schema.

use super::{bundles, said};
use crate::bundle::opened::{nist, pages, trestle};
use crate::support::component;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

#[test]
fn every_page_is_well_formed_and_every_link_leads_to_something() {
    for bundle in bundles() {
        let output = pages(&bundle.folder);
        assert!(output.status.success(), "{}: {}", bundle.name, String::from_utf8_lossy(&output.stderr));
        let (_dir, changed) = bundle.changed("data/index.csv");
        fs::remove_file(changed.join("data/controls.csv")).unwrap();
        assert!(!pages(&changed).status.success(), "{}: a link that leads nowhere passes", bundle.name);
    }
}

#[test]
fn openpyxl_finds_strings_and_numbers_and_no_formula() {
    let sheets = |book: &std::path::Path| {
        said(Command::new(component(".venv/bin/python")).arg(component("tests/pages/sheets.py")).arg(book))
    };
    for bundle in bundles() {
        let (code, words) = sheets(&bundle.folder.join("data/index.xlsx"));
        assert_eq!(code, 0, "{words}");
        let book: Value = serde_json::from_str(words.split_once('\n').unwrap().1).unwrap();
        let rows = book["sheets"].as_object().unwrap().values().flat_map(|rows| rows.as_array().unwrap());
        let cells: Vec<&Value> = rows.flat_map(|row| row.as_array().unwrap()).collect();
        assert!(cells.len() > 100 && cells.iter().all(|cell| cell[0] == "s" || cell[0] == "n"), "{}", bundle.name);
        let (_dir, changed) = bundle.changed("data/index.xlsx");
        let (code, words) = sheets(&changed.join("data/index.xlsx"));
        assert_ne!(code, 0, "{words}");
    }
}

#[test]
fn trestle_and_nist_s_schema_take_the_oscal_document_and_no_bad_one() {
    for bundle in bundles() {
        let text = fs::read(bundle.folder.join("data/oscal/assessment-results.json")).unwrap();
        let mut document: Value = serde_json::from_slice(&text).unwrap();
        for (taken, words) in [trestle(&document), nist(&document)] {
            assert!(taken, "{}: {words}", bundle.name);
        }
        document["assessment-results"]["results"][0]["findings"][0]["uuid"] = json!("not-a-uuid");
        for (taken, words) in [trestle(&document), nist(&document)] {
            assert!(!taken && words.contains("uuid"), "{}: {words}", bundle.name);
        }
    }
}
